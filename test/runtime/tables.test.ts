import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SharedNames } from '../../runtime/shared-names.js';
import {
  firstKey,
  lookup,
  lookupAll,
  member,
  nextKey,
  scan,
} from '../../runtime/tables/row-reader.js';
import { remove, take, updateCounter } from '../../runtime/tables/row-update.js';
import { clear, exhume, insert, insertAll, prepare } from '../../runtime/tables/row-writer.js';
import type { Rows } from '../../runtime/tables/rows.js';
import { SharedShapes } from '../../runtime/tables/shared-shapes.js';
import type { Table } from '../../runtime/tables/table.js';
import { KINDS, LOCK } from '../../runtime/tables/table-entry.js';
import { TableMemory } from '../../runtime/tables/table-memory.js';
import { Tables } from '../../runtime/tables/tables.js';
import { DAMAGED } from '../../runtime/tables/thread-lock.js';
import { compareTerms, equalTerms } from '../../runtime/term-order.js';
import type { Pid } from '../../runtime/terms.js';
import { difference, messages } from './message-values.js';

const NODE = 'node';

/** The tables of a machine as several threads see them: each has its own view of the same memory. */
function threads(count: number): Tables[] {
  const memory = new TableMemory();
  const shapes = new SharedShapes(1);
  const names = new SharedNames(1, { capacity: 64 });
  return Array.from(
    { length: count },
    (_, index) =>
      new Tables({
        node: NODE,
        life: index + 1,
        memory: index === 0 ? memory : new TableMemory(memory.buffers),
        shapes: index === 0 ? shapes : new SharedShapes(index + 1, shapes.buffer),
        names: index === 0 ? names : new SharedNames(index + 1, names.buffer),
      }),
  );
}

function create(tables: Tables, kind: number, key: string | number = 0): Table {
  return tables.create({
    kind,
    access: 0,
    owner: { life: 1, creator: 1, counter: 1 },
    meta: { name: null, owner: '<node.1.1>' as Pid, heir: null, key, createdAt: 0 },
  });
}

/** The table of one thread, seen by another. */
function seenBy(tables: Tables, table: Table): Rows {
  return tables.find(table.ref).rows;
}

type Row = [key: unknown, count: number, value: unknown];

/** The model: a list of rows in the order of insertion. */
class Model {
  rows: Row[] = [];
  readonly kind: number;

  constructor(kind: number) {
    this.kind = kind;
  }

  of(key: unknown): Row[] {
    return this.rows.filter((row) => equalTerms(row[0], key));
  }

  insert(row: Row): void {
    const copied = structuredClone(row);
    if (this.kind < 2) {
      const index = this.rows.findIndex((each) => equalTerms(each[0], row[0]));
      if (index >= 0) this.rows[index] = copied;
      else this.rows.push(copied);
    } else if (this.kind === 3 || !this.rows.some((each) => equalTerms(each, row))) {
      this.rows.push(copied);
    }
  }

  remove(test: (row: Row) => boolean): Row[] {
    const gone = this.rows.filter(test);
    this.rows = this.rows.filter((row) => !test(row));
    return gone;
  }
}

const keys = fc.oneof(
  fc.integer({ min: -3, max: 12 }),
  fc.constantFrom<unknown>(-0, 1.5, 2 ** 40, Number.NaN, 'a', 'b', 'ключ', null, 3n, [1], [1, 'x']),
  fc.constantFrom<unknown>({ a: 1, b: 2 }, { b: 2, a: 1 }, new Date(5), new Uint8Array([1])),
);
const values = fc.oneof(
  fc.integer({ max: 3, min: 0 }),
  fc.string({ maxLength: 40 }),
  fc.constantFrom<unknown>({ deep: [1, { x: 'y' }] }, 'x'.repeat(9000), new Map([[1, [2]]])),
);
const rowsOf = fc.tuple(keys, fc.integer({ min: 0, max: 2 }), values) as fc.Arbitrary<Row>;

type Step =
  | {
      readonly do: 'insert';
      readonly rows: Row[];
      readonly thread: number;
      readonly fresh: boolean;
    }
  | { readonly do: 'delete' | 'take' | 'count'; readonly key: unknown; readonly thread: number }
  | { readonly do: 'deleteObject'; readonly row: Row; readonly thread: number }
  | { readonly do: 'clear' | 'damage' | 'fix' | 'unfix'; readonly thread: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('insert' as const),
      rows: fc.array(rowsOf, { minLength: 1, maxLength: 4 }),
      thread: fc.nat(1),
      fresh: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('delete' as const, 'take' as const, 'count' as const),
      key: keys,
      thread: fc.nat(1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('deleteObject' as const),
      row: rowsOf,
      thread: fc.nat(1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('clear' as const, 'damage' as const, 'fix' as const, 'unfix' as const),
      thread: fc.nat(1),
    }),
  },
);

