/**
 * Abandoning: giving up one coroutine of a living process, wherever it stands, while the others go on.
 *
 * What waits is taken from where it would be woken; what stands on the stack, in plain code, unwinds at
 * its next check as the frames of a dead process do. No `finally` of it runs: as with a kill, it is not
 * asked.
 *
 * Invariant: nothing that is woken later (a timer, an answer, a native promise) resumes a frame that was
 * given up. Its tasks have no generator and no waiter any more.
 */

import { AWAITED, PENDING, READY, type Task, waitersOf } from './coroutine.js';
import { stacked, unwindFrames } from './preemption.js';
import type { Process, Receiver } from './process.js';
import type { Scheduler } from './scheduler.js';

type Meant = (task: Task) => boolean;

/** Give up `root` and all that it waits for. */
export function abandon(scheduler: Scheduler, proc: Process, root: Task): void {
  const isRoot: Meant = (task) => task === root;
  const onStack = stacked.some(
    ({ proc: below, resumed }) => below === proc && resumed !== null && leadsTo(resumed, isRoot),
  );
  // Their own unwinding ends the tasks that are on the stack.
  if (onStack) unwindFrames(proc);
  else abandonWhere(scheduler, proc, isRoot);
}

/** Give up every waiting coroutine that has a frame that `isMeant` says yes to. What is on the stack stays. */
export function abandonWhere(scheduler: Scheduler, proc: Process, isMeant: Meant): void {
  dropReceivers(scheduler, proc, isMeant);
  dropReady(proc, isMeant);
  const { outside } = proc;
  if (outside instanceof Set) {
    for (const task of outside) if (drop(task, isMeant)) outside.delete(task);
  } else if (outside !== null && drop(outside, isMeant)) proc.outside = null;
}

function dropReceivers(scheduler: Scheduler, proc: Process, isMeant: Meant): void {
  const { receiver, match, receiveTimer, extra } = proc;
  if (receiver === null) return;
  const all: Receiver[] = [{ task: receiver, match, timer: receiveTimer }];
  if (extra !== null) all.push(...extra.receivers);
  const kept = all.filter(({ task, timer }) => {
    if (!drop(task, isMeant)) return true;
    if (timer !== null) scheduler.timers.cancel(timer);
    return false;
  });
  if (kept.length === all.length) return;
  const first = kept.shift();
  proc.receiver = first?.task ?? null;
  proc.match = first?.match ?? null;
  proc.receiveTimer = first?.timer ?? null;
  if (extra !== null) extra.receivers = kept;
  proc.mailbox?.rewind();
}

function dropReady(proc: Process, isMeant: Meant): void {
  let last: Task | null = null;
  for (let task = proc.ready; task !== null; ) {
    const next: Task | null = task.link;
    if (!drop(task, isMeant)) last = task;
    else if (last === null) proc.ready = next;
    else last.link = next;
    task = next;
  }
}

/** @returns whether it was one of those to be given up: then it and all that wait for it have gone */
function drop(task: Task, isMeant: Meant): boolean {
  // One that is done has gone on already, and what waited for it may be on the stack.
  if (task.state !== PENDING && task.state < READY) return false;
  if (!leadsTo(task, isMeant)) return false;
  const gone = [task];
  for (let each = gone.pop(); each !== undefined; each = gone.pop()) {
    const waiting = waitersOf(each);
    if (Array.isArray(waiting)) gone.push(...waiting);
    else if (waiting !== null) gone.push(waiting);
    each.generator = null;
    each.waiter = null;
    each.link = null;
    each.state = AWAITED;
  }
  return true;
}

/** Is one of the task and those that wait for it meant? */
function leadsTo(first: Task, isMeant: Meant): boolean {
  let task = first;
  for (;;) {
    if (isMeant(task)) return true;
    const waiting = waitersOf(task);
    if (waiting === null) return false;
    if (Array.isArray(waiting)) return waiting.some((each) => leadsTo(each, isMeant));
    task = waiting;
  }
}
