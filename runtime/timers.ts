/**
 * Timers of one scheduler: a binary heap by due time that knows each entry's place.
 *
 * Starting appends (a time-out later than all others needs no move), cancelling takes the entry out
 * at once, so cancelled timers leave no garbage behind; a call with a 5 s time-out costs two short
 * moves. Times are milliseconds of the machine's monotonic clock, fractions included, so a timer
 * beyond 2^31 ms is nothing special.
 *
 * Invariants:
 *  1. `heap[timer.index] === timer` for every running timer; `index` is -1 for all others.
 *  2. No timer fires before its due time. Order is by due time only; ties fire in any order.
 *
 * Source: OTP, `erlang:start_timer/4`, `erlang:send_after/4`.
 */

import type { Ref } from './terms.js';

/** One timer: what happens at `due`. */
export class Timer {
  readonly due: number;
  readonly fire: (timer: Timer) => void;
  /** What `fire` needs. */
  readonly subject: unknown;
  /** The reference that it is known by, where users can cancel it. */
  readonly ref: Ref | null;
  index: number = -1;
  /** Links of the list of timers that end with a process. */
  previous: Timer | null = null;
  following: Timer | null = null;

  constructor(due: number, fire: (timer: Timer) => void, subject: unknown, ref: Ref | null = null) {
    this.ref = ref;
    this.due = due;
    this.fire = fire;
    this.subject = subject;
  }
}

export class TimerQueue {
  readonly #heap: Timer[] = [];

  get length(): number {
    return this.#heap.length;
  }

  /** When the next timer is due; `Infinity` without one. */
  get nextDue(): number {
    const first = this.#heap[0];
    return first === undefined ? Number.POSITIVE_INFINITY : first.due;
  }

  start(timer: Timer): void {
    this.#heap.push(timer);
    this.#rise(timer, this.#heap.length - 1);
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
    while (fired < most) {
      const first = this.#heap[0];
      if (first === undefined || first.due > now) break;
      this.cancel(first);
      first.fire(first);
      fired += 1;
    }
    return fired;
  }

  #rise(timer: Timer, from: number): void {
    const heap = this.#heap;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Timer;
      if (parent.due <= timer.due) break;
      heap[index] = parent;
      parent.index = index;
      index = above;
    }
    heap[index] = timer;
    timer.index = index;
  }

  #sink(timer: Timer, from: number): void {
    const heap = this.#heap;
    let index = from;
    for (;;) {
      let below = index * 2 + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && (heap[below + 1] as Timer).due < (heap[below] as Timer).due) {
        below += 1;
      }
      const child = heap[below] as Timer;
      if (child.due >= timer.due) break;
      heap[index] = child;
      child.index = index;
      index = below;
    }
    heap[index] = timer;
    timer.index = index;
  }
}
