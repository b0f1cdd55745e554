/**
 * application: units that are started, stopped and configured as a whole.
 *
 * This is the side of who uses them: the process that knows them all is `application-controller.ts`,
 * started when first asked.
 *
 * Source: OTP, module `application`; SEMANTICS 15.
 */

import { call as ask, type Down, groupLeader, monitor, receive, whereis } from 'tsvm';
import type { Options, RunningInfo } from './application-controller.js';
import * as controller from './application-controller.js';
import type { Config } from './application-env.js';
import type { ApplicationInfo } from './application-loading.js';
import { ownApplication } from './application-master.js';
import type { Answer } from './application-state.js';
import type { Application, ApplicationType, ConfigChange } from './application-types.js';
import * as genServer from './gen-server.js';
import { kindOf, StartError } from './reasons.js';

export type { Options as ControllerOptions, RunningInfo } from './application-controller.js';
export type { Config } from './application-env.js';
export type { ApplicationInfo } from './application-loading.js';
export type { ApplicationEvent } from './application-state.js';
export {
  type Application,
  type ApplicationModule,
  type ApplicationStart,
  type ApplicationType,
  type ConfigChange,
  defineApplication,
  type Env,
  type StartPhase,
  type StartType,
} from './application-types.js';
export { isStartError, StartError } from './reasons.js';

/** An application, as it was defined or by its name. */
export type ApplicationRef<E extends object = object> = Application<E> | string;

const FOR_EVER: number = Number.POSITIVE_INFINITY;

function nameOf(application: ApplicationRef): string {
  return typeof application === 'string' ? application : application.name;
}

/** The controller; started if nobody has. @throws StartError */
async function present(): Promise<typeof controller.CONTROLLER> {
  if (whereis(controller.NAME) === undefined) await startController({}).catch(unlessStarted);
  return controller.CONTROLLER;
}

function unlessStarted(thrown: unknown): void {
  const { reason } = thrown as Partial<StartError>;
  if (kindOf(reason) !== 'already_started') throw thrown;
}

/**
 * Start the controller with a configuration: for who boots a machine, before anything else is asked.
 *
 * @throws StartError: `{kind: 'already_started', …}`
 */
export function startController(options: Options): Promise<genServer.Server<typeof controller>> {
  return genServer.start(controller, options, { name: controller.NAME });
}

function taken<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new StartError(answer.reason);
  return answer.value;
}

// ---- which there are ----------------------------------------------------------------------------

/**
 * Load an application: from now on it has its configuration. `application:load/1`.
 *
 * @throws StartError: `{kind: 'unknown_application', …}` and what is wrong with a known one
 */
export async function load(application: ApplicationRef): Promise<ApplicationInfo> {
  const request = { type: 'load', name: nameOf(application) } as const;
  return taken(await genServer.call(await present(), request, FOR_EVER));
}

/** Forget a loaded application that does not run, and its configuration. `application:unload/1`. @throws StartError */
export async function unload(application: ApplicationRef): Promise<void> {
  const request = { type: 'unload', name: nameOf(application) } as const;
  taken(await genServer.call(await present(), request, FOR_EVER));
}

/** The loaded applications. `application:loaded_applications/0`. */
export async function loadedApplications(): Promise<readonly ApplicationInfo[]> {
  return taken(await genServer.call(await present(), { type: 'loaded' }, FOR_EVER));
}

/** The running applications, in the order of their start. `application:which_applications/0`. */
export async function whichApplications(): Promise<readonly RunningInfo[]> {
  return taken(await genServer.call(await present(), { type: 'which' }, FOR_EVER));
}

/** The application that the calling process belongs to. `application:get_application/0`. */
export async function currentApplication(): Promise<string | undefined> {
  const own = ownApplication();
  const leader = groupLeader();
  if (own !== undefined || leader === undefined) return own;
  return taken(await genServer.call(await present(), { type: 'ledBy', leader }, FOR_EVER));
}

// ---- start and stop -----------------------------------------------------------------------------

/**
 * Start one application; what it needs must run. Who asks while it is starting gets the same result.
 * `application:start/1,2`.
 *
 * @param type what its end by itself means: nothing but a report (`temporary`); the end of all
 *   applications, unless its reason is `normal` (`transient`); always the end of all (`permanent`)
 * @throws StartError: `{kind: 'not_started', application}` for one that it needs; `not_running` where
 *   that has ended by itself; `{kind: 'already_started', …}`; `{kind: 'application_start_failed',
 *   application, reason}`
 */
export async function start(
  application: ApplicationRef,
  type: ApplicationType = 'temporary',
): Promise<void> {
  const request = { type: 'start', name: nameOf(application), applicationType: type } as const;
  taken(await genServer.call(await present(), request, FOR_EVER));
}

/**
 * Start applications and all that they need, in the order of their needs.
 * `application:ensure_all_started/2`.
 *
 * @returns the names of those that it has started, in that order
 * @throws StartError as `start`; `{kind: 'dependency_cycle', applications}`. What it had started is
 *   stopped again
 */
export async function ensureAllStarted(
  applications: ApplicationRef | readonly ApplicationRef[],
  type: ApplicationType = 'temporary',
): Promise<readonly string[]> {
  const all = [applications].flat() as readonly ApplicationRef[];
  const started: string[] = [];
  try {
    for (const each of all) await ensure(nameOf(each), type, [], started);
  } catch (thrown) {
    for (const name of [...started].reverse()) await stop(name).catch(unlessStopped);
    throw thrown;
  }
  return started;
}

