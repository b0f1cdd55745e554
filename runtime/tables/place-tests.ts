/**
 * Place tests: conditions that are decided by the words of a row, without making the row.
 *
 * A scan looks at every row and gives few of them. When a condition compares fields with small integers
 * or short texts, and rows are what rows mostly are, a few words tell. Where they do not, the row is
 * made and the compiled condition asked, which means the same.
 *
 * Words may be changing while they are read: then the verdict is wrong, and SEQUENCE tells.
 */

import { TAG_BITS, TAG_MASK, Tag } from '../codec.js';
import type { ShapeRegistry } from '../codec-encoder.js';
import { isOperators, isPlainObject } from './condition.js';
import type { Field } from './row-codec.js';

export const NO = 0;
export const YES = 1;
export const UNKNOWN = 2;

const INT_MAX: number = (1 << 27) - 1;
const TEXT_MAX = 32;
const SIGNS = ['$eq', '$ne', '$lt', '$lte', '$gt', '$gte'];

/** The field of a row that lies at the same place in all rows of one form. */
export class PlaceOf {
  readonly #shapes: ShapeRegistry;
  readonly #name: string;
  readonly #index: number;
  #shape = -1;
  #shapeIndex = -1;

  constructor(shapes: ShapeRegistry, field: Field) {
    this.#shapes = shapes;
    this.#name = String(field);
    this.#index = /^(0|[1-9]\d{0,6})$/.test(this.#name) ? Number(this.#name) : -1;
  }

  /** The word of the field in the row at `at`, -1 when it cannot be told. */
  in(words: Int32Array, at: number): number {
    const head = words[at] as number;
    const payload = head >> TAG_BITS;
    let index = -1;
    if ((head & TAG_MASK) === Tag.ARRAY) index = this.#index < payload ? this.#index : -1;
    else if ((head & TAG_MASK) === Tag.RECORD) index = this.#inShape(payload);
    if (index < 0) return -1;
    let place = at + 1;
    for (let left = index; left > 0; left -= 1) {
      const word = words[place] as number;
      const tag = word & TAG_MASK;
      if (tag === Tag.INT || tag === Tag.CONSTANT) place += 1;
      else if (tag === Tag.LATIN1) place += 1 + (((word >> TAG_BITS) + 3) >> 2);
      else if (tag === Tag.DOUBLE) place += 3;
      else return -1;
    }
    return place;
  }

  #inShape(shape: number): number {
    if (shape !== this.#shape) {
      const keys = this.#shapes.keysOf(shape) as readonly string[] | undefined;
      this.#shapeIndex = keys?.indexOf(this.#name) ?? -1;
      this.#shape = shape;
    }
    return this.#shapeIndex;
  }
}

class PlaceTest {
  readonly #place: PlaceOf;
  readonly #sign: number;
  readonly #int: number;
  /** The words of a text that is to be equal, or `null`. */
  readonly #text: Int32Array | null;

  constructor(place: PlaceOf, sign: number, value: number | Int32Array) {
    this.#place = place;
    this.#sign = sign;
    this.#int = typeof value === 'number' ? value : 0;
    this.#text = typeof value === 'number' ? null : value;
  }

  verdict(words: Int32Array, at: number): number {
    const place = this.#place.in(words, at);
    if (place < 0) return UNKNOWN;
    const word = words[place] as number;
    return this.#text === null ? this.#number(word) : this.#same(words, place, this.#text);
  }

  #number(word: number): number {
    if ((word & TAG_MASK) !== Tag.INT) return UNKNOWN;
    const value = word >> TAG_BITS;
    switch (this.#sign) {
      case 0:
        return value === this.#int ? YES : NO;
      case 1:
        return value === this.#int ? NO : YES;
      case 2:
        return value < this.#int ? YES : NO;
      case 3:
        return value <= this.#int ? YES : NO;
      case 4:
        return value > this.#int ? YES : NO;
      default:
        return value >= this.#int ? YES : NO;
    }
  }

  #same(words: Int32Array, place: number, text: Int32Array): number {
    if (((words[place] as number) & TAG_MASK) !== Tag.LATIN1) return UNKNOWN;
    const same = this.#sign === 0 ? YES : NO;
    for (let index = 0; index < text.length; index += 1) {
      if (words[place + index] !== text[index]) return YES - same;
    }
    return same;
  }
}

export class PlaceTests {
  readonly #tests: readonly PlaceTest[];

  constructor(tests: readonly PlaceTest[]) {
    this.#tests = tests;
  }

  /** Do all hold for the row at `at`? */
  verdict(words: Int32Array, at: number): number {
    let all = YES;
    const tests = this.#tests;
    for (let index = 0; index < tests.length; index += 1) {
      const verdict = (tests[index] as PlaceTest).verdict(words, at);
      if (verdict === NO) return NO;
      if (verdict === UNKNOWN) all = UNKNOWN;
    }
    return all;
  }
}

/** @returns `null` when the condition says more than that */
export function placeTests(shapes: ShapeRegistry, where: unknown): PlaceTests | null {
  if (!isPlainObject(where)) return null;
  const tests: PlaceTest[] = [];
  for (const name of Object.keys(where)) {
    if (name.startsWith('$')) return null;
    const place = new PlaceOf(shapes, name);
    const condition = where[name];
    const signs: Readonly<Record<string, unknown>> = isOperators(condition)
      ? condition
      : { $eq: condition };
    for (const sign of Object.keys(signs)) {
      const which = SIGNS.indexOf(sign);
      const value = wordsOf(signs[sign], which);
      if (which < 0 || value === null) return null;
      tests.push(new PlaceTest(place, which, value));
    }
  }
  return tests.length === 0 ? null : new PlaceTests(tests);
}

function wordsOf(value: unknown, sign: number): number | Int32Array | null {
  if (typeof value === 'number') {
    return (value | 0) === value && Math.abs(value) <= INT_MAX ? value : null;
  }
  // Texts are only compared for being equal: their words are not in their order.
  if (typeof value !== 'string' || value.length > TEXT_MAX || sign > 1) return null;
  const words = new Int32Array(1 + ((value.length + 3) >> 2));
  words[0] = (value.length << TAG_BITS) | Tag.LATIN1;
  const bytes = new Uint8Array(words.buffer);
  for (let index = 0; index < value.length; index += 1) {
    const unit = value.charCodeAt(index);
    if (unit > 0xff) return null;
    bytes[4 + index] = unit;
  }
  return words;
}
