/**
 * Row reader: all that only looks at the objects of a table.
 *
 * What the functions give away is a copy. The rows that a scan tests are not: conditions are compiled
 * by the machine and change nothing.
 *
 * Source: SEMANTICS §16; `ets:lookup/2`, `member/2`, `first/1`, `next/2`, `select/2`.
 */

import { copyRow } from './copy-row.js';
import { NOT_FLAT } from './flat-rows.js';
import { TORN } from './pages.js';
import { hashOf } from './row-writer.js';
import type { Rows } from './rows.js';
import { BLOCK, BURIED_FLAG, FLAGS, VERSION } from './slots.js';
import { SEQUENCE } from './table-entry.js';

/**
 * Processors of this kind make no load before one that stands before it, so the first look at SEQUENCE
 * may be a plain one: a call to V8 less, of 10 to 20 ns. The second look is atomic: it must not be the
 * first one over again.
 */
const LOADS_IN_ORDER: boolean = process.arch === 'x64';
/** Attempts to read without the lock. */
const ATTEMPTS_MAX = 16;
/** Slots, or keys in order, that are looked at in one step of a scan. */
const STEP = 128;

/** A row as a scan finds it, and what tells whether it is still the same. `row` is not a copy. */
export interface Found {
  readonly slot: number;
  readonly version: number;
  readonly row: unknown;
}

export type Test = (row: unknown) => boolean;

/** Where a scan goes on: at a slot; or in an ordered table behind (or at) a key. */
export type Cursor =
  | { readonly slot: number }
  | { readonly key: unknown; readonly orEqual: boolean }
  | 'start';

export interface Scanned {
  readonly found: readonly Found[];
  /** `null` when everything was looked at. */
  readonly next: Cursor | null;
}

/** Read what counts only if nothing has changed meanwhile. */
export function consistently<T>(rows: Rows, read: () => T): T {
  const { cells, at } = rows;
  const attempts = rows.isOrdered ? 0 : ATTEMPTS_MAX;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const sequence = Atomics.load(cells, at + SEQUENCE);
    if ((sequence & 1) !== 0) continue;
    rows.checkLive();
    rows.followLayout();
    rows.expected = sequence;
    try {
      const result = read();
      if (Atomics.load(cells, at + SEQUENCE) === sequence) return result;
    } catch (error) {
      // What was read may have been nonsense; only what happens twice or on whole data is an error.
      if (error !== TORN && Atomics.load(cells, at + SEQUENCE) === sequence) throw error;
    }
  }
  rows.enter();
  try {
    return read();
  } finally {
    rows.leave();
  }
}

/** The decoded row of a slot, for this thread only. */
export function rowAt(rows: Rows, slot: number): unknown {
  const words = rows.memory.current();
  const at = rows.slots.at(slot);
  const version = words[at + VERSION] as number;
  const known = rows.cache.get(slot, version);
  if (known !== undefined) return known;
  const row = rows.rowIn(words[at + BLOCK] as number);
  rows.cache.set(slot, version, row);
  return row;
}

/** The row of a key in a set, `undefined` without one. */
export function lookup(rows: Rows, key: unknown): unknown {
  const hash = hashOf(key);
  const quick = rows.isOrdered ? NOT_FLAT : lookupFlat(rows, key, hash);
  return quick === NOT_FLAT ? lookupAny(rows, key, hash) : quick;
}

/** One attempt without the lock at a row that is flat. Anything else is for `lookupAny`. */
function lookupFlat(rows: Rows, key: unknown, hash: number): unknown {
  const { cells, at } = rows;
  const sequence = LOADS_IN_ORDER
    ? (cells[at + SEQUENCE] as number)
    : Atomics.load(cells, at + SEQUENCE);
  if ((sequence & 1) !== 0) return NOT_FLAT;
  rows.followLayout();
  rows.expected = sequence;
  let row: unknown;
  try {
    const slot = rows.search(key, hash, false);
    row = slot < 0 ? undefined : rows.flatIn(rows.blockOf(slot));
  } catch (error) {
    if (error !== TORN) throw error;
    return NOT_FLAT;
  }
  return Atomics.load(cells, at + SEQUENCE) === sequence && rows.isLive ? row : NOT_FLAT;
}

function lookupAny(rows: Rows, key: unknown, hash: number): unknown {
  const row = consistently(rows, () => {
    const slot = rows.find(key, hash);
    return slot < 0 ? undefined : rowAt(rows, slot);
  });
  return row === undefined ? undefined : copyRow(row);
}

/** The rows of a key, oldest first. */
export function lookupAll(rows: Rows, key: unknown): unknown[] {
  if (!rows.isBag) {
    const row = lookup(rows, key);
    return row === undefined ? [] : [row];
  }
  const hash = hashOf(key);
  const found = consistently(rows, () =>
    rows.group(key, hash, false).map((slot) => rowAt(rows, slot)),
  );
  return found.map(copyRow);
}

export function member(rows: Rows, key: unknown): boolean {
  const hash = hashOf(key);
  return consistently(rows, () => rows.find(key, hash) >= 0);
}

/** The key that a traversal begins with, `undefined` in an empty table. */
export function firstKey(rows: Rows): unknown {
  return consistently(rows, () => {
    if (!rows.isOrdered) return keyFrom(rows, 0);
    return keyOr(rows, rows.tree.least());
  });
}

