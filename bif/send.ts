/**
 * Sending and receiving.
 *
 * Source: OTP Reference Manual, "Expressions" › "Send", "Receive"; `erlang:send/2`.
 */

import { context, runningProcess, runningScheduler } from '../runtime/context.js';
import { type Coroutine, PARK, start, type Task } from '../runtime/coroutine.js';
import { sendToAlias, sendToPeer, sendToPid } from '../runtime/delivery.js';
import { badarg, ProcessError } from '../runtime/errors.js';
import type { Match } from '../runtime/mailbox.js';
import { type ReceiveOptions, receive as receiveNow } from '../runtime/receive.js';
import type { Destination, MessageOf, Pid, Ref } from '../runtime/terms.js';
import { TIMEOUT, type TimedOut } from '../runtime/timeout.js';
import { checkDestination, checkKeys } from './check.js';

export type { ReceiveOptions, TimedOut };
export { TIMEOUT };

export interface SendOptions {
  /** Buffers inside the message that are moved, not copied: the sender's become empty. */
  readonly transfer?: readonly ArrayBuffer[];
}

const LESS_THAN = 60;
const HASH = 35;

/**
 * Send a copy of `message`, asynchronously. `erlang:send/2`.
 *
 * To a pid or alias that is gone it does nothing; to a name that nobody has it raises `badarg`.
 *
 * @throws DataCloneError, naming the place (`message.items[3].cb is a function`); nothing is then sent
 * Cost: the copy, and about 50 ns; between schedulers the encoding. Does not park, but a process that
 *   overruns another scheduler is held back at its next `await`.
 */
export function send<D extends Destination>(
  to: D,
  message: MessageOf<D>,
  options?: SendOptions,
): void {
  const scheduler = context.scheduler ?? runningScheduler('send');
  context.budget -= 1;
  if (context.budget < 0 && context.process !== null) runningProcess('send');
  if (context.tracer !== null && context.process !== null)
    context.tracer.sent(context.process, String(to), message);
  if (options === undefined && sendToPeer(scheduler, to, message)) return;
  if (typeof to !== 'string') checkDestination('send', to);
  const transfer = options === undefined ? undefined : transferOf(options);
  const first = to.charCodeAt(0);
  if (first === LESS_THAN) sendToPid(scheduler, to as unknown as Pid, message, transfer);
  else if (first === HASH && to.startsWith('#Ref<')) {
    sendToAlias(scheduler, to as unknown as Ref, message, transfer);
  } else {
    checkDestination('send', to);
    const pid = scheduler.names.get(to) as Pid | undefined;
    if (pid === undefined) {
      throw new ProcessError('badarg', `send: no process is registered as ${JSON.stringify(to)}`);
    }
    sendToPid(scheduler, pid, message, transfer);
  }
}

function transferOf(options: SendOptions): readonly ArrayBuffer[] | undefined {
  checkKeys('send', options, ['transfer']);
  const { transfer } = options;
  if (transfer === undefined) return undefined;
  if (!Array.isArray(transfer) || !transfer.every((buffer) => buffer instanceof ArrayBuffer)) {
    throw badarg('send: transfer', 'an array of ArrayBuffers', transfer);
  }
  return transfer.length === 0 ? undefined : transfer;
}

/** A predicate over the messages that a process expects; a type guard says the type of what it finds. */
export type Guard<M> = (message: M) => boolean;

/**
 * Take the oldest message that matches; the others stay, in order. `receive … after … end`.
 *
 * @param match pure: it may see a message again at the next receive. Without one any message matches
 * @param options a time limit in ms (0 only looks), or `{timeoutMs, since}`; `since: ref` says that
 *   the message cannot be older than `ref`, and so skips what was in the mailbox before
 * @returns the message; TIMEOUT when the limit passed first
 * @throws `timeout_value` for a limit outside 0 … 2^32-1; what `match` throws (the mailbox is unchanged)
 * Parks until a message matches. Cost: one call of `match` per message not seen before.
 */
export function receive<M = unknown>(): Promise<M>;
export function receive<I, M extends I>(
  match: (message: I) => message is M,
  options?: { readonly since: Ref },
): Promise<M>;
export function receive<M = unknown>(
  match: Guard<M> | undefined,
  options?: { readonly since: Ref },
): Promise<M>;
export function receive<I, M extends I>(
  match: (message: I) => message is M,
  options: number | ReceiveOptions | undefined,
): Promise<M | TimedOut>;
export function receive<M = unknown>(
  match: Guard<M> | undefined,
  options: number | ReceiveOptions | undefined,
): Promise<M | TimedOut>;
export function receive<M>(
  match?: Guard<M>,
  options?: number | ReceiveOptions,
): Promise<M | TimedOut> {
  return start(receiving(match as Match | undefined, options)) as Task<M> as unknown as Promise<M>;
}

function* receiving(
  match: Match | undefined,
  options: number | ReceiveOptions | undefined,
): Coroutine<unknown> {
  const message = receiveNow(match, options);
  return message === PARK ? yield : message;
}
