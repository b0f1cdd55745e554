/**
 * Human text: a record of `tsvm start` for a person who looks on.
 *
 * What the machine is comes first as a block; what happens then begins with the time of day. Details
 * (code frames, causes, hints) are set under their line.
 */

import type { LoadErrorDetails } from '../loader/errors.js';
import { type Exposition, placeText } from './exit-text.js';
import type { Failure } from './failure.js';
import {
  crashedOne,
  killedText,
  loadErrorLine,
  loadedWord,
  messageOf,
  removedWhy,
  translatedText,
  upgradeLine,
} from './record-words.js';
import type { StartRecord } from './records.js';
import { type Colours, counted, harmless, indented, shownMs, shownPath } from './terminal.js';

/** Under the text of a line that begins with `14:02:11  `. */
const INDENT = 10;
const CALLERS_SHOWN = 3;
/** The labels of the library's own reports. */
const REPORTS: ReadonlySet<unknown> = new Set([
  'application',
  'gen_event',
  'progress',
  'supervisor',
]);

export class HumanText {
  readonly #c: Colours;
  /** Nothing has happened yet: lines belong to the block at the top. */
  #block = true;

  constructor(colours: Colours) {
    this.#c = colours;
  }

  render(record: StartRecord, level: string, time: number): string {
    const c = this.#c;
    switch (record.event) {
      case 'start':
        return [
          `${c.bold(`tsvm ${record.version}`)}${c.dim(` · Node ${record.nodeVersion} · pid ${record.pid}`)}`,
          this.#property('application', record.folder),
          this.#property('schedulers', String(record.schedulers)),
          this.#property('data', shownPath(record.data)),
        ].join('\n');
      case 'modules':
        return this.#property(
          'modules',
          `${record.modules.length} in ${shownMs(record.ms)}${c.dim(` from ${shownPath(record.folder)}${record.watched ? ', watched for changes' : ', not watched'}`)}`,
        );
      case 'entry':
        return this.#property('entry', `${record.entry}${c.dim(` is ${record.process}`)}`);
      case 'application_start': {
        const { application, version, ms } = record;
        const what = `${application}${c.dim(` ${version} in ${shownMs(ms)}`)}`;
        if (this.#block) return this.#property('started', what);
        return this.#line(time, `${c.green('started')} ${what}`);
      }
      case 'address':
        if (this.#block) return this.#property('address', c.cyan(record.url));
        return this.#line(time, `listening on ${c.cyan(record.url)}`);
      default:
        this.#block = false;
        return this.#line(time, this.#event(record, level));
    }
  }

  /** Crashes that were like one that is shown, and came close behind it. */
  repeated(count: number, text: string, time: number): string {
    const times = count === 1 ? 'once more' : `${count} times more`;
    return this.#line(
      time,
      `${this.#c.red('crash')}  the same ${times}: ${this.#c.dim(harmless(text.split('\n', 1)[0] ?? ''))}`,
    );
  }

