/**
 * Async frames: the callers that waited for what failed, for the stack of an error.
 *
 * When code goes on after an `await`, those who called it are not on V8's stack: each of them is a generator
 * that is parked. V8 does not tell where one stands. But an error that nobody catches goes on through all of
 * them, and each is resumed for it where it waits. So a failure is not thrown *into* the generator: it is
 * resumed as if with a value, in `$resumed(yield, place)`, and that throws, with the caller's own frame below it.
 * The place is where the source says `await`: V8 only knows where the generated text does.
 *
 * Cost: nothing when nothing fails but a look at a flag at each resumption; some 2 microseconds a caller when
 * something does.
 *
 * Invariants:
 *  1. Whoever sets `context.raising` resumes at once a generator that stands in `$resumed(yield, …)`.
 *  2. The frames of an error are those of one chain of callers, innermost first: where several wait for the
 *     same task, the chain ends.
 *
 * Source: V8, "Zero-cost async stack traces", which has the chain of promises instead.
 */

import { isOwned } from './code-instance.js';
import { context } from './context.js';
import { NativeError } from './native-error.js';

/** As many as a stack shows. */
const FRAMES_MAX = 20;
/** Where stacks are taken with fewer frames than this, nobody reads them all; see `stack-storm.ts`. */
const FRAMES_WORTHWHILE = 20;

/** Columns from here on count as the last one. */
const COLUMNS = 1024;

/** A caller that waits: its frame, and where the source says so. */
export interface AsyncFrame {
  readonly site: NodeJS.CallSite;
  readonly line: number;
  readonly column: number;
}

/** A place in the source, line and column from 1, as one small number for generated text. */
export function placeNumber(line: number, column: number): number {
  return line * COLUMNS + Math.min(column, COLUMNS - 1);
}

interface Trail {
  readonly frames: AsyncFrame[];
  ended: boolean;
}

const trails: WeakMap<object, Trail> = new WeakMap();

/** The callers that an error has passed so far, innermost first. */
export function asyncFramesOf(error: object): readonly AsyncFrame[] {
  return trails.get(error)?.frames ?? [];
}

/** Several wait for what has failed: who called whom beyond that is no longer one chain. */
export function endAsyncFrames(error: unknown): void {
  if (!(error instanceof NativeError)) return;
  const trail = trails.get(error);
  if (trail !== undefined) trail.ended = true;
  else trails.set(error, { frames: [], ended: true });
}

/** What a generator of a module is resumed with. @param place of `placeNumber` */
export function resumed<T>(value: T, place: number): T {
  if (context.raising) raise(value, place);
  return value;
}

/** Let what a coroutine waits for fail. `generator` waits for a value; it does not pause. */
export function resumeWithError<R>(
  generator: Generator<unknown, R, unknown>,
  error: unknown,
): IteratorResult<unknown, R> {
  if (!isOwned(generator)) return generator.throw(error);
  context.raising = true;
  return generator.next(error);
}

function raise(error: unknown, place: number): never {
  context.raising = false;
  if (error instanceof NativeError) noteCaller(error, place);
  throw error;
}

function noteCaller(error: Error, place: number): void {
  if (NativeError.stackTraceLimit < FRAMES_WORTHWHILE) return;
  let trail = trails.get(error);
  if (trail === undefined) {
    trail = { frames: [], ended: false };
    trails.set(error, trail);
  }
  if (trail.ended || trail.frames.length >= FRAMES_MAX) return;
  const site = callerOf(raise);
  if (site === undefined) return;
  trail.frames.push({ site, line: Math.floor(place / COLUMNS), column: place % COLUMNS });
}

/** Two frames above `fn` is the generator: between them is `resumed`. */
function callerOf(fn: (...args: never[]) => unknown): NodeJS.CallSite | undefined {
  const { prepareStackTrace, stackTraceLimit } = NativeError;
  const holder: { stack?: unknown } = {};
  let site: NodeJS.CallSite | undefined;
  NativeError.stackTraceLimit = 2;
  NativeError.prepareStackTrace = (_error, sites) => {
    site = sites[1];
    return '';
  };
  try {
    NativeError.captureStackTrace(holder, fn);
    void holder.stack;
  } finally {
    NativeError.stackTraceLimit = stackTraceLimit;
    NativeError.prepareStackTrace = prepareStackTrace;
  }
  return site;
}
