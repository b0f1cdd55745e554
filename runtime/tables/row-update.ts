/**
 * Row update: changing parts of a row, or rows that a scan has found, each atomically.
 *
 * Source: SEMANTICS §16; `ets:update_counter/4`, `update_element/3`, `take/2`, `select_delete/2`.
 */

import { TAG_BITS, TAG_MASK, Tag } from '../codec.js';
import { describe, ProcessError } from '../errors.js';
import { equalTerms } from '../term-order.js';
import { BLOCK_HEADER, type Field } from './row-codec.js';
import { type Found, rowAt } from './row-reader.js';
import { drop, hashOf, type Prepared, put, replace } from './row-writer.js';
import type { Rows } from './rows.js';
import { BLOCK, BURIED_FLAG, FLAGS, VERSION } from './slots.js';

/** One addition to a field; past `threshold` (in the direction of `by`) it becomes `setTo`. */
export interface Increment {
  readonly field: Field;
  readonly by: number;
  readonly threshold?: number;
  readonly setTo?: number;
}

type Fields = Record<Field, unknown>;

/**
 * Add to fields of the row of a key, all at once.
 *
 * @param initial the row to begin with when there is none
 * @returns the new values; `null` when there is no row
 * @throws badarg when a field does not hold a number; nothing is then changed
 */
export function updateCounter(
  rows: Rows,
  key: unknown,
  increments: readonly Increment[],
  initial: Prepared | null,
): number[] | null {
  const hash = hashOf(key);
  let values: number[] | null = null;
  rows.begin();
  try {
    let slot = rows.find(key, hash);
    if (slot < 0 && initial !== null) {
      checkFields(rows, initial, increments);
      put(rows, initial.words, initial.words.length, key, hash);
      slot = rows.find(key, hash);
    }
    if (slot >= 0) values = countIn(rows, slot, increments);
  } catch (error) {
    rows.fail(error);
  }
  rows.end();
  return values;
}

/** What a default row cannot be counted in must not be inserted first. */
function checkFields(rows: Rows, initial: Prepared, increments: readonly Increment[]): void {
  const { codec } = rows;
  const row = codec.read(initial.words, new Uint8Array(initial.words.buffer), BLOCK_HEADER);
  for (const { field } of increments) numberIn((row as Fields)[field], field);
}

function countIn(rows: Rows, slot: number, increments: readonly Increment[]): number[] {
  if (increments.length === 1) {
    const value = countInPlace(rows, slot, increments[0] as Increment);
    if (value !== undefined) return [value];
  }
  const row = rows.rowIn(rows.blockOf(slot)) as Fields;
  const values = increments.map((increment) => {
    const value = added(numberIn(row[increment.field], increment.field), increment);
    row[increment.field] = value;
    return value;
  });
  rewrite(rows, slot, row);
  return values;
}

/** A small integer is one word, and is changed by one store. @returns `undefined` when it is not so simple */
function countInPlace(rows: Rows, slot: number, increment: Increment): number | undefined {
  const words = rows.memory.current();
  const at = rows.slots.at(slot);
  const place = rows.codec.fieldAt(
    words,
    (words[at + BLOCK] as number) + BLOCK_HEADER,
    increment.field,
  );
  if (place < 0) return undefined;
  const word = words[place] as number;
  if ((word & TAG_MASK) !== Tag.INT) return undefined;
  const value = added(word >> TAG_BITS, increment);
  const changed = (value << TAG_BITS) | Tag.INT;
  if (changed >> TAG_BITS !== value || Object.is(value, -0)) return undefined;
  words[place] = changed;
  words[at + VERSION] = rows.stamp();
  return value;
}

function added(value: number, { by, threshold, setTo }: Increment): number {
  const sum = value + by;
  if (threshold === undefined) return sum;
  const isPast = by < 0 ? sum < threshold : sum > threshold;
  return isPast ? (setTo ?? threshold) : sum;
}

function numberIn(value: unknown, field: Field): number {
  if (typeof value === 'number') return value;
  throw new ProcessError(
    'badarg',
    `updateCounter: field ${String(field)} holds ${describe(value)}, not a number`,
  );
}