  #event(record: StartRecord, level: string): string {
    const c = this.#c;
    switch (record.event) {
      case 'load':
        return `${c.green(loadedWord(record.by))} ${record.module}${c.dim(`@${record.version}`)} in ${shownMs(record.ms)} on ${counted(record.schedulers, 'scheduler')}${translatedText(record.translated)}${c.yellow(killedText(record.killed))}`;
      case 'upgrade':
        return upgradeLine(record).replace(/^upgraded|^rolled back/, (done) => c.green(done));
      case 'upgrade_failed':
        return `${c.red('failed')}  ${harmless(messageOf(record))}`;
      case 'remove':
        return `${c.yellow('removed')} ${record.module}${c.dim(`: ${removedWhy(record.by)}`)}`;
      case 'load_error': {
        const stays =
          record.stays === undefined ? [] : [c.dim(`${record.module}@${record.stays} goes on`)];
        return [
          loadErrorText({ ...record, message: record.text }, c, `${c.red('not loaded')}: `),
          ...stays,
        ].join('\n');
      }
      case 'crash':
        return [
          `${c.red('crash')}  ${harmless(crashedOne(record))}`,
          `  ${indented(exposedText(record, c), 2)}`,
        ].join('\n');
      case 'scheduler_down':
        return [
          `${c.red('died')}   scheduler ${record.scheduler}, and its processes with it${record.entry ? ', the entry process among them' : ''}`,
          `  ${indented(record.cause, 2)}`,
        ].join('\n');
      case 'application_end':
        return record.reported
          ? `${c.red('ended')}  ${record.entry}, by the crash above: ${harmless(record.text)}`
          : `${c.red('ended')}  ${indented(exposedText(record, c), 2)}`;
      case 'entry_end': {
        const what = `${c.red('ended')}  the entry process ${record.entry} ${c.dim(record.process)}`;
        return record.reported
          ? `${what}, by the crash above`
          : `${what}\n  ${indented(exposedText(record, c), 2)}`;
      }
      case 'log':
        return this.#log(record, level);
      default:
        return messageOf(record);
    }
  }

  #log(record: Extract<StartRecord, { event: 'log' }>, level: string): string {
    const { text, process, domain } = record;
    // What supervisors report says it all in its text; programs and files have the rest.
    const fields = domain?.[1] === 'sasl' ? {} : record.fields;
    const c = this.#c;
    const paint = level === 'warn' ? c.yellow : level === 'debug' ? c.dim : c.red;
    // A report says in its text what people want to know; the rest is for programs.
    const isReport = REPORTS.has(fields?.['label']);
    const shown = Object.entries(isReport ? {} : (fields ?? {})).map(
      ([key, value]) => `${key}=${fieldText(value)}`,
    );
    const rest = harmless([...shown, ...(process === null ? [] : [process])].join(' '));
    return `${level === 'info' || level === 'notice' ? '' : `${paint(level)}  `}${harmless(text)}${rest === '' ? '' : `  ${c.dim(rest)}`}`;
  }

  #property(name: string, value: string): string {
    return `  ${this.#c.dim(name.padEnd(11))}  ${value}`;
  }

  #line(time: number, text: string): string {
    const clock = new Date(time).toTimeString().slice(0, 8);
    return `${this.#c.dim(clock)}  ${indented(text, INDENT)}`;
  }
}

/** `error: …`, what does not load with its frame, and what to do. */
export function failureText({ message, hint, errors }: Failure, c: Colours): string {
  const loads = errors.map((error) => loadErrorText(error, c, ''));
  const lines = [`${c.red('error')}: ${loads.length === 1 ? loads[0] : message}`];
  if (loads.length > 1) lines.push(...loads.map((load) => `\n${load}`));
  if (hint !== undefined) lines.push(hintText(hint, c));
  return lines.join('\n');
}

export function loadErrorText(
  error: LoadErrorDetails & { message: string },
  c: Colours,
  before: string,
): string {
  const lines = [`${before}${loadErrorLine(error, error.message)}`];
  if (error.frame) lines.push(paintFrame(error.frame, c));
  lines.push(...relatedLines(error, c));
  if (error.hint) lines.push(hintText(error.hint, c));
  if (error.causeStack) lines.push(c.dim(error.causeStack));
  return lines.join('\n');
}

/** Other places that have to do with an error, each with its lines of source. */
export function relatedLines({ related = [] }: LoadErrorDetails, c: Colours): string[] {
  return related.flatMap(({ message, line, column, frame }) => [
    `${message} (${line}:${column}):`,
    paintFrame(frame, c),
  ]);
}

/** What happened, where, the lines of source, who called, what caused it, what to do. */
export function exposedText(
  { text, places, frame, causes, hint }: Exposition,
  c: Colours,
  callersMax: number = CALLERS_SHOWN,
): string {
  const [first, ...callers] = places;
  const lines = [harmless(text)];
  if (first !== undefined) lines.push(`at ${placeText(first)}`);
  if (frame !== undefined) lines.push(paintFrame(frame, c));
  for (const caller of callers.slice(0, callersMax)) lines.push(c.dim(`from ${placeText(caller)}`));
  for (const cause of causes) lines.push(`caused by ${harmless(cause)}`);
  if (hint !== undefined) lines.push(hintText(hint, c));
  return lines.join('\n');
}

export function hintText(hint: string, c: Colours): string {
  return `${c.cyan('hint')}: ${hint}`;
}

/** Line numbers stay behind, the caret stands out. */
export function paintFrame(frame: string, c: Colours): string {
  return frame
    .split('\n')
    .map((line) => {
      const [, mark = '', gutter = '', code = ''] = /^(.)(\s*\d*\s*\|)(.*)$/s.exec(line) ?? [];
      if (gutter === '') return line;
      const caret = /^\s*\^+$/.test(code);
      return `${c.red(mark)}${c.dim(gutter)}${caret ? c.red(code) : code}`;
    })
    .join('\n');
}

function fieldText(value: unknown): string {
  return typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value);
}
