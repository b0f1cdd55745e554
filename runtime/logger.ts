/**
 * Logger: a scheduler's part of the log. Levels, filters and formatters are applied here, in the process
 * that logs; lines go to the main thread, which writes them.
 *
 * Invariants:
 *  1. Nothing that is logged fails or parks who logs it. A filter or handler that throws is out of
 *     service at once, and the main thread takes it out of the configuration for all.
 *  2. Events that a process logs while its own filters or handlers run reach the machine's handlers only:
 *     so no filter can call itself for ever.
 *  3. User code runs in a process. What the machine itself has to say passes the user's filters and
 *     handlers in a process of its own.
 *
 * Source: OTP Kernel User's Guide, "Logging"; SEMANTICS §14.
 */

import { context } from './context.js';
import { exitReasonOf } from './crash.js';
import { isCrash } from './crash-reason.js';
import { UNWIND } from './errors.js';
import type { CodeLookup, CrashReport, Host } from './hosting.js';
import {
  DEFAULT_LOG_CONFIG,
  type FilterResult,
  type LogConfig,
  type LogEvent,
  type LogFilter,
  type LogHandler,
  type LogMessage,
  type LogMetadata,
} from './log-config.js';
import { type LogLevel, rankOf } from './log-level.js';
import { plainFormat } from './log-text.js';
import type { Process } from './process.js';
import type { Pid } from './terms.js';

/** What a message may be given as; a function makes it only if the event is wanted. */
export type GivenMessage = LogMessage | (() => LogMessage);

/** Pending processes that carry the machine's own events to code of the user's. */
const APART_MAX = 100;
const NOTHING: LogMetadata = Object.freeze({});

export class Logger {
  readonly #host: Host;
  readonly #code: CodeLookup;
  readonly #isConsoleHeard: () => boolean;
  #config: LogConfig = DEFAULT_LOG_CONFIG;
  #version = 0;
  /** The rank of the least severe level that any module logs. */
  #threshold: number = rankOf(DEFAULT_LOG_CONFIG.level);
  #hasModuleLevels = false;
  /** Is there code of the user's that the machine's own events would have to pass? */
  #hasUserCode = false;
  /** What has failed since this configuration came: `handler/filter`. */
  readonly #failed = new Set<string>();
  #apart = 0;
  /** Run a function in a process of its own; set by start-up. */
  runApart: (label: string, fn: () => void, ended: () => void) => void = () => {};
  /** Have something that failed taken out of the configuration; set by start-up. */
  takeOut: (handler: string | null, filter: string | null) => void = () => {};

  constructor(host: Host, code: CodeLookup, isConsoleHeard: () => boolean) {
    this.#host = host;
    this.#code = code;
    this.#isConsoleHeard = isConsoleHeard;
  }

  get config(): LogConfig {
    return this.#config;
  }

  get version(): number {
    return this.#version;
  }