/** @param path who needs it, outermost first */
async function ensure(
  name: string,
  type: ApplicationType,
  path: readonly string[],
  started: string[],
): Promise<void> {
  if (path.includes(name)) {
    const applications = [...path.slice(path.indexOf(name)), name];
    throw new StartError({ kind: 'dependency_cycle', applications });
  }
  const at = await present();
  const { info, running } = taken(await genServer.call(at, { type: 'inspect', name }, FOR_EVER));
  if (running) return;
  const way = [...path, name];
  for (const each of info.applications) await ensure(each, type, way, started);
  for (const each of info.optionalApplications) {
    try {
      await ensure(each, type, way, started);
    } catch (thrown) {
      if (!isUnknown(thrown, each)) throw thrown;
    }
  }
  try {
    await start(name, type);
    started.push(name);
  } catch (thrown) {
    unlessStarted(thrown);
  }
}

function isUnknown(thrown: unknown, name: string): boolean {
  const { kind, application } = ((thrown as Partial<StartError>).reason ?? {}) as {
    kind?: unknown;
    application?: unknown;
  };
  return kind === 'unknown_application' && application === name;
}

function unlessStopped(thrown: unknown): void {
  if (kindOf((thrown as Partial<StartError>).reason) !== 'not_started') throw thrown;
}

/**
 * Stop an application: `prepStop`, its processes from the last started to the first, all that it has
 * left, `stop`. Who needs it goes on. `application:stop/1`.
 *
 * @throws StartError: `{kind: 'not_started', application}`
 */
export async function stop(application: ApplicationRef): Promise<void> {
  const request = { type: 'stop', name: nameOf(application) } as const;
  taken(await genServer.call(await present(), request, FOR_EVER));
}

/** Stop all in the reverse order of their start, then the controller. `init:stop/0`, without the end of the machine. */
export async function stopAll(reason: unknown = 'normal'): Promise<void> {
  const pid = whereis(controller.NAME);
  if (pid === undefined) return;
  const ref = monitor(pid);
  await genServer.call(controller.CONTROLLER, { type: 'halt', reason }, FOR_EVER);
  await receive((message: Down) => message?.type === 'DOWN' && message.ref === ref);
}

// ---- configuration ------------------------------------------------------------------------------

interface GetEnv {
  <E extends object, K extends keyof E & string>(
    application: Application<E>,
    key: K,
  ): Promise<E[K]>;
  <T = unknown>(application: string, key: string): Promise<T | undefined>;
}

/** A value of an application's configuration; `undefined` if there is none. `application:get_env/2`. */
export const getEnv: GetEnv = async (application: ApplicationRef, key: string): Promise<never> => {
  const request = { type: 'getEnv', name: nameOf(application), key } as const;
  return taken(await genServer.call(await present(), request, FOR_EVER)) as never;
};

/** All of an application's configuration. `application:get_all_env/1`. */
export async function getAllEnv<E extends object>(application: ApplicationRef<E>): Promise<E> {
  const request = { type: 'getAllEnv', name: nameOf(application) } as const;
  return taken(await genServer.call(await present(), request, FOR_EVER)) as E;
}

export interface SetEnvOptions {
  /** Also when the application is loaded later or anew. */
  readonly persistent?: boolean;
}

interface SetEnv {
  <E extends object, K extends keyof E & string>(
    application: Application<E>,
    key: K,
    value: E[K],
    options?: SetEnvOptions,
  ): Promise<void>;
  (application: string, key: string, value: unknown, options?: SetEnvOptions): Promise<void>;
}

/** Set a value. Nobody is told: an application looks when it wants to know. `application:set_env/4`. */
export const setEnv: SetEnv = async (
  application: ApplicationRef,
  key: string,
  value: unknown,
  { persistent = false }: SetEnvOptions = {},
) => {
  const request = { type: 'setEnv', name: nameOf(application), key, value, persistent } as const;
  taken(await genServer.call(await present(), request, FOR_EVER));
};

/** Take a value away. `application:unset_env/3`. */
export async function unsetEnv(
  application: ApplicationRef,
  key: string,
  { persistent = false }: SetEnvOptions = {},
): Promise<void> {
  const request = { type: 'unsetEnv', name: nameOf(application), key, persistent } as const;
  taken(await genServer.call(await present(), request, FOR_EVER));
}

/** What a change of the configuration has done. */
export interface ChangedConfig {
  readonly application: string;
  readonly change: ConfigChange;
  /** Why its `configChange` failed. */
  readonly failure: unknown;
}

/**
 * Put the configuration together anew, from what the definitions say now and, if given, from another
 * configuration file; each running application that it changes is told by its `configChange`. For
 * upgrades: what was set with `setEnv` and not to stay gives way. `application_controller:config_change/1`.
 */
export async function changeConfig(file?: Config): Promise<readonly ChangedConfig[]> {
  const request = { type: 'renew', ...(file === undefined ? {} : { file }) } as const;
  const changes = taken(await genServer.call(await present(), request, FOR_EVER));
  const done: ChangedConfig[] = [];
  for (const { name, master, change } of changes) {
    const failure: unknown = await ask(master, change, FOR_EVER);
    done.push({ application: name, change, failure });
  }
  return done;
}
