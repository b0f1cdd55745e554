/**
 * Process info: what a process looks like from outside.
 *
 * Source: OTP, `erlang:process_info/2`.
 */

import { initialCall } from './initial-call.js';
import { FRESH, HIGH, LOW, type Process, QUEUED, RUNNING } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { NamedTarget, Pid, Priority } from './terms.js';

export interface ProcessInfo {
  readonly pid: Pid;
  readonly status: 'running' | 'runnable' | 'waiting';
  /** `module.function` that it was spawned with. */
  readonly initialCall: string;
  readonly registeredName: string | null;
  readonly label: unknown;
  readonly parent: Pid | null;
  /** The leader of its group: for a process of an application, the application's master. */
  readonly groupLeader: Pid | null;
  /** Slot of its scheduler. */
  readonly scheduler: number;
  readonly priority: Priority;
  readonly trapExit: boolean;
  readonly links: readonly Pid[];
  /** What it monitors. */
  readonly monitors: readonly (Pid | NamedTarget)[];
  /** Who monitors it. */
  readonly monitoredBy: readonly Pid[];
  readonly messageQueueLength: number;
  /** Messages dropped because of a mailbox limit. */
  readonly dropped: number;
  readonly reductions: number;
  readonly dictionary: readonly (readonly [unknown, unknown])[];
  /** Timers addressed to it. */
  readonly timers: number;
  /** References of the tables that it owns. */
  readonly tables: readonly string[];
}

/** A snapshot; shares nothing mutable with the process once it is copied to the asker. */
export function processInfo(scheduler: Scheduler, proc: Process): ProcessInfo {
  const { extra } = proc;
  const monitors: (Pid | NamedTarget)[] = [];
  for (let held = proc.monitors; held !== null; held = held.heldAfter) monitors.push(held.shown);
  const monitoredBy: Pid[] = [];
  for (let by = proc.watchers; by !== null; by = by.watchAfter) monitoredBy.push(by.holderPid);
  const links: Pid[] = [];
  for (const [peer, state] of proc.links ?? []) if (state === 0) links.push(peer);
  let timers = 0;
  for (let timer = extra?.timers ?? null; timer !== null; timer = timer.following) timers += 1;
  return {
    pid: proc.pid,
    status: statusOf(proc),
    initialCall: initialCall(proc),
    registeredName: extra?.name ?? null,
    label: extra?.label,
    parent: proc.parent,
    groupLeader: proc.group,
    scheduler: scheduler.slot,
    priority: priorityName(proc.priority),
    trapExit: proc.trapExit,
    links,
    monitors,
    monitoredBy,
    messageQueueLength: proc.mailbox?.length ?? 0,
    dropped: extra?.dropped ?? 0,
    reductions: proc.reductions,
    dictionary: [...(extra?.dictionary?.entries() ?? [])],
    timers,
    tables: tablesOf(scheduler, proc),
  };
}

function tablesOf({ tables, ownedTables }: Scheduler, { creator, counter }: Process): string[] {
  return ownedTables.of(creator, counter).flatMap((index) => tables.at(index)?.ref ?? []);
}

function statusOf(proc: Process): ProcessInfo['status'] {
  if (proc.status === RUNNING) return 'running';
  return proc.status === QUEUED || proc.status === FRESH ? 'runnable' : 'waiting';
}

export function priorityName(priority: number): Priority {
  if (priority === HIGH) return 'high';
  return priority === LOW ? 'low' : 'normal';
}
