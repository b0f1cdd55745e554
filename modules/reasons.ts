/**
 * Reasons: the exit reasons and start errors that the behaviours share.
 *
 * Reasons are plain data with OTP's own words, told apart by `kind` where Erlang has tagged tuples.
 *
 * Source: OTP, `supervisor`, "Restart Strategy"; `gen_server:start_link/3`; SEMANTICS 9, 10, 13.
 */

import { ExitError, type Pid } from 'tsvm';
import { applicationWords } from './application-words.js';
import { hangingWords, type StartStep } from './start-steps.js';

/** `{shutdown, Reason}`: an orderly end that says why. */
export interface Shutdown {
  readonly kind: 'shutdown';
  readonly reason: unknown;
}

/** `{already_started, Pid}` */
export interface AlreadyStarted {
  readonly kind: 'already_started';
  readonly pid: Pid;
}

/** `{bad_return_value, Value}`: a callback gave what it must not give. */
export interface BadReturnValue {
  readonly kind: 'bad_return_value';
  readonly value: unknown;
}

export function shutdown(reason: unknown): Shutdown {
  return { kind: 'shutdown', reason };
}

/** An end that is nobody's failure: `normal`, `shutdown`, `{kind: 'shutdown', …}`. */
export function isOrderly(reason: unknown): boolean {
  return reason === 'normal' || reason === 'shutdown' || kindOf(reason) === 'shutdown';
}

export function kindOf(reason: unknown): unknown {
  return (reason as { readonly kind?: unknown } | null | undefined)?.kind;
}

/**
 * A process could not be started. `reason` is what OTP has in `{error, Reason}`; for one that did not
 * want to run (`ignore`) it is `'ignore'`.
 */
export class StartError extends ExitError {
  constructor(reason: unknown) {
    super(reason);
    this.message = `not started: ${inWords(reason)}`;
  }
}

/** Was this thrown by the start of a process? */
export function isStartError(thrown: unknown): thrown is StartError {
  return thrown instanceof StartError;
}

/** One line about a reason. */
export function inWords(reason: unknown): string {
  if (typeof reason === 'string') return reason;
  const { kind, name, message, ms, hanging } = (reason ?? {}) as Record<string, unknown>;
  if (kind === 'error') return `${String(name)}: ${String(message)}`;
  const { reason: inner, id } = (reason ?? {}) as Record<string, unknown>;
  if (kind === 'start_timeout') {
    const why = hanging === undefined ? '' : `; ${hangingWords(hanging as readonly StartStep[])}`;
    return `its start took longer than ${String(ms)} ms${why}`;
  }
  if (kind === 'already_started') return 'it runs already';
  if (kind === 'shutdown') return inWords(inner);
  if (kind === 'failed_to_start_child') return `child ${JSON.stringify(id)}: ${inWords(inner)}`;
  const fields = (reason ?? {}) as Readonly<Record<string, unknown>>;
  if (kind === 'start_spec' || kind === 'supervisor_data') {
    const came = JSON.stringify(fields['came']) ?? String(fields['came']);
    return `bad specification: ${fields['field']}: expected ${fields['expected']}, got ${came}`;
  }
  const words = applicationWords(fields, inWords);
  if (words !== undefined) return words;
  return JSON.stringify(reason) ?? String(reason);
}

/** Are two terms equal, as `=:=` has it for plain data? */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) =>
      Object.hasOwn(b, key) &&
      same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

/** A copy that can travel in a reason; what cannot be copied is replaced by its text. */
export function presentable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}
