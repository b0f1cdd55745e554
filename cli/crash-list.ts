/** Crash list: groups of equal crashes, and reports that were looked for, a line or two each. */

import type { CrashGroup, StoredCrash } from '../runtime/vm/crash-history.js';
import { expose } from './exit-text.js';
import { crashedOne } from './record-words.js';
import { shownTime } from './since.js';
import { type Colours, columns, harmless, shownPath } from './terminal.js';

const EXCERPT = 60;

/** Under each row what was said last, as far as the terminal is wide. */
export function groupLines(groups: readonly CrashGroup[], c: Colours, width: number): string[] {
  const head = ['group', 'last ID', 'count', 'first', 'last', 'reason', 'place'];
  const rows = groups.map(({ group, latest, count, first, last, signature }) => [
    group,
    latest?.id ?? '–',
    String(count),
    shownTime(first),
    shownTime(last),
    harmless(signature.reasonClass),
    shownPlace(signature.place),
  ]);
  const [first = '', ...rest] = columns([head, ...rows], new Set([2]));
  return [
    c.dim(first),
    ...rest.flatMap((row, at) => {
      const { latest = null } = groups[at] ?? {};
      const said = latest === null ? 'no report was kept, only the count' : saidBy(latest);
      return [row, `  ${c.dim(cut(said, width - 2))}`];
    }),
  ];
}

/** `; 12 more groups with a greater --limit`, or nothing. */
export function moreText(count: number, noun: string): string {
  return count === 0
    ? ''
    : `; ${count} more ${noun}${count === 1 ? '' : 's'} with a greater --limit`;
}

/** Newest first; where the text is not in the reason, the lines around it. */
export function grepText(
  found: readonly StoredCrash[],
  text: string,
  c: Colours,
  width: number,
): string {
  return found
    .map((crash) => {
      const said = saidBy(crash);
      const head = `${crash.id.padEnd(6)}  ${c.dim(shownTime(crash.report.time))}  `;
      const plain = `${crash.id.padEnd(6)}  ${shownTime(crash.report.time)}  `;
      const line = `${head}${cut(said, width - plain.length)}`;
      const place = said.toLowerCase().includes(text.toLowerCase()) ? '' : excerpt(crash, text);
      return place === '' ? line : `${line}\n        ${c.dim(cut(place, width - 8))}`;
    })
    .join('\n');
}

/** Who crashed, and what it said. */
function saidBy({ report }: StoredCrash): string {
  const { text } = expose(report.reason, () => '');
  return harmless(`${crashedOne({ ...report, process: report.pid })}: ${text}`).replace(
    /\s+/g,
    ' ',
  );
}

function excerpt({ report }: StoredCrash, text: string): string {
  const json = JSON.stringify(report);
  const at = json.toLowerCase().indexOf(JSON.stringify(text).slice(1, -1).toLowerCase());
  const from = Math.max(0, at - EXCERPT / 2);
  return `…${harmless(json.slice(from, at + text.length + EXCERPT))}…`;
}

export function shownPlace(place: string): string {
  const [, file, rest] = /^(.*?)(:\d+:\d+)$/.exec(place) ?? [];
  return harmless(file === undefined ? place : `${shownPath(file)}${rest}`);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`;
}
