/**
 * Row cache: the rows of one table that this thread has decoded, by slot. Flat ones are not: to make
 * them anew takes less time than to fetch them from here (`flat-rows.ts`).
 *
 * An entry counts as long as the slot still has the version that it was decoded from, so nobody has to
 * be told of a change. What is kept here is never given away: whoever reads gets a copy.
 *
 * Bound: slots below `SLOTS_MAX`; the rows of others are decoded each time.
 */

const SLOTS_MAX = 1 << 18;

export class RowCache {
  #rows: unknown[] = [];
  #versions: number[] = [];

  /** The row of that version, `undefined` when it is not here. */
  get(slot: number, version: number): unknown {
    return this.#versions[slot] === version ? this.#rows[slot] : undefined;
  }

  set(slot: number, version: number, row: unknown): void {
    if (slot >= SLOTS_MAX) return;
    for (let next = this.#rows.length; next < slot; next += 1) {
      this.#rows.push(undefined);
      this.#versions.push(0);
    }
    this.#rows[slot] = row;
    this.#versions[slot] = version;
  }

  clear(): void {
    this.#rows = [];
    this.#versions = [];
  }
}
