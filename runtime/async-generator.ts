/**
 * Async generators and `for await`, on tasks instead of native promises.
 *
 * esbuild lowers them to plain generators that yield `new Await(x)` for `await x` and the bare
 * value for `yield`; these are the runtime's counterparts of esbuild's helpers. Native promises
 * would resume the body outside of any process.
 *
 * Source: ECMAScript, "AsyncGenerator Objects", "For-In/Of Statement" (async), "AsyncFromSyncIterator".
 */

import { standsFor } from './code-instance.js';
import { awaitValue, type Coroutine, PARK, start, type Task } from './coroutine.js';

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

/** Counterpart of `async function*`. Requests are served one after the other, in order. */
export function asyncGenerator(
  self: unknown,
  args: ArrayLike<unknown> | null,
  body: (...args: never[]) => Generator<unknown, unknown, unknown>,
): AsyncGenerator<unknown, unknown, unknown> {
  const generator = body.apply(self, Array.from(args ?? []) as never[]);
  let last: Task<Result> | null = null;
  const request =
    (method: Method) =>
    (value?: unknown): Task<Result> => {
      const served = serve(generator, method, value, last);
      standsFor(served, generator);
      last = start(served);
      return last;
    };
  const iterator = {
    next: request('next'),
    throw: request('throw'),
    return: request('return'),
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator as unknown as AsyncGenerator<unknown, unknown, unknown>;
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
  for (;;) {
    const step = generator[next](sent as never);
    if (step.value === PARK) {
      // Its budget is spent: nothing but the scheduler resumes it.
      yield;
      next = 'next';
      sent = undefined;
      continue;
    }
    const wait = step.value instanceof Await ? step.value : null;
    try {
      const awaited = awaitValue(wait === null ? step.value : wait.value);
      sent = awaited === PARK ? yield : awaited;
    } catch (error) {
      next = 'throw';
      sent = error;
      continue;
    }
    if (wait === null) return { value: sent, done: step.done === true } as Result;
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
    return { done: false, value: new Await(start(delegate(inner, method, sent)), true) };
  };
  const outer: Record<string, unknown> = {
    next: forward('next'),
    throw:
      inner.throw === undefined
        ? (error: unknown) => {
            throw error;
          }
        : forward('throw'),
  };
  if (inner.return !== undefined) outer['return'] = forward('return');
  return { [Symbol.iterator]: () => outer as unknown as Iterator<unknown> };
}

function* delegate(
  inner: Record<Method, ((value: unknown) => unknown) | undefined>,
  method: Method,
  sent: unknown,
): Coroutine<unknown> {
  const awaited = awaitValue(inner[method]?.(sent));
  const result = awaited === PARK ? yield : awaited;
  if (typeof result !== 'object' || result === null) throw new TypeError('Object expected');
  return result;
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
      : (sent?: unknown): Task<Result> => start(awaited(call.call(inner, sent)));
  };
  return { next: method('next'), return: method('return') };
}

function* awaited(result: Result): Coroutine<Result> {
  const now = awaitValue(result.value);
  const value = now === PARK ? yield : now;
  return { value, done: result.done === true } as Result;
}
