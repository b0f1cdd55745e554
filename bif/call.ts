/**
 * Call and reply: a question to a process, and its answer.
 *
 * A call monitors the process and waits on an alias, so that a late reply never reaches the mailbox
 * and the death of the process is noticed at once.
 *
 * Source: OTP, `gen_server:call/3` (the protocol), `erlang:monitor/3` (the alias).
 */

import { context, runningProcess } from '../runtime/context.js';
import { copy } from '../runtime/copy.js';
import { type Coroutine, PARK, start, type Task } from '../runtime/coroutine.js';
import { deliver, findLocal, replyHere } from '../runtime/delivery.js';
import { ExitError, ProcessError } from '../runtime/errors.js';
import { demonitor, monitorProcess } from '../runtime/monitoring.js';
import type { Process } from '../runtime/process.js';
import { checkTimeout, receive } from '../runtime/receive.js';
import type { Scheduler } from '../runtime/scheduler.js';
import type { Alias, Down, Pid, PlainName } from '../runtime/terms.js';
import { TIMEOUT } from '../runtime/timeout.js';
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
  return start(calling(to, request, timeoutMs)) as Task as unknown as Promise<unknown>;
}

function* calling(to: string, request: unknown, timeoutMs: number): Coroutine<unknown> {
  const proc = runningProcess('call');
  const scheduler = context.scheduler as Scheduler;
  const pid = to.startsWith('<') ? to : scheduler.names.get(to);
  if (pid === proc.pid) throw new ExitError({ reason: 'calling_self', call: to });
  if (pid === undefined) throw new ExitError({ reason: 'noproc', call: to });
  const ref = monitorProcess(scheduler, proc, to, 'DOWN', 'reply_demonitor') as Alias<never>;
  const isAnswer = (message: Reply<unknown> | Down): boolean =>
    typeof message === 'object' && message !== null && message.ref === ref;
  let received: unknown;
  try {
    ask(scheduler, proc, pid as Pid, ref, request);
    received = receive(isAnswer, { timeoutMs, since: ref });
  } catch (error) {
    // The request cannot be copied.
    demonitor(scheduler, proc, ref);
    throw error;
  }
  let answer = (received === PARK ? yield : received) as Reply<unknown> | Down | typeof TIMEOUT;
  if (answer === TIMEOUT) {
    demonitor(scheduler, proc, ref);
    // A reply that came meanwhile counts.
    const late = receive(isAnswer, 0);
    answer = (late === PARK ? yield : late) as Reply<unknown> | Down | typeof TIMEOUT;
  }
  if (answer === TIMEOUT) throw new ExitError({ reason: 'timeout', call: to });
  if (answer.type === 'reply') return answer.value;
  throw new ExitError({ reason: answer.reason, call: to });
}

/** The message is the machine's own: within a scheduler only the request in it has to be copied. */
function ask(
  scheduler: Scheduler,
  proc: Process,
  pid: Pid,
  alias: Alias<never>,
  request: unknown,
): void {
  const target = findLocal(scheduler, proc, pid);
  const from = { pid: proc.pid, alias };
  if (target === null) {
    send(pid as Pid<unknown>, { type: 'call', from, request });
    return;
  }
  context.budget -= 1;
  if (context.tracer !== null) context.tracer.sent(proc, pid, { type: 'call', from, request });
  proc.peer = target;
  proc.peerPid = pid;
  deliver(scheduler, target, { type: 'call', from, request: copy(request, 'message.request') });
}

/** Answer a call. Nothing happens if the caller no longer waits. `gen_server:reply/2`. */
export function reply<R>(from: From<R>, value: NoInfer<R>): void {
  if (typeof from !== 'object' || from === null || typeof from.alias !== 'string') {
    throw new ProcessError('badarg', 'reply: from: expected the `from` of a call');
  }
  const ref = from.alias;
  const { scheduler } = context;
  if (scheduler?.monitors.findHeld(ref)?.alias === 'reply_demonitor') {
    context.budget -= 1;
    if (context.tracer !== null && context.process !== null)
      context.tracer.sent(context.process, ref, { type: 'reply', ref, value });
    replyHere(scheduler, ref, { type: 'reply', ref, value: copy(value, 'message.value') });
    return;
  }
  const answer: Reply<R> = { type: 'reply', ref, value };
  send(ref, answer);
}
