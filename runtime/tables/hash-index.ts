/**
 * Hash index: finds the slots of a key in a set or a bag.
 *
 * Linear hashing: the table grows by splitting one bucket at a time, so no insert is ever long. A
 * bucket is a chain of slots, newest first.
 *
 * Readers need no lock: what they follow are always numbers of slots, and whether anything changed
 * meanwhile is told by the table's SEQUENCE. The number of steps is bounded all the same.
 *
 * Source: W. Litwin, "Linear hashing: a new tool for file and table addressing" (1980), as in ETS.
 */

import { Pages } from './pages.js';
import { HASH, LINK, type Slots } from './slots.js';
import { BUCKETS, COUNT, ROOT_BUCKETS, ROOT_LISTS } from './table-entry.js';
import { CHUNK_WORDS, type TableMemory } from './table-memory.js';

/** Objects for each bucket, on average, at which the table grows. */
const LOAD = 1;
const BUCKETS_INITIAL = 256;
const PAGE_SHIFT = 11;
const PAGE_MASK: number = (1 << PAGE_SHIFT) - 1;

export class HashIndex {
  readonly #memory: TableMemory;
  readonly #slots: Slots;
  readonly #cells: Int32Array;
  readonly #at: number;
  readonly pages: Pages;
  readonly #places: number[];

  constructor(memory: TableMemory, table: number, root: number, slots: Slots) {
    this.#memory = memory;
    this.#slots = slots;
    this.#cells = memory.cells;
    this.#at = memory.entryAt(table);
    this.pages = new Pages(memory, table, root * CHUNK_WORDS + ROOT_BUCKETS, ROOT_LISTS);
    this.#places = this.pages.places;
  }

  /** The first slot of the chain that may hold keys of this hash, plus 1. */
  first(words: Int32Array, hash: number): number {
    return words[this.#bucketAt(this.#bucket(hash))] as number;
  }

  /** Put a slot, whose HASH is set, in front of its chain. */
  link(slot: number): void {
    const words = this.#memory.current();
    const at = this.#slots.at(slot);
    const bucket = this.#bucketAt(this.#bucket(words[at + HASH] as number));
    words[at + LINK] = words[bucket] as number;
    words[bucket] = slot + 1;
  }

  unlink(slot: number): void {
    const words = this.#memory.current();
    const at = this.#slots.at(slot);
    let place = this.#bucketAt(this.#bucket(words[at + HASH] as number));
    while (words[place] !== slot + 1) place = this.#slots.at((words[place] as number) - 1) + LINK;
    words[place] = words[at + LINK] as number;
  }

  /** Empty. The number of buckets stays what it was if there are any. */
  reset(): void {
    if (this.#cells[this.#at + BUCKETS] === 0) this.#cells[this.#at + BUCKETS] = BUCKETS_INITIAL;
    const buckets = this.#cells[this.#at + BUCKETS] as number;
    for (let page = 0; page << PAGE_SHIFT < buckets; page += 1) {
      this.pages.ensure(page);
      const place = this.pages.place(page);
      this.#memory.current().fill(0, place, place + CHUNK_WORDS);
    }
  }

  /** Split a bucket if there are too many objects. Call it when the new one is linked. */
  grow(): void {
    const buckets = this.#cells[this.#at + BUCKETS] as number;
    if ((this.#cells[this.#at + COUNT] as number) <= buckets * LOAD) return;
    this.pages.ensure(buckets >> PAGE_SHIFT);
    const words = this.#memory.current();
    const low = this.#bucketAt(buckets - (1 << (31 - Math.clz32(buckets))));
    const high = this.#bucketAt(buckets);
    this.#cells[this.#at + BUCKETS] = buckets + 1;
    // In the order of the chain, so that the objects of a bag keep theirs.
    let lowEnd = low;
    let highEnd = high;
    for (let next = words[low] as number; next !== 0; ) {
      const at = this.#slots.at(next - 1);
      if (this.#bucket(words[at + HASH] as number) === buckets) {
        words[highEnd] = next;
        highEnd = at + LINK;
      } else {
        words[lowEnd] = next;
        lowEnd = at + LINK;
      }
      next = words[at + LINK] as number;
    }
    words[lowEnd] = 0;
    words[highEnd] = 0;
  }

  #bucket(hash: number): number {
    const buckets = this.#cells[this.#at + BUCKETS] as number;
    // The greatest power of two that is not greater; buckets from it on are split already.
    const half = 1 << (31 - Math.clz32(buckets));
    const bucket = hash & (2 * half - 1);
    return bucket < buckets ? bucket : bucket & (half - 1);
  }

  #bucketAt(bucket: number): number {
    const page = this.#places[bucket >> PAGE_SHIFT] ?? this.pages.place(bucket >> PAGE_SHIFT);
    return page + (bucket & PAGE_MASK);
  }
}
