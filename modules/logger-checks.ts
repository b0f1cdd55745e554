/**
 * logger: what a handler is to look like, and its defaults.
 */

import type { LogFile, LogHandler, LogLimit, LogProtection } from 'tsvm';
import type { HandlerSpec } from './logger.js';

/** Most severe first; `none` lets nothing through. */
export const LEVELS: readonly LogLimit[] = [
  'none',
  'emergency',
  'alert',
  'critical',
  'error',
  'warning',
  'notice',
  'info',
  'debug',
  'all',
];

const PROTECTION: LogProtection = {
  syncAbove: 10,
  dropAbove: 200,
  flushAbove: 1000,
  burst: { count: 500, windowMs: 1000 },
};

const FILE: Omit<LogFile, 'path'> = { format: 'json', maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

const KEYS = [
  'module',
  'file',
  'level',
  'filters',
  'filterDefault',
  'formatter',
  'protection',
  'config',
];

/** A change of the log that cannot be made. */
export class LoggerError extends Error {
  override readonly name = 'LoggerError';
  readonly kind: 'already_exist' | 'not_found' | 'bad_config';

  constructor(kind: LoggerError['kind'], message: string) {
    super(`logger: ${message}`);
    this.kind = kind;
  }
}

/** @throws LoggerError `bad_config` that says what was expected */
export function checkHandler(id: string, spec: HandlerSpec): LogHandler {
  const bad = (what: string, expected: string, came: unknown): LoggerError =>
    new LoggerError(
      'bad_config',
      `handler ${id}: ${what}: expected ${expected}, got ${shown(came)}`,
    );
  if (typeof id !== 'string' || id === '') throw bad('id', 'a name', id);
  if (typeof spec !== 'object' || spec === null) throw bad('specification', 'an object', spec);
  for (const key of Object.keys(spec))
    if (!KEYS.includes(key)) throw bad('specification', `only ${KEYS.join(', ')}`, key);
  const { module, file, level = 'all', filters = [], filterDefault = 'log' } = spec;
  const { formatter = null, config } = spec;
  if (!LEVELS.includes(level)) throw bad('level', `one of ${LEVELS.join(', ')}`, level);
  if (filterDefault !== 'log' && filterDefault !== 'stop')
    throw bad('filterDefault', '"log" or "stop"', filterDefault);
  if (!Array.isArray(filters)) throw bad('filters', 'a list of {id, fn, arg}', filters);
  for (const filter of filters) {
    if (typeof filter?.id !== 'string' || typeof filter.fn !== 'function')
      throw bad('filters', 'each as {id, fn, arg}', filter);
  }
  if (formatter !== null && typeof formatter?.format !== 'function')
    throw bad('formatter', 'an object with the function format', formatter);
  const protection = { ...PROTECTION, ...spec.protection };
  const { syncAbove, dropAbove, flushAbove, burst } = protection;
  if (!(syncAbove >= 0 && syncAbove <= dropAbove && dropAbove <= flushAbove))
    throw bad('protection', '0 <= syncAbove <= dropAbove <= flushAbove', protection);
  if (burst !== null && !(burst?.count >= 1 && burst.windowMs >= 1))
    throw bad('protection.burst', '{count, windowMs}, or null', burst);
  return {
    id,
    to: target(module, file, bad),
    level,
    filters,
    filterDefault,
    formatter,
    protection,
    ...(config === undefined ? {} : { config }),
  };
}

function target(
  module: HandlerSpec['module'],
  file: HandlerSpec['file'],
  bad: (what: string, expected: string, came: unknown) => LoggerError,
): LogHandler['to'] {
  if (module !== undefined && file !== undefined)
    throw bad('specification', 'a module or a file, not both', 'both');
  if (module !== undefined) {
    if (typeof module?.log !== 'function') throw bad('module', 'a module that exports log', module);
    return { type: 'module', module };
  }
  if (file === undefined) return { type: 'console' };
  const { path, format, maxBytes, maxFiles } = { ...FILE, ...file };
  if (typeof path !== 'string' || path === '') throw bad('file.path', 'the path of a file', path);
  if (format !== 'json' && format !== 'text') throw bad('file.format', '"json" or "text"', format);
  if (!Number.isInteger(maxBytes) || maxBytes < 0)
    throw bad('file.maxBytes', 'a number of bytes, or 0 for no limit', maxBytes);
  if (!Number.isInteger(maxFiles) || maxFiles < 1)
    throw bad('file.maxFiles', 'a whole number from 1', maxFiles);
  return { type: 'file', path, format, maxBytes, maxFiles };
}

function shown(value: unknown): string {
  if (typeof value === 'function') return `function ${value.name}`;
  return typeof value === 'object' ? (JSON.stringify(value) ?? 'an object') : String(value);
}
