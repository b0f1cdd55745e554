/**
 * Log files: the segments of a log, written by every scheduler and read by every thread.
 *
 * A commit is one `write` at the end of the newest segment: when it returns, the operating system has the
 * bytes, and the end of this program, however it comes, takes nothing away. A power cut may, until
 * the storage thread has synced the segment.
 *
 * Invariants:
 *  1. Records stand without gaps from 0 to TAIL; a segment that is not the newest ends with a record.
 *  2. Who writes holds the lock of the commit cells, and moves TAIL when the whole record is written. What
 *     a write that failed has left behind TAIL is overwritten by the next one.
 *  3. A segment is deleted only when all of it is in the synced store.
 */

import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Place } from './commit-cells.js';
import { commitOf, eachWrite, HEADER_BYTES, recordLength, type Write } from './log-record.js';

/** The next commit opens a new segment. */
const SEGMENT_BYTES: number = 16 * 1024 * 1024;
const CHUNK_BYTES: number = 1024 * 1024;

export function segmentPath(folder: string, segment: number): string {
  return join(folder, `${String(segment).padStart(10, '0')}.log`);
}

/** The numbers of the segments in a folder, ascending. */
export function segmentsIn(folder: string): readonly number[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const number = /^(\d{10})\.log$/.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    })
    .sort((a, b) => a - b);
}

/** A scheduler's hand on the newest segment. */
export class LogWriter {
  readonly #folder: string;
  #segment = -1;
  #file = -1;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Write a record at the end. Inside the lock.
   *
   * @returns the new end
   * @throws the error of the system, with nothing changed
   */
  append(tail: Place, record: Uint8Array): Place {
    let { segment, offset } = tail;
    this.#open(segment);
    if (offset >= SEGMENT_BYTES) {
      // What a failed write may have left there would be read as a record.
      ftruncateSync(this.#file, offset);
      segment += 1;
      offset = 0;
      this.#open(segment);
    }
    for (let done = 0; done < record.length; ) {
      done += writeSync(this.#file, record, done, record.length - done, offset + done);
    }
    return { segment, offset: offset + record.length };
  }

  close(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
    this.#segment = -1;
  }

  #open(segment: number): void {
    if (segment === this.#segment) return;
    const file = openSync(
      segmentPath(this.#folder, segment),
      constants.O_RDWR | constants.O_CREAT,
      0o600,
    );
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = file;
    this.#segment = segment;
  }
}

/** Reads what has been published, from one place on. */
export class LogReader {
  readonly #folder: string;
  #place: Place;
  #file = -1;
  #opened = -1;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(folder: string, place: Place) {
    this.#folder = folder;
    this.#place = place;
  }

  get place(): Place {
    return this.#place;
  }

  /** Go on from there. */
  moveTo(place: Place): void {
    this.#place = place;
  }

  /**
   * Visit what was written up to `end`, a published place.
   *
   * @param bytesMax stop after the record with which so much was read
   * @param visit is given parts of a buffer that is never changed afterwards
   */
  readTo(end: Place, bytesMax: number, visit: (write: Write, commit: number) => void): void {
    let read = 0;
    while (read < bytesMax && isBefore(this.#place, end)) {
      const { segment, offset } = this.#place;
      this.#open(segment);
      const last = segment === end.segment;
      const until = last ? end.offset : statSync(segmentPath(this.#folder, segment)).size;
      if (offset >= until) {
        this.#place = { segment: segment + 1, offset: 0 };
        continue;
      }
      const bytes = this.#read(offset, until);
      let at = 0;
      for (;;) {
        const length = recordLength(bytes, at);
        if (length === 0 || at + length > bytes.length) break;
        const commit = commitOf(bytes, at);
        eachWrite(bytes, at, (write) => visit(write, commit));
        at += length;
      }
      if (at === 0) {
        throw new Error(`${segmentPath(this.#folder, segment)} holds no record at ${offset}`);
      }
      read += at;
      this.#place = { segment, offset: offset + at };
    }
  }

  close(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
    this.#opened = -1;
  }

  /** At least one whole record. */
  #read(offset: number, until: number): Buffer {
    let bytes = this.#bytes(offset, Math.min(until - offset, CHUNK_BYTES));
    const length = bytes.length < HEADER_BYTES ? 0 : recordLength(bytes, 0);
    if (length > bytes.length) bytes = this.#bytes(offset, length);
    return bytes;
  }

  #bytes(offset: number, length: number): Buffer {
    // One buffer serves many small reads, but no byte of it twice: rows point into it.
    if (this.#chunk.length < length) this.#chunk = Buffer.alloc(Math.max(length, CHUNK_BYTES));
    const bytes = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    let done = 0;
    while (done < length) {
      const got = readSync(this.#file, bytes, done, length - done, offset + done);
      if (got === 0) break;
      done += got;
    }
    return bytes.subarray(0, done);
  }

  #open(segment: number): void {
    if (segment === this.#opened) return;
    const file = openSync(segmentPath(this.#folder, segment), 'r');
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = file;
    this.#opened = segment;
  }
}

export function isBefore(a: Place, b: Place): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);
}
