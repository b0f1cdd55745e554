/**
 * Crash history: what a crash store holds, for who asks. Works on the files alone, so it is the same
 * for a machine that runs and one that does not, or will never again.
 */

import { readFile, stat } from 'node:fs/promises';
import type { CrashReport, CrashSignature } from '../hosting.js';
import { type CountRecord, type CrashRecord, decodeRecords } from './crash-record.js';
import { crashFolder, segmentNumbers, segmentPath } from './crash-segments.js';

/** An end that was written to so lately is not yet called damaged: the writer may be at it. */
const YOUNG_MS = 2000;

/** Crashes that are equal: of one class of reason, at one place. */
export interface CrashGroup {
  readonly group: string;
  readonly signature: CrashSignature;
  readonly count: number;
  /** Times of the first and the last, ms since 1970. */
  readonly first: number;
  readonly last: number;
  /** How many of them have a report. */
  readonly reports: number;
  /** The last one that has; `null` where none has. */
  readonly latest: StoredCrash | null;
}

/** A report, and where it is kept. */
export interface StoredCrash {
  readonly id: string;
  readonly group: string;
  readonly frame: string | null;
  readonly report: CrashReport;
}

/** Bytes of a segment that are no record. What they held is lost, the rest is not. */
export interface Damage {
  readonly file: string;
  readonly from: number;
  readonly bytes: number;
}

export class CrashHistory {
  readonly folder: string;
  /** What the last reading came upon. */
  readonly damages: Damage[] = [];

  /** @param data the data folder */
  constructor(data: string) {
    this.folder = crashFolder(data);
  }

  /** All records since a time, oldest segment first. A count belongs to its last crash. */
  async *records(since: number = 0): AsyncGenerator<CrashRecord | CountRecord> {
    this.damages.length = 0;
    for (const number of segmentNumbers(this.folder)) {
      for await (const record of this.#segment(number, since)) {
        const time = record.type === 'crash' ? record.report.time : record.last;
        if (time >= since) yield record;
      }
    }
  }

  /** The reports since a time. */
  async *reports(since: number = 0): AsyncGenerator<StoredCrash> {
    for await (const record of this.records(since)) if (record.type === 'crash') yield record;
  }

  /** Equal crashes together, those that happened last first. */
  async groups(since: number = 0): Promise<readonly CrashGroup[]> {
    const found = new Map<string, { -readonly [K in keyof CrashGroup]: CrashGroup[K] }>();
    for await (const record of this.records(since)) {
      const { group } = record;
      const isReport = record.type === 'crash';
      const { signature } = isReport ? record.report : record;
      const first = isReport ? record.report.time : record.first;
      const last = isReport ? first : record.last;
      const count = isReport ? 1 : record.count;
      const known = found.get(group);
      if (known === undefined) {
        found.set(group, {
          group,
          signature,
          count,
          first,
          last,
          reports: isReport ? 1 : 0,
          latest: isReport ? record : null,
        });
        continue;
      }
      known.count += count;
      known.first = Math.min(known.first, first);
      known.last = Math.max(known.last, last);
      if (!isReport) continue;
      known.reports += 1;
      if (known.latest === null || record.report.time >= known.latest.report.time)
        known.latest = record;
    }
    return [...found.values()].sort((a, b) => b.last - a.last);
  }

  /** The report of an id such as `3-1`. */
  async find(id: string): Promise<StoredCrash | undefined> {
    const number = Number(/^(\d+)-\d+$/.exec(id)?.[1] ?? Number.NaN);
    if (!segmentNumbers(this.folder).includes(number)) return undefined;
    for await (const record of this.#segment(number, 0)) {
      if (record.type === 'crash' && record.id === id) return record;
    }
    return undefined;
  }

  /** Bytes on disk, and in how many segments. */
  async size(): Promise<{ readonly bytes: number; readonly segments: number }> {
    const numbers = segmentNumbers(this.folder);
    const sizes = numbers.map(
      async (number) => (await stat(segmentPath(this.folder, number))).size,
    );
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    return { bytes, segments: numbers.length };
  }

  async *#segment(number: number, since: number): AsyncGenerator<CrashRecord | CountRecord> {
    const file = segmentPath(this.folder, number);
    const { mtimeMs } = await stat(file);
    if (mtimeMs < since) return;
    const bytes = await readFile(file);
    for (const { record, from, to } of decodeRecords(bytes)) {
      if (record === null) {
        const isEnd = to === bytes.length && Date.now() - mtimeMs < YOUNG_MS;
        if (!isEnd) this.damages.push({ file, from, bytes: to - from });
      } else if (record.type === 'crash' || record.type === 'count') yield record;
    }
  }
}
