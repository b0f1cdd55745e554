/**
 * Timer service: messages that arrive later.
 *
 * A timer lives on the scheduler of the process it is addressed to, and ends with that process; one
 * addressed to a name lives where it was started, and the name is resolved when it is due. The
 * reference of a timer that lives elsewhere carries its home as a fourth part.
 *
 * Invariant: exactly one of the two happens: the message is delivered, or `cancel` gives the time left.
 *
 * Source: OTP, `erlang:start_timer/4`, `erlang:send_after/4`, `erlang:cancel_timer/2`; SEMANTICS §6.
 */

import { addressKind, timerHomeOf } from './address.js';
import { rerooted } from './clone-error.js';
import { context } from './context.js';
import { copy } from './copy.js';
import { complete, type Task } from './coroutine.js';
import { channelTo, deliver, sendToPid } from './delivery.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import * as signal from './signals.js';
import type { Pid, Ref, Timeout } from './terms.js';
import { Timer } from './timers.js';

/** Instead of the serial of a reference that another scheduler has made. */
const FOREIGN = -1;

/** Of a timer to a name; one to a process has the message itself. */
interface Named {
  readonly to: string;
  readonly message: unknown;
}

/**
 * @param due when, in milliseconds of `Scheduler.now`
 * @param wrapped deliver `{type: 'timeout', ref, message}` instead of the bare message
 */
export function startTimer(
  scheduler: Scheduler,
  due: number,
  to: string,
  message: unknown,
  wrapped: boolean,
): Ref {
  const own = scheduler.makeRef();
  const serial = scheduler.refSerial;
  if (addressKind(to) !== 'pid') {
    const named: Named = { to, message: wrap(own, copy(message), wrapped) };
    beginHere(scheduler, new Timer(due, fireToName, named, null, own, serial));
    return own;
  }
  const proc = scheduler.processes.find(to);
  if (proc !== null) {
    const content = wrap(own, copy(message), wrapped);
    beginHere(scheduler, new Timer(due, fire, content, proc, own, serial));
    return own;
  }
  const channel = channelTo(scheduler, to);
  if (channel === undefined) {
    copy(message);
    return own;
  }
  const ref = `${own.slice(0, -1)}.${channel.life}>` as Ref;
  try {
    channel.write(signal.START_TIMER, to, ref, due, [wrapped, message]);
  } catch (error) {
    throw rerooted(error, 'message[1]', 'message');
  }
  return ref;
}

function wrap(ref: Ref, message: unknown, wrapped: boolean): unknown {
  if (!wrapped) return message;
  const timeout: Timeout = { type: 'timeout', ref, message };
  return timeout;
}

/** A START_TIMER signal has come. To a process that is gone it is nothing. */
export function receiveTimer(
  scheduler: Scheduler,
  proc: Process | null,
  ref: Ref,
  due: number,
  payload: unknown,
): void {
  if (proc === null) return;
  const [wrapped, message] = payload as [boolean, unknown];
  const timer = new Timer(due, fire, wrap(ref, message, wrapped), proc, ref, FOREIGN);
  scheduler.foreignTimers.set(ref, timer);
  begin(scheduler, timer);
}

function beginHere(scheduler: Scheduler, timer: Timer): void {
  scheduler.timersByRef.add(timer);
  begin(scheduler, timer);
}

function begin(scheduler: Scheduler, timer: Timer): void {
  scheduler.timers.start(timer);
  scheduler.followUp();
  if (timer.proc !== null) endWith(timer.proc, timer);
}

/** Wake a task of `proc` in `ms` milliseconds; the timer ends with the process. */
export function wakeLater(scheduler: Scheduler, proc: Process, task: Task, ms: number): void {
  const timer = new Timer(scheduler.now() + ms, wakeTask, task);
  scheduler.timers.start(timer);
  scheduler.followUp();
  endWith(proc, timer);
}

function wakeTask(timer: Timer): void {
  const task = timer.subject as Task;
  leave(task.process as Process, timer);
  complete(task, undefined, false);
}

function fire(timer: Timer): void {
  const scheduler = context.scheduler as Scheduler;
  forget(scheduler, timer);
  deliver(scheduler, timer.proc as Process, timer.subject);
}

function fireToName(timer: Timer): void {
  const scheduler = context.scheduler as Scheduler;
  const { to, message } = timer.subject as Named;
  forget(scheduler, timer);
  const pid = scheduler.names.get(to) as Pid | undefined;
  if (pid !== undefined) sendToPid(scheduler, pid, message);
}

function forget(scheduler: Scheduler, timer: Timer): void {
  forgetRef(scheduler, timer);
  if (timer.proc !== null) leave(timer.proc, timer);
}

function forgetRef(scheduler: Scheduler, timer: Timer): void {
  const { ref, serial } = timer;
  if (ref === null) return;
  if (serial === FOREIGN) scheduler.foreignTimers.delete(ref);
  else scheduler.timersByRef.delete(timer);
}

function find(scheduler: Scheduler, ref: Ref): Timer | undefined {
  return scheduler.timersByRef.find(ref) ?? scheduler.foreignTimers.get(ref);
}

/** Put a timer on the list of those that end with the process. */
function endWith(proc: Process, timer: Timer): void {
  const extra = proc.more();
  timer.following = extra.timers;
  if (extra.timers !== null) extra.timers.previous = timer;
  extra.timers = timer;
}

function leave(proc: Process, timer: Timer): void {
  const { previous, following } = timer;
  if (previous !== null) previous.following = following;
  else if (proc.extra !== null) proc.extra.timers = following;
  if (following !== null) following.previous = previous;
  timer.previous = null;
  timer.following = null;
}

/** The process that a timer belongs to has ended. */
export function endTimer(scheduler: Scheduler, timer: Timer): void {
  scheduler.timers.cancel(timer);
  forgetRef(scheduler, timer);
}

/** @returns whole milliseconds left, or false: unknown, fired or cancelled */
export function cancelHere(scheduler: Scheduler, ref: Ref): number | false {
  const timer = find(scheduler, ref);
  if (timer === undefined) return false;
  scheduler.timers.cancel(timer);
  forget(scheduler, timer);
  return left(scheduler, timer);
}

export function readHere(scheduler: Scheduler, ref: Ref): number | false {
  const timer = find(scheduler, ref);
  return timer === undefined ? false : left(scheduler, timer);
}

function left(scheduler: Scheduler, timer: Timer): number {
  return Math.max(0, Math.ceil(timer.due - scheduler.now()));
}

/** The life of the scheduler where the timer lives, -1 for this one. */
export function homeOfTimer(scheduler: Scheduler, ref: Ref): number {
  if (scheduler.timersByRef.find(ref) !== undefined) return -1;
  const home = timerHomeOf(ref);
  if (home === scheduler.life) return -1;
  if (home >= 0) return home;
  return ref.startsWith(scheduler.refPrefix) ? -1 : scheduler.homeOf(ref);
}
