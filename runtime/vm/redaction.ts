/**
 * Redaction: what looks like a secret does not leave the thread in a crash report or in the fields of a line of the log.
 *
 * A value is a secret by the name of its key: `password`, `dbPassword` and `DB_PASSWORD` for the name
 * `password`. In texts (messages, stacks, addresses) the same names are looked for before `=` or `:`.
 *
 * Invariant: takes time in proportion to the text, whatever it is; every repetition has a bound.
 */

import { isCrash } from '../crash-reason.js';
import type { CrashReport, HandledLine } from '../hosting.js';
import type { TraceEvent } from '../trace-event.js';

export const REDACTED = '[redacted]';
/** What is redacted unless an option says otherwise; names that are given are added to these. */
export const SECRET_KEYS: readonly string[] = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'token',
  'apiKey',
  'privateKey',
  'accessKey',
  'secretKey',
  'authorization',
  'cookie',
  'credential',
  'credentials',
];

/** What a name may consist of; anything else is no name of a key. */
const NAME = /^[\p{L}\p{N}_$-]{1,100}$/u;

export function isKeyName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value) && wordsOf(value).length > 0;
}

/** The words of `apiKey`, `api_key`, `API-KEY`. */
function wordsOf(name: string): string[] {
  return name
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
    .split(/[ _-]+/)
    .filter((word) => word !== '');
}

export class Redaction {
  readonly #key: RegExp | null;
  readonly #inText: RegExp | null;

  /** @param names of keys; none, and nothing is redacted */
  constructor(names: readonly string[]) {
    const patterns = names.map((name) => wordsOf(name).map(escaped).join('[_-]?'));
    // The longest first: `secretKey` before `secret`.
    const any = patterns.sort((a, b) => b.length - a.length).join('|');
    this.#key = any === '' ? null : new RegExp(`(?:${any})$`, 'iu');
    this.#inText =
      any === ''
        ? null
        : new RegExp(
            `((?:${any})["'\`]?\\s{0,3}[:=]\\s{0,3})(?:"[^"]{0,4096}"?|'[^']{0,4096}'?|(?:(?:Bearer|Basic)\\s{1,3})?[^\\s"',;&)}\\]]{1,4096})`,
            'giu',
          );
  }

  /** Takes the report over. */
  ofReport(report: CrashReport): CrashReport {
    if (this.#key === null) return report;
    return {
      ...report,
      reason: this.#value(report.reason),
      label: this.#value(report.label),
      messages: report.messages.map((message) => this.#value(message)),
      dictionary: report.dictionary.map((pair) => this.#value(pair) as readonly [unknown, unknown]),
      details: this.#value(report.details) as CrashReport['details'],
    };
  }

  /** The text is left as it is written: what people log on purpose. */
  ofLine(line: HandledLine): HandledLine {
    if (this.#key === null || line.fields === undefined) return line;
    return { ...line, fields: this.#value(line.fields) as NonNullable<HandledLine['fields']> };
  }

  ofTraced(event: TraceEvent): TraceEvent {
    return this.#key === null ? event : (this.#value(event) as TraceEvent);
  }

  #value(value: unknown): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    if (Array.isArray(value)) return this.#list(value);
    const asCrash = isCrash(value);
    const shown = Object.entries(value).map(([key, item]) => {
      // Its own keys are the machine's; `name` may be a name that is to be redacted elsewhere.
      const secret = !(asCrash && CRASH_KEYS.has(key)) && this.#key?.test(key) === true;
      return [key, secret ? REDACTED : this.#value(item)] as const;
    });
    return Object.fromEntries(shown);
  }

  /** Entries of maps and of dictionaries are pairs; arguments may be. */
  #list(items: readonly unknown[]): unknown[] {
    const [key] = items;
    if (items.length === 2 && typeof key === 'string' && this.#key?.test(key) === true) {
      return [key, REDACTED];
    }
    return items.map((item) => this.#value(item));
  }

  #text(text: string): string {
    return this.#inText === null ? text : text.replace(this.#inText, `$1${REDACTED}`);
  }
}

const CRASH_KEYS: ReadonlySet<string> = new Set([
  'kind',
  'name',
  'message',
  'stack',
  'code',
  'reason',
  'cause',
  'value',
]);

function escaped(word: string): string {
  return word.replaceAll('$', '\\$');
}
