/**
 * Trace watch: a trace for somebody who fetches what it has seen: a command, or a process.
 *
 * Invariant: who does not ask for more costs the machine a bounded amount of memory: what is not fetched
 * is counted as not shown.
 */

import type { TraceBatch, TraceEnd, TraceEvent } from '../trace-event.js';
import type { Trace } from './trace-control.js';

/** Events kept for who fetches them. */
const WAITING_MAX = 2000;
/** Events of one answer: it is not to be endless. */
const ANSWER_MAX = 200;
/** How long a question for more waits; a request to stop may wait for its turn behind it. */
const PATIENCE_MS = 1000;

/** A trace whose events are fetched. */
export class TraceWatch {
  readonly #shape: (event: TraceEvent) => TraceEvent;
  readonly #events: TraceEvent[] = [];
  #lost = 0;
  #over: TraceEnd | null = null;
  #trace: Trace | null = null;
  #wake: () => void = () => {};

  /** @param shape what is kept of an event */
  constructor(shape: (event: TraceEvent) => TraceEvent = (event) => event) {
    this.#shape = shape;
  }

  /** @param start begins the trace with a listener */
  async begin(start: (take: (event: TraceEvent) => void) => Promise<Trace>): Promise<void> {
    this.#trace = await start((event) => this.#take(event));
    this.#trace.ended.then(({ why }) => {
      this.#over = why;
      this.#wake();
    });
  }

  #take(event: TraceEvent): void {
    if (this.#events.length >= WAITING_MAX) this.#lost += 1;
    else this.#events.push(this.#shape(event));
    this.#wake();
  }

  async next(): Promise<TraceBatch> {
    if (this.#events.length === 0 && this.#over === null) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const events = this.#events.splice(0, ANSWER_MAX);
    const dropped = (this.#trace?.dropped ?? 0) + this.#lost;
    return { events, dropped, over: this.#events.length === 0 ? this.#over : null };
  }

  /** How it ended, when it has. */
  get ended(): Promise<unknown> | undefined {
    return this.#trace?.ended;
  }

  async stop(): Promise<void> {
    await this.#trace?.stop();
  }
}
