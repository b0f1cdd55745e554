/**
 * task: a process that computes one value, and the wait for it.
 *
 * The result comes through an alias and the failure through a monitor, so whoever gave up waiting finds
 * nothing of the task in its mailbox, and whoever waits hears of a crash at once.
 *
 * Invariants:
 *  1. A task of `start` is linked to its owner: if either crashes, so does the other. One of `startUnder`
 *     belongs to its supervisor: its crash is told to who waits and to nobody else, and it outlives its owner.
 *  2. When a wait has ended, for whatever reason but `'running'`, no message of the task comes any more.
 *
 * Source: Elixir, modules `Task` and `Task.Supervisor`; OTP, `erpc:send_request/4`; SEMANTICS 2, 4, 5.
 */

import {
  type Alias,
  alias,
  type Down,
  demonitor,
  type Exit,
  exit,
  monitor,
  monotonicTime,
  type Pid,
  ProcessError,
  type Ref,
  receive,
  type SpawnOptions,
  schedulers,
  self,
  send,
  TIMEOUT,
  unalias,
  unlink,
} from 'tsvm';
import * as procLib from './proc-lib.js';
import {
  child,
  type Supervisor,
  type SupervisorOptions,
  type SupervisorRef,
  startChild,
  startLink,
} from './supervisor.js';
import * as task from './task.js';

export type TaskSupervisor = Supervisor;

type Entry<A extends readonly unknown[], R> = (...args: A) => R | Promise<R>;
type AnyEntry = (...args: never[]) => unknown;

declare const resultType: unique symbol;

/** A task under way. Only the process that started it can wait for it. */
export interface Task<R = unknown> {
  readonly pid: Pid;
  readonly owner: Pid;
  readonly alias: Alias<Finished>;
  readonly monitor: Ref;
  readonly [resultType]?: R;
}

interface Finished {
  readonly type: '$task';
  readonly ref: Ref;
  readonly value: unknown;
}

/** What became of a task. */
export type Outcome<R> =
  | { readonly ok: true; readonly value: R }
  | { readonly ok: false; readonly reason: unknown };

const TIMEOUT_MS = 5000;

// ---- start --------------------------------------------------------------------------------------

/** Run a function in a process that is linked to the caller. `Task.async/3`. @param entry an exported function, or `fn(…)` */
export function start<A extends readonly unknown[], R>(
  entry: Entry<A, R>,
  ...args: NoInfer<A>
): Task<R> {
  return startWith({}, entry, ...args);
}

/** As `start`, on a scheduler or with a priority of one's choice. */
export function startWith<A extends readonly unknown[], R>(
  options: Omit<SpawnOptions, 'link' | 'monitor'>,
  entry: Entry<A, R>,
  ...args: NoInfer<A>
): Task<R> {
  const to = alias<Finished>('reply');
  try {
    const { pid, ref } = procLib.spawnOpt(
      { ...options, link: true, monitor: true },
      task.run,
      to,
      entry as AnyEntry,
      args,
    );
    return { pid, owner: self(), alias: to, monitor: ref };
  } catch (error) {
    unalias(to);
    throw error;
  }
}

/** A supervisor of tasks, linked to the caller. `Task.Supervisor.start_link/1`. */
export function startSupervisor(options?: SupervisorOptions): Promise<TaskSupervisor> {
  const worker = child('task', task.startWorker, [] as never, { restart: 'temporary' });
  return startLink({ strategy: 'simple_one_for_one', children: [worker] }, options);
}

/** Run a function in a process that the supervisor owns. `Task.Supervisor.async_nolink/3`. @throws StartError */
export async function startUnder<A extends readonly unknown[], R>(
  supervisor: SupervisorRef,
  entry: Entry<A, R>,
  ...args: NoInfer<A>
): Promise<Task<R>> {
  const to = alias<Finished>('reply');
  try {
    const { pid } = await startChild(supervisor, [self(), to, entry, args]);
    const ref = monitor(pid as Pid);
    // It begins only now, so that no end of it can be missed.
    send(pid as Pid, { type: '$begin', ref: to });
    return { pid: pid as Pid, owner: self(), alias: to, monitor: ref };
  } catch (error) {
    unalias(to);
    throw error;
  }
}

