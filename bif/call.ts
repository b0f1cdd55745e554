/**
 * Call and reply: a question to a process, and its answer.
 *
 * A call monitors the process, and the reference of the monitor is an alias for the reply, so that the
 * death of the process is noticed at once and a late reply goes nowhere. Answer and death go to the task
 * that waits and not through the mailbox, so what is in it costs a call nothing.
 *
 * Source: OTP, `gen_server:call/3` (the protocol), `erlang:monitor/3` (the alias).
 */

import { context, runningProcess } from '../runtime/context.js';
import { copy } from '../runtime/copy.js';
import { complete, pendingTask, type Task } from '../runtime/coroutine.js';
import {
  deliver,
  dropMonitor,
  endCall,
  findLocal,
  replyElsewhere,
  replyHere,
} from '../runtime/delivery.js';
import { ExitError, ProcessError } from '../runtime/errors.js';
import { callElsewhere, monitorForCall } from '../runtime/monitoring.js';
import type { Monitor } from '../runtime/monitors.js';
import type { Process } from '../runtime/process.js';
import { checkTimeout } from '../runtime/receive.js';
import type { Scheduler } from '../runtime/scheduler.js';
import type { Alias, NamedTarget, Pid, PlainName } from '../runtime/terms.js';
import type { Timer } from '../runtime/timers.js';
import { checkDestination } from './check.js';
import { send } from './send.js';

/** Who asked, and what a reply to it must be. */
export interface From<R> {
  readonly pid: Pid;
  readonly alias: Alias<Reply<R>>;
}

/** What a process that is called receives. */
export interface Call<Q, R> {
  readonly type: 'call';
  readonly from: From<R>;
  readonly request: Q;
}

interface Reply<R> {
  readonly type: 'reply';
  readonly ref: Alias<Reply<R>>;
  readonly value: R;
}

const CALL_TIMEOUT_MS = 5000;
const LESS_THAN = 60;

/**
 * Ask a process and wait for its `reply`. `gen_server:call/3`.
 *
 * @param to a pid or name of a process that takes `Call` messages
 * @param timeoutMs how long to wait; the process is not told when the time is up
 * @returns the reply; ends the caller (catchable) with reason `{reason, call: to}`: `timeout`,
 *   `noproc`, `calling_self`, or the exit reason of the process
 */
export function call<Q, R>(
  to: Pid<Call<Q, R>>,
  request: NoInfer<Q>,
  timeoutMs?: number,
): Promise<R>;
export function call<R = unknown>(to: PlainName, request: unknown, timeoutMs?: number): Promise<R>;
export function call(
  to: string,
  request: unknown,
  timeoutMs: number = CALL_TIMEOUT_MS,
): Promise<unknown> {
  checkDestination('call', to);
  checkTimeout('call', timeoutMs);
  const proc = runningProcess('call');
  const scheduler = context.scheduler as Scheduler;
  const task = pendingTask<unknown>(proc);
  const byName = to.charCodeAt(0) !== LESS_THAN;
  const pid = byName ? scheduler.names.get(to) : to;
  context.awaited = false;
  if (pid === undefined || pid === proc.pid) {
    const reason = pid === undefined ? 'noproc' : 'calling_self';
    complete(task as Task, new ExitError({ reason, call: to }), true);
  } else {
    const shown = byName ? { name: to, node: scheduler.node } : to;
    ask(scheduler, proc, pid as Pid, shown as Pid, request, timeoutMs, task);
  }
  return task as Task as unknown as Promise<unknown>;
}

function ask(
  scheduler: Scheduler,
  proc: Process,
  pid: Pid,
  shown: Pid | NamedTarget,
  request: unknown,
  timeoutMs: number,
  task: Task,
): void {
  const local = findLocal(scheduler, proc, pid);
  let monitor: Monitor | null = null;
  try {
    if (local === null) monitor = askElsewhere(scheduler, proc, pid, shown, request, task);
    if (monitor === null) {
      monitor = monitorForCall(scheduler, proc, local, pid, shown, task);
      if (!monitor.active) return;
      askHere(scheduler, proc, monitor, request);
    }
  } catch (error) {
    // The request cannot be copied.
    if (monitor !== null) dropMonitor(scheduler, monitor);
    endCall(task, error, true);
    return;
  }
  if (timeoutMs === Number.POSITIVE_INFINITY || !monitor.active) return;
  scheduler.callLimits.add(monitor, timeoutMs, expired);
}

function askElsewhere(
  scheduler: Scheduler,
  proc: Process,
  pid: Pid,
  shown: Pid | NamedTarget,
  request: unknown,
  task: Task,
): Monitor | null {
  const monitor = callElsewhere(scheduler, proc, pid, shown, request, task);
  if (monitor === null) return null;
  context.budget -= 1;
  if (context.tracer !== null) {
    const from = { pid: proc.pid, alias: monitor.ref };
    context.tracer.sent(proc, pid, { type: 'call', from, request });
  }
  return monitor;
}

/** The message is the machine's own: within a scheduler only the request in it has to be copied. */
function askHere(scheduler: Scheduler, proc: Process, monitor: Monitor, request: unknown): void {
  const { target, targetPid, ref } = monitor;
  const from = { pid: proc.pid, alias: ref };
  if (target === null) {
    send(targetPid as Pid<unknown>, { type: 'call', from, request });
    return;
  }
  const message = { type: 'call', from, request: copy(request, 'message.request') };
  context.budget -= 1;
  if (context.tracer !== null) context.tracer.sent(proc, targetPid, message);
  proc.peer = target;
  proc.peerPid = targetPid;
  deliver(scheduler, target, message);
}

function expired({ subject }: Timer): void {
  const monitor = subject as Monitor;
  const { shown, call } = monitor;
  dropMonitor(context.scheduler as Scheduler, monitor);
  const called = typeof shown === 'string' ? shown : shown.name;
  endCall(call as Task, new ExitError({ reason: 'timeout', call: called }), true);
}

/** Answer a call. Nothing happens if the caller no longer waits. `gen_server:reply/2`. */
export function reply<R>(from: From<R>, value: NoInfer<R>): void {
  if (typeof from !== 'object' || from === null || typeof from.alias !== 'string') {
    throw new ProcessError('badarg', 'reply: from: expected the `from` of a call');
  }
  const ref = from.alias;
  const { scheduler } = context;
  const asked = scheduler?.monitors.findAsked(ref);
  if (scheduler !== null && asked?.alias === 'reply_demonitor') {
    context.budget -= 1;
    if (context.tracer !== null && context.process !== null)
      context.tracer.sent(context.process, ref, { type: 'reply', ref, value });
    if (asked.holder === null) replyElsewhere(scheduler, asked, value);
    else replyHere(scheduler, asked, copy(value, 'message.value'));
    return;
  }
  const answer: Reply<R> = { type: 'reply', ref, value };
  send(ref, answer);
}
