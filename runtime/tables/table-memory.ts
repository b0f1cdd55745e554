/**
 * Table memory: the shared memory in which all tables of a machine live.
 *
 * Two parts. `cells` has a fixed size: the header, an entry for each table, the owner of each chunk.
 * `words` is the heap, which grows: one growable buffer, reserved as address space at the start, of
 * which the system gives memory to what was touched. It is handed out in chunks of 8 KiB.
 *
 * | header cell    | meaning                                    | who writes                |
 * | -------------- | ------------------------------------------ | ------------------------- |
 * | DIRECTORY_LOCK | guards entries being made and given away   | holder; see thread-lock   |
 * | OWNERS         | grows whenever a table gets another owner  | holder of the lock        |
 * | GENERATIONS    | the last generation given to a table       | holder of the lock        |
 * | ENTRIES_HIGH   | entries in use are below it                | holder of the lock        |
 * | HEAP_WORDS     | size of the heap                           | who grew it               |
 * | FREE_HINT      | no chunk below it is likely to be free     | anybody, a hint           |
 *
 * Invariants:
 *  1. A chunk belongs to the table whose number stands in its owner cell, 0 when free. The cell is
 *     set by compare-and-set, so a thread that dies between two steps leaves no chunk that belongs to
 *     two tables; at worst one that its table does not know, which a repair gives back.
 *  2. A view of the heap is of fixed length: views that follow the length cost V8 five times as much
 *     at each access. So each operation asks `current()` once.
 */

import { ProcessError } from '../errors.js';

/** Words of a chunk: 8 KiB. */
export const CHUNK_WORDS = 2048;
export const TABLES_MAX = 8192;

export const DIRECTORY_LOCK = 0;
export const OWNERS = 2;
export const GENERATIONS = 3;
export const ENTRIES_HIGH = 4;
export const HEAP_WORDS = 5;
export const FREE_HINT = 6;
export const TABLE_COUNT = 7;

const HEADER_CELLS = 64;
/** Four cache lines a table. */
export const ENTRY_CELLS = 64;
const OWNERS_AT: number = HEADER_CELLS + TABLES_MAX * ENTRY_CELLS;

/** What a chunk is used for, in the upper bits of its owner cell. */
export const ChunkKind = { ROOT: 1, PAGE: 2, SLAB: 3, RUN: 4, REST: 5 } as const;
const KIND_SHIFT = 24;
const TABLE_MASK: number = (1 << KIND_SHIFT) - 1;

const HEAP_BYTES_INITIAL = 1 << 20;
const GROWTH_BYTES_MAX = 1 << 26;
/** Address space to ask for, greatest first: Node 20 permits less than 4 GiB, later ones more. */
const HEAP_BYTES_MAX: readonly number[] = [2 ** 33, 2 ** 32 - 2 ** 16, 2 ** 31, 2 ** 30, 2 ** 28];

/** What every thread of the machine is given. */
export interface TableBuffers {
  readonly cells: SharedArrayBuffer;
  readonly heap: SharedArrayBuffer;
}

interface GrowableBuffer extends SharedArrayBuffer {
  readonly maxByteLength: number;
  grow(bytes: number): void;
}

export class TableMemory {
  readonly buffers: TableBuffers;
  readonly cells: Int32Array;
  readonly #heap: GrowableBuffer;
  readonly #chunksMax: number;
  #words: Int32Array;
  #bytes: Uint8Array;

