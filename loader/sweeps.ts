/**
 * Sweeps: looking through all processes of a scheduler for those that run an old version, in parts.
 *
 * A look takes 0.2 µs a process: with a hundred thousand of them, 20 ms in which nothing else would run. So
 * where there are many, the code server has them swept before it purges or commits: part by part, with the
 * scheduler at work in between. What is left for the step itself, which must not be interrupted, are those
 * that have run or come since they were looked at: the frames of a process change only when it runs.
 *
 * Invariant: while a sweep is open, the scheduler tells of each process that begins a slice or is new; and
 * those on the stack, which go on without a new slice, are noted at each part.
 */

import { context } from '../runtime/context.js';
import { stacked } from '../runtime/preemption.js';
import type { Process } from '../runtime/process.js';
import type { Scheduler } from '../runtime/scheduler.js';

/** About a millisecond's work, with what is found killed two or three. */
export const SWEPT_AT_ONCE = 4096;
/** With fewer processes than this all are looked at in one step: a message there and back takes longer. */
export const CROWDED = 10_000;

interface Sweep {
  readonly rest: Iterator<Process>;
  readonly ran: Set<Process>;
}

export class Sweeps {
  readonly #scheduler: () => Scheduler;
  readonly #all: () => Iterable<Process>;
  /** By module. */
  readonly #open = new Map<string, Sweep>();

  constructor(all: () => Iterable<Process>, scheduler: () => Scheduler) {
    this.#all = all;
    this.#scheduler = scheduler;
  }

  /** The next processes to look at for a module; fewer than `SWEPT_AT_ONCE`: these are the last. */
  next(module: string): readonly Process[] {
    const { rest } = this.#sweepOf(module);
    this.#noteStack();
    const part: Process[] = [];
    while (part.length < SWEPT_AT_ONCE) {
      const { done, value } = rest.next();
      if (done === true) break;
      part.push(value);
    }
    return part;
  }

  /** Those that are still to be looked at: all of them where nothing was swept. The sweep is over. */
  end(module: string): Iterable<Process> {
    const sweep = this.#open.get(module);
    if (sweep === undefined) return this.#all();
    this.#noteStack();
    this.#open.delete(module);
    if (this.#open.size === 0) this.#scheduler().ran = null;
    // One that was left before its end.
    return sweep.rest.next().done === true ? sweep.ran : this.#all();
  }

  /** A process begins a slice, or is new. */
  add(proc: Process): void {
    for (const { ran } of this.#open.values()) ran.add(proc);
  }

  #sweepOf(module: string): Sweep {
    let sweep = this.#open.get(module);
    if (sweep === undefined) {
      sweep = { rest: this.#all()[Symbol.iterator](), ran: new Set() };
      this.#open.set(module, sweep);
      this.#scheduler().ran = this;
    }
    return sweep;
  }

  #noteStack(): void {
    for (const { proc } of stacked) this.add(proc);
    if (context.process !== null) this.add(context.process);
  }
}
