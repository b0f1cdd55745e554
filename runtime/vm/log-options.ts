/**
 * Log options: what `startVm` and tsvm.json say of the log, as its first configuration.
 *
 * Filters, formatters and handlers of the user's are code of modules, so they are added when the machine runs.
 */

import { describe } from '../errors.js';
import {
  DEFAULT_HANDLER,
  DEFAULT_LOG_CONFIG,
  type LogConfig,
  type LogFile,
  type LogHandler,
} from '../log-config.js';
import { isLogLimit, LOG_LEVELS, type LogLimit } from '../log-level.js';

/** A file for the log, as it may be given. */
export interface LogFileOptions extends Partial<LogFile> {
  readonly path: string;
  /** What the file takes of what is logged; all of it by default. */
  readonly level?: LogLimit;
}

export interface LogOptions {
  /** The primary level, `notice` by default. */
  readonly level?: LogLimit;
  /** Levels that count for modules in place of the primary one, by the name of the module. */
  readonly modules?: Readonly<Record<string, LogLimit>>;
  /** A file, beside the console; more than one are added by `tsvm/logger`. */
  readonly file?: string | LogFileOptions;
}

/** The name of the handler that writes the file. */
export const FILE_HANDLER = 'file';
export const DEFAULT_FILE: Omit<LogFile, 'path'> = {
  format: 'json',
  maxBytes: 10 * 1024 * 1024,
  maxFiles: 5,
};

/** What is wrong with it: where, what was expected and what came. */
export class LogOptionError extends TypeError {
  override readonly name = 'LogOptionError';
  readonly at: string;
  readonly expected: string;
  readonly came: unknown;

  constructor(at: string, expected: string, came: unknown) {
    super(`${at}: expected ${expected}, got ${describe(came)}`);
    this.at = at;
    this.expected = expected;
    this.came = came;
  }
}

const LEVELS = `one of ${LOG_LEVELS.join(', ')}, all, none`;

/** @throws LogOptionError */
export function logConfigOf(given: unknown): LogConfig {
  const options = record('log', given, ['level', 'modules', 'file']) as LogOptions;
  const { level = DEFAULT_LOG_CONFIG.level, modules = {}, file } = options;
  checkLimit('log.level', level);
  for (const [module, limit] of Object.entries(record('log.modules', modules)))
    checkLimit(`log.modules: ${JSON.stringify(module)}`, limit);
  const handlers = file === undefined ? [] : [fileHandler(file)];
  return { ...DEFAULT_LOG_CONFIG, level, modules, handlers: [DEFAULT_HANDLER, ...handlers] };
}

function fileHandler(given: string | LogFileOptions): LogHandler {
  const options = typeof given === 'string' ? { path: given } : given;
  record('log.file', options, ['path', 'level', 'format', 'maxBytes', 'maxFiles']);
  const { path, level = 'all', ...rest } = options;
  const file = { ...DEFAULT_FILE, path, ...rest };
  if (typeof path !== 'string' || path === '')
    throw new LogOptionError('log.file.path', 'the path of a file', path);
  checkLimit('log.file.level', level);
  checkFile(file, 'log.file');
  return { ...DEFAULT_HANDLER, id: FILE_HANDLER, level, to: { type: 'file', ...file } };
}

/** @throws LogOptionError */
export function checkFile({ format, maxBytes, maxFiles }: LogFile, at: string): void {
  if (format !== 'json' && format !== 'text')
    throw new LogOptionError(`${at}.format`, '"json" or "text"', format);
  if (!Number.isInteger(maxBytes) || maxBytes < 0)
    throw new LogOptionError(`${at}.maxBytes`, 'a number of bytes, or 0 for no limit', maxBytes);
  if (!Number.isInteger(maxFiles) || maxFiles < 1 || maxFiles > 1000)
    throw new LogOptionError(`${at}.maxFiles`, 'a whole number from 1 to 1000', maxFiles);
}

function checkLimit(at: string, level: unknown): void {
  if (!isLogLimit(level)) throw new LogOptionError(at, LEVELS, level);
}

function record(at: string, value: unknown, keys?: readonly string[]): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new LogOptionError(at, 'an object', value);
  for (const key of Object.keys(value)) {
    if (keys?.includes(key) === false) throw new LogOptionError(at, `only ${keys.join(', ')}`, key);
  }
  return value;
}