export function lastKey(rows: Rows): unknown {
  if (!rows.isOrdered) return firstKey(rows);
  return consistently(rows, () => keyOr(rows, rows.tree.greatest()));
}

/**
 * The key after this one, `undefined` after the last.
 *
 * @returns `null` when the key is not there, and the order does not tell where it would be
 */
export function nextKey(rows: Rows, key: unknown): { readonly key: unknown } | null {
  const hash = hashOf(key);
  return consistently(rows, () => {
    if (rows.isOrdered) return { key: keyOr(rows, rows.tree.above(rows.orderOf(key), false)) };
    const slot = placeOf(rows, key, hash);
    return slot < 0 ? null : { key: keyFrom(rows, slot + 1) };
  });
}

export function previousKey(rows: Rows, key: unknown): { readonly key: unknown } | null {
  if (!rows.isOrdered) return nextKey(rows, key);
  return consistently(rows, () => ({
    key: keyOr(rows, rows.tree.below(rows.orderOf(key), false)),
  }));
}

function keyOr(rows: Rows, slot: number): unknown {
  return slot < 0 ? undefined : rows.keyOf(slot);
}

/** Where a key stands in the traversal: the least of its slots, those of deleted objects as well. */
function placeOf(rows: Rows, key: unknown, hash: number): number {
  if (rows.isBag) return Math.min(...rows.group(key, hash, true), Number.MAX_SAFE_INTEGER);
  const slot = rows.search(key, hash, false);
  return slot >= 0 ? slot : rows.search(key, hash, true);
}

/** The first key at or behind a slot that stands there. */
function keyFrom(rows: Rows, from: number): unknown {
  const words = rows.memory.current();
  for (let slot = from; slot < rows.slots.high; slot += 1) {
    const at = rows.slots.at(slot);
    if (words[at + BLOCK] === 0) continue;
    if (!rows.isBag && ((words[at + FLAGS] as number) & BURIED_FLAG) === 0) return rows.keyOf(slot);
    if (!rows.isBag) continue;
    const key = rows.keyOf(slot);
    const hash = hashOf(key);
    if (placeOf(rows, key, hash) === slot && rows.group(key, hash, false).length > 0) return key;
  }
  return undefined;
}

/**
 * Look at rows from a cursor on, in steps; each row is looked at as a whole.
 *
 * @param limit stop when so many are found
 * @param until in an ordered table: stop at the first row that fails
 */
export function scan(
  rows: Rows,
  from: Cursor,
  test: Test | null,
  limit: number,
  until: Test | null = null,
): Scanned {
  return rows.isOrdered
    ? scanInOrder(rows, from, test, limit, until)
    : scanSlots(rows, from, test, limit);
}

function scanSlots(rows: Rows, from: Cursor, test: Test | null, limit: number): Scanned {
  const found: Found[] = [];
  let slot = typeof from === 'object' && 'slot' in from ? from.slot : 0;
  rows.checkLive();
  while (slot < rows.slots.high) {
    const first = slot;
    const kept = found.length;
    slot = consistently(rows, () => {
      found.length = kept;
      return scanStep(rows, first, test, limit, found);
    });
    if (found.length >= limit) break;
  }
  return { found, next: slot < rows.slots.high ? { slot } : null };
}

function scanStep(
  rows: Rows,
  from: number,
  test: Test | null,
  limit: number,
  found: Found[],
): number {
  const words = rows.memory.current();
  const end = Math.min(from + STEP, rows.slots.high);
  let slot = from;
  for (; slot < end && found.length < limit; slot += 1) {
    const at = rows.slots.at(slot);
    const isThere = words[at + BLOCK] !== 0 && ((words[at + FLAGS] as number) & BURIED_FLAG) === 0;
    if (!isThere) continue;
    const row = rowAt(rows, slot);
    if (test === null || test(row))
      found.push({ slot, version: words[at + VERSION] as number, row });
  }
  return slot;
}

function scanInOrder(
  rows: Rows,
  from: Cursor,
  test: Test | null,
  limit: number,
  until: Test | null,
): Scanned {
  const found: Found[] = [];
  let cursor = from;
  for (;;) {
    const last = consistently(rows, () => orderedStep(rows, cursor, test, limit, until, found));
    if (last === null) return { found, next: null };
    cursor = { key: last.key, orEqual: false };
    if (found.length >= limit) return { found, next: cursor };
  }
}

/** @returns the last key looked at; `null` when that was the end */
function orderedStep(
  rows: Rows,
  cursor: Cursor,
  test: Test | null,
  limit: number,
  until: Test | null,
  found: Found[],
): { readonly key: unknown } | null {
  const behind = typeof cursor === 'object' && 'key' in cursor ? cursor : null;
  const order = behind === null ? null : rows.orderOf(behind.key);
  const slots = rows.tree.range(order, behind?.orEqual === true, STEP);
  const words = rows.memory.current();
  for (const slot of slots) {
    const row = rowAt(rows, slot);
    if (until !== null && !until(row)) return null;
    if (test === null || test(row)) {
      found.push({ slot, version: words[rows.slots.at(slot) + VERSION] as number, row });
    }
    if (found.length >= limit) return { key: rows.keyOf(slot) };
  }
  const last = slots.at(-1);
  return last === undefined || slots.length < STEP ? null : { key: rows.keyOf(last) };
}
