/**
 * Memo: which objects of a message were copied already, and to what.
 *
 * It is what keeps shared and cyclic references. Most messages have a handful of objects, for which
 * two short arrays are faster than a hash table and leave no hash behind on the objects.
 *
 * Invariant: a released memo refers to nothing. Broken, the last message would stay in memory.
 */

/** Thrown inside the copier to give a message up; it never leaves the copier. */
export const UNUSUAL: unique symbol = Symbol('unusual');

const LINEAR_MAX = 24;

let spare: Memo | null = null;

export class Memo {
  // Both keep their length: shrinking an array gives its store back, and growing it costs 50 ns.
  readonly #from: (object | null)[] = new Array(LINEAR_MAX).fill(null);
  readonly #to: (object | null)[] = new Array(LINEAR_MAX).fill(null);
  #count = 0;
  #rest: Map<object, object> | null = null;

  /** An empty memo; the one released last if there is one. */
  static take(): Memo {
    const memo = spare;
    if (memo === null) return new Memo();
    spare = null;
    return memo;
  }

  /** Record that `to` is the copy of `from`, before the children of `from` are copied. */
  add(from: object, to: object): void {
    const at = this.#count;
    if (at < LINEAR_MAX) {
      this.#from[at] = from;
      this.#to[at] = to;
      this.#count = at + 1;
    } else this.#spill().set(from, to);
  }

  get(from: object): object | undefined {
    if (this.#rest !== null) return this.#rest.get(from);
    const count = this.#count;
    const seen = this.#from;
    for (let index = 0; index < count; index += 1) {
      if (seen[index] === from) return this.#to[index] as object;
    }
    return undefined;
  }

  /** Forget everything; the memo may be taken again. */
  release(): void {
    for (let index = 0; index < this.#count; index += 1) {
      this.#from[index] = null;
      this.#to[index] = null;
    }
    this.#count = 0;
    this.#rest = null;
    spare = this;
  }

  #spill(): Map<object, object> {
    if (this.#rest !== null) return this.#rest;
    const all = new Map<object, object>();
    for (let index = 0; index < this.#count; index += 1) {
      all.set(this.#from[index] as object, this.#to[index] as object);
    }
    this.#rest = all;
    return all;
  }
}
