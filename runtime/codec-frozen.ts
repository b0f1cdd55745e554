/**
 * Frozen-value numbering: which frozen values the peer holds, seen from the encoder.
 *
 * A value marked by `freezeValue` crosses in full once per direction and is an id from then on. The
 * peer holds it until it is told to let go, because the value was collected here or because the ids
 * ran out.
 *
 * Invariants:
 *  1. An id is given out again only after `release` handed it to the writer, whose release frame
 *     precedes every frame that uses the id anew.
 *  2. At most FROZEN_MAX values are held for one direction.
 */
import { FROZEN_MAX } from './codec.js';

export class FrozenNumbering {
  readonly #ids = new WeakMap<object, number>();
  /** Per id, which use of it: a finalizer that comes late must not release its successor. */
  readonly #uses: number[] = [];
  readonly #holders: (WeakRef<object> | undefined)[] = [];
  readonly #free: number[] = [];
  #fresh: object[] = [];
  #released: number[] = [];
  #oldest = 0;
  readonly #registry: FinalizationRegistry<{ readonly id: number; readonly use: number }>;

  constructor() {
    this.#registry = new FinalizationRegistry(({ id, use }) => {
      if (this.#uses[id] === use) this.#release(id);
    });
  }

  idOf(value: object): number | undefined {
    return this.#ids.get(value);
  }

  /** Number a value that has no id. The caller sends the value in this frame. */
  assign(value: object): number | undefined {
    let id = this.#free.pop();
    if (id === undefined) {
      if (this.#uses.length >= FROZEN_MAX) {
        this.#release(this.#oldest);
        this.#oldest = (this.#oldest + 1) % FROZEN_MAX;
        // The id is free once the release frame is out; this value goes in full.
        return undefined;
      }
      id = this.#uses.length;
    }
    const use = (this.#uses[id] ?? 0) + 1;
    this.#uses[id] = use;
    this.#holders[id] = new WeakRef(value);
    this.#ids.set(value, id);
    this.#fresh.push(value);
    this.#registry.register(value, { id, use }, value);
    return id;
  }

  commit(): void {
    if (this.#fresh.length > 0) this.#fresh = [];
  }

  rollback(): void {
    for (const value of this.#fresh) {
      const id = this.#ids.get(value);
      if (id === undefined) continue;
      this.#forget(id);
      this.#free.push(id);
    }
    this.#fresh = [];
  }

  get hasReleases(): boolean {
    return this.#released.length > 0;
  }

  /** Ids the peer must let go of. They count as told, and are free. */
  takeReleases(): readonly number[] {
    const ids = this.#released;
    this.#released = [];
    this.#free.push(...ids);
    return ids;
  }

  #release(id: number): void {
    if (this.#released.includes(id) || this.#free.includes(id)) return;
    this.#forget(id);
    this.#released.push(id);
  }

  #forget(id: number): void {
    const value = this.#holders[id]?.deref();
    this.#holders[id] = undefined;
    this.#uses[id] = (this.#uses[id] ?? 0) + 1;
    if (value !== undefined) {
      this.#ids.delete(value);
      this.#registry.unregister(value);
    }
  }
}
