/**
 * JSON as bytes, by an encoder written in the language: what `cpu.json_100k` measures.
 *
 * Keys keep their order. Strings are looked at character by character and escaped where needed;
 * `JSON.stringify` and `TextEncoder` are not used.
 */

export interface JsonObject {
  readonly [key: string]: Json;
}

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

const item = (n: number): Json => ({
  label: 'an item of the list',
  price: 199 * n,
  qty: n,
  sku: 1000 + n,
});

/** 563 bytes, keys in their alphabetical order. */
export const DOCUMENT: Json = {
  active: true,
  id: 123_456,
  items: [item(1), item(2), item(3), item(4), item(5)],
  matrix: [
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ],
  name: 'tsvm benchmark document',
  owner: { age: 36, first: 'Ada', last: 'Lovelace', roles: ['admin', 'user'] },
  parent: null,
  tags: ['alpha', 'beta', 'gamma "quoted"', 'delta\n'],
};

const ROOM_AT_FIRST = 1024;
/** The most bytes that one character of a text can take: \u0000. */
const BYTES_PER_CHARACTER = 6;
/** Digits, sign, point and exponent of any number. */
const BYTES_PER_NUMBER = 32;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const ZERO = 0x30;
const HEX = '0123456789abcdef';
/** What stands behind the backslash for the control characters that have a letter. */
const LETTERS = '\0\0\0\0\0\0\0\0btn\0fr';

/** Writes documents one after the other into the same bytes. */
export class JsonEncoder {
  #bytes = new Uint8Array(ROOM_AT_FIRST);
  #length = 0;

  /** A fresh array with the document in UTF-8. */
  encode(document: Json): Uint8Array<ArrayBuffer> {
    this.#length = 0;
    this.#value(document);
    return this.#bytes.slice(0, this.#length);
  }

  #value(value: Json): void {
    if (typeof value === 'string') this.#string(value);
    else if (typeof value === 'number') this.#number(value);
    else if (value === null) this.#ascii('null');
    else if (typeof value === 'boolean') this.#ascii(value ? 'true' : 'false');
    else if (isArray(value)) this.#array(value);
    else this.#object(value);
  }

  #array(items: readonly Json[]): void {
    this.#byte(0x5b);
    for (let i = 0; i < items.length; i++) {
      if (i > 0) this.#byte(COMMA);
      this.#value(items[i] as Json);
    }
    this.#byte(0x5d);
  }

  #object(object: JsonObject): void {
    this.#byte(0x7b);
    let first = true;
    for (const key in object) {
      if (!first) this.#byte(COMMA);
      first = false;
      this.#string(key);
      this.#byte(COLON);
      this.#value(object[key] as Json);
    }
    this.#byte(0x7d);
  }

  #number(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 999_999_999) {
      this.#ascii(Number.isFinite(value) ? `${value}` : 'null');
      return;
    }
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits += 1;
    const end = this.#length + digits;
    this.#reserve(BYTES_PER_NUMBER);
    const bytes = this.#bytes;
    let left = value;
    for (let at = end - 1; at >= this.#length; at--) {
      const tenth = (left / 10) | 0;
      bytes[at] = ZERO + left - tenth * 10;
      left = tenth;
    }
    this.#length = end;
  }

  #string(text: string): void {
    this.#reserve(text.length * BYTES_PER_CHARACTER + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code === QUOTE || code === BACKSLASH) {
        at = this.#escape(code, at);
      } else if (code < 0x80) {
        bytes[at++] = code;
      } else {
        const point = text.codePointAt(i) as number;
        if (point > 0xffff) i += 1;
        at = this.#multibyte(point, at);
      }
    }
    bytes[at++] = QUOTE;
    this.#length = at;
  }

  /** @returns where the next byte goes */
  #escape(code: number, start: number): number {
    const bytes = this.#bytes;
    let at = start;
    bytes[at++] = BACKSLASH;
    const letter = code < LETTERS.length ? LETTERS.charCodeAt(code) : 0;
    if (code >= 0x20 || letter !== 0) {
      bytes[at++] = code >= 0x20 ? code : letter;
      return at;
    }
    bytes[at++] = 0x75;
    for (let shift = 12; shift >= 0; shift -= 4) {
      bytes[at++] = HEX.charCodeAt((code >> shift) & 15);
    }
    return at;
  }

  /** A lone surrogate becomes the replacement character, as in all UTF-8. */
  #multibyte(point: number, start: number): number {
    const bytes = this.#bytes;
    const code = point >= 0xd800 && point < 0xe000 ? 0xfffd : point;
    let at = start;
    if (code < 0x800) bytes[at++] = 0xc0 | (code >> 6);
    else {
      if (code < 0x10000) bytes[at++] = 0xe0 | (code >> 12);
      else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[at++] = 0x80 | (code & 0x3f);
    return at;
  }

  #ascii(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[this.#length++] = text.charCodeAt(i);
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  /** Room for so many more bytes. */
  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** As `Array.isArray`, which does not know read-only arrays. */
function isArray(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}
