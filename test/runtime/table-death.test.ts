/**
 * Threads are terminated in the middle of writes: the table stays whole, and all others go on with it.
 *
 * Each round a thread writes for its life: inserts of three rows that belong together, rows that grow,
 * deletes, counters. It is terminated at a random moment. What must hold afterwards is told by the rows.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { SharedNames } from '../../runtime/shared-names.js';
import { firstKey, lookup, nextKey, scan } from '../../runtime/tables/row-reader.js';
import { insert, insertAll, prepare } from '../../runtime/tables/row-writer.js';
import { SharedShapes } from '../../runtime/tables/shared-shapes.js';
import { KINDS, LOCK } from '../../runtime/tables/table-entry.js';
import { TableMemory } from '../../runtime/tables/table-memory.js';
import { Tables } from '../../runtime/tables/tables.js';
import type { Pid } from '../../runtime/terms.js';

const ROUNDS = 40;
/** So many if none was terminated inside of a write yet. */
const ROUNDS_MAX = 400;
const BUILT = new URL('../../dist/runtime/', import.meta.url).href;

const WRITER = `
const { workerData, parentPort } = require('node:worker_threads');
(async () => {
  const at = (name) => import(workerData.built + name + '.js');
  const { SharedNames } = await at('shared-names');
  const { SharedShapes } = await at('tables/shared-shapes');
  const { TableMemory } = await at('tables/table-memory');
  const { Tables } = await at('tables/tables');
  const { insert, insertAll, prepare, clear } = await at('tables/row-writer');
  const { remove, updateCounter } = await at('tables/row-update');
  const { life, buffers, shapes, names, ref } = workerData;
  const tables = new Tables({
    node: 'node',
    life,
    memory: new TableMemory(buffers),
    shapes: new SharedShapes(life, shapes),
    names: new SharedNames(life, names),
  });
  const { rows } = tables.find(ref);
  parentPort.postMessage('begun');
  for (let i = 0; ; i += 1) {
    const key = i % 300;
    const text = 'x'.repeat((i * 37) % 900);
    const three = [0, 1, 2].map((part) => ['group' + part, life * 1e6 + i, text]);
    insertAll(rows, three.map((row) => prepare(rows, row, row[0])), false);
    insert(rows, [key, 0, text], key, false);
    if (i % 3 === 0) remove(rows, (key * 7) % 300, null);
    if (!rows.isBag && i % 2 === 0) updateCounter(rows, key, [{ field: 1, by: 1 }], null);
    if (i % 1000 === 999) {
      rows.begin();
      clear(rows);
      rows.end();
    }
  }
})();
`;

for (const kind of [0, 1, 2]) {
  test(`tables: ${KINDS[kind]}: survives ${ROUNDS} threads that are terminated while they write`, async () => {
    const [memory, shapes] = [new TableMemory(), new SharedShapes(1)];
    const names = new SharedNames(1, { capacity: 8 });
    const tables = new Tables({ node: 'node', life: 1, memory, shapes, names });
    const table = tables.create({
      kind,
      access: 0,
      owner: { life: 1, creator: 1, counter: 1 },
      meta: { name: null, owner: '<node.1.1>' as Pid, heir: null, key: 0, createdAt: 0 },
    });
    const { rows } = table;
    let damaged = 0;
    for (let round = 0; round < (damaged > 0 ? ROUNDS : ROUNDS_MAX); round += 1) {
      const life = round + 2;
      const writer = new Worker(WRITER, {
        eval: true,
        workerData: {
          built: BUILT,
          life,
          buffers: memory.buffers,
          shapes: shapes.buffer,
          names: names.buffer,
          ref: table.ref,
        },
      });
      await once(writer, 'message');
      const until = performance.now() + Math.random() * 8;
      while (performance.now() < until) lookup(rows, 7);
      await writer.terminate();
      if (Atomics.load(rows.cells, rows.at + LOCK) === life) damaged += 1;
      tables.bury(2, life);
      checkWhole();
    }
    expect(damaged, 'no thread was ever terminated inside of a write').toBeGreaterThan(0);
    tables.delete(table);
    for (let chunk = 1; chunk < memory.chunks; chunk += 1) expect(memory.kindOf(chunk)).toBe(0);

    function checkWhole(): void {
      const found = scan(rows, 'start', null, Number.POSITIVE_INFINITY).found;
      expect(found.length).toBe(rows.size);
      const three = found.filter(({ row }) => String((row as unknown[])[0]).startsWith('group'));
      const byPart = [0, 1, 2].map((part) =>
        three
          .map(({ row }) => row as [string, number, string])
          .filter(([key]) => key === `group${part}`)
          .map(([, value, text]) => `${value} ${text.length}`)
          .sort(),
      );
      expect(byPart[1]).toEqual(byPart[0]);
      expect(byPart[2]).toEqual(byPart[0]);
      let keys = 0;
      for (let key = firstKey(rows); key !== undefined; key = nextKey(rows, key)?.key) keys += 1;
      if (!rows.isBag) expect(keys).toBe(rows.size);
      // It is as usable as before.
      insert(rows, ['probe', 1, 'y'.repeat(2000)], 'probe', false);
      const many = [1, 2, 3].map((part) => prepare(rows, [`probe${part}`, 0, ''], `probe${part}`));
      expect(insertAll(rows, many, false)).toBe(true);
      if (!rows.isBag) expect(lookup(rows, 'probe')).toEqual(['probe', 1, 'y'.repeat(2000)]);
    }
  }, 120_000);
}
