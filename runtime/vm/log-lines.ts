/**
 * Log lines: the levels as pino knows them, and a line as people read it in a file.
 *
 * Where pino has a level of its own its name is kept: a warning is `warn` in every line.
 */

import { type InspectOptions, inspect } from 'node:util';
import type { LogLine } from '../hosting.js';
import type { LogLevel } from '../log-level.js';

export type LineLevel = Exclude<LogLevel, 'warning'> | 'warn';

/** For `customLevels` of pino. */
export const LINE_LEVELS: Readonly<Record<LineLevel, number>> = {
  debug: 20,
  info: 30,
  notice: 35,
  warn: 40,
  error: 50,
  critical: 60,
  alert: 70,
  emergency: 80,
};

export function lineLevel(level: LogLevel): LineLevel {
  return level === 'warning' ? 'warn' : level;
}

const FLAT: InspectOptions = { breakLength: Number.POSITIVE_INFINITY, depth: 8 };

/** `2026-11-23T19:52:32.123Z error   <n1.1.65> chat/room:12  text  key=value`, one line. */
export function lineText({ level, text, pid, time, module, line, fields }: LogLine): string {
  const from = [pid ?? '', module === undefined ? '' : `${module}:${line ?? '?'}`];
  const parts = [
    new Date(time).toISOString(),
    lineLevel(level).padEnd(7),
    ...from.filter((part) => part !== ''),
    oneLine(text),
    ...Object.entries(fields ?? {}).map(([key, value]) => `${key}=${valueText(value)}`),
  ];
  return parts.join(' ');
}

function valueText(value: unknown): string {
  return typeof value === 'string' && /^\S+$/.test(value) ? value : inspect(value, FLAT);
}

function oneLine(text: string): string {
  return text.replaceAll('\n', '\n    ');
}
