/**
 * Serial table: entries by the serial of the reference that each was made with.
 *
 * Most entries live for the time of one call, so a table must take and lose them without garbage; a
 * `Map` is copied whenever its deleted entries fill it. Here entries are linked into slots by
 * themselves. Serials are handed out in turn, so slots fill evenly without a hash.
 *
 * Invariant: an entry is in one table at most, and in the slot of its serial.
 */

import { serialOf } from './address.js';
import type { Ref } from './terms.js';

export interface SerialEntry<T> {
  readonly ref: Ref | null;
  readonly serial: number;
  /** Next in the same slot. */
  slotNext: T | null;
}

const FIRST_SLOTS = 16;

export class SerialTable<T extends SerialEntry<T>> {
  readonly #prefixLength: number | undefined;
  #slots: (T | null)[] = new Array<T | null>(FIRST_SLOTS).fill(null);
  /** What was added last is asked for most, and then its reference need not be read. */
  #newest: T | null = null;
  #count = 0;

  /** @param refPrefix what the references of all entries begin with; without it they may come from anywhere */
  constructor(refPrefix?: string) {
    this.#prefixLength = refPrefix?.length;
  }

  get count(): number {
    return this.#count;
  }

  get newest(): T | null {
    return this.#newest;
  }

  add(entry: T): void {
    if (this.#count >= this.#slots.length) this.#grow();
    this.#link(entry);
    this.#newest = entry;
    this.#count += 1;
  }

  /** Cost: constant; reading the reference is most of it. */
  find(ref: Ref): T | undefined {
    if (this.#newest?.ref === ref) return this.#newest;
    const serial = serialOf(ref, this.#prefixLength ?? ref.lastIndexOf('.') + 1);
    if (serial < 0) return undefined;
    let entry = this.#slots[serial % this.#slots.length] ?? null;
    while (entry !== null && (entry.serial !== serial || entry.ref !== ref)) entry = entry.slotNext;
    return entry ?? undefined;
  }

  /** For a table with a prefix, where the serial says it all. */
  findSerial(serial: number): T | undefined {
    let entry = this.#slots[serial % this.#slots.length] ?? null;
    while (entry !== null && entry.serial !== serial) entry = entry.slotNext;
    return entry ?? undefined;
  }

  /** @returns whether it was there */
  delete(entry: T): boolean {
    const slots = this.#slots;
    const index = entry.serial % slots.length;
    let before: T | null = null;
    let at = slots[index] ?? null;
    while (at !== null && at !== entry) {
      before = at;
      at = at.slotNext;
    }
    if (at === null) return false;
    if (before === null) slots[index] = entry.slotNext;
    else before.slotNext = entry.slotNext;
    entry.slotNext = null;
    if (this.#newest === entry) this.#newest = null;
    this.#count -= 1;
    return true;
  }

  #link(entry: T): void {
    const index = entry.serial % this.#slots.length;
    entry.slotNext = this.#slots[index] ?? null;
    this.#slots[index] = entry;
  }

  /** Never made smaller: what was needed once is a word a slot. */
  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array<T | null>(old.length * 2).fill(null);
    for (const first of old) {
      for (let entry = first; entry !== null; ) {
        const next: T | null = entry.slotNext;
        this.#link(entry);
        entry = next;
      }
    }
  }
}
