/**
 * Application controller: the process that knows which applications there are, which run, and what they
 * are configured with. There is one in a machine.
 *
 * Invariants:
 *  1. It never waits for an application: each starts and stops in its master, and the answer comes as a
 *     message. So an application can ask for its configuration while it starts and while it stops.
 *  2. `running` is in the order of the starts; a halt stops in the reverse.
 *
 * Source: OTP, `application_controller`; SEMANTICS 15.
 */

import {
  type Exit,
  exit,
  log,
  monotonicTime,
  type Pid,
  self,
  send,
  sendAfter,
  setGroupLeader,
  spawnLink,
  trapExit,
} from 'tsvm';
import * as controller from './application-controller.js';
import {
  type Config,
  type Layers,
  loadEnv,
  newEnvironment,
  renewEnv,
  setValue,
  unloadEnv,
  unsetValue,
} from './application-env.js';
import {
  begun,
  endedByItself,
  firstMissing,
  launchOf,
  masterEnded,
  notBegun,
  stopped,
} from './application-lifecycle.js';
import {
  type ApplicationInfo,
  find,
  infoOf,
  planLoad,
  unknownApplication,
} from './application-loading.js';
import type { Ended, Launched } from './application-master.js';
import * as master from './application-master.js';
import {
  type Active,
  type Answer,
  type ApplicationEvent,
  infoFor,
  isActive,
  type State,
  tell,
  type Waiting,
} from './application-state.js';
import type { Application, ApplicationType, ConfigChange, Env } from './application-types.js';
import { call, named } from './gen-server.js';
import type { CallResult, InitResult, Result, ServerName } from './gen-server-types.js';
import * as procLib from './proc-lib.js';
import { startChain } from './start-chain.js';
import type { StartStep } from './start-steps.js';

/** The registered name. */
export const NAME = 'tsvm.applications';
export const CONTROLLER: ServerName<typeof controller> = named<typeof controller>(NAME);

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

export type ControllerInfo =
  | Launched
  | Ended
  | { readonly type: '$halted' }
  /** The limit of a start has passed; with `hanging`, what it waits for. */
  | { readonly type: '$late'; readonly name: string; readonly hanging?: readonly StartStep[] }
  | Exit;

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
      begun(state, name, {
        type,
        master: undefined,
        waiting: [],
        since: monotonicTime(),
        limit: undefined,
      });
      return accepted(state, undefined);
    }
    const launch = launchOf(application);
    const pid = procLib.spawnLink(master.start, self<ControllerInfo>(), launch);
    const since = monotonicTime();
    const limit = limitOf(application);
    state.starting.set(name, { type, master: pid as Pid, waiting: [from], since, limit });
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

  /** What is starting just now, and the masters that do it. */
  starting(
    _: unknown,
    state: State,
  ): Answered<readonly { readonly name: string; readonly master: Pid | undefined }[]> {
    return accepted(
      state,
      Array.from(state.starting, ([name, { master: pid }]) => ({ name, master: pid })),
    );
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

// ---- what masters tell --------------------------------------------------------------------------

export async function handleInfo(message: ControllerInfo, state: State): Promise<Result<State>> {
  switch (message?.type) {
    case '$launched': {
      const { name, failure } = message;
      const active = state.starting.get(name);
      if (active === undefined || active.master !== message.master) break;
      // Too late: it is being ended.
      if (active.limit?.passed !== undefined) break;
      if (failure !== undefined) notBegun(state, name, failure.reason);
      else {
        state.starting.delete(name);
        begun(state, name, active);
      }
      break;
    }
    case '$ended':
      if (state.running.get(message.name)?.master === message.master) {
        haltFor(state, endedByItself(state, message.name, message.reason));
      } else stopped(state, message.name);
      break;
    case 'EXIT':
      haltFor(state, await masterEnded(state, message));
      break;
    case '$late':
      late(state, message);
      break;
    case '$halted':
      return { stop: state.halting?.reason, state };
    default:
      log.warning('application controller: a message that nobody handles', { domain: ['otp'] });
  }
  return { state };
}

// ---- limits of starts ---------------------------------------------------------------------------

function limitOf({ name, startMs }: Application): Active['limit'] {
  if (startMs === undefined || startMs === Number.POSITIVE_INFINITY) return undefined;
  const timer = sendAfter(startMs, self<ControllerInfo>(), { type: '$late', name });
  return { ms: startMs, timer, passed: undefined };
}

/** First it is found out what the start waits for, by a process that may take its time; then it is ended. */
function late(state: State, { name, hanging }: Extract<ControllerInfo, { type: '$late' }>): void {
  const active = state.starting.get(name);
  if (active?.master === undefined || active.limit === undefined) return;
  if (hanging === undefined) {
    spawnLink(controller.findHanging, self<ControllerInfo>(), name, active.master);
    return;
  }
  active.limit.passed = { kind: 'start_timeout', ms: active.limit.ms, hanging };
  exit(active.master, 'kill');
}

/** A process that follows a start to where it hangs, and says so. */
export async function findHanging(
  asker: Pid<ControllerInfo>,
  name: string,
  master: Pid,
): Promise<void> {
  send(asker, { type: '$late', name, hanging: await startChain(master) });
}

// ---- the end of all -----------------------------------------------------------------------------

/** @param reason undefined: it is not the end */
function haltFor(state: State, reason: unknown): void {
  if (reason !== undefined) halt(state, reason);
}

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
