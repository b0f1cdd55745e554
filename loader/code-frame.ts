/**
 * Code frames: the few lines of source around a fault, with a caret under it.
 *
 * Colour is off unless asked for: the same frame goes to logs, to JSON and over threads.
 */

import picocolors from 'picocolors';

export interface CodeFrameOptions {
  /** Number of characters to underline; 1 when left out. */
  readonly length?: number;
  readonly colour?: boolean;
}

const LINES_BEFORE = 2;
const LINES_AFTER = 2;
/** Minified sources have lines of megabytes; a frame shows a window of one. */
const WIDTH_MAX = 160;

/**
 * @param line from 1
 * @param column from 1
 * @returns three to five lines, without a newline at the end; empty if `source` has no such line
 */
export function codeFrame(
  source: string,
  line: number,
  column: number,
  options: CodeFrameOptions = {},
): string {
  const lines = source.split(/\r\n|\n|\r/);
  if (line < 1 || line > lines.length) return '';
  const paint = picocolors.createColors(options.colour === true);
  const first = Math.max(1, line - LINES_BEFORE);
  const last = Math.min(lines.length, line + LINES_AFTER);
  const gutter = String(last).length;
  // A column past the end of its line points just behind the text.
  const caret = Math.min(column - 1, (lines[line - 1] ?? '').length);
  const cut = Math.max(0, caret - (WIDTH_MAX >> 1));
  const out: string[] = [];
  for (let at = first; at <= last; at++) {
    const text = lines[at - 1] ?? '';
    const number = String(at).padStart(gutter);
    const shown = window(text, cut);
    const bar = paint.dim(`${number} |`);
    if (at !== line) {
      out.push(`  ${bar} ${shown}`.trimEnd());
      continue;
    }
    out.push(`${paint.red('>')} ${bar} ${shown}`.trimEnd());
    const indent = caretIndent(text.slice(cut, caret));
    const room = Math.max(1, Math.min(text.length, cut + WIDTH_MAX) - caret);
    const carets = '^'.repeat(Math.max(1, Math.min(options.length ?? 1, room)));
    out.push(`  ${paint.dim(`${' '.repeat(gutter)} |`)} ${indent}${paint.red(carets)}`);
  }
  return out.join('\n');
}

function window(text: string, cut: number): string {
  return text.slice(cut, cut + WIDTH_MAX);
}

/** Tabs stay tabs, so that the caret is under its character however wide the terminal shows them. */
function caretIndent(before: string): string {
  return before.replace(/[^\t]/g, ' ');
}
