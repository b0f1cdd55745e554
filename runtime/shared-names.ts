/**
 * Shared names: a table from string to string in shared memory, the same for every thread.
 *
 * The registry of process names and the directory of shared counters are two of them. A fixed hash
 * table with linear probing, guarded by one lock; each thread keeps the names it looked up and
 * trusts them as long as the table's version stands still, so a look-up costs one atomic load and
 * one Map access. A change anywhere empties all these caches: names change rarely, and are read
 * with every send.
 *
 * | cell (Int32) | meaning                                   | who writes                   | who waits |
 * | ------------ | ----------------------------------------- | ---------------------------- | --------- |
 * | LOCK         | life of the thread inside, 0 when free    | CAS by who enters; its owner; `breakLock` | spinning, then 1 ms naps |
 * | VERSION      | grows with every change                   | holder of the lock           | –         |
 * | COUNT        | names in the table                        | holder of the lock           | –         |
 *
 * Invariants:
 *  1. Slots are read and written only by the holder of the lock.
 *  2. A removed slot becomes DELETED and is reused; probing stops at EMPTY only.
 *
 * Bounds: `capacity` names, names of 255 and values of 63 UTF-16 units, as OTP bounds atoms.
 */

import { ProcessError } from './errors.js';

export const NAME_UNITS_MAX = 255;
const VALUE_UNITS_MAX = 63;

const LOCK = 0;
const VERSION = 1;
const COUNT = 2;
const HEADER_CELLS = 16;

const EMPTY = 0;
const USED = 1;
const DELETED = 2;

/** Per slot, in Uint16 units: state, name length, value length, spare, name, value. */
const SLOT_UNITS = 4 + NAME_UNITS_MAX + 1 + VALUE_UNITS_MAX + 1;
const NAME_AT = 4;
const VALUE_AT = NAME_AT + NAME_UNITS_MAX + 1;

const SPINS = 1000;

export class SharedNames {
  readonly buffer: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #units: Uint16Array;
  readonly #capacity: number;
  /** The life of this thread: what the lock shows while this thread is inside. */
  readonly #life: number;
  readonly #seen = new Map<string, string | undefined>();
  #seenVersion = -1;

  constructor(life: number, from: SharedArrayBuffer | { readonly capacity: number }) {
    const fresh = !(from instanceof SharedArrayBuffer);
    this.buffer = fresh
      ? new SharedArrayBuffer(HEADER_CELLS * 4 + from.capacity * SLOT_UNITS * 2)
      : from;
    this.#header = new Int32Array(this.buffer, 0, HEADER_CELLS);
    this.#units = new Uint16Array(this.buffer, HEADER_CELLS * 4);
    this.#capacity = this.#units.length / SLOT_UNITS;
    this.#life = life;
  }

  /** Grows with every change of any name. */
  get version(): number {
    return Atomics.load(this.#header, VERSION);
  }

  get count(): number {
    return Atomics.load(this.#header, COUNT);
  }

  get(name: string): string | undefined {
    const version = Atomics.load(this.#header, VERSION);
    if (version !== this.#seenVersion) {
      this.#seen.clear();
      this.#seenVersion = version;
    }
    const seen = this.#seen.get(name);
    if (seen !== undefined || this.#seen.has(name)) return seen;
    const value = this.#locked(() => {
      const slot = this.#find(name);
      return slot < 0 ? undefined : this.#value(slot);
    });
    if (this.#seen.size < this.#capacity) this.#seen.set(name, value);
    return value;
  }

  /**
   * Insert, atomically over all threads.
   *
   * @returns `undefined` when it is in, else the value that holds the name
   * @throws `system_limit` when the table is full
   */
  insert(name: string, value: string): string | undefined {
    return this.#locked(() => {
      const slot = this.#find(name);
      if (slot >= 0) return this.#value(slot);
      if (this.count >= this.#capacity * 0.75) {
        throw new ProcessError('system_limit', `more than ${this.#capacity * 0.75} names`);
      }
      this.#write(this.#freeSlot(name), name, value);
      this.#changed(1);
      return undefined;
    });
  }

  /** Remove `name` if `value` holds it. @returns whether it did */
  remove(name: string, value: string): boolean {
    return this.#locked(() => {
      const slot = this.#find(name);
      if (slot < 0 || this.#value(slot) !== value) return false;
      this.#delete(slot);
      return true;
    });
  }

