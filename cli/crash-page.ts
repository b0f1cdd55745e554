/** Crash page: one report in full, for a person at a terminal. */

import { inspect } from 'node:util';
import type { CrashReport } from '../runtime/hosting.js';
import type { CrashGroup, StoredCrash } from '../runtime/vm/crash-history.js';
import { expose } from './exit-text.js';
import { exposedText } from './human-text.js';
import { shownTime } from './since.js';
import { type Colours, counted, harmless, indented, shownDuration } from './terminal.js';

const LABEL = 12;
const INDENT = LABEL + 4;
const VALUE_LINES_MAX = 40;
/** What the library keeps in the dictionary and the page shows elsewhere. */
const OWN_KEYS: ReadonlySet<unknown> = new Set([
  '$ancestors',
  '$initial_call',
  '$name',
  '$child',
  '$parent',
  '$start_limit',
  '$starter',
  '$starting',
]);
/** Of what a server says of itself; they have lines of their own. */
const SERVER_KEYS: ReadonlySet<string> = new Set(['module', 'state', 'lastMessage', 'client']);

export function crashPage(
  { id, frame, report }: StoredCrash,
  group: CrashGroup | undefined,
  c: Colours,
  width: number,
): string {
  const page = new Page(c, width);
  const { details } = report;
  page.text(
    `${c.bold(`crash ${id}`)}${c.dim(` · ${new Date(report.time).toLocaleString('sv')}, ${shownDuration(Date.now() - report.time)} ago`)}`,
  );
  page.text(groupText(group, c));
  page.text('');
  page.text(`  ${indented(reasonText(report, frame, c), 2)}`);
  page.text('');
  page.line('process', whoText(report));
  if (report.label !== null && report.label !== undefined) page.value('label', report.label);
  page.line(
    'module',
    report.module === null
      ? undefined
      : `${report.module}${report.version === null ? '' : c.dim(`@${report.version}`)}`,
  );
  page.line('ancestors', report.ancestors.map((one) => harmless(String(one))).join(c.dim(' ‹ ')));
  page.line('parent', report.parent ?? undefined);
  page.line('links', linksText(report));
  page.line(
    'scheduler',
    `${report.scheduler}${c.dim(`, ${report.reductions} reductions${report.trapExit ? ', traps exits' : ''}`)}`,
  );
  page.value('state', details?.['state']);
  page.value('last message', details?.['lastMessage']);
  page.line('client', details?.['client'] as string | undefined);
  for (const [key, value] of Object.entries(details ?? {})) {
    if (!SERVER_KEYS.has(key)) page.value(key, value);
  }
  const { messages, messageQueueLength: waiting } = report;
  page.line(
    'mailbox',
    waiting === 0
      ? 'empty'
      : `${counted(waiting, 'message')}${messages.length < waiting ? `, the first ${messages.length}:` : ':'}`,
  );
  for (const message of messages) page.value('', message);
  const dictionary = report.dictionary.filter(([key]) => !OWN_KEYS.has(key));
  for (const [at, [key, value]] of dictionary.entries()) {
    page.value(
      at === 0 ? 'dictionary' : '',
      value,
      `${typeof key === 'string' ? key : inspect(key)}: `,
    );
  }
  for (const [at, one] of report.neighbours.entries()) {
    page.line(
      at === 0 ? 'linked with' : '',
      `${whoText(one)}${c.dim(`, ${counted(one.messageQueueLength, 'message')} waiting`)}`,
    );
  }
  return page.toString();
}

/** The reason with its frame as it was then, who called, and the chain of causes. */
function reasonText({ reason }: CrashReport, frame: string | null, c: Colours): string {
  const exposed = expose(reason, () => '');
  return exposedText({ ...exposed, frame: frame ?? undefined }, c, Number.POSITIVE_INFINITY);
}

function groupText(group: CrashGroup | undefined, c: Colours): string {
  if (group === undefined) return '';
  const { count, first, last, group: name } = group;
  const equal =
    count === 1
      ? 'the only one of its kind'
      : `one of ${count} equal crashes from ${shownTime(first)} to ${shownTime(last)}`;
  return c.dim(`${equal}, group ${name}`);
}

function whoText({
  pid,
  name,
  initialCall,
}: Pick<CrashReport, 'pid' | 'name' | 'initialCall'>): string {
  return harmless(`${name === null ? '' : `${name} `}${pid} (${initialCall})`);
}

function linksText({ links, linkCount }: CrashReport): string {
  if (linkCount === 0) return 'none';
  const more = linkCount - links.length;
  return `${links.join(' ')}${more > 0 ? ` and ${more} more` : ''}`;
}

class Page {
  readonly #lines: string[] = [];
  readonly #c: Colours;
  readonly #width: number;

  constructor(colours: Colours, width: number) {
    this.#c = colours;
    this.#width = width;
  }

  text(line: string): void {
    this.#lines.push(line);
  }

  /** Nothing for what is not there. */
  line(label: string, text: string | undefined): void {
    if (text === undefined || text === '') return;
    this.#labelled(label, text);
  }

  value(label: string, value: unknown, before: string = ''): void {
    if (value === undefined) return;
    const shown = inspect(value, {
      colors: this.#c.isColorSupported,
      depth: null,
      breakLength: Math.max(40, this.#width - INDENT),
      maxStringLength: 1000,
      compact: 3,
    }).split('\n');
    const kept = shown.slice(0, VALUE_LINES_MAX);
    if (kept.length < shown.length)
      kept.push(this.#c.dim(`… ${shown.length - kept.length} more lines; --json has them`));
    this.#labelled(label, `${harmless(before)}${kept.join('\n')}`);
  }

  #labelled(label: string, text: string): void {
    this.#lines.push(`  ${this.#c.dim(label.padEnd(LABEL))}  ${indented(text, INDENT)}`);
  }

  toString(): string {
    return this.#lines.join('\n');
  }
}
