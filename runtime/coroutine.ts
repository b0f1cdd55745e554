/**
 * Coroutines: how an `async` function of a module runs.
 *
 * The loader compiles it to a generator. A call runs the generator at once up to its first pending
 * `await` and returns a `Task`, a thenable. `await` of a finished task goes on without a stop; of a
 * pending one the caller's task becomes the task's *waiter* and the generator yields. The scheduler
 * resumes only the innermost task; when that finishes it goes on with its waiter in the same loop,
 * so the cost of a wake-up does not depend on the depth of the call.
 *
 * Invariants:
 *  1. A generator yields only after `awaitValue` or `receive` returned PARK, and that call has
 *     already recorded who will resume it: a waiter, the process's receiver, its ready list or the
 *     callback of a native promise. Broken, the coroutine would sleep for ever.
 *  2. A task belongs to the process that started it and is resumed only in a slice of that process.
 *  3. A task that failed is looked at by somebody (`AWAITED`) or ends its process.
 *
 * Source: ECMAScript, "Await", "AsyncFunctionStart"; the shape is that of Erlang's processes.
 */

import { endAsyncFrames, resumeWithError } from './async-frames.js';
import { context } from './context.js';
import { UNWIND } from './errors.js';
import { entryKey } from './funs.js';
import { DEAD, type Process } from './process.js';
import { NO_TWINS, SHORT_CALLS_MAX, twinOf, unboxed } from './twins.js';

/** What `awaitValue` and `receive` return when the generator must yield. */
export const PARK: { readonly park: true } = Object.freeze({ park: true });

/** Started by a call that has not returned yet: one awaited at once by a coroutine that may pause … */
export const STARTING_AWAITED = -3;
/** … that of the entry function of its process … */
export const STARTING_ROOT = -2;
/** … or any other. */
export const STARTING = -1;
export const PENDING = 0;
export const DONE = 1;
export const FAILED = 2;
/** Failed, and somebody has taken the error. */
export const AWAITED = 3;
/** On the ready list of its process, to be resumed with `value` (or to have it thrown). */
export const READY = 4;
export const READY_FAILED = 5;
/** Returned the task in `value`, which is not finished: who waits for this one waits for that. */
export const FORWARDED = 6;

export type Coroutine<T> = Generator<unknown, T, unknown>;

/** The waiter of the task that is the process itself. */
const ROOT: unique symbol = Symbol('root');

export class Task<T = unknown> implements PromiseLike<T> {
  generator: Coroutine<T> | null;
  readonly process: Process | null;
  state: number = PENDING;
  /** The result or the error; while READY, what it is resumed with. */
  value: unknown = undefined;
  waiter: Task | Task[] | typeof ROOT | null = null;
  /** Next on the ready list. */
  link: Task | null = null;

  constructor(generator: Coroutine<T> | null, process: Process | null) {
    this.generator = generator;
    this.process = process;
  }

  /** As `Promise.prototype.then`; the callbacks run in the process that owns the task. */
  // biome-ignore lint/suspicious/noThenProperty: a task is a thenable on purpose, so that it works where promises work
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Task<A | B> {
    return startIn(this.process, () => reaction(this, onFulfilled, onRejected)) as Task<A | B>;
  }

  /** As `Promise.prototype.catch`. */
  catch<B>(onRejected?: ((error: unknown) => B | PromiseLike<B>) | null): Task<T | B> {
    return this.then(undefined, onRejected);
  }

  /** As `Promise.prototype.finally`. */
  finally(onFinally?: (() => void) | null): Task<T> {
    return startIn(this.process, () => finallyReaction(this, onFinally)) as Task<T>;
  }
}

