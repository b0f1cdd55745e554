/**
 * The server of a pool: who has which worker, and who waits for one.
 *
 * Invariants:
 *  1. A worker is idle or lent, and lent to one request at most.
 *  2. Requests wait in the order in which they came; nobody waits while there is a worker to lend and the
 *     rate allows it.
 *  3. A request is known as long as its caller waits or has a worker, and its caller is monitored just as
 *     long; so the end of the caller gives everything back.
 *
 * Source: poolboy and jobs, of the Erlang community.
 */

import {
  type Down,
  demonitor,
  type From,
  log,
  monitor,
  monotonicTime,
  type Pid,
  type Ref,
  reply,
  self,
  sendAfter,
  spawn,
  trapExit,
} from 'tsvm';
import type { CallResult, InitResult, Result } from './gen-server-types.js';
import { newRate, pass, type Rate, waitMs } from './pool-rate.js';
import * as poolServer from './pool-server.js';
import { stop } from './proc-lib.js';
import { inWords, isOrderly } from './reasons.js';
import { addRestart, type Intensity, newIntensity } from './restart-intensity.js';
import { type ChildSpec, type Supervisor, startChild, startLink } from './supervisor.js';
import { stopProcess } from './supervisor-children.js';

export interface PoolRate {
  /** At most so many checkouts … */
  readonly limit: number;
  /** … in any so many milliseconds. */
  readonly intervalMs: number;
}

/** What a pool is. */
export interface PoolSpec {
  /** How many workers there are from the start on. */
  readonly size: number;
  /** How a worker is started, `child('connection', connection.start, [host])`; the pool waits for it. */
  readonly worker: ChildSpec;
  /** How many more are started while all are lent; they end when they come back. None by default. */
  readonly overflowMax?: number;
  /** How many may wait; any number by default. */
  readonly queueMax?: number;
  /** Lend the worker that came back last (`'lifo'`, warm), or first (`'fifo'`, all by turns). */
  readonly order?: 'lifo' | 'fifo';
  readonly rate?: PoolRate;
  /** The pool ends with `shutdown` when more workers than this end by themselves … twice the size by default … */
  readonly intensity?: number;
  /** … in so many seconds; 5 by default. */
  readonly periodS?: number;
}

export interface PoolStatus {
  readonly idle: number;
  readonly lent: number;
  /** Workers beyond `size`. */
  readonly overflow: number;
  readonly waiting: number;
}

export type Lent =
  | { readonly ok: true; readonly pid: Pid }
  | { readonly ok: false; readonly reason: unknown };

/** A caller that waits for a worker, or has one. */
interface Request {
  readonly tag: Ref;
  readonly from: From<Lent>;
  readonly monitor: Ref;
  worker: Worker | null;
}

interface Worker {
  readonly pid: Pid;
  readonly monitor: Ref;
  lentTo: Request | null;
}

/** Lives within the process; changed in place. */
interface State {
  readonly spec: Required<Omit<PoolSpec, 'rate' | 'intensity' | 'periodS'>>;
  readonly rate: Rate | null;
  readonly intensity: Intensity;
  readonly supervisor: Supervisor;
  readonly workers: Map<Pid, Worker>;
  /** In the order in which they came back. */
  readonly idle: Worker[];
  readonly requests: Map<Ref, Request>;
  /** Of the requests those that have no worker, oldest first. */
  readonly waiting: Set<Request>;
  /** What a `Down` is about. */
  readonly monitored: Map<Ref, Request | Worker>;
  /** A message will come when the rate allows the next checkout. */
  isTimed: boolean;
}

/** What it sends itself. */
type Note = { readonly type: '$rate' } | { readonly type: '$replace' };

const PERIOD_S = 5;
const DOMAIN = { domain: ['otp'] };

export async function init(given: PoolSpec): Promise<InitResult<State>> {
  const wrong = complaint(given);
  if (wrong !== null) return { stop: wrong };
  trapExit(true);
  const { rate, intensity = 2 * given.size, periodS = PERIOD_S, ...rest } = given;
  const spec = {
    overflowMax: 0,
    queueMax: Number.POSITIVE_INFINITY,
    order: 'lifo',
    ...rest,
  } as const;
  const template = { ...spec.worker, restart: 'temporary', significant: false } as const;
  const state: State = {
    spec,
    rate: rate === undefined ? null : newRate(rate.limit, rate.intervalMs),
    intensity: newIntensity(intensity, periodS),
    supervisor: await startLink({ strategy: 'simple_one_for_one', children: [template] }),
    workers: new Map(),
    idle: [],
    requests: new Map(),
    waiting: new Set(),
    monitored: new Map(),
    isTimed: false,
  };
  for (let count = 0; count < spec.size; count++) {
    const started = await startWorker(state);
    if ('reason' in started) {
      await stop(state.supervisor, 'shutdown');
      return { stop: started.reason };
    }
    state.idle.push(started);
  }
  return { state };
}

