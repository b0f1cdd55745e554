/** Tables on disc: what is there when the machine starts again. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestVm } from '../support/section.js';

let data = '';
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'tsvm-db-'));
});
afterEach(async () => {
  await rm(data, { recursive: true, force: true });
});

test('disc tables: the machine stops and starts again: every record is there', async () => {
  for (const [from, to] of [
    [0, 3],
    [3, 5],
  ]) {
    const vm = await startTestVm({ data });
    await vm.run('db-disc', 'write', [from, to]);
    await vm.stop();
  }
  const vm = await startTestVm({ data, schedulers: 2 });
  for (const scheduler of [1, 2]) {
    expect(await vm.run('db-disc', 'look', [], { scheduler })).toEqual({
      notes: [0, 1, 2, 3, 4],
      odd: [1, 3],
      others: 5,
      made: 0,
    });
  }
  await vm.stop();
  expect(await readdir(join(data, 'db', 'log'))).toHaveLength(1);
});

test('disc tables: a second machine in the folder: refused, with the pid of the first', async () => {
  const first = await startTestVm({ data });
  await first.run('db-disc', 'write', [0, 1]);
  const second = await startTestVm({ data });
  await expect(second.run('db-disc', 'look')).rejects.toThrow(`pid ${process.pid}`);
  await second.stop();
  await first.stop();
  const third = await startTestVm({ data });
  expect(await third.run('db-disc', 'look')).toMatchObject({ notes: [0] });
  await third.stop();
});

test('disc tables: copies and compactions under load: each copy is whole, and nothing is lost', async () => {
  const vm = await startTestVm({ data, schedulers: 2 });
  let isOver = false;
  const churned = vm.run('db-disc', 'churn', [8], { scheduler: 2 }).finally(() => {
    isOver = true;
  });
  let copies = 0;
  for (; !isOver; copies++) {
    const copied = vm.backup(join(data, `copy${copies}`));
    await vm.compact();
    expect((await copied).problems).toEqual([]);
  }
  expect(copies).toBeGreaterThan(0);
  const rows = await churned;
  expect(rows).toBe(50 - 17);
  await vm.stop();
  const again = await startTestVm({ data });
  expect(await again.run('db-disc', 'look')).toMatchObject({ others: rows });
  await again.stop();
}, 240_000);
