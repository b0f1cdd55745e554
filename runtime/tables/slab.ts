/**
 * Slab: memory for the blocks of one table, out of chunks of the heap.
 *
 * A chunk is cut into cells of one size class. Chunks of a class that have a free cell are a doubly
 * linked list; a chunk whose last cell is freed goes back to the heap. What is longer than half a
 * chunk has adjacent chunks of its own, a *run*.
 *
 * | chunk header | slab                               | run             |
 * | ------------ | ---------------------------------- | --------------- |
 * | CELL         | words of a cell                    | 0               |
 * | LIVE         | cells in use                       | number of chunks |
 * | FREE         | first free cell, linked by word 0  | –               |
 * | BUMP         | cells from here on were never used | –               |
 * | NEXT, PREV   | chunks of the class with room      | –               |
 *
 * Invariant: all of this is derived. Which blocks live is told by the slots of the table alone, and
 * `rebuild` makes the rest anew, after a thread died in the middle of a write.
 *
 * Only the holder of the table's lock calls any of it.
 */

import { CHUNK_WORDS, ChunkKind, type TableMemory } from './table-memory.js';

const CELL = 0;
const LIVE = 1;
const FREE = 2;
const BUMP = 3;
const NEXT = 4;
const PREV = 5;
const CHUNK_HEADER = 8;

/** Words of the cells of each class: steps of a quarter at most, and whole cells fill a chunk. */
const CLASSES: readonly number[] = [
  4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 102, 127, 156, 185, 226, 291, 340,
  408, 510, 680, 1020,
];
const CELL_MAX = 1020;
/** Words that the slab needs in the table's root chunk: the head of a list for each class. */
export const SLAB_WORDS: number = CLASSES.length;

/** Class by number of words. */
const classOf = new Uint8Array(CELL_MAX + 1);
for (let words = 0, which = 0; words <= CELL_MAX; words += 1) {
  if (words > (CLASSES[which] as number)) which += 1;
  classOf[words] = which;
}

export class Slab {
  readonly #memory: TableMemory;
  readonly #table: number;
  /** Word of the heap where the list heads are. */
  readonly #heads: number;

  constructor(memory: TableMemory, table: number, heads: number) {
    this.#memory = memory;
    this.#table = table;
    this.#heads = heads;
  }

