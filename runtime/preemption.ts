/**
 * Pre-emption: what happens when a process has spent its budget in the middle of its code.
 *
 * The loader counts a reduction at function entries and two loop iterations as one (`lap`, every 64
 * iterations), or eight short ones (`laps`, after each part of such a loop). A coroutine that is out of budget
 * yields (`pause`). Plain code cannot, so it *re-enters* the scheduler on top of its own stack (`preempt`):
 * signals and timers; and one round of the run queue, where no coroutine called it, or it goes on for another
 * budget. Then it goes on with a new one. That is safe because processes share nothing.
 *
 * Guaranteed:
 *  1. Signals and timers are served, and a kill ends the process, at every depth of re-entry, as long as
 *     some stack is left (48 KB; 128 KB for slices of others).
 *  2. Endless async code never holds up others: it yields, and goes on in turn.
 *  3. What was started on top of a plain loop must end, or give way, before that loop goes on (there is one
 *     stack). There, functions that have twins are called by those (`twins.ts`), and give way: so any number
 *     of endless plain loops go on, if all but the lowest one are in such functions.
 *  4. A process that was preempted in plain code all the same (methods, accessors, callbacks of native code,
 *     functions inside of others), and a new one whose entry function is known for that, is not started
 *     there: it waits for its turn at the bottom, or for a tenth of a second. Such loops all make progress if they
 *     end; of several endless ones only the innermost does, until it is killed.
 *  5. Node's event loop gets its turn only when the stack is empty again: under an endless plain loop,
 *     sockets, files and native promises of this scheduler wait. A warning names the source line.
 *
 * Invariants:
 *  1. A coroutine pauses only if nobody but the scheduler, or callers that await it at once, is below it
 *     on the stack; else it counts as plain code, or its caller would overtake it.
 *  2. A paused task is the first that its process resumes: code without `await` stays atomic in it.
 *  3. Of a dead process nothing runs but frames that unwind: its budget stays spent, so every check throws.
 *
 * Source: OTP, ERTS, "Scheduling" (reductions); DESIGN measured in ARCHITECTURE.md.
 */

import { context } from './context.js';
import { isPausable, makeReadyFirst, type Task } from './coroutine.js';
import { UNWIND } from './errors.js';
import { entryKey } from './funs.js';
import { DEAD, FRESH, type Process } from './process.js';
import { REDUCTIONS_MAX, type Scheduler } from './scheduler.js';
import { hasRoom, type Probe, probe } from './stack-room.js';
import { SHORT_CALLS_MAX } from './twins.js';

/** Loop iterations between two calls of `lap`; the loader's check counts to it. */
export const LAP: number = 64;
const LAP_REDUCTIONS = LAP / 2;
/** Four short iterations count as one of others. */
export const SHORT_SHIFT: number = 2;
/** The longest part of a loop whose iterations are short. */
const PART_MAX = 2048;
/** The first lap of a slice is short, in case its iterations are long. */
const FIRST_LAP = 32;
const SHORT_LAP = 4;
/** Laps between two looks at the clock, while they are fast. */
const LAPS_PER_LOOK = 8;
/** What a lap counts for in short iterations. */
const LAP_WEIGHT = 1024;
/** A slice in loops ends after this time, whatever its budget. */
const SLICE_MS = 0.25;
/** How long a preempted process waits for others that can be run on top of it. */
const SERVE_MS = 1;
const DEPTH_MAX = 8;
/** The stack that must be left to run slices of others, and to receive signals. */
const ROOM_FOR_SLICES: Probe = probe(128 * 1024);
const ROOM_FOR_SIGNALS: Probe = probe(48 * 1024);
const WARN_MS = 1000;
/** How often the host program is served under plain code that goes on. */
const HOST_MS = 5;
const PLACES_MAX = 1000;
/** Between two looks at whether a wait in place is over. */
const NAP_MS = 0.25;

/** A process whose plain code is on the stack below what runs now, and the task that it had gone on with. */
export interface Stacked {
  readonly proc: Process;
  readonly resumed: Task | null;
}

const stack: Stacked[] = [];

/** The processes that others run on top of, outermost first. */
export const stacked: readonly Stacked[] = stack;

