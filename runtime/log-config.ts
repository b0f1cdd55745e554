/**
 * Log configuration: what is logged, and where it goes. Plain data but for the functions in it, which
 * travel as functions do.
 *
 * The main thread keeps the one that counts and hands each change to all schedulers.
 *
 * Source: OTP Kernel User's Guide, "Logging" › "Configuration"; SEMANTICS §14.
 */

import { DEFAULT_LOG_LEVEL, type LogLevel, type LogLimit } from './log-level.js';
import type { Pid } from './terms.js';

/** Where in the source something was logged. */
export interface LogOrigin {
  readonly module: string;
  readonly function: string;
  readonly file: string;
  readonly line: number;
}

/** What is known of an event besides its message; whatever else is given becomes a field of the line. */
export interface LogMetadata {
  /** Milliseconds since 1970. */
  readonly time?: number;
  readonly pid?: Pid | null;
  readonly module?: string;
  readonly function?: string;
  readonly file?: string;
  readonly line?: number;
  /** What part of the system it comes from; the machine's own begin with `otp`. */
  readonly domain?: readonly string[];
  /** Makes the text of a report. */
  readonly reportText?: (report: LogReport) => string;
  readonly [key: string]: unknown;
}

export type LogReport = Readonly<Record<string, unknown>>;

export type LogMessage =
  | { readonly text: string }
  | { readonly report: LogReport }
  /** As `format` of `node:util`: `%s`, `%d`, `%j`, `%o`. */
  | { readonly format: string; readonly args: readonly unknown[] };

/** What filters, formatters and handlers see. */
export interface LogEvent {
  readonly level: LogLevel;
  readonly msg: LogMessage;
  readonly meta: LogMetadata & { readonly time: number; readonly pid: Pid | null };
}

/** `stop`: the event ends here; `ignore`: the next filter decides; an event: it goes on, perhaps changed. */
export type FilterResult = LogEvent | 'stop' | 'ignore';

export interface LogFilter {
  readonly id: string;
  readonly fn: (event: LogEvent, arg: never) => FilterResult;
  readonly arg?: unknown;
}

/** The text of an event, and, if it says so, the fields of its line in place of the event's own. */
export type Formatted = string | { readonly text: string; readonly fields: LogReport };

export interface LogFormatter {
  readonly format: (event: LogEvent, config: never) => Formatted;
  readonly config?: unknown;
}

/** A handler of the user's: a module whose `log` runs in the process that logs. */
export interface LogHandlerModule {
  log(event: LogEvent, handler: LogHandler): unknown;
  /** Before it is added. What it throws refuses it. */
  addingHandler?(handler: LogHandler): unknown;
  removingHandler?(handler: LogHandler): unknown;
  /** Before a change of it takes effect. What it throws refuses the change. */
  changingConfig?(before: LogHandler, after: LogHandler): unknown;
}

export interface LogFile {
  /** Absolute, or as seen from the working directory of the machine. */
  readonly path: string;
  readonly format: 'json' | 'text';
  /** A file that has become so long is put aside; 0: never. */
  readonly maxBytes: number;
  /** How many that were put aside are kept: `app.log.1` is the newest. */
  readonly maxFiles: number;
}

/** How a handler that writes protects itself; nobody who logs ever waits for it. */
export interface LogProtection {
  /** With so many events waiting, who logs gives way to the others after each event. */
  readonly syncAbove: number;
  /** With so many waiting, new ones are dropped and counted. */
  readonly dropAbove: number;
  /** With so many waiting, those that wait are dropped and counted. */
  readonly flushAbove: number;
  /** At most so many in so long, the others are dropped and counted; null: as many as come. */
  readonly burst: { readonly count: number; readonly windowMs: number } | null;
}

export interface LogHandler {
  readonly id: string;
  /** `console`: what the host program does with log lines; a file; or a module of the user's. */
  readonly to:
    | { readonly type: 'console' }
    | ({ readonly type: 'file' } & LogFile)
    | { readonly type: 'module'; readonly module: LogHandlerModule };
  readonly level: LogLimit;
  readonly filters: readonly LogFilter[];
  /** What happens to events about which all filters say `ignore`. */
  readonly filterDefault: 'log' | 'stop';
  /** Null: the text as it is, with fields. */
  readonly formatter: LogFormatter | null;
  readonly protection: LogProtection;
  /** For handlers of the user's. */
  readonly config?: unknown;
}

export interface LogConfig {
  readonly level: LogLimit;
  /** Levels that count for a module in place of the primary one. */
  readonly modules: Readonly<Record<string, LogLimit>>;
  /** Metadata of all events. */
  readonly metadata: LogMetadata;
  readonly filters: readonly LogFilter[];
  readonly filterDefault: 'log' | 'stop';
  readonly handlers: readonly LogHandler[];
}

export const DEFAULT_PROTECTION: LogProtection = {
  syncAbove: 10,
  dropAbove: 200,
  flushAbove: 1000,
  burst: { count: 500, windowMs: 1000 },
};

export const DEFAULT_HANDLER: LogHandler = {
  id: 'default',
  to: { type: 'console' },
  level: 'all',
  filters: [],
  filterDefault: 'log',
  formatter: null,
  protection: DEFAULT_PROTECTION,
};

export const DEFAULT_LOG_CONFIG: LogConfig = {
  level: DEFAULT_LOG_LEVEL,
  modules: {},
  metadata: {},
  filters: [],
  filterDefault: 'log',
  handlers: [DEFAULT_HANDLER],
};
