/**
 * Log control: keeps the configuration of the log, hands it to the schedulers, and writes what they log.
 * Main thread.
 *
 * Invariants:
 *  1. Changes are made one after the other; when one is answered, it holds on all schedulers.
 *  2. The functions in a configuration are never called here: they stay packed as they came.
 *  3. Each line that a scheduler has sent is counted as taken once it is written or thrown away.
 */

import type { CodeClient } from '../../loader/scheduler-code.js';
import type { Packed } from '../carried-functions.js';
import type { CodeOutcome, HandledLine, LogLine, LogRequest } from '../hosting.js';
import { DEFAULT_LOG_CONFIG, type LogConfig, type LogHandler } from '../log-config.js';
import { isLogLimit, type LogLevel, type LogLimit, rankOf } from '../log-level.js';
import { LIFE, LOGS_SENT, LOGS_TAKEN, type SharedState } from '../shared-state.js';
import { LogFileWriter } from './log-file.js';
import { LogWriter, type WriterStatistics } from './log-writer.js';
import { LOG_CONFIG } from './protocol.js';

const FLUSH_MS = 5000;

export interface LogControlOptions {
  readonly config?: LogConfig;
  readonly state: () => SharedState;
  readonly slots: number;
  readonly schedulers: () => readonly CodeClient[];
  /** Lines of the handlers that write to the console. */
  readonly onConsole: (line: LogLine) => void;
  /** The configuration is another one. */
  readonly onChange: () => void;
}

interface Output {
  readonly writer: LogWriter;
  readonly file: LogFileWriter | null;
  /** What it was opened for. */
  readonly to: LogHandler['to'];
}

/** The levels of the log, as a host program sees and sets them; the rest is changed by `tsvm/logger`. */
export class LogControl {
  readonly #options: LogControlOptions;
  #version = 1;
  #config: Packed;
  readonly #outputs = new Map<string, Output>();
  #changes: Promise<unknown> = Promise.resolve();

  constructor(options: LogControlOptions) {
    this.#options = options;
    this.#config = { value: options.config ?? DEFAULT_LOG_CONFIG, functions: [] };
  }

  /** Open what the first configuration writes to. @throws the system's error */
  async open(): Promise<void> {
    await this.#openOutputs(this.#value);
  }

