/** Since: a time as people say it, how long ago or when. */

import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/**
 * `90s`, `30m`, `2h`, `3d`, `1w`, or a date that `Date` understands.
 *
 * @returns ms since 1970
 */
export function sinceTime(text: string, now: number = Date.now()): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return now - Number(amount) * (UNITS[unit] ?? 0);
  const time = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError(
      'Expected how long ago (90s, 30m, 2h, 3d, 1w) or a date (2026-01-31, 2026-01-31T14:00).',
    );
  }
  return time;
}

/** `14:02:11` today, `2026-01-31 14:02:11` on another day. */
export function shownTime(time: number, now: number = Date.now()): string {
  const text = new Date(time).toLocaleString('sv');
  return text.slice(0, 10) === new Date(now).toLocaleString('sv').slice(0, 10)
    ? text.slice(11)
    : text;
}
