/**
 * sys: looking into processes that run, and changing them: the side of who asks, and the side of a
 * behaviour that answers.
 *
 * A behaviour passes each system message to `handleSystemMessage` with a description of itself. That
 * answers, keeps the process suspended when it is told to, and gives back the state to go on with.
 *
 * Invariants:
 *  1. While a process is suspended it takes system messages and the end of its parent, nothing else;
 *     all other messages stay in the mailbox, in order. While the machine holds it for an upgrade, what
 *     would change its state waits too.
 *  2. A request that fails is told to who asked and leaves the state as it was.
 *
 * Source: OTP, module `sys`; SEMANTICS 9.
 */

import {
  dictionary,
  type Exit,
  exit,
  exitReason,
  exportName,
  type From,
  log as machineLog,
  monotonicTime,
  type Pid,
  receive,
  reply,
  self,
  systemTime,
  upgrading,
} from 'tsvm';
import {
  askSystem,
  isSystemMessage,
  type SystemMessage,
  type SystemRequest,
  type SystemTarget,
} from './system-messages.js';

export { isSystemMessage, type SystemMessage } from './system-messages.js';

type AnyFunction = (...args: never[]) => unknown;
type Target = SystemTarget;

const TIMEOUT_MS = 5000;

// ---- who asks -----------------------------------------------------------------------------------

/** Let a process wait; it takes nothing but system messages until `resume`. `sys:suspend/2`. */
export async function suspend(process: Target, timeoutMs: number = TIMEOUT_MS): Promise<void> {
  await askSystem(process, { op: 'suspend' }, timeoutMs);
}

/** Let a suspended process go on. `sys:resume/2`. */
export async function resume(process: Target, timeoutMs: number = TIMEOUT_MS): Promise<void> {
  await askSystem(process, { op: 'resume' }, timeoutMs);
}

/** The state of a behaviour, as its callbacks see it. `sys:get_state/2`. */
export async function getState<S = unknown>(
  process: Target,
  timeoutMs: number = TIMEOUT_MS,
): Promise<S> {
  return (await askSystem(process, { op: 'get_state' }, timeoutMs)) as S;
}

/**
 * Give a process another state. `sys:replace_state/3`.
 *
 * @param fn an exported function: `(state, ...args) => new state`; it runs in the process. One that
 *   fails changes nothing, and its failure is the caller's
 * @returns the new state
 */
export async function replaceState<S, A extends readonly unknown[]>(
  process: Target,
  fn: (state: S, ...args: A) => S,
  args: A,
  timeoutMs: number = TIMEOUT_MS,
): Promise<S> {
  const request: SystemRequest = { op: 'replace_state', fn: fn as AnyFunction, args };
  return (await askSystem(process, request, timeoutMs)) as S;
}

/** What `getStatus` gives. */
export interface Status {
  readonly pid: Pid;
  /** The behaviour: `tsvm/gen-server`. */
  readonly behaviour: string;
  /** The callback module. */
  readonly module: string | undefined;
  readonly status: 'running' | 'suspended';
  readonly parent: Pid | undefined;
  readonly dictionary: readonly (readonly [unknown, unknown])[];
  /** Events of `log`, oldest first. */
  readonly log: readonly LoggedEvent[];
  /** What the behaviour says: the state, through `formatStatus` where the module has it. */
  readonly state: unknown;
}

/** What a process is and does. `sys:get_status/2`. */
export async function getStatus(process: Target, timeoutMs: number = TIMEOUT_MS): Promise<Status> {
  return (await askSystem(process, { op: 'get_status' }, timeoutMs)) as Status;
}

/**
 * Let the new version of a callback module translate the state, with its `codeChange`. The process
 * must be suspended. `sys:change_code/5`.
 *
 * @throws exits with the failure of `codeChange`; the process then keeps its state
 */
export async function changeCode(
  process: Target,
  module: object,
  oldVersion: unknown,
  extra: unknown,
  timeoutMs: number = TIMEOUT_MS,
): Promise<void> {
  await askSystem(process, { op: 'change_code', module, oldVersion, extra }, timeoutMs);
}

/** End a process in order, with this reason. `sys:terminate/3`. Returns when it has begun to end. */
export async function terminate(
  process: Target,
  reason: unknown,
  timeoutMs: number = TIMEOUT_MS,
): Promise<void> {
  await askSystem(process, { op: 'terminate', reason }, timeoutMs);
}

/** Write each event of a process to the machine's log, or stop it. `sys:trace/3`. */
export async function trace(
  process: Target,
  on: boolean,
  timeoutMs: number = TIMEOUT_MS,
): Promise<void> {
  await askSystem(process, { op: 'trace', on }, timeoutMs);
}

/** Keep the last `limit` events (0: none), or get those that were kept. `sys:log/3`. */
export async function log(
  process: Target,
  limit: number | 'get' = 'get',
  timeoutMs: number = TIMEOUT_MS,
): Promise<readonly LoggedEvent[]> {
  return (await askSystem(process, { op: 'log', limit }, timeoutMs)) as readonly LoggedEvent[];
}

