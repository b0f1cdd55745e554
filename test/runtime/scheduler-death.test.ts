/**
 * A scheduler thread dies: its processes are reported dead with the reason, names are free, another
 * thread takes its place, and the rest of the machine goes on.
 */
import { fileURLToPath } from 'node:url';
import { startVm, type Vm, type VmOptions } from 'tsvm/vm';
import { afterEach, describe, expect, test } from 'vitest';
import { census } from '../support/section.js';
import type { Sighting } from './modules/scheduler-death.js';
import type { Aftermath } from './modules/table-writers.js';

const MODULES = fileURLToPath(new URL('./modules', import.meta.url));
const M = 'scheduler-death';
const HOME = { scheduler: 1 };
/** How long the others may take to hear of it. */
const NOTICE_MS = 1000;

let vm: Vm | undefined;

async function start(options: VmOptions = {}): Promise<Vm> {
  vm = await startVm({
    modules: MODULES,
    schedulers: 3,
    dirtyThreads: 1,
    logger: false,
    ...options,
  });
  return vm;
}

afterEach(async () => {
  await vm?.stop();
  vm = undefined;
});

/** The next event of that name. */
function nextEvent<E extends 'schedulerDown' | 'schedulerUp'>(
  machine: Vm,
  event: E,
): Promise<{ readonly slot: number; readonly life: number; readonly at: number }> {
  return new Promise((resolve) => {
    const stop = machine.on(event, ({ slot, life }) => {
      stop();
      resolve({ slot, life, at: Date.now() });
    });
  });
}

const down = (scheduler: number, cause: RegExp): unknown => ({
  kind: 'scheduler_down',
  scheduler,
  cause: expect.stringMatching(cause),
});

describe.each([
  { cause: 'native', text: /thrown in a native callback/ },
  { cause: 'heap', text: /heap memory/ },
])('death by $cause', ({ cause, text }) => {
  test(`links and monitors elsewhere see scheduler_down, names are free [${cause}]`, async () => {
    const machine = await start({ schedulerHeapMb: 64 });
    const idle = await census(machine);
    const died = nextEvent(machine, 'schedulerDown');
    const replaced = nextEvent(machine, 'schedulerUp');
    const seen = await machine.run<Sighting>(M, 'observe', [cause, 2, 3], HOME);
    const reason = down(2, text);
    expect(seen).toMatchObject({
      down: reason,
      exit: reason,
      culprit: reason,
      call: reason,
      nameAfter: null,
      aliveAfter: false,
      infoAfter: false,
      monitorAfter: 'noproc',
      linkAfter: 'noproc',
      timerAfter: [false, false],
      neighbour: 'still there?',
    });
    expect(await died).toMatchObject({ slot: 2, life: 2 });
    expect(Math.abs(seen.seenAt - (await died).at)).toBeLessThan(NOTICE_MS);
    expect((await replaced).slot).toBe(2);
    expect(await machine.run(M, 'reuseName', ['on the thread that dies'], HOME)).toEqual([
      'on the thread that dies',
    ]);
    await expect.poll(() => census(machine)).toEqual(idle);
  });

  test(`a replacement takes new processes and has the modules [${cause}]`, async () => {
    const machine = await start({ schedulerHeapMb: 64 });
    await machine.run(M, 'observe', [cause, 2, 3], HOME);
    const { slot, pid } = await machine.run<{ slot: number; pid: string }>(M, 'spawnOn', [2], HOME);
    expect(slot).toBe(2);
    const { schedulers } = await machine.stats();
    expect(schedulers.map((one) => one.slot)).toEqual([1, 2, 3]);
    const { life } = schedulers[1] as { life: number };
    expect(life).toBeGreaterThan(3); // a life of its own: no old pid can be taken for a new one
    expect(pid).toMatch(new RegExp(`^<[a-z0-9]+\\.${life}\\.\\d+>$`));
  });
});

test('a life that dies again and again is replaced each time, and leaves nothing', async () => {
  const machine = await start();
  const idle = await census(machine);
  const lives = new Set<number>();
  for (let round = 0; round < 4; round++) {
    const replaced = nextEvent(machine, 'schedulerUp');
    await machine.run(M, 'observe', ['native', 2, 3], HOME);
    lives.add((await replaced).life);
    await machine.run(M, 'spawnOn', [2], HOME);
  }
  expect(lives.size).toBe(4);
  await expect.poll(() => census(machine)).toEqual(idle);
});

