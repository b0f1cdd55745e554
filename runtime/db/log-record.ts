/**
 * Log record: one commit, as it stands in a log.
 *
 * | bytes | what                                                                 |
 * | ----- | -------------------------------------------------------------------- |
 * | 4     | MAGIC                                                                |
 * | 4     | length of the record in bytes, a multiple of 8                       |
 * | 4     | CRC-32 of all that follows                                           |
 * | 4     | number of writes                                                     |
 * | 8     | number of the commit, low word first                                 |
 * | …     | the writes: length of the key (2), kind (1), 0 (1), length of the value (4), key, value |
 *
 * Numbers are little-endian. A key begins with its space. `CLEAR` deletes a whole space; its key is the
 * space alone.
 *
 * Invariant: what a record says is the same whenever it is applied, and however often: values, never
 * changes of values.
 */

import { crc32 } from './checksum.js';

export const MAGIC = 0x474c5354;
export const HEADER_BYTES = 24;
const WRITE_BYTES = 8;
const CRC_FROM = 12;

export const DELETE = 0;
export const PUT = 1;
export const CLEAR = 2;

/** One write of a commit. */
export interface Write {
  readonly kind: typeof DELETE | typeof PUT | typeof CLEAR;
  readonly key: Uint8Array;
  /** What is kept; empty but for PUT. */
  readonly value: Uint8Array;
}

let scratch: Buffer = Buffer.alloc(64 * 1024);

/** @returns bytes that are good until the next call */
export function encodeRecord(writes: readonly Write[]): Buffer {
  let length = HEADER_BYTES;
  for (const { key, value } of writes) length += WRITE_BYTES + key.length + value.length;
  const whole = (length + 7) & ~7;
  if (whole > scratch.length) scratch = Buffer.alloc(whole * 2);
  const out = scratch;
  let at = HEADER_BYTES;
  for (const { kind, key, value } of writes) {
    out[at] = key.length & 255;
    out[at + 1] = key.length >> 8;
    out[at + 2] = kind;
    out[at + 3] = 0;
    writeWord(out, at + 4, value.length);
    out.set(key, at + WRITE_BYTES);
    out.set(value, at + WRITE_BYTES + key.length);
    at += WRITE_BYTES + key.length + value.length;
  }
  out.fill(0, at, whole);
  writeWord(out, 0, MAGIC);
  writeWord(out, 4, whole);
  writeWord(out, 12, writes.length);
  return out.subarray(0, whole);
}

/** Inside the lock, where the number is known. */
export function sealRecord(record: Buffer, commit: number): void {
  writeWord(record, 16, commit >>> 0);
  writeWord(record, 20, Math.floor(commit / 2 ** 32));
  writeWord(record, 8, crc32(record, CRC_FROM));
}

/** Length of the record that begins at `at`; 0 where none does. */
export function recordLength(bytes: Buffer, at: number): number {
  if (bytes.length - at < HEADER_BYTES || bytes.readUInt32LE(at) !== MAGIC) return 0;
  const length = bytes.readUInt32LE(at + 4);
  return length >= HEADER_BYTES && length % 8 === 0 ? length : 0;
}

/** Is it whole and unchanged? `length` bytes from `at` are there. */
export function isSound(bytes: Buffer, at: number, length: number): boolean {
  return bytes.readUInt32LE(at + 8) === crc32(bytes, at + CRC_FROM, at + length);
}

export function commitOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 20) * 2 ** 32 + bytes.readUInt32LE(at + 16);
}

/** The writes of the record at `at`, as parts of `bytes`. */
export function eachWrite(bytes: Buffer, at: number, visit: (write: Write) => void): void {
  const count = bytes.readUInt32LE(at + 12);
  let from = at + HEADER_BYTES;
  for (let index = 0; index < count; index++) {
    const keyLength = bytes.readUInt16LE(from);
    const kind = bytes[from + 2] as Write['kind'];
    const valueLength = bytes.readUInt32LE(from + 4);
    const keyAt = from + WRITE_BYTES;
    const valueAt = keyAt + keyLength;
    from = valueAt + valueLength;
    visit({ kind, key: bytes.subarray(keyAt, valueAt), value: bytes.subarray(valueAt, from) });
  }
}

function writeWord(out: Buffer, at: number, value: number): void {
  out[at] = value & 255;
  out[at + 1] = (value >>> 8) & 255;
  out[at + 2] = (value >>> 16) & 255;
  out[at + 3] = value >>> 24;
}