export interface Statistics {
  readonly startTime: number;
  readonly currentTime: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
}

/** Begin or stop to count, or get the counts; undefined when nothing is counted. `sys:statistics/3`. */
export async function statistics(
  process: Target,
  what: 'on' | 'off' | 'get' = 'get',
  timeoutMs: number = TIMEOUT_MS,
): Promise<Statistics | undefined> {
  return (await askSystem(process, { op: 'statistics', what }, timeoutMs)) as
    | Statistics
    | undefined;
}

/**
 * Let a function see each event of a process. `sys:install/3`.
 *
 * @param fn an exported function: `(state, event) => next state`, or `'done'` to be removed. One that
 *   fails is removed
 */
export async function install<S>(
  process: Target,
  id: string,
  fn: (state: S, event: SystemEvent) => S | 'done',
  state: S,
  timeoutMs: number = TIMEOUT_MS,
): Promise<void> {
  await askSystem(process, { op: 'install', id, fn: fn as AnyFunction, state }, timeoutMs);
}

/** Undo `install`. `sys:remove/3`. */
export async function remove(
  process: Target,
  id: string,
  timeoutMs: number = TIMEOUT_MS,
): Promise<void> {
  await askSystem(process, { op: 'remove', id }, timeoutMs);
}

// ---- who is looked at ---------------------------------------------------------------------------

/** Something that a behaviour did. */
export type SystemEvent =
  | { readonly type: 'in'; readonly message: unknown }
  | { readonly type: 'out'; readonly message: unknown; readonly to: unknown }
  | { readonly type: 'state'; readonly state: unknown };

export interface LoggedEvent {
  readonly time: number;
  readonly event: SystemEvent;
}

interface Installed {
  readonly fn: AnyFunction;
  state: unknown;
}

/** What is switched on for one process. `active` false: nothing, and events need not be told. */
export interface Debug {
  active: boolean;
  trace: boolean;
  logLimit: number;
  logged: LoggedEvent[];
  counts: { readonly start: number; in: number; out: number } | null;
  readonly installed: Map<string, Installed>;
}

/** What a behaviour may be started with switched on. `{debug, …}` of OTP. */
export interface DebugOptions {
  readonly trace?: boolean;
  readonly log?: number;
  readonly statistics?: boolean;
}

export function debugOptions(options: DebugOptions = {}): Debug {
  const debug: Debug = {
    active: false,
    trace: options.trace === true,
    logLimit: options.log ?? 0,
    logged: [],
    counts: options.statistics === true ? { start: systemTime(), in: 0, out: 0 } : null,
    installed: new Map(),
  };
  refresh(debug);
  return debug;
}

function refresh(debug: Debug): void {
  debug.active =
    debug.trace || debug.logLimit > 0 || debug.counts !== null || debug.installed.size > 0;
}

/** Tell of an event. Call it only while `debug.active`. `sys:handle_debug/4`. */
export function handleDebug(debug: Debug, event: SystemEvent): void {
  if (debug.trace) machineLog.notice(`${self()} ${event.type}`, { event });
  if (debug.counts !== null && event.type === 'in') debug.counts.in += 1;
  if (debug.counts !== null && event.type === 'out') debug.counts.out += 1;
  if (debug.logLimit > 0) {
    debug.logged.push({ time: monotonicTime(), event });
    if (debug.logged.length > 2 * debug.logLimit)
      debug.logged = debug.logged.slice(-debug.logLimit);
  }
  for (const [id, one] of debug.installed) {
    try {
      one.state = (one.fn as (state: unknown, event: SystemEvent) => unknown)(one.state, event);
    } catch {
      // A function that only looks on must not hurt the process: as in OTP it is removed.
      one.state = 'done';
    }
    if (one.state === 'done') debug.installed.delete(id);
  }
  if (debug.installed.size === 0) refresh(debug);
}

function loggedBy(debug: Debug): readonly LoggedEvent[] {
  return debug.logLimit === 0 ? [] : debug.logged.slice(-debug.logLimit);
}

/** A behaviour as `sys` sees it. */
export interface Systemic<S> {
  /** Its name: `tsvm/gen-server`. */
  readonly behaviour: string;
  /** The callback module. */
  readonly module: object | undefined;
  readonly parent: Pid | undefined;
  readonly debug: Debug;
  /** The part of the state that users know. */
  userState(state: S): unknown;
  /** The state with this part replaced. */
  withUserState(state: S, user: unknown): S;
  /** The user's part as it is to be shown. */
  formatState(state: S): unknown;
  /**
   * Translate the state; may wait. Without it the state stays. It is given a copy, which it may change.
   *
   * @param version the version that the state is of, or `{down}` with the one that it is to be of
   */
  codeChange?(state: S, version: unknown, extra: unknown, module: object): S | Promise<S>;
  /** End the process with this reason; never returns. */
  terminate(state: S, reason: unknown): Promise<never>;
}

/**
 * Answer a system message; a behaviour calls it for each one it receives. Returns when the process
 * may go on. `sys:handle_system_msg/6`.
 *
 * @returns the state to go on with
 */
