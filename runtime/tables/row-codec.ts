/**
 * Row codec: terms as words that stand for themselves, for rows in shared memory and in files.
 *
 * The format is that of signals (`codec.ts`) with shapes numbered by the machine. What it has no tag
 * for (binary data, errors, very long texts, very deep nesting) is copied and serialised by V8 as a
 * whole: the word `OPAQUE`, the number of bytes, the bytes.
 *
 * A *block* is a row in memory: a word with the number of words that follow, one with the place of
 * the key among them, then the words of the row. Where the key does not lie open in the row, it is
 * repeated behind it.
 *
 * Source: SEMANTICS §16: values are copied in and out.
 */

import { Deserializer, Serializer } from 'node:v8';
import { type Packed, packed, unpackFunctions } from '../carried-functions.js';
import { Extended, FLAG_SHARED, TAG_BITS, TAG_MASK, Tag } from '../codec.js';
import { Decoder } from '../codec-decoder.js';
import { Encoder, type ShapeRegistry } from '../codec-encoder.js';
import { copy } from '../copy.js';
import { UNUSUAL } from '../copy-memo.js';
import { BLOCK_HEADER, FlatRows } from './flat-rows.js';

/** First words of a term that is not encoded in the open: no tag of the codec has these bits. */
const OPAQUE = 15;
/** As OPAQUE, before a term in which an object occurs twice. */
const SHARED = 31;
const NOT_OPEN = 15;

export { BLOCK_HEADER };

/** A field of a row: an index of a tuple or a key of a record. */
export type Field = number | string;

export class RowCodec {
  readonly shapes: ShapeRegistry;
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  readonly flat: FlatRows;
  /** The block of the last `block`, of which the first `length` words count. */
  words: Int32Array = new Int32Array(0);
  length = 0;

  constructor(shapes: ShapeRegistry) {
    this.shapes = shapes;
    this.#encoder = new Encoder(shapes);
    this.#decoder = new Decoder(shapes);
    this.flat = new FlatRows(shapes);
  }

  /**
   * Write a row as a block into `words`.
   *
   * @param key the row's value at `field`
   * @throws DataCloneError when something in it cannot be copied
   */
  block(row: unknown, field: Field, key: unknown): void {
    const flatLength = this.flat.write(row, field);
    if (flatLength > 0) {
      this.words = this.flat.words;
      this.length = flatLength;
      return;
    }
    const open = this.#term(row, BLOCK_HEADER, 'row');
    let keyAt = open ? this.fieldAt(this.words, BLOCK_HEADER, field) : -1;
    if (keyAt < 0) {
      const rowWords = this.words.slice(0, this.length);
      keyAt = rowWords.length;
      this.#term(key, keyAt, 'key');
      this.words.set(rowWords);
    }
    this.words[0] = this.length;
    this.words[1] = keyAt;
  }

  /** Write a term that is no row into `words`. */
  whole(value: unknown): void {
    this.#term(value, 0, 'value');
  }

