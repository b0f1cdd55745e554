/**
 * Monitoring: making and removing monitors, on the holder's side and on the target's.
 *
 * Source: OTP, `erlang:monitor/3`, `erlang:demonitor/2`; SEMANTICS §4.
 */

import { addressKind } from './address.js';
import type { AliasMode } from './aliases.js';
import type { Task } from './coroutine.js';
import {
  channelTo,
  dropMonitor,
  findLocal,
  holdOrDrop,
  isComing,
  notifyHolder,
} from './delivery.js';
import { hold, Monitor, watch } from './monitors.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import * as signal from './signals.js';
import type { NamedTarget, Pid, Ref } from './terms.js';

/**
 * Monitor a process by pid or registered name. A name is resolved now, once.
 *
 * @returns the reference; where nobody is there a DOWN with `noproc` is in the mailbox already
 */
export function monitorProcess(
  scheduler: Scheduler,
  holder: Process,
  target: string,
  tag: string,
  alias: AliasMode | null,
): Ref {
  const ref = scheduler.makeRef();
  const serial = scheduler.refSerial;
  const byName = addressKind(target) === 'name';
  const pid = (byName ? scheduler.names.get(target) : target) as Pid | undefined;
  const shown: Pid | NamedTarget = byName
    ? { name: target, node: scheduler.node }
    : (target as Pid);
  if (alias === 'explicit_unalias' || (alias !== null && pid === holder.pid)) {
    // Without a monitor that it could end with, or not ending with it.
    scheduler.aliases.activate(serial, { ref, owner: holder, mode: alias });
  }
  if (pid === holder.pid) return ref;
  const subject = pid ?? (target as Pid);
  const local = pid === undefined ? null : findLocal(scheduler, holder, pid);
  const own = holder.pid;
  const monitor = new Monitor(ref, serial, holder, own, local, subject, shown, tag, alias);
  if (pid !== undefined) begin(scheduler, holder, monitor);
  else {
    hold(holder, monitor);
    scheduler.monitors.addHeld(monitor);
    notifyHolder(scheduler, holder, monitor, 'noproc');
  }
  return ref;
}

/**
 * Monitor a process for a call to it: the answer through the reference, or the end of the process, is for
 * the task alone.
 *
 * @param shown what was called, for who is told that there is no answer
 */
export function monitorForCall(
  scheduler: Scheduler,
  holder: Process,
  pid: Pid,
  shown: Pid | NamedTarget,
  call: Task,
): Monitor {
  const ref = scheduler.makeRef();
  const serial = scheduler.refSerial;
  const local = findLocal(scheduler, holder, pid);
  const own = holder.pid;
  const mode = 'reply_demonitor';
  const monitor = new Monitor(ref, serial, holder, own, local, pid, shown, 'DOWN', mode, call);
  begin(scheduler, holder, monitor);
  return monitor;
}

function begin(scheduler: Scheduler, holder: Process, monitor: Monitor): void {
  hold(holder, monitor);
  scheduler.monitors.addHeld(monitor);
  const { target, targetPid, ref } = monitor;
  if (target !== null) watch(target, monitor);
  else if (!askElsewhere(scheduler, targetPid, ref, holder)) {
    monitor.active = false;
    notifyHolder(scheduler, holder, monitor, 'noproc');
  }
}

/** @returns false when nobody can be there */
function askElsewhere(scheduler: Scheduler, pid: Pid, ref: Ref, holder: Process): boolean {
  const channel = channelTo(scheduler, pid);
  if (channel !== undefined) {
    channel.write(signal.MONITOR, pid, ref, holder.pid, null);
    return true;
  }
  if (!isComing(scheduler, pid)) return false;
  return holdOrDrop(scheduler, signal.MONITOR, pid, ref, holder.pid, null);
}

/** A holder of another scheduler (or one that was told to wait for the spawn) monitors a process here. */
export function receiveMonitor(
  scheduler: Scheduler,
  target: Process | null,
  targetPid: Pid,
  ref: Ref,
  holderPid: Pid,
): void {
  const holder = scheduler.processes.find(holderPid);
  if (holder !== null) {
    const held = scheduler.monitors.findHeld(ref);
    if (held === undefined || !held.active || target === null) return;
    held.target = target;
    watch(target, held);
    return;
  }
  if (target === null) {
    channelTo(scheduler, holderPid)?.write(signal.DOWN, holderPid, ref, null, 'noproc');
    return;
  }
  const monitor = new Monitor(ref, 0, null, holderPid, target, targetPid, targetPid, 'DOWN', null);
  watch(target, monitor);
  scheduler.monitors.addWatching(monitor);
}

/** A DOWN has come from another scheduler. One for a monitor that was removed meanwhile is dropped. */
export function receiveDown(scheduler: Scheduler, ref: Ref, reason: unknown): void {
  const monitor = scheduler.monitors.findHeld(ref);
  if (monitor?.holder == null) return;
  monitor.active = false;
  notifyHolder(scheduler, monitor.holder, monitor, reason);
}

/** A holder of another scheduler no longer wants to know. */
export function receiveDemonitor(scheduler: Scheduler, ref: Ref): void {
  const monitor = scheduler.monitors.takeWatching(ref);
  if (monitor !== undefined) dropMonitor(scheduler, monitor);
}

/**
 * Remove a monitor of the running process: after this no DOWN of it can be added.
 *
 * @returns whether it was there and had not fired
 */
export function demonitor(scheduler: Scheduler, holder: Process, ref: Ref): boolean {
  const monitor = scheduler.monitors.findHeld(ref);
  const alias = scheduler.aliases.find(ref);
  if (alias?.ref === ref && alias.owner === holder && alias.mode !== 'explicit_unalias') {
    scheduler.aliases.deactivate(ref);
  }
  if (monitor === undefined || monitor.holder !== holder) return false;
  dropMonitor(scheduler, monitor);
  return true;
}
