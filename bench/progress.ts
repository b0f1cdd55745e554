/**
 * Progress: one line on a terminal that is rewritten while benchmarks run. Silent elsewhere.
 */
import type { RunName } from './harness.js';

const CLEAR = '\r\u001b[K';

export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #position = '';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  start(run: RunName, done: number, total: number): void {
    this.#position = `${done + 1}/${total}`;
    this.#show(`${run.bench} on ${run.vm}`);
  }

  sample(run: RunName, count: number, of: number): void {
    this.#show(`${run.bench} on ${run.vm}, sample ${count}/${of}`);
  }

  /** Take the line away, so that something else can be printed. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write(CLEAR);
  }

  #show(text: string): void {
    if (!this.#stream.isTTY) return;
    const line = `[${this.#position}] ${text}`;
    this.#stream.write(CLEAR + line.slice(0, Math.max(this.#stream.columns - 1, 20)));
  }
}
