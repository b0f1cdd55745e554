/**
 * Application controller: the process that knows which applications there are, which run, and what they
 * are configured with. There is one in a machine.
 *
 * Invariants:
 *  1. It never waits for an application: each starts and stops in its master, and the answer comes as a
 *     message. So an application can ask for its configuration while it starts and while it stops.
 *  2. `running` is in the order of the starts; a halt stops in the reverse.
 *  3. An application is in at most one of `starting`, `running` and `stopping`.
 *
 * Source: OTP, `application_controller`; SEMANTICS 15.
 */

import {
  type Exit,
  exit,
  type From,
  killGroup,
  log,
  monotonicTime,
  type Pid,
  reply,
  self,
  send,
  setGroupLeader,
  spawnLink,
  trapExit,
} from 'tsvm';
import * as controller from './application-controller.js';
import {
  type Config,
  type Environment,
  type Layers,
  loadEnv,
  newEnvironment,
  renewEnv,
  setValue,
  unloadEnv,
  unsetValue,
} from './application-env.js';
import {
  type ApplicationInfo,
  find,
  infoOf,
  planLoad,
  unknownApplication,
} from './application-loading.js';
import type { Ended, Launch, Launched } from './application-master.js';
import * as master from './application-master.js';
import type { Application, ApplicationType, ConfigChange, Env } from './application-types.js';
import { call, named } from './gen-server.js';
import type { CallResult, InitResult, Result, ServerName } from './gen-server-types.js';
import * as procLib from './proc-lib.js';
import { inWords, shutdown } from './reasons.js';

/** The registered name. */
export const NAME = 'tsvm.applications';
export const CONTROLLER: ServerName<typeof controller> = named<typeof controller>(NAME);

/** What happens to applications, for who started the controller. */
export type ApplicationEvent =
  | { readonly event: 'starting' | 'stopping' | 'stopped'; readonly application: string }
  | {
      readonly event: 'started';
      readonly application: string;
      readonly version: string;
      readonly ms: number;
    }
  | {
      readonly event: 'ended';
      readonly application: string;
      readonly applicationType: ApplicationType;
      readonly reason: unknown;
    };

export interface Options {
  readonly config?: Layers;
  /** Who is told what happens. */
  readonly report?: Pid<ApplicationEvent>;
}

export interface RunningInfo {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly type: ApplicationType;
  /** The leader of its processes; undefined for a library. */
  readonly master: Pid | undefined;
}

export type Answer<T = undefined> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: unknown };

type Waiting = From<Answer>;

interface Active {
  readonly type: ApplicationType;
  readonly master: Pid | undefined;
  readonly waiting: Waiting[];
  /** Monotonic time of the start. */
  readonly since: number;
}

/** Lives within the process; changed in place. */
interface State {
  readonly report: Pid<ApplicationEvent> | undefined;
  readonly environment: Environment;
  readonly loaded: Map<string, ApplicationInfo>;
  readonly starting: Map<string, Active>;
  readonly running: Map<string, Active>;
  readonly stopping: Map<string, Active>;
  /** What ended by itself, and was not started again. */
  readonly ended: Map<string, unknown>;
  /** The reason that the controller will end with. */
  halting: { readonly reason: unknown } | undefined;
}

export type ControllerInfo = Launched | Ended | { readonly type: '$halted' } | Exit;

const NO_LAYERS: Layers = { file: {}, arguments: {} };

export function init({ config = NO_LAYERS, report }: Options): InitResult<State> {
  trapExit(true);
  // Whoever started it, it belongs to no application.
  setGroupLeader(undefined);
  return {
    state: {
      report,
      environment: newEnvironment(config),
      loaded: new Map(),
      starting: new Map(),
      running: new Map(),
      stopping: new Map(),
      ended: new Map(),
      halting: undefined,
    },
  };
}

// ---- requests -----------------------------------------------------------------------------------

type Named = { readonly name: string };
type Answered<T = undefined> = CallResult<Answer<T>, State>;