interface BadPool {
  readonly kind: 'bad_pool';
  readonly field: string;
  readonly expected: string;
  readonly came: unknown;
}

function complaint(spec: PoolSpec): BadPool | null {
  const { size, overflowMax = 0, queueMax = 0, order = 'lifo', rate } = spec;
  const bad = (field: string, expected: string, came: unknown): BadPool => ({
    kind: 'bad_pool',
    field,
    expected,
    came,
  });
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;
  if (!isCount(size)) return bad('size', 'a whole number, not negative', size);
  if (!isCount(overflowMax)) return bad('overflowMax', 'a whole number, not negative', overflowMax);
  if (size + overflowMax === 0) return bad('size', 'at least one worker, with overflowMax', size);
  if (!isCount(queueMax) && queueMax !== Number.POSITIVE_INFINITY) {
    return bad('queueMax', 'a whole number, not negative, or Infinity', queueMax);
  }
  if (order !== 'lifo' && order !== 'fifo') return bad('order', "'lifo' or 'fifo'", order);
  if (rate === undefined) return null;
  if (!(isCount(rate.limit) && rate.limit > 0)) {
    return bad('rate.limit', 'a whole number above 0', rate.limit);
  }
  return rate.intervalMs > 0
    ? null
    : bad('rate.intervalMs', 'milliseconds above 0', rate.intervalMs);
}

// ---- requests -----------------------------------------------------------------------------------

export const handleCall = {
  async checkout(
    { tag, waits }: { readonly tag: Ref; readonly waits: boolean },
    state: State,
    from: From<Lent>,
  ): Promise<CallResult<Lent, State>> {
    const isFree = state.waiting.size === 0 && rateWaitMs(state) === 0;
    const worker = isFree ? await available(state) : null;
    if (worker !== null && 'reason' in worker) {
      return { reply: { ok: false, reason: { kind: 'worker_failed', ...worker } }, state };
    }
    if (worker === null && !waits) return { reply: { ok: false, reason: 'full' }, state };
    if (worker === null && state.waiting.size >= state.spec.queueMax) {
      return { reply: { ok: false, reason: 'queue_full' }, state };
    }
    const request: Request = { tag, from, monitor: monitor(from.pid), worker: null };
    state.requests.set(tag, request);
    state.monitored.set(request.monitor, request);
    if (worker !== null) {
      lend(state, worker, request);
      return { reply: { ok: true, pid: worker.pid }, state };
    }
    state.waiting.add(request);
    awaitRate(state);
    return { noReply: true, state };
  },

  status(_: unknown, state: State): CallResult<PoolStatus, State> {
    const { workers, idle, waiting, spec } = state;
    const overflow = Math.max(0, workers.size - spec.size);
    const reply = {
      idle: idle.length,
      lent: workers.size - idle.length,
      overflow,
      waiting: waiting.size,
    };
    return { reply, state };
  },
};

export const handleCast = {
  async checkin({ worker }: { readonly worker: Pid }, state: State): Promise<Result<State>> {
    const request = state.workers.get(worker)?.lentTo;
    if (request != null) await giveBack(state, request);
    return { state };
  },

  /** Of a caller that waits no more. */
  async giveBack({ tag }: { readonly tag: Ref }, state: State): Promise<Result<State>> {
    const request = state.requests.get(tag);
    if (request !== undefined) await giveBack(state, request);
    return { state };
  },
};

export async function handleInfo(
  message: Down | Note | { readonly type: 'EXIT'; readonly from: Pid; readonly reason: unknown },
  state: State,
): Promise<Result<State>> {
  switch (message?.type) {
    case '$rate':
      state.isTimed = false;
      await serve(state);
      return { state };
    case '$replace':
      return await replace(state);
    case 'EXIT':
      // Its supervisor: without it there are no workers.
      if (message.from !== (state.supervisor as unknown)) return { state };
      return { stop: message.reason, state };
    case 'DOWN': {
      const subject = state.monitored.get(message.ref);
      if (subject === undefined) return { state };
      if ('tag' in subject) {
        await giveBack(state, subject);
        return { state };
      }
      return await ended(state, subject, message.reason);
    }
    default:
      log.warn(`pool ${self()}: a message that nobody handles`);
      return { state };
  }
}

export async function terminate(_reason: unknown, { supervisor }: State): Promise<void> {
  await stop(supervisor, 'shutdown').catch(() => {});
}

/** What a report shows of the state. */
export function formatStatus({ spec, workers, idle, waiting }: State): unknown {
  const { size, overflowMax, queueMax, order } = spec;
  const counts = { workers: workers.size, idle: idle.length, waiting: waiting.size };
  return { size, overflowMax, queueMax, order, ...counts };
}