/** Run a coroutine up to its first pending await. Cost: one task, about 80 bytes. */
export function start<T>(generator: Coroutine<T>): Task<T> {
  const task = new Task<T>(generator, context.process);
  const caller = context.task;
  context.task = task as Task;
  if (caller === null) task.state = STARTING_ROOT;
  else task.state = context.awaited && isPausable(caller) ? STARTING_AWAITED : STARTING;
  context.awaited = false;
  advance(task as Task, undefined, false);
  context.task = caller;
  if (task.state < PENDING) task.state = PENDING;
  else if (task.state === FAILED) {
    // The frames of a dead process go: its caller is one of them.
    if (task.value === UNWIND) throw UNWIND;
    noteFailure(task as Task);
  }
  return task;
}

/**
 * Call a twin (`twins.ts`) from coroutine code.
 *
 * @returns what the function returns, or PARK if it gave way: then its caller must yield, and gets the
 *   result (`unboxed`) when it is resumed
 * @throws what the function throws
 */
export function runTwin(generator: Coroutine<unknown>): unknown {
  const caller = context.task as Task;
  const task: Task = new Task(generator, context.process);
  task.state = isPausable(caller) ? STARTING_AWAITED : STARTING;
  context.task = task;
  context.twins -= 1;
  advance(task, undefined, false);
  context.task = caller;
  context.twins += 1;
  switch (task.state) {
    case DONE:
      if (task.process !== null) wasShort(task.process);
      return unboxed(task.value);
    case FAILED:
      task.state = AWAITED;
      throw task.value;
    default:
      if (task.state < PENDING) task.state = PENDING;
      task.waiter = caller;
      if (task.process !== null) task.process.shortCallsLeft = SHORT_CALLS_MAX;
      return PARK;
  }
}

/** A twin did not have to give way. */
function wasShort(proc: Process): void {
  if (proc.shortCallsLeft === 0) return;
  proc.shortCallsLeft -= 1;
  if (proc.shortCallsLeft === 0 && !context.onTop) context.twins = NO_TWINS;
}

/** Call a function by its twin, if it has one, and wait for what it returns. For the machine's own coroutines. */
export function* calling(
  fn: (...args: never[]) => unknown,
  args: readonly unknown[],
): Coroutine<unknown> {
  const twin = twinOf(fn);
  if (twin === undefined) return yield* awaiting(fn(...(args as never[])));
  const value = twin(...(args as never[]));
  return value === PARK ? unboxed(yield) : value;
}

/** A task that is finished already. */
export function finished<T>(value: T): Task<T> {
  const task = new Task<T>(null, context.process);
  task.state = DONE;
  task.value = value;
  return task;
}

/** A task that somebody else will finish with `complete`. */
export function pendingTask<T>(process: Process | null): Task<T> {
  const task = new Task<T>(null, process);
  if (process !== null) goesOnOutside(process, task as Task);
  return task;
}

/** A task that never comes to an end: the frames of those that wait for it are given up. */
export function endlessTask<T>(process: Process): Task<T> {
  return new Task<T>(null, process);
}

/** Remember a task that nothing of its process leads to, so that its frames can be found. */
function goesOnOutside(proc: Process, task: Task): void {
  const { outside } = proc;
  if (outside === null) proc.outside = task;
  else if (outside instanceof Set) outside.add(task);
  else proc.outside = new Set([outside, task]);
}

function isBack(proc: Process, task: Task): void {
  const { outside } = proc;
  if (outside === task) proc.outside = null;
  else if (outside instanceof Set) outside.delete(task);
}

/**
 * `await value`, first half: the value if it is there, else PARK, and then the generator must yield.
 *
 * @throws the error of a failed task
 */
export function awaitValue(value: unknown): unknown {
  if (value instanceof Task) {
    if (value.state === DONE && --context.budget > 0) return value.value;
    return awaitTask(value);
  }
  const then = thenOf(value);
  if (then !== null) {
    parkOnThenable(context.task as Task, value, then);
    return PARK;
  }
  if (--context.budget > 0) return value;
  return yieldWith(value);
}

/** Give way to other processes, then go on with `value`. */
export function yieldWith(value: unknown): typeof PARK {
  context.yields = true;
  makeReady(context.task as Task, value, false);
  return PARK;
}