export const handleCall = {
  load({ name }: Named, state: State): Answered<ApplicationInfo> {
    if (state.loaded.has(name))
      return refused(state, { kind: 'already_loaded', application: name });
    const failure = load(state, name);
    return failure ?? { reply: { ok: true, value: infoFor(state, name) }, state };
  },

  unload({ name }: Named, state: State): Answered {
    if (!state.loaded.has(name)) return refused(state, { kind: 'not_loaded', application: name });
    if (isActive(state, name)) return refused(state, { kind: 'running', application: name });
    state.loaded.delete(name);
    unloadEnv(state.environment, name);
    return accepted(state, undefined);
  },

  /** What it needs; loads it if need be. */
  inspect(
    { name }: Named,
    state: State,
  ): Answered<{ readonly info: ApplicationInfo; readonly running: boolean }> {
    const failure = load(state, name);
    if (failure !== null) return failure;
    return accepted(state, { info: infoFor(state, name), running: state.running.has(name) });
  },

  start(
    { name, applicationType: type }: Named & { readonly applicationType: ApplicationType },
    state: State,
    from: Waiting,
  ): Answered {
    if (state.halting !== undefined) return refused(state, 'shutting_down');
    if (state.running.has(name))
      return refused(state, { kind: 'already_started', application: name });
    if (state.stopping.has(name)) return refused(state, { kind: 'stopping', application: name });
    const under = state.starting.get(name);
    if (under !== undefined) {
      under.waiting.push(from);
      return { noReply: true, state };
    }
    const failure = load(state, name);
    if (failure !== null) return failure;
    const application = find(name);
    // Its module may have been taken away since.
    if (application === undefined) return refused(state, unknownApplication(name));
    const missing = firstMissing(state, application);
    if (missing !== null) return refused(state, missing);
    tell(state, { event: 'starting', application: name });
    if (application.module === undefined) {
      begun(state, name, { type, master: undefined, waiting: [], since: monotonicTime() });
      return accepted(state, undefined);
    }
    const launch = launchOf(application);
    const pid = procLib.spawnLink(master.start, self<ControllerInfo>(), launch);
    const since = monotonicTime();
    state.starting.set(name, { type, master: pid as Pid, waiting: [from], since });
    return { noReply: true, state };
  },

  stop({ name }: Named, state: State, from: Waiting): Answered {
    const under = state.stopping.get(name);
    if (under !== undefined) {
      under.waiting.push(from);
      return { noReply: true, state };
    }
    const active = state.running.get(name);
    if (active === undefined) return refused(state, { kind: 'not_started', application: name });
    state.running.delete(name);
    tell(state, { event: 'stopping', application: name });
    if (active.master === undefined) {
      tell(state, { event: 'stopped', application: name });
      return accepted(state, undefined);
    }
    state.stopping.set(name, { ...active, waiting: [from] });
    send(active.master, { type: '$stop' });
    return { noReply: true, state };
  },

  /** Stop all in the reverse order of their start, then end. */
  halt({ reason }: { readonly reason?: unknown }, state: State): Answered {
    halt(state, reason ?? 'normal');
    return accepted(state, undefined);
  },

  which(_: unknown, state: State): Answered<readonly RunningInfo[]> {
    const infos = Array.from(state.running, ([name, { type, master: pid }]) => {
      const { description, version } = infoFor(state, name);
      return { name, description, version, type, master: pid };
    });
    return accepted(state, infos);
  },

  loaded(_: unknown, state: State): Answered<readonly ApplicationInfo[]> {
    return accepted(state, [...state.loaded.values()]);
  },

  /** The application whose processes have this leader. */
  ledBy({ leader }: { readonly leader: Pid }, state: State): Answered<string | undefined> {
    for (const active of [state.running, state.starting, state.stopping]) {
      for (const [name, each] of active) if (each.master === leader) return accepted(state, name);
    }
    return accepted(state, undefined);
  },

  // ---- configuration ----------------------------------------------------------------------------

  getEnv({ name, key }: Named & { readonly key: string }, state: State): Answered<unknown> {
    return accepted(state, state.environment.values.get(name)?.get(key));
  },

  getAllEnv({ name }: Named, state: State): Answered<Env> {
    return accepted(state, Object.fromEntries(state.environment.values.get(name) ?? []));
  },

  setEnv(
    { name, key, value, persistent }: Named & EnvKey & { readonly value: unknown },
    state: State,
  ): Answered {
    setValue(state.environment, name, key, value, persistent);
    return accepted(state, undefined);
  },

  unsetEnv({ name, key, persistent }: Named & EnvKey, state: State): Answered {
    unsetValue(state.environment, name, key, persistent);
    return accepted(state, undefined);
  },

  /** What the definitions say now, and another configuration file, if there is one. */
  renew(
    { file }: { readonly file?: Config },
    state: State,
  ): Answered<
    readonly { readonly name: string; readonly master: Pid; readonly change: ConfigChange }[]
  > {
    const { environment } = state;
    if (file !== undefined) environment.layers = { ...environment.layers, file };
    const changes: { name: string; master: Pid; change: ConfigChange }[] = [];
    for (const name of state.loaded.keys()) {
      const application = find(name);
      if (application === undefined) continue;
      const { definedIn: module } = infoFor(state, name);
      state.loaded.set(name, infoOf({ module, application }));
      const change = renewEnv(environment, name, application.env as Env);
      const pid = state.running.get(name)?.master;
      if (change !== null && pid !== undefined) changes.push({ name, master: pid, change });
    }
    return accepted(state, changes);
  },
};