// ---- wait ---------------------------------------------------------------------------------------

/**
 * Wait for the result, 5 s by default. `Task.await/2`.
 *
 * @throws exits with `{reason, task}`: what the task ended with, or `'timeout'`; the task is killed then
 */
export async function result<R>(of: Task<R>, timeoutMs: number = TIMEOUT_MS): Promise<R> {
  const outcome = await wait(of, timeoutMs);
  if (outcome === 'running') {
    await kill(of);
    return exit({ reason: 'timeout', task: of.pid });
  }
  return outcome.ok ? outcome.value : exit({ reason: outcome.reason, task: of.pid });
}

/** Wait for several at the same time; one that fails ends the wait, and the others are killed. `Task.await_many/2`. */
export async function results<R>(
  of: readonly Task<R>[],
  timeoutMs: number = TIMEOUT_MS,
): Promise<R[]> {
  const deadline = deadlineIn(timeoutMs);
  const values: R[] = [];
  try {
    for (const each of of) values.push(await result(each, deadline()));
  } catch (error) {
    for (const each of of.slice(values.length)) await kill(each);
    throw error;
  }
  return values;
}

function deadlineIn(timeoutMs: number): () => number {
  const end = monotonicTime() + timeoutMs;
  return () => Math.max(0, end - monotonicTime());
}

/** Look whether it is done, for so long; `'running'`: it goes on, and can be waited for again. `Task.yield/2`. */
export async function wait<R>(
  of: Task<R>,
  timeoutMs: number = TIMEOUT_MS,
): Promise<Outcome<R> | 'running'> {
  checkOwner(of);
  const answer = await receive((message: Finished | Down) => isOf(message, of), {
    timeoutMs,
    since: of.alias,
  });
  return answer === TIMEOUT ? 'running' : await outcomeOf(of, answer);
}

function isOf(message: Finished | Down, { alias: to, monitor: by }: Task): boolean {
  if (typeof message !== 'object' || message === null) return false;
  return message.ref === to ? message.type === '$task' : message.ref === by;
}

async function outcomeOf<R>(of: Task<R>, answer: Finished | Down): Promise<Outcome<R>> {
  await forget(of);
  if (answer.type === 'DOWN') return { ok: false, reason: answer.reason };
  return { ok: true, value: answer.value as R };
}

/**
 * End a task in order; one that does not end in time is killed. `Task.shutdown/2`.
 *
 * @returns its result, if that came first; its failure; `undefined` when it was ended
 */
export async function stop<R>(
  of: Task<R>,
  timeoutMs: number = TIMEOUT_MS,
): Promise<Outcome<R> | undefined> {
  checkOwner(of);
  // The end that is asked for here must not reach the owner by the link.
  unlink(of.pid);
  exit(of.pid, 'shutdown');
  const ended = await wait(of, timeoutMs);
  if (ended !== 'running') return endedBy(ended, 'shutdown');
  exit(of.pid, 'kill');
  const killed = await wait(of, Number.POSITIVE_INFINITY);
  return killed === 'running' ? undefined : endedBy(killed, 'killed');
}

function endedBy<R>(outcome: Outcome<R>, reason: string): Outcome<R> | undefined {
  return !outcome.ok && outcome.reason === reason ? undefined : outcome;
}

async function kill(of: Task): Promise<void> {
  unlink(of.pid);
  exit(of.pid, 'kill');
  await forget(of);
}

/** Nothing of the task reaches the mailbox any more, and nothing of it is left there. */
async function forget(of: Task): Promise<void> {
  demonitor(of.monitor, { flush: true });
  unalias(of.alias);
  unlink(of.pid);
  await receive((message: Finished) => message?.type === '$task' && message.ref === of.alias, 0);
  await receive((message: Exit) => message?.type === 'EXIT' && message.from === of.pid, 0);
}

function checkOwner({ owner, pid }: Task): void {
  if (owner === self()) return;
  throw new ProcessError(
    'badarg',
    `task: ${pid} can be waited for by ${owner} only, not ${self()}`,
  );
}

