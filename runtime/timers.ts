/**
 * Timers of one scheduler: a heap by due time, four to a node, that knows each entry's place.
 *
 * Starting appends (a time-out later than all others needs no move), cancelling takes the entry out
 * at once, so cancelled timers leave no garbage behind; a call with a 5 s time-out costs two short
 * moves. Times are milliseconds of the machine's monotonic clock, fractions included, so a timer
 * beyond 2^31 ms is nothing special. The times lie beside the entries in one array: a comparison does not
 * touch the timer, which among 100,000 is seldom in the cache.
 *
 * Invariants:
 *  1. `heap[timer.index] === timer` for every running timer, and `dues` holds its time at the same place;
 *     `index` is -1 for all others.
 *  2. No timer fires before its due time. Order is by due time only; ties fire in any order.
 *
 * Source: OTP, `erlang:start_timer/4`, `erlang:send_after/4`.
 */

import type { Process } from './process.js';
import type { Ref } from './terms.js';

/** One timer: what happens at `due`. */
export class Timer {
  readonly due: number;
  readonly fire: (timer: Timer) => void;
  /** What `fire` needs. */
  readonly subject: unknown;
  /** The reference that it is known by, where users can cancel it, and its serial. */
  readonly ref: Ref | null;
  readonly serial: number;
  /** The process of this scheduler that it ends with. */
  readonly proc: Process | null;
  index: number = -1;
  /** Next in the same slot of the table of references. */
  slotNext: Timer | null = null;
  /** Links of the list of timers that end with a process. */
  previous: Timer | null = null;
  following: Timer | null = null;

  constructor(
    due: number,
    fire: (timer: Timer) => void,
    subject: unknown,
    proc: Process | null = null,
    ref: Ref | null = null,
    serial = 0,
  ) {
    this.ref = ref;
    this.serial = serial;
    this.proc = proc;
    this.due = due;
    this.fire = fire;
    this.subject = subject;
  }
}

const FIRST_ROOM = 64;

export class TimerQueue {
  readonly #heap: Timer[] = [];
  #dues = new Float64Array(FIRST_ROOM);

  get length(): number {
    return this.#heap.length;
  }

  /** When the next timer is due; `Infinity` without one. */
  get nextDue(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : (this.#dues[0] as number);
  }

  start(timer: Timer): void {
    const last = this.#heap.length;
    if (last === this.#dues.length) this.#grow();
    this.#heap.push(timer);
    this.#rise(timer, last);
  }

  /** @returns false if it had fired or was cancelled before */
  cancel(timer: Timer): boolean {
    const { index } = timer;
    if (index < 0) return false;
    timer.index = -1;
    const last = this.#heap.pop() as Timer;
    if (last !== timer) {
      this.#rise(last, index);
      if (last.index === index) this.#sink(last, index);
    }
    return true;
  }

  /** Fire what is due at `now`, at most `most` timers. @returns how many fired */
  expire(now: number, most: number): number {
    let fired = 0;
    while (fired < most && this.nextDue <= now) {
      const first = this.#heap[0] as Timer;
      this.cancel(first);
      first.fire(first);
      fired += 1;
    }
    return fired;
  }

  #grow(): void {
    const dues = new Float64Array(this.#dues.length * 2);
    dues.set(this.#dues);
    this.#dues = dues;
  }

  #rise(timer: Timer, from: number): void {
    const { due } = timer;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 2;
      if ((this.#dues[above] as number) <= due) break;
      this.#place(this.#heap[above] as Timer, index);
      index = above;
    }
    this.#place(timer, index);
  }

  #sink(timer: Timer, from: number): void {
    const dues = this.#dues;
    const { length } = this.#heap;
    const { due } = timer;
    let index = from;
    for (;;) {
      const first = index * 4 + 1;
      if (first >= length) break;
      const end = Math.min(first + 4, length);
      let below = first;
      for (let other = first + 1; other < end; other++) {
        if ((dues[other] as number) < (dues[below] as number)) below = other;
      }
      if ((dues[below] as number) >= due) break;
      this.#place(this.#heap[below] as Timer, index);
      index = below;
    }
    this.#place(timer, index);
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    this.#dues[index] = timer.due;
    timer.index = index;
  }
}
