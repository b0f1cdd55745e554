/**
 * Engine: what the run loop calls, joined in one place.
 *
 * `receive` is the reception side of every signal between schedulers; its cases are the rows of the
 * table in `signals.ts`.
 */

import type { Channel } from './channel.js';
import { abandonCopy } from './copy.js';
import { runRoot } from './coroutine.js';
import { exitReasonOf, isReported, reportCrash } from './crash.js';
import {
  deliver,
  holdOrDrop,
  receiveAnswer,
  receiveExit,
  receiveThroughAlias,
} from './delivery.js';
import { InvariantError, UNWIND } from './errors.js';
import { buryStillborn, killGroup } from './groups.js';
import { resumeEndings, terminate } from './lifecycle.js';
import { receiveLink, receiveUnlink, receiveUnlinkAck } from './links.js';
import { receiveCall, receiveDemonitor, receiveDown, receiveMonitor } from './monitoring.js';
import { registerHere, unregisterHere } from './naming.js';
import { DEAD, type Process } from './process.js';
import { processInfo } from './process-info.js';
import { resumeReceiver } from './receive.js';
import { abandonRequests, receiveReply } from './requests.js';
import type { Engine, Scheduler } from './scheduler.js';
import * as signal from './signals.js';
import { currentEntry, receiveSpawn } from './spawn.js';
import { orphaned, ownersEnded } from './table-ownership.js';
import type { Pid, Ref, SchedulerDownReason } from './terms.js';
import { cancelHere, readHere, receiveTimer } from './timer-service.js';

export const engine: Engine = {
  receive,
  resumeReceiver(scheduler, proc) {
    const { extra } = proc;
    if (extra !== null && extra.hibernating !== null) {
      const { entry, name, args } = extra.hibernating;
      if ((proc.mailbox?.length ?? 0) === 0) return false;
      extra.hibernating = null;
      // By name, and not to the function that was given: that may belong to a version that is purged.
      const current = name && currentEntry(scheduler.code, name.module, name.name);
      runRoot(proc, current ?? entry, args);
      return true;
    }
    return resumeReceiver(scheduler, proc);
  },
  terminate,
  recover(scheduler) {
    abandonCopy();
    for (const channel of scheduler.channels.values()) channel.writer.abandon();
    resumeEndings(scheduler);
  },
  rootFinished,
};

function rootFinished(scheduler: Scheduler, proc: Process, value: unknown, failed: boolean): void {
  if (proc.status === DEAD || value === UNWIND) return;
  if (!failed) {
    terminate(scheduler, proc, 'normal');
    return;
  }
  const reason = exitReasonOf(value);
  if (isReported(proc, value, reason)) reportCrash(scheduler, proc, reason);
  terminate(scheduler, proc, reason);
}

function receive(
  scheduler: Scheduler,
  channel: Channel,
  op: number,
  to: unknown,
  a: unknown,
  b: unknown,
  payload: unknown,
): void {
  switch (op) {
    case signal.ALIAS_MESSAGE:
      receiveThroughAlias(scheduler, to as Ref, payload);
      return;
    case signal.ANSWER:
      receiveAnswer(scheduler, to as number, payload);
      return;
    case signal.SPAWN: {
      const pid = to as Pid;
      const proc = receiveSpawn(scheduler, pid, a as Pid | null, b as number, payload);
      if (scheduler.held.size > 0) releaseHeld(scheduler, pid);
      if (scheduler.endedGroups.size > 0) buryStillborn(scheduler, proc);
      return;
    }
    case signal.REQUEST:
      answer(scheduler, channel.life, to as string, a as number, b as string, payload);
      return;
    case signal.REPLY:
      receiveReply(scheduler, a as number, payload, b === 1);
      return;
    default: {
      const pid = to as Pid;
      const proc = scheduler.processes.find(pid);
      if (proc === null && holdOrDrop(scheduler, op, pid, a, b, payload, channel.life)) return;
      apply(scheduler, proc, op, pid, a, b, payload);
    }
  }
}

/** A signal for one process, which may be gone. */
function apply(
  scheduler: Scheduler,
  proc: Process | null,
  op: number,
  to: Pid,
  a: unknown,
  b: unknown,
  payload: unknown,
): void {
  switch (op) {
    case signal.MESSAGE:
      if (proc !== null) deliver(scheduler, proc, payload);
      else orphaned(scheduler, to);
      return;
    case signal.CALL:
      receiveCall(scheduler, proc, a as number, b as Pid, payload);
      if (proc === null) orphaned(scheduler, to);
      return;
    case signal.LINK:
      if (proc !== null) receiveLink(proc, a as Pid);
      return;
    case signal.UNLINK:
      receiveUnlink(scheduler, proc, to, a as Pid, b as number);
      return;
    case signal.UNLINK_ACK:
      if (proc !== null) receiveUnlinkAck(proc, a as Pid, b as number);
      return;
    case signal.EXIT:
      if (proc !== null) receiveExit(scheduler, proc, a as Pid, payload, b === 1);
      return;
    case signal.MONITOR:
      receiveMonitor(scheduler, proc, a as Ref, b as Pid);
      return;
    case signal.DEMONITOR:
      receiveDemonitor(scheduler, a as Ref);
      return;
    case signal.DOWN:
      receiveDown(scheduler, a as Ref, payload);
      return;
    case signal.START_TIMER:
      receiveTimer(scheduler, proc, a as Ref, b as number, payload);
      return;
    default:
      throw new InvariantError(`unknown signal ${op}`);
  }
}