test('a thread dies while it writes: the table is whole, others go on, and so does the next thread', async () => {
  const machine = await start({ schedulerHeapMb: 64 });
  const left = await machine.run<Aftermath>('table-writers', 'writeWhileDying', [2, 3], HOME);
  expect(left).toMatchObject({
    reason: down(2, /heap memory/),
    isWhole: true,
    replacementRounds: 100,
    size: 0,
  });
  expect(left.doomedRounds).toBeGreaterThan(0);
  expect(left.survivorRounds).toBeGreaterThan(0);
});

test('two threads die at the same moment: both are seen and replaced', async () => {
  const machine = await start();
  const ups: number[] = [];
  machine.on('schedulerUp', ({ slot }) => ups.push(slot));
  const seen = await Promise.all([
    machine.run<Sighting>(M, 'observe', ['native', 2, 1], HOME),
    machine.run<Sighting>(M, 'crowd', [1, 3], HOME),
  ]);
  expect(seen[0].down).toEqual(down(2, /native callback/));
  await expect.poll(() => [...ups].sort(), { timeout: 5000 }).toEqual([2, 3]);
  expect(await machine.run(M, 'spawnOn', [2], HOME)).toMatchObject({ slot: 2 });
  expect(await machine.run(M, 'spawnOn', [3], HOME)).toMatchObject({ slot: 3 });
});

test('only what lived on the dead thread is lost, and each watcher hears exactly once', async () => {
  const machine = await start();
  const idle = await census(machine);
  expect(await machine.run(M, 'crowd', [3, 2], HOME)).toEqual({
    scheduler_down: 100,
    killed: 200,
    exits: 150,
  });
  await expect.poll(() => census(machine)).toEqual(idle);
});

test('the only scheduler dies: what the host waits for fails, and the machine works again', async () => {
  const machine = await start({ schedulers: 1 });
  const replaced = nextEvent(machine, 'schedulerUp');
  await expect(machine.run(M, 'culprit', ['native'])).rejects.toThrow(/scheduler 1 died/);
  // At once: it may have to wait for the new thread, but it must find the modules there.
  expect(await machine.run(M, 'slot')).toBe(1);
  expect((await replaced).slot).toBe(1);
});

test('an error in a timer callback ends the thread too, with its message and line', async () => {
  const machine = await start({ schedulers: 1 });
  const causes: string[] = [];
  machine.on('schedulerDown', ({ cause }) => causes.push(cause));
  await expect(machine.run(M, 'throwsInATimer')).rejects.toThrow(/thrown in a timer/);
  await expect.poll(() => causes.length).toBe(1);
  expect(causes[0]).toMatch(/RangeError: thrown in a timer/);
  expect(causes[0]).toMatch(/scheduler-death\.ts:\d+/);
});

test('a rejected promise that nobody awaits is logged; the thread and its processes live', async () => {
  const machine = await start({ schedulers: 1 });
  const logged: string[] = [];
  machine.on('log', ({ level, text }) => {
    if (level === 'error') logged.push(text);
  });
  expect(await machine.run(M, 'rejectsUnawaited')).toBe('lives');
  await expect.poll(() => logged.join('\n')).toMatch(/nobody awaits this promise/);
  expect((await machine.stats()).schedulers[0]?.life).toBe(1);
});

test('process.exit in a module ends the calling process alone, with a clear reason', async () => {
  const machine = await start();
  const { reason, neighbour } = await machine.run<{ reason: unknown; neighbour: boolean }>(
    M,
    'callProcessExit',
    [2],
    HOME,
  );
  expect(reason).toMatchObject({
    kind: 'error',
    reason: 'process_exit',
    message: expect.stringMatching(/process\.exit\(3\) was called/),
    stack: expect.stringMatching(/scheduler-death\.ts:\d+/),
  });
  expect(neighbour).toBe(true);
  expect((await machine.stats()).schedulers.map((one) => one.life)).toEqual([1, 2, 3]);
});
