/**
 * Call limits: the time limits of calls that were made since the clock was last read.
 *
 * Most calls are answered before the scheduler looks at the clock again. So a call asks neither for the
 * time nor for a timer; whoever reads the clock next starts the timers of the calls that still wait.
 * Their time begins then: a limit is later by what is left of a group of slices, and never early.
 *
 * Invariant: nothing is left here when a turn ends, or when slices that ran on top of a process are over
 * and it is asked whether there is work; so the times that timers are due are all there is to sleep by.
 */

import type { Monitor } from './monitors.js';
import { Timer, type TimerQueue } from './timers.js';

/** Room that is kept from one group of slices to the next. */
const ROOM_KEPT = 1024;

export class CallLimits {
  readonly #timers: TimerQueue;
  #monitors: (Monitor | null)[] = [];
  #limits: number[] = [];
  #expired: ((timer: Timer) => void)[] = [];
  #count = 0;

  constructor(timers: TimerQueue) {
    this.#timers = timers;
  }

  get count(): number {
    return this.#count;
  }

  /** @param expired ends the wait of a call that is not over by then; the timer's subject is the monitor */
  add(monitor: Monitor, limitMs: number, expired: (timer: Timer) => void): void {
    const at = this.#count++;
    this.#monitors[at] = monitor;
    this.#limits[at] = limitMs;
    this.#expired[at] = expired;
  }

  /** Start the timers of the calls that still wait. */
  start(now: number): void {
    const count = this.#count;
    this.#count = 0;
    for (let at = 0; at < count; at++) {
      const monitor = this.#monitors[at] as Monitor;
      this.#monitors[at] = null;
      if (!monitor.active) continue;
      const due = now + (this.#limits[at] as number);
      monitor.timer = new Timer(due, this.#expired[at] as (timer: Timer) => void, monitor);
      this.#timers.start(monitor.timer);
    }
    if (count <= ROOM_KEPT) return;
    this.#monitors = [];
    this.#limits = [];
    this.#expired = [];
  }
}