  get #value(): LogConfig {
    return this.#config.value as LogConfig;
  }

  /** Does any handler but the console want to know of crashes? */
  get wantsCrashes(): boolean {
    return this.#value.handlers.some(({ to }) => to.type !== 'console');
  }

  // ---- levels -------------------------------------------------------------------------------------

  get level(): LogLimit {
    return this.#value.level;
  }

  get moduleLevels(): Readonly<Record<string, LogLimit>> {
    return this.#value.modules;
  }

  /** Set the primary level. When this resolves, it holds everywhere. `logger:set_primary_config/2`. */
  setLevel(level: LogLimit): Promise<void> {
    checkLevel(level);
    return this.#edit((config) => ({ ...config, level }));
  }

  /** Set the level of a module, or with null take it back. `logger:set_module_level/2`. */
  setModuleLevel(module: string, level: LogLimit | null): Promise<void> {
    if (level !== null) checkLevel(level);
    return this.#edit((config) => {
      const { [module]: _, ...others } = config.modules;
      return { ...config, modules: level === null ? others : { ...others, [module]: level } };
    });
  }

  /** What has become of the events, by the name of the handler. */
  get statistics(): Readonly<Record<string, Readonly<WriterStatistics>>> {
    return Object.fromEntries(
      Array.from(this.#outputs, ([id, { writer }]) => [id, { ...writer.statistics }]),
    );
  }

  /** Resolves when all that was logged so far is written, at most after some seconds. */
  async flush(): Promise<void> {
    const late = Date.now() + FLUSH_MS;
    while (this.#isWriting() && Date.now() < late) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  #isWriting(): boolean {
    const state = this.#options.state();
    for (let slot = 1; slot <= this.#options.slots; slot++) {
      if (state.get(slot, LOGS_SENT) !== state.get(slot, LOGS_TAKEN)) return true;
    }
    return false;
  }

  // ---- the configuration --------------------------------------------------------------------------

  /** A scheduler that joins: before it runs anything. */
  async attach(code: CodeClient): Promise<void> {
    await code.tell(LOG_CONFIG, this.#version, this.#config);
  }

  /** What a process asked for. */
  async serve(request: LogRequest): Promise<CodeOutcome> {
    try {
      return { ok: true, value: await this.#serve(request) };
    } catch (error) {
      return { ok: false, error: { message: (error as Error).message } };
    }
  }

  async #serve(request: LogRequest): Promise<unknown> {
    switch (request.op) {
      case 'log_configure':
        return this.#serially(async () => {
          if (request.base !== this.#version) return false;
          await this.#replace(request.config as Packed);
          return true;
        });
      case 'log_take_out':
        return this.#edit((config) => without(config, request.handler, request.filter));
      case 'log_flush':
        return this.flush();
      case 'log_statistics':
        return this.statistics;
    }
  }

  #edit(change: (config: LogConfig) => LogConfig): Promise<void> {
    return this.#serially(() =>
      this.#replace({ value: change(this.#value), functions: this.#config.functions }),
    );
  }

  async #replace(config: Packed): Promise<void> {
    await this.#openOutputs(config.value as LogConfig);
    this.#version += 1;
    this.#config = config;
    // One that dies meanwhile is told at its next birth.
    await Promise.allSettled(
      this.#options.schedulers().map((code) => code.tell(LOG_CONFIG, this.#version, this.#config)),
    );
    this.#options.onChange();
    await this.#closeUnused();
  }

  #serially<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(action);
    this.#changes = result.catch(() => {});
    return result;
  }

  // ---- writing ------------------------------------------------------------------------------------

  async #openOutputs({ handlers }: LogConfig): Promise<void> {
    for (const { id, to, protection } of handlers) {
      const known = this.#outputs.get(id);
      if (known !== undefined && isSame(known.to, to)) {
        known.writer.protection = protection;
        continue;
      }
      if (to.type === 'module') continue;
      if (to.type === 'console') {
        const writer = new LogWriter((line, written) => {
          this.#options.onConsole(line);
          written();
        }, protection);
        this.#outputs.set(id, { writer, file: null, to });
        continue;
      }
      const file = await LogFileWriter.open(to, (text) =>
        this.#options.onConsole({ level: 'error', text, pid: null, time: Date.now() }),
      );
      await known?.file?.close();
      const writer = new LogWriter((line, written) => file.write(line, written), protection);
      this.#outputs.set(id, { writer, file, to });
    }
  }

  async #closeUnused(): Promise<void> {
    const used = new Set(
      this.#value.handlers.filter(({ to }) => to.type !== 'module').map(({ id }) => id),
    );
    for (const [id, { writer, file }] of this.#outputs) {
      if (used.has(id)) continue;
      this.#outputs.delete(id);
      writer.report();
      await file?.close();
    }
  }

  /** What a scheduler has sent. */
  logged(
    slot: number,
    life: number,
    lines: readonly HandledLine[],
    dropped: Readonly<Record<string, number>>,
  ): void {
    const state = this.#options.state();
    const taken = (): void => {
      if (state.get(slot, LIFE) === life) state.add(slot, LOGS_TAKEN, 1);
    };
    for (const { handler, ...line } of lines) {
      const output = this.#outputs.get(handler);
      const waiting = state.get(slot, LOGS_SENT) - state.get(slot, LOGS_TAKEN);
      if (output === undefined) taken();
      else output.writer.write(line, waiting, taken);
    }
    const drops = Object.entries(dropped);
    for (const [handler, count] of drops) this.#outputs.get(handler)?.writer.dropped(count);
    if (drops.length > 0) taken();
  }

  /** What the main thread has to say itself. The console has it by other ways. */
  say(level: LogLevel, text: string, fields?: Readonly<Record<string, unknown>>): void {
    if (rankOf(level) > rankOf(this.#value.level)) return;
    const line: LogLine = {
      level,
      text,
      pid: null,
      time: Date.now(),
      domain: ['otp'],
      ...(fields === undefined ? {} : { fields }),
    };
    for (const { id, to, level: limit } of this.#value.handlers) {
      if (to.type === 'file' && rankOf(level) <= rankOf(limit))
        this.#outputs.get(id)?.writer.write(line, 0, () => {});
    }
  }

  /** Would the console show what the main thread says at this level? */
  isShown(level: LogLevel): boolean {
    return rankOf(level) <= rankOf(this.#value.level);
  }

  /** Say what is left to say, and close the files. */
  async close(): Promise<void> {
    for (const { writer, file } of this.#outputs.values()) {
      writer.report();
      await file?.close();
    }
    this.#outputs.clear();
  }
}

/** Without a handler, or a filter of one, or a primary filter. */
function without(config: LogConfig, handler: string | null, filter: string | null): LogConfig {
  const others = <T extends { readonly id: string }>(list: readonly T[], id: string | null): T[] =>
    list.filter((each) => each.id !== id);
  if (handler === null) return { ...config, filters: others(config.filters, filter) };
  if (filter === null) return { ...config, handlers: others(config.handlers, handler) };
  const handlers = config.handlers.map((each) =>
    each.id === handler ? { ...each, filters: others(each.filters, filter) } : each,
  );
  return { ...config, handlers };
}

function isSame(a: LogHandler['to'], b: LogHandler['to']): boolean {
  if (a.type !== b.type) return false;
  return a.type === 'console' || JSON.stringify(a) === JSON.stringify(b);
}

function checkLevel(level: unknown): void {
  if (!isLogLimit(level))
    throw new TypeError(`expected a log level, "all" or "none", got ${JSON.stringify(level)}`);
}
