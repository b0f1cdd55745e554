/**
 * Timers and clocks.
 *
 * Source: OTP, `erlang:send_after/4`, `start_timer/4`, `cancel_timer/2`, `read_timer/2`,
 * `monotonic_time/1`, `system_time/1`.
 */

import { addressKind } from '../runtime/address.js';
import { context, runningProcess, runningScheduler } from '../runtime/context.js';
import { complete, finished, pendingTask, type Task } from '../runtime/coroutine.js';
import { deliver } from '../runtime/delivery.js';
import { badarg } from '../runtime/errors.js';
import { request } from '../runtime/requests.js';
import type { RequestKind } from '../runtime/signals.js';
import type { Destination, MessageOf, Ref } from '../runtime/terms.js';
import {
  cancelHere,
  homeOfTimer,
  readHere,
  startTimer as start,
  wakeLater,
} from '../runtime/timer-service.js';
import { checkDestination, checkKeys, checkRef } from './check.js';

export interface TimerOptions {
  /** The time is a point of `monotonicTime()`, not a span. */
  readonly absolute?: boolean;
}

/**
 * Send a copy of `message` to a pid or name in `ms` milliseconds. `erlang:send_after/4`.
 *
 * A timer to a pid ends with that process; a name is looked up when the time has come. Never early.
 *
 * @param ms not negative; fractions count; beyond 2^31 is fine
 */
export function sendAfter<D extends Exclude<Destination, Ref>>(
  ms: number,
  to: D,
  message: MessageOf<D>,
  options: TimerOptions = {},
): Ref {
  return startChecked('sendAfter', ms, to, message, options, false);
}

/** As `sendAfter`, but `{type: 'timeout', ref, message}` is sent. `erlang:start_timer/4`. */
export function startTimer(
  ms: number,
  to: Exclude<Destination, Ref>,
  message: unknown,
  options: TimerOptions = {},
): Ref {
  return startChecked('startTimer', ms, to, message, options, true);
}

function startChecked(
  what: string,
  ms: number,
  to: string,
  message: unknown,
  options: TimerOptions,
  wrapped: boolean,
): Ref {
  const scheduler = runningScheduler(what);
  const absolute = options.absolute === true;
  if (
    typeof ms !== 'number' ||
    Number.isNaN(ms) ||
    ms === Number.POSITIVE_INFINITY ||
    (ms < 0 && !absolute)
  ) {
    throw badarg(`${what}: ms`, 'a finite number of milliseconds, not negative', ms);
  }
  checkDestination(what, to);
  checkKeys(what, options, ['absolute']);
  if (addressKind(to) === 'ref') throw badarg(`${what}: to`, 'a pid or a registered name', to);
  context.budget -= 1;
  return start(scheduler, absolute ? ms : scheduler.now() + ms, to, message, wrapped);
}

export interface CancelOptions {
  /** Do not wait: the answer comes as the message `{type: 'cancel_timer', ref, result}`. */
  readonly async?: boolean;
  /** false: do not tell the time left; the promise gives `'ok'`. */
  readonly info?: boolean;
}

/** The answer to an asynchronous `cancelTimer`. */
export interface CancelTimerAnswer {
  readonly type: 'cancel_timer';
  readonly ref: Ref;
  readonly result: number | false;
}

/**
 * Cancel a timer. `erlang:cancel_timer/2`.
 *
 * @returns whole milliseconds left: it will not fire; or false: it has fired (its message may still be
 *   under way), was cancelled, or never was
 */
export function cancelTimer(ref: Ref): Promise<number | false>;
export function cancelTimer(ref: Ref, options: CancelOptions): Promise<number | false | 'ok'>;
export function cancelTimer(ref: Ref, options: CancelOptions = {}): Promise<number | false | 'ok'> {
  const proc = runningProcess('cancelTimer');
  checkRef('cancelTimer', ref);
  checkKeys('cancelTimer', options, ['async', 'info']);
  const info = options.info !== false;
  if (options.async !== true && info) return ask(ref, 'cancel_timer');
  const scheduler = runningScheduler('cancelTimer');
  const tell = (result: unknown): void => {
    if (!info || options.async !== true) return;
    const answer: CancelTimerAnswer = {
      type: 'cancel_timer',
      ref,
      result: result as number | false,
    };
    if (scheduler.processes.find(proc.pid) === proc) deliver(scheduler, proc, answer);
  };
  const home = homeOfTimer(scheduler, ref);
  const channel = scheduler.channels.get(home);
  if (home === -1) tell(cancelHere(scheduler, ref));
  else if (channel === undefined) tell(false);
  else request(scheduler, channel, '', 'cancel_timer', ref, (result) => tell(result ?? false));
  return finished('ok') as Task<'ok'> as unknown as Promise<'ok'>;
}

/** How long a timer still has, in whole milliseconds; false as with `cancelTimer`. `erlang:read_timer/2`. */
export function readTimer(ref: Ref): Promise<number | false> {
  runningProcess('readTimer');
  checkRef('readTimer', ref);
  return ask(ref, 'read_timer');
}

function ask(ref: Ref, kind: RequestKind): Promise<number | false> {
  const scheduler = runningScheduler(kind);
  context.budget -= 1;
  const home = homeOfTimer(scheduler, ref);
  if (home === -1) {
    const left = kind === 'cancel_timer' ? cancelHere(scheduler, ref) : readHere(scheduler, ref);
    return finished(left) as Task<number | false> as unknown as Promise<number | false>;
  }
  const channel = scheduler.channels.get(home);
  if (channel === undefined) return finished(false) as Task<false> as unknown as Promise<false>;
  const outcome = pendingTask<number | false>(context.process);
  request(scheduler, channel, '', kind, ref, (left) =>
    complete(outcome as Task, left ?? false, false),
  );
  return outcome as unknown as Promise<number | false>;
}

/** Let `ms` milliseconds pass; messages that arrive meanwhile stay in the mailbox. `timer:sleep/1`. Parks. */
export function sleep(ms: number): Promise<void> {
  const proc = runningProcess('sleep');
  const scheduler = runningScheduler('sleep');
  if (typeof ms !== 'number' || !(ms >= 0)) {
    throw badarg('sleep: ms', 'a number of milliseconds, not negative', ms);
  }
  const outcome = pendingTask<void>(proc);
  if (ms !== Number.POSITIVE_INFINITY) wakeLater(scheduler, proc, outcome as Task, ms);
  return outcome as unknown as Promise<void>;
}

export type TimeUnit = 'second' | 'millisecond' | 'microsecond' | 'nanosecond';

const PER_MS: Readonly<Record<TimeUnit, number>> = {
  second: 0.001,
  millisecond: 1,
  microsecond: 1000,
  nanosecond: 1_000_000,
};

/** A clock that never goes back, the same on all schedulers. Milliseconds with fractions by default. `erlang:monotonic_time/1`. */
export function monotonicTime(unit: TimeUnit = 'millisecond'): number {
  return runningScheduler('monotonicTime').now() * unitFactor('monotonicTime', unit);
}

/** The time since 1970, in milliseconds by default. `erlang:system_time/1`. */
export function systemTime(unit: TimeUnit = 'millisecond'): number {
  return Date.now() * unitFactor('systemTime', unit);
}

function unitFactor(what: string, unit: TimeUnit): number {
  const factor = Object.hasOwn(PER_MS, unit) ? PER_MS[unit] : undefined;
  if (factor === undefined) throw badarg(`${what}: unit`, Object.keys(PER_MS).join(', '), unit);
  return factor;
}
