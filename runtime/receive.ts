/**
 * Receive: taking messages out of the mailbox of the running process.
 *
 * A receive that finds its message goes on at once. Otherwise it becomes the process's *receiver*
 * and parks; a message that arrives makes the process runnable, and the match is tried in the
 * receiver's own slice, never in the sender's. Several coroutines of one process may wait at the
 * same time (`Promise.all`): the first keeps the save queue, the others scan from the start.
 *
 * Invariants:
 *  1. The timer runs once per receive; messages that do not match do not restart it.
 *  2. A message that is in the mailbox when the timer fires wins over the time-out.
 *
 * Source: OTP Reference Manual, "Expressions" › "Receive".
 */

import { serialOf } from './address.js';
import { context, runningProcess } from './context.js';
import { PARK, resume, type Task } from './coroutine.js';
import { badarg, describe, ProcessError } from './errors.js';
import { Mailbox, type Match, NONE } from './mailbox.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { Ref } from './terms.js';
import { TIMEOUT } from './timeout.js';
import { Timer } from './timers.js';

export interface ReceiveOptions {
  /** Milliseconds until the receive gives up, fractions allowed; 0 only looks. Default: for ever. */
  readonly timeoutMs?: number;
  /** The message cannot be older than this reference: older ones are not looked at. */
  readonly since?: Ref;
}

const TIMEOUT_MS_MAX = 2 ** 32 - 1;
/** Further back than this, epochs (32 bits) cannot be compared: the whole mailbox is scanned. */
const EPOCH_SPAN_MAX = 2 ** 30;

/** Shown in `receiveTimer` of a receive whose time is up but that has not run yet. */
const EXPIRED = new Timer(0, () => {}, null);

/** @returns the message, TIMEOUT, or PARK and then the coroutine must yield */
export function receive(match?: Match, options?: ReceiveOptions | number): unknown {
  const proc = context.process;
  const isPlain =
    proc !== null &&
    options === undefined &&
    proc.receiver === null &&
    (match === undefined || typeof match === 'function');
  if (!isPlain || --context.budget <= 0) return receiveWith(match, options);
  const { mailbox } = proc;
  if (mailbox !== null) {
    mailbox.rewind();
    if (mailbox.length > 0) {
      const message = match === undefined ? mailbox.shift() : mailbox.take(match);
      if (message !== NONE) return message;
    }
  }
  proc.receiver = context.task;
  proc.match = match ?? null;
  return PARK;
}

function receiveWith(
  match: Match | undefined,
  options: ReceiveOptions | number | undefined,
): unknown {
  const proc = runningProcess('receive');
  if (match !== undefined && typeof match !== 'function') {
    throw badarg('receive: match', 'a function or undefined', match);
  }
  const timeoutMs = timeoutOf(options);
  const since = typeof options === 'object' ? options.since : undefined;
  // The head of the mailbox is taken without a look at the save queue, so `since` needs a match.
  if (since !== undefined) match ??= anyMessage;
  if (proc.receiver !== null) return queueBehind(proc, match ?? null, timeoutMs);
  proc.mailbox ??= new Mailbox();
  const { mailbox } = proc;
  mailbox.rewind();
  if (since !== undefined) skipOlder(proc, since);
  context.budget -= 1;
  if (context.budget > 0) {
    const message = match === undefined ? mailbox.shift() : mailbox.take(match);
    if (message !== NONE) return message;
    if (timeoutMs === 0) return TIMEOUT;
  }
  proc.receiver = context.task;
  proc.match = match ?? null;
  if (timeoutMs !== Number.POSITIVE_INFINITY) proc.receiveTimer = startTimeout(proc, timeoutMs);
  return PARK;
}

const anyMessage: Match = () => true;

function timeoutOf(options: ReceiveOptions | number | undefined): number {
  const isObject = typeof options === 'object' && options !== null;
  // A misspelt limit would otherwise wait for ever.
  if (isObject) checkOptions(options);
  const timeoutMs = isObject ? options.timeoutMs : options;
  if (timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY)
    return Number.POSITIVE_INFINITY;
  checkTimeout('receive', timeoutMs);
  return timeoutMs;
}

/** @throws `timeout_value` for a limit outside 0 … 2^32-1 that is not Infinity */
export function checkTimeout(what: string, timeoutMs: unknown): asserts timeoutMs is number {
  const ok =
    timeoutMs === Number.POSITIVE_INFINITY ||
    (typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX);
  if (ok) return;
  throw new ProcessError(
    'timeout_value',
    `${what}: timeoutMs: expected 0 to ${TIMEOUT_MS_MAX} ms or Infinity, got ${describe(timeoutMs)}`,
  );
}

