/**
 * Rows: the objects of one table, as one thread sees them. What reading, writing and repairing share.
 *
 * Every change happens under the table's lock, between two steps of SEQUENCE, which is odd meanwhile.
 * A reader takes no lock: it looks at SEQUENCE, makes the row it has found of its words if it is flat
 * (`flat-rows.ts`), and looks again. Other rows it copies out of shared memory first, and decodes them
 * when nothing has changed; those are kept by slot and version (`row-cache.ts`). After some attempts it
 * takes the lock.
 *
 * Invariants:
 *  1. Values are encoded before the lock is taken, so no getter runs while it is held.
 *  2. A new row is written where no row is, then one store to the slot's BLOCK makes it the row. A
 *     single word of a number may change in place: that is one store as well.
 *  3. A thread may die anywhere. Who takes the lock next finds it damaged and calls `repair`, which
 *     derives everything from the slots, and finishes what INTENT says.
 *
 * The members are for the files of this folder only.
 *
 * Source: SEMANTICS §16. `seqlock.h` of Linux for reading without a lock.
 */

import { TAG_BITS, TAG_MASK, Tag } from '../codec.js';
import { ProcessError } from '../errors.js';
import { compareTerms, equalTerms } from '../term-order.js';
import { HashIndex } from './hash-index.js';
import { TORN } from './pages.js';
import { RowCache } from './row-cache.js';
import { BLOCK_HEADER, type Field, type RowCodec } from './row-codec.js';
import { Slab } from './slab.js';
import { BLOCK, BURIED_FLAG, FLAGS, HASH, INT_KEY, LINK, Slots } from './slots.js';
import {
  BAG,
  COUNT,
  DUPLICATE_BAG,
  GENERATION,
  LAYOUT,
  LOCK,
  ORDERED_SET,
  ROOT,
  ROOT_SLABS,
  SEQUENCE,
  STAMP,
} from './table-entry.js';
import { CHUNK_WORDS, type TableMemory } from './table-memory.js';
import { lock, unlock, unlockDamaged } from './thread-lock.js';
import { type CompareWith, TreeIndex } from './tree-index.js';

const SCRATCH_INITIAL = 1024;
/** Blocks up to this length are copied word by word. */
export const SHORT_BLOCK = 64;

export interface RowsOptions {
  readonly memory: TableMemory;
  readonly codec: RowCodec;
  readonly life: number;
  readonly table: number;
  readonly generation: number;
  readonly kind: number;
  readonly field: Field;
  /** Makes whole what a thread left that died inside. Holder of the lock only. */
  readonly repair: (rows: Rows) => void;
}

/** Is this a key whose hash tells it? */
export function isInt(key: unknown): boolean {
  return typeof key === 'number' && (key | 0) === key;
}

export class Rows {
  readonly kind: number;
  field: Field;
  readonly table: number;
  readonly generation: number;
  readonly memory: TableMemory;
  readonly cells: Int32Array;
  /** The entry of the table in the cells. */
  readonly at: number;
  readonly codec: RowCodec;
  readonly slab: Slab;
  slots: Slots;
  hash: HashIndex;
  readonly tree: TreeIndex;
  readonly isOrdered: boolean;
  readonly isBag: boolean;
  readonly root: number;
  readonly cache: RowCache = new RowCache();
  /** SEQUENCE as it must be for what is read now to count. */
  expected = 0;
  readonly #life: number;
  readonly #repair: (rows: Rows) => void;
  #layout: number;
  #scratch = new Int32Array(SCRATCH_INITIAL);
  #scratchBytes = new Uint8Array(this.#scratch.buffer);

  constructor(options: RowsOptions) {
    const { memory, codec, life, table, generation, kind, field } = options;
    this.#repair = options.repair;
    this.kind = kind;
    this.field = field;
    this.table = table;
    this.generation = generation;
    this.memory = memory;
    this.cells = memory.cells;
    this.at = memory.entryAt(table);
    this.#life = life;
    this.codec = codec;
    this.root = this.cells[this.at + ROOT] as number;
    this.slab = new Slab(memory, table, this.root * CHUNK_WORDS + ROOT_SLABS);
    this.slots = new Slots(memory, table, this.root);
    this.hash = new HashIndex(memory, table, this.root, this.slots);
    this.tree = new TreeIndex(memory, table, this.slots);
    this.isOrdered = kind === ORDERED_SET;
    this.isBag = kind === BAG || kind === DUPLICATE_BAG;
    this.#layout = Atomics.load(this.cells, this.at + LAYOUT);
  }