  /** @returns the word where a block of so many words may be written */
  allocate(count: number): number {
    if (count > CELL_MAX) return this.#run(count);
    const which = classOf[count] as number;
    let words = this.#memory.current();
    let chunk = words[this.#heads + which] as number;
    if (chunk === 0) {
      chunk = this.#fresh(which);
      words = this.#memory.current();
    }
    const at = chunk * CHUNK_WORDS;
    const size = CLASSES[which] as number;
    let cell = words[at + FREE] as number;
    if (cell !== 0) words[at + FREE] = words[cell] as number;
    else {
      cell = words[at + BUMP] as number;
      words[at + BUMP] = cell + size;
    }
    words[at + LIVE] = (words[at + LIVE] as number) + 1;
    const isFull = words[at + FREE] === 0 && (words[at + BUMP] as number) + size > at + CHUNK_WORDS;
    if (isFull) this.#unlist(words, which, chunk);
    return cell;
  }

  free(block: number): void {
    const words = this.#memory.current();
    const chunk = Math.floor(block / CHUNK_WORDS);
    const at = chunk * CHUNK_WORDS;
    const size = words[at + CELL] as number;
    if (size === 0) {
      this.#memory.giveBack(chunk, words[at + LIVE] as number);
      return;
    }
    const which = classOf[size] as number;
    const wasFull =
      words[at + FREE] === 0 && (words[at + BUMP] as number) + size > at + CHUNK_WORDS;
    words[block] = words[at + FREE] as number;
    words[at + FREE] = block;
    const live = (words[at + LIVE] as number) - 1;
    words[at + LIVE] = live;
    if (wasFull) this.#list(words, which, chunk);
    // The last chunk of a class stays, so that a table of one row does not take and give all the time.
    const isOnly = words[at + NEXT] === 0 && words[at + PREV] === 0;
    if (live === 0 && !isOnly) {
      this.#unlist(words, which, chunk);
      this.#memory.giveBack(chunk, 1);
    }
  }

  /** Words that a block of so many takes. */
  sizeOf(count: number): number {
    if (count <= CELL_MAX) return CLASSES[classOf[count] as number] as number;
    return Math.ceil((count + CHUNK_HEADER) / CHUNK_WORDS) * CHUNK_WORDS;
  }

  /**
   * Make lists, counts and free cells anew; give back chunks without a living block.
   *
   * @param blocks where the living blocks are
   * @param known chunks of the table that are no memory for blocks
   */
  rebuild(blocks: Iterable<number>, known: ReadonlySet<number>): void {
    const words = this.#memory.current();
    const living = new Map<number, Set<number>>();
    for (const block of blocks) {
      const chunk = Math.floor(block / CHUNK_WORDS);
      const cells = living.get(chunk);
      if (cells === undefined) living.set(chunk, new Set([block]));
      else cells.add(block);
    }
    for (let which = 0; which < SLAB_WORDS; which += 1) words[this.#heads + which] = 0;
    for (let chunk = 1; chunk < this.#memory.chunks; chunk += 1) {
      if (!this.#memory.belongsTo(chunk, this.#table) || known.has(chunk)) continue;
      const cells = living.get(chunk);
      const at = chunk * CHUNK_WORDS;
      const isRun = this.#memory.kindOf(chunk) === ChunkKind.RUN;
      if (cells === undefined) this.#memory.giveBack(chunk, 1);
      else if (isRun) chunk += (words[at + LIVE] as number) - 1;
      else this.#rebuildChunk(words, chunk, cells);
    }
  }

  #rebuildChunk(words: Int32Array, chunk: number, living: ReadonlySet<number>): void {
    const at = chunk * CHUNK_WORDS;
    const size = words[at + CELL] as number;
    words[at + LIVE] = living.size;
    words[at + FREE] = 0;
    let cell = at + CHUNK_HEADER;
    for (; cell + size <= at + CHUNK_WORDS; cell += size) {
      if (living.has(cell)) continue;
      words[cell] = words[at + FREE] as number;
      words[at + FREE] = cell;
    }
    words[at + BUMP] = cell;
    words[at + NEXT] = 0;
    words[at + PREV] = 0;
    if (words[at + FREE] !== 0) this.#list(words, classOf[size] as number, chunk);
  }

  #fresh(which: number): number {
    const chunk = this.#memory.take(this.#table, ChunkKind.SLAB, 1);
    const words = this.#memory.current();
    const at = chunk * CHUNK_WORDS;
    words.fill(0, at, at + CHUNK_HEADER);
    words[at + CELL] = CLASSES[which] as number;
    words[at + BUMP] = at + CHUNK_HEADER;
    this.#list(words, which, chunk);
    return chunk;
  }

  #run(count: number): number {
    const chunks = Math.ceil((count + CHUNK_HEADER) / CHUNK_WORDS);
    const first = this.#memory.take(this.#table, ChunkKind.RUN, chunks);
    const words = this.#memory.current();
    const at = first * CHUNK_WORDS;
    words[at + CELL] = 0;
    words[at + LIVE] = chunks;
    return at + CHUNK_HEADER;
  }

  #list(words: Int32Array, which: number, chunk: number): void {
    const first = words[this.#heads + which] as number;
    const at = chunk * CHUNK_WORDS;
    words[at + NEXT] = first;
    words[at + PREV] = 0;
    if (first !== 0) words[first * CHUNK_WORDS + PREV] = chunk;
    words[this.#heads + which] = chunk;
  }

  #unlist(words: Int32Array, which: number, chunk: number): void {
    const at = chunk * CHUNK_WORDS;
    const next = words[at + NEXT] as number;
    const prev = words[at + PREV] as number;
    if (next !== 0) words[next * CHUNK_WORDS + PREV] = prev;
    if (prev !== 0) words[prev * CHUNK_WORDS + NEXT] = next;
    else words[this.#heads + which] = next;
    words[at + NEXT] = 0;
    words[at + PREV] = 0;
  }
}