function run(step: Step, views: readonly Rows[], tables: readonly Table[], model: Model): void {
  const rows = views[step.thread] as Rows;
  switch (step.do) {
    case 'insert': {
      const taken = step.rows.some(([key]) => model.of(key).length > 0);
      const [first] = step.rows;
      const inserted =
        step.rows.length === 1
          ? insert(rows, first, (first as Row)[0], step.fresh)
          : insertAll(
              rows,
              step.rows.map((row) => prepare(rows, row, row[0])),
              step.fresh,
            );
      expect(inserted).toBe(!(step.fresh && taken));
      if (inserted) for (const row of step.rows) model.insert(row);
      return;
    }
    case 'delete':
      expect(remove(rows, step.key, null)).toBe(
        model.remove(([key]) => equalTerms(key, step.key)).length,
      );
      return;
    case 'take':
      expect(take(rows, step.key)).toEqual(model.remove(([key]) => equalTerms(key, step.key)));
      return;
    case 'count': {
      if (rows.isBag) return;
      const [row] = model.of(step.key);
      if (row !== undefined) row[1] += 2 ** 26;
      const expected = row === undefined ? null : [row[1]];
      expect(updateCounter(rows, step.key, [{ field: 1, by: 2 ** 26 }], null)).toEqual(expected);
      return;
    }
    case 'deleteObject':
      expect(remove(rows, step.row[0], { row: step.row })).toBe(
        model.remove((row) => equalTerms(row, step.row)).length,
      );
      return;
    case 'clear':
      rows.begin();
      clear(rows);
      rows.end();
      model.rows = [];
      return;
    case 'damage':
      // As when a thread died with the lock: the next one repairs.
      Atomics.store(rows.cells, rows.at + LOCK, DAMAGED);
      Atomics.or(rows.cells, rows.at + 3, 1);
      return;
    default: {
      const table = tables[step.thread] as Table;
      const isFix = step.do === 'fix';
      if (!isFix && table.fixed === 0) return;
      rows.begin();
      table.countFix(1, isFix ? 1 : -1);
      if (table.fixed === 0) exhume(rows);
      rows.end();
    }
  }
}

function check(rows: Rows, model: Model): void {
  expect(rows.size).toBe(model.rows.length);
  const found = scan(rows, 'start', null, Number.POSITIVE_INFINITY).found.map(
    ({ row }) => row as Row,
  );
  const sorted = [...model.rows].sort((a, b) => compareTerms(a[0], b[0]));
  if (rows.isOrdered) expect(found).toEqual(sorted);
  else expect([...found].sort(compareTerms)).toEqual([...model.rows].sort(compareTerms));
  const seen: unknown[] = [];
  for (let key = firstKey(rows); key !== undefined; key = nextKey(rows, key)?.key) {
    seen.push(key);
    expect(seen.length).toBeLessThanOrEqual(model.rows.length);
    expect(member(rows, key)).toBe(true);
    if (rows.isBag) expect(lookupAll(rows, key)).toEqual(model.of(key));
    else expect(lookup(rows, key)).toEqual(model.of(key)[0]);
  }
  const distinct = sorted.filter((row, index) => !equalTerms(row[0], sorted[index - 1]?.[0]));
  expect(seen.length).toBe(distinct.length);
}

for (const [kind, name] of KINDS.entries()) {
  test(`tables: ${name} behaves as its model, on two threads, also after deaths inside of writes`, () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), (plan) => {
        const [here, there] = threads(2) as [Tables, Tables];
        const table = create(here, kind);
        const far = there.find(table.ref);
        const views = [table.rows, far.rows];
        const model = new Model(kind);
        for (const step of plan) {
          run(step, views, [table, far], model);
          check(views[1 - step.thread] as Rows, model);
        }
        check(table.rows, model);
        here.delete(table);
        expect(() => lookup(far.rows, 1)).toThrow(/does not exist/);
        for (let chunk = 1; chunk < here.memory.chunks; chunk += 1) {
          expect(here.memory.kindOf(chunk)).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
}

test('tables: what was inserted comes out as a copy of it, whatever it is', () => {
  const [here, there] = threads(2) as [Tables, Tables];
  const table = create(here, 0);
  fc.assert(
    fc.property(messages, (value) => {
      const row = [1, value];
      let expected: unknown;
      try {
        expected = structuredClone(row);
      } catch {
        return;
      }
      insert(table.rows, row, 1, false);
      expect(difference(lookup(seenBy(there, table), 1), expected)).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

test('tables: a hundred thousand rows are found on both threads, and the memory is given back', () => {
  const [here, there] = threads(2) as [Tables, Tables];
  const table = create(here, 0);
  const count = 100_000;
  for (let key = 0; key < count; key += 1) {
    insert(table.rows, [key, 0, key % 100, 'sixteen bytes...'], key, false);
  }
  const far = seenBy(there, table);
  expect(far.size).toBe(count);
  for (let key = 0; key < count; key += 997) {
    expect(lookup(far, key)).toEqual([key, 0, key % 100, 'sixteen bytes...']);
  }
  expect(here.memory.chunksOf(table.rows.table) * 8192).toBeLessThan(count * 120);
  for (let key = 0; key < count; key += 1) expect(remove(far, key, null)).toBe(1);
  expect(table.rows.size).toBe(0);
  const left = here.memory.chunksOf(table.rows.table);
  table.rows.begin();
  clear(table.rows);
  table.rows.end();
  expect(here.memory.chunksOf(table.rows.table)).toBeLessThan(left);
  insert(far, [1, 2], 1, false);
  expect(lookup(table.rows, 1)).toEqual([1, 2]);
});
