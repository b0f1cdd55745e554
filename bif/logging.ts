/**
 * Log lines of a process, and what it tells the machine.
 *
 * Source: OTP, module `logger`.
 */

import { context, runningScheduler } from '../runtime/context.js';
import { copy } from '../runtime/copy.js';
import { badarg } from '../runtime/errors.js';
import type { LogLevel } from '../runtime/hosting.js';
import { HEARD_LOGS } from '../runtime/shared-state.js';

export interface Log {
  error(text: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(text: string, fields?: Readonly<Record<string, unknown>>): void;
  info(text: string, fields?: Readonly<Record<string, unknown>>): void;
  debug(text: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Write to the machine's log; the line carries the calling process. Does not park. */
export const log: Log = {
  error: (text, fields) => write('error', text, fields),
  warn: (text, fields) => write('warn', text, fields),
  info: (text, fields) => write('info', text, fields),
  debug: (text, fields) => write('debug', text, fields),
};

function write(level: LogLevel, text: string, fields?: Readonly<Record<string, unknown>>): void {
  const scheduler = runningScheduler(`log.${level}`);
  if (typeof text !== 'string') throw badarg(`log.${level}: text`, 'a string', text);
  context.budget -= 1;
  if (!scheduler.isHeard(HEARD_LOGS)) return;
  const copied =
    fields === undefined
      ? undefined
      : (copy(fields, 'fields') as Readonly<Record<string, unknown>>);
  scheduler.log(level, text, context.process?.pid ?? null, copied);
}

/** Tell the machine an address that the application listens on, for people to see. */
export function announce(url: string): void {
  if (typeof url !== 'string') throw badarg('announce: url', 'a string', url);
  runningScheduler('announce').host.announce(url);
}
