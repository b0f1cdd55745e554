/**
 * Repair: make whole what a thread left that died, or ran out of stack or memory, in the middle of a
 * change.
 *
 * The slots say which objects there are. Memory lists, the index, counts and free slots are derived from
 * them anew; then what INTENT says is finished. All versions change, so that nothing counts that
 * another thread has decoded before.
 *
 * Cost: one pass over the table. It happens once for each such death.
 */

import { hashTerm } from '../term-order.js';
import { clear, place } from './row-writer.js';
import type { Rows } from './rows.js';
import { BURIED_FLAG, FLAGS, INLINE, VERSION } from './slots.js';
import { BURIED, CLEARING, COUNT, INTENT, META } from './table-entry.js';

/** Holder of the lock only; SEQUENCE is odd. */
export function repair(rows: Rows): void {
  const { cells, at } = rows;
  const intent = cells[at + INTENT] as number;
  if (intent === CLEARING) {
    clear(rows);
    return;
  }
  const words = rows.memory.current();
  const planned =
    intent === 0 ? [] : [...words.subarray(intent + 1, intent + 1 + (words[intent] as number))];
  const used: number[] = [];
  const blocks = new Set<number>();
  for (let slot = 0; slot < rows.slots.high; slot += 1) {
    const block = rows.blockOf(slot);
    if (block === 0) continue;
    used.push(slot);
    if (block !== rows.slots.at(slot) + INLINE) blocks.add(block);
  }
  const unplaced = planned.filter((block) => !blocks.has(block));
  const others = [intent, cells[at + META] as number].filter((block) => block !== 0);
  const known = new Set([rows.root, ...rows.slots.pages.chunks(), ...rows.hash.pages.chunks()]);
  rows.slab.rebuild([...blocks, ...planned, ...others], known);
  relink(rows, used);
  rows.slots.relist();
  for (const block of unplaced) {
    const key = rows.keyIn(block);
    place(rows, block, key, hashTerm(key));
  }
  if (intent !== 0) {
    Atomics.store(cells, at + INTENT, 0);
    rows.slab.free(intent);
  }
}

/** Oldest first: the objects of a bag keep their order. */
function relink(rows: Rows, used: number[]): void {
  const { cells, at } = rows;
  const words = rows.memory.current();
  const age = (slot: number): number => words[rows.slots.at(slot) + VERSION] as number;
  used.sort((a, b) => age(a) - age(b));
  cells[at + COUNT] = 0;
  cells[at + BURIED] = 0;
  rows.resetIndex();
  for (const slot of used) {
    const slotAt = rows.slots.at(slot);
    words[slotAt + VERSION] = rows.stamp();
    const isBuried = !rows.isOrdered && ((words[slotAt + FLAGS] as number) & BURIED_FLAG) !== 0;
    if (isBuried) cells[at + BURIED] = (cells[at + BURIED] as number) + 1;
    else rows.count(1);
    rows.link(slot, rows.keyOf(slot));
  }
}