// ---- lending ------------------------------------------------------------------------------------

/** A worker to lend: an idle one, or one more; null when there can be none now. */
async function available(state: State): Promise<Worker | { readonly reason: unknown } | null> {
  const { idle, workers, spec } = state;
  const worker = spec.order === 'fifo' ? idle.shift() : idle.pop();
  if (worker !== undefined) return worker;
  return workers.size < spec.size + spec.overflowMax ? await startWorker(state) : null;
}

function lend(state: State, worker: Worker, request: Request): void {
  worker.lentTo = request;
  request.worker = worker;
  state.waiting.delete(request);
  if (state.rate !== null) pass(state.rate, monotonicTime());
}

/** Lend what there is to those who wait. */
async function serve(state: State): Promise<void> {
  for (const request of state.waiting) {
    if (rateWaitMs(state) > 0) break;
    const worker = await available(state);
    if (worker === null) break;
    if ('reason' in worker) {
      forget(state, request);
      reply(request.from, { ok: false, reason: { kind: 'worker_failed', ...worker } });
      continue;
    }
    lend(state, worker, request);
    reply(request.from, { ok: true, pid: worker.pid });
  }
  awaitRate(state);
}

function rateWaitMs({ rate }: State): number {
  return rate === null ? 0 : waitMs(rate, monotonicTime());
}

/** Be woken when the rate allows the next checkout, if that is what somebody waits for. */
function awaitRate(state: State): void {
  const { waiting, isTimed } = state;
  const inMs = rateWaitMs(state);
  if (inMs === 0 || isTimed || waiting.size === 0) return;
  state.isTimed = true;
  sendAfter(inMs, self<Note>(), { type: '$rate' });
}

async function giveBack(state: State, request: Request): Promise<void> {
  const { worker } = request;
  forget(state, request);
  if (worker === null) return;
  worker.lentTo = null;
  if (state.waiting.size === 0 && state.workers.size > state.spec.size) dismiss(state, worker);
  else state.idle.push(worker);
  await serve(state);
}

function forget(state: State, request: Request): void {
  state.requests.delete(request.tag);
  state.waiting.delete(request);
  state.monitored.delete(request.monitor);
  demonitor(request.monitor, { flush: true });
}

// ---- workers ------------------------------------------------------------------------------------

async function startWorker({
  supervisor,
  workers,
  monitored,
}: State): Promise<Worker | { readonly reason: unknown }> {
  try {
    const { pid } = await startChild(supervisor, []);
    if (pid === undefined) return { reason: 'ignore' };
    const worker: Worker = { pid, monitor: monitor(pid), lentTo: null };
    workers.set(pid, worker);
    monitored.set(worker.monitor, worker);
    return worker;
  } catch (error) {
    return { reason: (error as { readonly reason?: unknown }).reason };
  }
}

function release({ workers, idle, monitored }: State, worker: Worker): void {
  workers.delete(worker.pid);
  const place = idle.indexOf(worker);
  if (place >= 0) idle.splice(place, 1);
  monitored.delete(worker.monitor);
  demonitor(worker.monitor, { flush: true });
}

/** A worker that is not needed any more. Its end is not waited for: others want to be served. */
function dismiss(state: State, worker: Worker): void {
  release(state, worker);
  spawn(poolServer.endWorker, worker.pid, state.spec.worker);
}

/** Ask a worker to end, and kill it if it does not. */
export async function endWorker(pid: Pid, spec: ChildSpec): Promise<void> {
  await stopProcess(pid, spec);
}

/** A worker has ended by itself. Who had it finds out by its call; nobody has it any more. */
async function ended(state: State, worker: Worker, reason: unknown): Promise<Result<State>> {
  release(state, worker);
  if (worker.lentTo !== null) forget(state, worker.lentTo);
  if (!isOrderly(reason)) {
    log.error(`pool ${self()}: worker ${worker.pid} ended: ${inWords(reason)}`, DOMAIN);
  }
  return await replace(state);
}

/** Have `size` workers again. What does not start is tried again by a message, so that others are served. */
async function replace(state: State): Promise<Result<State>> {
  const { workers, spec, intensity } = state;
  if (!addRestart(intensity, monotonicTime())) {
    log.error(`pool ${self()}: its workers end too often; the pool ends`, DOMAIN);
    return { stop: 'shutdown', state };
  }
  if (workers.size < spec.size) {
    const started = await startWorker(state);
    if ('reason' in started) {
      log.error(`pool ${self()}: a worker did not start: ${inWords(started.reason)}`, DOMAIN);
      sendAfter(0, self<Note>(), { type: '$replace' });
    } else state.idle.push(started);
  }
  await serve(state);
  return { state };
}
