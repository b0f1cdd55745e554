/**
 * Spawning processes.
 *
 * Source: OTP, `erlang:spawn/3`, `spawn_link/3`, `spawn_monitor/3`, `spawn_opt/5`.
 */

import { isPid } from '../runtime/address.js';
import { context, runningProcess, runningScheduler } from '../runtime/context.js';
import { badarg } from '../runtime/errors.js';
import type { EntryFunction } from '../runtime/hosting.js';
import { type SpawnOptions, spawnPlain, spawnWith } from '../runtime/spawn.js';
import type { Pid, Ref } from '../runtime/terms.js';
import { checkName } from './check.js';

export type { SpawnOptions };

/** What a spawn with a monitor gives. */
export interface Monitored<M> {
  readonly pid: Pid<M>;
  readonly ref: Ref;
}

/**
 * Start a process that runs `entry(...args)`; it ends when that ends.
 *
 * `entry` must be an exported function of a module to be placed on any scheduler. The arguments are
 * copied, like a message. `erlang:spawn/3`.
 *
 * @returns the pid, at once: the process runs later. `const pid: Pid<Msg> = spawn(…)` says what it receives
 * Cost: about half a microsecond; a process that waits takes about 500 bytes. Does not park.
 */
export function spawn<M, A extends readonly unknown[]>(
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Pid<M> {
  const scheduler = runningScheduler('spawn');
  checkEntry('spawn', entry);
  context.budget -= 1;
  return spawnPlain(
    scheduler,
    context.process,
    entry as EntryFunction,
    args as unknown as unknown[],
  ) as Pid<M>;
}

const LINKED: SpawnOptions = { link: true };
const MONITORED: SpawnOptions = { monitor: true };

/** As `spawn`, linked to the caller from the first moment. `erlang:spawn_link/3`. */
export function spawnLink<M, A extends readonly unknown[]>(
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Pid<M> {
  return spawnChecked('spawnLink', LINKED, entry as EntryFunction, args).pid as Pid<M>;
}

/** As `spawn`, monitored by the caller from the first moment. `erlang:spawn_monitor/3`. */
export function spawnMonitor<M, A extends readonly unknown[]>(
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Monitored<M> {
  return spawnChecked('spawnMonitor', MONITORED, entry as EntryFunction, args) as Monitored<M>;
}

/**
 * Spawn with options. `erlang:spawn_opt/5`.
 *
 * @param options `link`, `monitor`, `scheduler` (slot from 1: pins the process), `priority`, `name`
 *   (registered from the first moment; `badarg` when taken), `label`, `mailbox` (a limit, and whether
 *   to end with `mailbox_limit` or to drop and count when it is reached)
 * @returns the pid, or `{pid, ref}` with `monitor: true`
 */
export function spawnOpt<M, A extends readonly unknown[], const O extends SpawnOptions>(
  options: O,
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): O extends { readonly monitor: true } ? Monitored<M> : Pid<M> {
  checkOptions(options);
  const { pid, ref } = spawnChecked('spawnOpt', options, entry as EntryFunction, args);
  const result = options.monitor === true ? { pid, ref } : pid;
  return result as unknown as O extends { readonly monitor: true } ? Monitored<M> : Pid<M>;
}

function spawnChecked(
  what: string,
  options: SpawnOptions,
  entry: EntryFunction,
  args: readonly unknown[],
): { readonly pid: Pid; readonly ref: Ref | null } {
  const scheduler = runningScheduler(what);
  const parent =
    options.link === true || options.monitor === true ? runningProcess(what) : context.process;
  checkEntry(what, entry);
  context.budget -= 1;
  return spawnWith(scheduler, parent, entry, args as unknown[], options);
}

function checkEntry(what: string, entry: unknown): void {
  if (typeof entry !== 'function') throw badarg(`${what}: entry`, 'a function', entry);
}

const OPTION_NAMES = new Set([
  'link',
  'monitor',
  'scheduler',
  'priority',
  'name',
  'label',
  'mailbox',
]);

/** Raises `badarg` for options that `spawnOpt` would not take. */
export function checkOptions(options: SpawnOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw badarg('spawnOpt: options', 'an object', options);
  }
  for (const key of Object.keys(options)) {
    if (!OPTION_NAMES.has(key)) {
      throw badarg('spawnOpt: options', `only ${[...OPTION_NAMES].join(', ')}`, key);
    }
  }
  const { scheduler, priority, name, mailbox, link, monitor } = options;
  const slots = context.scheduler?.slots ?? 0;
  if (
    scheduler !== undefined &&
    !(Number.isInteger(scheduler) && scheduler >= 1 && scheduler <= slots)
  ) {
    throw badarg('spawnOpt: scheduler', `a slot from 1 to ${slots}`, scheduler);
  }
  if (
    priority !== undefined &&
    priority !== 'low' &&
    priority !== 'normal' &&
    priority !== 'high'
  ) {
    throw badarg('spawnOpt: priority', "'low', 'normal' or 'high'", priority);
  }
  if (name !== undefined) checkName('spawnOpt', name);
  for (const [key, flag] of Object.entries({ link, monitor })) {
    if (flag !== undefined && typeof flag !== 'boolean')
      throw badarg(`spawnOpt: ${key}`, 'a boolean', flag);
  }
  if (mailbox === undefined) return;
  const { limit, onFull } = mailbox;
  if (!(Number.isInteger(limit) && limit > 0)) {
    throw badarg('spawnOpt: mailbox.limit', 'a positive integer', limit);
  }
  if (onFull !== 'kill' && onFull !== 'drop') {
    throw badarg('spawnOpt: mailbox.onFull', "'kill' or 'drop'", onFull);
  }
}

/** The calling process. `erlang:self/0`. */
export function self<M = unknown>(): Pid<M> {
  const proc = context.process;
  return (proc === null ? runningProcess('self') : proc).pid as unknown as Pid<M>;
}

/** Is this a pid, living or not? */
export { isPid };
