/**
 * System messages: what `sys` asks and what every behaviour answers.
 *
 * Source: OTP, module `sys`, "System Messages"; SEMANTICS 9.
 */

import {
  type Alias,
  type Down,
  demonitor,
  exit,
  type From,
  monitor,
  type Pid,
  receive,
  self,
  send,
  TIMEOUT,
  type upgrading,
} from 'tsvm';

import { resolved, type Via } from './via.js';

type AnyFunction = (...args: never[]) => unknown;

export type SystemRequest =
  | { readonly op: 'suspend' | 'resume' | 'get_state' | 'get_status' }
  | { readonly op: 'replace_state'; readonly fn: AnyFunction; readonly args: readonly unknown[] }
  | {
      readonly op: 'change_code';
      readonly module: object;
      readonly oldVersion: unknown;
      readonly extra: unknown;
    }
  | { readonly op: 'terminate'; readonly reason: unknown }
  | { readonly op: 'trace'; readonly on: boolean }
  | { readonly op: 'log'; readonly limit: number | 'get' }
  | { readonly op: 'statistics'; readonly what: 'on' | 'off' | 'get' }
  | {
      readonly op: 'install';
      readonly id: string;
      readonly fn: AnyFunction;
      readonly state: unknown;
    }
  | { readonly op: 'remove'; readonly id: string }
  /** Of the machine, which replaces code that the process uses. */
  | { readonly op: 'stand_still'; readonly standing: upgrading.Standing }
  | { readonly op: 'go_on'; readonly standing: upgrading.Standing; readonly undoable: boolean };

export interface SystemMessage {
  readonly type: '$system';
  /** null: nobody waits. */
  readonly from: From<unknown> | null;
  readonly request: SystemRequest;
}

export function isSystemMessage(message: unknown): message is SystemMessage {
  return (message as { readonly type?: unknown } | null | undefined)?.type === '$system';
}

/** Ask for an end without waiting for an answer: the end itself is one. To nobody it does nothing. */
export function sendTerminate(process: Pid<never> | string, reason: unknown): void {
  const message: SystemMessage = {
    type: '$system',
    from: null,
    request: { op: 'terminate', reason },
  };
  try {
    send(process as string, message);
  } catch (error) {
    // A name that nobody has (any more): the monitor of the caller says so.
    if ((error as { reason?: unknown }).reason !== 'badarg') throw error;
  }
}

interface Reply {
  readonly type: 'reply';
  readonly ref: Alias<Reply>;
  readonly value: { readonly ok: true; readonly value: unknown } | { readonly error: unknown };
}

/** A process that takes system messages. */
export type SystemTarget = Pid<never> | string | Via<never>;

/**
 * Ask and wait, as `call` does.
 *
 * @throws exits with `{reason, call}`: `noproc`, `timeout` or what the process ended with
 */
export async function askSystem(
  target: SystemTarget,
  request: SystemRequest,
  timeoutMs: number,
): Promise<unknown> {
  const process = await resolved(target);
  if (process === self()) exit({ reason: 'calling_self', call: process });
  const ref = monitor<Reply>(process, { alias: 'reply_demonitor' });
  try {
    const from = { pid: self(), alias: ref } as unknown as From<unknown>;
    send(process, { type: '$system', from, request } satisfies SystemMessage);
  } catch (error) {
    // A name that nobody has is told by the monitor; a request that cannot be sent is the caller's error.
    if ((error as { reason?: unknown }).reason !== 'badarg') {
      demonitor(ref);
      throw error;
    }
  }
  const isAnswer = (message: Reply | Down): boolean =>
    typeof message === 'object' && message !== null && message.ref === ref;
  let answer = await receive(isAnswer, { timeoutMs, since: ref });
  if (answer === TIMEOUT) {
    demonitor(ref);
    answer = await receive(isAnswer, 0);
  }
  if (answer === TIMEOUT) exit({ reason: 'timeout', call: process });
  const { type } = answer;
  if (type === 'DOWN') exit({ reason: answer.reason, call: process });
  if ('error' in answer.value) exit(answer.value.error);
  return answer.value.value;
}