  /** @returns whether it is written in the open, from word `at` on */
  #term(value: unknown, at: number, root: string): boolean {
    const encoder = this.#encoder;
    try {
      encoder.begin(at);
      encoder.whole(value);
      encoder.commit();
    } catch (error) {
      encoder.rollback();
      if (error !== UNUSUAL && !(error instanceof RangeError)) throw error;
      this.#opaque(value, at, root);
      return false;
    }
    if ((encoder.flags & FLAG_SHARED) !== 0) {
      const length = encoder.length - at;
      this.#room(at + 1 + length);
      this.words[at] = SHARED;
      this.words.set(encoder.words.subarray(at, at + length), at + 1);
      this.length = at + 1 + length;
      return false;
    }
    this.words = encoder.words;
    this.length = encoder.length;
    return true;
  }

  #room(words: number): void {
    this.words = new Int32Array(words);
  }

  #opaque(value: unknown, at: number, root: string): void {
    const serializer = new Serializer();
    serializer.writeHeader();
    // Refused here is what every copy refuses, in its words.
    const { value: plain, functions } = packed(copy(value, root));
    serializer.writeValue([plain, functions]);
    const bytes = serializer.releaseBuffer();
    const length = at + 2 + ((bytes.length + 3) >> 2);
    this.#room(length);
    this.words[at] = OPAQUE;
    this.words[at + 1] = bytes.length;
    new Uint8Array(this.words.buffer).set(bytes, (at + 2) * 4);
    this.length = length;
  }

  /** Read the term at word `at`. Nothing of it refers to `words`. */
  read(words: Int32Array, bytes: Uint8Array, at: number): unknown {
    const first = words[at] as number;
    if ((first & TAG_MASK) !== NOT_OPEN) {
      this.#decoder.begin(words, bytes, at);
      return this.#decoder.term();
    }
    if (first === SHARED) {
      this.#decoder.begin(words, bytes, at + 1);
      return this.#decoder.sharedTerm();
    }
    const start = (at + 2) * 4;
    const deserializer = new Deserializer(bytes.slice(start, start + (words[at + 1] as number)));
    deserializer.readHeader();
    const [value, functions] = deserializer.readValue() as [unknown, Packed['functions']];
    return unpackFunctions({ value, functions });
  }

  /** Where a field of the row at `at` begins, -1 when it does not lie open or there is none. */
  fieldAt(words: Int32Array, at: number, field: Field): number {
    const first = words[at] as number;
    const payload = first >> TAG_BITS;
    let index: number;
    if ((first & TAG_MASK) === Tag.ARRAY) {
      index = typeof field === 'number' && field < payload ? field : -1;
    } else if ((first & TAG_MASK) === Tag.RECORD) {
      index = this.shapes.keysOf(payload).indexOf(field as string);
    } else return -1;
    if (index < 0) return -1;
    let place = at + 1;
    for (; index > 0 && place >= 0; index -= 1) place = this.#after(words, place);
    return place;
  }

  /** The place after the term at `at`; -1 when that is not told by its words alone. */
  #after(words: Int32Array, at: number): number {
    const first = words[at] as number;
    const payload = first >> TAG_BITS;
    switch (first & TAG_MASK) {
      case Tag.INT:
      case Tag.CONSTANT:
        return at + 1;
      case Tag.DOUBLE:
        return at + 3;
      case Tag.LATIN1:
        return at + 1 + ((payload + 3) >> 2);
      case Tag.UTF16:
        return at + 1 + ((payload + 1) >> 1);
      case Tag.ARRAY:
      case Tag.HOLEY:
        return this.#afterMany(words, at + 1, payload);
      case Tag.RECORD:
        return this.#afterMany(words, at + 1, this.shapes.keysOf(payload).length);
      case Tag.DICTIONARY:
        return this.#afterMany(words, at + 1, 2 * payload);
      case Tag.EXTENDED:
        return this.#afterExtended(words, at, payload);
      default:
        return -1;
    }
  }

  #afterMany(words: Int32Array, at: number, count: number): number {
    let place = at;
    for (let left = count; left > 0 && place >= 0; left -= 1) place = this.#after(words, place);
    return place;
  }

  #afterExtended(words: Int32Array, at: number, kind: number): number {
    switch (kind) {
      case Extended.BIGINT:
      case Extended.MODULE:
        return this.#after(words, at + 1);
      case Extended.DATE:
        return at + 3;
      case Extended.MAP:
        return this.#afterMany(words, at + 2, 2 * (words[at + 1] as number));
      case Extended.SET:
        return this.#afterMany(words, at + 2, words[at + 1] as number);
      case Extended.EXPORT:
        return this.#afterMany(words, at + 1, 2);
      case Extended.FUN:
        return this.#afterMany(words, at + 3, 2 + (words[at + 2] as number));
      default:
        return -1;
    }
  }
}
