/**
 * State change: leading the processes of all schedulers through the upgrade of modules that they use.
 *
 * Main thread. They come to rest, their states are translated for the code that is prepared, and only
 * if all of that succeeds the code server commits; see `runtime/standstill.ts` for a scheduler's side.
 *
 * Processes may wait for each other: one that stands still keeps a caller in the middle of its callback,
 * which then cannot come to rest. So they come to rest in rounds. When nobody makes progress any more all
 * go on, and in the next round those that were late are asked first, while the others still answer them.
 * Who calls whom is no cycle, so that each round brings at least one caller further; what is merely busy
 * is waited for without holding up the others.
 *
 * Source: OTP, `release_handler`, "Release Handling" › `update`; there a process that does not come to rest
 * in time ends the upgrade.
 */

import type { Changes, TroubledProcess } from '../runtime/standstill.js';
import { CodeChangeError, type LoadError, StandstillError } from './errors.js';
import type { CompiledModule } from './module.js';
import type { ChangeWishStep, SchedulerCode } from './scheduler-code.js';
import { inShort } from './upgrade-words.js';

export interface UpgradeLimits {
  /** How long processes may take to come to rest, in all rounds. */
  readonly restMs: number;
  /** How long the `codeChange` of one process may take. */
  readonly codeChangeMs: number;
}

/** Calls wait for 5 s by default: none of them is to fail because of an upgrade. */
export const UPGRADE_LIMITS: UpgradeLimits = { restMs: 4000, codeChangeMs: 2000 };

/** What belongs to a load besides the modules. */
export interface UpgradePlan {
  /** Modules whose processes take part, with what `codeChange` is given as `extra`; also without a `codeChange`. */
  readonly update?: ReadonlyMap<string, unknown>;
  /** In which order the states of modules are translated; 0, the first, by default. */
  readonly order?: ReadonlyMap<string, number>;
  /** Which way the states are to be translated; up by default. */
  readonly directions?: ReadonlyMap<string, ChangeWishStep['direction']>;
  readonly remove?: readonly string[];
  /** Processes keep the states they had until `forgetStates`. */
  readonly undoable?: boolean;
  readonly limits?: Partial<UpgradeLimits>;
  /** Everything is prepared and nothing has changed: the last look. */
  readonly prepared?: (load: number) => Promise<void>;
  /** All stand still. */
  readonly onRest?: () => void;
}

type OnAll = <T>(action: (scheduler: SchedulerCode) => Promise<T>) => Promise<T[]>;

const CODE_CHANGE = 'codeChange';
/** So long without progress, and a round is given up. */
const STALL_MS = 100;
/** So long the others go on before they are asked again. */
const PAUSE_MS = 20;
const SHOWN = 3;

/** Which modules of a set concern the states of processes. */
export function changeSteps(
  set: readonly CompiledModule[],
  current: ReadonlyMap<string, CompiledModule>,
  { update, directions, order }: UpgradePlan,
): ChangeWishStep[] {
  const steps: ChangeWishStep[] = [];
  for (const { name, exports } of set) {
    const before = current.get(name);
    const direction = directions?.get(name) ?? 'up';
    const has = direction === 'up' ? exports : (before?.exports ?? []);
    if (before === undefined || !(has.includes(CODE_CHANGE) || update?.has(name))) continue;
    const wave = order?.get(name) ?? 0;
    steps.push({ module: name, direction, extra: update?.get(name), wave });
  }
  return steps.sort((a, b) => a.wave - b.wave);
}

/** @throws StandstillError, and then some may stand still: they are to be released */
export async function comeToRest(
  onAll: OnAll,
  load: number,
  modules: readonly string[],
  limitMs: number,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (let rank = 0; ; ) {
    const late = await round(onAll, load, modules, rank);
    if (late === null) return;
    if (performance.now() >= deadline) throw notAtRest(late, modules, limitMs);
    rank = late.rank;
    await onAll((scheduler) =>
      scheduler.release(load, { done: false, undoable: false, over: false }),
    );
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

interface Late {
  readonly busy: number;
  readonly rank: number;
  readonly who: readonly TroubledProcess[];
}

/** Those that were late most often come first. @returns null when all are at rest */
async function round(
  onAll: OnAll,
  load: number,
  modules: readonly string[],
  highest: number,
): Promise<Late | null> {
  for (let rank = highest; rank >= 0; rank--) {
    const wish = { rank, closes: rank === 0, stallMs: STALL_MS };
    const answers = await onAll((scheduler) => scheduler.rest(load, modules, wish));
    const busy = answers.reduce((sum, one) => sum + one.busy, 0);
    if (busy === 0) continue;
    return {
      busy,
      rank: Math.max(...answers.map((one) => one.rank)),
      who: answers.flatMap((one) => one.who),
    };
  }
  return null;
}

/** @returns how many states were translated. @throws CodeChangeError */
export async function changeStates(
  onAll: OnAll,
  load: number,
  steps: readonly ChangeWishStep[],
  limitMs: number,
): Promise<number> {
  const last = Math.max(...steps.map(({ wave }) => wave));
  let answers: readonly Changes[] = [];
  let changed = 0;
  let failed = 0;
  for (let wave = 0; wave <= last && failed === 0; wave++) {
    const wish = { steps, wave, limitMs };
    answers = await onAll((scheduler) => scheduler.change(load, wish));
    changed = answers.reduce((sum, one) => sum + one.changed, 0);
    failed = answers.reduce((sum, one) => sum + one.failed, 0);
  }
  if (failed === 0) return changed;
  const failures = answers.flatMap((one) => one.failures);
  const modules = steps.map(({ module }) => module);
  const message =
    `codeChange failed for ${failed} of ${failed + changed} processes that use ${modules.join(', ')}: ` +
    `${listed(failures)}; all go on as before`;
  const stack = (failures[0]?.reason as { readonly stack?: unknown } | undefined)?.stack;
  throw new CodeChangeError(message, {
    module: modules[0],
    causeStack: typeof stack === 'string' && stack !== '' ? stack : undefined,
    processes: failures,
    processCount: failed,
  });
}

function notAtRest(
  { busy, who }: Late,
  modules: readonly string[],
  limitMs: number,
): StandstillError {
  const message =
    `${busy === 1 ? 'a process' : `${busy} processes`} that use${busy === 1 ? 's' : ''} ${modules.join(', ')} ` +
    `did not come to rest within ${limitMs} ms: ${listed(who)}`;
  return new StandstillError(message, {
    module: modules[0],
    hint: 'it is in the middle of a callback: make that shorter, or raise the limit (restMs)',
    processes: who,
    processCount: busy,
  });
}

function listed(processes: readonly TroubledProcess[]): string {
  const shown = processes
    .slice(0, SHOWN)
    .map(
      ({ process, name, initialCall, reason }) =>
        `${name ?? initialCall} ${process} (${inShort(reason)})`,
    );
  return processes.length > SHOWN ? `${shown.join(', ')}, …` : shown.join(', ');
}

export function stillUsed(module: string, count: number): LoadError {
  return new StandstillError(
    `${module} is not removed: ${count === 1 ? 'a process uses' : `${count} processes use`} it`,
    {
      module,
      hint: 'stop them first, or restart their application without it',
      processCount: count,
    },
  );
}
