/**
 * The supervisor process: a gen-server whose state is the children.
 *
 * Invariants:
 *  1. Children are kept in the order of their start; what is stopped as a group is stopped in reverse.
 *  2. A start that fails during a restart is tried again by a message to itself, so that requests are
 *     served in between; each attempt counts.
 *  3. A child is in `byPid` exactly while it has a pid.
 *
 * Source: OTP, module `supervisor`; SEMANTICS 13.
 */

import { isAlive, log, monotonicTime, type Pid, self, send, trapExit, upgrading } from 'tsvm';
import { translate } from './code-change.js';
import type { CallResult, InitResult, Result } from './gen-server-types.js';
import { isOrderly } from './reasons.js';
import { addRestart, type Intensity, newIntensity } from './restart-intensity.js';
import { startProcess, stopProcess, stopProcesses } from './supervisor-children.js';
import { type ErrorContext, reportFailure, reportProgress } from './supervisor-reports.js';
import {
  type BadSpec,
  type ChildSpec,
  checkChild,
  checkChildren,
  checkFlags,
  type Flags,
  type SupervisorModule,
  type SupervisorSpec,
} from './supervisor-types.js';

/** What a supervisor is made of: a callback module and its argument, or a specification. */
export type Origin =
  | { readonly module: SupervisorModule; readonly argument: unknown }
  | { readonly spec: SupervisorSpec };

interface Child {
  spec: ChildSpec;
  /** Arguments of `startChild`, for simple_one_for_one. */
  readonly more: readonly unknown[];
  pid: Pid | 'restarting' | undefined;
}

/** Lives within the process; changed in place. */
interface State {
  readonly origin: Origin;
  flags: Flags;
  intensity: Intensity;
  /** In the order of the start; dynamic children are not in it. */
  readonly children: Map<string, Child>;
  readonly byPid: Map<Pid, Child>;
  /** The children of simple_one_for_one, and what they are made of. */
  readonly dynamic: Set<Child>;
}

/** How a child looks from outside. */
export interface ChildInfo {
  /** undefined for a child of simple_one_for_one. */
  readonly id: string | undefined;
  readonly pid: Pid | 'restarting' | undefined;
  readonly type: 'worker' | 'supervisor';
  readonly modules: readonly string[];
}

