/**
 * Term keys: values as bytes whose order is the order of the values.
 *
 * For stores that compare keys byte by byte. Two values have the same bytes exactly when they are
 * equal, and `a` comes before `b` (`term-order.ts`) exactly when its bytes do. Nothing is decoded: a
 * row holds its key as a value.
 *
 * A value is the byte `rank + 1`, so that 0 can end a list, and then
 *
 * | rank              | bytes                                                                   |
 * | ----------------- | ----------------------------------------------------------------------- |
 * | boolean           | 0 or 1                                                                  |
 * | number, Date      | 8, big-endian, sign turned so that they sort; `NaN` is 0                |
 * | bigint            | 0 or 1 for the sign, 4 for the length, the bytes; turned when negative  |
 * | string            | each unit, one more, as UTF-8 would write it (to 3 bytes); 0 at the end |
 * | array, rare ranks | the items; 0 at the end                                                 |
 * | object, Map       | 4 for the count, all keys, all values                                   |
 * | Set               | 4 for the count, the items                                              |
 * | binary            | kind; each byte, of which 0 is `1 1` and 1 is `1 2`; 0 at the end       |
 *
 * Invariant: the format is for ever. Stores on disk are sorted by it.
 */

import { ProcessError } from './errors.js';
import {
  binaryParts,
  ORDER_DEPTH_MAX,
  partsOf,
  Rank,
  rankOf,
  sortedEntries,
  sortedItems,
  sortedKeys,
} from './term-order.js';

const BYTES_INITIAL = 256;
/** Memory above this is given back after the key that needed it. */
const BYTES_KEPT = 1 << 16;

let bytes = new Uint8Array(BYTES_INITIAL);
let at = 0;

const cut = new DataView(new ArrayBuffer(8));

/**
 * @returns the key of a value, in memory of its own
 * @throws badarg for what cannot be sent, or contains itself
 */
export function encodeKey(value: unknown): Uint8Array {
  at = 0;
  term(value, 0);
  const key = bytes.slice(0, at);
  if (bytes.length > BYTES_KEPT) bytes = new Uint8Array(BYTES_INITIAL);
  return key;
}

/** The bytes of an array's beginning: all keys that begin with these items begin with them. */
export function encodePrefix(items: readonly unknown[]): Uint8Array {
  return encodeKey(items).slice(0, -1);
}

function reserve(count: number): void {
  if (at + count <= bytes.length) return;
  let size = bytes.length;
  while (size < at + count) size *= 2;
  const grown = new Uint8Array(size);
  grown.set(bytes.subarray(0, at));
  bytes = grown;
}

function byte(value: number): void {
  reserve(1);
  bytes[at] = value;
  at += 1;
}

function uint32(value: number): void {
  for (const shift of [24, 16, 8, 0]) byte((value >>> shift) & 0xff);
}

function term(value: unknown, depth: number): void {
  const rank = rankOf(value);
  if (depth > ORDER_DEPTH_MAX) {
    throw new ProcessError('badarg', `a key is nested more than ${ORDER_DEPTH_MAX} deep`);
  }
  byte(rank + 1);
  switch (rank) {
    case Rank.UNDEFINED:
    case Rank.NULL:
      return;
    case Rank.BOOLEAN:
      byte(value === true ? 1 : 0);
      return;
    case Rank.NUMBER:
      number(value as number);
      return;
    case Rank.DATE:
      number((value as Date).getTime());
      return;
    case Rank.BIGINT:
      bigint(value as bigint);
      return;
    case Rank.STRING:
      string(value as string);
      return;
    case Rank.ARRAY:
      list(value as unknown[], depth);
      return;
    case Rank.OBJECT: {
      const keys = sortedKeys(value as object);
      uint32(keys.length);
      for (const key of keys) string(key);
      for (const key of keys) term((value as Record<string, unknown>)[key], depth + 1);
      return;
    }
    case Rank.MAP: {
      const entries = sortedEntries(value as Map<unknown, unknown>, depth);
      uint32(entries.length);
      for (const entry of entries) term(entry[0], depth + 1);
      for (const entry of entries) term(entry[1], depth + 1);
      return;
    }
    case Rank.SET: {
      const items = sortedItems(value as Set<unknown>, depth);
      uint32(items.length);
      for (const item of items) term(item, depth + 1);
      return;
    }
    case Rank.BINARY:
      binary(value as object);
      return;
    default:
      list(partsOf(rank, value), depth);
  }
}

function list(items: readonly unknown[], depth: number): void {
  // By index: a hole counts as undefined.
  for (let index = 0; index < items.length; index += 1) term(items[index], depth + 1);
  byte(0);
}

function number(value: number): void {
  if (Number.isNaN(value)) {
    for (let index = 0; index < 8; index += 1) byte(0);
    return;
  }
  // Adding 0 makes -0 to 0. The sign bit is turned; of negative numbers, all bits.
  cut.setFloat64(0, value + 0);
  const isNegative = cut.getUint8(0) >= 0x80;
  for (let index = 0; index < 8; index += 1) {
    const part = cut.getUint8(index);
    byte(isNegative ? part ^ 0xff : index === 0 ? part | 0x80 : part);
  }
}

function bigint(value: bigint): void {
  const isNegative = value < 0n;
  const digits = (isNegative ? -value : value).toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  const length = even.length / 2;
  byte(isNegative ? 0 : 1);
  uint32(isNegative ? ~length : length);
  for (let index = 0; index < even.length; index += 2) {
    const part = Number.parseInt(even.slice(index, index + 2), 16);
    byte(isNegative ? part ^ 0xff : part);
  }
}

function string(text: string): void {
  reserve(3 * text.length + 1);
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index) + 1;
    if (unit < 0x80) bytes[at++] = unit;
    else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    }
  }
  bytes[at++] = 0;
}

function binary(value: object): void {
  const parts = binaryParts(value);
  byte(parts.kind);
  reserve(2 * parts.bytes.length + 1);
  for (const part of parts.bytes) {
    if (part > 1) bytes[at++] = part;
    else {
      bytes[at++] = 1;
      bytes[at++] = part + 1;
    }
  }
  bytes[at++] = 0;
}
