/**
 * Pages: an array in the heap that grows without moving: chunks, chunks that list them, and a list of
 * those in the root chunk of the table.
 *
 * Invariant: a page that is there stays where it is until the table's LAYOUT changes. So each thread
 * keeps the places of pages, and forgets them then.
 */

import { CHUNK_WORDS, ChunkKind, type TableMemory } from './table-memory.js';

/** Thrown where a reader without the lock has met something that is just being changed. */
export const TORN: unique symbol = Symbol('torn');

const LIST_SHIFT = 11;
const LIST_MASK: number = (1 << LIST_SHIFT) - 1;

export class Pages {
  readonly #memory: TableMemory;
  readonly #table: number;
  /** Word of the heap where the list of lists begins, and its length. */
  readonly #lists: number;
  readonly #listsMax: number;
  /** The first word of each page that this thread has seen. */
  readonly places: number[] = [];

  constructor(memory: TableMemory, table: number, lists: number, listsMax: number) {
    this.#memory = memory;
    this.#table = table;
    this.#lists = lists;
    this.#listsMax = listsMax;
  }

  /** The first word of a page. @throws TORN when there is none */
  place(page: number): number {
    return this.places[page] ?? this.#read(page);
  }

  #read(page: number): number {
    const words = this.#memory.current();
    const which = page >> LIST_SHIFT;
    if (!(which >= 0 && which < this.#listsMax)) throw TORN;
    const list = words[this.#lists + which] as number;
    const chunk = list === 0 ? 0 : words[list * CHUNK_WORDS + (page & LIST_MASK)];
    if (chunk === 0 || chunk === undefined) throw TORN;
    if (this.places.length === page) this.places.push(chunk * CHUNK_WORDS);
    return chunk * CHUNK_WORDS;
  }

  /** Make a page if it is not there. Holder of the lock only. */
  ensure(page: number): void {
    if (page < this.places.length) return;
    const listAt = this.#lists + (page >> LIST_SHIFT);
    if (this.#memory.current()[listAt] === 0) {
      const list = this.#blank();
      this.#memory.current()[listAt] = list;
    }
    const at = (this.#memory.current()[listAt] as number) * CHUNK_WORDS + (page & LIST_MASK);
    if (this.#memory.current()[at] === 0) {
      const made = this.#blank();
      this.#memory.current()[at] = made;
    }
  }

  /** The chunks that pages and lists are made of. */
  chunks(): number[] {
    const words = this.#memory.current();
    const found: number[] = [];
    for (let which = 0; which < this.#listsMax; which += 1) {
      const list = words[this.#lists + which] as number;
      if (list === 0) break;
      found.push(list);
      for (let index = 0; index < CHUNK_WORDS; index += 1) {
        const chunk = words[list * CHUNK_WORDS + index] as number;
        if (chunk === 0) break;
        found.push(chunk);
      }
    }
    return found;
  }

  #blank(): number {
    const chunk = this.#memory.take(this.#table, ChunkKind.PAGE, 1);
    this.#memory.current().fill(0, chunk * CHUNK_WORDS, (chunk + 1) * CHUNK_WORDS);
    return chunk;
  }
}