/** Living processes whose frames on the stack are to go; see `abandon.ts`. */
const unwinding: Set<Process> = new Set();

/** What a process has on the stack unwinds at its next check, as if it were dead; the process lives on. */
export function unwindFrames(proc: Process): void {
  unwinding.add(proc);
}

/** The frames are gone. */
export function unwound(proc: Process): void {
  unwinding.delete(proc);
}

/** Is its stack to go? */
export function isUnwinding(proc: Process): boolean {
  return unwinding.has(proc);
}

function isEnding(proc: Process): boolean {
  return proc.status === DEAD || (unwinding.size > 0 && unwinding.has(proc));
}

/** Entry functions whose processes had to be preempted in plain code in their first slice. */
const plainEntries: WeakSet<object> = new WeakSet();

// ---- what module code calls -----------------------------------------------------------------------

/** A function was entered with a spent budget. */
export function preempt(): void {
  const proc = context.process;
  const { scheduler } = context;
  if (proc === null || scheduler === null) {
    // Outside of slices (a module's top level, a callback of a native event) nothing can be served.
    context.budget = REDUCTIONS_MAX;
    return;
  }
  if (!isEnding(proc)) {
    reenter(scheduler, proc);
    if (!isEnding(proc)) return;
  }
  context.budget = -1;
  throw UNWIND;
}

/** The same in a coroutine. @returns true: it must yield now */
export function pause(): boolean {
  const { task } = context;
  if (task === null || !isPausable(task) || (task.process !== null && isEnding(task.process))) {
    preempt();
    return false;
  }
  makeReadyFirst(task as Task);
  return true;
}

/** A loop of plain code has gone `LAP` rounds. @returns where it begins to count the next ones */
export function lap(): number {
  context.budget -= LAP_REDUCTIONS;
  if (goesOn(LAP_WEIGHT)) return 0;
  const next = look();
  if (context.budget < 0) preempt();
  return next;
}

/** A part of a loop, so many short iterations. @returns where the next part begins to count */
export function laps(iterations: number): number {
  context.budget -= (iterations >> (SHORT_SHIFT + 1)) + 1;
  if (goesOn(iterations)) return LAP - (part >> SHORT_SHIFT);
  const next = look();
  if (context.budget < 0) preempt();
  return next === 0 ? LAP - (part >> SHORT_SHIFT) : next;
}

/** A loop of a coroutine. @returns as `lap`; below 0 it must yield now */
export function pauseLap(): number {
  context.budget -= LAP_REDUCTIONS;
  const owed = owesPause();
  if (!owed && goesOn(LAP_WEIGHT)) return 0;
  const next = look();
  return (owed || context.budget < 0) && pause() ? -1 : next;
}

/** A part of a loop of a coroutine. @returns as `laps`; `LAP` when it must yield now */
export function pauseLaps(iterations: number): number {
  context.budget -= (iterations >> (SHORT_SHIFT + 1)) + 1;
  const owed = owesPause();
  if (!owed && goesOn(iterations)) return LAP - (part >> SHORT_SHIFT);
  const next = look();
  if ((owed || context.budget < 0) && pause()) return LAP;
  return next === 0 ? LAP - (part >> SHORT_SHIFT) : next;
}

/** Is the code that asks that of a living process? `finally` blocks of dead ones do not run. */
export function living(): boolean {
  const proc = context.process;
  return proc === null || !isEnding(proc);
}

/**
 * Wait in the middle of plain code: others run on top of it meanwhile. For the rare call that must not go on yet
 * and has no coroutine that could park.
 *
 * @returns whether `isOver` was in time; unwinds the process if it is killed meanwhile
 */
export function waitInPlace(isOver: () => boolean, limitMs: number): boolean {
  const proc = context.process;
  const { scheduler } = context;
  if (proc === null || scheduler === null || context.sealed) return isOver();
  const until = performance.now() + limitMs;
  while (!isOver() && performance.now() < until) {
    const slices = stack.length < DEPTH_MAX && hasRoom(ROOM_FOR_SLICES);
    scheduler.charge(proc);
    serveOnTop(scheduler, proc, slices);
    if (isEnding(proc)) {
      context.budget = -1;
      throw UNWIND;
    }
    if (!scheduler.hasWork()) scheduler.nap(NAP_MS);
  }
  return isOver();
}

