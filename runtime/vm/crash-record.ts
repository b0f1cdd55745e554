/**
 * Crash record: the lines of a segment of the crash store.
 *
 *   000000d2 5f1c09aa {"type":"crash","id":"3-1",…}⏎
 *
 * The length of the JSON in bytes and its CRC-32, both as eight hexadecimal digits. JSON has no line
 * feed of its own, so a reader that finds a line wrong goes on behind the next one: damage costs the
 * lines it touches and no others. A file can be read with `cut -c19-` and `jq`, should all else fail.
 *
 *   segment  the first line: who wrote the file
 *   crash    one crash, with its report
 *   count    crashes without a report
 *   whole    all before it was looked at and is whole; at the end of what nobody writes any more
 *
 * Invariant: each crash is in one `crash` or counted in one `count`, never in both.
 */

import { crc32 } from 'node:zlib';
import type { CountedCrashes, CrashReport } from '../hosting.js';

export const FORMAT = 1;
const HEAD = 18;
const LINE_FEED = 10;
const HEADER = /^([0-9a-f]{8}) ([0-9a-f]{8}) $/;

export interface SegmentRecord {
  readonly type: 'segment';
  readonly format: typeof FORMAT;
  readonly segment: number;
  /** Of the machine: what its pids begin with. */
  readonly node: string;
  /** Of the operating system. */
  readonly pid: number;
  readonly time: number;
}

/** One crash. Its report went through JSON: dates are texts, and what JSON has no word for is one, too. */
export interface CrashRecord {
  readonly type: 'crash';
  /** `3-1`: the first report of segment 3. */
  readonly id: string;
  /** Names the crashes that are equal to it. */
  readonly group: string;
  readonly report: CrashReport;
  /** The lines of source around the place, as they were then. */
  readonly frame: string | null;
}

export interface CountRecord extends CountedCrashes {
  readonly type: 'count';
  readonly group: string;
}

export interface WholeRecord {
  readonly type: 'whole';
  readonly time: number;
}

export type StoreRecord = SegmentRecord | CrashRecord | CountRecord | WholeRecord;

/** What a reader finds, in order: `record` is `null` for bytes that are no record. */
export interface Found {
  readonly record: StoreRecord | null;
  readonly from: number;
  readonly to: number;
}

export function encodeRecord(record: StoreRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record, jsonValue));
  return Buffer.concat([Buffer.from(headOf(json)), json, Buffer.of(LINE_FEED)]);
}

/** Every byte belongs to one of what is found; damage that is in one piece comes once. */
export function* decodeRecords(bytes: Buffer): Generator<Found> {
  let damagedFrom = -1;
  for (let from = 0; from < bytes.length; ) {
    const decoded = decodeAt(bytes, from);
    if (decoded === null) {
      if (damagedFrom < 0) damagedFrom = from;
      const next = bytes.indexOf(LINE_FEED, from);
      from = next < 0 ? bytes.length : next + 1;
      continue;
    }
    if (damagedFrom >= 0) yield { record: null, from: damagedFrom, to: from };
    damagedFrom = -1;
    yield { record: decoded.record, from, to: decoded.to };
    from = decoded.to;
  }
  if (damagedFrom >= 0) yield { record: null, from: damagedFrom, to: bytes.length };
}

function decodeAt(bytes: Buffer, from: number): { record: StoreRecord; to: number } | null {
  const head = HEADER.exec(bytes.toString('latin1', from, from + HEAD));
  if (head === null) return null;
  const begin = from + HEAD;
  const end = begin + Number.parseInt(head[1] as string, 16);
  if (end >= bytes.length || bytes[end] !== LINE_FEED) return null;
  const json = bytes.subarray(begin, end);
  if (crc32(json) !== Number.parseInt(head[2] as string, 16)) return null;
  return { record: JSON.parse(json.toString()) as StoreRecord, to: end + 1 };
}

function headOf(json: Buffer): string {
  const hex = (value: number): string => value.toString(16).padStart(8, '0');
  return `${hex(json.length)} ${hex(crc32(json))} `;
}

/** Reports hold what structured clone takes; JSON has no word for these. */
function jsonValue(this: unknown, _key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value === undefined && Array.isArray(this) ? '(undefined)' : value;
}
