/**
 * proc-lib: processes that know where they come from, and whose start can be waited for.
 *
 * What is started here keeps in its dictionary who started it (`$ancestors`) and what it runs
 * (`$initial_call`), and every end of it but an orderly one is reported as a crash.
 *
 * Invariants:
 *  1. A start has no effect that outlives a failure: on a time-out the process is killed, and neither
 *     an acknowledgement nor a `Down` nor an `Exit` of it is left in the mailbox.
 *  2. What is started is an exported function, or what `fn` made of one: it can run on any scheduler.
 *
 * Source: OTP, module `proc_lib`; SEMANTICS 9.
 */

import {
  type Alias,
  alias,
  type Down,
  demonitor,
  dictionary,
  type Exit,
  exit,
  exportName,
  type Monitored,
  monitor,
  monotonicTime,
  type Pid,
  type Ref,
  receive,
  type SpawnOptions,
  self,
  send,
  spawnOpt as spawnWith,
  TIMEOUT,
  thisScheduler,
  unalias,
  unlink,
  upgrading,
  whereis,
} from 'tsvm';
import * as procLib from './proc-lib.js';
import { type AlreadyStarted, StartError, same } from './reasons.js';
import { sendTerminate } from './system-messages.js';
import { isVia, registerVia, type Via, whereis as whereisVia } from './via.js';

export {
  type AlreadyStarted,
  type BadReturnValue,
  isOrderly,
  isStartError,
  type Shutdown,
  StartError,
  shutdown,
} from './reasons.js';

/** Options of a start that is waited for; `monitor` and `link` are said by the function that is called. */
export interface StartOptions extends Omit<SpawnOptions, 'link' | 'monitor' | 'name'> {
  /** Taken before anything of the process runs; one that a module keeps (`via`) by the process itself. */
  readonly name?: string | Via<never>;
  /** How long it may take to acknowledge; for ever without it. The process is killed then. */
  readonly timeoutMs?: number;
  /** What it starts by `proc-lib` runs on its scheduler too, and so on below, where nothing else is said. */
  readonly keepTogether?: boolean;
}

/** Whose start the process waits for. */
export const STARTING = '$starting';
/** The id of the child that the process, a supervisor, is starting or has started last. */
export const CHILD = '$child';
/** The monotonic time at which it gives up what it starts. */
const START_LIMIT = '$start_limit';

type AnyFunction = (...args: never[]) => unknown;
/** A pid, or the name it was started under. */
export type Ancestor = Pid | string;

/** What a started process sends to the one that waits. */
interface Acknowledgement {
  readonly type: '$started';
  readonly ref: Ref;
  readonly ok: boolean;
  readonly value: unknown;
}

const ANCESTORS = '$ancestors';
export const INITIAL_CALL = '$initial_call';
/** The name that the process was started under. */
const NAME = '$name';
/** The alias of the starter, until it was told. */
const STARTER = '$starter';
/** Set: what the process starts runs on the same scheduler. */
const TOGETHER = '$together';
/** The starter that is linked from the first moment. */
const PARENT = '$parent';

