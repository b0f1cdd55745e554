/** What the tests of the documentation read out of Markdown: fenced code blocks, links, headings. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

export interface CodeBlock {
  /** As the fence says: `ts`, `ts run`, `sh` … */
  readonly info: string;
  readonly text: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

export interface Page {
  /** Below the root: `docs/processes.md`. */
  readonly path: string;
  readonly blocks: readonly CodeBlock[];
  /** Targets of links, as written. */
  readonly links: readonly string[];
  /** What `#…` in a link may name. */
  readonly anchors: ReadonlySet<string>;
  readonly text: string;
}

/** The pages that users and contributors read. */
export function readPages(): readonly Page[] {
  const guides = readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name));
  return ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', ...guides].map(readPage);
}

function readPage(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const blocks: CodeBlock[] = [];
  const prose: string[] = [];
  let open: { info: string; line: number; lines: string[] } | null = null;
  for (const [at, line] of text.split('\n').entries()) {
    const fence = /^\s*```(.*)$/.exec(line);
    if (fence === null) (open?.lines ?? prose).push(line);
    else if (open === null) open = { info: (fence[1] as string).trim(), line: at + 2, lines: [] };
    else {
      blocks.push({ info: open.info, text: open.lines.join('\n'), line: open.line });
      open = null;
    }
  }
  if (open !== null) throw new Error(`${path}:${open.line}: a code block without an end`);
  const withoutCode = prose.join('\n').replace(/`[^`\n]*`/g, '');
  return {
    path: relative(ROOT, join(ROOT, path)),
    blocks,
    links: Array.from(withoutCode.matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target as string),
    anchors: new Set(
      prose.filter((line) => /^#+ /.test(line)).map((line) => slug(line.replace(/^#+ /, ''))),
    ),
    text,
  };
}

/** As GitHub makes an anchor of a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}