type EnvKey = { readonly key: string; readonly persistent: boolean };

function accepted<T>(state: State, value: T): Answered<T> {
  return { reply: { ok: true, value }, state };
}

function refused(state: State, reason: unknown): Answered<never> {
  return { reply: { ok: false, reason }, state };
}

// ---- loading ------------------------------------------------------------------------------------

/** Load an application, unless it is. @returns the refusal, or null */
function load(state: State, name: string): Answered<never> | null {
  if (state.loaded.has(name)) return null;
  const loading = planLoad(state.loaded, name);
  if (!loading.ok) return refused(state, loading.reason);
  for (const definition of loading.definitions) {
    const { application } = definition;
    state.loaded.set(application.name, infoOf(definition));
    loadEnv(state.environment, application.name, application.env as Env);
  }
  return null;
}

function infoFor(state: State, name: string): ApplicationInfo {
  return state.loaded.get(name) as ApplicationInfo;
}

function isActive({ starting, running, stopping }: State, name: string): boolean {
  return starting.has(name) || running.has(name) || stopping.has(name);
}

// ---- starting -----------------------------------------------------------------------------------

function firstMissing(state: State, application: Application): unknown {
  const there = application.optionalApplications.filter((each) => find(each) !== undefined);
  for (const name of [...application.applications, ...there]) {
    if (state.running.has(name)) continue;
    const kind = state.ended.has(name) ? 'not_running' : 'not_started';
    return { kind, application: name };
  }
  return null;
}

/** Each phase of the application, in it and then in those that it includes and that have it. */
function launchOf(application: Application): Launch {
  const { name, module, argument, startPhases } = application;
  const included = application.includedApplications.flatMap((each) => find(each) ?? []);
  const phases = startPhases.flatMap((phase) =>
    [{ module, phase }].concat(
      included.flatMap((each) => {
        const own = each.startPhases.find(([other]) => other === phase[0]);
        return own === undefined ? [] : [{ module: each.module, phase: own }];
      }),
    ),
  );
  return { name, module, argument, phases: phases as Launch['phases'] } as Launch;
}

function begun(state: State, name: string, active: Active): void {
  state.ended.delete(name);
  state.running.set(name, { ...active, waiting: [] });
  const { version } = infoFor(state, name);
  const ms = monotonicTime() - active.since;
  tell(state, { event: 'started', application: name, version, ms });
  answer(active.waiting, { ok: true, value: undefined });
}

