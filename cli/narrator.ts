/**
 * Narrator: writes the records of `tsvm start` to standard output, as text or as JSON lines.
 *
 * Both go through one pino logger, so that the level counts for all of them alike. Writes are
 * synchronous where Node's are (files, terminals, pipes on POSIX): the last line before an end is out.
 */

import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogLine } from '../runtime/hosting.js';
import { type LogLevel, type LogLimit, rankOf } from '../runtime/log-level.js';
import { LINE_LEVELS, type LineLevel, lineLevel } from '../runtime/vm/log-lines.js';
import { HumanText } from './human-text.js';
import { messageOf } from './record-words.js';
import { levelOf, type StartRecord } from './records.js';
import { coloursOf } from './terminal.js';

/** Crashes like one that was just shown are counted for so long. */
const REPEAT_MS = 1000;

interface Repeated {
  count: number;
  readonly text: string;
  readonly timer: NodeJS.Timeout;
}

export class Narrator {
  readonly #logger: pino.Logger<LineLevel, true>;
  readonly #human: HumanText | null;
  readonly #repeated = new Map<string, Repeated>();
  readonly #out: NodeJS.WriteStream;
  /** The rank of the least severe record that is shown. */
  readonly #limit: number;

  constructor(
    { json, level }: { json: boolean; level?: LogLimit | undefined },
    out: NodeJS.WriteStream = process.stdout,
  ) {
    this.#out = out;
    // What the command itself says of the machine is shown as long as notices are.
    this.#limit = level === undefined || level === 'notice' ? rankOf('info') : rankOf(level);
    this.#human = json ? null : new HumanText(coloursOf(out));
    const format = this.#human === null ? (line: string) => line : pretty(this.#human);
    // Nobody reads any more: the machine goes on without being heard.
    out.on('error', () => {});
    this.#logger = pino(
      {
        level: 'debug',
        base: null,
        customLevels: LINE_LEVELS,
        useOnlyCustomLevels: true,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: (line) => void out.write(format(line)) },
    );
  }

  say(record: StartRecord): void {
    if (record.event === 'crash' && this.#isRepeated(record)) return;
    const level = levelOf(record);
    if (rankOf(level) <= this.#limit) this.#write(record, level);
  }

  /** An event of the log, which has decided that it is to be shown. */
  log(line: LogLine): void {
    const { text, pid, fields, level: _, time: __, ...origin } = line;
    const record = { event: 'log', text, process: pid, fields, ...origin } as const;
    this.#write(record, levelOf(record, line));
  }

  /** Say what is held back. */
  end(): void {
    for (const [key, { timer }] of this.#repeated) {
      clearTimeout(timer);
      this.#endRepeat(key);
    }
  }

  #write(record: StartRecord, level: LogLevel): void {
    this.#logger[lineLevel(level)](record, messageOf(record));
  }

  /** A storm of one crash must not scroll away what else happens. JSON has every one of them. */
  #isRepeated({ text, places: [place] }: Extract<StartRecord, { event: 'crash' }>): boolean {
    if (this.#human === null) return false;
    const key = `${text}\n${place?.file}:${place?.line}`;
    const known = this.#repeated.get(key);
    if (known !== undefined) {
      known.count += 1;
      return true;
    }
    const timer = setTimeout(() => this.#endRepeat(key), REPEAT_MS);
    timer.unref();
    this.#repeated.set(key, { count: 0, text, timer });
    return false;
  }

  #endRepeat(key: string): void {
    const { count = 0, text = '' } = this.#repeated.get(key) ?? {};
    this.#repeated.delete(key);
    if (count > 0) {
      this.#out.write(`${this.#human?.repeated(count, text, Date.now())}\n`);
    }
  }
}

/** pino-pretty reads the line; what it looks like is ours. */
function pretty(human: HumanText): (line: string) => string {
  return prettyFactory({
    colorize: false,
    hideObject: true,
    ignore: 'time,level,name,pid,hostname,caller',
    messageFormat: (log) =>
      human.render(log as unknown as StartRecord, String(log['level']), Number(log['time'])),
  });
}
