/**
 * Exits, links, monitors and aliases: failure detection.
 *
 * Source: OTP Reference Manual, "Processes" › "Links", "Error Handling", "Monitors", "Process Aliases".
 */

import type { AliasMode } from '../runtime/aliases.js';
import { context, runningProcess, runningScheduler } from '../runtime/context.js';
import { copy } from '../runtime/copy.js';
import type { Task } from '../runtime/coroutine.js';
import { sendExit } from '../runtime/delivery.js';
import { badarg, ExitError, UNWIND } from '../runtime/errors.js';
import * as links from '../runtime/links.js';
import * as monitoring from '../runtime/monitoring.js';
import { isAliased } from '../runtime/monitors.js';
import { DEAD } from '../runtime/process.js';
import type { Scheduler } from '../runtime/scheduler.js';
import type { Alias, Pid, Ref } from '../runtime/terms.js';
import { checkDestination, checkKeys, checkPid, checkRef } from './check.js';

/**
 * With one argument: end the calling process with this reason, unless it is caught. `erlang:exit/1`.
 * With two: send an exit signal to a process. `erlang:exit/2`. `'kill'` cannot be trapped.
 *
 * @returns never; with two arguments true, also when nobody is there
 */
export function exit(reason: unknown): never;
export function exit(pid: Pid<never>, reason: unknown): true;
export function exit(...args: [unknown] | [Pid<never>, unknown]): true {
  const proc = runningProcess('exit');
  context.budget -= 1;
  if (args.length === 1) throw new ExitError(copy(args[0], 'reason'));
  const [pid, reason] = args;
  checkPid('exit', pid);
  sendExit(context.scheduler as Scheduler, pid, proc.pid, reason, false);
  if ((proc.status as number) === DEAD) throw UNWIND;
  return true;
}

/** Turn exit signals into `Exit` messages, or stop doing so. `process_flag(trap_exit, …)`. @returns what it was */
export function trapExit(on: boolean): boolean {
  const proc = runningProcess('trapExit');
  if (typeof on !== 'boolean') throw badarg('trapExit: on', 'a boolean', on);
  const before = proc.trapExit;
  proc.trapExit = on;
  return before;
}

/**
 * Link the calling process to another. `erlang:link/1`.
 *
 * The link is made at once; the promise is about whether anyone is there, which another scheduler
 * has to be asked. Who does not wait for it and does not trap exits ends by the failure.
 *
 * @returns true; fails with `noproc` where nobody is there and the caller does not trap exits (one who
 *   traps gets an `Exit` message with reason `noproc`)
 */
export function link(pid: Pid<never>): Promise<true> {
  const proc = runningProcess('link');
  checkPid('link', pid);
  context.budget -= 1;
  return links.link(
    context.scheduler as Scheduler,
    proc,
    pid as unknown as Pid,
  ) as Task<true> as unknown as Promise<true>;
}

/** Remove a link: from now on nothing of it reaches the caller. An `Exit` already received stays. `erlang:unlink/1`. */
export function unlink(pid: Pid<never>): true {
  const proc = runningProcess('unlink');
  checkPid('unlink', pid);
  context.budget -= 1;
  links.unlink(context.scheduler as Scheduler, proc, pid as unknown as Pid);
  return true;
}

export interface MonitorOptions<Tag extends string = string> {
  /** Replaces `'DOWN'` as the `type` of the message. */
  readonly tag?: Tag;
  /** Make the reference an alias of the caller too; says what deactivates it besides `unalias`. */
  readonly alias?: 'explicit_unalias' | 'demonitor' | 'reply_demonitor';
}

/**
 * Watch a process: one `Down` message comes when it ends. `erlang:monitor/3`.
 *
 * @param target a pid, or a registered name (resolved now, once; `Down` then shows `{name, node}`)
 * @returns the reference that the `Down` will carry; it is also an alias when `alias` is given.
 *   Where nobody is there, a `Down` with reason `noproc` comes
 */
