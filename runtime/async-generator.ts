/**
 * Async generators and `for await`, on tasks instead of native promises.
 *
 * esbuild lowers them to plain generators that yield `new Await(x)` for `await x` and the bare
 * value for `yield`; these are the runtime's counterparts of esbuild's helpers. Native promises
 * would resume the body outside of any process.
 *
 * Source: ECMAScript, "AsyncGenerator Objects", "For-In/Of Statement" (async), "AsyncFromSyncIterator".
 */

import { resumeWithError } from './async-frames.js';
import { standsFor } from './code-instance.js';
import { awaitValue, type Coroutine, PARK, start, type Task } from './coroutine.js';
import { UNWIND } from './errors.js';

/** What the lowered body of an async generator yields for an `await`. */
export class Await {
  readonly value: unknown;
  /** Set by `yieldStar`: the awaited value is an iterator result to pass on whole. */
  readonly delegated: boolean;

  constructor(value: unknown, delegated?: unknown) {
    this.value = value;
    this.delegated = Boolean(delegated);
  }
}

type Method = 'next' | 'throw' | 'return';
type Result = IteratorResult<unknown, unknown>;

/** `%AsyncGeneratorPrototype%`: what is asked of an async generator beside its own methods. */
const NATIVE_PROTOTYPE = Object.getPrototypeOf(async function* () {}.prototype) as object;

/** Requests are served one after the other, in order. */
class AsyncTaskGenerator {
  readonly #generator: Generator<unknown, unknown, unknown>;
  #last: Task<Result> | null = null;

  static {
    Object.setPrototypeOf(AsyncTaskGenerator.prototype, NATIVE_PROTOTYPE);
    // That of the native prototype is the constructor of all async generator functions.
    Reflect.deleteProperty(AsyncTaskGenerator.prototype, 'constructor');
  }

  constructor(generator: Generator<unknown, unknown, unknown>) {
    this.#generator = generator;
  }

  next(value?: unknown): Task<Result> {
    return this.#request('next', value);
  }

  throw(value?: unknown): Task<Result> {
    return this.#request('throw', value);
  }

  return(value?: unknown): Task<Result> {
    return this.#request('return', value);
  }

