/**
 * Exit text: an exit reason for people, with the lines of source that it came from.
 *
 * Reasons are plain data (see runtime/crash.ts); their stacks name the user's own TypeScript lines.
 */

import { readFileSync } from 'node:fs';
import { codeFrame } from '../loader/code-frame.js';
import { inWords } from '../modules/reasons.js';
import { isCrash } from '../runtime/crash-reason.js';
import type { CrashReason, SchedulerDownReason } from '../runtime/terms.js';
import { hintFor } from './hints.js';
import { shownPath } from './terminal.js';

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The function, where it has a name. */
  readonly fn: string | undefined;
}

/** A reason in its parts. Plain data. */
export interface Exposition {
  /** One line or, if the message has more, those: `TypeError: x is not a function`. */
  readonly text: string;
  /** Where it was thrown, then who called; the user's lines. */
  readonly places: readonly Place[];
  /** The lines of source around the first place. */
  readonly frame: string | undefined;
  /** What caused it, outermost first. */
  readonly causes: readonly string[];
  readonly hint: string | undefined;
}

/** The text of a loaded module's source. */
export type SourceOf = (file: string) => string | undefined;

const FRAME = /^\s+at (?:async )?(?:(.*) \()?(?:file:\/\/)?(.*?):(\d+):(\d+)\)?$/;

/** @param sourceOf asked first: the file on disk may be newer than what runs */
export function expose(given: unknown, sourceOf: SourceOf): Exposition {
  const reason = crashWithin(given);
  if (!isCrash(reason)) {
    return { text: exitText(given), places: [], frame: undefined, causes: [], hint: undefined };
  }
  const places = placesOf(reason.stack);
  const [first] = places;
  const chain = chainOf(reason);
  return {
    text: reason === given ? crashText(reason) : exitText(given),
    places,
    frame: first === undefined ? undefined : frameAt(first, sourceOf),
    causes: chain.slice(1).map((cause) => withPlace(crashText(cause), placesOf(cause.stack)[0])),
    hint: hintOf(chain),
  };
}

/** What is in the reason of an application or a supervisor that did not start: the failure of the first child. */
export function crashWithin(reason: unknown): unknown {
  const { kind, reason: inner } = (reason ?? {}) as { kind?: unknown; reason?: unknown };
  return WRAPPERS.has(kind) ? crashWithin(inner) : reason;
}

const WRAPPERS: ReadonlySet<unknown> = new Set([
  'application_start_failed',
  'application_terminated',
  'failed_to_start_child',
  'shutdown',
]);

function chainOf(reason: CrashReason): readonly CrashReason[] {
  const cause = reason.kind === 'error' ? reason.cause : undefined;
  return cause === undefined ? [reason] : [reason, ...chainOf(cause)];
}

function crashText(reason: CrashReason): string {
  if (reason.kind === 'nocatch') return `threw ${plainText(reason.value)}`;
  return reason.message === '' ? reason.name : `${reason.name}: ${reason.message}`;
}

/** Reasons that are no crash: `'shutdown'`, `{kind: 'scheduler_down', …}`, whatever `exit` was given. */
function exitText(reason: unknown): string {
  if (typeof reason === 'string') return reason;
  const { kind, scheduler, cause } = (reason ?? {}) as Partial<SchedulerDownReason>;
  if (kind === 'scheduler_down')
    return `its scheduler ${scheduler} died: ${firstLine(String(cause))}`;
  const { reason: inner, call } = (reason ?? {}) as { reason?: unknown; call?: unknown };
  if (typeof kind === 'string') {
    const words = inWords(reason);
    if (!words.startsWith('{')) return words;
  }
  if (inner !== undefined && call !== undefined)
    return `a call to ${plainText(call)} failed: ${plainText(inner)}`;
  return `exit(${plainText(reason)})`;
}

function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A bigint or a cycle.
    return String(value);
  }
}

function placesOf(stack: string): readonly Place[] {
  return stack.split('\n').flatMap((line) => {
    const [, fn, file, row, column] = FRAME.exec(line) ?? [];
    if (file === undefined || file.startsWith('node:')) return [];
    return [{ fn, file, line: Number(row), column: Number(column) }];
  });
}

function withPlace(text: string, place: Place | undefined): string {
  return place === undefined ? text : `${text} at ${placeText(place)}`;
}

export function placeText({ file, line, column, fn }: Place): string {
  return `${shownPath(file)}:${line}:${column}${fn === undefined ? '' : ` (${fn})`}`;
}

function frameAt({ file, line, column }: Place, sourceOf: SourceOf): string | undefined {
  const source = sourceOf(file) ?? readSource(file);
  return source === undefined ? undefined : codeFrame(source, line, column) || undefined;
}

function readSource(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A file of a package that is gone, or a name that is no file: the line is shown without its text.
    return undefined;
  }
}

/** None where the application says so itself. */
function hintOf(chain: readonly CrashReason[]): string | undefined {
  const at = chain.findIndex((one) => one.kind === 'error' && hintFor(one) !== undefined);
  const found = chain[at];
  if (found?.kind !== 'error') return undefined;
  const said = chain
    .slice(0, at)
    .some((outer) => outer.kind === 'error' && outer.message.includes(String(found.code)));
  return said ? undefined : hintFor(found);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
