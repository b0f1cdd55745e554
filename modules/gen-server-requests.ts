/**
 * Requests of gen-servers that are not waited for at once, and requests to many.
 *
 * A request id stands for a monitor and an alias, as in a call; the reply, or the end of the server,
 * can be received at any time later, from one request or from a collection of them.
 *
 * Source: OTP, `gen_server:send_request/2` and its kin, `multi_call/4`, `abcast/3`; SEMANTICS 10.
 */

import {
  type Down,
  demonitor,
  exit,
  type From,
  monitor,
  monotonicTime,
  type Pid,
  ProcessError,
  type Ref,
  receive,
  self,
  send,
  TIMEOUT,
} from 'tsvm';
import type { Cast, CastOf, DirectRef, PlainName, ReplyTo, RequestOf } from './gen-server-types.js';
import { resolved, type Via } from './via.js';

type Target = Pid<never> | string;

interface Reply {
  readonly type: 'reply';
  readonly ref: Ref;
  readonly value: unknown;
}

declare const replyType: unique symbol;

/** A request under way; belongs to the process that sent it. */
export interface RequestId<R = unknown> {
  readonly ref: Ref;
  readonly server: Target;
  readonly [replyType]?: R;
}

/** What became of a request: the reply, or why there is none. */
export type Answered<R> =
  | { readonly reply: R }
  | { readonly error: unknown; readonly server: Target };

/** Requests under way, each with a label. */
export class RequestCollection<R = unknown, L = unknown> {
  readonly #entries: Map<Ref, { readonly id: RequestId<R>; readonly label: L }> = new Map();

  get size(): number {
    return this.#entries.size;
  }

  /** `gen_server:reqids_add/3` */
  add(id: RequestId<R>, label: L): void {
    this.#entries.set(id.ref, { id, label });
  }

  delete(id: RequestId<R>): boolean {
    return this.#entries.delete(id.ref);
  }

  find(ref: Ref): { readonly id: RequestId<R>; readonly label: L } | undefined {
    return this.#entries.get(ref);
  }

