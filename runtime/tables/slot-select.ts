/**
 * Slot select: what a query finds in a table without an order, read where the rows lie.
 *
 * A step is a page of slots; it counts only if nothing changed meanwhile, else it is made again
 * (`consistently`). Of rows that the words refuse nothing is made at all.
 */

import { BLOCK_HEADER, NOT_FLAT } from './flat-rows.js';
import { NO, type PlaceOf, type PlaceTests, UNKNOWN, YES } from './place-tests.js';
import { consistently, rowAt, type Test } from './row-reader.js';
import type { Rows } from './rows.js';
import { BLOCK, BURIED_FLAG, FLAGS, SLOT_WORDS, SLOTS_A_PAGE } from './slots.js';

export interface SlotQuery {
  readonly places: PlaceTests | null;
  readonly test: Test | null;
  /** The one field that is wanted of a row. */
  readonly field: PlaceOf | null;
  /** What is given of a row: a copy. */
  readonly project: (row: unknown) => unknown;
  /** The whole row is wanted. */
  readonly isWhole: boolean;
}

/** All that a query finds, into `into` unless it is `null`. @returns how many */
export function selectSlots(rows: Rows, query: SlotQuery, into: unknown[] | null): number {
  let count = 0;
  let first = 0;
  rows.checkLive();
  while (first < rows.slots.high) {
    const kept = count;
    const page = first;
    count += consistently(rows, () => {
      if (into !== null) into.length = kept;
      return step(rows, query, page, into);
    });
    first += SLOTS_A_PAGE;
  }
  return count;
}

function step(rows: Rows, query: SlotQuery, first: number, into: unknown[] | null): number {
  const words = rows.memory.current();
  const { places } = query;
  const left = Math.min(SLOTS_A_PAGE, rows.slots.high - first);
  if (left <= 0) return 0;
  let at = rows.slots.at(first);
  let count = 0;
  for (let index = 0; index < left; index += 1, at += SLOT_WORDS) {
    const block = words[at + BLOCK] as number;
    if (block === 0 || ((words[at + FLAGS] as number) & BURIED_FLAG) !== 0) continue;
    const verdict = places === null ? UNKNOWN : places.verdict(words, block + BLOCK_HEADER);
    if (verdict === NO) continue;
    if (verdict === YES && into === null) {
      count += 1;
      continue;
    }
    if (take(rows, query, first + index, block, verdict, into)) count += 1;
  }
  return count;
}

function take(
  rows: Rows,
  { field, test, project, isWhole }: SlotQuery,
  slot: number,
  block: number,
  verdict: number,
  into: unknown[] | null,
): boolean {
  if (verdict === YES && field !== null && into !== null) {
    const words = rows.memory.current();
    const place = field.in(words, block + BLOCK_HEADER);
    const value = place < 0 ? NOT_FLAT : rows.codec.flat.readOne(words, place);
    if (value !== NOT_FLAT) {
      into.push(value);
      return true;
    }
  }
  const flat = rows.flatIn(block);
  const row = flat === NOT_FLAT ? rowAt(rows, slot) : flat;
  if (verdict === UNKNOWN && test !== null && !test(row)) return false;
  // A flat row was made for us; others belong to what this thread keeps.
  if (into !== null) into.push(isWhole && flat !== NOT_FLAT ? row : project(row));
  return true;
}
