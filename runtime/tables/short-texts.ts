/**
 * Short texts: strings that this thread has read lately, by their words.
 *
 * Fields are often one of few texts: a state, a name, a country. To find such a string by its words is
 * several times faster than to make it, and all rows then share one.
 *
 * Bound: `ENTRIES` texts of up to `TEXT_MAX` characters; one that falls on the place of another takes it.
 *
 * Invariant: words are copied first and the string is made of the copy: what is read may be changing,
 * and a text under the words of another would stay.
 */

import { readLatin1 } from '../codec-text.js';

/** Characters, of one byte each. */
export const TEXT_MAX = 32;

const ENTRY_BITS = 10;
const ENTRIES: number = 1 << ENTRY_BITS;
const WORD_SHIFT = 3;
const NONE = -1;

export class ShortTexts {
  readonly #texts: string[] = new Array<string>(ENTRIES).fill('');
  readonly #lengths: Int32Array = new Int32Array(ENTRIES).fill(NONE);
  readonly #words: Int32Array = new Int32Array(ENTRIES << WORD_SHIFT);
  readonly #bytes: Uint8Array = new Uint8Array(this.#words.buffer);

  /** The text of `length` bytes at a word; what is behind its end in the last word is 0. */
  read(words: Int32Array, at: number, length: number): string {
    const count = (length + 3) >> 2;
    let hash = length;
    for (let index = 0; index < count; index += 1) {
      hash = Math.imul(hash ^ (words[at + index] as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const entry = (hash >>> 4) & (ENTRIES - 1);
    const own = this.#words;
    const start = entry << WORD_SHIFT;
    let isSame = this.#lengths[entry] === length;
    for (let index = 0; index < count; index += 1) {
      const word = words[at + index] as number;
      if (own[start + index] === word) continue;
      own[start + index] = word;
      isSame = false;
    }
    if (isSame) return this.#texts[entry] as string;
    const text = readLatin1(this.#bytes, start << 2, length);
    this.#lengths[entry] = length;
    this.#texts[entry] = text;
    return text;
  }
}