  #request(method: Method, value: unknown): Task<Result> {
    const served = serve(this.#generator, method, value, this.#last);
    standsFor(served, this.#generator);
    this.#last = start(served);
    return this.#last;
  }
}

/** Counterpart of `async function*`. */
export function asyncGenerator(
  self: unknown,
  args: ArrayLike<unknown> | null,
  body: (...args: never[]) => Generator<unknown, unknown, unknown>,
): AsyncGenerator<unknown, unknown, unknown> {
  const generator = body.apply(self, Array.from(args ?? []) as never[]);
  return new AsyncTaskGenerator(generator) as unknown as AsyncGenerator<unknown, unknown, unknown>;
}

function* serve(
  generator: Generator<unknown, unknown, unknown>,
  method: Method,
  value: unknown,
  before: Task<Result> | null,
): Coroutine<Result> {
  if (before !== null) {
    try {
      if (awaitValue(before) === PARK) yield;
    } catch {
      // The caller of the earlier request has its error; this one begins afresh.
    }
  }
  let next: Method = method;
  let sent = value;
  /** The body itself awaits what has failed. */
  let raises = false;
  if (method === 'return') {
    // What is to be returned is awaited where the generator stands: it may have a `catch` there.
    try {
      const awaited = awaitValue(value);
      sent = awaited === PARK ? yield : awaited;
    } catch (error) {
      next = 'throw';
      sent = error;
    }
  }
  for (;;) {
    const step: IteratorResult<unknown, unknown> = raises
      ? resumeWithError(generator, sent)
      : generator[next](sent as never);
    raises = false;
    if (step.value === PARK) {
      // Its budget is spent: nothing but the scheduler resumes it.
      yield;
      next = 'next';
      sent = undefined;
      continue;
    }
    // The operand of `return` was awaited before it, by the body itself.
    if (step.done === true) return { value: step.value, done: true };
    const wait: Await | null = step.value instanceof Await ? step.value : null;
    try {
      const awaited = awaitValue(wait === null ? step.value : wait.value);
      sent = awaited === PARK ? yield : awaited;
    } catch (error) {
      next = 'throw';
      sent = error;
      raises = wait !== null && !wait.delegated;
      continue;
    }
    if (wait === null) return { value: sent, done: false };
    if (wait.delegated) {
      const inner = sent as Result;
      sent = { value: inner.value, done: inner.done };
    }
    // Only `yield*` is told "return" again with the awaited result; a `finally` simply goes on.
    next = next === 'return' && wait.delegated ? 'return' : 'next';
  }
}

/** Counterpart of `yield*` inside an async generator: an iterator for the lowered `yield*`. */
export function yieldStar(value: AsyncIterable<unknown> | Iterable<unknown>): Iterable<unknown> {
  const makeAsync = (value as AsyncIterable<unknown>)[Symbol.asyncIterator];
  const inner = (
    makeAsync == null ? (value as Iterable<unknown>)[Symbol.iterator]() : makeAsync.call(value)
  ) as Record<Method, ((value: unknown) => unknown) | undefined>;
  if (makeAsync == null) return { [Symbol.iterator]: () => inner as unknown as Iterator<unknown> };
  let awaiting = false;
  const forward = (method: Method) => (sent: unknown) => {
    if (awaiting) {
      awaiting = false;
      if (method === 'throw') throw sent;
      return sent;
    }
    awaiting = true;
    const result =
      method === 'throw' && inner.throw == null
        ? closeAndRefuse(inner)
        : delegate(inner, method, sent);
    return { done: false, value: new Await(start(result), true) };
  };
  const outer: Record<string, unknown> = { next: forward('next'), throw: forward('throw') };
  if (inner.return != null) outer['return'] = forward('return');
  return { [Symbol.iterator]: () => outer as unknown as Iterator<unknown> };
}

/** An iterator that cannot be told of an error gets to close, and the error is another one. */
function* closeAndRefuse(
  inner: Record<Method, ((value: unknown) => unknown) | undefined>,
): Coroutine<never> {
  if (inner.return != null && awaitValue(inner.return(undefined)) === PARK) yield;
  throw new TypeError('The iterator does not provide a throw() method');
}

function* delegate(
  inner: Record<Method, ((value: unknown) => unknown) | undefined>,
  method: Method,
  sent: unknown,
): Coroutine<unknown> {
  const awaited = awaitValue(inner[method]?.(sent));
  return iterationResult(awaited === PARK ? yield : awaited);
}

/** What an iterator gives must be an object: of anything else `done` would be `undefined` for ever. */
export function iterationResult(value: unknown): object {
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') return value;
  throw new TypeError(`Iterator result ${String(value)} is not an object`);
}

/** The iterator that `for await` walks: the async one, or a sync one whose values are awaited. */
export function forAwait(value: AsyncIterable<unknown> | Iterable<unknown>): unknown {
  const makeAsync = (value as AsyncIterable<unknown>)[Symbol.asyncIterator];
  if (makeAsync != null) return makeAsync.call(value);
  const inner = (value as Iterable<unknown>)[Symbol.iterator]() as unknown as Record<
    Method,
    ((value?: unknown) => Result) | undefined
  >;
  const method = (name: Method) => {
    const call = inner[name];
    return call === undefined
      ? undefined
      : (sent?: unknown): Task<Result> =>
          start(
            awaited(iterationResult(call.call(inner, sent)) as Result, () => {
              if (name !== 'return') inner.return?.call(inner);
            }),
          );
  };
  return { next: method('next'), return: method('return') };
}

/**
 * @param close what a plain iterator whose value is a promise that fails is told; only that failure
 *   counts. ECMAScript 2025, "AsyncFromSyncIteratorContinuation": Node 20 and 22 do not do it yet
 */
function* awaited(result: Result, close: () => void): Coroutine<Result> {
  const done = result.done === true;
  try {
    const now = awaitValue(result.value);
    const value = now === PARK ? yield : now;
    return { value, done } as Result;
  } catch (error) {
    if (error === UNWIND || done) throw error;
    try {
      close();
    } catch {
      // What the loop learns is why it ends.
    }
    throw error;
  }
}