function notBegun(state: State, name: string, reason: unknown): void {
  const active = state.starting.get(name);
  state.starting.delete(name);
  const failure = { kind: 'application_start_failed', application: name, reason };
  answer(active?.waiting ?? [], { ok: false, reason: failure });
}

function answer(waiting: readonly Waiting[], value: Answer): void {
  for (const from of waiting) reply(from, value);
}

// ---- what masters tell --------------------------------------------------------------------------

export async function handleInfo(message: ControllerInfo, state: State): Promise<Result<State>> {
  switch (message?.type) {
    case '$launched': {
      const { name, failure } = message;
      const active = state.starting.get(name);
      if (active === undefined || active.master !== message.master) break;
      if (failure !== undefined) notBegun(state, name, failure.reason);
      else {
        state.starting.delete(name);
        begun(state, name, active);
      }
      break;
    }
    case '$ended':
      if (state.running.get(message.name)?.master === message.master) {
        endedByItself(state, message.name, message.reason);
      } else stopped(state, message.name);
      break;
    case 'EXIT':
      await masterEnded(state, message);
      break;
    case '$halted':
      return { stop: state.halting?.reason, state };
    default:
      log.warning('application controller: a message that nobody handles');
  }
  return { state };
}

async function masterEnded(state: State, { from, reason }: Exit): Promise<void> {
  const is = ([, active]: [string, Active]): boolean => active.master === from;
  const [stopping] = [...state.stopping].find(is) ?? [];
  const [starting] = [...state.starting].find(is) ?? [];
  const [running] = [...state.running].find(is) ?? [];
  // A master that ended by itself has left nothing; one that was killed has.
  if (reason !== 'normal') await killGroup(from);
  if (stopping !== undefined) stopped(state, stopping);
  if (starting !== undefined) notBegun(state, starting, reason);
  if (running !== undefined) endedByItself(state, running, reason);
}

/** @param name also one that has been told already */
function stopped(state: State, name: string): void {
  const active = state.stopping.get(name);
  if (active === undefined) return;
  state.stopping.delete(name);
  tell(state, { event: 'stopped', application: name });
  answer(active.waiting, { ok: true, value: undefined });
}

function endedByItself(state: State, name: string, reason: unknown): void {
  const { type } = state.running.get(name) as Active;
  state.running.delete(name);
  state.ended.set(name, reason);
  tell(state, { event: 'ended', application: name, applicationType: type, reason });
  const isFatal = type === 'permanent' || (type === 'transient' && reason !== 'normal');
  const fields = { label: 'application', application: name, applicationType: type, reason };
  const text = `application ${name} (${type}) ended by itself: ${inWords(reason)}`;
  if (reason === 'normal' && !isFatal) log.notice(text, fields);
  else log.error(isFatal ? `${text}; the others are stopped` : text, fields);
  if (!isFatal) return;
  const terminated = { kind: 'application_terminated', application: name, reason };
  halt(state, shutdown(terminated));
}

// ---- the end of all -----------------------------------------------------------------------------

function halt(state: State, reason: unknown): void {
  if (state.halting !== undefined) return;
  state.halting = { reason };
  // Whoever is starting has promised nothing yet.
  for (const { master: pid } of state.starting.values()) if (pid !== undefined) exit(pid, 'kill');
  const names = [...state.running.keys()].reverse();
  const stopping = [...state.stopping.keys()];
  spawnLink(controller.stopAll, self<ControllerInfo>(), [...stopping, ...names]);
}

/** A process that stops applications one after the other, and then says so. */
export async function stopAll(
  halting: Pid<ControllerInfo>,
  names: readonly string[],
): Promise<void> {
  for (const name of names)
    await call(CONTROLLER, { type: 'stop', name }, Number.POSITIVE_INFINITY);
  send(halting, { type: '$halted' });
}

function tell({ report }: State, event: ApplicationEvent): void {
  if (report !== undefined) send(report, event);
}
