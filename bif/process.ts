/**
 * Looking at processes, and what a process may say of itself.
 *
 * Source: OTP, `erlang:is_process_alive/1`, `processes/0`, `process_info/1`, `process_flag/2`,
 * `hibernate/3`, `yield/0`, `proc_lib:set_label/1`.
 */

import { context, runningProcess, runningScheduler } from '../runtime/context.js';
import { copy } from '../runtime/copy.js';
import {
  awaitValue,
  type Coroutine,
  complete,
  endlessTask,
  finished,
  PARK,
  pendingTask,
  start,
  type Task,
  yieldWith,
} from '../runtime/coroutine.js';
import { channelTo, isComing } from '../runtime/delivery.js';
import { badarg } from '../runtime/errors.js';
import type { EntryFunction } from '../runtime/hosting.js';
import { processInfo as infoOf, type ProcessInfo, priorityName } from '../runtime/process-info.js';
import { request } from '../runtime/requests.js';
import type { RequestKind } from '../runtime/signals.js';
import { PRIORITIES } from '../runtime/spawn.js';
import type { Pid, Priority } from '../runtime/terms.js';
import { checkPid } from './check.js';

export type { ProcessInfo };

/**
 * Does the process live? `erlang:is_process_alive/1`.
 *
 * Answered after every signal that the caller has sent to it: after `exit(pid, 'kill')` it is false.
 * Parks if the process belongs to another scheduler.
 */
export function isAlive(pid: Pid<never>): Promise<boolean> {
  checkPid('isAlive', pid);
  return ask(pid, 'alive', false, true) as Promise<boolean>;
}

/** A snapshot of a process; undefined when it does not live. `erlang:process_info/1`. Parks as `isAlive` does. */
export function processInfo(pid: Pid<never>): Promise<ProcessInfo | undefined> {
  checkPid('processInfo', pid);
  return ask(pid, 'info', undefined, undefined) as Promise<ProcessInfo | undefined>;
}

function ask(pid: Pid, kind: RequestKind, gone: unknown, alive: unknown): Promise<unknown> {
  const proc = runningProcess(kind);
  const scheduler = runningScheduler(kind);
  context.budget -= 1;
  const found = scheduler.processes.find(pid);
  if (found !== null) {
    const value = alive ?? copy(infoOf(scheduler, found));
    return finished(value) as Task as unknown as Promise<unknown>;
  }
  const channel = channelTo(scheduler, pid);
  if (channel === undefined) {
    // A process on its way is alive for all that anyone can tell; its details are not known yet.
    if (isComing(scheduler, pid) && kind === 'alive')
      return finished(true) as unknown as Promise<unknown>;
    return finished(gone) as unknown as Promise<unknown>;
  }
  const outcome = pendingTask(proc);
  request(scheduler, channel, pid, kind, null, (value) => complete(outcome, value ?? gone, false));
  return outcome as unknown as Promise<unknown>;
}

/** The pids of all living processes, of all schedulers. `erlang:processes/0`. Parks. */
export function processes(): Promise<Pid[]> {
  return start(collectProcesses()) as Task<Pid[]> as unknown as Promise<Pid[]>;
}

function* collectProcesses(): Coroutine<Pid[]> {
  const proc = runningProcess('processes');
  const scheduler = runningScheduler('processes');
  const found = Array.from(scheduler.processes.all(), (each) => each.pid);
  const answers = Array.from(scheduler.channels.values(), (channel) => {
    const outcome = pendingTask<Pid[] | undefined>(proc);
    request(scheduler, channel, '', 'processes', null, (pids) =>
      complete(outcome as Task, pids, false),
    );
    return outcome;
  });
  for (const answer of answers) {
    const awaited = awaitValue(answer);
    const pids = (awaited === PARK ? yield : awaited) as Pid[] | undefined;
    if (pids !== undefined) found.push(...pids);
  }
  return found;
}

/** Set the priority of the calling process. `process_flag(priority, …)`. @returns what it was */
export function priority(level: Priority): Priority {
  const proc = runningProcess('priority');
  if (!Object.hasOwn(PRIORITIES, level))
    throw badarg('priority: level', "'low', 'normal' or 'high'", level);
  const before = proc.priority;
  proc.priority = PRIORITIES[level];
  return priorityName(before);
}

/** Say what the calling process is, for people who look at it. Any value that can be sent. `proc_lib:set_label/1`. */
export function setLabel(label: unknown): void {
  runningProcess('setLabel').more().label = copy(label, 'label');
}

/** Let others run. `erlang:yield/0`. */
export function yieldNow(): Promise<void> {
  runningProcess('yieldNow');
  return start(yielding()) as Task<void> as unknown as Promise<void>;
}

function* yielding(): Coroutine<void> {
  yieldWith(undefined);
  yield;
}

/**
 * Give up the stack and wait; with the next message (at once if there is one) the process goes on in
 * `entry(...args)`, on an empty stack. `erlang:hibernate/3`. Always `await` it.
 */
export function hibernate<A extends readonly unknown[]>(
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Promise<never> {
  const proc = runningProcess('hibernate');
  if (typeof entry !== 'function') throw badarg('hibernate: entry', 'a function', entry);
  const name = runningScheduler('hibernate').code.functionName(entry as EntryFunction);
  proc.more().hibernating = { entry: entry as EntryFunction, name, args: [...args] };
  proc.ready = null;
  return endlessTask<never>(proc) as unknown as Promise<never>;
}
