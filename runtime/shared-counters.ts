/**
 * Shared counters: named atomic numbers that every scheduler adds to directly.
 *
 * A counter is two Int32 cells, so that it counts to 2^53 while `Atomics.add` stays the machine's
 * own 32-bit instruction; the carry is a second add, made by whoever crosses the border.
 *
 * An atomic is a 64-bit cell in the same line, so that it can be exchanged and compared as a whole.
 *
 * Source: OTP, modules `counters` and `atomics`, `ets:update_counter/3`.
 */

import { badarg, ProcessError } from './errors.js';
import type { SharedNames } from './shared-names.js';

export const COUNTERS_MAX = 4096;
/** One cache line a counter: two schedulers that count different things do not slow each other. */
const STRIDE = 16;
const HIGH_AT = 1;
/** In 64-bit cells: behind the two of the counter. */
const ATOMIC_AT = 1;
const UNIT = 2 ** 32;

/** A named number, shared by all schedulers of the machine. */
export interface Counter {
  /** Add `by` (an integer, may be negative). @returns the new value */
  add(by: number): number;
  get(): number;
  set(value: number): void;
}

/** A named integer of 54 bits that can also be exchanged and compared, atomically. */
export interface Atomic extends Counter {
  /** Set it. @returns the value before */
  exchange(value: number): number;
  /** Set it if it is `expected`. @returns the value before: it was set if that is `expected` */
  compareExchange(expected: number, value: number): number;
}

export class SharedCounters {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #wide: BigInt64Array;
  readonly #directory: SharedNames;

  constructor(directory: SharedNames, buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer((COUNTERS_MAX + 1) * STRIDE * 4);
    this.#cells = new Int32Array(this.buffer);
    this.#wide = new BigInt64Array(this.buffer);
    this.#directory = directory;
  }

  /** The counter of that name, made (at 0) by the first who asks. */
  counter(name: string): Counter {
    const cells = this.#cells;
    const low = this.#indexOf(name) * STRIDE;
    const high = low + HIGH_AT;
    const value = (highPart: number, lowPart: number): number => highPart * UNIT + (lowPart >>> 0);
    return {
      add(by: number): number {
        const lowBy = by | 0;
        const before = Atomics.add(cells, low, lowBy);
        const sum = (before >>> 0) + (lowBy >>> 0);
        const carry = (by - (lowBy >>> 0)) / UNIT + (sum >= UNIT ? 1 : 0);
        if (carry !== 0) Atomics.add(cells, high, carry);
        return value(Atomics.load(cells, high), (before + lowBy) | 0);
      },
      get(): number {
        for (;;) {
          const first = Atomics.load(cells, high);
          const lowPart = Atomics.load(cells, low);
          if (Atomics.load(cells, high) === first) return value(first, lowPart);
        }
      },
      set(to: number): void {
        Atomics.store(cells, high, Math.floor(to / UNIT));
        Atomics.store(cells, low, to | 0);
      },
    };
  }

  /** The atomic of that name, made (at 0) by the first who asks. */
  atomic(name: string): Atomic {
    const wide = this.#wide;
    const at = (this.#indexOf(name) * STRIDE) / 2 + ATOMIC_AT;
    const cell = (value: number): bigint => {
      if (!Number.isSafeInteger(value)) throw badarg('atomic', 'a safe integer', value);
      return BigInt(value);
    };
    return {
      add: (by) => Number(Atomics.add(wide, at, cell(by))) + by,
      get: () => Number(Atomics.load(wide, at)),
      set: (value) => {
        Atomics.store(wide, at, cell(value));
      },
      exchange: (value) => Number(Atomics.exchange(wide, at, cell(value))),
      compareExchange: (expected, value) =>
        Number(Atomics.compareExchange(wide, at, cell(expected), cell(value))),
    };
  }

  #indexOf(name: string): number {
    const known = this.#directory.get(name);
    if (known !== undefined) return Number(known);
    const index = Atomics.add(this.#cells, 0, 1) + 1;
    if (index > COUNTERS_MAX)
      throw new ProcessError('system_limit', `more than ${COUNTERS_MAX} counters`);
    return Number(this.#directory.insert(name, String(index)) ?? index);
  }
}
