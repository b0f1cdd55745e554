/**
 * Log file: lines that pino makes, in a file that is put aside when it is long.
 *
 * `app.log` is written to; `app.log.1` is the newest of those put aside. The library writes in the
 * background, so a slow disk holds up nobody: what waits is counted by who logs.
 */

import { mkdirSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { pino } from 'pino';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import type { LogLine } from '../hosting.js';
import type { LogFile } from '../log-config.js';
import { LINE_LEVELS, lineLevel, lineText } from './log-lines.js';

export class LogFileWriter {
  readonly #stream: RotatingFileStream;
  readonly #write: (line: LogLine) => void;
  /** Called when the line under way is written, or never will be. */
  #written: () => void = () => {};
  #failed = false;

  /** @throws the system's error where the file cannot be opened */
  static async open(options: LogFile, onProblem: (text: string) => void): Promise<LogFileWriter> {
    const path = resolve(options.path);
    mkdirSync(dirname(path), { recursive: true });
    const { maxBytes, maxFiles } = options;
    const stream = createStream(basename(path), {
      path: dirname(path),
      ...(maxBytes === 0 ? {} : { size: `${maxBytes}B`, rotate: maxFiles }),
    });
    await new Promise<void>((opened, refused) => {
      stream.once('open', () => opened());
      stream.once('error', refused);
    });
    return new LogFileWriter(stream, options, (error) =>
      onProblem(`the log file ${path} takes nothing more: ${String(error)}`),
    );
  }

  private constructor(
    stream: RotatingFileStream,
    { format }: LogFile,
    onProblem: (error: Error) => void,
  ) {
    this.#stream = stream;
    stream.on('error', (error) => {
      if (!this.#failed) onProblem(error);
      this.#failed = true;
    });
    if (format === 'text') {
      this.#write = (line) => this.#put(`${lineText(line)}\n`);
      return;
    }
    const logger = pino(
      {
        base: null,
        timestamp: false,
        level: 'debug',
        customLevels: LINE_LEVELS,
        useOnlyCustomLevels: true,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: (text) => this.#put(text) },
    );
    this.#write = ({ level, text, pid, time, ...rest }) =>
      logger[lineLevel(level)]({ time, process: pid, ...rest }, text);
  }

  /** @param written called when it is on its way to the disk, or lost */
  write(line: LogLine, written: () => void): void {
    this.#written = written;
    this.#write(line);
  }

  #put(text: string): void {
    const written = this.#written;
    if (this.#failed) written();
    else this.#stream.write(text, () => written());
  }

  /** Resolves when all is written. */
  close(): Promise<void> {
    if (this.#failed) return Promise.resolve();
    return new Promise((closed) => {
      this.#stream.once('error', () => closed());
      this.#stream.end(() => closed());
    });
  }
}