  constructor(given?: TableBuffers) {
    const heap = (given?.heap ?? reserve()) as GrowableBuffer;
    this.#chunksMax = Math.floor(heap.maxByteLength / (CHUNK_WORDS * 4));
    const cells =
      given?.cells ??
      new SharedArrayBuffer((OWNERS_AT + this.#chunksMax) * Int32Array.BYTES_PER_ELEMENT);
    this.buffers = { cells, heap };
    this.#heap = heap;
    this.cells = new Int32Array(cells);
    if (given === undefined) {
      this.cells[HEAP_WORDS] = heap.byteLength / 4;
      // Chunk 0 is nobody's, so that 0 can mean "no place".
      this.cells[OWNERS_AT] = TABLE_MASK;
      this.cells[FREE_HINT] = 1;
    }
    const length = this.cells[HEAP_WORDS] as number;
    this.#words = new Int32Array(heap, 0, length);
    this.#bytes = new Uint8Array(heap, 0, length * 4);
  }

  /**
   * The heap as it is now, for who has just read SEQUENCE or holds a lock: that orders this load after
   * the growth, so it need not be atomic (for which V8 calls a function).
   */
  current(): Int32Array {
    if (this.cells[HEAP_WORDS] !== this.#words.length) this.#look();
    return this.#words;
  }

  /** The same as bytes, as of the last `current`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  #look(): void {
    const length = Atomics.load(this.cells, HEAP_WORDS);
    this.#words = new Int32Array(this.#heap, 0, length);
    this.#bytes = new Uint8Array(this.#heap, 0, length * 4);
  }

  entryAt(index: number): number {
    return HEADER_CELLS + index * ENTRY_CELLS;
  }

  /** Chunks there are, free or not. */
  get chunks(): number {
    return Atomics.load(this.cells, HEAP_WORDS) / CHUNK_WORDS;
  }

  kindOf(chunk: number): number {
    return Atomics.load(this.cells, OWNERS_AT + chunk) >> KIND_SHIFT;
  }

  belongsTo(chunk: number, table: number): boolean {
    return (Atomics.load(this.cells, OWNERS_AT + chunk) & TABLE_MASK) === table + 1;
  }

  /** How many chunks a table has. */
  chunksOf(table: number): number {
    let count = 0;
    for (let chunk = 1; chunk < this.chunks; chunk += 1)
      if (this.belongsTo(chunk, table)) count += 1;
    return count;
  }

  /**
   * Take adjacent chunks for a table. Their contents are what was left there.
   *
   * @returns the number of the first one
   * @throws `system_limit` when the machine has no more memory for tables
   */
  take(table: number, kind: number, count: number): number {
    for (;;) {
      const chunks = this.chunks;
      const hint = Atomics.load(this.cells, FREE_HINT);
      for (let first = hint; first + count <= chunks; first += 1) {
        const taken = this.#tryTake(first, table, kind, count);
        if (taken === count) {
          if (count === 1) Atomics.store(this.cells, FREE_HINT, first + 1);
          return first;
        }
        first += taken;
      }
      this.#grow(chunks, count);
    }
  }

  /** @returns how many were free; less than `count` and nothing is taken */
  #tryTake(first: number, table: number, kind: number, count: number): number {
    for (let index = 0; index < count; index += 1) {
      const owner = ((index === 0 ? kind : ChunkKind.REST) << KIND_SHIFT) | (table + 1);
      if (Atomics.compareExchange(this.cells, OWNERS_AT + first + index, 0, owner) !== 0) {
        for (let undo = 0; undo < index; undo += 1) {
          Atomics.store(this.cells, OWNERS_AT + first + undo, 0);
        }
        return index;
      }
    }
    return count;
  }

  giveBack(first: number, count: number): void {
    for (let index = count - 1; index >= 0; index -= 1) {
      Atomics.store(this.cells, OWNERS_AT + first + index, 0);
    }
    const hint = Atomics.load(this.cells, FREE_HINT);
    if (first < hint) Atomics.compareExchange(this.cells, FREE_HINT, hint, first);
  }

  #grow(chunks: number, count: number): void {
    const bytes = chunks * CHUNK_WORDS * 4;
    const more = Math.max(Math.min(bytes, GROWTH_BYTES_MAX), (count + 1) * CHUNK_WORDS * 4);
    const wanted = Math.min(bytes + more, this.#chunksMax * CHUNK_WORDS * 4);
    if (wanted < bytes + count * CHUNK_WORDS * 4 && this.chunks === chunks) {
      // Perhaps there is room below the hint, or what is full is fragmented.
      if (Atomics.exchange(this.cells, FREE_HINT, 1) > 1) return;
      throw new ProcessError(
        'system_limit',
        `the tables of this machine are full: ${Math.round(bytes / 2 ** 20)} MiB`,
      );
    }
    try {
      if (this.#heap.byteLength < wanted) this.#heap.grow(wanted);
    } catch (error) {
      // Another thread was faster, or the system has no more.
      if (this.#heap.byteLength <= bytes) {
        throw new ProcessError('system_limit', `no more memory for tables: ${String(error)}`);
      }
    }
    const length = Math.floor(this.#heap.byteLength / (CHUNK_WORDS * 4)) * CHUNK_WORDS;
    for (;;) {
      const known = Atomics.load(this.cells, HEAP_WORDS);
      if (known >= length) break;
      if (Atomics.compareExchange(this.cells, HEAP_WORDS, known, length) === known) break;
    }
    this.#look();
  }
}

function reserve(): SharedArrayBuffer {
  const Growable = SharedArrayBuffer as unknown as new (
    bytes: number,
    options: { readonly maxByteLength: number },
  ) => SharedArrayBuffer;
  for (const maxByteLength of HEAP_BYTES_MAX) {
    try {
      return new Growable(HEAP_BYTES_INITIAL, { maxByteLength });
    } catch {
      // Less address space, then.
    }
  }
  throw new Error('this system has no address space for tables');
}
