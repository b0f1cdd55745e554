/**
 * The children of a supervisor as processes: starting one, stopping one, stopping many.
 *
 * Invariant: who is stopped is dead when the function returns, and nothing of it is in the mailbox.
 *
 * Source: OTP, module `supervisor`, `shutdown/1`, `terminate_dynamic_children/1`; SEMANTICS 13.5.
 */

import {
  type Down,
  dictionary,
  type Exit,
  exit,
  exitReason,
  monitor,
  monotonicTime,
  type Pid,
  type Ref,
  receive,
  TIMEOUT,
  unlink,
} from 'tsvm';
import { CHILD, limitStarts } from './proc-lib.js';
import { isOrderly, isStartError } from './reasons.js';
import type { ChildSpec, ChildStart } from './supervisor-types.js';

/** What became of a start; `pid` is undefined for a child that did not want to run. */
export type Started =
  | { readonly ok: true; readonly pid: Pid | undefined; readonly info?: unknown }
  | { readonly ok: false; readonly reason: unknown };

export async function startProcess(
  spec: ChildSpec,
  more: readonly unknown[] = [],
): Promise<Started> {
  const { startMs = Number.POSITIVE_INFINITY } = spec;
  const isLimited = startMs !== Number.POSITIVE_INFINITY;
  dictionary.put(CHILD, spec.id);
  if (isLimited) limitStarts(startMs);
  let given: ChildStart;
  try {
    given = await spec.start(...([...spec.args, ...more] as never[]));
  } catch (thrown) {
    const ignored = isStartError(thrown) && thrown.reason === 'ignore';
    if (ignored) return { ok: true, pid: undefined };
    const reason = exitReason(thrown);
    const isLate = isLimited && reason === 'timeout';
    return { ok: false, reason: isLate ? { kind: 'start_timeout', ms: startMs } : reason };
  } finally {
    if (isLimited) limitStarts(undefined);
  }
  if (given === 'ignore') return { ok: true, pid: undefined };
  if (typeof given === 'string' && given.startsWith('<')) return { ok: true, pid: given as Pid };
  if (typeof given === 'object' && given !== null && typeof given.pid === 'string') {
    return { ok: true, pid: given.pid as unknown as Pid, info: given.info };
  }
  return { ok: false, reason: { kind: 'bad_return_value', value: String(given) } };
}

/** A stop that did not go as the specification says. */
export interface StopProblem {
  readonly pid: Pid;
  readonly reason: unknown;
}

/** Stop a child and wait until it is dead. @returns what was not in order, or null */
export async function stopProcess(pid: Pid, spec: ChildSpec): Promise<StopProblem | null> {
  const ref = monitor(pid);
  if (spec.shutdown === 'brutal_kill') {
    exit(pid, 'kill');
    return problem(pid, spec, await buried(pid, await down(ref)));
  }
  exit(pid, 'shutdown');
  const ended = await receive((message: Down) => isDown(message, ref), {
    timeoutMs: spec.shutdown,
    since: ref,
  });
  if (ended !== TIMEOUT) return problem(pid, spec, await buried(pid, ended.reason));
  exit(pid, 'kill');
  return problem(pid, spec, await buried(pid, await down(ref)));
}

/** Stop many at once, with one common time. For children without an order. */
export async function stopProcesses(
  pids: readonly Pid[],
  spec: ChildSpec,
): Promise<readonly StopProblem[]> {
  const watched = new Map<Ref, Pid>(pids.map((pid) => [monitor(pid), pid]));
  const brutal = spec.shutdown === 'brutal_kill';
  for (const pid of pids) exit(pid, brutal ? 'kill' : 'shutdown');
  const problems: StopProblem[] = [];
  const deadline = brutal ? Number.POSITIVE_INFINITY : monotonicTime() + Number(spec.shutdown);
  let limited = !brutal;
  while (watched.size > 0) {
    const message = await receive(
      (each: Down) => each?.type === 'DOWN' && watched.has(each.ref),
      limited ? Math.max(0, deadline - monotonicTime()) : Number.POSITIVE_INFINITY,
    );
    if (message === TIMEOUT) {
      limited = false;
      for (const pid of watched.values()) exit(pid, 'kill');
      continue;
    }
    const pid = watched.get(message.ref) as Pid;
    watched.delete(message.ref);
    const found = problem(pid, spec, await buried(pid, message.reason));
    if (found !== null) problems.push(found);
  }
  return problems;
}

/** Undo the link, and take the `Exit` that may have come: it knows the reason of one that was dead before. */
async function buried(pid: Pid, reason: unknown): Promise<unknown> {
  unlink(pid);
  const message = await receive((each: Exit) => each?.type === 'EXIT' && each.from === pid, 0);
  return message === TIMEOUT ? reason : message.reason;
}

async function down(ref: Ref): Promise<unknown> {
  return (await receive((message: Down) => isDown(message, ref), { since: ref })).reason;
}

function isDown(message: unknown, ref: Ref): message is Down {
  const { type, ref: of } = (message ?? {}) as Partial<Down>;
  return type === 'DOWN' && of === ref;
}

function problem(pid: Pid, spec: ChildSpec, reason: unknown): StopProblem | null {
  if (reason === (spec.shutdown === 'brutal_kill' ? 'killed' : 'shutdown')) return null;
  if (reason === 'noproc') return null;
  if (spec.restart !== 'permanent' && reason !== 'killed' && isOrderly(reason)) return null;
  return { pid, reason };
}
