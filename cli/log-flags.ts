/**
 * Log flags: what the command line says of the log of a machine, over what tsvm.json says.
 *
 * `--log-level` is the primary level; `--log-file` a file beside the terminal, and `--log-rotate` when it is
 * put aside.
 */

import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { LOG_LEVELS, type LogLimit, parseLogLimit } from '../runtime/log-level.js';
import type { LogOptions } from '../runtime/vm/log-options.js';
import { Failure } from './failure.js';

export interface LogFlags {
  readonly logLevel?: LogLimit;
  readonly logFile?: string;
  readonly logRotate?: Rotation;
}

interface Rotation {
  readonly maxBytes: number;
  readonly maxFiles?: number;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** The level in words, for the help of commands. */
export const LEVELS_TEXT: string = LOG_LEVELS.join(', ');

export function addLogFlags(command: Command): Command {
  return command
    .option(
      '--log-level <level>',
      `the least severe level that is logged: ${LEVELS_TEXT}, all or none; notice by default`,
      logLimit,
    )
    .option('--log-file <file>', 'write the log to a file as well, as JSON lines')
    .option(
      '--log-rotate <size,count>',
      'put the file aside when it is so long (10M by default, 0: never), keep so many (5)',
      rotation,
    );
}

export function logLimit(text: string): LogLimit {
  const level = parseLogLimit(text);
  if (level !== undefined) return level;
  throw new InvalidArgumentError(`Expected one of ${LEVELS_TEXT}, all, none.`);
}

/** `10M`, `500k,3`. */
function rotation(text: string): Rotation {
  const [, digits = '', unit = '', count] =
    /^(\d{1,6})([kmg]?)b?(?:,(\d{1,4}))?$/i.exec(text) ?? [];
  if (digits === '' || count === '0')
    throw new InvalidArgumentError('Expected a size and perhaps a count, such as 10M or 500k,3.');
  const maxBytes = Number(digits) * (UNITS[unit.toLowerCase()] as number);
  return count === undefined ? { maxBytes } : { maxBytes, maxFiles: Number(count) };
}

/** The log of an application with these flags. @throws Failure */
export function withLogFlags(log: LogOptions, flags: LogFlags): LogOptions {
  const { logLevel, logFile, logRotate } = flags;
  const known = typeof log.file === 'string' ? { path: log.file } : log.file;
  const file = logFile === undefined ? known : { ...known, path: resolve(logFile) };
  if (logRotate !== undefined && file === undefined) {
    throw new Failure('--log-rotate is about a file, and there is none', {
      hint: 'add --log-file FILE, or "log": { "file": … } to tsvm.json',
    });
  }
  return {
    ...log,
    ...(logLevel === undefined ? {} : { level: logLevel }),
    ...(file === undefined ? {} : { file: { ...file, ...logRotate } }),
  };
}