export interface ChildCounts {
  readonly specs: number;
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

/** What a request that starts a child is answered. */
export type StartAnswer =
  | { readonly ok: true; readonly pid: Pid | undefined; readonly info: unknown }
  | { readonly ok: false; readonly reason: unknown };

export type ControlAnswer = 'ok' | 'running' | 'restarting' | 'not_found' | 'simple_one_for_one';

export type SupervisorInfo =
  | { readonly type: 'EXIT'; readonly from: Pid; readonly reason: unknown }
  | { readonly type: '$try_again'; readonly child: string | Pid };

export async function init(origin: Origin): Promise<InitResult<State>> {
  trapExit(true);
  if ('module' in origin) {
    const replaced = upgrading.use(origin.module);
    if (replaced !== undefined) await replaced;
  }
  const spec = 'spec' in origin ? origin.spec : await asked(origin);
  if ('ignore' in spec) return { ignore: true };
  const state = newState(origin, spec);
  if ('kind' in state) return { stop: state };
  if (state.flags.strategy === 'simple_one_for_one') return { state };
  for (const child of state.children.values()) {
    const failure = await startAt(state, child);
    if (failure === null) continue;
    const { id } = child.spec;
    await stopAll(state);
    const reason = { kind: 'failed_to_start_child', id, reason: failure.reason };
    return { stop: { kind: 'shutdown', reason } };
  }
  return { state };
}

function asked({
  module,
  argument,
}: Extract<Origin, { module: SupervisorModule }>): ReturnType<SupervisorModule['init']> {
  return module.init(argument as never);
}

function newState(origin: Origin, spec: SupervisorSpec): State | BadSpec {
  const flags = checkFlags(spec);
  if ('kind' in flags) return flags;
  const wrong = checkChildren(spec.children, flags);
  if (wrong !== null) return wrong;
  const children = new Map<string, Child>();
  for (const each of spec.children) {
    children.set(each.id, { spec: each, more: [], pid: undefined });
  }
  return {
    origin,
    flags,
    intensity: newIntensity(flags.intensity, flags.periodS),
    children,
    byPid: new Map(),
    dynamic: new Set(),
  };
}

// ---- requests -----------------------------------------------------------------------------------

type Answered<R> = Promise<CallResult<R, State>>;

export const handleCall = {
  async startChild(
    { spec, args }: { readonly spec?: ChildSpec; readonly args?: readonly unknown[] },
    state: State,
  ): Answered<StartAnswer> {
    if (state.flags.strategy === 'simple_one_for_one') {
      if (args === undefined) return refused(state, 'simple_one_for_one');
      const [template] = state.children.values();
      const child: Child = { spec: (template as Child).spec, more: args, pid: undefined };
      const started = await startProcess(child.spec, args);
      if (started.ok && started.pid !== undefined) {
        state.dynamic.add(child);
        settle(state, child, started.pid);
      }
      const reply = started.ok ? { info: undefined, ...started } : started;
      return { reply, state };
    }
    if (spec === undefined) return refused(state, { kind: 'start_spec', came: args });
    const wrong = checkChild(spec, state.flags);
    if (wrong !== null) return refused(state, wrong);
    const known = state.children.get(spec.id);
    if (known !== undefined) {
      const { pid } = known;
      return refused(
        state,
        pid === undefined || pid === 'restarting'
          ? 'already_present'
          : { kind: 'already_started', pid },
      );
    }
    const child: Child = { spec, more: [], pid: undefined };
    state.children.set(spec.id, child);
    return begun(state, child);
  },

  async restartChild({ id }: { readonly id: string }, state: State): Answered<StartAnswer> {
    if (state.flags.strategy === 'simple_one_for_one') return refused(state, 'simple_one_for_one');
    const child = state.children.get(id);
    if (child === undefined) return refused(state, 'not_found');
    if (child.pid !== undefined) {
      return refused(state, child.pid === 'restarting' ? 'restarting' : 'running');
    }
    return begun(state, child, true);
  },

  async terminateChild({ id }: { readonly id: string }, state: State): Answered<ControlAnswer> {
    const isSimple = state.flags.strategy === 'simple_one_for_one';
    const child = isSimple ? state.byPid.get(id as Pid) : state.children.get(id);
    if (child === undefined) {
      if (!isSimple) return { reply: 'not_found', state };
      if (!id.startsWith('<')) return { reply: 'simple_one_for_one', state };
      return { reply: (await isAlive(id as Pid)) ? 'not_found' : 'ok', state };
    }
    await stopOne(state, child);
    if (child.spec.restart === 'temporary') forget(state, child);
    return { reply: 'ok', state };
  },

  deleteChild({ id }: { readonly id: string }, state: State): CallResult<ControlAnswer, State> {
    if (state.flags.strategy === 'simple_one_for_one')
      return { reply: 'simple_one_for_one', state };
    const child = state.children.get(id);
    if (child === undefined) return { reply: 'not_found', state };
    if (child.pid !== undefined) {
      return { reply: child.pid === 'restarting' ? 'restarting' : 'running', state };
    }
    state.children.delete(id);
    return { reply: 'ok', state };
  },

  /** By its id; without one the first. */
  findChild(
    { id }: { readonly id: string | undefined },
    state: State,
  ): CallResult<ChildInfo['pid'], State> {
    const [first] = state.children.values();
    const child = id === undefined ? first : state.children.get(id);
    return { reply: child?.pid, state };
  },

  whichChildren(_: unknown, state: State): CallResult<readonly ChildInfo[], State> {
    const isSimple = state.flags.strategy === 'simple_one_for_one';
    const children = isSimple ? state.dynamic : state.children.values();
    const infos = Array.from(children, ({ spec: { id, type, modules }, pid }) => ({
      id: isSimple ? undefined : id,
      pid,
      type,
      modules,
    }));
    return { reply: infos.reverse(), state };
  },

  countChildren(_: unknown, state: State): CallResult<ChildCounts, State> {
    const isSimple = state.flags.strategy === 'simple_one_for_one';
    const children = [...(isSimple ? state.dynamic : state.children.values())];
    const supervisors = children.filter(({ spec }) => spec.type === 'supervisor').length;
    const reply = {
      specs: state.children.size,
      active: state.byPid.size,
      supervisors,
      workers: children.length - supervisors,
    };
    return { reply, state };
  },
};

function refused(state: State, reason: unknown): CallResult<StartAnswer, State> {
  return { reply: { ok: false, reason }, state };
}

/** Start a child for who asked; one that is new is forgotten when it fails or does not want to run. */
async function begun(state: State, child: Child, known = false): Answered<StartAnswer> {
  const started = await startProcess(child.spec);
  if (!started.ok) {
    if (!known) state.children.delete(child.spec.id);
    report(state, 'start_error', child, started.reason);
    return refused(state, started.reason);
  }
  settle(state, child, started.pid);
  if (started.pid === undefined && child.spec.restart === 'temporary') forget(state, child);
  else progress(child);
  return { reply: { info: undefined, ...started }, state };
}

// ---- deaths -------------------------------------------------------------------------------------

export async function handleInfo(message: SupervisorInfo, state: State): Promise<Result<State>> {
  if (message?.type === 'EXIT') {
    const child = state.byPid.get(message.from);
    return child === undefined ? { state } : ended(state, child, message.reason);
  }
  if (message?.type === '$try_again') {
    const { child: id } = message;
    const child =
      state.children.get(id) ?? [...state.dynamic].find((each) => each.pid === 'restarting');
    return child?.pid === 'restarting' ? restart(state, child) : { state };
  }
  log.warning(`supervisor ${self()}: a message that nobody handles`, { domain: ['otp'] });
  return { state };
}

async function ended(state: State, child: Child, reason: unknown): Promise<Result<State>> {
  const { restart: kind } = child.spec;
  const pid = child.pid === 'restarting' ? undefined : child.pid;
  release(state, child);
  if (kind === 'permanent' || (kind === 'transient' && !isOrderly(reason))) {
    report(state, 'child_terminated', child, reason, pid);
    return restart(state, child);
  }
  if (!isOrderly(reason)) report(state, 'child_terminated', child, reason, pid);
  if (kind === 'temporary' || state.dynamic.has(child)) forget(state, child);
  return child.spec.significant && isTimeToEnd(state) ? { stop: 'shutdown', state } : { state };
}

function isTimeToEnd({ flags, children }: State): boolean {
  if (flags.autoShutdown === 'any_significant') return true;
  if (flags.autoShutdown === 'never') return false;
  for (const { spec, pid } of children.values()) {
    if (spec.significant && pid !== undefined) return false;
  }
  return true;
}

async function restart(state: State, child: Child): Promise<Result<State>> {
  child.pid = undefined;
  if (!addRestart(state.intensity, monotonicTime())) {
    report(state, 'shutdown', child, 'reached_max_restart_intensity');
    forget(state, child);
    return { stop: 'shutdown', state };
  }
  const failed = await restartByStrategy(state, child);
  if (failed !== null) {
    failed.pid = 'restarting';
    // By message, so that what others ask meanwhile is not kept waiting by a child that cannot start.
    const again: SupervisorInfo = { type: '$try_again', child: failed.spec.id };
    send(self<SupervisorInfo>(), again);
  }
  return { state };
}

/** @returns the child that did not start, or null */
async function restartByStrategy(state: State, child: Child): Promise<Child | null> {
  const { strategy } = state.flags;
  if (strategy === 'one_for_one' || strategy === 'simple_one_for_one') {
    return (await startAt(state, child)) === null ? null : child;
  }
  const all = [...state.children.values()];
  const group = strategy === 'one_for_all' ? all : all.slice(all.indexOf(child));
  await stopGroup(state, group);
  for (const each of group) {
    const isDropped = !state.children.has(each.spec.id);
    if (!isDropped && (await startAt(state, each)) !== null) return each;
  }
  return null;
}

/** @returns the failure, or null */
async function startAt(state: State, child: Child): Promise<{ readonly reason: unknown } | null> {
  const started = await startProcess(child.spec, child.more);
  if (!started.ok) {
    report(state, 'start_error', child, started.reason);
    return { reason: started.reason };
  }
  settle(state, child, started.pid);
  const isDynamic = state.dynamic.has(child);
  if (started.pid === undefined && (isDynamic || child.spec.restart === 'temporary')) {
    forget(state, child);
  } else if (!isDynamic) progress(child);
  return null;
}

// ---- stopping -----------------------------------------------------------------------------------

export async function terminate(_reason: unknown, state: State): Promise<void> {
  await stopAll(state);
}

async function stopAll(state: State): Promise<void> {
  if (state.flags.strategy !== 'simple_one_for_one') {
    await stopGroup(state, [...state.children.values()]);
    return;
  }
  const [template] = state.children.values();
  if (template === undefined) return;
  const problems = await stopProcesses([...state.byPid.keys()], template.spec);
  for (const { reason } of problems) report(state, 'shutdown_error', template, reason);
  state.byPid.clear();
  state.dynamic.clear();
}

/** Each is dead before the next is told. Temporary ones are dropped. */
async function stopGroup(state: State, group: readonly Child[]): Promise<void> {
  for (const child of [...group].reverse()) {
    await stopOne(state, child);
    if (child.spec.restart === 'temporary') forget(state, child);
  }
}

async function stopOne(state: State, child: Child): Promise<void> {
  const { pid } = child;
  release(state, child);
  if (pid === undefined || pid === 'restarting') return;
  const problem = await stopProcess(pid, child.spec);
  if (problem !== null) report(state, 'shutdown_error', child, problem.reason, pid);
}

// ---- the children that there are ----------------------------------------------------------------

function settle(state: State, child: Child, pid: Pid | undefined): void {
  child.pid = pid;
  if (pid !== undefined) state.byPid.set(pid, child);
}

function release(state: State, child: Child): void {
  const { pid } = child;
  child.pid = undefined;
  if (pid !== undefined && pid !== 'restarting') state.byPid.delete(pid);
}

function forget(state: State, child: Child): void {
  if (state.dynamic.delete(child)) return;
  if (state.children.get(child.spec.id) === child) state.children.delete(child.spec.id);
}

/** Flags and specifications anew; what runs goes on. `supervisor:code_change/3`. */
export async function codeChangeOf(version: unknown, state: State, extra: unknown): Promise<State> {
  const origin = await translatedOrigin(state.origin, version, extra);
  // On the way down the argument is translated by the version that goes, the specification is of the one that comes.
  upgrading.seeNext(true);
  const spec = 'spec' in origin ? origin.spec : await asked(origin);
  if ('ignore' in spec) return { ...state, origin };
  const next = newState(origin, spec);
  if ('kind' in next)
    throw new Error(`bad specification of ${next.field}: expected ${next.expected}`);
  const { flags, intensity } = next;
  if (flags.strategy === 'simple_one_for_one') {
    const [template] = next.children.values();
    for (const child of state.dynamic) child.spec = (template as Child).spec;
    return { ...state, origin, flags, intensity, children: next.children };
  }
  for (const [id, child] of state.children) {
    const replacement = next.children.get(id);
    if (replacement !== undefined) child.spec = replacement.spec;
  }
  for (const [id, child] of next.children) {
    if (!state.children.has(id)) state.children.set(id, child);
  }
  return { ...state, origin, flags, intensity };
}

async function translatedOrigin(origin: Origin, version: unknown, extra: unknown): Promise<Origin> {
  if ('spec' in origin) return origin;
  const { module, argument } = origin;
  // Without one the argument stays, in both directions.
  if (module.codeChange === undefined) return origin;
  return { module, argument: await translate(module.codeChange, version, argument, extra) };
}

/** What a report shows of the state: not the machinery. */
export function formatStatus({ flags, children, byPid }: State): unknown {
  return { ...flags, children: [...children.keys()], active: byPid.size };
}

// ---- reports ------------------------------------------------------------------------------------

function report(
  { flags }: State,
  errorContext: ErrorContext,
  { spec }: Child,
  reason: unknown,
  pid?: Pid,
): void {
  reportFailure(flags.strategy, errorContext, spec, reason, pid);
}

function progress({ spec, pid }: Child): void {
  if (pid !== undefined && pid !== 'restarting') reportProgress(spec, pid);
}