  configure(version: number, config: LogConfig): void {
    if (version <= this.#version) return;
    this.#version = version;
    this.#config = config;
    this.#failed.clear();
    const levels = Object.values(config.modules);
    this.#hasModuleLevels = levels.length > 0;
    this.#threshold = Math.max(rankOf(config.level), ...levels.map(rankOf));
    this.#hasUserCode =
      config.filters.length > 0 ||
      config.handlers.some(({ to, filters, formatter }) => {
        return to.type === 'module' || filters.length > 0 || formatter !== null;
      });
  }

  /** Could an event of this level be wanted? Cost: a comparison. */
  isPossible(level: LogLevel): boolean {
    return rankOf(level) <= this.#threshold;
  }

  /** Would an event of this level, logged by this module, pass the levels? */
  isWanted(level: LogLevel, module: string | undefined): boolean {
    const { level: primary, modules } = this.#config;
    const limit =
      this.#hasModuleLevels && module !== undefined && Object.hasOwn(modules, module)
        ? (modules[module] as LogLevel)
        : primary;
    return rankOf(level) <= rankOf(limit);
  }

  /** What a process logs. Cost: half a microsecond where it is not wanted, some ten where it is written. */
  log(
    proc: Process | null,
    level: LogLevel,
    message: GivenMessage,
    meta: LogMetadata = NOTHING,
  ): void {
    if (!this.isPossible(level) || this.#isInVain()) return;
    const origin = this.#code.caller();
    if (!this.isWanted(level, meta.module ?? origin?.module)) return;
    const nested = proc?.extra?.logging === true;
    if (proc !== null && !nested) proc.more().logging = true;
    try {
      const event: LogEvent = {
        level,
        msg: typeof message === 'function' ? made(message) : message,
        meta: {
          ...origin,
          ...this.#config.metadata,
          ...proc?.extra?.logMetadata,
          ...meta,
          time: meta.time ?? Date.now(),
          pid: meta.pid === undefined ? (proc?.pid ?? null) : meta.pid,
        },
      };
      this.#dispatch(event, !nested);
    } finally {
      if (proc?.extra && !nested) proc.extra.logging = false;
    }
  }

  /**
   * Is an event for nobody, or to be dropped by all handlers? In a storm nothing is found out about an event
   * that will not be written.
   */
  #isInVain(): boolean {
    if (this.#hasUserCode || this.#hasModuleLevels) return false;
    const { handlers } = this.#config;
    const isConsoleHeard = this.#isConsoleHeard();
    const waiting = this.#host.logQueue;
    for (const { to, protection } of handlers) {
      if ((to.type !== 'console' || isConsoleHeard) && waiting < protection.dropAbove) return false;
    }
    for (const { id, to } of handlers)
      if (to.type !== 'console' || isConsoleHeard) this.#host.logDropped(id);
    return true;
  }

  /** What the machine itself has to say. */
  say(level: LogLevel, msg: LogMessage, meta: LogMetadata): void {
    if (!this.isWanted(level, meta.module)) return;
    const event = { level, msg, meta: { pid: null, ...meta, time: meta.time ?? Date.now() } };
    if (this.#hasUserCode) this.#pass(() => this.#dispatch(event, true));
    else this.#dispatch(event, false);
  }

  /**
   * A process has crashed.
   *
   * @returns whether who writes the console is to show it
   */
  crashed(report: CrashReport): boolean {
    const { module, pid, time } = report;
    if (!this.isWanted('error', module ?? undefined)) return false;
    const event: LogEvent = {
      level: 'error',
      msg: { report: { label: 'crash', report } },
      meta: {
        time,
        pid,
        domain: ['otp', 'sasl'],
        ...(module === null ? {} : { module }),
        reportText: () => crashText(report),
      },
    };
    if (!this.#hasUserCode) return this.#passesToConsole(event, false);
    this.#pass(() => {
      if (this.#passesToConsole(event, true)) this.#host.crashLogged(report);
    });
    return false;
  }

  /** The console is not sent it as a line: it has the report. */
  #passesToConsole(event: LogEvent, userCode: boolean): boolean {
    let shown = false;
    this.#dispatch(event, userCode, () => {
      shown = true;
    });
    return shown;
  }

  /** Let code of the user's have an event of the machine's, in a process of its own. */
  #pass(dispatch: () => void): void {
    if (this.#apart >= APART_MAX) {
      for (const { id, to } of this.#config.handlers)
        if (to.type !== 'module') this.#host.logDropped(id);
      return;
    }
    this.#apart += 1;
    this.runApart('logger', dispatch, () => {
      this.#apart -= 1;
    });
  }

  // ---- filters and handlers -----------------------------------------------------------------------

