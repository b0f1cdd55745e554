/**
 * Module runtime: `$rt`, what compiled module code calls besides the built-in functions.
 *
 * This is the contract between the loader's output and the engine; `FORMAT_VERSION` of the loader
 * changes with it.
 */

import { resumed } from './async-frames.js';
import { Await, asyncGenerator, forAwait, iterationResult, yieldStar } from './async-generator.js';
import type { CodeInstance } from './code-instance.js';
import { type Context, context } from './context.js';
import {
  awaitValue,
  type Coroutine,
  declareCoroutines,
  PARK,
  runTwin,
  start,
  type Task,
} from './coroutine.js';
import { UNWIND } from './errors.js';
import { inOneGo, inParts, iterator } from './for-of.js';
import { lap, laps, living, pause, pauseLap, pauseLaps, preempt } from './preemption.js';
import { receive } from './receive.js';
import { boxed, declareTwins, twinOrSelf, unboxed } from './twins.js';

export interface ModuleRuntime {
  readonly PARK: typeof PARK;
  readonly start: <T>(generator: Coroutine<T>) => Task<T>;
  readonly await: (value: unknown) => unknown;
  readonly receive: typeof receive;
  /** What a parked coroutine goes on with, or throws. */
  readonly resumed: typeof resumed;
  readonly async: (
    self: unknown,
    args: ArrayLike<unknown> | null,
    body: (...args: never[]) => Coroutine<unknown>,
  ) => Task;
  readonly asyncGenerator: typeof asyncGenerator;
  readonly forAwait: typeof forAwait;
  readonly iterationResult: typeof iterationResult;
  readonly yieldStar: typeof yieldStar;
  readonly Await: typeof Await;
  /** Its `budget` is what the checks in module code count down. */
  readonly context: Context;
  readonly preempt: typeof preempt;
  readonly pause: typeof pause;
  readonly lap: typeof lap;
  readonly pauseLap: typeof pauseLap;
  readonly laps: typeof laps;
  readonly pauseLaps: typeof pauseLaps;
  /** Thrown through the frames of a dead process: `catch` passes it on, `finally` asks `living`. */
  readonly UNWIND: typeof UNWIND;
  readonly living: typeof living;
  readonly inParts: typeof inParts;
  readonly inOneGo: typeof inOneGo;
  readonly iterator: typeof iterator;
  readonly coroutines: typeof declareCoroutines;
  /** Plain functions that may run long, called so that they can give way; see `twins.ts`. */
  readonly twin: typeof runTwin;
  readonly twinOf: typeof twinOrSelf;
  readonly twins: typeof declareTwins;
  readonly boxed: typeof boxed;
  readonly unboxed: typeof unboxed;
  /** The generators that these functions make belong to the instance; `own` gives its function back. */
  readonly own: CodeInstance['own'];
  readonly ownAll: (...functions: readonly ((...args: never[]) => unknown)[]) => void;
}

/** What the code of one instance of a module is given. */
export function runtimeFor(instance: CodeInstance): ModuleRuntime {
  const own: ModuleRuntime['own'] = (fn) => instance.own(fn);
  const ownAll: ModuleRuntime['ownAll'] = (...functions) => {
    for (const fn of functions) instance.own(fn);
  };
  return { __proto__: shared, own, ownAll } as unknown as ModuleRuntime;
}

/** What all instances have; inherited, as a copy for each would cost more than the rest of it. */
const shared: Omit<ModuleRuntime, 'own' | 'ownAll'> = {
  PARK,
  start,
  await: awaitValue,
  receive,
  resumed,
  async: startLate,
  asyncGenerator,
  forAwait,
  iterationResult,
  yieldStar,
  Await,
  context,
  preempt,
  pause,
  lap,
  pauseLap,
  laps,
  pauseLaps,
  UNWIND,
  living,
  inParts,
  inOneGo,
  iterator,
  coroutines: declareCoroutines,
  twin: runTwin,
  twinOf: twinOrSelf,
  twins: declareTwins,
  boxed,
  unboxed,
};

/** An error in the parameters fails the task; it does not reach the caller. */
function startLate(
  self: unknown,
  args: ArrayLike<unknown> | null,
  body: (...args: never[]) => Coroutine<unknown>,
): Task {
  let generator: Coroutine<unknown>;
  try {
    generator = Reflect.apply(body, self, args ?? []) as Coroutine<unknown>;
  } catch (error) {
    generator = failing(error);
  }
  return start(generator);
}

// biome-ignore lint/correctness/useYield: a coroutine that fails before it can wait
function* failing(error: unknown): Coroutine<never> {
  throw error;
}