// ---- time -----------------------------------------------------------------------------------------

let lookedInSlice = -1;
let lookedAt = 0;
let weightToLook = 0;
let sliceEndsAt = 0;
/** How long the next part may be: longer with each look that saw fast iterations in this slice. */
let part: number = LAP << SHORT_SHIFT;

/** Neither the budget is spent nor is it time to look at the clock. */
function goesOn(weight: number): boolean {
  weightToLook -= weight;
  const { scheduler } = context;
  return (
    weightToLook > 0 &&
    context.budget >= 0 &&
    scheduler !== null &&
    scheduler.slice === lookedInSlice &&
    !scheduler.heldBack
  );
}

/** Now and then look at the clock, so that loops with slow iterations are not slow to give way. */
function look(): number {
  const { scheduler } = context;
  const slice = scheduler === null ? -1 : scheduler.slice;
  if (scheduler?.heldBack) context.budget = Math.min(context.budget, -1);
  if (slice === lookedInSlice && weightToLook > 0) return 0;
  const now = performance.now();
  scheduler?.beat();
  if (slice !== lookedInSlice) {
    lookedInSlice = slice;
    lookedAt = now;
    sliceEndsAt = now + SLICE_MS;
    weightToLook = 1;
    part = LAP << SHORT_SHIFT;
    return LAP - FIRST_LAP;
  }
  const took = now - lookedAt;
  const fast = took < SLICE_MS / 8;
  lookedAt = now;
  weightToLook = fast ? LAPS_PER_LOOK * LAP_WEIGHT : 1;
  part = fast ? Math.min(part * 4, PART_MAX) : LAP << SHORT_SHIFT;
  if (now >= sliceEndsAt) {
    context.budget = Math.min(context.budget, -1);
    sliceEndsAt = now + SLICE_MS;
  }
  return took > SLICE_MS ? LAP - SHORT_LAP : 0;
}

// ---- re-entry -------------------------------------------------------------------------------------

function reenter(scheduler: Scheduler, proc: Process): void {
  scheduler.charge(proc);
  noteStretch(scheduler, proc);
  if (context.sealed) return;
  serveHost(scheduler);
  // Also with nothing to run: the event loop waits for its turn, and perhaps what lies below on the stack.
  const first = !context.owesPause;
  context.owesPause = true;
  if (!scheduler.hasWork()) return;
  // Near the end of the stack the error must be the user's own, at a place where nothing is half done.
  if (!hasRoom(ROOM_FOR_SIGNALS)) return;
  // Signals and timers first: they need no catch point, and may end the process that is on its way.
  serveOnTop(scheduler, proc, false);
  if (proc.isDead) return;
  // Plain code is short, as a rule. Then the coroutine that called it yields, and nobody needs to run on top.
  if (first && owesPause()) return;
  markPlain(scheduler, proc);
  // Modules are evaluated, and others run, only where their code can be ended.
  if (scheduler.hasWork() && stack.length < DEPTH_MAX && hasRoom(ROOM_FOR_SLICES)) {
    const ownMs = stretchMs;
    serveOnTop(scheduler, proc, true);
    resumeStretch(scheduler, proc, ownMs);
  }
  if (scheduler.heldBack) context.budget = LAP;
}

/** Is the running task to yield, and may it? */
function owesPause(): boolean {
  return context.owesPause && context.task !== null && isPausable(context.task);
}

/** While the event loop has no turn: show figures, and do what the host program asks, such as to end. */
function serveHost(scheduler: Scheduler): void {
  const now = performance.now();
  if (now - hostServedAt < HOST_MS) return;
  hostServedAt = now;
  const { process, task, budget, yields, entry } = context;
  context.process = null;
  context.task = null;
  scheduler.standstill?.look(null);
  scheduler.serveHost();
  scheduler.standstill?.look(process);
  context.process = process;
  context.task = task;
  context.budget = process !== null && process.status === DEAD ? -1 : budget;
  context.yields = yields;
  context.entry = entry;
}