/** For the machine's own coroutines: `yield* awaiting(x)` is their `await x`. */
export function* awaiting(value: unknown): Coroutine<unknown> {
  const now = awaitValue(value);
  return now === PARK ? yield : now;
}

/**
 * May the running task yield where it stands? Not while the call that started it has not returned: its
 * caller would go on before it. The coroutine that is the entry of its process has no caller.
 */
export function isPausable(task: Task): boolean {
  if (task.process === null) return false;
  if (task.state === PENDING || task.state === STARTING_AWAITED) return true;
  return (
    task.state === STARTING_ROOT &&
    context.entry !== null &&
    (rootCoroutines.has(entryKey(context.entry)) || twinOf(context.entry) !== undefined)
  );
}

/** Functions that do nothing but start a coroutine. */
const rootCoroutines: WeakSet<object> = new WeakSet();

/** The loader tells which functions of a module are coroutines. */
export function declareCoroutines(...functions: readonly object[]): void {
  for (const each of functions) rootCoroutines.add(each);
}

/** Does `fn` do nothing but start a coroutine? As far as the loader has told. */
export function startsCoroutine(fn: object): boolean {
  return rootCoroutines.has(fn);
}

/** What waits for `task`: one task, several, or none that is one. */
export function waitersOf({ waiter }: Task): Task | Task[] | null {
  return waiter === ROOT ? null : waiter;
}

/** End the slice; the running task is the first that its process goes on with. */
export function makeReadyFirst(task: Task): void {
  const proc = task.process as Process;
  context.yields = true;
  task.value = undefined;
  task.state = READY;
  task.link = proc.ready;
  proc.ready = task;
}

function awaitTask(awaited: Task): unknown {
  const task = context.task as Task;
  const target = forwarded(awaited);
  switch (target.state) {
    case DONE:
      return yieldWith(target.value);
    case FAILED:
    case AWAITED:
      target.state = AWAITED;
      throw target.value;
    default:
      addWaiter(target, task);
      return PARK;
  }
}

/** The task that decides the outcome of `task`. */
function forwarded(task: Task): Task {
  let target = task;
  while (target.state === FORWARDED) target = target.value as Task;
  // A loop that calls itself leaves a long trail behind who holds its first task.
  if (task.state === FORWARDED) task.value = target;
  return target;
}

function addWaiter(target: Task, task: Task): void {
  if (target.waiter === null) target.waiter = task;
  else if (Array.isArray(target.waiter)) target.waiter.push(task);
  else if (target.waiter !== ROOT) target.waiter = [target.waiter, task];
}

type Then = PromiseLike<unknown>['then'];

/** Read once, as ECMAScript does: it may be an accessor. */
function thenOf(value: unknown): Then | null {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return null;
  const { then } = value as { then?: unknown };
  return typeof then === 'function' ? (then as Then) : null;
}

/** Resume `task` when a thenable settles: its callbacks only put the task on the ready list. */
function parkOnThenable(task: Task, thenable: unknown, then: Then): void {
  const { scheduler } = context;
  const proc = task.process;
  scheduler?.nativeWaitBegins();
  if (proc !== null) goesOnOutside(proc, task);
  adopt(thenable, then, (value, failed) => {
    scheduler?.nativeWaitEnds();
    if (proc !== null) isBack(proc, task);
    if (task.generator === null && task.state > PENDING) return;
    // Never resumed here: a thenable may call back at once, while the generator still runs.
    makeReady(task, value, failed);
  });
}

/**
 * Ask a thenable for its outcome. Anybody can write one, so only what it says first counts, and what it
 * gives may be a thenable again.
 *
 * Source: ECMAScript, "Promise Resolve Functions".
 */
function adopt(
  thenable: unknown,
  then: Then,
  settle: (value: unknown, failed: boolean) => void,
): void {
  let settled = false;
  const fail = (error: unknown): void => {
    if (settled) return;
    settled = true;
    settle(error, true);
  };
  const fulfil = (value: unknown): void => {
    if (settled) return;
    let next: Then | null;
    try {
      next = thenOf(value);
    } catch (error) {
      fail(error);
      return;
    }
    settled = true;
    if (next === null) settle(value, false);
    else adopt(value, next, settle);
  };
  try {
    then.call(thenable, fulfil, fail);
  } catch (error) {
    fail(error);
    if (error === UNWIND) throw error;
  }
}

