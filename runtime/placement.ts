/**
 * Placement: which scheduler a new process is put on.
 *
 * A process never moves, so the choice is made once. A process spawned alone stays with its
 * parent, where messages between them are cheapest. A burst from one slice is spread in runs that
 * grow (1, 1, 2, 2, 4, 4, … up to `RUN_MAX` on each scheduler in turn): eight busy children use all
 * cores, while neighbours in a ring of thousands mostly stay together. Whatever the burst, a
 * scheduler that has clearly more to do than another (run queue, or population) hands the process
 * to the one that has least.
 */

import {
  LIFE,
  PROCESSES,
  RUN_QUEUE,
  type SharedState,
  SPAWNS_COMING,
} from './shared-state.js';

const RUN_MAX = 64;
/** So many more runnable processes than elsewhere make a scheduler the wrong place. */
const QUEUE_SLACK = 256;
/** So many more living processes than elsewhere, plus a quarter, make a scheduler the wrong place. */
const POPULATION_SLACK = 64;

export class Placement {
  readonly #state: SharedState;
  readonly #slot: number;
  readonly #slots: number;
  #slice = -1;
  #target: number;
  #left = 1;
  #run = 1;

  constructor(state: SharedState, slot: number, slots: number) {
    this.#state = state;
    this.#slot = slot;
    this.#slots = slots;
    this.#target = slot;
  }

  /**
   * @param slice number of the slice that spawns: a new slice begins a new burst
   * @param queued this scheduler's runnable processes
   * @param living this scheduler's processes
   * @returns a slot
   */
  choose(slice: number, queued: number, living: number): number {
    if (this.#slots === 1) return this.#slot;
    if (slice !== this.#slice) {
      this.#slice = slice;
      this.#target = this.#slot;
      this.#left = 1;
      this.#run = 1;
    }
    if (this.#left === 0) this.#nextRun();
    this.#left -= 1;
    if (this.#target !== this.#slot) return this.#target;
    const other = this.#leastLoaded();
    if (other === this.#slot) return other;
    const state = this.#state;
    const otherQueued = state.get(other, RUN_QUEUE) + state.get(other, SPAWNS_COMING);
    if (queued > otherQueued + QUEUE_SLACK) return other;
    const otherLiving = state.get(other, PROCESSES) + state.get(other, SPAWNS_COMING);
    return living > otherLiving * 1.25 + POPULATION_SLACK && otherQueued <= queued + 1 ? other : this.#slot;
  }

  #nextRun(): void {
    let next = this.#target;
    do {
      next = next === this.#slots ? 1 : next + 1;
    } while (this.#state.get(next, LIFE) === 0);
    if (next === this.#slot) this.#run = Math.min(RUN_MAX, this.#run * 2);
    this.#target = next;
    this.#left = this.#run;
  }

  #leastLoaded(): number {
    const state = this.#state;
    let best = this.#slot;
    let least = Number.POSITIVE_INFINITY;
    for (let slot = 1; slot <= this.#slots; slot++) {
      if (slot === this.#slot || state.get(slot, LIFE) === 0) continue;
      const load = state.get(slot, RUN_QUEUE) + state.get(slot, SPAWNS_COMING) + state.get(slot, PROCESSES) / 64;
      if (load < least) {
        least = load;
        best = slot;
      }
    }
    return best;
  }
}
