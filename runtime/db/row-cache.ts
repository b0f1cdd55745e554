/**
 * Row cache: rows of a table as this scheduler has decoded them, each with the version of its stripe.
 *
 * A row counts as long as the version is still the same; nobody has to be told of a change. Two
 * generations bound it: rows not used while a generation fills are forgotten.
 *
 * Invariant: a record in it is nobody else's: it is copied on the way in and on the way out.
 */

export interface CachedRow {
  readonly key: Buffer;
  readonly stripe: number;
  version: number;
  /** `null`: there is no such row. */
  record: object | null;
  /** Its length as bytes. */
  bytes: number;
}

/** Of one generation, over all tables of a scheduler. */
const GENERATION_BYTES: number = 32 * 1024 * 1024;
/** What a row takes beside its content. */
const ROW_BYTES = 200;

let bytes = 0;
let generation = 0;

export class RowCache {
  #young = new Map<unknown, CachedRow>();
  #old = new Map<unknown, CachedRow>();
  #generation = 0;

  get(key: unknown): CachedRow | undefined {
    const found = this.#young.get(key);
    if (found !== undefined) return found;
    const old = this.#old.get(key);
    if (old !== undefined) {
      this.#old.delete(key);
      this.set(key, old);
    }
    return old;
  }

  set(key: unknown, row: CachedRow): void {
    bytes += row.bytes + ROW_BYTES;
    if (bytes > GENERATION_BYTES) {
      bytes = 0;
      generation += 1;
    }
    if (this.#generation !== generation) {
      this.#old = generation === this.#generation + 1 ? this.#young : new Map();
      this.#young = new Map();
      this.#generation = generation;
    }
    this.#young.set(key, row);
  }
}
