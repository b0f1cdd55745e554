/**
 * Value bytes: records as they are kept, behind the checksum of their row; see `store.ts`.
 *
 * What a message can carry can be kept, but for functions: references within a record, `undefined`,
 * dates, maps, sets, typed arrays, bigints and errors come back as they were; of a typed array its own part of
 * its buffer.
 */

import { CHECK_BYTES, seal } from './store.js';
import { readValue } from './value-reader.js';
import { writeValue } from './value-writer.js';

/** @returns the record behind the checksum of `key` and itself */
export function encodeValue(key: Uint8Array, record: unknown): Buffer {
  const whole = writeValue(record, CHECK_BYTES);
  seal(key, whole);
  return whole;
}

/** The record in what `encodeValue` made. */
export function decodeValue(whole: Buffer): unknown {
  return readValue(whole, CHECK_BYTES);
}