/** Put a parked task on the ready list of its process, to be resumed in the next slice. */
export function makeReady(task: Task, value: unknown, failed: boolean): void {
  const proc = task.process;
  if (proc === null) {
    queueMicrotask(() => resume(task, value, failed));
    return;
  }
  task.value = value;
  task.state = failed ? READY_FAILED : READY;
  task.link = null;
  if (proc.ready === null) proc.ready = task;
  else {
    let last = proc.ready;
    while (last.link !== null) last = last.link;
    last.link = task;
  }
  context.scheduler?.wake(proc);
}

/** Take the first task of the ready list and run it. */
export function resumeReady(proc: Process): void {
  const task = proc.ready as Task;
  context.budget -= 1;
  proc.ready = task.link;
  task.link = null;
  const failed = task.state === READY_FAILED;
  const { value } = task;
  task.state = PENDING;
  task.value = undefined;
  resume(task, value, failed);
}

/** Finish a task that has no generator of its own, and go on with who waits for it. */
export function complete(task: Task, value: unknown, failed: boolean): void {
  if (task.process !== null) isBack(task.process, task);
  makeReady(task, value, failed);
}

/** Run `task` with `value` (or throw it into the task), then everyone who waits for it. */
export function resume(task: Task, value: unknown, failed: boolean): void {
  let current = task;
  for (;;) {
    context.task = current;
    context.resumed = current;
    advance(current, value, failed);
    if (current.state === PENDING || current.state >= READY) break;
    const { waiter } = current;
    if (waiter === null) {
      if (current.state === FAILED) noteFailure(current);
      break;
    }
    if (waiter === ROOT) {
      finishRoot(current);
      break;
    }
    value = current.value;
    failed = current.state !== DONE;
    if (value === UNWIND && current.process?.status === DEAD) break;
    if (failed) current.state = AWAITED;
    if (Array.isArray(waiter)) {
      if (failed) endAsyncFrames(value);
      for (const other of waiter) makeReady(other, value, failed);
      break;
    }
    current = waiter;
  }
  context.task = null;
  context.resumed = null;
}

/**
 * The `next` of all generators. Each generator function has a prototype of its own, so that reading it
 * from the generator would be a megamorphic load (7 ns of a slice).
 */
const nextOf: Coroutine<unknown>['next'] = Object.getPrototypeOf(function* () {}).prototype.next;

/** One step of the generator: up to its next yield or its end. */
function advance(task: Task, value: unknown, failed: boolean): void {
  const { generator } = task;
  if (generator === null) {
    finish(task, value, failed);
    return;
  }
  let step: IteratorResult<unknown, unknown>;
  try {
    step = failed ? resumeWithError(generator, value) : nextOf.call(generator, value);
  } catch (error) {
    task.generator = null;
    finish(task, error, true);
    return;
  }
  if (step.done === true) {
    task.generator = null;
    finishWith(task, step.value);
  }
}

/** A coroutine that returns a task or a promise takes over its outcome, as async functions do. */
function finishWith(task: Task, value: unknown): void {
  if (value instanceof Task) {
    const target = forwarded(value);
    if (target.state === DONE) finish(task, target.value, false);
    else if (target.state === FAILED || target.state === AWAITED) {
      target.state = AWAITED;
      finish(task, target.value, true);
    } else if (target === task) {
      finish(task, new TypeError('an async function returned its own promise'), true);
    } else forward(task, target);
    return;
  }
  let then: Then | null;
  try {
    then = thenOf(value);
  } catch (error) {
    finish(task, error, true);
    return;
  }
  if (then === null) finish(task, value, false);
  else parkOnThenable(task, value, then);
}

