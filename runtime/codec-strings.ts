/**
 * String numbering: which strings the peer knows by id, seen from the encoder.
 *
 * Pids, names, tags and property values repeat; a string that is sent a second time gets an id, and
 * from the third time on is one word. Asking for a second time keeps strings that occur once, such
 * as texts and fresh references, from driving out the others.
 *
 * Invariants:
 *  1. An id belongs to at most one string; the oldest gives way when all are taken.
 *  2. `rollback` takes back what was numbered since `commit`, as the peer will not hear of it.
 *
 * Source: the atom cache of OTP's distribution protocol, which bounds its table the same way.
 */
import { STRINGS_MAX } from './codec.js';

/** Slots for the hashes of strings seen once. */
const YOUNG_SLOTS = 4096;

const internTable: Readonly<Record<string, never>> = Object.freeze(Object.create(null));

/**
 * A copy of the string that refers to no longer string of which it was cut out. Property names are
 * such copies, and asking for one makes it. It is quicker as the name of a property, too, and as a key.
 */
export function detach(text: string): void {
  void (text in internTable);
}

export class StringNumbering {
  readonly #ids = new Map<string, number>();
  readonly #strings: (string | undefined)[] = [];
  readonly #fresh: string[] = [];
  /** Only hashes: a set of the strings themselves would keep what they were cut out of. */
  readonly #young = new Int32Array(YOUNG_SLOTS);
  #next = 0;

  /** @returns the id by which the peer knows the string, if it does */
  idOf(text: string): number | undefined {
    return this.#ids.get(text);
  }

  /**
   * Has the string come up lately, so that numbering it will pay? Two strings with one hash make
   * the answer wrong and the encoding longer, nothing else.
   */
  isRepeated(text: string): boolean {
    let hash = text.length;
    for (let index = 0; index < text.length; index += 1) {
      hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
    }
    const slot = (hash ^ (hash >>> 12)) & (YOUNG_SLOTS - 1);
    if (this.#young[slot] === hash) return true;
    this.#young[slot] = hash;
    return false;
  }

  /** Number a string that has no id. The caller tells the peer in this frame. */
  assign(text: string): number {
    detach(text);
    const id = this.#next;
    const previous = this.#strings[id];
    if (previous !== undefined) this.#ids.delete(previous);
    this.#strings[id] = text;
    this.#ids.set(text, id);
    this.#fresh.push(text);
    this.#next = (id + 1) % STRINGS_MAX;
    return id;
  }

  commit(): void {
    if (this.#fresh.length > 0) this.#fresh.length = 0;
  }

  /** Forget what was numbered since the last commit. */
  rollback(): void {
    for (const text of this.#fresh) {
      const id = this.#ids.get(text);
      if (id === undefined) continue;
      this.#ids.delete(text);
      this.#strings[id] = undefined;
    }
    this.#fresh.length = 0;
  }
}