/** As `spawn` of `tsvm`, with ancestors and crash reports. `proc_lib:spawn/3`. */
export function spawn<M, A extends readonly unknown[]>(
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Pid<M> {
  return born({}, entry as AnyFunction, args).pid as Pid<M>;
}

/** As `spawnLink` of `tsvm`, with ancestors and crash reports. `proc_lib:spawn_link/3`. */
export function spawnLink<M, A extends readonly unknown[]>(
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Pid<M> {
  return born({ link: true }, entry as AnyFunction, args).pid as Pid<M>;
}

/** As `spawnMonitor` of `tsvm`, with ancestors and crash reports. `proc_lib:spawn_opt/4`. */
export function spawnMonitor<M, A extends readonly unknown[]>(
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Monitored<M> {
  const { pid, ref } = born({ monitor: true }, entry as AnyFunction, args);
  return { pid: pid as Pid<M>, ref: ref as Ref };
}

/** As `spawnOpt` of `tsvm`, with ancestors and crash reports. `proc_lib:spawn_opt/4`. */
export function spawnOpt<M, A extends readonly unknown[], const O extends SpawnOptions>(
  options: O,
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): O extends { readonly monitor: true } ? Monitored<M> : Pid<M> {
  const { pid, ref } = born(options, entry as AnyFunction, args);
  const result = options.monitor === true ? { pid, ref } : pid;
  return result as unknown as O extends { readonly monitor: true } ? Monitored<M> : Pid<M>;
}

/**
 * Start a process and wait until it calls `initAck`. `proc_lib:start/5`.
 *
 * @returns what it acknowledged with
 * @throws StartError with the reason: what it told `initFail`, its exit reason if it ended first, or
 *   `timeout`; `{kind: 'already_started', pid}` when the name is taken, and then nothing was run
 */
export function start<A extends readonly unknown[], R = unknown>(
  options: StartOptions,
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Promise<R> {
  return starting(options, {}, entry as AnyFunction, args) as Promise<R>;
}

/** As `start`, linked to the caller. On a failure a caller that traps exits also gets the `Exit`, but not on a time-out. `proc_lib:start_link/5`. */
export function startLink<A extends readonly unknown[], R = unknown>(
  options: StartOptions,
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Promise<R> {
  return starting(options, { link: true }, entry as AnyFunction, args) as Promise<R>;
}

/** As `start`; the process is also monitored. `proc_lib:start_monitor/5`. @returns the acknowledgement and the monitor */
export async function startMonitor<A extends readonly unknown[], R = unknown>(
  options: StartOptions,
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Promise<{ readonly value: R; readonly ref: Ref }> {
  const { timeoutMs, ...traits } = options;
  const { ref, value } = await acknowledged(traits, timeoutMs, entry as AnyFunction, args);
  return { value: value as R, ref };
}

async function starting(
  options: StartOptions,
  link: { readonly link?: true },
  entry: AnyFunction,
  args: readonly unknown[],
): Promise<unknown> {
  const { timeoutMs, ...traits } = options;
  const { ref, value } = await acknowledged({ ...traits, ...link }, timeoutMs, entry, args);
  demonitor(ref, { flush: true });
  return value;
}

async function acknowledged(
  { name, keepTogether, ...traits }: Omit<StartOptions, 'timeoutMs'> & { readonly link?: true },
  timeoutMs: number | undefined,
  entry: AnyFunction,
  args: readonly unknown[],
): Promise<{ readonly ref: Ref; readonly value: unknown }> {
  const via = isVia(name) ? name : undefined;
  const holder = via === undefined ? undefined : await whereisVia(via);
  if (holder !== undefined) throw new StartError(startedAs(holder));
  const starter = alias<Acknowledgement>('reply');
  let child: { readonly pid: Pid; readonly ref: Ref | null };
  try {
    const options: SpawnOptions = { ...traits, monitor: true };
    const named = typeof name === 'string' ? { ...options, name } : options;
    child = startUnderName(named, entry, args, { starter, via, keepTogether });
  } catch (error) {
    unalias(starter);
    throw error;
  }
  const { pid } = child;
  const ref = child.ref as Ref;
  dictionary.put(STARTING, pid);
  const answer = await receive(
    (message: Acknowledgement | Down) =>
      typeof message === 'object' &&
      message !== null &&
      (message.ref === starter ? message.type === '$started' : message.ref === ref),
    { timeoutMs: Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, startTimeLeft()), since: starter },
  );
  dictionary.erase(STARTING);
  if (answer === TIMEOUT) {
    unalias(starter);
    await giveUp(pid, ref, traits.link === true);
    throw new StartError('timeout');
  }
  if (answer.type === 'DOWN') {
    unalias(starter);
    throw new StartError(answer.reason);
  }
  if (answer.ok) return { ref, value: answer.value };
  // It is ending: who is told of the failure finds its name free, and itself out of its way.
  await receive((message: Down) => message?.ref === ref && message.type === 'DOWN');
  throw new StartError(answer.value);
}

/**
 * From now on what the calling process starts may take so long, all together; a start may have an earlier
 * limit of its own. undefined: no limit.
 */
export function limitStarts(ms: number | undefined): void {
  if (ms === undefined) dictionary.erase(START_LIMIT);
  else dictionary.put(START_LIMIT, monotonicTime() + ms);
}

function startTimeLeft(): number {
  const limit = dictionary.get(START_LIMIT) as number | undefined;
  return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(0, limit - monotonicTime());
}

/** A start that took too long leaves nothing behind. */
async function giveUp(pid: Pid, ref: Ref, linked: boolean): Promise<void> {
  if (linked) unlink(pid);
  exit(pid, 'kill');
  await receive((message: Down) => message?.ref === ref && message.type === 'DOWN');
  if (linked) await receive((message: Exit) => message?.type === 'EXIT' && message.from === pid, 0);
}

function startUnderName(
  options: SpawnOptions,
  entry: AnyFunction,
  args: readonly unknown[],
  how: Start,
): { readonly pid: Pid; readonly ref: Ref | null } {
  const { name } = options;
  for (;;) {
    const holder = name === undefined ? undefined : whereis(name);
    if (holder !== undefined) throw new StartError(startedAs(holder));
    try {
      return born(options, entry, args, how);
    } catch (error) {
      // Somebody else may have taken the name just now.
      if (name === undefined || whereis(name) === undefined) throw error;
    }
  }
}

function startedAs(pid: Pid<never>): AlreadyStarted {
  return { kind: 'already_started', pid: pid as Pid };
}

function born(
  options: SpawnOptions,
  entry: AnyFunction,
  args: readonly unknown[],
  { starter, via, keepTogether }: Start = {},
): { readonly pid: Pid; readonly ref: Ref | null } {
  const together = dictionary.get(TOGETHER) === true;
  const birth: Birth = {
    ancestors: [ownName(), ...ancestors()],
    entry,
    name: options.name,
    via,
    together: keepTogether ?? together,
    starter,
    parent: options.link === true ? self() : undefined,
  };
  const isPlaced = options.scheduler !== undefined || !together;
  const placed = isPlaced ? options : { ...options, scheduler: thisScheduler() };
  const child = spawnWith(placed, procLib.enter, birth, args as never[]) as
    | Pid
    | Monitored<unknown>;
  return typeof child === 'string' ? { pid: child, ref: null } : child;
}

/** What is asked of a start that is waited for. */
interface Start {
  readonly starter?: Alias<Acknowledgement>;
  readonly via?: Via<never> | undefined;
  readonly keepTogether?: boolean | undefined;
}

interface Birth {
  readonly ancestors: readonly Ancestor[];
  readonly entry: AnyFunction;
  readonly name: string | undefined;
  readonly via: Via<never> | undefined;
  readonly together: boolean;
  readonly starter: Alias<Acknowledgement> | undefined;
  readonly parent: Pid | undefined;
}

/** What every process of this module runs. */
export function enter(birth: Birth, args: never[]): unknown {
  const { ancestors, entry, name, via, together, starter, parent } = birth;
  dictionary.put(ANCESTORS, ancestors);
  const called = exportName(entry);
  dictionary.put(
    INITIAL_CALL,
    called === undefined ? entry.name : `${called.module}.${called.name}`,
  );
  if (name !== undefined) dictionary.put(NAME, name);
  if (together) dictionary.put(TOGETHER, true);
  if (starter !== undefined) dictionary.put(STARTER, starter);
  if (parent !== undefined) dictionary.put(PARENT, parent);
  return via === undefined ? entry(...args) : enterVia(via, entry, args);
}

async function enterVia(via: Via<never>, entry: AnyFunction, args: never[]): Promise<unknown> {
  const holder = await registerVia(via);
  if (holder !== undefined) initFail(startedAs(holder), 'normal');
  return await entry(...args);
}

/** Tell the starter that the process is ready: its `start` gives this value. Later calls do nothing. `proc_lib:init_ack/1`. */
export function initAck(value: unknown): void {
  acknowledge(true, value);
}

/**
 * Tell the starter that the process will not be ready, and end with this reason. Its name is free
 * when the starter hears of it. `proc_lib:init_fail/2`.
 */
export function initFail(reason: unknown, exitReason: unknown = reason): never {
  acknowledge(false, reason);
  exit(exitReason);
}

/** As `initFail`, without the end: for who has yet to throw. */
export function initFailed(reason: unknown): void {
  acknowledge(false, reason);
}

function acknowledge(ok: boolean, value: unknown): void {
  const starter = dictionary.erase(STARTER) as Alias<Acknowledgement> | undefined;
  if (starter !== undefined) send(starter, { type: '$started', ref: starter, ok, value });
}

/** The processes from which the calling one descends, nearest first; names where they were started under one. */
export function ancestors(): readonly Ancestor[] {
  return (dictionary.get(ANCESTORS) as readonly Ancestor[] | undefined) ?? [];
}

/** What the process was started to run, as `module.function`. `proc_lib:translate_initial_call/1`. */
export function initialCall(): string | undefined {
  return dictionary.get(INITIAL_CALL) as string | undefined;
}

/** Say that the process really runs this: behaviours name their callback module. */
export function setInitialCall(text: string): void {
  dictionary.put(INITIAL_CALL, text);
}

/**
 * Say whose callbacks the process calls, so that it is upgraded with them: it is held while a version
 * with `codeChange` takes their place, and `sys` has its state translated. Behaviours do it themselves.
 * `modules` of a child specification in OTP.
 */
export async function useModules(...modules: readonly object[]): Promise<void> {
  for (const module of modules) await upgrading.use(module);
}

/** The process that start-linked the calling one; one that was started without a link has none. */
export function parent(): Pid | undefined {
  return dictionary.get(PARENT) as Pid | undefined;
}

/** The name that the calling process was started under, else its pid. */
export function ownName(): Ancestor {
  return (dictionary.get(NAME) as string | undefined) ?? self();
}

/**
 * End a process that takes system messages, in order, and wait until it is gone. `proc_lib:stop/3`.
 *
 * @throws exits with `noproc`, `timeout`, or the reason it ended with where that is another one
 */
export async function stop(
  process: Pid<never> | string | Via<never>,
  reason: unknown = 'normal',
  timeoutMs: number = Number.POSITIVE_INFINITY,
): Promise<void> {
  if (isVia(process)) {
    const pid = await whereisVia(process);
    return pid === undefined ? exit('noproc') : await stop(pid, reason, timeoutMs);
  }
  const ref = monitor(process);
  sendTerminate(process, reason);
  const down = await receive((message: Down) => message?.type === 'DOWN' && message.ref === ref, {
    timeoutMs,
    since: ref,
  });
  if (down === TIMEOUT) {
    demonitor(ref, { flush: true });
    exit('timeout');
  }
  if (!same(down.reason, reason)) exit(down.reason);
}
