/**
 * Thread lock: a word in shared memory that one thread at a time holds.
 *
 * | value      | meaning                                                                   |
 * | ---------- | ------------------------------------------------------------------------- |
 * | 0          | free                                                                      |
 * | a life     | held by that thread                                                       |
 * | `DAMAGED`  | free; whoever held it last did not finish: what it guards must be repaired |
 *
 * The word after it counts those who sleep until it is free, so that an uncontended unlock wakes
 * nobody (`Atomics.notify` costs more than the rest).
 *
 * Invariants:
 *  1. Nothing that waits, calls user code or takes another lock runs while one is held, but for the
 *     order directory → table. So a lock is held for microseconds.
 *  2. A thread that dies inside is found by the machine, which calls `breakLock` with its life.
 */

export const DAMAGED = -1;
/** Words of a lock. */
export const LOCK_WORDS = 2;

/** Some fifty microseconds, as a load is 11 to 24 ns: about what it takes to sleep and to be woken. */
const SPINS = 4000;
/** A safety net only: who unlocks wakes who sleeps. */
const NAP_MS = 5;

/** @returns true when what the lock guards must be repaired first */
export function lock(cells: Int32Array, at: number, life: number): boolean {
  if (Atomics.compareExchange(cells, at, 0, life) === 0) return false;
  return contend(cells, at, life);
}

function contend(cells: Int32Array, at: number, life: number): boolean {
  for (let spin = 0; ; spin += 1) {
    const held = Atomics.load(cells, at);
    if (held === 0 || held === DAMAGED) {
      if (Atomics.compareExchange(cells, at, held, life) === held) return held === DAMAGED;
    } else if (held === life) {
      // This thread itself left it in the middle, by an error that nobody expected.
      return true;
    } else if (spin > SPINS) {
      Atomics.add(cells, at + 1, 1);
      Atomics.wait(cells, at, held, NAP_MS);
      Atomics.sub(cells, at + 1, 1);
    }
  }
}

export function unlock(cells: Int32Array, at: number): void {
  release(cells, at, 0);
}

/** Unlock and say that what the lock guards is not whole. */
export function unlockDamaged(cells: Int32Array, at: number): void {
  release(cells, at, DAMAGED);
}

function release(cells: Int32Array, at: number, value: number): void {
  Atomics.store(cells, at, value);
  if (Atomics.load(cells, at + 1) > 0) Atomics.notify(cells, at, 1);
}

/** The thread of this life is gone. If it held the lock, the next one repairs. */
export function breakLock(cells: Int32Array, at: number, life: number): void {
  if (Atomics.compareExchange(cells, at, life, DAMAGED) === life) Atomics.notify(cells, at);
}
