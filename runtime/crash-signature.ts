/**
 * Crash signature: what makes two crashes equal, the class of the reason and the place in the source.
 *
 * Made for every crash, also in a storm of them, where the report is not: it costs a few microseconds.
 * What differs from one crash to the next (pids, messages with values) is no part of it.
 */

import { fileURLToPath } from 'node:url';
import { isCrash } from './crash-reason.js';
import type { CrashSignature } from './hosting.js';
import { initialCall } from './initial-call.js';
import type { Process } from './process.js';

const FRAME = /^\s+at (?:async )?(?:.* \()?(?:file:\/\/)?(.*?:\d+:\d+)\)?$/;
/** Words that are written in programs, not made by them: `timeout`, `no_such_room`. */
const WORD = /^[a-z][\w-]{0,39}$/i;
const NAME_MAX = 100;
/** A call that failed because another one did, and so on. */
const CALLS_MAX = 4;
/** Frames of the library say less than who called it. */
const LIBRARY: string = fileURLToPath(
  new URL(import.meta.url.includes('/dist/') ? '../../modules/' : '../modules/', import.meta.url),
);

export function crashSignature(proc: Process, reason: unknown): CrashSignature {
  const stack = isCrash(reason) ? reason.stack : '';
  return { reasonClass: reasonClass(reason, 0), place: placeIn(stack) ?? initialCall(proc) };
}

/** `RangeError`, `ProcessError badarg`, `throw string`, `exit timeout`, `call failed: exit noproc`. */
function reasonClass(reason: unknown, depth: number): string {
  if (isCrash(reason)) {
    if (reason.kind === 'nocatch') return `throw ${kindOf(reason.value)}`;
    const tag = reason.reason ?? reason.code;
    const name = reason.name.slice(0, NAME_MAX);
    return tag !== undefined && WORD.test(tag) ? `${name} ${tag}` : name;
  }
  if (typeof reason === 'object' && reason !== null && depth < CALLS_MAX) {
    const { reason: inner, call } = reason as { reason?: unknown; call?: unknown };
    if (inner !== undefined && call !== undefined)
      return `call failed: ${reasonClass(inner, depth + 1)}`;
  }
  return `exit ${kindOf(reason)}`;
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return WORD.test(value) ? value : 'string';
  if (typeof value !== 'object') return typeof value;
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (typeof kind === 'string' && WORD.test(kind)) return kind;
  return value === null ? 'null' : Array.isArray(value) ? 'list' : 'object';
}

/** `file:line:column` of the first frame that the user wrote. */
function placeIn(stack: string): string | undefined {
  let first: string | undefined;
  for (let at = stack.indexOf('\n'); at >= 0; ) {
    const end = stack.indexOf('\n', at + 1);
    const place = FRAME.exec(stack.slice(at + 1, end < 0 ? undefined : end))?.[1];
    if (place !== undefined && !place.startsWith('node:')) {
      if (!place.startsWith(LIBRARY)) return place;
      first ??= place;
    }
    at = end;
  }
  return first;
}
