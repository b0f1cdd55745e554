/**
 * pool: a bounded number of workers that are lent out, with a queue of those who wait and a limit to how
 * often they are lent.
 *
 * This is the side of who uses one; the process itself is `pool-server.ts`.
 *
 * Source: poolboy (checkout, overflow, transaction) and jobs (queues, rates), of the Erlang community.
 */

import { exit, makeRef, type Pid } from 'tsvm';
import * as genServer from './gen-server.js';
import type { ReplyTo, RequestOf } from './gen-server-types.js';
import type { PoolSpec, PoolStatus } from './pool-server.js';
import * as server from './pool-server.js';
import { askService, notRunning } from './service.js';

export type { PoolRate, PoolSpec, PoolStatus } from './pool-server.js';
export { isStartError, StartError } from './reasons.js';
export { child } from './supervisor.js';

declare const workerType: unique symbol;

/** A pool whose workers receive an `M`. */
export interface Pool<M = unknown> {
  readonly name: string;
  /** For the compiler alone. */
  readonly [workerType]?: (message: M) => void;
}

export type PoolServer = genServer.Server<typeof server>;

/** Why there is no worker: the reason of the exit, as `reason` in `{reason, pool}`. */
export type CheckoutFailure =
  /** Nobody brought one back in time. */
  | 'timeout'
  /** As many wait as may. */
  | 'queue_full'
  /** One more was to be started for this, and did not start. */
  | { readonly kind: 'worker_failed'; readonly reason: unknown };

export interface CheckoutOptions {
  /** How long to wait for a worker; 5 s by default. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5000;

/**
 * Describe a pool: `const connections = pool<ConnectionMessage>('connections')`.
 *
 * @param name the registered name of its server
 */
export function pool<M = unknown>(name: string): Pool<M> {
  return { name };
}

/** Start a pool and its workers, linked to the caller: `child('connections', startLink, [connections, { size, worker }])`. @throws StartError */
export function startLink({ name }: Pool<never>, spec: PoolSpec): Promise<PoolServer> {
  return genServer.startLink(server, spec, { name });
}

/**
 * Borrow a worker, and wait for one if need be. It comes back by `checkin`, or when the caller ends.
 * `poolboy:checkout/3`.
 *
 * @throws exits with `{reason, pool}`, see `CheckoutFailure`; badarg when there is no such pool
 */
export async function checkout<M>(
  of: Pool<M>,
  { timeoutMs = TIMEOUT_MS }: CheckoutOptions = {},
): Promise<Pid<M>> {
  const tag = makeRef();
  const id = genServer.sendRequest(named(of), { type: 'checkout', tag, waits: true });
  const answer = await genServer.receiveResponse(id, timeoutMs);
  if (answer === 'timeout') {
    // It may have been lent just now: either way the pool is to forget this request.
    genServer.cast(named(of), { type: 'giveBack', tag });
    return exit({ reason: 'timeout', pool: of.name });
  }
  if ('error' in answer && answer.error === 'noproc') throw notRunning('pool', of.name);
  if ('error' in answer) return exit({ reason: answer.error, pool: of.name });
  const { reply } = answer;
  return reply.ok ? (reply.pid as Pid<M>) : exit({ reason: reply.reason, pool: of.name });
}

/** Borrow a worker if there is one now and the rate allows it, else undefined. `poolboy:checkout(Pool, false)`. */
export async function tryCheckout<M>(of: Pool<M>): Promise<Pid<M> | undefined> {
  const reply = await ask(of, { type: 'checkout', tag: makeRef(), waits: false });
  return reply.ok ? (reply.pid as Pid<M>) : undefined;
}

/** Bring a worker back. One that is not lent is left alone. `poolboy:checkin/2`. */
export function checkin<M>(of: Pool<M>, worker: Pid<NoInfer<M>>): void {
  genServer.cast(named(of), { type: 'checkin', worker: worker as Pid<never> as Pid });
}

/** Borrow a worker for the time of a function, which runs in the caller. `poolboy:transaction/3`. */
export async function withWorker<M, R>(
  of: Pool<M>,
  use: (worker: Pid<M>) => R | Promise<R>,
  options?: CheckoutOptions,
): Promise<R> {
  const worker = await checkout(of, options);
  try {
    return await use(worker);
  } finally {
    checkin(of, worker);
  }
}

/** How many workers there are, and who waits. `poolboy:status/1`. */
export function status(of: Pool<never>): Promise<PoolStatus> {
  return ask(of, { type: 'status' });
}

function named({ name }: Pool<never>): genServer.ServerName<typeof server> {
  return genServer.named<typeof server>(name);
}

function ask<const Q extends RequestOf<PoolServer>>(
  of: Pool<never>,
  request: Q,
): Promise<ReplyTo<PoolServer, Q>> {
  return askService('pool', of.name, named(of), request);
}
