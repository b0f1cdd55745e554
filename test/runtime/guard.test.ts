/** Code without a check ends its own process, and nothing else. */

import { fileURLToPath } from 'node:url';
import { startVm, type Vm } from 'tsvm/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Ended } from './modules/stuck.js';

const MODULES = fileURLToPath(new URL('modules', import.meta.url));
/** V8 13.8 got a `JSON.stringify` that cannot be interrupted; it counts as other native code then. */
const [major = 0, minor = 0] = process.versions.v8.split('.').map(Number);
const STRINGIFY_ENDS = major < 13 || (major === 13 && minor < 8);
const KINDS = [
  'regex',
  'regexInAsync',
  'nativeSort',
  ...(STRINGIFY_ENDS ? ['stringify'] : []),
  'waiting',
  'packageSpins',
  'messageGetter',
  'matching',
];
const GUARDED = {
  reason: { kind: 'error', name: 'GuardError', reason: 'guard' },
  log: [],
  answers: 10,
};
let one: Vm;
let two: Vm;
const logs: string[] = [];
const crashes: unknown[] = [];

beforeAll(async () => {
  const options = { modules: MODULES, dirtyThreads: 1, guardMs: 50, logger: false } as const;
  one = await startVm({ ...options, schedulers: 1 });
  two = await startVm({ ...options, schedulers: 2 });
  one.on('log', ({ text }) => logs.push(text));
  one.on('crash', (report) => crashes.push(report));
  two.on('schedulerDown', (down) => crashes.push(down));
  one.on('schedulerDown', (down) => crashes.push(down));
});

afterAll(async () => {
  await one?.stop();
  await two?.stop();
});

describe.each(KINDS)('guard: %s', (kind) => {
  test('ends without its catch and finally; the neighbour answers', async () => {
    const ended = (await one.run('stuck', 'ended', [kind, 1])) as Ended;
    expect(ended).toMatchObject(GUARDED);
    expect(ended.ms).toBeLessThan(2000);
    expect((ended.reason as { message: string }).message).toMatch(/50 ms.*dirty\(\)/);
  });
  test('ends on another scheduler', async () => {
    expect(await two.run('stuck', 'ended', [kind, 2], { scheduler: 1 })).toMatchObject(GUARDED);
  });
  test('ends on top of a plain loop, which goes on', async () => {
    expect(await one.run('stuck', 'endedOnTop', [kind])).toMatchObject({
      ...GUARDED,
      hog: 'killed',
    });
  });
});

test('guard: the reason names the line of the source', async () => {
  const { reason } = (await one.run('stuck', 'ended', ['regex', 1])) as Ended;
  const { message, stack } = reason as { message: string; stack: string };
  expect(stack).toMatch(/backtrack \(.*stuck\.ts:\d+:\d+\)/);
  expect(stack).toMatch(/regex \(.*stuck\.ts:\d+:\d+\)/);
  expect(stack).not.toMatch(/guard\.js|node:inspector|scheduler\.js/);
  expect(message).toMatch(/backtrack \(.*stuck\.ts:\d+/);
});

test('guard: messages to other schedulers stay whole when one is stuck half written', async () => {
  expect(await two.run('stuck', 'endedInMessage', [], { scheduler: 1 })).toMatchObject(GUARDED);
});

test('guard: a close that spins does not keep the others from being closed', async () => {
  const ended = (await one.run('stuck', 'endedInClose')) as Ended;
  expect(ended).toMatchObject({ answers: 10, log: ['closed the first'] });
});

test('guard: native code that cannot be interrupted is named with its line', async () => {
  expect(await one.run('stuck', 'holdNatively')).toBe('through');
  const found = (): string[] => logs.filter((text) => text.includes('holdNatively'));
  await expect.poll(found).toHaveLength(1);
  expect(found()[0]).toMatch(/held scheduler 1 for \d+ ms.*stuck\.ts:\d+.*dirty\(\)/);
});

test('guard: slow code with checks is let alone', async () => {
  expect(await one.run('stuck', 'slowButCounted')).toBeGreaterThan(0);
});

test('guard: a sort with a comparator of the user has checks', async () => {
  expect(await one.run('stuck', 'tickBesideSort')).toBeGreaterThan(1);
});

test('guard: off with guardMs 0, and its limit is checked', async () => {
  await expect(startVm({ guardMs: 3 })).rejects.toThrow(/guardMs: expected a whole number from 10/);
  const vm = await startVm({ modules: MODULES, schedulers: 1, guardMs: 0, logger: false });
  expect(await vm.run('stuck', 'waitNatively')).toBe('timed-out');
  await vm.stop();
});

test('guard: crashes are reported, no thread was lost, nothing is left', async () => {
  expect(crashes.length).toBeGreaterThan(10);
  expect(crashes.filter((crash) => 'cause' in (crash as object))).toEqual([]);
  for (const vm of [one, two]) {
    const { schedulers } = await vm.stats();
    expect(schedulers.map(({ processes, life, slot }) => [processes, life - slot])).toEqual(
      schedulers.map(() => [0, 0]),
    );
  }
});