function rewrite(rows: Rows, slot: number, row: unknown): void {
  rows.codec.block(row, rows.field, rows.keyOf(slot));
  replace(rows, slot, rows.codec.words, rows.codec.length);
}

/**
 * Set fields of the row of a key.
 *
 * @param changes a copy of the user's: nobody else holds it
 * @returns whether there is such a row
 * @throws badarg when the row has no such field
 */
export function updateElement(
  rows: Rows,
  key: unknown,
  changes: readonly (readonly [Field, unknown])[],
  initial: Prepared | null,
): boolean {
  const hash = hashOf(key);
  let isThere = false;
  rows.begin();
  try {
    let slot = rows.find(key, hash);
    if (slot < 0 && initial !== null) {
      put(rows, initial.words, initial.words.length, key, hash);
      slot = rows.find(key, hash);
    }
    if (slot >= 0) {
      isThere = true;
      const row = rows.rowIn(rows.blockOf(slot)) as Fields;
      for (const [field, value] of changes) {
        if (Array.isArray(row) && !(Number(field) < row.length)) {
          throw new ProcessError('badarg', `updateElement: the row has no field ${String(field)}`);
        }
        row[field] = value;
      }
      rewrite(rows, slot, row);
    }
  } catch (error) {
    rows.fail(error);
  }
  rows.end();
  return isThere;
}

/** Delete all objects of a key, and give them. */
export function take(rows: Rows, key: unknown): unknown[] {
  const hash = hashOf(key);
  let taken: unknown[] = [];
  rows.begin();
  try {
    const slots = slotsOf(rows, key, hash);
    taken = slots.map((slot) => rows.rowIn(rows.blockOf(slot)));
    for (const slot of slots) drop(rows, slot);
  } catch (error) {
    rows.fail(error);
  }
  rows.end();
  return taken;
}

/** Delete the objects of a key that `matches`. `null`: all of them. @returns how many */
export function remove(rows: Rows, key: unknown, object: { readonly row: unknown } | null): number {
  const hash = hashOf(key);
  let count = 0;
  rows.begin();
  try {
    for (const slot of slotsOf(rows, key, hash)) {
      if (object !== null && !equalTerms(rows.rowIn(rows.blockOf(slot)), object.row)) continue;
      drop(rows, slot);
      count += 1;
    }
  } catch (error) {
    rows.fail(error);
  }
  rows.end();
  return count;
}

function slotsOf(rows: Rows, key: unknown, hash: number): number[] {
  if (rows.isBag) return rows.group(key, hash, false);
  const slot = rows.find(key, hash);
  return slot < 0 ? [] : [slot];
}

/**
 * Delete or replace what a scan found, each object for itself and only as it is now.
 *
 * @param test must hold still if the object was changed since
 * @param replaced the new row, with the same key; `null` to delete
 * @returns how many
 */
export function changeFound(
  rows: Rows,
  found: readonly Found[],
  test: (row: unknown) => boolean,
  replaced: ((row: unknown) => unknown) | null,
): number {
  let count = 0;
  rows.begin();
  try {
    for (const each of found) if (changeOne(rows, each, test, replaced)) count += 1;
  } catch (error) {
    rows.fail(error);
  }
  rows.end();
  return count;
}

function changeOne(
  rows: Rows,
  { slot, version }: Found,
  test: (row: unknown) => boolean,
  replaced: ((row: unknown) => unknown) | null,
): boolean {
  const words = rows.memory.current();
  if (slot >= rows.slots.high) return false;
  const at = rows.slots.at(slot);
  if (words[at + BLOCK] === 0) return false;
  if (!rows.isOrdered && ((words[at + FLAGS] as number) & BURIED_FLAG) !== 0) return false;
  const row = rowAt(rows, slot);
  if (words[at + VERSION] !== version && !test(row)) return false;
  if (replaced === null) drop(rows, slot);
  else rewrite(rows, slot, replaced(row));
  return true;
}
