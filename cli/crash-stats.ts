/** Crash statistics: how many crashes there were, when, and of what kind. */

import type { CrashHistory } from '../runtime/vm/crash-history.js';
import { shownPlace } from './crash-list.js';
import { shownTime } from './since.js';
import { type Colours, columns, shownBytes } from './terminal.js';

/** What `--json` shows. Times are ms since 1970. */
export interface CrashStats {
  /** Exact, also of crashes that have no report. */
  readonly crashes: number;
  readonly reports: number;
  readonly groups: number;
  readonly first: number | null;
  readonly last: number | null;
  readonly lastHour: number;
  readonly lastDay: number;
  /** By local day, such as `2026-01-31`, those that had any. */
  readonly days: readonly { readonly day: string; readonly crashes: number }[];
  readonly reasons: readonly Share[];
  readonly places: readonly Share[];
  readonly bytes: number;
  readonly segments: number;
}

interface Share {
  readonly name: string;
  readonly crashes: number;
}

const HOUR: number = 3_600_000;
const DAY: number = 24 * HOUR;
const TOP = 5;
const DAYS_SHOWN = 14;
const BAR = 30;
const LABEL = 11;

export async function crashStats(history: CrashHistory, since: number): Promise<CrashStats> {
  const now = Date.now();
  const [days, reasons, places] = [new Counts(), new Counts(), new Counts()];
  const groups = new Set<string>();
  let [crashes, reports, lastHour, lastDay] = [0, 0, 0, 0];
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for await (const record of history.records(since)) {
    const isReport = record.type === 'crash';
    const { signature } = isReport ? record.report : record;
    const count = isReport ? 1 : record.count;
    const time = isReport ? record.report.time : record.last;
    crashes += count;
    reports += isReport ? 1 : 0;
    groups.add(record.group);
    first = Math.min(first, isReport ? time : record.first);
    last = Math.max(last, time);
    if (time >= now - HOUR) lastHour += count;
    if (time >= now - DAY) lastDay += count;
    days.add(new Date(time).toLocaleDateString('sv'), count);
    reasons.add(signature.reasonClass, count);
    places.add(signature.place, count);
  }
  return {
    crashes,
    reports,
    groups: groups.size,
    first: crashes === 0 ? null : first,
    last: crashes === 0 ? null : last,
    lastHour,
    lastDay,
    days: days.entries().map(({ name, crashes: count }) => ({ day: name, crashes: count })),
    reasons: reasons.top(),
    places: places.top(),
    ...(await history.size()),
  };
}

class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string, count: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  entries(): Share[] {
    const found = Array.from(this.#counts, ([name, crashes]) => ({ name, crashes }));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  top(): Share[] {
    return this.entries()
      .sort((a, b) => b.crashes - a.crashes)
      .slice(0, TOP);
  }
}

export function statsText(stats: CrashStats, c: Colours): string {
  const property = (name: string, text: string): string =>
    `  ${c.dim(name.padEnd(LABEL))}  ${text}`;
  const { crashes, reports, groups, lastHour, lastDay, bytes, segments } = stats;
  return [
    property('crashes', `${crashes}${c.dim(`, ${reports} of them with a report`)}`),
    property('groups', String(groups)),
    property('first', shownTime(stats.first ?? 0)),
    property('last', shownTime(stats.last ?? 0)),
    property('lately', `${lastHour} in the last hour, ${lastDay} in the last 24 h`),
    property(
      'on disk',
      `${shownBytes(bytes)}${c.dim(` in ${segments} file${segments === 1 ? '' : 's'}`)}`,
    ),
    '',
    ...bars(
      'day',
      stats.days
        .slice(-DAYS_SHOWN)
        .map(({ day, crashes: count }) => ({ name: day, crashes: count })),
      c,
    ),
    '',
    ...bars('reason', stats.reasons, c),
    '',
    ...bars(
      'place',
      stats.places.map(({ name, crashes: count }) => ({ name: shownPlace(name), crashes: count })),
      c,
    ),
  ].join('\n');
}

function bars(title: string, shares: readonly Share[], c: Colours): string[] {
  const most = Math.max(1, ...shares.map(({ crashes }) => crashes));
  const rows = shares.map(({ name, crashes }) => [
    name,
    String(crashes),
    '▪'.repeat(Math.max(1, Math.round((crashes / most) * BAR))),
  ]);
  const [head = '', ...rest] = columns([[title, 'crashes', ''], ...rows], new Set([1]));
  return [`  ${c.dim(head)}`, ...rest.map((row) => `  ${row}`)];
}
