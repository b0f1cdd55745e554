/**
 * What an application is: its name, what it needs, what it is configured with, and its callback module.
 *
 * An application is said once, in a module that exports `application = defineApplication({…})`, and is
 * found by its name. What is wrong with it shows when that module is loaded.
 *
 * Source: OTP, "app" (application resource file); module `application`; SEMANTICS 15.
 */

import { exportName, type Pid } from 'tsvm';

type MaybePromise<T> = T | Promise<T>;
// A function of any type: only one of the very least promise is assignable from all others.
type AnyFunction = (...args: never[]) => unknown;

/** What an application is configured with, by name. */
export type Env = Readonly<Record<string, unknown>>;

/** What the machine does when the application ends by itself: see `start`. */
export type ApplicationType = 'permanent' | 'transient' | 'temporary';

/** Why `start` of a callback module is called. (Applications do not move between machines yet.) */
export type StartType = 'normal';

/** The top of the application's tree of processes, and what `prepStop` and `stop` are to be given. */
export type ApplicationStart = Pid<never> | { readonly pid: Pid<never>; readonly state?: unknown };

/** How the configuration of a running application has changed. */
export interface ConfigChange {
  readonly changed: Env;
  readonly added: Env;
  readonly removed: readonly string[];
}

/** The callbacks of an application: what `import * as main from './main.js'` must have. */
export interface ApplicationModule {
  /** Start the top supervisor, linked, and give its pid. `Module:start/2`. */
  readonly start: (argument: never, type: StartType) => MaybePromise<ApplicationStart>;
  /** Once for each start phase, in order, when `start` has returned. `Module:start_phase/3`. */
  readonly startPhase?: (phase: never, argument: never) => unknown;
  /** Before the processes are stopped; gives what `stop` will be given. `Module:prep_stop/1`. */
  readonly prepStop?: (state: never) => unknown;
  /** When no process of it is left. `Module:stop/1`. */
  readonly stop?: (state: never) => unknown;
  /** After its configuration has changed, as by an upgrade. `Module:config_change/3`. */
  readonly configChange?: (change: ConfigChange) => unknown;
}

/** A name, and what `startPhase` is given beside it. */
export type StartPhase = readonly [phase: string, argument?: unknown];

interface CommonSpec<E extends object> {
  /** Letters, digits, `-`, `_` and `/`. */
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  /** What must run before this one. */
  readonly applications?: readonly string[];
  /** What must run before this one, if it is there at all. */
  readonly optionalApplications?: readonly string[];
  /** What is loaded with this one, and started by its own supervisors. */
  readonly includedApplications?: readonly string[];
  /** Its modules: each must be loaded. */
  readonly modules?: readonly string[];
  /** The names that its processes register: no two applications may have the same. */
  readonly registered?: readonly string[];
  readonly env?: E;
  /**
   * How long its start may take, with its start phases, in ms. Then all of it is ended, and the start fails
   * with what it waited for. For ever without it, as in OTP.
   */
  readonly startMs?: number;
}

type ArgumentOf<M> = M extends { readonly start: () => unknown }
  ? undefined
  : M extends { readonly start: (argument: infer A, ...rest: never[]) => unknown }
    ? A
    : never;

/** The callback module and what its `start` takes. */
type Callbacks<M> = { readonly module?: M } & ([ArgumentOf<M>] extends [never]
  ? { readonly argument?: undefined }
  : undefined extends ArgumentOf<M>
    ? { readonly argument?: ArgumentOf<M> }
    : { readonly argument: ArgumentOf<M> }) &
  (M extends { readonly startPhase: AnyFunction }
    ? { readonly startPhases?: readonly StartPhase[] }
    : { readonly startPhases?: never });

/** An application as it is defined; `E` is what it is configured with. */
export interface Application<E extends object = object> {
  readonly type: 'application';
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly applications: readonly string[];
  readonly optionalApplications: readonly string[];
  readonly includedApplications: readonly string[];
  readonly modules: readonly string[];
  readonly registered: readonly string[];
  readonly env: E;
  readonly startMs: number | undefined;
  readonly startPhases: readonly StartPhase[];
  /** undefined: a library, which runs nothing. */
  readonly module: ApplicationModule | undefined;
  readonly argument: unknown;
}

