/**
 * Crash segments: the files of a crash store, and their repair.
 *
 * `crashes/000012.crashes` below the data folder. A machine writes segments of its own only, made with
 * a number that nobody had before: so two machines in one folder do each other no harm, and no lock is
 * needed that a `kill -9` could leave behind.
 *
 * A segment that does not end with `whole` was left by a machine that could not close it. Its tail is
 * looked at once: what is no record there is cut off, and kept beside it in `000012.damaged`.
 */

import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeRecords, encodeRecord, type StoreRecord } from './crash-record.js';

const FOLDER = 'crashes';
const SUFFIX = '.crashes';
/** A record that is just being written is written to its end by then. */
const SETTLE_MS = 250;
/** More than a `whole` takes. */
const END_BYTES = 256;

/** What was wrong at the end of a segment, and is cut off. */
export interface Repair {
  readonly file: string;
  /** How many bytes were no record. */
  readonly bytes: number;
  /** Where they are kept. */
  readonly kept: string;
}

export function crashFolder(data: string): string {
  return join(data, FOLDER);
}

export function segmentPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(6, '0')}${SUFFIX}`);
}

/** The numbers of the segments of a folder, oldest first; none where there is no folder. */
export function segmentNumbers(folder: string): number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const number = /^(\d{6,})\.crashes$/.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    })
    .sort((a, b) => a - b);
}

/** Put the ends in order that a machine left which was killed, or a disk that failed. */
export async function repairSegments(folder: string): Promise<readonly Repair[]> {
  const repairs: Repair[] = [];
  for (const number of segmentNumbers(folder)) {
    const file = segmentPath(folder, number);
    if (endsWhole(file)) continue;
    let bytes = readFileSync(file);
    if (wholeEnd(bytes) < bytes.length) {
      // It may be of a living machine, in the middle of a write.
      await delay(SETTLE_MS);
      bytes = readFileSync(file);
    }
    const end = wholeEnd(bytes);
    if (end < bytes.length) {
      const kept = `${file.slice(0, -SUFFIX.length)}.damaged`;
      appendFileSync(kept, bytes.subarray(end), { mode: 0o600 });
      truncateSync(file, end);
      repairs.push({ file, bytes: bytes.length - end, kept });
    }
    appendFileSync(file, wholeLine());
  }
  return repairs;
}

export function wholeLine(): Buffer {
  return encodeRecord({ type: 'whole', time: Date.now() });
}

/** Where the last record ends. */
function wholeEnd(bytes: Buffer): number {
  let end = 0;
  for (const { record, to } of decodeRecords(bytes)) if (record !== null) end = to;
  return end;
}

function endsWhole(file: string): boolean {
  const { size } = statSync(file);
  const bytes = Buffer.alloc(Math.min(size, END_BYTES));
  const fd = openSync(file, 'r');
  try {
    readSync(fd, bytes, 0, bytes.length, size - bytes.length);
  } finally {
    closeSync(fd);
  }
  // The beginning may be in the middle of a line: only the last one counts.
  let last: StoreRecord | null = null;
  for (const { record } of decodeRecords(bytes)) last = record;
  return last?.type === 'whole';
}
