/**
 * The time-outs of a machine: one for the state, one for the next event, any number by name.
 *
 * A running time-out is a timer of the VM, so it takes its place among the messages when its time has
 * come. One of 0 ms is no timer: it waits in `due` until no event is left that is known already, and
 * still comes before any message that has not been received.
 *
 * Invariants:
 *  1. A key is in `running` while its time-out can still fire, with a timer or in `due`, never in both.
 *  2. After `cancelTimeout` nothing of the time-out is left: no timer, no message in the mailbox.
 *
 * This is plain data that functions work on, not a class: it outlives the version of the code that made it.
 *
 * Source: OTP, module `gen_statem`, "Time-Outs", "Time-Out Zero"; SEMANTICS 11.
 */

import { cancelTimer, type Ref, receive, self, startTimer, type Timeout } from 'tsvm';

/** `'state_timeout'`, `'event_timeout'`, or `'timeout:'` and the name of a generic one. */
export type TimeoutKey = string;

export const STATE_TIMEOUT = 'state_timeout';
export const EVENT_TIMEOUT = 'event_timeout';
const NAMED = 'timeout:';

export interface Timeouts {
  readonly running: Map<TimeoutKey, { ref: Ref | null; content: unknown }>;
  readonly byRef: Map<Ref, TimeoutKey>;
  /** Those of 0 ms, oldest first. */
  due: TimeoutKey[];
}

/** What is to happen to a time-out. */
export interface TimeoutChange {
  readonly key: TimeoutKey;
  readonly ms: number | 'cancel' | 'update';
  readonly content: unknown;
  readonly absolute: boolean;
}

export type TimeoutEvent =
  | { readonly type: 'state_timeout' | 'event_timeout'; readonly content: unknown }
  | { readonly type: 'timeout'; readonly name: string; readonly content: unknown };

export function newTimeouts(): Timeouts {
  return { running: new Map(), byRef: new Map(), due: [] };
}

export function namedTimeout(name: string): TimeoutKey {
  return NAMED + name;
}

export async function changeTimeout(timeouts: Timeouts, change: TimeoutChange): Promise<void> {
  const { key, ms, content, absolute } = change;
  const known = timeouts.running.get(key);
  if (ms === 'update' && known !== undefined) {
    known.content = content;
    return;
  }
  await cancelTimeout(timeouts, key);
  if (ms === 'cancel' || ms === Number.POSITIVE_INFINITY) return;
  if (ms === 'update' || (ms === 0 && !absolute)) {
    timeouts.running.set(key, { ref: null, content });
    timeouts.due.push(key);
    return;
  }
  const ref = startTimer(ms, self(), null, { absolute });
  timeouts.running.set(key, { ref, content });
  timeouts.byRef.set(ref, key);
}

export async function cancelTimeout(timeouts: Timeouts, key: TimeoutKey): Promise<void> {
  const known = timeouts.running.get(key);
  if (known === undefined) return;
  timeouts.running.delete(key);
  const { ref } = known;
  if (ref === null) {
    timeouts.due = timeouts.due.filter((each) => each !== key);
    return;
  }
  timeouts.byRef.delete(ref);
  if ((await cancelTimer(ref)) === false) {
    await receive((message: Timeout) => message?.type === 'timeout' && message.ref === ref, 0);
  }
}

/** The time-out whose timer sent this message, which is over now; undefined for any other message. */
export function firedBy(timeouts: Timeouts, message: unknown): TimeoutEvent | undefined {
  const { type, ref } = (message ?? {}) as Partial<Timeout>;
  if (type !== 'timeout' || ref === undefined) return undefined;
  const key = timeouts.byRef.get(ref);
  return key === undefined ? undefined : fire(timeouts, key);
}

/** The oldest time-out of 0 ms, which is over now. */
export function nextDue(timeouts: Timeouts): TimeoutEvent | undefined {
  const key = timeouts.due.shift();
  return key === undefined ? undefined : fire(timeouts, key);
}

function fire(timeouts: Timeouts, key: TimeoutKey): TimeoutEvent {
  const known = timeouts.running.get(key);
  timeouts.running.delete(key);
  if (known?.ref) timeouts.byRef.delete(known.ref);
  const content = known?.content;
  if (key === STATE_TIMEOUT || key === EVENT_TIMEOUT) return { type: key, content };
  return { type: 'timeout', name: key.slice(NAMED.length), content };
}
