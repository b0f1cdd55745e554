/**
 * What a process may know and say of a failure.
 *
 * Source: OTP Reference Manual, "Errors and Error Handling" › "Exit Reasons"; module `proc_lib`.
 */

import { runningProcess } from '../runtime/context.js';
import { exitReasonOf } from '../runtime/crash.js';
import { badarg } from '../runtime/errors.js';
import { presentable } from '../runtime/presentable.js';

/** The exit reason of a process that ends by throwing this: plain data, also for what was caught. */
export function exitReason(thrown: unknown): unknown {
  return exitReasonOf(thrown);
}

/**
 * What the report should also say if the calling process crashes from now on: a server's state and
 * the message it worked on. Replaces what was said before; `null` takes it back. The values are cut
 * to a size that a report can have, and code in them is shown by its name.
 */
export function crashDetails(details: Readonly<Record<string, unknown>> | null): void {
  const proc = runningProcess('crashDetails');
  if (typeof details !== 'object')
    throw badarg('crashDetails: details', 'an object or null', details);
  proc.more().crashDetails = presentable(details) as Readonly<Record<string, unknown>> | null;
}
