/**
 * Flat rows: short tuples and records of scalars, written and read without the codec.
 *
 * Most rows are flat, and what a look-up of them costs is memory that is not in the processor's cache.
 * To make such a row anew from its words takes less time than to fetch a decoded one and to copy it,
 * and keeps no second copy of the table on each thread. The words are those of `row-codec.ts`.
 *
 * What is read may be in the middle of a change. Then what comes out is nonsense, made in bounded time;
 * whoever asks throws it away, because SEQUENCE has changed.
 */

import { Constant, doubleCutter, TAG_BITS, TAG_MASK, Tag } from '../codec.js';
import type { ShapeRegistry } from '../codec-encoder.js';
import { isProxyValue } from '../proxies.js';
import { generate, literal } from '../shape.js';
import { ShortTexts, TEXT_MAX } from './short-texts.js';

/** Words before the row in a block. */
export const BLOCK_HEADER = 2;
/** Given for a row that the codec must read. */
export const NOT_FLAT: unique symbol = Symbol('not flat');

const FIELDS_MAX = 16;
const WORDS_MAX: number = BLOCK_HEADER + 1 + FIELDS_MAX * (1 + TEXT_MAX / 4);
const INT_MIN: number = -(1 << 27);
const INT_MAX: number = (1 << 27) - 1;
const { isArray } = Array;

type Make = (rows: FlatRows, words: Int32Array) => object;

function word(payload: number, tag: number): number {
  return (payload << TAG_BITS) | tag;
}

export class FlatRows {
  readonly #shapes: ShapeRegistry;
  readonly #texts = new ShortTexts();
  readonly #makers: (Make | null)[] = [];
  readonly #cut = doubleCutter();
  /** The block of the last `write`. */
  readonly words: Int32Array = new Int32Array(WORDS_MAX);
  readonly #bytes = new Uint8Array(this.words.buffer);
  #at = 0;
  #isFlat = true;

  constructor(shapes: ShapeRegistry) {
    this.#shapes = shapes;
  }

  /** Write a tuple as a block into `words`. @returns its length; 0 when that is for the codec to do */
  write(row: unknown, field: number | string): number {
    if (!isArray(row) || row.length > FIELDS_MAX || isProxyValue(row)) return 0;
    if ('index' in row || 'groups' in row) return 0;
    const items: readonly unknown[] = row;
    const { words } = this;
    let keyAt = 0;
    this.#at = BLOCK_HEADER;
    words[this.#at++] = word(items.length, Tag.ARRAY);
    for (let index = 0; index < items.length; index += 1) {
      if (index === field) keyAt = this.#at;
      if (!this.#put(items[index])) return 0;
    }
    if (keyAt === 0) return 0;
    words[0] = this.#at;
    words[1] = keyAt;
    return this.#at;
  }

  #put(value: unknown): boolean {
    const { words } = this;
    if (typeof value === 'number') {
      const int = value | 0;
      if (int === value && int >= INT_MIN && int <= INT_MAX && (int !== 0 || 1 / value > 0)) {
        words[this.#at++] = word(int, Tag.INT);
      } else {
        this.#cut.double[0] = value;
        words[this.#at++] = word(0, Tag.DOUBLE);
        words[this.#at++] = this.#cut.words[0] as number;
        words[this.#at++] = this.#cut.words[1] as number;
      }
      return true;
    }
    if (typeof value === 'string') return this.#putText(value);
    // An undefined may be a hole.
    if (value !== null && typeof value !== 'boolean') return false;
    const which = value === null ? Constant.NULL : value ? Constant.TRUE : Constant.FALSE;
    words[this.#at++] = word(which, Tag.CONSTANT);
    return true;
  }

  #putText(text: string): boolean {
    const { length } = text;
    if (length > TEXT_MAX) return false;
    const { words } = this;
    const bytes = this.#bytes;
    words[this.#at++] = word(length, Tag.LATIN1);
    const start = this.#at << 2;
    this.#at += (length + 3) >> 2;
    // Equal texts have equal words.
    if (length > 0) words[this.#at - 1] = 0;
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit > 0xff) return false;
      bytes[start + index] = unit;
    }
    return true;
  }

  /** The row at a word of the heap, or `NOT_FLAT`. */
  read(words: Int32Array, at: number): unknown {
    const head = words[at] as number;
    const payload = head >> TAG_BITS;
    this.#at = at + 1;
    this.#isFlat = true;
    let row: unknown;
    if ((head & TAG_MASK) === Tag.ARRAY) {
      if (payload > FIELDS_MAX) return NOT_FLAT;
      row = this.#tuple(words, payload);
    } else if ((head & TAG_MASK) === Tag.RECORD) {
      const make = this.#makers[payload] ?? this.#maker(payload);
      if (make === null) return NOT_FLAT;
      row = make(this, words);
    } else return NOT_FLAT;
    return this.#isFlat ? row : NOT_FLAT;
  }

  /** The scalar at a word of the heap, or `NOT_FLAT`. */
  readOne(words: Int32Array, at: number): unknown {
    this.#at = at;
    this.#isFlat = true;
    const value = this.scalar(words);
    return this.#isFlat ? value : NOT_FLAT;
  }

  #tuple(words: Int32Array, length: number): unknown[] {
    switch (length) {
      case 2:
        return [this.scalar(words), this.scalar(words)];
      case 3:
        return [this.scalar(words), this.scalar(words), this.scalar(words)];
      case 4:
        return [this.scalar(words), this.scalar(words), this.scalar(words), this.scalar(words)];
      default: {
        const row: unknown[] = [];
        for (let index = 0; index < length; index += 1) row.push(this.scalar(words));
        return row;
      }
    }
  }

  /** Called by generated code as well: the next field. */
  scalar(words: Int32Array): unknown {
    const at = this.#at;
    const head = words[at] as number;
    const payload = head >> TAG_BITS;
    switch (head & TAG_MASK) {
      case Tag.INT:
        this.#at = at + 1;
        return payload;
      case Tag.LATIN1:
        if (payload > TEXT_MAX) break;
        this.#at = at + 1 + ((payload + 3) >> 2);
        return this.#texts.read(words, at + 1, payload);
      case Tag.CONSTANT:
        this.#at = at + 1;
        if (payload === Constant.UNDEFINED) return undefined;
        return payload === Constant.NULL ? null : payload === Constant.TRUE;
      case Tag.DOUBLE:
        this.#at = at + 3;
        this.#cut.words[0] = words[at + 1] as number;
        this.#cut.words[1] = words[at + 2] as number;
        return this.#cut.double[0];
      default:
    }
    this.#isFlat = false;
    return undefined;
  }

  #maker(shape: number): Make | null {
    if (!(shape >= 0)) return null;
    const keys = this.#shapes.keysOf(shape) as readonly string[] | undefined;
    // A number that nobody has given comes out of a row that is just being changed.
    if (keys === undefined) return null;
    const fields = keys.map(() => 'rows.scalar(words)');
    const make =
      keys.length > FIELDS_MAX
        ? null
        : generate<Make>(
            {},
            `return function make(rows, words) { return ${literal(keys, fields)}; };`,
          );
    this.#makers[shape] = make;
    return make;
  }
}
