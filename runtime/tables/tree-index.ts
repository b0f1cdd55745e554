/**
 * Tree index: the slots of an ordered table, by the order of their keys. A treap.
 *
 * The priority of a slot is a hash of its number, so the tree is as if keys had come in random order:
 * its depth is logarithmic whatever they are. Children are slots plus 1.
 *
 * Only the holder of the table's lock calls any of it.
 *
 * Source: C. Aragon, R. Seidel, "Randomized search trees" (1989); the order is `term-order.ts`.
 */

import { mix } from '../term-order.js';
import { LINK, RIGHT, type Slots } from './slots.js';
import { TREE } from './table-entry.js';
import type { TableMemory } from './table-memory.js';

const LEFT = LINK;

/** @returns the order of the key that is looked for and the key of a slot */
export type CompareWith = (slot: number) => number;

export class TreeIndex {
  readonly #memory: TableMemory;
  #slots: Slots;
  readonly #cells: Int32Array;
  readonly #rootAt: number;

  constructor(memory: TableMemory, table: number, slots: Slots) {
    this.#memory = memory;
    this.#slots = slots;
    this.#cells = memory.cells;
    this.#rootAt = memory.entryAt(table) + TREE;
  }

  reset(): void {
    this.#cells[this.#rootAt] = 0;
  }

  /** The slots of the table have moved. */
  follow(slots: Slots): void {
    this.#slots = slots;
  }

  /** The slot of the key that `order` looks for, -1 without one. */
  find(order: CompareWith): number {
    for (let node = this.#root; node !== 0; ) {
      const direction = order(node - 1);
      if (direction === 0) return node - 1;
      node = this.#child(node, direction < 0 ? LEFT : RIGHT);
    }
    return -1;
  }

  /** The slot with the least key that is greater (or, with `orEqual`, not less). -1 without one. */
  above(order: CompareWith, orEqual: boolean): number {
    let best = 0;
    for (let node = this.#root; node !== 0; ) {
      const direction = order(node - 1);
      if (direction < 0 || (orEqual && direction === 0)) {
        best = node;
        node = this.#child(node, LEFT);
      } else node = this.#child(node, RIGHT);
    }
    return best - 1;
  }

  /** The slot with the greatest key that is less (or, with `orEqual`, not greater). */
  below(order: CompareWith, orEqual: boolean): number {
    let best = 0;
    for (let node = this.#root; node !== 0; ) {
      const direction = order(node - 1);
      if (direction > 0 || (orEqual && direction === 0)) {
        best = node;
        node = this.#child(node, RIGHT);
      } else node = this.#child(node, LEFT);
    }
    return best - 1;
  }

  /** The slot with the least key, -1 when the tree is empty. */
  least(): number {
    return this.#end(LEFT);
  }

  greatest(): number {
    return this.#end(RIGHT);
  }

  /**
   * Up to `limit` slots in order of their keys, from the first for which `order` says that it is not
   * before what is looked for. `null` begins at the least.
   */
  range(order: CompareWith | null, orEqual: boolean, limit: number): number[] {
    const found: number[] = [];
    const open: number[] = [];
    let node = this.#root;
    while (found.length < limit) {
      while (node !== 0) {
        const direction = order === null ? -1 : order(node - 1);
        const isWanted = direction < 0 || (orEqual && direction === 0);
        if (isWanted) {
          open.push(node);
          node = this.#child(node, LEFT);
        } else node = this.#child(node, RIGHT);
      }
      const next = open.pop();
      if (next === undefined) break;
      found.push(next - 1);
      node = this.#child(next, RIGHT);
    }
    return found;
  }

  /** Insert a slot whose key is not in the tree. */
  link(slot: number, order: CompareWith): void {
    const words = this.#memory.current();
    const priority = mix(slot);
    let place = -1;
    let node = this.#root;
    while (node !== 0 && mix(node - 1) >= priority) {
      place = this.#slots.at(node - 1) + (order(node - 1) < 0 ? LEFT : RIGHT);
      node = words[place] as number;
    }
    // Split what is below by the key; each half goes under the new node.
    const at = this.#slots.at(slot);
    let left = at + LEFT;
    let right = at + RIGHT;
    while (node !== 0) {
      const nodeAt = this.#slots.at(node - 1);
      if (order(node - 1) < 0) {
        words[right] = node;
        right = nodeAt + LEFT;
        node = words[right] as number;
      } else {
        words[left] = node;
        left = nodeAt + RIGHT;
        node = words[left] as number;
      }
    }
    words[left] = 0;
    words[right] = 0;
    this.#set(place, slot + 1);
  }

  unlink(slot: number, order: CompareWith): void {
    const words = this.#memory.current();
    let place = -1;
    for (let node = this.#root; node !== slot + 1; node = words[place] as number) {
      place = this.#slots.at(node - 1) + (order(node - 1) < 0 ? LEFT : RIGHT);
    }
    const at = this.#slots.at(slot);
    let left = words[at + LEFT] as number;
    let right = words[at + RIGHT] as number;
    // Merge the children into the place of their parent.
    while (left !== 0 && right !== 0) {
      if (mix(left - 1) >= mix(right - 1)) {
        this.#set(place, left);
        place = this.#slots.at(left - 1) + RIGHT;
        left = words[place] as number;
      } else {
        this.#set(place, right);
        place = this.#slots.at(right - 1) + LEFT;
        right = words[place] as number;
      }
    }
    this.#set(place, left === 0 ? right : left);
  }

  get #root(): number {
    return this.#cells[this.#rootAt] as number;
  }

  /** @param place a word of the heap, -1 for the root */
  #set(place: number, node: number): void {
    if (place < 0) this.#cells[this.#rootAt] = node;
    else this.#memory.current()[place] = node;
  }

  #child(node: number, side: number): number {
    return this.#memory.current()[this.#slots.at(node - 1) + side] as number;
  }

  #end(side: number): number {
    let last = 0;
    for (let node = this.#root; node !== 0; node = this.#child(node, side)) last = node;
    return last - 1;
  }
}
