/**
 * What a supervisor is told: its flags and the specifications of its children.
 *
 * Source: OTP, module `supervisor`, "Supervisor Flags", "Child Specification"; SEMANTICS 13.
 */

import { exportName, fn, type Pid } from 'tsvm';
import type { AnyCodeChange } from './code-change.js';

export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'simple_one_for_one';
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant';
export type Restart = 'permanent' | 'transient' | 'temporary';

/** What the start function of a child gives; it may also throw, as `startLink` of the behaviours does. */
export type ChildStart =
  | Pid<never>
  | { readonly pid: Pid<never>; readonly info?: unknown }
  | 'ignore';

interface CommonChildOptions {
  /**
   * How long the child may take to end, in ms; `'brutal_kill'` does not ask. 5000 by default, for ever
   * (Infinity) for a supervisor.
   */
  readonly shutdown?: number | 'brutal_kill';
  /**
   * How long its start may take, in ms: until what it starts has said that it is ready. It is killed then, and the
   * start has failed. For ever without it, as in OTP: a supervisor waits.
   */
  readonly startMs?: number;
  readonly type?: 'worker' | 'supervisor';
  /** The modules that the child runs, for upgrades: by default that of its start function. */
  readonly modules?: readonly string[];
}

/** Only a child that may end for good can be significant. */
export type ChildOptions = CommonChildOptions &
  (
    | { readonly restart?: 'permanent'; readonly significant?: false }
    | { readonly restart: 'transient' | 'temporary'; readonly significant?: boolean }
  );

declare const checked: unique symbol;

/** How a child is started, restarted and stopped. Made by `child`, which knows that it fits together. */
export interface ChildSpec {
  readonly id: string;
  readonly start: (...args: never[]) => ChildStart | Promise<ChildStart>;
  readonly args: readonly unknown[];
  readonly restart: Restart;
  readonly significant: boolean;
  readonly shutdown: number | 'brutal_kill';
  readonly startMs: number | undefined;
  readonly type: 'worker' | 'supervisor';
  readonly modules: readonly string[];
  readonly [checked]: true;
}

/** What a supervisor is. */
export interface SupervisorSpec {
  readonly strategy?: Strategy;
  /** At most so many restarts … 1 by default. */
  readonly intensity?: number;
  /** … in so many seconds; 5 by default. */
  readonly periodS?: number;
  readonly autoShutdown?: AutoShutdown;
  /** Started in this order, stopped in the reverse. */
  readonly children: readonly ChildSpec[];
}

/** A module that says what a supervisor is: its `init` is asked again at a code change. */
export interface SupervisorModule {
  readonly init: (argument: never) => MaybePromise<SupervisorSpec | { readonly ignore: true }>;
  /** Gives the argument for `init` of this version: the argument is all that a supervisor keeps of its module. */
  readonly codeChange?: AnyCodeChange;
}

type MaybePromise<T> = T | Promise<T>;

const WORKER_SHUTDOWN_MS = 5000;

/**
 * Say how a child is started: `child('counter', counter.start, [0])`. `{Id, {M, F, A}, …}` of OTP.
 *
 * @param start an exported function that starts a linked process and gives its pid; at each restart
 *   its current version is called
 */
export function child<A extends readonly unknown[]>(
  id: string,
  start: (...args: A) => ChildStart | Promise<ChildStart>,
  args: NoInfer<A>,
  options: ChildOptions = {},
): ChildSpec {
  const type = options.type ?? 'worker';
  const named = exportName(start);
  return {
    id,
    // The brand says that the arguments fit; what holds it need not know them.
    start: (named === undefined ? start : fn(start)) as unknown as ChildSpec['start'],
    args,
    restart: options.restart ?? 'permanent',
    significant: options.significant ?? false,
    shutdown:
      options.shutdown ?? (type === 'supervisor' ? Number.POSITIVE_INFINITY : WORKER_SHUTDOWN_MS),
    startMs: options.startMs,
    type,
    modules: options.modules ?? (named === undefined ? [] : [named.module]),
  } as unknown as ChildSpec;
}

/** The first of some arguments, or all of them. */
type Beginning<A extends readonly unknown[]> =
  | A
  | (A extends readonly [...infer First, unknown] ? Beginning<First> : readonly []);

