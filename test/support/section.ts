/**
 * Runs one section of the semantic tests: the functions that a module under test/otp/modules exports,
 * each as a process, in both placements (one scheduler; two, where the peers live on the other one).
 *
 * Invariants:
 *  1. Every exported function whose name begins with `s` and a digit has a title: the type of `section`
 *     asks for exactly these keys, so none can be forgotten.
 *  2. After each test the machine is as it was: no process, timer, monitor or name is left.
 */

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
const SETTLE_MS = 2000;

type TestName = `s${number}_${string}`;
type TestNames<M> = Extract<keyof M, TestName>;

/** A machine for tests: silent, and with the modules of the sections. */
export function startTestVm(options: VmOptions = {}): Promise<Vm> {
  return startVm({ modules: MODULES, schedulers: 1, watch: false, logger: false, ...options });
}

/** Runs a function of a module as a process on the first scheduler; fails as the process failed. */
export async function runProcess(
  vm: Vm,
  module: string,
  fn: string,
  args: unknown[],
): Promise<unknown> {
  try {
    return await vm.run(module, fn, args, { scheduler: TEST_SLOT });
  } catch (reason) {
    throw asError(reason);
  }
}

/** What must not grow: everything the machine keeps for living processes. */
export async function census(vm: Vm): Promise<Record<string, number>> {
  const { schedulers, names } = await vm.stats();
  const sum = (pick: (one: (typeof schedulers)[number]) => number) =>
    schedulers.reduce((total, one) => total + pick(one), 0);
  return {
    processes: sum((one) => one.processes),
    timers: sum((one) => one.timers),
    monitors: sum((one) => one.monitors),
    links: sum((one) => one.links),
    names,
  };
}

/** Waits until the census is what it was before, and fails with the difference if that never comes. */
export async function expectNothingLeft(vm: Vm, before: Record<string, number>): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const now = await census(vm);
    if (JSON.stringify(now) === JSON.stringify(before)) return;
    if (Date.now() > deadline) expect(now).toEqual(before);
  }
}

/** A machine for all tests of one describe block, with the check that each test leaves nothing. */
export function useVm(placement: Placement, options: VmOptions = {}): () => Vm {
  let vm: Vm | undefined;
  const current = (): Vm => {
    if (vm === undefined) throw new Error('the machine did not start');
    return vm;
  };
  beforeAll(async () => {
    vm = await startTestVm({ schedulers: placement.schedulers, ...options });
  });
  afterAll(async () => {
    await vm?.stop();
  });
  return current;
}

/** One test: a process that runs `fn`, and the check that it left nothing behind. */
export function processTest(
  title: string,
  machine: () => Vm,
  module: string,
  fn: string,
  args: unknown[],
): void {
  test(title, async () => {
    const vm = machine();
    onTestFailed(async () => {
      // What a failed test leaves must not fail the ones after it.
      await vm.run('reaper', 'reap', [], { scheduler: TEST_SLOT }).catch(() => {});
    });
    const before = await census(vm);
    await runProcess(vm, module, fn, args);
    await expectNothingLeft(vm, before);
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

/** An exit reason is data; vitest shows errors better. */
export function asError(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  const { name, message, stack } = (reason ?? {}) as Record<string, unknown>;
  const error = new Error(
    typeof message === 'string' ? message : `exit: ${JSON.stringify(reason)}`,
  );
  if (typeof name === 'string') error.name = name;
  if (typeof stack === 'string') error.stack = stack;
  return error;
}
