/**
 * Monitoring: making and removing monitors, on the holder's side and on the target's.
 *
 * Source: OTP, `erlang:monitor/3`, `erlang:demonitor/2`; SEMANTICS §4.
 */

import { addressKind, homeOf, serialOf } from './address.js';
import type { AliasMode } from './aliases.js';
import type { Task } from './coroutine.js';
import {
  channelTo,
  deliver,
  dropMonitor,
  findLocal,
  holdOrDrop,
  isComing,
  notifyHolder,
  writeCall,
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
 * @param local the process, where it lives here
 * @param shown what was called, for who is told that there is no answer
 */
export function monitorForCall(
  scheduler: Scheduler,
  holder: Process,
  local: Process | null,
  pid: Pid,
  shown: Pid | NamedTarget,
  call: Task,
): Monitor {
  const ref = scheduler.makeRef();
  const serial = scheduler.refSerial;
  const own = holder.pid;
  const mode = 'reply_demonitor';
  const monitor = new Monitor(ref, serial, holder, own, local, pid, shown, 'DOWN', mode, call);
  begin(scheduler, holder, monitor);
  return monitor;
}

/**
 * Call a process of another scheduler: one signal asks for the monitor and holds the request.
 *
 * @returns null where there is no way to that scheduler, or not yet
 * @throws DataCloneError when the request cannot be copied; then there is no monitor
 */
export function callElsewhere(
  scheduler: Scheduler,
  holder: Process,
  pid: Pid,
  shown: Pid | NamedTarget,
  request: unknown,
  call: Task,
): Monitor | null {
  const channel = channelTo(scheduler, pid);
  if (channel === undefined) return null;
  const ref = scheduler.makeRef();
  const serial = scheduler.refSerial;
  const own = holder.pid;
  const mode = 'reply_demonitor';
  const monitor = new Monitor(ref, serial, holder, own, null, pid, shown, 'DOWN', mode, call);
  writeCall(scheduler, channel, monitor, request);
  hold(holder, monitor);
  scheduler.monitors.addHeld(monitor);
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
  const serial = serialOf(ref, ref.lastIndexOf('.') + 1);
  watchFor(scheduler, holderPid, target, ref, serial, null);
}

/** A process of another scheduler calls one here. */
export function receiveCall(
  scheduler: Scheduler,
  target: Process | null,
  serial: number,
  holderPid: Pid,
  request: unknown,
): void {
  const ref = scheduler.refOf(homeOf(holderPid, scheduler.node), serial);
  if (target === null) {
    channelTo(scheduler, holderPid)?.write(signal.DOWN, holderPid, ref, null, 'noproc');
    return;
  }
  watchFor(scheduler, holderPid, target, ref, serial, 'reply_demonitor');
  deliver(scheduler, target, { type: 'call', from: { pid: holderPid, alias: ref }, request });
}

function watchFor(
  scheduler: Scheduler,
  holderPid: Pid,
  target: Process,
  ref: Ref,
  serial: number,
  alias: AliasMode | null,
): void {
  const { pid } = target;
  const monitor = new Monitor(ref, serial, null, holderPid, target, pid, pid, 'DOWN', alias);
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
