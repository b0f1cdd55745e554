/** Crash reason: which exit reasons tell of an uncaught error, and which of nobody's failure. */

import type { CrashReason } from './terms.js';

export function isCrash(reason: unknown): reason is CrashReason {
  const kind = (reason as { kind?: unknown } | null)?.kind;
  return kind === 'error' || kind === 'nocatch';
}

/** An end that is nobody's failure. */
export function isOrderly(reason: unknown): boolean {
  if (reason === 'normal' || reason === 'shutdown') return true;
  return (reason as { kind?: unknown } | null)?.kind === 'shutdown';
}
