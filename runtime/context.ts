/**
 * Context: what runs now on this thread.
 *
 * One object per thread, written by the scheduler's run loop and read by every built-in function.
 * `process` is `null` outside of slices: in the callbacks of Node's event loop, and in any thread
 * that is no scheduler.
 *
 * Invariant: whoever sets `process` or `task` puts back what was there before it returns, so that
 * a slice that runs on top of another stack leaves the outer one as it was.
 */

import type { Task } from './coroutine.js';
import { ProcessError, UNWIND } from './errors.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { Tracer } from './tracing.js';
import { NO_TWINS } from './twins.js';

export interface Context {
  scheduler: Scheduler | null;
  process: Process | null;
  task: Task | null;
  /** The task that the slice went on with: at the bottom of its stack, and the only one there that others wait for. */
  resumed: Task | null;
  /** Reductions left of the slice; at or below 0 the process yields at its next scheduling point. */
  budget: number;
  /** The process wants its slice to end, however much is left of it. */
  yields: boolean;
  /** The next coroutine to be started is awaited at once by the one that runs. */
  awaited: boolean;
  /** The entry function that was called last in this slice; see `isPausable`. */
  entry: ((...args: never[]) => unknown) | null;
  /** Above 0: plain functions that may run long are called by their twins, so many inside each other; see `twins.ts`. */
  twins: number;
  /** The slice runs on top of a preempted process. */
  onTop: boolean;
  /** The share is used up, in plain code: the coroutine below it yields at its next check. */
  owesPause: boolean;
  /** How often the slice was preempted in plain code in spite of twins. */
  preemptions: number;
  /** Sees what happens, for the traces that are on; null without one. */
  tracer: Tracer | null;
  /** The generator that is resumed now is to throw what it is resumed with; see `async-frames.ts`. */
  raising: boolean;
  /** Something half done would be seen: no other process may run on top of this stack now. */
  sealed: boolean;
}

export const context: Context = {
  scheduler: null,
  process: null,
  task: null,
  resumed: null,
  budget: 0,
  yields: false,
  awaited: false,
  entry: null,
  twins: NO_TWINS,
  onTop: false,
  owesPause: false,
  preemptions: 0,
  tracer: null,
  raising: false,
  sealed: false,
};

/** The running process; raises where there is none, and unwinds one that is dead already. */
export function runningProcess(what: string): Process {
  const proc = context.process;
  if (proc === null) throw outsideProcess(what);
  if (proc.isDead) throw UNWIND;
  return proc;
}

/** The scheduler of this thread; raises where there is none. */
export function runningScheduler(what: string): Scheduler {
  const scheduler = context.scheduler;
  if (scheduler === null) throw outsideProcess(what);
  return scheduler;
}

function outsideProcess(what: string): ProcessError {
  return new ProcessError(
    'badarg',
    `${what}: must be called by a process; there is none here (the top level of a module, a callback of ` +
      'a Node event or of a native promise). Await instead, or turn the events into messages with forward().',
  );
}
