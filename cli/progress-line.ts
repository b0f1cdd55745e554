/**
 * Progress line: how far long work has come, on one line of a terminal that is rewritten, and gone when
 * it is done. Silent where standard error is no terminal, and for work that is over at once.
 */

import { coloursOf } from './terminal.js';

const CLEAR = '\r\u001b[K';
const SILENT_MS = 300;
const EVERY_MS = 50;

export class ProgressLine {
  readonly #what: string;
  readonly #stream: NodeJS.WriteStream;
  readonly #begin: number = performance.now();
  #next: number = this.#begin + SILENT_MS;
  #shown = false;

  /** @param what such as `compiling` */
  constructor(what: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#what = what;
    this.#stream = stream;
  }

  /** To be called often; most calls do nothing. */
  readonly update = (done: number, total: number): void => {
    if (this.#stream.isTTY !== true) return;
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + EVERY_MS;
    this.#shown = true;
    const percent = Math.floor((100 * done) / Math.max(total, 1));
    const text = `${this.#what} ${done} of ${total} modules, ${percent} %`;
    this.#stream.write(CLEAR + coloursOf(this.#stream).dim(text));
  };

  end(): void {
    if (this.#shown) this.#stream.write(CLEAR);
    this.#shown = false;
  }
}