/** The process that signals were kept for is there now. */
function releaseHeld(scheduler: Scheduler, pid: Pid): void {
  const held = scheduler.held.get(pid);
  if (held === undefined) return;
  scheduler.held.delete(pid);
  for (const { op, a, b, payload, from } of held) {
    const proc = scheduler.processes.find(pid);
    if (op === signal.REQUEST) answer(scheduler, from, pid, a as number, b as string, payload);
    else apply(scheduler, proc, op, pid, a, b, payload);
  }
}

function answer(
  scheduler: Scheduler,
  life: number,
  to: string,
  id: number,
  kind: string,
  payload: unknown,
): void {
  const proc = to === '' ? null : scheduler.processes.find(to);
  if (
    to !== '' &&
    proc === null &&
    holdOrDrop(scheduler, signal.REQUEST, to as Pid, id, kind, payload, life)
  ) {
    return;
  }
  scheduler.channels
    .get(life)
    ?.write(signal.REPLY, '', id, 0, valueFor(scheduler, proc, kind, payload));
}

function valueFor(
  scheduler: Scheduler,
  proc: Process | null,
  kind: string,
  payload: unknown,
): unknown {
  switch (kind as signal.RequestKind) {
    case 'alive':
      return proc !== null;
    case 'info':
      return proc === null ? undefined : processInfo(scheduler, proc);
    case 'link':
      if (proc !== null) receiveLink(proc, payload as Pid);
      return proc !== null;
    case 'register':
      return registerHere(scheduler, proc, payload as string);
    case 'unregister':
      return unregisterHere(scheduler, proc, payload as string);
    case 'cancel_timer':
      return cancelHere(scheduler, payload as Ref);
    case 'read_timer':
      return readHere(scheduler, payload as Ref);
    case 'processes':
      return Array.from(scheduler.processes.all(), (each) => each.pid);
    case 'kill_group':
      return killGroup(scheduler, payload as Pid);
    case 'runs_old':
      return proc !== null && scheduler.code.runsOld(proc, payload as string);
    default:
      return undefined;
  }
}

/**
 * Another scheduler's thread died. What it had sent is still received; then every link and monitor
 * to a process that lived there breaks with the reason, and everything asked of it is answered.
 */
export function schedulerDown(scheduler: Scheduler, life: number, cause: string): void {
  const channel = scheduler.channels.get(life);
  if (channel === undefined) return;
  while (scheduler.drain(channel, 1024) > 0) {
    // Everything that was published before the death.
  }
  scheduler.detach(channel);
  const reason: SchedulerDownReason = { kind: 'scheduler_down', scheduler: channel.slot, cause };
  abandonRequests(scheduler, life);
  dropHeldFrom(scheduler, channel.slot);
  ownersEnded(scheduler, life);
  const prefix = `<${scheduler.node}.${life}.`;
  for (const proc of [...scheduler.processes.all()]) {
    for (let held = proc.monitors; held !== null; ) {
      const next = held.heldAfter;
      if (held.targetPid.startsWith(prefix)) receiveDown(scheduler, held.ref, { ...reason });
      held = next;
    }
    for (let watcher = proc.watchers; watcher !== null; ) {
      const next = watcher.watchAfter;
      if (watcher.holderPid.startsWith(prefix)) receiveDemonitor(scheduler, watcher.ref);
      watcher = next;
    }
    for (const peer of [...(proc.links?.keys() ?? [])]) {
      if (peer.startsWith(prefix)) receiveExit(scheduler, proc, peer, { ...reason }, true);
    }
  }
}

/** Spawns of a dead creator will not come: what waited for them is answered as by a dead process. */
function dropHeldFrom(scheduler: Scheduler, slot: number): void {
  for (const [pid, held] of scheduler.held) {
    if (scheduler.processes.originOf(pid).creator !== slot) continue;
    scheduler.held.delete(pid);
    for (const { op, a, b, payload, from } of held) {
      if (op === signal.REQUEST) {
        scheduler.channels
          .get(from)
          ?.write(signal.REPLY, '', a, 0, valueFor(scheduler, null, b as string, payload));
      } else apply(scheduler, null, op, pid, a, b, payload);
    }
  }
  scheduler.spawned[slot] = Number.MAX_SAFE_INTEGER;
}
