/**
 * Twins: the coroutines that stand for plain functions which may run long.
 *
 * The loader writes beside a plain function with a loop another one, its twin, with the same text lowered as
 * a coroutine. Coroutine code calls the twin where plain code would hold up others: what is plain stays on
 * the stack until it returns, its twin gives way (`pause`) and is the first that its process goes on with.
 *
 * When: `context.twins` is above 0 in slices on top of a preempted process; in those of a new process, until
 * `SHORT_CALLS_MAX` twins came to their end without giving way; and after its plain code was preempted, or a twin
 * gave way, until the same. It counts down with each twin that another one calls, as their frames take
 * several times the stack of plain ones; below that depth calls are plain again.
 *
 * Invariants:
 *  1. A twin pauses only between calls that pause with it, so nothing else of its process runs in between.
 *  2. What a twin returns is its value, never taken over as a promise would be: objects travel in a box.
 */

/** Calls of twins inside each other. */
export const TWINS_MAX = 32;
/** No calls of twins in this slice; so far below 0 that counting does not change it. */
export const NO_TWINS: number = -(2 ** 29);
/** At some 150 ns each, what a process pays before it is taken for one whose plain code is short. */
export const SHORT_CALLS_MAX = 64;

type AnyFunction = (...args: never[]) => unknown;

const twins: WeakMap<object, AnyFunction> = new WeakMap();

/** The loader tells which functions have twins: each function, and then its twin. */
export function declareTwins(...functions: readonly AnyFunction[]): void {
  for (let at = 0; at + 1 < functions.length; at += 2) {
    twins.set(functions[at] as AnyFunction, functions[at + 1] as AnyFunction);
  }
}

/** The twin of a function of another module, or the function itself if it has none. */
export function twinOrSelf(fn: unknown): unknown {
  return twins.get(fn as object) ?? fn;
}

/** The twin of an entry function. Mostly it is asked again for the one that was asked for last. */
export function twinOf(fn: object): AnyFunction | undefined {
  if (fn !== asked) {
    asked = fn;
    answer = twins.get(fn);
  }
  return answer;
}

let asked: object | null = null;
let answer: AnyFunction | undefined;

/** A result on its way through a task, which would ask an object for its `then`. */
class Box {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

export function boxed(value: unknown): unknown {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? new Box(value)
    : value;
}

export function unboxed(value: unknown): unknown {
  return value instanceof Box ? value.value : value;
}
