/**
 * Log lines of a process, and what it tells the machine.
 *
 * Source: OTP, module `logger`; SEMANTICS §14.
 */

import { context, runningScheduler } from '../runtime/context.js';
import { badarg, describe } from '../runtime/errors.js';
import type { LogMessage, LogMetadata, LogReport } from '../runtime/log-config.js';
import { LOG_LEVELS, type LogLevel } from '../runtime/log-level.js';
import type { GivenMessage } from '../runtime/logger.js';

/** What a function that makes a message gives: a text, a report, or a format with its values. */
export type LazyMessage = string | LogReport | readonly [format: string, ...values: unknown[]];

/**
 * Log an event; the metadata goes to filters and handlers, and what is none of theirs into the line.
 * What is logged never fails or parks who logs it.
 */
export interface LogFunction {
  /** Called only if an event of this level is wanted. */
  (message: () => LazyMessage, metadata?: LogMetadata): void;
  (text: string, metadata?: LogMetadata): void;
  /** `%s`, `%d`, `%j` and `%o` are replaced as by `format` of `node:util`. */
  (format: string, values: readonly unknown[], metadata?: LogMetadata): void;
  (report: LogReport, metadata?: LogMetadata): void;
}

/** A function for each level. `logger:emergency/1,2,3` and so on. */
export interface Log extends Readonly<Record<LogLevel, LogFunction>> {
  /** The same as `warning`. */
  readonly warn: LogFunction;
}

export const log: Log = {
  ...(Object.fromEntries(LOG_LEVELS.map((level) => [level, at(level)])) as Record<
    LogLevel,
    LogFunction
  >),
  warn: at('warning'),
};

function at(level: LogLevel): LogFunction {
  const write = (message: unknown, second?: unknown, third?: unknown): void => {
    const scheduler = context.scheduler ?? runningScheduler(`log.${level}`);
    context.budget -= 1;
    const hasValues = Array.isArray(second);
    const meta = (hasValues ? third : second) ?? undefined;
    if (meta !== undefined && (typeof meta !== 'object' || Array.isArray(meta)))
      throw badarg(`log.${level}: metadata`, 'an object', meta);
    if (!isMessage(message, hasValues))
      throw badarg(`log.${level}: message`, 'a text, a report or a function', message);
    const { logger } = scheduler;
    if (!logger.isPossible(level)) return;
    context.budget -= LOG_REDUCTIONS;
    logger.log(
      context.process,
      level,
      givenMessage(message, hasValues ? second : null),
      meta as LogMetadata | undefined,
    );
  };
  return write;
}

/** What an event costs that is not refused at once. */
const LOG_REDUCTIONS = 20;

function isMessage(message: unknown, hasValues: boolean): boolean {
  if (hasValues) return typeof message === 'string';
  if (typeof message === 'string' || typeof message === 'function') return true;
  return typeof message === 'object' && message !== null && !Array.isArray(message);
}

function givenMessage(message: unknown, values: readonly unknown[] | null): GivenMessage {
  if (typeof message === 'function') return () => lazyMessage((message as () => unknown)());
  if (typeof message !== 'string') return { report: message as LogReport };
  return values === null ? { text: message } : { format: message, args: values };
}

function lazyMessage(given: unknown): LogMessage {
  if (typeof given === 'string') return { text: given };
  if (Array.isArray(given)) return { format: String(given[0]), args: given.slice(1) };
  if (typeof given === 'object' && given !== null) return { report: given as LogReport };
  return { text: `(the function that makes the message returned ${describe(given)})` };
}

/** Tell the machine an address that the application listens on, for people to see. */
export function announce(url: string): void {
  if (typeof url !== 'string') throw badarg('announce: url', 'a string', url);
  runningScheduler('announce').host.announce(url);
}
