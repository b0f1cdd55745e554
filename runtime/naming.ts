/**
 * Naming: registered names, one per process and one process per name, over all schedulers.
 *
 * The table is shared memory, so `whereis` and sending to a name ask nobody. Entries are made and
 * removed only by the home of the process they name, so a name and the life of its process cannot
 * disagree: the home frees it before any EXIT or DOWN goes out.
 *
 * Source: OTP, `erlang:register/2`; SEMANTICS §7.
 */

import { complete, finished, pendingTask, type Task } from './coroutine.js';
import { channelTo } from './delivery.js';
import { ProcessError } from './errors.js';
import type { Process } from './process.js';
import { request } from './requests.js';
import type { Scheduler } from './scheduler.js';
import type { RequestKind } from './signals.js';
import type { Pid } from './terms.js';

/** Register a process under a name. The task fails with `badarg` as SEMANTICS §7 lists. */
export function register(
  scheduler: Scheduler,
  caller: Process,
  name: string,
  pid: Pid,
): Task<true> {
  const proc = scheduler.processes.find(pid);
  if (proc !== null) return settle(registerHere(scheduler, proc, name));
  return askHome(scheduler, caller, pid, 'register', name, `register: there is no process ${pid}`);
}

export function unregister(scheduler: Scheduler, caller: Process, name: string): Task<true> {
  const unknown = `unregister: no process is registered as ${JSON.stringify(name)}`;
  const pid = scheduler.names.get(name) as Pid | undefined;
  if (pid === undefined) throw new ProcessError('badarg', unknown);
  const proc = scheduler.processes.find(pid);
  if (proc !== null) return settle(unregisterHere(scheduler, proc, name));
  return askHome(scheduler, caller, pid, 'unregister', name, unknown);
}

/** @returns what is wrong, or null when it is done */
export function registerHere(
  scheduler: Scheduler,
  proc: Process | null,
  name: string,
): string | null {
  if (proc === null) return 'register: there is no such process';
  const own = proc.extra?.name;
  if (own != null) return `register: ${proc.pid} is registered as ${JSON.stringify(own)} already`;
  const holder = scheduler.names.insert(name, proc.pid);
  if (holder !== undefined) return `register: ${JSON.stringify(name)} is taken by ${holder}`;
  proc.more().name = name;
  return null;
}

export function unregisterHere(
  scheduler: Scheduler,
  proc: Process | null,
  name: string,
): string | null {
  if (proc?.extra?.name !== name)
    return `unregister: no process is registered as ${JSON.stringify(name)}`;
  scheduler.names.remove(name, proc.pid);
  proc.extra.name = null;
  return null;
}

function settle(complaint: string | null): Task<true> {
  if (complaint !== null) throw new ProcessError('badarg', complaint);
  return finished(true);
}

function askHome(
  scheduler: Scheduler,
  caller: Process,
  pid: Pid,
  kind: RequestKind,
  name: string,
  nobody: string,
): Task<true> {
  const channel = channelTo(scheduler, pid);
  if (channel === undefined) throw new ProcessError('badarg', nobody);
  const outcome = pendingTask<true>(caller);
  request(scheduler, channel, pid, kind, name, (complaint) => {
    const failed = complaint !== null;
    const text = typeof complaint === 'string' ? complaint : nobody;
    complete(outcome as Task, failed ? new ProcessError('badarg', text) : true, failed);
  });
  return outcome;
}
