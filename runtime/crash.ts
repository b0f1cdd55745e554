/**
 * Crash: from what was thrown to an exit reason, and to a report for the post-mortem.
 *
 * Reasons are plain data: an `Error` never leaves its thread.
 *
 * Source: OTP Reference Manual, "Errors and Error Handling" › "Exit Reasons"; SEMANTICS §3, §9.
 */

import { copy } from './copy.js';
import { ExitError, InvariantError } from './errors.js';
import { funOf, VersionFun } from './funs.js';
import type { CrashReport, FunctionName } from './hosting.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { CrashReason, ErrorReason } from './terms.js';

const CAUSES_MAX = 8;
const MESSAGES_MAX = 10;

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

export function isCrash(reason: unknown): reason is CrashReason {
  const kind = (reason as { kind?: unknown } | null)?.kind;
  return kind === 'error' || kind === 'nocatch';
}

/** What is known of a process at the moment it crashes. */
export function crashReport(scheduler: Scheduler, proc: Process, reason: CrashReason): CrashReport {
  const { extra, mailbox } = proc;
  return {
    time: Date.now(),
    pid: proc.pid,
    scheduler: scheduler.slot,
    initialCall: initialCall(scheduler, proc),
    name: extra?.name ?? null,
    label: extra?.label,
    parent: proc.parent,
    reason,
    messageQueueLength: mailbox?.length ?? 0,
    messages: mailbox?.peek(MESSAGES_MAX) ?? [],
    links: [...(proc.links?.keys() ?? [])],
    dictionary: [...(extra?.dictionary?.entries() ?? [])],
    reductions: proc.reductions,
  };
}

/** `module.function` of the entry, or the function's own name where it is not exported. */
export function initialCall(scheduler: Scheduler, proc: Process): string {
  const name: FunctionName | undefined = scheduler.code.functionName(proc.entry);
  if (name !== undefined) return `${name.module}.${name.name}`;
  const fun = funOf(proc.entry);
  if (fun instanceof VersionFun) return `${fun.version.module}.${fun.version.label(fun.index)}`;
  return proc.entry.name === '' ? '(anonymous)' : proc.entry.name;
}
