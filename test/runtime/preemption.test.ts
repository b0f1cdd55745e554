/** Nothing that module code does in JavaScript keeps others from running, or from ending it. */

import { fileURLToPath } from 'node:url';
import { startVm, type Vm } from 'tsvm/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checksum, kinds } from './modules/hogs-kinds.js';

const MODULES = fileURLToPath(new URL('modules', import.meta.url));
let one: Vm;
let two: Vm;
const logs: string[] = [];

beforeAll(async () => {
  const options = { modules: MODULES, dirtyThreads: 1, logger: false } as const;
  one = await startVm({ ...options, schedulers: 1 });
  two = await startVm({ ...options, schedulers: 2 });
  one.on('log', ({ text }) => logs.push(text));
});

afterAll(async () => {
  await one?.stop();
  await two?.stop();
});

describe.each(kinds())('kill: %s', (kind) => {
  test('from the same scheduler', async () => {
    expect(await one.run('hogs', 'killOne', [kind, 1])).toMatchObject({ reason: 'killed' });
  });
  test('from another scheduler', async () => {
    expect(await two.run('hogs', 'killOne', [kind, 2], { scheduler: 1 })).toMatchObject({
      reason: 'killed',
    });
  });
});

test.each(['plainLoop', 'heldLoop', 'asyncLoop', 'plainUnderAsync', 'recursive', 'sorting'])(
  'a 1 ms ticker goes on beside 1 and 8 of %s',
  async (kind) => {
    for (const count of [1, 8]) {
      expect(await one.run('hogs', 'tickBeside', [kind, count])).toBeGreaterThan(5);
    }
  },
);

test('messages go to and fro while a plain loop holds the stack', async () => {
  const expected = Array.from({ length: 100 }, (_, n) => n + 1);
  expect(await one.run('hogs', 'talkBeside', ['plainLoop'])).toEqual(expected);
  expect(await one.run('hogs', 'talkBeside', ['catching'])).toEqual(expected);
});

test('results are right, however often the computation was preempted', async () => {
  const rounds = 30_000;
  const results = await one.run('hogs', 'computeTogether', [6, rounds]);
  expect(results).toEqual(new Array(6).fill(checksum(rounds)));
});

test('two processes that spin in plain code and stop in between both go on', async () => {
  const seen = (await one.run('hogs', 'twoSpinners')) as number[];
  expect(seen.slice(0, 12)).toContain(0);
  expect(seen.slice(0, 12)).toContain(1);
});

test('two endless async processes get the same share', async () => {
  for (const kind of ['asyncLoop', 'asyncAfterAwait', 'asyncInAsync']) {
    const [a, b] = (await one.run('hogs', 'shares', [kind])) as [number, number];
    expect(Math.min(a, b) / Math.max(a, b)).toBeGreaterThan(0.5);
  }
});

test('a stack overflow stays the RangeError of who caused it, and nothing else breaks', async () => {
  expect(await one.run('hogs', 'overflowBeside')).toEqual({
    count: 20,
    errors: ['Maximum call stack size exceeded'],
    answer: 2,
    reasons: ['killed', 'killed'],
  });
});

test('an async function that is called runs to its first await before its caller goes on', async () => {
  expect(await one.run('hogs', 'orderKept')).toEqual([100_000, 100_000]);
});

test('code between two awaits stays atomic within its process', async () => {
  expect(await one.run('hogs', 'atomic')).toBeGreaterThan(0);
});

test('the stack of a process that crashes on top of a preempted one is its own', async () => {
  const { stack } = (await one.run('hogs', 'crashUnderHog')) as { stack: string };
  expect(stack).toContain('crashing');
  expect(stack).not.toContain('heldLoop');
});

test('the figures of a scheduler that a plain loop holds are those of now', async () => {
  const before = (await one.stats()).schedulers[0];
  const pid = await one.spawn('hogs', 'heldLoop');
  await expect
    .poll(async () => (await one.stats()).schedulers[0]?.reductions, { timeout: 10_000 })
    .toBeGreaterThan((before?.reductions ?? 0) + 100_000);
  const { processes, utilisation } = (await one.stats()).schedulers[0] ?? {};
  expect(processes).toBe(1);
  expect(utilisation).toBeGreaterThan(0);
  expect(await one.shutdown(pid, 'kill')).toBe(true);
});

test('a machine stops while plain loops hold all of its schedulers', async () => {
  const vm = await startVm({ modules: MODULES, schedulers: 2, dirtyThreads: 1, logger: false });
  for (const scheduler of [1, 2]) await vm.spawn('hogs', 'heldLoop', [], { scheduler });
  await vm.stop();
});

test.each([1, 2])(
  'the host program is answered under a plain loop, scheduler %i',
  async (scheduler) => {
    const held = await two.spawn('hogs', 'heldLoop', [], { scheduler });
    // That one is on the stack, below all that follows.
    expect(await two.run('hogs', 'checksumOf', [10], { scheduler })).toBe(checksum(10));
    const echo = await two.spawn('hogs', 'answering', [], { scheduler });
    expect(await two.call(echo, 1)).toBe(2);
    const taken: unknown[] = [];
    const mailbox = await two.mailbox((message) => taken.push(message));
    for (const n of [1, 2, 3]) await two.send(mailbox, n);
    await expect.poll(() => taken).toEqual([1, 2, 3]);
    const { exited } = await two.spawnMonitor('hogs', 'crashing', [], { scheduler });
    expect(await exited).toMatchObject({ name: 'TypeError' });
    await expect(two.run('hogs', 'crashing', [], { scheduler })).rejects.toThrow('mine');
    expect((await two.stats()).schedulers[scheduler - 1]?.heapBytes).toBeGreaterThan(0);
    for (const pid of [echo, mailbox, held]) expect(await two.shutdown(pid, 'kill')).toBe(true);
  },
);

test('a scheduler that is replaced joins while a plain loop holds another one', async () => {
  const vm = await startVm({ modules: MODULES, schedulers: 2, dirtyThreads: 1, logger: false });
  const held = await vm.spawn('hogs', 'heldLoop', [], { scheduler: 1 });
  const up = new Promise((resolve) => vm.on('schedulerUp', resolve));
  await vm.spawn('scheduler-death', 'culprit', ['native'], { scheduler: 2 });
  await up;
  expect(await vm.run('hogs', 'checksumOf', [10], { scheduler: 2 })).toBe(checksum(10));
  expect(await vm.shutdown(held, 'kill')).toBe(true);
  await vm.stop();
});

test('nothing of all that is left', async () => {
  for (const vm of [one, two]) {
    const { schedulers } = await vm.stats();
    expect(schedulers.map(({ processes }) => processes)).toEqual(schedulers.map(() => 0));
  }
});

test('plain code that runs for more than a second is named with its line', async () => {
  await one.run('hogs', 'slowPlain');
  await one.run('hogs', 'slowPlain');
  const found = logs.filter((text) => text.includes('spinning'));
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(/hogs\.ts:\d+/);
  expect(found[0]).toContain('dirty');
});