export async function handleSystemMessage<S>(
  message: SystemMessage,
  state: S,
  one: Systemic<S>,
): Promise<S> {
  const process: Suspendable<S> = { state, suspended: false, held: false };
  await answer(message, process, one);
  while (process.suspended || process.held) {
    const next = await receive<SystemMessage | Exit, SystemMessage | Exit>(
      (each): each is SystemMessage | Exit =>
        isSystemMessage(each)
          ? !(process.held && changesState(each.request))
          : one.parent !== undefined && isExitOf(each, one.parent),
    );
    if (next.type === 'EXIT') await one.terminate(process.state, next.reason);
    else await answer(next, process, one);
  }
  return process.state;
}

function changesState({ op }: SystemRequest): boolean {
  return op === 'replace_state' || op === 'change_code';
}

/** Has the process that start-linked this one ended? */
export function isExitOf(message: unknown, parent: Pid): message is Exit {
  const { type, from } = (message ?? {}) as Partial<Exit>;
  return type === 'EXIT' && from === parent;
}

interface Suspendable<S> {
  state: S;
  suspended: boolean;
  /** By the machine, for an upgrade. */
  held: boolean;
}

type Answer = { readonly ok: true; readonly value: unknown } | { readonly error: unknown };

async function answer<S>(
  { from, request }: SystemMessage,
  process: Suspendable<S>,
  one: Systemic<S>,
): Promise<void> {
  if (request.op === 'terminate') {
    tell(from, { ok: true, value: undefined });
    await one.terminate(process.state, request.reason);
  }
  try {
    tell(from, { ok: true, value: await done(request, process, one) });
  } catch (error) {
    // Also what cannot be copied, such as a state with a socket in it.
    tell(from, { error: exitReason(error) });
  }
}

function tell(from: From<unknown> | null, value: Answer): void {
  if (from !== null) reply(from, value);
}

async function done<S>(
  request: SystemRequest,
  process: Suspendable<S>,
  one: Systemic<S>,
): Promise<unknown> {
  const { debug } = one;
  switch (request.op) {
    case 'suspend':
      process.suspended = true;
      return undefined;
    case 'resume':
      process.suspended = false;
      return undefined;
    case 'get_state':
      return one.userState(process.state);
    case 'get_status':
      return statusOf(process, one);
    case 'replace_state': {
      const fn = request.fn as (state: unknown, ...args: unknown[]) => unknown;
      const state = await fn(one.userState(process.state), ...request.args);
      process.state = one.withUserState(process.state, state);
      return state;
    }
    case 'change_code':
      if (!process.suspended) exit('not_suspended');
      if (one.codeChange !== undefined) {
        const { oldVersion, extra, module } = request;
        const copy = upgrading.snapshot(process.state);
        process.state = await one.codeChange(copy, oldVersion, extra, module);
      }
      return undefined;
    case 'stand_still':
      process.held = upgrading.stand(request.standing, (steps) => translated(process, steps, one));
      return undefined;
    case 'go_on':
      process.state = upgrading.goOn(request.standing, process.state, request.undoable) as S;
      process.held = false;
      return undefined;
    case 'trace':
      debug.trace = request.on;
      break;
    case 'log':
      if (request.limit === 'get') return loggedBy(debug);
      debug.logLimit = request.limit;
      if (debug.logLimit === 0) debug.logged = [];
      break;
    case 'statistics':
      if (request.what === 'get') return countsOf(debug);
      debug.counts = request.what === 'on' ? { start: systemTime(), in: 0, out: 0 } : null;
      break;
    case 'install':
      debug.installed.set(request.id, { fn: request.fn, state: request.state });
      break;
    case 'remove':
      debug.installed.delete(request.id);
      break;
    default:
      return exit({ kind: 'unknown_system_request', request });
  }
  refresh(debug);
  return request.op === 'log' ? loggedBy(debug) : undefined;
}

/** What the state will be in the code to come. The process keeps its own until it is told to go on. */
async function translated<S>(
  { state }: Suspendable<S>,
  steps: readonly upgrading.ChangeStep[],
  { codeChange }: Systemic<S>,
): Promise<S> {
  let copy = upgrading.snapshot(state);
  if (codeChange === undefined) return copy;
  for (const { module, direction, version, extra } of steps) {
    const from = direction === 'down' ? { down: version } : version;
    copy = await codeChange(copy, from, extra, upgrading.moduleNamed(module));
  }
  return copy;
}

function countsOf({ counts }: Debug): Statistics | undefined {
  if (counts === null) return undefined;
  return {
    startTime: counts.start,
    currentTime: systemTime(),
    messagesIn: counts.in,
    messagesOut: counts.out,
  };
}

function statusOf<S>({ state, suspended }: Suspendable<S>, one: Systemic<S>): Status {
  return {
    pid: self(),
    behaviour: one.behaviour,
    module: one.module === undefined ? undefined : exportName(one.module)?.module,
    status: suspended ? 'suspended' : 'running',
    parent: one.parent,
    dictionary: dictionary.entries().filter(([key]) => !String(key).startsWith('$')),
    log: loggedBy(one.debug),
    state: one.formatState(state),
  };
}
