/**
 * Lifecycle: how a process of this scheduler ends.
 *
 * Order of an ending (SEMANTICS 1.7):
 *  1. the process is dead: none of its code runs again;
 *  2. registered name, timers addressed to it, aliases, owned resources and tables are released;
 *  3. only then links and monitors hear of it, each exactly once.
 * So whoever sees EXIT or DOWN finds the name free.
 *
 * A link that breaks can end the next process, and so on through a chain of any length: endings are
 * queued and done one after the other, so the stack does not grow with the chain.
 *
 * Source: OTP Reference Manual, "Processes" › "Process Termination", "Links".
 */

import { context } from './context.js';
import { fireMonitor, forgetAtTarget, sendExit } from './delivery.js';
import type { Monitor } from './monitors.js';
import { DEAD, type Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import { releaseTables } from './table-ownership.js';
import type { Pid } from './terms.js';
import { endTimer } from './timer-service.js';

interface Ending {
  readonly proc: Process;
  readonly reason: unknown;
}

const endings: Ending[] = [];
let ending = false;

/** End a process. Cost: its links, monitors, timers and owned resources. */
export function terminate(scheduler: Scheduler, proc: Process, reason: unknown): void {
  if (proc.status === DEAD) return;
  proc.status = DEAD;
  if (proc === context.process) context.budget = 0;
  scheduler.processes.delete(proc);
  if (scheduler.preempted.size > 0) scheduler.preempted.delete(proc);
  if (ending) endings.push({ proc, reason });
  else endAll(scheduler, proc, reason);
}

/** The process that is being ended, and what was done before it of `endings`. */
let endingProc: Process | null = null;
let endingReason: unknown;
let endingsDone = 0;

function endAll(scheduler: Scheduler, proc: Process, reason: unknown): void {
  ending = true;
  try {
    endOne(scheduler, proc, reason);
    while (endingsDone < endings.length) {
      const next = endings[endingsDone] as Ending;
      endingsDone += 1;
      endOne(scheduler, next.proc, next.reason);
    }
  } finally {
    if (endings.length > 0) endings.length = 0;
    endingsDone = 0;
    endingProc = null;
    ending = false;
  }
}

function endOne(scheduler: Scheduler, proc: Process, reason: unknown): void {
  endingProc = proc;
  endingReason = reason;
  if (context.tracer !== null) context.tracer.exited(proc, reason);
  release(scheduler, proc);
  announce(scheduler, proc, reason);
}

/**
 * A `close` that spun was ended from outside: go on with the process that owned the resource, as if that
 * close had returned.
 */
export function resumeEndings(scheduler: Scheduler): void {
  if (ending && endingProc !== null) endAll(scheduler, endingProc, endingReason);
}

function release(scheduler: Scheduler, proc: Process): void {
  const { extra } = proc;
  if (proc.receiveTimer !== null) {
    scheduler.timers.cancel(proc.receiveTimer);
    proc.receiveTimer = null;
  }
  if (extra !== null) {
    if (extra.name !== null) scheduler.names.remove(extra.name, proc.pid);
    for (const receiver of extra.receivers) {
      if (receiver.timer !== null) scheduler.timers.cancel(receiver.timer);
    }
    for (let timer = extra.timers; timer !== null; timer = timer.following)
      endTimer(scheduler, timer);
    if (extra.aliases !== null) for (const ref of extra.aliases) scheduler.aliases.deactivate(ref);
    if (extra.owned !== null) closeOwned(scheduler, proc);
    scheduler.ports.forget(proc);
  }
  releaseTables(scheduler, proc);
  proc.mailbox = null;
  proc.receiver = null;
  proc.match = null;
  proc.ready = null;
  proc.peer = null;
  proc.peerPid = null;
  proc.outside = null;
  proc.args = null;
}

/** Newest first, as resources are usually built on one another. A close that fails is logged. */
function closeOwned(scheduler: Scheduler, proc: Process): void {
  const owned = proc.extra?.owned ?? [];
  const outer = context.process;
  context.process = null;
  for (let last = owned.pop(); last !== undefined; last = owned.pop()) {
    const { resource, close } = last;
    const failed = (error: unknown): void =>
      scheduler.log('error', `closing what ${proc.pid} owned failed: ${String(error)}`, proc.pid);
    try {
      const result = close(resource as never);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
  context.process = outer;
}

function announce(scheduler: Scheduler, proc: Process, reason: unknown): void {
  const { pid, links, extra } = proc;
  if (extra !== null) {
    for (const tell of extra.onExit) tell(reason);
    extra.standing?.died(reason);
  }
  let held: Monitor | null = proc.monitors;
  proc.monitors = null;
  while (held !== null) {
    const next: Monitor | null = held.heldAfter;
    held.active = false;
    scheduler.monitors.deleteHeld(held);
    if (held.timer !== null) scheduler.timers.cancel(held.timer);
    if (held.alias === 'explicit_unalias') scheduler.aliases.deactivate(held.ref);
    forgetAtTarget(scheduler, held);
    held = next;
  }
  if (links !== null) {
    proc.links = null;
    for (const [peer, state] of links)
      if (state === 0) sendExit(scheduler, peer as Pid, pid, reason, true);
  }
  let watcher: Monitor | null = proc.watchers;
  proc.watchers = null;
  while (watcher !== null) {
    const next: Monitor | null = watcher.watchAfter;
    watcher.target = null;
    fireMonitor(scheduler, watcher, reason);
    watcher = next;
  }
}
