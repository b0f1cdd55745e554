/**
 * Terminal: how the command writes for people.
 *
 * Colour only where a terminal shows it, and not when the user says `NO_COLOR`. Texts are wrapped by
 * the terminal but for lists, which are set in its width.
 */

import { isAbsolute, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';

export type Colours = ReturnType<typeof pc.createColors>;

const WIDTH_PIPED = 100;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

export function coloursOf(stream: NodeJS.WriteStream): Colours {
  return pc.createColors(stream.isTTY === true && pc.isColorSupported);
}

export function widthOf(stream: NodeJS.WriteStream): number {
  return stream.columns ?? WIDTH_PIPED;
}

/** A path as one would type it here: below the current folder relative, else absolute. */
export function shownPath(path: string): string {
  const below = relative(process.cwd(), path);
  if (below === '') return '.';
  return below.startsWith('..') || isAbsolute(below) ? path : below;
}

export function shownMs(ms: number): string {
  return ms < 10
    ? `${ms.toFixed(1)} ms`
    : ms < 10_000
      ? `${Math.round(ms)} ms`
      : `${Math.round(ms / 1000)} s`;
}

/** `4 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function shownDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY)
    return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  return `${Math.floor(seconds / DAY)} d ${Math.floor((seconds % DAY) / HOUR)} h`;
}

/** `512 B`, `4.2 kB`, `18 MB`. */
export function shownBytes(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${shownCount(bytes)}B`;
}

/** `512`, `4.2 k`, `18 M`. */
export function shownCount(count: number): string {
  const units = ['', ' k', ' M', ' G', ' T', ' P'];
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value));
  return `${digits}${units[unit]}`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Every line but the first begins `by` further right. */
export function indented(text: string, by: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(by)}`);
}

/** Words in lines of at most `width`, each line `indent` in. */
export function wrapped(words: readonly string[], width: number, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && indent + line.length + 2 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : `  ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((one) => `${' '.repeat(indent)}${one}`).join('\n');
}

/** Columns set under each other, two spaces apart; `right` names those that are aligned right. */
export function columns(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, at) =>
        right.has(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** Text from outside must not move the cursor or repaint the terminal of who looks on. */
export function harmless(text: string): string {
  return stripVTControlCharacters(text).replace(/(?![\n\t])\p{Cc}/gu, '\ufffd');
}
