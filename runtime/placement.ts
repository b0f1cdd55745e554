/**
 * Placement: which scheduler a new process is put on.
 *
 * A process never moves, so the choice is made once, and what a process will do is not known when it
 * is spawned. But programs spawn the same functions again and again: the time that the first slice
 * takes is sampled for each entry function, and decides from then on.
 *
 *  - *light* (the first slice is short: most processes wait, or end at once): here, where the spawn
 *    and the messages with the parent cost least; unless this scheduler has clearly more waiting
 *    processes than another, which then gets the next `RUN_MAX` in one run, so that neighbours stay together.
 *  - *heavy*: where least is runnable, so that busy children use all cores.
 *  - *unknown*: the spawns of one slice go out in runs that grow, 1, 1, 2, 2, 4, 4 … on each
 *    scheduler in turn.
 */

import { entryKey } from './funs.js';
import type { EntryFunction } from './hosting.js';
import { LIFE, PROCESSES, RUN_QUEUE, type SharedState, SPAWNS_COMING } from './shared-state.js';

const RUN_MAX = 256;
/** So many more waiting processes than elsewhere, plus a quarter, are clearly more. */
const POPULATION_SLACK = 64;
/** A first slice that takes longer makes its function heavy. Sending a spawn elsewhere costs about 1 µs. */
const HEAVY_MS = 0.05;
/** One spawn in so many is timed. */
export const SAMPLE_EVERY = 16;
/** How sure of a function the machine can be: so many samples of the other kind change its mind. */
const SURE = 4;

export class Placement {
  readonly #state: SharedState;
  readonly #slot: number;
  readonly #slots: number;
  /** By entry function: above 0 heavy, below light, from -SURE to SURE. One slow sample (a collection, a cold function) changes nothing. */
  readonly #weight = new WeakMap<object, number>();
  #slice = -1;
  #target: number;
  #left = 0;
  #run = 1;

  constructor(state: SharedState, slot: number, slots: number) {
    this.#state = state;
    this.#slot = slot;
    this.#slots = slots;
    this.#target = slot;
  }

  /** Does this machine have other schedulers to choose from? */
  get matters(): boolean {
    return this.#slots > 1;
  }

  /** The first slice of a process with this entry took `ms`. */
  learn(entry: EntryFunction, ms: number): void {
    const key = entryKey(entry);
    const weight = this.#weight.get(key) ?? 0;
    const next = ms > HEAVY_MS ? Math.min(SURE, weight + 1) : Math.max(-SURE, weight - 1);
    this.#weight.set(key, next === 0 ? -1 : next);
  }

  /**
   * @param slice number of the slice that spawns: a new slice begins a new run
   * @param queued this scheduler's runnable processes
   * @param living this scheduler's processes
   * @returns a slot
   */
  choose(entry: EntryFunction, slice: number, queued: number, living: number): number {
    if (this.#slots === 1) return this.#slot;
    if (slice !== this.#slice) {
      this.#slice = slice;
      this.#left = 0;
      this.#run = 0;
      this.#target = this.#slot;
    }
    const weight = this.#weight.get(entryKey(entry)) ?? 0;
    if (weight > 0) return this.#leastRunnable(queued + 1);
    if (this.#left > 0) {
      this.#left -= 1;
      return this.#target;
    }
    if (weight === 0) this.#nextRun();
    else this.#balance(living - queued);
    this.#left -= 1;
    return this.#target;
  }

  /** The next scheduler in turn; each round of turns doubles the length of the runs. */
  #nextRun(): void {
    if (this.#run === 0) {
      this.#run = 1;
      this.#left = 1;
      return;
    }
    let next = this.#target;
    do {
      next = next === this.#slots ? 1 : next + 1;
    } while (this.#state.get(next, LIFE) === 0 && next !== this.#slot);
    if (next === this.#slot) this.#run = Math.min(RUN_MAX, this.#run * 2);
    this.#target = next;
    this.#left = this.#run;
  }

  /** @param settled processes here that have run and wait */
  #balance(settled: number): void {
    this.#target = this.#slot;
    this.#left = 1;
    let least = (settled - POPULATION_SLACK) / 1.25;
    const state = this.#state;
    for (let slot = 1; slot <= this.#slots; slot++) {
      if (slot === this.#slot || state.get(slot, LIFE) === 0) continue;
      const population = state.get(slot, PROCESSES) - state.get(slot, RUN_QUEUE);
      if (population >= least) continue;
      least = population;
      this.#target = slot;
      this.#left = RUN_MAX;
    }
  }

  #leastRunnable(queued: number): number {
    const state = this.#state;
    let best = this.#slot;
    let least = queued;
    for (let slot = 1; slot <= this.#slots; slot++) {
      if (slot === this.#slot || state.get(slot, LIFE) === 0) continue;
      const runnable = state.get(slot, RUN_QUEUE) + state.get(slot, SPAWNS_COMING);
      if (runnable >= least) continue;
      least = runnable;
      best = slot;
    }
    return best;
  }
}
