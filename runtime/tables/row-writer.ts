/**
 * Row writer: all that changes the objects of a table.
 *
 * The functions for other files take the lock themselves. `put`, `drop` and `clear` are what they are
 * made of, for the holder of the lock.
 *
 * Invariant: see `rows.ts`. Between `begin` and `end` nothing returns or throws but through `fail`.
 */

import { equalTerms, hashTerm, mix } from '../term-order.js';
import { BLOCK_HEADER } from './row-codec.js';
import { isInt, type Rows, SHORT_BLOCK } from './rows.js';
import {
  BLOCK,
  BURIED_FLAG,
  FLAGS,
  HASH,
  INLINE,
  INLINE_WORDS,
  INT_KEY,
  LINK,
  VERSION,
} from './slots.js';
import {
  BAG,
  BURIED,
  CLEARING,
  COUNT,
  FIXED,
  INTENT,
  LAYOUT,
  META,
  ROOT_SLABS,
  SLOT_FREE,
  SLOTS_HIGH,
} from './table-entry.js';
import { CHUNK_WORDS } from './table-memory.js';

/** A row in private memory, ready to be put into the table. */
export interface Prepared {
  readonly words: Int32Array;
  readonly hash: number;
  readonly key: unknown;
}

export function hashOf(key: unknown): number {
  return isInt(key) ? mix(key as number) : hashTerm(key);
}

/** Encode a row. @throws DataCloneError; badarg for a key that has no order */
export function prepare(rows: Rows, row: unknown, key: unknown): Prepared {
  const hash = hashOf(key);
  rows.codec.block(row, rows.field, key);
  return { words: rows.codec.words.slice(0, rows.codec.length), hash, key };
}

/**
 * Insert a row; one with the same key gives way unless the table is a bag.
 *
 * @param fresh only if there is none with its key
 * @returns false when there was one and `fresh` is asked for
 */
export function insert(rows: Rows, row: unknown, key: unknown, fresh: boolean): boolean {
  const hash = hashOf(key);
  rows.codec.block(row, rows.field, key);
  const { words, length } = rows.codec;
  let inserted = true;
  rows.begin();
  try {
    if (fresh && rows.find(key, hash) >= 0) inserted = false;
    else put(rows, words, length, key, hash);
  } catch (error) {
    rows.fail(error);
  }
  rows.end();
  return inserted;
}

/** Insert all or nothing; nobody sees some of them only. */
export function insertAll(rows: Rows, prepared: readonly Prepared[], fresh: boolean): boolean {
  const last = rows.isBag ? prepared : lastOfEach(prepared);
  const isTaken = ({ key, hash }: Prepared): boolean => rows.find(key, hash) >= 0;
  let inserted = true;
  rows.begin();
  try {
    if (fresh && last.some(isTaken)) inserted = false;
    else putAll(rows, last);
  } catch (error) {
    rows.fail(error);
  }
  rows.end();
  return inserted;
}

function putAll(rows: Rows, prepared: readonly Prepared[]): void {
  const list = new Int32Array(prepared.length + 1);
  list[0] = prepared.length;
  for (const [index, { words }] of prepared.entries()) {
    list[index + 1] = write(rows, words, words.length);
  }
  // From here on a thread that dies leaves the rest to whoever comes next.
  const intent = write(rows, list, list.length);
  Atomics.store(rows.cells, rows.at + INTENT, intent);
  for (const [index, { key, hash }] of prepared.entries()) {
    place(rows, list[index + 1] as number, key, hash);
  }
  Atomics.store(rows.cells, rows.at + INTENT, 0);
  rows.slab.free(intent);
}

/** Of rows with equal keys the last one. */
function lastOfEach(prepared: readonly Prepared[]): Prepared[] {
  const byHash = new Map<number, Prepared[]>();
  for (const row of prepared) {
    const same = byHash.get(row.hash);
    if (same === undefined) byHash.set(row.hash, [row]);
    else {
      const index = same.findIndex(({ key }) => equalTerms(key, row.key));
      if (index < 0) same.push(row);
      else same[index] = row;
    }
  }
  return [...byHash.values()].flat();
}

/** Copy a block into the table's memory. @returns where it is */
export function write(rows: Rows, from: Int32Array, length: number): number {
  const block = rows.slab.allocate(length);
  const words = rows.memory.current();
  if (length > SHORT_BLOCK) words.set(from.subarray(0, length), block);
  else for (let at = 0; at < length; at += 1) words[block + at] = from[at] as number;
  return block;
}

/** Make a block in private memory the row of its key. */
export function put(
  rows: Rows,
  from: Int32Array,
  length: number,
  key: unknown,
  hash: number,
): void {
  if (rows.kind === BAG) {
    const row = rows.codec.read(from, new Uint8Array(from.buffer), BLOCK_HEADER);
    if (isHeld(rows, row, key, hash)) return;
  }
  const slot = rows.isBag ? -1 : rows.find(key, hash);
  if (slot >= 0) replace(rows, slot, from, length);
  else if (length > INLINE_WORDS || rows.cells[rows.at + BURIED] !== 0) {
    enter(rows, write(rows, from, length), key, hash);
  } else {
    const free = rows.slots.take();
    const at = rows.slots.at(free);
    add(rows, free, copyTo(rows, at + INLINE, from, length), key, hash);
  }
}

