/**
 * Module runtime: `$rt`, what compiled module code calls besides the built-in functions.
 *
 * This is the contract between the loader's output and the engine; `FORMAT_VERSION` of the loader
 * changes with it.
 */

import { Await, asyncGenerator, forAwait, yieldStar } from './async-generator.js';
import { awaitValue, type Coroutine, PARK, start, type Task } from './coroutine.js';
import { receive } from './receive.js';

export interface ModuleRuntime {
  readonly PARK: typeof PARK;
  readonly start: <T>(generator: Coroutine<T>) => Task<T>;
  readonly await: (value: unknown) => unknown;
  readonly receive: typeof receive;
  readonly async: (
    self: unknown,
    args: ArrayLike<unknown> | null,
    body: (...args: never[]) => Coroutine<unknown>,
  ) => Task;
  readonly asyncGenerator: typeof asyncGenerator;
  readonly forAwait: typeof forAwait;
  readonly yieldStar: typeof yieldStar;
  readonly Await: typeof Await;
}

export const moduleRuntime: ModuleRuntime = {
  PARK,
  start,
  await: awaitValue,
  receive,
  async: (self, args, body) => start(startLate(self, args, body)),
  asyncGenerator,
  forAwait,
  yieldStar,
  Await,
};

/** Parameters are evaluated inside the coroutine, so that an error in them fails the task. */
function* startLate(
  self: unknown,
  args: ArrayLike<unknown> | null,
  body: (...args: never[]) => Coroutine<unknown>,
): Coroutine<unknown> {
  return yield* body.apply(self, Array.from(args ?? []) as never[]);
}