/** Source positions cuts the stacks of errors at this frame: what is below belongs to another process. */
function serveOnTop(scheduler: Scheduler, proc: Process, slices: boolean): void {
  const { process, task, resumed, budget, yields, twins, onTop, preemptions, owesPause, entry } =
    context;
  stack.push({ proc, resumed });
  const { running, guard } = scheduler;
  try {
    if (!slices || guard === null) scheduler.serve(slices ? SERVE_MS : 0, holdsStack);
    else if (!guard.run(() => scheduler.serve(SERVE_MS, holdsStack))) scheduler.endStuck(guard);
  } finally {
    stack.pop();
    scheduler.running = running;
    scheduler.beat();
    context.process = process;
    context.task = task;
    context.resumed = resumed;
    context.budget = budget;
    context.yields = yields;
    context.twins = twins;
    context.onTop = onTop;
    context.preemptions = preemptions;
    context.owesPause = owesPause;
    context.entry = entry;
    scheduler.standstill?.look(process);
  }
}

/** Would this process, started on top of another, be likely to stay there? */
function holdsStack(scheduler: Scheduler, proc: Process): boolean {
  if (proc.status === FRESH) return plainEntries.has(entryKey(proc.entry));
  return scheduler.preempted.has(proc);
}

/**
 * From now on the calls of the process go to twins. What had to be preempted in spite of that, and did not give
 * way in a whole budget after it, has none, or is called by something that has none: it holds the stack.
 */
function markPlain(scheduler: Scheduler, proc: Process): void {
  const isFirst = context.entry === proc.entry;
  if (context.twins < 0) {
    proc.shortCallsLeft = SHORT_CALLS_MAX;
    return;
  }
  context.preemptions += 1;
  if (context.preemptions < 2) return;
  if (isFirst && !scheduler.preempted.has(proc)) plainEntries.add(entryKey(proc.entry));
  scheduler.preempted.set(proc, scheduler.slice);
}

// ---- the warning ----------------------------------------------------------------------------------

/** The plain code that runs now without a stop: whose it is, and how long it has run itself. */
let stretchOf: Process | null = null;
let stretchSlice = -1;
let stretchMs = 0;
let resumedAt = 0;
let hostServedAt = 0;
const warnedPlaces: Set<string> = new Set();

function noteStretch(scheduler: Scheduler, proc: Process): void {
  const now = performance.now();
  if (stretchOf !== proc || stretchSlice !== scheduler.slice) {
    stretchOf = proc;
    stretchSlice = scheduler.slice;
    stretchMs = 0;
    resumedAt = now;
    return;
  }
  const before = stretchMs;
  stretchMs += now - resumedAt;
  resumedAt = now;
  if (before < WARN_MS && stretchMs >= WARN_MS) warn(scheduler, proc);
}

/** What ran on top may have had stretches of its own. */
function resumeStretch(scheduler: Scheduler, proc: Process, ownMs: number): void {
  stretchOf = proc;
  stretchMs = ownMs;
  stretchSlice = scheduler.slice;
  resumedAt = performance.now();
}

function warn(scheduler: Scheduler, proc: Process): void {
  const place = userPlace();
  // One loop may give way at several places of its line.
  const line = place.replace(/:\d+\)?$/, '');
  if (warnedPlaces.has(line) || warnedPlaces.size >= PLACES_MAX) return;
  warnedPlaces.add(line);
  scheduler.log(
    'warning',
    `plain code has run for ${WARN_MS / 1000} s without a stop at ${place}: meanwhile sockets, files and ` +
      'promises of its scheduler wait. Make it an async function, or run it with dirty()',
    proc.pid,
  );
}

/** A frame of this file: as it is, and in the one file of the thread. */
const OWN_FRAME = /\/(runtime\/preemption|threads\/scheduler-thread)\./;

/** The user's source line that runs now; the machine's own frames are not shown in mapped stacks. */
function userPlace(): string {
  const [, ...frames] = (new Error('place').stack ?? '').split('\n');
  const frame = frames.find((line) => !OWN_FRAME.test(line)) ?? '(unknown)';
  return frame.trim().replace(/^at /, '');
}
