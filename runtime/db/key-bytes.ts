/**
 * Key bytes: keys of rows as bytes whose order is the order of the keys: the number of the space (4 bytes,
 * big end first), then one or two keys as `term-key.ts` writes them.
 *
 * Invariant: each key says where it ends, and none begins with 0 or 255. Broken, entries of indexes, which
 * put two keys behind one another, would be taken apart wrongly.
 */

import { badarg } from '../errors.js';
import { encodeKey } from '../term-key.js';

/** What a row can be found by: any plain value. Lists compare item by item, as tuples do in Erlang. */
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
const SPACE_BYTES = 4;

/**
 * The space and then the keys, one behind the other, in bytes of their own.
 *
 * @throws `badarg` for what is no key, and for what becomes too long
 */
export function keyBytes(space: number, ...keys: readonly unknown[]): Buffer {
  const parts = keys.map(encodeKey);
  let length = SPACE_BYTES;
  for (const part of parts) {
    if (part.length > KEY_BYTES_MAX) {
      throw badarg('key', `a key of at most ${KEY_BYTES_MAX} bytes`, `one of ${part.length}`);
    }
    length += part.length;
  }
  const whole = Buffer.allocUnsafe(length);
  whole.writeUInt32BE(space, 0);
  let at = SPACE_BYTES;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes as text, a unit a byte: what a map finds them by. */
export function idOf(key: Uint8Array): string {
  return (key as Buffer).toString('latin1');
}

/** The first bytes that no key of the space reaches. */
export function spaceEnd(space: number): Buffer {
  return keyBytes(space + 1);
}