/**
 * A call in tail position: the returned task takes over who waits for this one, so that a loop that goes on
 * by returning a call of itself takes no more memory however long it runs.
 */
function forward(task: Task, target: Task): void {
  const { waiter } = task;
  const joins = waiter === null || (waiter === ROOT && target.waiter === null);
  if (target.process !== task.process || !(joins || (waiter !== ROOT && target.waiter !== ROOT))) {
    addWaiter(target, task);
    return;
  }
  if (waiter === ROOT || target.waiter === null) target.waiter = waiter;
  else if (Array.isArray(waiter)) for (const each of waiter) addWaiter(target, each);
  else if (waiter !== null) addWaiter(target, waiter as Task);
  task.waiter = null;
  task.state = FORWARDED;
  task.value = target;
}

function finish(task: Task, value: unknown, failed: boolean): void {
  task.state = failed ? FAILED : DONE;
  task.value = value;
}

/**
 * Run the entry function of a process in the current context. Its result is the process: when it
 * finishes, the process ends. Also how a process goes on with an empty stack (`erlang:hibernate/3`).
 */
export function runRoot(
  proc: Process,
  entry: (...args: never[]) => unknown,
  args: unknown[],
): void {
  const { scheduler } = context;
  let result: unknown;
  context.entry = entry;
  try {
    result =
      twinOf(entry) === undefined ? entry(...(args as never[])) : start(calling(entry, args));
  } catch (error) {
    scheduler?.rootFinished(proc, error, true);
    return;
  }
  if (result instanceof Task) {
    const root = forwarded(result);
    if (root.state === PENDING || root.state >= READY) awaitAsRoot(root, proc);
    else finishRoot(root);
    return;
  }
  if (typeof result !== 'object' || result === null) {
    scheduler?.rootFinished(proc, result, false);
    return;
  }
  const root = new Task(null, proc);
  root.waiter = ROOT;
  finishWith(root, result);
  if (root.state === DONE || root.state === FAILED) finishRoot(root);
}

function awaitAsRoot(task: Task, proc: Process): void {
  if (task.waiter === null) {
    task.waiter = ROOT;
    return;
  }
  // The entry function returned a task that others of its coroutines wait for as well.
  const root = new Task(null, proc);
  root.waiter = ROOT;
  addWaiter(task, root);
}

function finishRoot(root: Task): void {
  const failed = root.state !== DONE;
  if (failed) root.state = AWAITED;
  context.scheduler?.rootFinished(root.process as Process, root.value, failed);
}

function noteFailure(task: Task): void {
  if (task.process !== null) context.scheduler?.taskFailed(task);
}

function startIn<T>(process: Process | null, make: () => Coroutine<T>): Task<T> {
  const outer = context.process;
  context.process = process;
  const task = start(make());
  context.process = outer;
  return task;
}

function* reaction(
  task: Task,
  onFulfilled: ((value: never) => unknown) | null | undefined,
  onRejected: ((error: unknown) => unknown) | null | undefined,
): Coroutine<unknown> {
  let value: unknown;
  try {
    value = yield* settled(task);
  } catch (error) {
    if (typeof onRejected !== 'function') throw error;
    return onRejected(error);
  }
  return typeof onFulfilled === 'function' ? onFulfilled(value as never) : value;
}

function* finallyReaction(
  task: Task,
  onFinally: (() => unknown) | null | undefined,
): Coroutine<unknown> {
  try {
    return yield* settled(task);
  } finally {
    const result = onFinally?.();
    if (awaitValue(result) === PARK) yield;
  }
}

/** The outcome of a task, never in the same turn: callbacks of `then` run after their caller. */
function* settled(given: Task): Coroutine<unknown> {
  let task = forwarded(given);
  if (task.state === FAILED) task.state = AWAITED;
  if (task.state === PENDING || task.state >= READY) {
    addWaiter(task, context.task as Task);
    return yield;
  }
  makeReady(context.task as Task, undefined, false);
  yield;
  task = forwarded(task);
  if (task.state === AWAITED) throw task.value;
  return task.value;
}