export function monitor(
  target: Pid<never> | string,
  options?: MonitorOptions & { readonly alias?: undefined },
): Ref;
export function monitor<M = unknown>(
  target: Pid<never> | string,
  options: MonitorOptions,
): Alias<M>;
export function monitor(target: Pid<never> | string, options: MonitorOptions = {}): Ref {
  const proc = runningProcess('monitor');
  checkDestination('monitor', target);
  checkKeys('monitor', options, ['tag', 'alias']);
  const { tag = 'DOWN', alias = null } = options;
  if (typeof tag !== 'string') throw badarg('monitor: tag', 'a string', tag);
  if (alias !== null && !MONITOR_ALIASES.includes(alias)) {
    throw badarg('monitor: alias', MONITOR_ALIASES.join(', '), alias);
  }
  if (target.startsWith('#Ref<'))
    throw badarg('monitor: target', 'a pid or a registered name', target);
  context.budget -= 1;
  return monitoring.monitorProcess(context.scheduler as Scheduler, proc, target, tag, alias);
}

const MONITOR_ALIASES: readonly AliasMode[] = ['explicit_unalias', 'demonitor', 'reply_demonitor'];

export interface DemonitorOptions {
  /** Also take a `Down` of this monitor out of the mailbox. */
  readonly flush?: boolean;
  /** Answer whether the monitor was there and had not fired. */
  readonly info?: boolean;
}

/**
 * Stop watching: no `Down` of this monitor can come any more. `erlang:demonitor/2`.
 *
 * @returns true; with `info`, whether it was removed before it fired (with `flush` too: false means
 *   that a flush was needed)
 */
export function demonitor(ref: Ref, options: DemonitorOptions = {}): boolean {
  const proc = runningProcess('demonitor');
  checkRef('demonitor', ref);
  checkKeys('demonitor', options, ['flush', 'info']);
  context.budget -= 1;
  const removed = monitoring.demonitor(context.scheduler as Scheduler, proc, ref);
  if (options.flush === true && !removed) {
    proc.mailbox?.remove((message) => isDownOf(message, ref));
  }
  return options.info === true ? removed : true;
}

/** A message of the machine's own shape, whatever tag it was given. */
function isDownOf(message: unknown, ref: Ref): boolean {
  if (typeof message !== 'object' || message === null) return false;
  const down = message as { ref?: unknown };
  return down.ref === ref && 'target' in message && 'reason' in message && 'type' in message;
}

/**
 * Make a reference that stands for the caller until it is deactivated. `erlang:alias/1`.
 *
 * @param mode `'explicit_unalias'`: only by `unalias`; `'reply'`: also by the first message through it
 */
export function alias<M = unknown>(
  mode: 'explicit_unalias' | 'reply' = 'explicit_unalias',
): Alias<M> {
  const proc = runningProcess('alias');
  const scheduler = runningScheduler('alias');
  if (mode !== 'explicit_unalias' && mode !== 'reply') {
    throw badarg('alias: mode', "'explicit_unalias' or 'reply'", mode);
  }
  const ref = scheduler.makeRef();
  scheduler.aliases.activate(scheduler.refSerial, { ref, owner: proc, mode });
  const extra = proc.more();
  extra.aliases ??= new Set();
  extra.aliases.add(ref);
  return ref as Alias<M>;
}

/** Deactivate an alias of the caller; a monitor that it belongs to stays. `erlang:unalias/1`. @returns whether it was active */
export function unalias(ref: Ref): boolean {
  const proc = runningProcess('unalias');
  checkRef('unalias', ref);
  const { aliases, monitors } = runningScheduler('unalias');
  const holding = monitors.findHeld(ref);
  if (holding?.holder === proc && isAliased(holding)) {
    monitors.endAlias(holding);
    return true;
  }
  const found = aliases.find(ref);
  if (found?.ref !== ref || found.owner !== proc) return false;
  proc.extra?.aliases?.delete(ref);
  return aliases.deactivate(ref);
}