  #dispatch(given: LogEvent, userCode: boolean, onConsole?: () => void): void {
    const { filters, filterDefault, handlers } = this.#config;
    const event = this.#filtered(given, filters, filterDefault, null, userCode);
    if (event === null) return;
    const rank = rankOf(event.level);
    for (const handler of handlers) {
      if (rank > rankOf(handler.level)) continue;
      if (handler.to.type === 'module') {
        if (userCode) this.#callModule(event, handler);
      } else this.#write(event, handler, userCode, onConsole);
    }
  }

  #write(given: LogEvent, handler: LogHandler, userCode: boolean, onConsole?: () => void): void {
    const { id, to, protection, formatter } = handler;
    const isConsole = to.type === 'console';
    if (isConsole && onConsole === undefined && !this.#isConsoleHeard()) return;
    const waiting = this.#host.logQueue;
    if (waiting >= protection.dropAbove) {
      this.#host.logDropped(id);
      return;
    }
    const { filters, filterDefault } = handler;
    const event = this.#filtered(given, filters, filterDefault, id, userCode);
    if (event === null) return;
    if (isConsole && onConsole !== undefined) {
      onConsole();
      return;
    }
    const formatted = formatter === null || !userCode ? plainFormat(event) : shaped(event, handler);
    const { text, fields } =
      typeof formatted === 'string' ? { text: formatted, fields: undefined } : formatted;
    const { level, meta } = event;
    const { time, pid, domain, module, function: fn, file, line } = meta;
    this.#host.log({
      handler: id,
      level,
      text,
      time,
      pid,
      ...(fields === undefined ? {} : { fields }),
      ...(module === undefined ? {} : { module, function: fn, file, line }),
      ...(domain === undefined ? {} : { domain }),
    });
    // Who writes so much lets the others run, and the main thread catch up.
    if (waiting >= protection.syncAbove && context.process !== null) context.budget = 0;
  }

  #callModule(given: LogEvent, handler: LogHandler): void {
    const { id, filters, filterDefault, to } = handler;
    if (to.type !== 'module' || this.#failed.has(id)) return;
    const event = this.#filtered(given, filters, filterDefault, id, true);
    if (event === null) return;
    const failed = (error: unknown): void => this.#fails(id, null, error);
    try {
      const result = to.module.log(event, handler);
      const { then } = (result ?? {}) as Partial<PromiseLike<unknown>>;
      if (typeof then === 'function') then.call(result, undefined, failed);
    } catch (error) {
      if (error === UNWIND) throw error;
      failed(error);
    }
  }

  /** @returns the event as it goes on, or null */
  #filtered(
    given: LogEvent,
    filters: readonly LogFilter[],
    filterDefault: 'log' | 'stop',
    handler: string | null,
    userCode: boolean,
  ): LogEvent | null {
    if (filters.length === 0 || !userCode) return filterDefault === 'stop' ? null : given;
    let event = given;
    let decided = false;
    for (const filter of filters) {
      if (this.#failed.has(`${handler ?? ''}/${filter.id}`)) continue;
      const result = this.#ask(filter, event, handler);
      if (result === 'stop') return null;
      if (result === 'ignore') continue;
      event = result;
      decided = true;
    }
    return decided || filterDefault === 'log' ? event : null;
  }

  #ask({ id, fn, arg }: LogFilter, event: LogEvent, handler: string | null): FilterResult {
    try {
      const result = fn(event, arg as never);
      if (result === 'stop' || result === 'ignore' || isEvent(result)) return result;
      throw new TypeError(`it returned neither an event nor 'stop' nor 'ignore'`);
    } catch (error) {
      if (error === UNWIND) throw error;
      this.#fails(handler, id, error);
      return 'ignore';
    }
  }

  /** A filter (of a handler, or a primary one), or a whole handler, is out of service from now on. */
  #fails(handler: string | null, filter: string | null, error: unknown): void {
    const key = filter === null ? (handler as string) : `${handler ?? ''}/${filter}`;
    if (this.#failed.has(key)) return;
    this.#failed.add(key);
    const what =
      filter === null
        ? `handler ${JSON.stringify(handler)}`
        : `filter ${JSON.stringify(filter)} of ${handler === null ? 'the primary configuration' : `handler ${JSON.stringify(handler)}`}`;
    const why = reasonText(exitReasonOf(error));
    const meta = { time: Date.now(), pid: context.process?.pid ?? null, domain: ['otp'] };
    this.#dispatch(
      { level: 'error', msg: { text: `logger: ${what} failed and is removed: ${why}` }, meta },
      false,
    );
    this.takeOut(handler, filter);
  }
}

function made(message: () => LogMessage): LogMessage {
  try {
    return message();
  } catch (error) {
    if (error === UNWIND) throw error;
    return { text: `(the message could not be made: ${reasonText(exitReasonOf(error))})` };
  }
}

function shaped(event: LogEvent, { formatter }: LogHandler): ReturnType<typeof plainFormat> {
  try {
    const formatted = formatter?.format(event, formatter.config as never);
    if (typeof formatted === 'string' || typeof formatted?.text === 'string') return formatted;
    throw new TypeError('it returned no text');
  } catch (error) {
    if (error === UNWIND) throw error;
    const plain = plainFormat(event);
    const failure = ` (the formatter failed: ${reasonText(exitReasonOf(error))})`;
    return typeof plain === 'string' ? plain + failure : { ...plain, text: plain.text + failure };
  }
}

function isEvent(value: unknown): value is LogEvent {
  const { level, msg, meta } = (value ?? {}) as Partial<LogEvent>;
  return typeof level === 'string' && typeof msg === 'object' && typeof meta === 'object';
}

/** `chat/room.start <…> crashed: TypeError: …`. */
export function crashText(report: {
  readonly initialCall: string;
  readonly pid: Pid;
  readonly name: string | null;
  readonly reason: unknown;
}): string {
  const { initialCall, pid, name, reason } = report;
  const who = name === null ? `${initialCall} ${pid}` : `${name} (${initialCall} ${pid})`;
  return `${who} crashed: ${reasonText(reason)}`;
}

/** A reason in one line; of an error, with the place. */
export function reasonText(reason: unknown): string {
  if (!isCrash(reason)) return `exit(${JSON.stringify(reason)})`;
  if (reason.kind === 'nocatch') return `threw ${JSON.stringify(reason.value)}`;
  const place = /\n\s+at (.*)/.exec(reason.stack)?.[1];
  const what = `${reason.name}: ${reason.message}`;
  return place === undefined ? what : `${what}, at ${place}`;
}
