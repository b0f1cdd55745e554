/**
 * Copying a row out of what this thread has decoded.
 *
 * Most rows are short tuples and records of scalars: a tuple of those is copied here in a few
 * nanoseconds, all else by `copy`.
 */

import { copy } from '../copy.js';

const { isArray } = Array;
const slice = Array.prototype.slice;
const FLAT_MAX = 16;

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' && typeof value !== 'function';
}

/** @param row decoded by the machine, so it is a dense array of its own, a plain object, or a rare thing */
export function copyRow(row: unknown): unknown {
  if (!isArray(row) || row.length > FLAT_MAX) return copy(row);
  const items = row as readonly unknown[];
  for (let index = 0; index < items.length; index += 1) {
    if (!isScalar(items[index])) return copy(row);
  }
  if (items.length === 4) return [items[0], items[1], items[2], items[3]];
  return slice.call(items);
}
