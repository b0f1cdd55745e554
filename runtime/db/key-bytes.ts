/**
 * Key bytes: keys of rows as bytes whose order is the order of the keys.
 *
 * | first byte | what follows                                                                  |
 * | ---------- | ----------------------------------------------------------------------------- |
 * | 2          | nothing: `null`                                                               |
 * | 3, 4       | nothing: `false`, `true`                                                      |
 * | 5          | a number: 8 bytes, big end first, the sign turned so that less comes first    |
 * | 6, 7       | a negative, a positive bigint: length in 2 bytes, then bytes (6: inverted)    |
 * | 8          | a date: as a number                                                           |
 * | 9          | text: UTF-8 with 0 written as 0 255, then 0                                    |
 * | 10         | bytes: with 0 written as 0 255, then 0                                        |
 * | 11         | a list: its items, then 0                                                     |
 *
 * Invariants:
 *  1. Equal bytes mean equal keys (0 and -0 are one key), and each encoding says where it ends.
 *     Broken, index entries, which put two keys behind one another, would be taken apart wrongly.
 *  2. No encoding begins with 0 or 255, so that a list that ends comes before one that goes on.
 */

import { badarg } from '../errors.js';

/** What a row can be found by. Lists compare item by item, as tuples do in Erlang. */
export type DbKey =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Uint8Array
  | readonly DbKey[];

/** LMDB takes 1978 bytes with pages of 4 KB; an entry of an index holds two keys. */
export const KEY_BYTES_MAX = 900;

const NULL = 2;
const FALSE = 3;
const TRUE = 4;
const NUMBER = 5;
const NEGATIVE = 6;
const POSITIVE = 7;
const DATE = 8;
const TEXT = 9;
const BYTES = 10;
const LIST = 11;
const DEPTH_MAX = 16;
/** Has no UTF-8. */
const HALF_PAIR: RegExp = /\p{Surrogate}/u;

const scratch: Buffer = Buffer.alloc(4 * KEY_BYTES_MAX);
let at = 0;
let limit = 0;

/**
 * Write the space and then the keys, one behind the other, into bytes of their own.
 *
 * @throws `badarg` for what is no key, and for what becomes too long
 */
export function keyBytes(space: number, ...keys: readonly unknown[]): Buffer {
  scratch.writeUInt32BE(space, 0);
  at = 4;
  for (const key of keys) {
    limit = at + KEY_BYTES_MAX;
    put(key, 0);
  }
  return Buffer.from(scratch.subarray(0, at));
}

/** Bytes as text, a unit a byte: what a map finds them by. */
export function idOf(key: Uint8Array): string {
  return (key as Buffer).toString('latin1');
}

/** The first bytes that no key of the space reaches. */
export function spaceEnd(space: number): Buffer {
  const end = Buffer.alloc(4);
  end.writeUInt32BE(space + 1, 0);
  return end;
}

function put(key: unknown, depth: number): void {
  switch (typeof key) {
    case 'string':
      byte(TEXT);
      putText(key);
      return;
    case 'number':
      if (Number.isNaN(key)) throw noKey(key);
      byte(NUMBER);
      putNumber(key);
      return;
    case 'boolean':
      byte(key ? TRUE : FALSE);
      return;
    case 'bigint':
      putBigint(key);
      return;
    case 'object':
      putObject(key, depth);
      return;
    default:
      throw noKey(key);
  }
}

function putObject(key: object | null, depth: number): void {
  if (key === null) byte(NULL);
  else if (Array.isArray(key)) {
    if (depth === DEPTH_MAX) throw noKey(key);
    byte(LIST);
    for (const item of key) put(item, depth + 1);
    byte(0);
  } else if (key instanceof Date && !Number.isNaN(key.getTime())) {
    byte(DATE);
    putNumber(key.getTime());
  } else if (key instanceof Uint8Array) {
    byte(BYTES);
    putEscaped(key, key.length);
  } else throw noKey(key);
}

function putNumber(value: number): void {
  reserve(8);
  // -0 and 0 are one key.
  scratch.writeDoubleBE(value + 0, at);
  const first = scratch[at] as number;
  if (first < 128) scratch[at] = first + 128;
  else for (let index = at; index < at + 8; index++) scratch[index] = ~(scratch[index] as number);
  at += 8;
}

function putText(text: string): void {
  reserve(text.length);
  // Short plain text, as nearly all keys are, needs no encoder.
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === 0 || unit > 127) {
      putLongText(text);
      return;
    }
    scratch[at + index] = unit;
  }
  at += text.length;
  byte(0);
}

function putLongText(text: string): void {
  if (HALF_PAIR.test(text)) throw badarg('key', 'text without half a surrogate pair', text);
  const bytes = Buffer.from(text, 'utf8');
  putEscaped(bytes, bytes.length);
}

function putEscaped(bytes: Uint8Array, length: number): void {
  for (let index = 0; index < length; index++) {
    const value = bytes[index] as number;
    byte(value);
    if (value === 0) byte(255);
  }
  byte(0);
}

function putBigint(value: bigint): void {
  const negative = value < 0n;
  let digits = (negative ? -value : value).toString(16);
  if (digits.length % 2 === 1) digits = `0${digits}`;
  const length = digits.length / 2;
  if (length > KEY_BYTES_MAX) throw tooLong();
  const flip = negative ? 255 : 0;
  byte(negative ? NEGATIVE : POSITIVE);
  byte((length >> 8) ^ flip);
  byte((length & 255) ^ flip);
  for (let index = 0; index < digits.length; index += 2) {
    byte(Number.parseInt(digits.slice(index, index + 2), 16) ^ flip);
  }
}

function byte(value: number): void {
  reserve(1);
  scratch[at++] = value;
}

function reserve(bytes: number): void {
  if (at + bytes > limit) throw tooLong();
}

function noKey(key: unknown): Error {
  return badarg(
    'key',
    'null, a boolean, number (not NaN), bigint, string, Date, Uint8Array or a list of these',
    key,
  );
}

function tooLong(): Error {
  return badarg('key', `a key of at most ${KEY_BYTES_MAX} bytes`, 'a longer one');
}