// ---- many ---------------------------------------------------------------------------------------

export interface StreamOptions {
  /** How many run at the same time; as many as there are schedulers by default. */
  readonly concurrencyMax?: number;
  /** false: results as they come. true by default: in the order of the items. */
  readonly ordered?: boolean;
  /** For each item. A task that takes longer is killed. */
  readonly timeoutMs?: number;
  /** Run the tasks there: one that fails is an outcome, and does not end the caller. */
  readonly under?: SupervisorRef;
}

/**
 * Run a function for each item, so many at a time. `Task.async_stream/4`, `Task.Supervisor.async_stream_nolink/5`.
 *
 * Items are taken as there is room for them, so they may be without end. Who leaves the loop early ends
 * the tasks that still run.
 */
export async function* stream<I, R>(
  items: Iterable<I> | AsyncIterable<I>,
  entry: (item: I) => R | Promise<R>,
  options: StreamOptions = {},
): AsyncGenerator<Outcome<R>, void, undefined> {
  const { concurrencyMax = schedulers(), ordered = true, timeoutMs = TIMEOUT_MS, under } = options;
  if (!(Number.isInteger(concurrencyMax) && concurrencyMax > 0)) {
    throw new ProcessError(
      'badarg',
      `task.stream: concurrencyMax: expected a positive integer, not ${concurrencyMax}`,
    );
  }
  const running: Running<R>[] = [];
  try {
    for await (const item of items) {
      if (running.length >= concurrencyMax) yield await nextOf(running, ordered);
      const one: Task<R> =
        under === undefined ? start(entry, item) : await startUnder(under, entry, item);
      running.push({ task: one, left: deadlineIn(timeoutMs) });
    }
    while (running.length > 0) yield await nextOf(running, ordered);
  } finally {
    for (const each of running) await kill(each.task);
  }
}

interface Running<R> {
  readonly task: Task<R>;
  /** Milliseconds it still has. */
  readonly left: () => number;
}

/** The outcome of the oldest task, or of the one that is done first; it is taken out of the list. */
async function nextOf<R>(running: Running<R>[], ordered: boolean): Promise<Outcome<R>> {
  const candidates = ordered ? running.slice(0, 1) : [...running];
  const lefts = candidates.map(({ left }) => left());
  const soonest = Math.min(...lefts);
  const answer = await receive(
    (message: Finished | Down) => candidates.some(({ task: one }) => isOf(message, one)),
    soonest,
  );
  const isDone = ({ task: one }: Running<R>): boolean => answer !== TIMEOUT && isOf(answer, one);
  const at = answer === TIMEOUT ? lefts.indexOf(soonest) : candidates.findIndex(isDone);
  const [{ task: one }] = running.splice(at, 1) as [Running<R>];
  if (answer !== TIMEOUT) return await outcomeOf(one, answer);
  await kill(one);
  return { ok: false, reason: 'timeout' };
}

// ---- the process --------------------------------------------------------------------------------

/** What a task process runs. */
export async function run(
  to: Alias<Finished>,
  entry: AnyEntry,
  args: readonly unknown[],
): Promise<void> {
  const value = await entry(...(args as never[]));
  send(to, { type: '$task', ref: to, value });
}

/** What the supervisor of tasks starts. */
export function startWorker(
  owner: Pid,
  to: Alias<Finished>,
  entry: AnyEntry,
  args: readonly unknown[],
): Pid {
  return procLib.spawnLink(task.runWhenAwaited, owner, to, entry, args);
}

/** As `run`, once the owner watches; if it ends before that there is nothing to do. */
export async function runWhenAwaited(
  owner: Pid,
  to: Alias<Finished>,
  entry: AnyEntry,
  args: readonly unknown[],
): Promise<void> {
  const ref = monitor(owner);
  const message = await receive(
    (each: Finished | Down) => each?.ref === ref || each?.ref === (to as Ref),
  );
  demonitor(ref, { flush: true });
  if (message.type !== 'DOWN') await run(to, entry, args);
}
