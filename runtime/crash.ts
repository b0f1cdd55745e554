/**
 * Crash: from what was thrown to an exit reason, and to a report for the post-mortem.
 *
 * Reasons are plain data: an `Error` never leaves its thread.
 *
 * Source: OTP Reference Manual, "Errors and Error Handling" › "Exit Reasons"; SEMANTICS §3, §9.
 */

import { copy } from './copy.js';
import { isCrash, isOrderly } from './crash-reason.js';
import { crashSignature } from './crash-signature.js';
import { ExitError, InvariantError } from './errors.js';
import type { CrashReport, CrashSignature, Neighbour } from './hosting.js';
import { initialCall, moduleOf } from './initial-call.js';
import { presentable } from './presentable.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import { HEARD_CRASHES } from './shared-state.js';
import type { CrashReason, ErrorReason, Pid } from './terms.js';

const CAUSES_MAX = 8;
const MESSAGES_MAX = 10;
const NEIGHBOURS_MAX = 15;
const LINKS_MAX = 100;
/** Where `tsvm/proc-lib` keeps them in the dictionary of a process, as OTP does. */
const ANCESTORS = '$ancestors';

/**
 * The exit reason for what a process threw.
 *
 * @throws an InvariantError as it is: that is a bug in the machine, and ends the thread
 */
export function exitReasonOf(thrown: unknown): unknown {
  if (thrown instanceof InvariantError) throw thrown;
  if (thrown instanceof ExitError) return thrown.reason;
  return crashReasonOf(thrown, 0);
}

function crashReasonOf(thrown: unknown, depth: number): CrashReason {
  if (!(thrown instanceof Error)) return { kind: 'nocatch', value: plain(thrown), stack: '' };
  const read = (key: string): unknown => property(thrown, key);
  const reason: { -readonly [Key in keyof ErrorReason]: ErrorReason[Key] } = {
    kind: 'error',
    name: text(read('name') ?? 'Error'),
    message: text(read('message') ?? ''),
    stack: text(read('stack') ?? ''),
  };
  const [code, tag, cause] = [read('code'), read('reason'), read('cause')];
  if (typeof code === 'string') reason.code = code;
  if (typeof tag === 'string') reason.reason = tag;
  if (cause !== undefined && depth < CAUSES_MAX) reason.cause = crashReasonOf(cause, depth + 1);
  return reason;
}

/** Reading an error may run code of the user, and that may throw: it must not hurt the scheduler. */
function property(error: Error, key: string): unknown {
  try {
    return (error as unknown as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '(unreadable)';
  }
}

/** A copy that can travel; what cannot be copied is replaced by its text. */
function plain(value: unknown): unknown {
  try {
    return copy(value);
  } catch {
    return text(value);
  }
}

/**
 * Is this end to be reported? Errors always are. `exit(reason)` is a decision, and only processes of
 * `tsvm/proc-lib` say that every end but an orderly one is a failure.
 */
export function isReported(proc: Process, thrown: unknown, reason: unknown): boolean {
  if (!(thrown instanceof ExitError)) return isCrash(reason) && !isOrderly(reason);
  return proc.extra?.dictionary?.has(ANCESTORS) === true && !isOrderly(reason);
}

/** Tell who listens. In a storm the report is not made, and the crash is counted by its signature. */
export function reportCrash(scheduler: Scheduler, proc: Process, reason: unknown): void {
  if (!scheduler.isHeard(HEARD_CRASHES)) return;
  const signature = crashSignature(proc, reason);
  scheduler.host.crashed(signature, () => crashReport(scheduler, proc, reason, signature));
}

/** What is known of a process at the moment it crashes. */
function crashReport(
  scheduler: Scheduler,
  proc: Process,
  reason: unknown,
  signature: CrashSignature,
): CrashReport {
  const { extra, mailbox } = proc;
  return {
    time: Date.now(),
    signature,
    ...moduleOf(proc, scheduler.code),
    pid: proc.pid,
    scheduler: scheduler.slot,
    initialCall: initialCall(proc),
    name: extra?.name ?? null,
    label: presentable(extra?.label),
    parent: proc.parent,
    reason: presentable(reason),
    messageQueueLength: mailbox?.length ?? 0,
    messages: presentable(mailbox?.peek(MESSAGES_MAX) ?? []) as unknown[],
    links: linksOf(proc),
    linkCount: proc.links?.size ?? 0,
    dictionary: Array.from(extra?.dictionary?.entries() ?? [], ([key, value]) => [
      presentable(key),
      presentable(value),
    ]),
    reductions: proc.reductions,
    ancestors: ancestorsOf(proc),
    trapExit: proc.trapExit,
    details: presentable(extra?.crashDetails ?? null) as CrashReport['details'],
    neighbours: neighboursOf(scheduler, proc),
  };
}

/** Those that the exit signals of this end will reach, nearest first. */
function neighboursOf(scheduler: Scheduler, crashed: Process): Neighbour[] {
  if (crashed.links === null) return [];
  const found: Neighbour[] = [];
  const seen = new Set<Pid>([crashed.pid]);
  const pending = [crashed];
  for (let at = 0; at < pending.length && found.length < NEIGHBOURS_MAX; at += 1) {
    for (const pid of (pending[at] as Process).links?.keys() ?? []) {
      const proc = seen.has(pid) ? null : scheduler.processes.find(pid);
      seen.add(pid);
      if (proc === null || proc.trapExit || found.length >= NEIGHBOURS_MAX) continue;
      pending.push(proc);
      found.push(neighbour(proc));
    }
  }
  return found;
}

function neighbour(proc: Process): Neighbour {
  return {
    pid: proc.pid,
    name: proc.extra?.name ?? null,
    initialCall: initialCall(proc),
    ancestors: ancestorsOf(proc),
    messageQueueLength: proc.mailbox?.length ?? 0,
    links: linksOf(proc),
    reductions: proc.reductions,
  };
}

function linksOf({ links }: Process): Pid[] {
  const found: Pid[] = [];
  for (const pid of links?.keys() ?? []) {
    if (found.length >= LINKS_MAX) break;
    found.push(pid);
  }
  return found;
}

function ancestorsOf({ extra }: Process): readonly unknown[] {
  const found = extra?.dictionary?.get(ANCESTORS);
  return Array.isArray(found) ? (presentable(found) as unknown[]) : [];
}