/**
 * The one child of `simple_one_for_one`: its function is given these arguments, and after them those of
 * `startChild`.
 */
export function template<A extends readonly unknown[]>(
  id: string,
  start: (...args: A) => ChildStart | Promise<ChildStart>,
  args: NoInfer<Beginning<A>>,
  options?: ChildOptions,
): ChildSpec {
  return child(id, start, args as unknown as A, options);
}

/** `{supervisor_data, …}`, `{start_spec, …}` of OTP. */
export interface BadSpec {
  readonly kind: 'supervisor_data' | 'start_spec';
  readonly field: string;
  readonly expected: string;
  readonly came: unknown;
}

export interface Flags {
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly periodS: number;
  readonly autoShutdown: AutoShutdown;
}

const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one', 'simple_one_for_one'];
const AUTO_SHUTDOWNS = ['never', 'any_significant', 'all_significant'];
const RESTARTS = ['permanent', 'transient', 'temporary'];

export function checkFlags(spec: SupervisorSpec): Flags | BadSpec {
  const { strategy = 'one_for_one', intensity = 1, periodS = 5, autoShutdown = 'never' } = spec;
  const wrong = (field: string, expected: string, came: unknown): BadSpec => ({
    kind: 'supervisor_data',
    field,
    expected,
    came,
  });
  if (!STRATEGIES.includes(strategy)) return wrong('strategy', STRATEGIES.join(', '), strategy);
  if (!(Number.isInteger(intensity) && intensity >= 0)) {
    return wrong('intensity', 'a whole number, not negative', intensity);
  }
  if (!(Number.isInteger(periodS) && periodS > 0)) {
    return wrong('periodS', 'a whole number of seconds above 0', periodS);
  }
  if (!AUTO_SHUTDOWNS.includes(autoShutdown)) {
    return wrong('autoShutdown', AUTO_SHUTDOWNS.join(', '), autoShutdown);
  }
  return { strategy, intensity, periodS, autoShutdown };
}

/** @returns what is wrong with the specifications, or null */
export function checkChildren(specs: readonly ChildSpec[], flags: Flags): BadSpec | null {
  if (!Array.isArray(specs)) return bad('children', 'a list of child(…)', specs);
  if (flags.strategy === 'simple_one_for_one' && specs.length !== 1) {
    return bad('children', 'exactly one for simple_one_for_one', specs.length);
  }
  const ids = new Set<string>();
  for (const spec of specs) {
    const wrong = checkChild(spec, flags);
    if (wrong !== null) return wrong;
    if (ids.has(spec.id)) return bad('id', 'one that no other child has', spec.id);
    ids.add(spec.id);
  }
  return null;
}

export function checkChild(spec: ChildSpec, { autoShutdown }: Flags): BadSpec | null {
  if (typeof spec !== 'object' || spec === null) return bad('child', 'what child(…) gives', spec);
  const { id, start, args, restart, significant, shutdown, startMs, type } = spec;
  if (typeof id !== 'string') return bad('id', 'a string', id);
  if (typeof start !== 'function') return bad(`${id}: start`, 'a function', typeof start);
  if (!Array.isArray(args)) return bad(`${id}: args`, 'a list', args);
  if (!RESTARTS.includes(restart)) return bad(`${id}: restart`, RESTARTS.join(', '), restart);
  const isTime = typeof shutdown === 'number' && shutdown >= 0;
  if (!isTime && shutdown !== 'brutal_kill') {
    return bad(`${id}: shutdown`, "milliseconds or 'brutal_kill'", shutdown);
  }
  if (startMs !== undefined && !(typeof startMs === 'number' && startMs > 0)) {
    return bad(`${id}: startMs`, 'milliseconds above 0', startMs);
  }
  if (type !== 'worker' && type !== 'supervisor') {
    return bad(`${id}: type`, "'worker' or 'supervisor'", type);
  }
  if (significant && (restart === 'permanent' || autoShutdown === 'never')) {
    const setting = restart === 'permanent' ? 'restart: permanent' : 'autoShutdown: never';
    return bad(`${id}: significant`, `false with ${setting}`, significant);
  }
  return null;
}

function bad(field: string, expected: string, came: unknown): BadSpec {
  return { kind: 'start_spec', field, expected, came };
}