  /** Is the table still there? As of the last SEQUENCE that was read. */
  get isLive(): boolean {
    return this.cells[this.at + GENERATION] === this.generation;
  }

  get size(): number {
    return Atomics.load(this.cells, this.at + COUNT);
  }

  // The lock.

  /** Take the lock, to read. @throws badarg when the table is gone */
  enter(): void {
    const { cells, at } = this;
    const damaged = lock(cells, at + LOCK, this.#life);
    if (!this.isLive) {
      unlock(cells, at + LOCK);
      throw noTable();
    }
    this.followLayout();
    this.expected = cells[at + SEQUENCE] as number;
    if (!damaged && (this.expected & 1) === 0) return;
    this.expected |= 1;
    Atomics.store(cells, at + SEQUENCE, this.expected);
    try {
      this.#repair(this);
    } catch (error) {
      unlockDamaged(cells, at + LOCK);
      throw error;
    }
    this.expected = (this.expected + 1) | 0;
    Atomics.store(cells, at + SEQUENCE, this.expected);
  }

  leave(): void {
    unlock(this.cells, this.at + LOCK);
  }

  /** Take the lock, to change. What follows ends with `end` or `fail`. */
  begin(): void {
    this.enter();
    this.expected |= 1;
    Atomics.store(this.cells, this.at + SEQUENCE, this.expected);
  }

  end(): void {
    this.expected = (this.expected + 1) | 0;
    Atomics.store(this.cells, this.at + SEQUENCE, this.expected);
    unlock(this.cells, this.at + LOCK);
  }

  /** Something was thrown since `begin`: only what is wrong with arguments leaves the table whole. */
  fail(error: unknown): never {
    if (error instanceof ProcessError && error.reason === 'badarg') this.end();
    else unlockDamaged(this.cells, this.at + LOCK);
    throw error;
  }

  /** Pages were given back since: forget where they were. */
  followLayout(): void {
    const layout = this.cells[this.at + LAYOUT] as number;
    if (layout === this.#layout) return;
    this.#layout = layout;
    this.slots = new Slots(this.memory, this.table, this.root);
    this.hash = new HashIndex(this.memory, this.table, this.root, this.slots);
    this.tree.follow(this.slots);
    this.cache.clear();
  }

  /** @throws badarg when the table is gone */
  checkLive(): void {
    if (!this.isLive) throw noTable();
  }

  resetIndex(): void {
    if (this.isOrdered) this.tree.reset();
    else this.hash.reset();
  }

  /** Enter a slot whose HASH and BLOCK are set. */
  link(slot: number, key: unknown): void {
    if (this.isOrdered) this.tree.link(slot, this.orderOf(key));
    else {
      this.hash.link(slot);
      this.hash.grow();
    }
  }

  unlink(slot: number): void {
    if (this.isOrdered) this.tree.unlink(slot, this.orderOf(this.keyOf(slot)));
    else this.hash.unlink(slot);
  }

  count(by: number): void {
    this.cells[this.at + COUNT] = (this.cells[this.at + COUNT] as number) + by;
  }

  /** A version that no row of this table has had. */
  stamp(): number {
    const stamp = ((this.cells[this.at + STAMP] as number) + 1) | 0;
    this.cells[this.at + STAMP] = stamp;
    return stamp;
  }

  // Finding: with the lock, or to be thrown away when SEQUENCE has changed.

  /** The (first) slot of a key, -1 without one. */
  find(key: unknown, hash: number): number {
    if (this.isOrdered) return this.tree.find(this.orderOf(key));
    return this.search(key, hash, false);
  }

  /** @param buried look for a deleted one whose place is kept */
  search(key: unknown, hash: number, buried: boolean): number {
    const words = this.memory.current();
    const keyIsInt = isInt(key);
    let left = this.slots.high;
    for (let next = this.hash.first(words, hash); next !== 0; left -= 1) {
      if (left < 0) throw TORN;
      const at = this.slots.at(next - 1);
      const flags = words[at + FLAGS] as number;
      if (
        words[at + HASH] === hash &&
        ((flags & BURIED_FLAG) !== 0) === buried &&
        (keyIsInt
          ? (flags & INT_KEY) !== 0
          : (flags & INT_KEY) === 0 && this.hasKey(words[at + BLOCK] as number, key))
      ) {
        return next - 1;
      }
      next = words[at + LINK] as number;
    }
    return -1;
  }

  /** All slots of a key in a bag, oldest first. @param buried those of deleted objects as well */
  group(key: unknown, hash: number, buried: boolean): number[] {
    const words = this.memory.current();
    const found: number[] = [];
    let left = this.slots.high;
    for (let next = this.hash.first(words, hash); next !== 0; left -= 1) {
      if (left < 0) throw TORN;
      const at = this.slots.at(next - 1);
      const flags = words[at + FLAGS] as number;
      if (
        words[at + HASH] === hash &&
        (buried || (flags & BURIED_FLAG) === 0) &&
        this.hasKey(words[at + BLOCK] as number, key)
      ) {
        found.push(next - 1);
      }
      next = words[at + LINK] as number;
    }
    return found.reverse();
  }

  hasKey(block: number, key: unknown): boolean {
    const words = this.memory.current();
    const at = block + (words[block + 1] as number);
    const first = words[at] as number;
    const tag = first & TAG_MASK;
    if (typeof key === 'string' && (tag === Tag.LATIN1 || tag === Tag.UTF16)) {
      return first >> TAG_BITS === key.length && this.#hasText((at + 1) << 2, tag, key);
    }
    return equalTerms(this.keyIn(block), key);
  }

  #hasText(start: number, tag: number, text: string): boolean {
    const { bytes } = this.memory;
    const step = tag === Tag.LATIN1 ? 1 : 2;
    for (let index = 0; index < text.length; index += 1) {
      const at = start + step * index;
      const high = step === 1 ? 0 : (bytes[at + 1] as number) << 8;
      if (((bytes[at] as number) | high) !== text.charCodeAt(index)) return false;
    }
    return true;
  }

  orderOf(key: unknown): CompareWith {
    return (slot) => compareTerms(key, this.keyOf(slot));
  }

  blockOf(slot: number): number {
    return this.memory.current()[this.slots.at(slot) + BLOCK] as number;
  }

  keyOf(slot: number): unknown {
    return this.keyIn(this.blockOf(slot));
  }

  keyIn(block: number): unknown {
    const words = this.memory.current();
    const keyAt = words[block + 1] as number;
    const first = words[block + keyAt] as number;
    if ((first & TAG_MASK) === Tag.INT) return first >> TAG_BITS;
    this.#load(words, block);
    return this.codec.read(this.#scratch, this.#scratchBytes, keyAt);
  }

  rowIn(block: number): unknown {
    this.#load(this.memory.current(), block);
    return this.codec.read(this.#scratch, this.#scratchBytes, BLOCK_HEADER);
  }

  /** The row of a block made at once, if it is flat. It counts if SEQUENCE has not changed meanwhile. */
  flatIn(block: number): unknown {
    return this.codec.flat.read(this.memory.current(), block + BLOCK_HEADER);
  }

  /** Copy a block into private memory. @throws TORN when it was being changed */
  #load(words: Int32Array, block: number): void {
    const length = words[block] as number;
    if (!(length >= BLOCK_HEADER && block + length <= words.length)) throw TORN;
    if (length > this.#scratch.length) {
      this.#scratch = new Int32Array(2 * length);
      this.#scratchBytes = new Uint8Array(this.#scratch.buffer);
    }
    const scratch = this.#scratch;
    if (length > SHORT_BLOCK) scratch.set(words.subarray(block, block + length));
    else for (let at = 0; at < length; at += 1) scratch[at] = words[block + at] as number;
    if (Atomics.load(this.cells, this.at + SEQUENCE) !== this.expected) throw TORN;
  }
}

function noTable(): ProcessError {
  return new ProcessError('badarg', 'the table does not exist (any more)');
}