function checkOptions(options: ReceiveOptions): void {
  for (const key in options) {
    if (key !== 'timeoutMs' && key !== 'since') {
      throw badarg('receive: options', 'only timeoutMs, since', key);
    }
  }
}

/** The reference optimisation, for references made on this scheduler. */
function skipOlder(proc: Process, since: Ref): void {
  const scheduler = context.scheduler as Scheduler;
  if (typeof since !== 'string') throw badarg('receive: since', 'a reference', since);
  if (since === scheduler.lastRef) {
    proc.mailbox?.skipTo(scheduler.refSerial | 0);
    return;
  }
  if (!since.startsWith(scheduler.refPrefix)) return;
  const serial = serialOf(since, scheduler.refPrefix.length);
  if (serial >= 0 && scheduler.refSerial - serial < EPOCH_SPAN_MAX)
    proc.mailbox?.skipTo(serial | 0);
}

function startTimeout(proc: Process, timeoutMs: number): Timer {
  const scheduler = context.scheduler as Scheduler;
  const timer = new Timer(scheduler.now() + timeoutMs, expired, proc);
  if (timeoutMs === 0) return EXPIRED;
  scheduler.timers.start(timer);
  return timer;
}

function expired(timer: Timer): void {
  const proc = timer.subject as Process;
  if (proc.receiveTimer === timer) proc.receiveTimer = EXPIRED;
  else expireBehind(proc, timer);
  context.scheduler?.wake(proc);
}

/**
 * Give a parked receive its message, or its time-out.
 *
 * @returns whether a coroutine ran
 */
export function resumeReceiver(scheduler: Scheduler, proc: Process): boolean {
  const task = proc.receiver;
  if (task === null) return false;
  const { mailbox, match } = proc;
  let message: unknown = NONE;
  if (mailbox !== null) {
    if (match === null) message = mailbox.shift();
    else {
      context.task = task;
      try {
        message = mailbox.take(match);
      } catch (error) {
        stopReceiving(scheduler, proc);
        resume(task, error, true);
        return true;
      }
    }
  }
  if (message === NONE) {
    if (proc.receiveTimer !== EXPIRED) return proc.extra !== null && resumeBehind(scheduler, proc);
    message = TIMEOUT;
  }
  stopReceiving(scheduler, proc);
  resume(task, message, false);
  return true;
}

function stopReceiving(scheduler: Scheduler, proc: Process): void {
  const timer = proc.receiveTimer;
  if (timer !== null) {
    scheduler.timers.cancel(timer);
    proc.receiveTimer = null;
  }
  proc.receiver = null;
  proc.match = null;
  const { extra } = proc;
  if (extra !== null && extra.receivers.length > 0) promote(proc);
}

// ---- several coroutines of one process that receive at the same time -----------------------------

function queueBehind(proc: Process, match: Match | null, timeoutMs: number): typeof PARK {
  const receivers = proc.more().receivers;
  const timer =
    timeoutMs === Number.POSITIVE_INFINITY ? null : startTimeout(proc, Math.max(timeoutMs, 0.001));
  receivers.push({ task: context.task as Task, match, timer });
  // It may find its message in what the first one passed over: let the slice look.
  proc.mailbox?.rewind();
  return PARK;
}

/** The longest waiting of the others becomes the receiver. */
function promote(proc: Process): void {
  const next = proc.more().receivers.shift();
  if (next === undefined) return;
  proc.receiver = next.task;
  proc.match = next.match;
  proc.receiveTimer = next.timer;
  proc.mailbox?.rewind();
}

function resumeBehind(scheduler: Scheduler, proc: Process): boolean {
  const receivers = proc.more().receivers;
  const { mailbox } = proc;
  for (let index = 0; index < receivers.length && mailbox !== null; index++) {
    const { task, match, timer } = receivers[index] as (typeof receivers)[number];
    mailbox.rewind();
    let message: unknown;
    let failed = false;
    context.task = task;
    try {
      message = match === null ? mailbox.shift() : mailbox.take(match);
    } catch (error) {
      message = error;
      failed = true;
    }
    if (message === NONE) continue;
    receivers.splice(index, 1);
    if (timer !== null) scheduler.timers.cancel(timer);
    resume(task, message, failed);
    return true;
  }
  return false;
}

function expireBehind(proc: Process, timer: Timer): void {
  const receivers = proc.more().receivers;
  const index = receivers.findIndex((receiver) => receiver.timer === timer);
  const [receiver] = index < 0 ? [] : receivers.splice(index, 1);
  if (receiver !== undefined) context.scheduler?.timeOut(receiver.task);
}