const NAME = /^[A-Za-z][\w/-]*$/;
const KEYS: readonly string[] = [
  'name',
  'version',
  'description',
  'applications',
  'optionalApplications',
  'includedApplications',
  'modules',
  'registered',
  'env',
  'startMs',
  'startPhases',
  'module',
  'argument',
];

/**
 * Say what an application is: `export const application = defineApplication({ name: 'chat', … })`.
 *
 * @throws TypeError that says what is wrong: the module is not loaded then
 */
export function defineApplication<
  E extends object = Record<never, never>,
  M extends ApplicationModule = ApplicationModule,
>(spec: CommonSpec<E> & Callbacks<M>): Application<E> {
  check(spec as unknown as Readonly<Record<string, unknown>>);
  const { name, version, description = '', env, module, argument } = spec;
  const { applications = [], optionalApplications = [], includedApplications = [] } = spec;
  const { modules = [], registered = [], startMs, startPhases = [] } = spec;
  return {
    type: 'application',
    name,
    version,
    description,
    applications,
    optionalApplications,
    includedApplications,
    modules,
    registered,
    env: env ?? ({} as E),
    startMs,
    startPhases,
    module,
    argument,
  };
}

/** Is this what `defineApplication` gives? */
export function isApplication(value: unknown): value is Application {
  return (value as Partial<Application> | null | undefined)?.type === 'application';
}

function check(spec: Readonly<Record<string, unknown>>): void {
  const { name, version, env, module, startMs, startPhases = [] } = spec;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw wrong('name', 'a letter, then letters, digits, "-", "_" and "/"', name);
  }
  for (const key of Object.keys(spec)) {
    if (!KEYS.includes(key)) throw wrong(name, `only ${KEYS.join(', ')}`, key);
  }
  if (typeof version !== 'string' || version === '') {
    throw wrong(`${name}: version`, 'a text such as "1.0.0"', version);
  }
  const needed: string[] = [];
  for (const key of ['applications', 'optionalApplications', 'includedApplications'] as const) {
    needed.push(...checkNames(`${name}: ${key}`, spec[key]));
  }
  for (const key of ['modules', 'registered'] as const) checkNames(`${name}: ${key}`, spec[key]);
  if (needed.includes(name)) throw wrong(`${name}: applications`, 'others than itself', name);
  const twice = needed.find((each, index) => needed.indexOf(each) !== index);
  if (twice !== undefined) throw wrong(`${name}: applications`, 'each at most once', twice);
  if (env !== undefined && (typeof env !== 'object' || env === null || Array.isArray(env))) {
    throw wrong(`${name}: env`, 'an object', env);
  }
  if (startMs !== undefined && !(typeof startMs === 'number' && startMs > 0)) {
    throw wrong(`${name}: startMs`, 'milliseconds above 0', startMs);
  }
  if (module !== undefined && exportName(module)?.name !== null) {
    throw wrong(
      `${name}: module`,
      "a module, as import * as main from './main.js' gives it",
      module,
    );
  }
  const isPhase = (each: unknown): boolean => Array.isArray(each) && typeof each[0] === 'string';
  if (!Array.isArray(startPhases) || !startPhases.every(isPhase)) {
    throw wrong(`${name}: startPhases`, 'a list such as [["connect", 3], ["warm"]]', startPhases);
  }
}

function checkNames(field: string, names: unknown = []): readonly string[] {
  if (Array.isArray(names) && names.every((each) => typeof each === 'string' && each !== '')) {
    return names;
  }
  throw wrong(field, 'a list of names', names);
}

function wrong(field: string, expected: string, came: unknown): TypeError {
  const shown = JSON.stringify(came) ?? String(came);
  return new TypeError(`defineApplication: ${field}: expected ${expected}, got ${shown}`);
}