  /** `gen_server:reqids_to_list/1` */
  entries(): { readonly id: RequestId<R>; readonly label: L }[] {
    return [...this.#entries.values()];
  }
}

/**
 * Ask without waiting. `gen_server:send_request/2`.
 *
 * @returns for a via name a promise: who has it must be asked first. It fails with `noproc` for nobody
 */
export function sendRequest<D extends Via<never>, const Q extends RequestOf<D>>(
  server: D,
  request: Q,
): Promise<RequestId<ReplyTo<D, Q>>>;
export function sendRequest<D extends DirectRef, const Q extends RequestOf<D>>(
  server: D,
  request: Q,
): RequestId<ReplyTo<D, Q>>;
export function sendRequest<R = unknown>(server: Via, request: unknown): Promise<RequestId<R>>;
export function sendRequest<R = unknown>(server: PlainName, request: unknown): RequestId<R>;
export function sendRequest(
  server: string | Via<never>,
  request: unknown,
): RequestId | Promise<RequestId> {
  return typeof server === 'string'
    ? requestTo(server, request)
    : resolved(server).then((pid) => requestTo(pid, request));
}

function requestTo(server: string, request: unknown): RequestId {
  const ref = monitor<Reply>(server, { alias: 'reply_demonitor' });
  try {
    const from = { pid: self(), alias: ref } as unknown as From<unknown>;
    send(server, { type: 'call', from, request });
  } catch (error) {
    // A name that nobody has: the monitor tells. Anything else is the caller's mistake.
    if (!(error instanceof ProcessError)) {
      demonitor(ref);
      throw error;
    }
  }
  return { ref, server };
}

/**
 * Wait for the answer and give the request up when it does not come in time: a late reply is
 * dropped. `gen_server:receive_response/2,3`.
 *
 * @returns `'timeout'` when the time was up; for a collection `'none'` when it is empty
 */
export async function receiveResponse<R>(
  id: RequestId<R>,
  timeoutMs?: number,
): Promise<Answered<R> | 'timeout'>;
export async function receiveResponse<R, L>(
  requests: RequestCollection<R, L>,
  timeoutMs?: number,
): Promise<(Answered<R> & { readonly label: L }) | 'timeout' | 'none'>;
export async function receiveResponse(
  from: RequestId | RequestCollection,
  timeoutMs: number = Number.POSITIVE_INFINITY,
): Promise<unknown> {
  const answer = await responseTo(from, timeoutMs);
  if (answer !== 'timeout') return answer;
  const given = from instanceof RequestCollection ? from.entries().map(({ id }) => id) : [from];
  for (const id of given) {
    demonitor(id.ref, { flush: true });
    await receive((message: Reply) => isReplyTo(message, id.ref), 0);
    if (from instanceof RequestCollection) from.delete(id);
  }
  return answer;
}

/** Wait for the answer; when it does not come in time the request stays under way. `gen_server:wait_response/2,3`. */
export async function waitResponse<R>(
  id: RequestId<R>,
  timeoutMs?: number,
): Promise<Answered<R> | 'timeout'>;
export async function waitResponse<R, L>(
  requests: RequestCollection<R, L>,
  timeoutMs?: number,
): Promise<(Answered<R> & { readonly label: L }) | 'timeout' | 'none'>;
export async function waitResponse(
  from: RequestId | RequestCollection,
  timeoutMs: number = Number.POSITIVE_INFINITY,
): Promise<unknown> {
  return await responseTo(from, timeoutMs);
}

/**
 * Is this message, received by the caller itself, the answer to a request? `gen_server:check_response/2,3`.
 *
 * @returns the answer, or undefined for any other message
 */
export function checkResponse<R>(message: unknown, id: RequestId<R>): Answered<R> | undefined;
export function checkResponse<R, L>(
  message: unknown,
  requests: RequestCollection<R, L>,
): (Answered<R> & { readonly label: L }) | undefined;
export function checkResponse(message: unknown, from: RequestId | RequestCollection): unknown {
  const ref = refOf(message);
  if (ref === undefined) return undefined;
  if (!(from instanceof RequestCollection)) {
    return ref === from.ref ? answered(message, from) : undefined;
  }
  const found = from.find(ref);
  if (found === undefined) return undefined;
  from.delete(found.id);
  return { ...answered(message, found.id), label: found.label };
}

async function responseTo(
  from: RequestId | RequestCollection,
  timeoutMs: number,
): Promise<unknown> {
  const isCollection = from instanceof RequestCollection;
  if (isCollection && from.size === 0) return 'none';
  const isAnswer = (message: unknown): boolean => {
    const ref = refOf(message);
    if (ref === undefined) return false;
    return isCollection ? from.find(ref) !== undefined : ref === from.ref;
  };
  const options = isCollection ? { timeoutMs } : { timeoutMs, since: from.ref };
  const message = await receive(isAnswer, options);
  if (message === TIMEOUT) return 'timeout';
  return isCollection ? checkResponse(message, from) : checkResponse(message, from);
}

/** The request that a message answers, if it has the shape of an answer. */
function refOf(message: unknown): Ref | undefined {
  const { type, ref } = (message ?? {}) as Partial<Reply>;
  return type === 'reply' || (type as string | undefined) === 'DOWN' ? ref : undefined;
}

function isReplyTo(message: unknown, ref: Ref): boolean {
  const { type, ref: to } = (message ?? {}) as Partial<Reply>;
  return type === 'reply' && to === ref;
}

function answered(message: unknown, { server }: RequestId): Answered<unknown> {
  const answer = message as Reply | Down;
  return answer.type === 'reply' ? { reply: answer.value } : { error: answer.reason, server };
}

// ---- many at once -------------------------------------------------------------------------------

export interface MultiCallResult<D, R> {
  readonly replies: readonly { readonly server: D; readonly reply: R }[];
  /** Those that did not answer in time, or were not there. */
  readonly failed: readonly D[];
}

/** Ask several servers at the same time, and wait for all. `gen_server:multi_call/3,4`. Late replies never reach the mailbox. */
export async function multiCall<D extends DirectRef, const Q extends RequestOf<D>>(
  servers: readonly D[],
  request: Q,
  timeoutMs?: number,
): Promise<MultiCallResult<D, ReplyTo<D, Q>>>;
export async function multiCall<R = unknown>(
  servers: readonly PlainName[],
  request: unknown,
  timeoutMs?: number,
): Promise<MultiCallResult<string, R>>;
export async function multiCall(
  servers: readonly string[],
  request: unknown,
  timeoutMs: number = Number.POSITIVE_INFINITY,
): Promise<MultiCallResult<string, unknown>> {
  if (servers.includes(self())) exit({ reason: 'calling_self', call: servers });
  const requests = new RequestCollection<unknown, number>();
  for (const [at, server] of servers.entries()) {
    requests.add(requestTo(server, request), at);
  }
  const replies = new Map<number, unknown>();
  const deadline = monotonicTime() + timeoutMs;
  for (;;) {
    const answer = await receiveResponse(requests, Math.max(0, deadline - monotonicTime()));
    if (answer === 'none' || answer === 'timeout') break;
    if ('reply' in answer) replies.set(answer.label, answer.reply);
  }
  const answering = [...servers.entries()].filter(([at]) => replies.has(at));
  return {
    replies: answering.map(([at, server]) => ({ server, reply: replies.get(at) })),
    failed: servers.filter((_, at) => !replies.has(at)),
  };
}

/** Send a request that is not answered to several servers. Never fails. `gen_server:abcast/2,3`. */
export function abcast<D extends DirectRef, const Q extends CastOf<D>>(
  servers: readonly D[],
  request: Q,
): void;
export function abcast(servers: readonly PlainName[], request: unknown): void;
export function abcast(servers: readonly string[], request: unknown): void {
  for (const server of servers) castTo(server, request);
}

/** `gen_server:cast/2`: nothing happens where nobody is. */
export function castTo(server: string, request: unknown): void {
  try {
    send(server, { type: '$cast', request } satisfies Cast);
  } catch (error) {
    // Nobody has the name.
    if (!(error instanceof ProcessError)) throw error;
  }
}