/** Make a block in the table's memory the row of its key. */
export function place(rows: Rows, block: number, key: unknown, hash: number): void {
  if (rows.kind === BAG && isHeld(rows, rows.rowIn(block), key, hash)) {
    rows.slab.free(block);
    return;
  }
  const slot = rows.isBag ? -1 : rows.find(key, hash);
  if (slot >= 0) repoint(rows, slot, block);
  else enter(rows, block, key, hash);
}

/** Does a bag have the very same object already? */
function isHeld(rows: Rows, row: unknown, key: unknown, hash: number): boolean {
  const isSame = (slot: number): boolean => equalTerms(rows.rowIn(rows.blockOf(slot)), row);
  return rows.group(key, hash, false).some(isSame);
}

/** Another block for an object that is there: in its slot if nothing is there yet. */
export function replace(rows: Rows, slot: number, from: Int32Array, length: number): void {
  const inline = rows.slots.at(slot) + INLINE;
  const fits = length <= INLINE_WORDS && rows.blockOf(slot) !== inline;
  repoint(rows, slot, fits ? copyTo(rows, inline, from, length) : write(rows, from, length));
}

function repoint(rows: Rows, slot: number, block: number): void {
  const words = rows.memory.current();
  const at = rows.slots.at(slot);
  const before = words[at + BLOCK] as number;
  words[at + BLOCK] = block;
  words[at + VERSION] = rows.stamp();
  if (before !== at + INLINE) rows.slab.free(before);
}

function copyTo(rows: Rows, block: number, from: Int32Array, length: number): number {
  const words = rows.memory.current();
  for (let at = 0; at < length; at += 1) words[block + at] = from[at] as number;
  return block;
}

/** A row whose key is not in the table. */
function enter(rows: Rows, block: number, key: unknown, hash: number): void {
  if (!revive(rows, block, key, hash)) add(rows, rows.slots.take(), block, key, hash);
}

function add(rows: Rows, slot: number, block: number, key: unknown, hash: number): void {
  const words = rows.memory.current();
  const at = rows.slots.at(slot);
  words[at + HASH] = hash;
  words[at + FLAGS] = isInt(key) ? INT_KEY : 0;
  words[at + VERSION] = rows.stamp();
  words[at + LINK] = 0;
  words[at + BLOCK] = block;
  rows.count(1);
  rows.link(slot, key);
}

/** A deleted row with this key whose place is kept takes the new one. */
function revive(rows: Rows, block: number, key: unknown, hash: number): boolean {
  if (rows.isOrdered || rows.isBag || rows.cells[rows.at + BURIED] === 0) return false;
  const slot = rows.search(key, hash, true);
  if (slot < 0) return false;
  unbury(rows, slot);
  rows.count(1);
  repoint(rows, slot, block);
  return true;
}

function unbury(rows: Rows, slot: number): void {
  const words = rows.memory.current();
  const at = rows.slots.at(slot) + FLAGS;
  words[at] = (words[at] as number) & ~BURIED_FLAG;
  rows.cells[rows.at + BURIED] = (rows.cells[rows.at + BURIED] as number) - 1;
}

/** Delete the object of a slot. */
export function drop(rows: Rows, slot: number): void {
  const words = rows.memory.current();
  const at = rows.slots.at(slot);
  rows.count(-1);
  words[at + VERSION] = rows.stamp();
  if (!rows.isOrdered && (rows.cells[rows.at + FIXED] as number) > 0) {
    rows.slots.bury(slot);
    return;
  }
  give(rows, slot);
}

/** Nobody looks for the object of this slot any more. */
function give(rows: Rows, slot: number): void {
  rows.unlink(slot);
  const block = rows.blockOf(slot);
  const isInline = block === rows.slots.at(slot) + INLINE;
  rows.slots.free(slot);
  if (!isInline) rows.slab.free(block);
}

/** Nobody iterates any more: give up the places of deleted objects. */
export function exhume(rows: Rows): void {
  for (let slot = 0; rows.cells[rows.at + BURIED] !== 0 && slot < rows.slots.high; slot += 1) {
    const words = rows.memory.current();
    const at = rows.slots.at(slot);
    if (((words[at + FLAGS] as number) & BURIED_FLAG) === 0) continue;
    unbury(rows, slot);
    give(rows, slot);
  }
}

/** Delete everything, and give back the memory unless somebody iterates. */
export function clear(rows: Rows): void {
  const { cells, at } = rows;
  Atomics.store(cells, at + INTENT, CLEARING);
  if (!rows.isOrdered && (cells[at + FIXED] as number) > 0) {
    const words = rows.memory.current();
    for (let slot = 0; slot < rows.slots.high; slot += 1) {
      const slotAt = rows.slots.at(slot);
      const isBuried = ((words[slotAt + FLAGS] as number) & BURIED_FLAG) !== 0;
      if (words[slotAt + BLOCK] !== 0 && !isBuried) drop(rows, slot);
    }
  } else {
    Atomics.add(cells, at + LAYOUT, 1);
    const root = rows.root * CHUNK_WORDS;
    rows.memory.current().fill(0, root + ROOT_SLABS, root + CHUNK_WORDS);
    for (const cell of [SLOTS_HIGH, SLOT_FREE, COUNT, BURIED]) cells[at + cell] = 0;
    rows.followLayout();
    const meta = cells[at + META] as number;
    rows.slab.rebuild(meta === 0 ? [] : [meta], new Set([rows.root]));
    rows.resetIndex();
  }
  Atomics.store(cells, at + INTENT, 0);
}
