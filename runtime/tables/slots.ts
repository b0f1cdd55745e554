/**
 * Slots: one for each object of a table. The ground state: all else of a table is derived from them.
 *
 * | word     | meaning                                                                         |
 * | -------- | ------------------------------------------------------------------------------- |
 * | BLOCK    | word of the heap where the object's block is: at INLINE, or elsewhere. 0 when free |
 * | VERSION  | changes with every change of the object; what a thread has decoded counts for it |
 * | HASH     | of the key                                                                       |
 * | LINK     | hash table: next of the bucket; ordered: left child; free: next free. Plus 1     |
 * | RIGHT    | ordered: right child, plus 1                                                     |
 * | FLAGS    | else: `INT_KEY`: the key is an integer, which the hash tells; `BURIED_FLAG`      |
 * | INLINE   | room for a block of `INLINE_WORDS` words                                         |
 *
 * A slot is a cache line, and short rows lie in it: to find one is to fetch a bucket and a slot.
 *
 * Invariants:
 *  1. An object stays in its slot for as long as it lives. So a scan by number visits what is there
 *     all the time exactly once, whatever else is inserted and deleted.
 *  2. Setting BLOCK makes or changes an object: one store, so there is no half of it. What takes the
 *     place of a block that is inline is therefore written elsewhere.
 *  3. A buried slot holds a deleted object whose place somebody may still iterate from; while a
 *     table is fixed, new objects get slots behind all others only.
 */

import { Pages } from './pages.js';
import {
  BURIED,
  FIXED,
  ROOT,
  ROOT_LISTS,
  ROOT_SLOTS,
  SLOT_FREE,
  SLOTS_HIGH,
} from './table-entry.js';
import { CHUNK_WORDS, type TableMemory } from './table-memory.js';

export const BLOCK = 0;
export const VERSION = 1;
export const HASH = 2;
export const LINK = 3;
export const RIGHT = 4;
/** In tables without an order, in place of RIGHT. */
export const FLAGS = 4;
export const INLINE = 5;

export const INT_KEY = 1;
export const BURIED_FLAG = 2;

const SLOT_SHIFT = 4;
/** Words of a slot. */
export const SLOT_WORDS: number = 1 << SLOT_SHIFT;
export const INLINE_WORDS: number = SLOT_WORDS - INLINE;
const PAGE_SHIFT = 7;
/** They lie one behind the other. */
export const SLOTS_A_PAGE: number = 1 << PAGE_SHIFT;
const PAGE_MASK: number = SLOTS_A_PAGE - 1;

export class Slots {
  readonly #memory: TableMemory;
  readonly #cells: Int32Array;
  /** The entry of the table in the cells. */
  readonly #at: number;
  readonly pages: Pages;
  readonly #places: number[];

  constructor(memory: TableMemory, table: number, root: number) {
    this.#memory = memory;
    this.#cells = memory.cells;
    this.#at = memory.entryAt(table);
    this.pages = new Pages(memory, table, root * CHUNK_WORDS + ROOT_SLOTS, ROOT_LISTS);
    this.#places = this.pages.places;
  }

  get high(): number {
    return this.#cells[this.#at + SLOTS_HIGH] as number;
  }

  /** The first word of a slot. */
  at(slot: number): number {
    const page = this.#places[slot >> PAGE_SHIFT] ?? this.pages.place(slot >> PAGE_SHIFT);
    return page + ((slot & PAGE_MASK) << SLOT_SHIFT);
  }

  /** A free slot, which is in use as soon as its BLOCK is set. Holder of the lock only. */
  take(): number {
    const cells = this.#cells;
    const free = cells[this.#at + SLOT_FREE] as number;
    if (free !== 0 && cells[this.#at + FIXED] === 0) {
      const words = this.#memory.current();
      cells[this.#at + SLOT_FREE] = words[this.at(free - 1) + LINK] as number;
      return free - 1;
    }
    const slot = cells[this.#at + SLOTS_HIGH] as number;
    this.pages.ensure(slot >> PAGE_SHIFT);
    Atomics.store(cells, this.#at + SLOTS_HIGH, slot + 1);
    return slot;
  }

  /** The object is gone, and its slot is in no index. */
  free(slot: number): void {
    const words = this.#memory.current();
    const at = this.at(slot);
    words[at + BLOCK] = 0;
    words[at + FLAGS] = 0;
    words[at + LINK] = this.#cells[this.#at + SLOT_FREE] as number;
    this.#cells[this.#at + SLOT_FREE] = slot + 1;
  }

  /** Keep the place of a deleted object. */
  bury(slot: number): void {
    const words = this.#memory.current();
    const at = this.at(slot) + FLAGS;
    words[at] = (words[at] as number) | BURIED_FLAG;
    this.#cells[this.#at + BURIED] = (this.#cells[this.#at + BURIED] as number) + 1;
  }

  /** Make the list of free slots anew: all that hold no object. */
  relist(): void {
    const words = this.#memory.current();
    this.#cells[this.#at + SLOT_FREE] = 0;
    for (let slot = this.high - 1; slot >= 0; slot -= 1) {
      if (words[this.at(slot) + BLOCK] === 0) this.free(slot);
    }
  }

  /** The chunk whose root words these are. */
  static rootOf(memory: TableMemory, table: number): number {
    return memory.cells[memory.entryAt(table) + ROOT] as number;
  }
}
