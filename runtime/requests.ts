/**
 * Requests: questions to another scheduler, and their answers.
 *
 * A question travels in the same channel as every other signal, so it is answered after everything
 * the asker has sent before (SEMANTICS 1.8: `isAlive` after `exit(pid, 'kill')` is false, always).
 *
 * Invariant: every question is answered once: by the peer, or with `undefined` when the peer dies.
 */

import type { Channel } from './channel.js';
import type { Scheduler } from './scheduler.js';
import type { RequestKind } from './signals.js';
import * as signal from './signals.js';

export interface Pending {
  readonly life: number;
  readonly answer: (value: unknown, failed: boolean) => void;
}

let lastId = 0;

/** Ask the scheduler at the other end of `channel`. `answer` runs on reception, outside of any process. */
export function request(
  scheduler: Scheduler,
  channel: Channel,
  to: string,
  kind: RequestKind,
  payload: unknown,
  answer: (value: unknown, failed: boolean) => void,
): void {
  lastId += 1;
  scheduler.requests.set(lastId, { life: channel.life, answer });
  channel.write(signal.REQUEST, to, lastId, kind, payload);
}

/** An answer has come. */
export function receiveReply(
  scheduler: Scheduler,
  id: number,
  value: unknown,
  failed: boolean,
): void {
  const pending = scheduler.requests.get(id);
  if (pending === undefined) return;
  scheduler.requests.delete(id);
  pending.answer(value, failed);
}

/** A peer died: its answers will not come. */
export function abandonRequests(scheduler: Scheduler, life: number): void {
  for (const [id, pending] of scheduler.requests) {
    if (pending.life === life) receiveReply(scheduler, id, undefined, false);
  }
}
