/**
 * Delivery: where a signal goes, and what it does to a process of this scheduler.
 *
 * Every function here takes the address as the sender knows it. A living process of this scheduler
 * is reached by a plain call; any other address is told by its home: another scheduler's channel, a
 * process whose spawn is still on its way, or nothing.
 *
 * Invariants:
 *  1. Signals from one process to another are handled in the order sent, whatever their kind.
 *  2. Signals are handled on reception, not in `receive`: a running process is linked, monitored
 *     and ended like any other.
 *
 * Source: OTP Reference Manual, "Processes" › "Signals", "Receiving Signals"; the table of exit
 * signals in "Processes" › "Error Handling".
 */

import { homeOf } from './address.js';
import type { Channel } from './channel.js';
import { rerooted } from './clone-error.js';
import { context } from './context.js';
import { copy, copyWithTransfer } from './copy.js';
import { complete, PENDING, type Task } from './coroutine.js';
import { ExitError } from './errors.js';
import { Mailbox } from './mailbox.js';
import { isAliased, type Monitor, unhold, unwatch } from './monitors.js';
import { DEAD, type Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import * as signal from './signals.js';
import type { Down, Exit, Pid, Ref } from './terms.js';

/** Mailbox length at which the machine says so, once in the life of the process. */
const LONG_MAILBOX = 100_000;

// ---- messages -------------------------------------------------------------------------------------

/** Put a message (already a copy of its own) into a living local process's mailbox. */
export function deliver(scheduler: Scheduler, proc: Process, message: unknown): void {
  proc.mailbox ??= new Mailbox();
  if (context.tracer !== null) context.tracer.received(proc, message);
  const { mailbox, extra } = proc;
  if (extra !== null) {
    if (extra.limit !== null && mailbox.length >= extra.limit.limit) {
      overflow(scheduler, proc);
      return;
    }
    if (extra.hibernating !== null) {
      mailbox.push(message, scheduler.refSerial | 0);
      scheduler.wake(proc);
      return;
    }
  }
  mailbox.push(message, scheduler.refSerial | 0);
  if (proc.receiver !== null) scheduler.wake(proc);
  if (mailbox.length === LONG_MAILBOX && !mailbox.reported) {
    mailbox.reported = true;
    scheduler.log('warning', `the mailbox of ${proc.pid} holds ${LONG_MAILBOX} messages`, proc.pid);
  }
}

/** A message of the machine itself: it comes before all others, and no limit holds it back. */
export function deliverFirst(scheduler: Scheduler, proc: Process, message: unknown): void {
  proc.mailbox ??= new Mailbox();
  proc.mailbox.pushFirst(message, scheduler.refSerial | 0);
  const isHibernating = proc.extra !== null && proc.extra.hibernating !== null;
  if (proc.receiver !== null || isHibernating) scheduler.wake(proc);
}

function overflow(scheduler: Scheduler, proc: Process): void {
  const extra = proc.more();
  if (extra.limit?.onFull === 'kill') scheduler.terminate(proc, 'mailbox_limit');
  else extra.dropped += 1;
}

/** Send a copy of `message` to a pid. Nothing happens where nobody lives. */
export function sendToPid(
  scheduler: Scheduler,
  to: Pid,
  message: unknown,
  transfer?: readonly ArrayBuffer[],
): void {
  const proc = receiverOf(scheduler, to);
  if (proc !== null) {
    deliver(
      scheduler,
      proc,
      transfer === undefined ? copy(message) : copyWithTransfer(message, transfer),
    );
    return;
  }
  const channel = channelTo(scheduler, to);
  if (channel !== undefined)
    writeMessage(scheduler, channel, signal.MESSAGE, to, message, transfer);
  else holdOrDrop(scheduler, signal.MESSAGE, to, null, null, copy(message));
}

/**
 * Send to the process that the running one sent to last, if that is whom it means: most do, and then not
 * even the pid's text is read.
 *
 * @returns false: somebody else is meant, or nobody any more
 */
export function sendToPeer(scheduler: Scheduler, to: unknown, message: unknown): boolean {
  const sender = context.process;
  if (sender === null || sender.peerPid !== to) return false;
  const { peer } = sender;
  if (peer === null || peer.status === DEAD) return false;
  deliver(scheduler, peer, copy(message));
  return true;
}

/** The living local process with this pid, or `null`; quick for the one that `sender` sent to last. */
export function findLocal(scheduler: Scheduler, sender: Process, pid: Pid): Process | null {
  const { peer } = sender;
  if (sender.peerPid === pid && peer !== null && peer.status !== DEAD) return peer;
  return scheduler.processes.find(pid);
}

/** An answer through an alias that ends with it. */
interface Answer {
  readonly type: 'reply';
  readonly ref: Ref;
  readonly value: unknown;
}

/**
 * Reply through the alias of a request that was made on this scheduler.
 *
 * @param monitor with an alias that is active still
 * @param value a copy of its own
 */
export function replyHere(scheduler: Scheduler, monitor: Monitor, value: unknown): void {
  dropMonitor(scheduler, monitor);
  conclude(scheduler, monitor, value);
}

/** The answer to a call of another scheduler's process; the monitor at the target is gone already. */
export function receiveAnswer(scheduler: Scheduler, serial: number, value: unknown): void {
  const monitor = scheduler.monitors.findCall(serial);
  if (monitor === undefined) return;
  dropHere(scheduler, monitor);
  conclude(scheduler, monitor, value);
}

function conclude(scheduler: Scheduler, monitor: Monitor, value: unknown): void {
  const { call, ref } = monitor;
  const answer: Answer = { type: 'reply', ref, value };
  if (call === null) {
    deliver(scheduler, monitor.holder as Process, answer);
    return;
  }
  if (context.tracer !== null) context.tracer.received(monitor.holder as Process, answer);
  endCall(call, value, false);
}

/**
 * Reply to a call that came from another scheduler.
 *
 * @param monitor the target's side of it
 * @throws DataCloneError when the value cannot be copied; the caller waits on then
 */
export function replyElsewhere(scheduler: Scheduler, monitor: Monitor, value: unknown): void {
  const channel = channelTo(scheduler, monitor.holderPid);
  if (channel !== undefined) {
    try {
      channel.write(signal.ANSWER, monitor.serial, null, null, value);
    } catch (error) {
      throw rerooted(error, 'message', 'message.value');
    }
  }
  scheduler.monitors.takeWatching(monitor.ref);
  dropMonitor(scheduler, monitor);
  if (channel !== undefined) followUp(scheduler, channel);
}

/** Send the request of a call, with the monitor that it asks for. */
export function writeCall(
  scheduler: Scheduler,
  channel: Channel,
  { targetPid, serial, holderPid }: Monitor,
  request: unknown,
): void {
  try {
    channel.write(signal.CALL, targetPid, serial, holderPid, request);
  } catch (error) {
    throw rerooted(error, 'message', 'message.request');
  }
  followUp(scheduler, channel);
}

/** Whoever has given up a call (`abandon.ts`) is not gone on with. */
export function endCall(call: Task, value: unknown, failed: boolean): void {
  if (call.state === PENDING) complete(call, value, failed);
}

/** The living local process with this pid, or `null`; the sender remembers it. */
function receiverOf(scheduler: Scheduler, pid: Pid): Process | null {
  const sender = context.process;
  const found = scheduler.processes.find(pid);
  if (found !== null && sender !== null) {
    sender.peer = found;
    sender.peerPid = pid;
  }
  return found;
}

/** Send a copy of `message` through an alias. */
export function sendToAlias(
  scheduler: Scheduler,
  to: Ref,
  message: unknown,
  transfer?: readonly ArrayBuffer[],
): void {
  const home = homeOf(to, scheduler.node);
  if (home === scheduler.life) {
    receiveThroughAlias(
      scheduler,
      to,
      transfer === undefined ? copy(message) : copyWithTransfer(message, transfer),
    );
    return;
  }
  const channel = scheduler.channels.get(home);
  if (channel !== undefined)
    writeMessage(scheduler, channel, signal.ALIAS_MESSAGE, to, message, transfer);
  else copy(message);
}

export function receiveThroughAlias(scheduler: Scheduler, ref: Ref, message: unknown): void {
  const holding = scheduler.monitors.findHeld(ref);
  if (holding !== undefined && isAliased(holding)) {
    if (holding.call !== null) {
      const { type, ref: to, value } = (message ?? {}) as Partial<Answer>;
      if (type === 'reply' && to === ref) {
        replyHere(scheduler, holding, value);
        return;
      }
      // Something else that was sent to the caller by this name: the call goes on.
    } else if (holding.alias === 'reply_demonitor') dropMonitor(scheduler, holding);
    deliver(scheduler, holding.holder as Process, message);
    return;
  }
  const alias = scheduler.aliases.find(ref);
  if (alias === undefined || alias.ref !== ref) return;
  if (alias.mode === 'reply' || alias.mode === 'reply_demonitor') scheduler.aliases.deactivate(ref);
  if (alias.mode === 'reply') alias.owner.extra?.aliases?.delete(ref);
  deliver(scheduler, alias.owner, message);
}

function writeMessage(
  scheduler: Scheduler,
  channel: Channel,
  op: number,
  to: string,
  message: unknown,
  transfer: readonly ArrayBuffer[] | undefined,
): void {
  channel.write(op, to, null, null, message, transfer);
  followUp(scheduler, channel);
}

function followUp(scheduler: Scheduler, channel: Channel): void {
  scheduler.followUp();
  scheduler.checkRoom(channel);
}

// ---- routing --------------------------------------------------------------------------------------

/** The channel to the scheduler that `address` names as its home, if that is another one. */
export function channelTo(scheduler: Scheduler, address: string): Channel | undefined {
  return scheduler.channelTo(address);
}

/** A pid of this scheduler whose creator's spawn has not arrived yet. */
export function isComing(scheduler: Scheduler, pid: Pid): boolean {
  if (!pid.startsWith(scheduler.pidPrefix)) return false;
  const { creator, counter } = scheduler.processes.originOf(pid);
  return creator !== scheduler.slot && counter > (scheduler.spawned[creator] ?? -1);
}

/** Keep a signal for a process that is being spawned; drop it where there will never be one. */
export function holdOrDrop(
  scheduler: Scheduler,
  op: number,
  to: Pid,
  a: unknown,
  b: unknown,
  payload: unknown,
  from = 0,
): boolean {
  if (!isComing(scheduler, to)) return false;
  const held = scheduler.held.get(to);
  const kept = { op, a, b, payload, from };
  if (held === undefined) scheduler.held.set(to, [kept]);
  else held.push(kept);
  return true;
}

// ---- exit signals ---------------------------------------------------------------------------------

/** Send an exit signal: explicit (`exit/2`), or because a link broke. */
export function sendExit(
  scheduler: Scheduler,
  to: Pid,
  from: Pid,
  reason: unknown,
  byLink: boolean,
): void {
  const proc = scheduler.processes.find(to);
  if (proc !== null) {
    receiveExit(scheduler, proc, from, copy(reason, 'reason'), byLink);
    return;
  }
  const channel = channelTo(scheduler, to);
  if (channel === undefined) {
    holdOrDrop(scheduler, signal.EXIT, to, from, byLink ? 1 : 0, copy(reason, 'reason'));
    return;
  }
  try {
    channel.write(signal.EXIT, to, from, byLink ? 1 : 0, reason);
  } catch (error) {
    throw rerooted(error, 'message', 'reason');
  }
  // Who is to end may be computing, and the slice that says so may be long.
  if (!byLink) channel.hurry();
}

/** SEMANTICS §3, the table. The trap flag counts as it stands now. */
export function receiveExit(
  scheduler: Scheduler,
  proc: Process,
  from: Pid,
  reason: unknown,
  byLink: boolean,
): void {
  if (byLink) {
    const state = proc.links?.get(from);
    proc.links?.delete(from);
    if (state !== 0) return;
  } else if (reason === 'kill') {
    scheduler.terminate(proc, 'killed');
    return;
  }
  if (proc.trapExit) {
    const message: Exit = { type: 'EXIT', from, reason };
    deliver(scheduler, proc, message);
  } else if (reason !== 'normal' || (!byLink && from === proc.pid)) {
    scheduler.terminate(proc, reason);
  }
}

// ---- monitors -------------------------------------------------------------------------------------

/** The target of a monitor that lives here is gone: tell the holder. */
export function fireMonitor(scheduler: Scheduler, monitor: Monitor, reason: unknown): void {
  monitor.active = false;
  const { holder } = monitor;
  if (holder === null) {
    scheduler.monitors.takeWatching(monitor.ref);
    scheduler.channels
      .get(homeOf(monitor.holderPid, scheduler.node))
      ?.write(signal.DOWN, monitor.holderPid, monitor.ref, null, reason);
    return;
  }
  notifyHolder(scheduler, holder, monitor, copy(reason));
}

/** DOWN goes into the holder's mailbox, or a call of it fails; the monitor, and an alias that ends with it, are gone. */
export function notifyHolder(
  scheduler: Scheduler,
  holder: Process,
  monitor: Monitor,
  reason: unknown,
): void {
  unhold(holder, monitor);
  scheduler.monitors.deleteHeld(monitor);
  if (monitor.timer !== null) scheduler.timers.cancel(monitor.timer);
  if (holder.status === DEAD) return;
  if (monitor.call !== null) {
    const { shown } = monitor;
    const called = typeof shown === 'string' ? shown : shown.name;
    endCall(monitor.call, new ExitError({ reason, call: called }), true);
    return;
  }
  const message: Down<string> = {
    type: monitor.tag,
    ref: monitor.ref,
    target: monitor.shown,
    reason,
  };
  deliver(scheduler, holder, message);
}

/** Take a monitor away from both sides, without a DOWN. */
export function dropMonitor(scheduler: Scheduler, monitor: Monitor): void {
  dropHere(scheduler, monitor);
  forgetAtTarget(scheduler, monitor);
}

/** The holder's side of `dropMonitor`, if it is here. */
function dropHere(scheduler: Scheduler, monitor: Monitor): void {
  monitor.active = false;
  if (monitor.timer !== null) scheduler.timers.cancel(monitor.timer);
  if (monitor.holder === null) return;
  unhold(monitor.holder, monitor);
  scheduler.monitors.deleteHeld(monitor);
}

/** The target's side of `dropMonitor`. */
export function forgetAtTarget(scheduler: Scheduler, monitor: Monitor): void {
  if (monitor.target !== null) {
    unwatch(monitor.target, monitor);
    return;
  }
  const channel = channelTo(scheduler, monitor.targetPid);
  if (channel !== undefined)
    channel.write(signal.DEMONITOR, monitor.targetPid, monitor.ref, null, null);
  else holdOrDrop(scheduler, signal.DEMONITOR, monitor.targetPid, monitor.ref, null, null);
}
