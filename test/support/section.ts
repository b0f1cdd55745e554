/**
 * Runs one section of the semantic tests: the functions that a module under test/otp/modules exports,
 * each as a process, in both placements (one scheduler; two, where the peers live on the other one).
 *
 * Invariants:
 *  1. Every exported function whose name begins with `s` and a digit has a title: the type of `section`
 *     asks for exactly these keys, so none can be forgotten.
 *  2. After each test the machine is as it was: no process, timer, monitor or name is left.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startVm, type Vm, type VmOptions } from 'tsvm/vm';
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';

/** A scheduler layout: how many there are, and where the peers of the test process live. */
export interface Placement {
  readonly name: string;
  readonly schedulers: number;
  readonly peer: number;
}

export const ONE_SCHEDULER: Placement = { name: 'one scheduler', schedulers: 1, peer: 1 };
export const TWO_SCHEDULERS: Placement = { name: 'two schedulers', schedulers: 2, peer: 2 };
export const THREE_SCHEDULERS: Placement = { name: 'three schedulers', schedulers: 3, peer: 2 };

/** The folder of the test processes' code. */
export const MODULES: string = fileURLToPath(new URL('../otp/modules', import.meta.url));

/** The test process itself always runs here; the peers run where the placement says. */
const TEST_SLOT = 1;

/** How long what a test left behind may take to go away. */
const SETTLE_MS = 15_000;

/** How long the clean-up after a failed test may take. */
const REAP_MS = 3000;

type TestName = `s${number}_${string}`;
type TestNames<M> = Extract<keyof M, TestName>;

/** A machine for tests: silent, and with the modules of the sections. */
export function startTestVm(options: VmOptions = {}): Promise<Vm> {
  return startVm({ modules: MODULES, schedulers: 1, dirtyThreads: 1, logger: false, ...options });
}

/** Runs a function of a module as a process on the first scheduler; fails with its exit reason. */
export function runProcess(vm: Vm, module: string, fn: string, args: unknown[]): Promise<unknown> {
  return vm.run(module, fn, args, { scheduler: TEST_SLOT });
}

/** What must not grow: everything the machine keeps for living processes. */
export async function census(vm: Vm): Promise<Record<string, number>> {
  for (;;) {
    const { schedulers, names } = await vm.stats();
    // A thread that is too busy to answer is shown with -1.
    if (schedulers.some(({ timers }) => timers < 0)) continue;
    const sum = (pick: (one: (typeof schedulers)[number]) => number) =>
      schedulers.reduce((total, one) => total + pick(one), 0);
    return {
      processes: sum((one) => one.processes),
      timers: sum((one) => one.timers),
      monitors: sum((one) => one.monitors),
      aliases: sum((one) => one.aliases),
      requests: sum((one) => one.requests),
      names,
    };
  }
}

/** Waits until the census is as it was when idle; fails with the difference if that does not come. */
export async function expectNothingLeft(
  vm: Vm,
  idle: Readonly<Record<string, number>>,
): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const now = await census(vm);
    if (JSON.stringify(now) === JSON.stringify(idle)) return;
    if (Date.now() > deadline) expect(now).toEqual(idle);
  }
}

/** A machine, and what it held when nothing had run on it yet. */
export interface TestVm {
  readonly vm: Vm;
  readonly idle: Readonly<Record<string, number>>;
}

/** A machine for all tests of one describe block. */
export function useVm(placement: Placement, options: VmOptions = {}): () => TestVm {
  let started: TestVm | undefined;
  beforeAll(async () => {
    const vm = await startTestVm({ schedulers: placement.schedulers, ...options });
    started = { vm, idle: await census(vm) };
  });
  afterAll(async () => {
    await started?.vm.stop();
  });
  return () => {
    if (started === undefined) throw new Error('the machine did not start');
    return started;
  };
}

/** One test: a process that runs `fn`, and the check that it left nothing behind. */
export function processTest(
  title: string,
  machine: () => TestVm,
  module: string,
  fn: string,
  args: unknown[] | (() => Promise<unknown[]>),
): void {
  test(title, async () => {
    const { vm, idle } = machine();
    onTestFailed(async () => {
      // What a failed test leaves must not fail the ones after it.
      const reaped = vm.run('reaper', 'reap', [], { scheduler: TEST_SLOT });
      await Promise.race([reaped.catch(() => {}), delay(REAP_MS, undefined, { ref: false })]);
    });
    await runProcess(vm, module, fn, typeof args === 'function' ? await args() : args);
    await expectNothingLeft(vm, idle);
  });
}

/**
 * The tests of one section in both placements.
 *
 * @param titles per exported test function: number, thing, condition, outcome
 */
export function section<M>(
  module: string,
  titles: Readonly<Record<TestNames<M>, string>>,
  placements: readonly Placement[] = [ONE_SCHEDULER, TWO_SCHEDULERS],
): void {
  describe.each(placements)(`${module} [$name]`, (placement) => {
    const machine = useVm(placement);
    for (const [fn, title] of Object.entries<string>(titles)) {
      processTest(`${title} [${placement.name}]`, machine, module, fn, [placement.peer]);
    }
  });
}