  /** Remove every name whose value passes, as when a thread died. @returns the names */
  removeWhere(condition: (value: string) => boolean): string[] {
    return this.#locked(() => {
      const removed: string[] = [];
      for (let slot = 0; slot < this.#capacity; slot++) {
        if (this.#state(slot) !== USED || !condition(this.#value(slot))) continue;
        removed.push(this.#name(slot));
        this.#delete(slot);
      }
      return removed;
    });
  }

  names(): string[] {
    return this.#locked(() => {
      const names: string[] = [];
      for (let slot = 0; slot < this.#capacity; slot++) {
        if (this.#state(slot) === USED) names.push(this.#name(slot));
      }
      return names;
    });
  }

  /** Free the lock of a thread that died inside. */
  breakLock(life: number): void {
    Atomics.compareExchange(this.#header, LOCK, life, 0);
  }

  #locked<T>(body: () => T): T {
    for (let spin = 0; Atomics.compareExchange(this.#header, LOCK, 0, this.#life) !== 0; spin++) {
      if (spin > SPINS) Atomics.wait(this.#header, LOCK, Atomics.load(this.#header, LOCK), 1);
    }
    try {
      return body();
    } finally {
      Atomics.store(this.#header, LOCK, 0);
      Atomics.notify(this.#header, LOCK, 1);
    }
  }

  #changed(by: number): void {
    Atomics.add(this.#header, COUNT, by);
    Atomics.add(this.#header, VERSION, 1);
  }

  #find(name: string): number {
    let slot = this.#home(name);
    for (let probes = 0; probes < this.#capacity; probes++) {
      const state = this.#state(slot);
      if (state === EMPTY) return -1;
      if (state === USED && this.#holds(slot, name)) return slot;
      slot = slot + 1 === this.#capacity ? 0 : slot + 1;
    }
    return -1;
  }

  #freeSlot(name: string): number {
    let slot = this.#home(name);
    while (this.#state(slot) === USED) slot = slot + 1 === this.#capacity ? 0 : slot + 1;
    return slot;
  }

  #home(name: string): number {
    let hash = 0x811c9dc5;
    for (let index = 0; index < name.length; index++) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    }
    return (hash >>> 0) % this.#capacity;
  }

  #state(slot: number): number {
    return this.#units[slot * SLOT_UNITS] as number;
  }

  #holds(slot: number, name: string): boolean {
    const at = slot * SLOT_UNITS;
    if (this.#units[at + 1] !== name.length) return false;
    for (let index = 0; index < name.length; index++) {
      if (this.#units[at + NAME_AT + index] !== name.charCodeAt(index)) return false;
    }
    return true;
  }

  #name(slot: number): string {
    const at = slot * SLOT_UNITS;
    return this.#text(at + NAME_AT, this.#units[at + 1] as number);
  }

  #value(slot: number): string {
    const at = slot * SLOT_UNITS;
    return this.#text(at + VALUE_AT, this.#units[at + 2] as number);
  }

  #text(at: number, length: number): string {
    return String.fromCharCode(...this.#units.subarray(at, at + length));
  }

  #write(slot: number, name: string, value: string): void {
    const at = slot * SLOT_UNITS;
    for (let index = 0; index < name.length; index++) {
      this.#units[at + NAME_AT + index] = name.charCodeAt(index);
    }
    for (let index = 0; index < value.length; index++) {
      this.#units[at + VALUE_AT + index] = value.charCodeAt(index);
    }
    this.#units[at + 1] = name.length;
    this.#units[at + 2] = value.length;
    this.#units[at] = USED;
  }

  /** EMPTY where the next slot is EMPTY too, so that long use leaves no chain of DELETED behind. */
  #delete(slot: number): void {
    const next = slot + 1 === this.#capacity ? 0 : slot + 1;
    let state = DELETED;
    if (this.#state(next) === EMPTY) state = EMPTY;
    this.#units[slot * SLOT_UNITS] = state;
    if (state === EMPTY) {
      let before = slot === 0 ? this.#capacity - 1 : slot - 1;
      while (this.#state(before) === DELETED) {
        this.#units[before * SLOT_UNITS] = EMPTY;
        before = before === 0 ? this.#capacity - 1 : before - 1;
      }
    }
    this.#changed(-1);
  }
}
