/**
 * Log levels: the eight of syslog, most severe first.
 *
 * Source: OTP, module `logger`, "Log Level"; SEMANTICS §14.
 */

export const LOG_LEVELS = [
  'emergency',
  'alert',
  'critical',
  'error',
  'warning',
  'notice',
  'info',
  'debug',
] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];
/** What lets events through: those of this level and the more severe ones, all, or none. */
export type LogLimit = LogLevel | 'all' | 'none';

export const DEFAULT_LOG_LEVEL: LogLevel = 'notice';

const RANKS: ReadonlyMap<string, number> = new Map<string, number>([
  ...LOG_LEVELS.map((level, rank) => [level, rank] as const),
  ['all', LOG_LEVELS.length],
  ['none', -1],
]);

/** The lower, the more severe. */
export function rankOf(level: LogLimit): number {
  return RANKS.get(level) as number;
}

export function isLogLevel(value: unknown): value is LogLevel {
  return LOG_LEVELS.includes(value as LogLevel);
}

export function isLogLimit(value: unknown): value is LogLimit {
  return typeof value === 'string' && RANKS.has(value);
}

/** A level as people write it: `warn` is `warning`. */
export function parseLogLimit(text: string): LogLimit | undefined {
  const name = text === 'warn' ? 'warning' : text;
  return isLogLimit(name) ? name : undefined;
}
