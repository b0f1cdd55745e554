/**
 * The objects of the frame being encoded, numbered in the order in which they began.
 *
 * As in `copy-memo.ts`, a short list is searched before a hash table is made.
 *
 * Invariant: empty between frames. Broken, the last message would stay in memory.
 */

const LINEAR_MAX = 24;

export class SeenObjects {
  readonly #objects: (object | null)[] = new Array(LINEAR_MAX).fill(null);
  #count = 0;
  #ordinals: Map<object, number> | null = null;

  add(value: object): void {
    const ordinal = this.#count;
    this.#count = ordinal + 1;
    if (ordinal < LINEAR_MAX) this.#objects[ordinal] = value;
    else this.#spill().set(value, ordinal);
  }

  /** @returns the ordinal, or -1 when the object is new to the frame */
  find(value: object): number {
    if (this.#ordinals !== null) return this.#ordinals.get(value) ?? -1;
    const count = this.#count;
    const objects = this.#objects;
    for (let ordinal = 0; ordinal < count; ordinal += 1) {
      if (objects[ordinal] === value) return ordinal;
    }
    return -1;
  }

  clear(): void {
    if (this.#count === 0) return;
    const kept = Math.min(this.#count, LINEAR_MAX);
    for (let ordinal = 0; ordinal < kept; ordinal += 1) this.#objects[ordinal] = null;
    this.#count = 0;
    this.#ordinals = null;
  }

  #spill(): Map<object, number> {
    if (this.#ordinals !== null) return this.#ordinals;
    const ordinals = new Map<object, number>();
    for (let ordinal = 0; ordinal < LINEAR_MAX; ordinal += 1) {
      ordinals.set(this.#objects[ordinal] as object, ordinal);
    }
    this.#ordinals = ordinals;
    return ordinals;
  }
}
