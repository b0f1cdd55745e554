/**
 * What a callback of a machine gave, read and checked: the actions of the list, in its order.
 *
 * Replies are sent while the list is read, as in OTP: those before a bad action have been sent.
 *
 * Source: OTP, module `gen_statem`, types `action/0`, `enter_action/0`, `reply_action/0`; SEMANTICS 11.
 */

import { exit, type From } from 'tsvm';
import {
  EVENT_TIMEOUT,
  namedTimeout,
  STATE_TIMEOUT,
  type TimeoutChange,
  type TimeoutEvent,
  type TimeoutKey,
} from './gen-statem-timeouts.js';
import { presentable } from './reasons.js';

/** An event as the machine keeps it. */
export type Event =
  | {
      readonly type: 'call';
      readonly name: unknown;
      readonly request: unknown;
      readonly from: From<unknown>;
    }
  | { readonly type: 'cast'; readonly name: unknown; readonly request: unknown }
  | { readonly type: 'info'; readonly message: unknown }
  | { readonly type: 'internal'; readonly content: unknown }
  | TimeoutEvent;

/** What callbacks may give, as far as it has been looked at. */
export interface AnyGiven {
  readonly next?: unknown;
  readonly keep?: unknown;
  readonly repeat?: unknown;
  readonly stop?: unknown;
  readonly data?: unknown;
  readonly reply?: unknown;
  readonly actions?: unknown;
}

/** What the actions of a callback, and of the enter calls it led to, come to. */
export interface Wishes {
  postpone: boolean;
  hibernate: boolean;
  readonly inserted: Event[];
  readonly timeouts: TimeoutChange[];
}

/** Where actions were given: not all are allowed everywhere. */
export type Place = 'event' | 'enter' | 'init' | 'stop';

export function noWishes(): Wishes {
  return { postpone: false, hibernate: false, inserted: [], timeouts: [] };
}

/**
 * @param answer sends a reply
 * @throws exits with `{kind: 'bad_action_from_state_function', value}`
 */
export function readActions(
  given: unknown,
  place: Place,
  wishes: Wishes,
  answer: (from: From<unknown>, value: unknown) => void,
): void {
  if (given === undefined) return;
  for (const action of Array.isArray(given) ? given : [given]) {
    if (typeof action !== 'object' || action === null) badAction(action);
    if (isFrom(action.to) && 'reply' in action) answer(action.to, action.reply);
    else if (place === 'stop') badAction(action);
    else if (typeof action.hibernate === 'boolean') wishes.hibernate = action.hibernate;
    else if (typeof action.postpone === 'boolean' && place === 'event') {
      wishes.postpone = action.postpone;
    } else if ('nextEvent' in action && place !== 'enter') {
      wishes.inserted.push(inserted(action));
    } else wishes.timeouts.push(timeoutChange(action));
  }
}

function isFrom(to: unknown): to is From<unknown> {
  return typeof (to as Partial<From<unknown>> | null | undefined)?.alias === 'string';
}

function inserted(action: { readonly nextEvent: unknown }): Event {
  const event = (action.nextEvent ?? {}) as Partial<Extract<Event, { type: 'call' }>>;
  switch (event.type as string) {
    case 'call':
      return isFrom(event.from) ? callEvent(event.request, event.from) : badAction(action);
    case 'cast':
      return castEvent(event.request);
    case 'info':
    case 'internal':
      return event as unknown as Event;
    default:
      return badAction(action);
  }
}

export function callEvent(request: unknown, from: From<unknown>): Event {
  return { type: 'call', name: typeOf(request), request, from };
}

export function castEvent(request: unknown): Event {
  return { type: 'cast', name: typeOf(request), request };
}

function typeOf(request: unknown): unknown {
  return (request as { readonly type?: unknown } | null | undefined)?.type;
}

function timeoutChange(action: Readonly<Record<string, unknown>>): TimeoutChange {
  const { content, absolute } = action;
  const [key, ms] = keyAndTime(action);
  const isTime = typeof ms === 'number' && (ms >= 0 || (absolute === true && !Number.isNaN(ms)));
  if (!isTime && ms !== 'cancel' && ms !== 'update') badAction(action);
  return { key, ms, content, absolute: absolute === true };
}

function keyAndTime(action: Readonly<Record<string, unknown>>): [TimeoutKey, unknown] {
  if ('stateTimeoutMs' in action) return [STATE_TIMEOUT, action['stateTimeoutMs']];
  if ('eventTimeoutMs' in action) return [EVENT_TIMEOUT, action['eventTimeoutMs']];
  const { timeout, ms } = action;
  return typeof timeout === 'string' ? [namedTimeout(timeout), ms] : badAction(action);
}

function badAction(action: unknown): never {
  return exit({ kind: 'bad_action_from_state_function', value: presentable(action) });
}

export function badReturn(value: unknown): never {
  return exit({ kind: 'bad_return_from_state_function', value: presentable(value) });
}
