/**
 * Crash store: writes every crash of a machine to its data folder, for ever. Main thread.
 *
 * What comes is written before anything else is done, with one system call a batch, so that a killed
 * machine has lost nothing that reached the main thread; the disk has it a second later.
 *
 * Invariants:
 *  1. A segment is appended to by one store only, and to whole records only.
 *  2. The number of crashes on disk, or waiting here because the disk takes none, is the number that
 *     came: what cannot be written is counted, and the count is written when it can be.
 *  3. It never throws into the machine: a full disk is said once, and the machine goes on.
 */

import { createHash } from 'node:crypto';
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  writeSync,
} from 'node:fs';
import type { CountedCrashes, CrashReport, CrashSignature } from '../hosting.js';
import { encodeRecord, FORMAT, type StoreRecord } from './crash-record.js';
import { CrashTally } from './crash-sampling.js';
import {
  crashFolder,
  type Repair,
  repairSegments,
  segmentNumbers,
  segmentPath,
  wholeLine,
} from './crash-segments.js';

const SEGMENT_BYTES: number = 16 * 1024 * 1024;
/** A report is bounded where it is made, far below this. */
const RECORD_BYTES_MAX: number = 2 * 1024 * 1024;
const SYNC_MS = 1000;

export interface CrashStoreOptions {
  /** The data folder. */
  readonly data: string;
  readonly node: string;
  /** The lines of source around a place, as they are now. */
  readonly frameOf: (place: string) => string | null;
  /** The disk takes nothing, or takes it again. */
  readonly onProblem: (text: string) => void;
}

interface Segment {
  readonly fd: number;
  readonly number: number;
  reports: number;
}

export class CrashStore {
  /** What was put in order at the start. */
  readonly repairs: readonly Repair[];
  readonly #options: CrashStoreOptions;
  readonly #folder: string;
  #segment: Segment | null = null;
  /** What could not be written. */
  #unwritten = new CrashTally();
  #syncTimer: NodeJS.Timeout | null = null;

  /** @throws the system's error where the folder cannot be read or written */
  static async open(options: CrashStoreOptions): Promise<CrashStore> {
    const folder = crashFolder(options.data);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return new CrashStore(options, folder, await repairSegments(folder));
  }

  private constructor(options: CrashStoreOptions, folder: string, repairs: readonly Repair[]) {
    this.#options = options;
    this.#folder = folder;
    this.repairs = repairs;
  }

  /** Keep these. */
  add(reports: readonly CrashReport[], counted: readonly CountedCrashes[]): void {
    const waiting = this.#unwritten.counted();
    try {
      const segment = this.#open();
      const lines = reports.map((report) => this.#line(segment, report));
      for (const counts of [...waiting, ...counted]) lines.push(lineOf(counts));
      if (lines.length === 0) return;
      append(segment.fd, Buffer.concat(lines));
    } catch (error) {
      this.#failed(reports, counted, error as Error);
      return;
    }
    if (waiting.length > 0) {
      this.#unwritten = new CrashTally();
      this.#options.onProblem(`crash reports are kept again in ${this.#folder}`);
    }
    this.#syncSoon();
  }

  /** Nothing is added any more. */
  close(): void {
    if (this.#unwritten.size > 0) this.add([], []);
    if (this.#syncTimer !== null) clearTimeout(this.#syncTimer);
    this.#syncTimer = null;
    this.#end();
  }

  #line(segment: Segment, report: CrashReport): Buffer {
    const { signature } = report;
    segment.reports += 1;
    const line = encodeRecord({
      type: 'crash',
      id: `${segment.number}-${segment.reports}`,
      group: groupOf(signature),
      report,
      frame: this.#options.frameOf(signature.place),
    });
    if (line.length <= RECORD_BYTES_MAX) return line;
    const { time } = report;
    return lineOf({ signature, count: 1, first: time, last: time });
  }

  /** The segment that is written; a new one where there is none, or where it is full. */
  #open(): Segment {
    if (this.#segment !== null && fstatSync(this.#segment.fd).size < SEGMENT_BYTES)
      return this.#segment;
    this.#end();
    for (let number = (segmentNumbers(this.#folder).at(-1) ?? 0) + 1; ; number += 1) {
      try {
        const fd = openSync(segmentPath(this.#folder, number), 'ax', 0o600);
        this.#segment = { fd, number, reports: 0 };
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    const { fd, number: segment } = this.#segment;
    const { pid } = process;
    const { node } = this.#options;
    const first: StoreRecord = {
      type: 'segment',
      format: FORMAT,
      segment,
      node,
      pid,
      time: Date.now(),
    };
    append(fd, encodeRecord(first));
    return this.#segment;
  }

  #end(): void {
    const segment = this.#segment;
    this.#segment = null;
    if (segment === null) return;
    try {
      append(segment.fd, wholeLine());
      fdatasyncSync(segment.fd);
    } catch {
      // The next start looks at it again, as at one whose machine was killed.
    }
    closeSync(segment.fd);
  }

  #failed(
    reports: readonly CrashReport[],
    counted: readonly CountedCrashes[],
    { message }: Error,
  ): void {
    const isNew = this.#unwritten.size === 0;
    for (const { signature, time } of reports)
      this.#unwritten.add({ signature, count: 1, first: time, last: time });
    for (const counts of counted) this.#unwritten.add(counts);
    if (isNew) {
      this.#options.onProblem(
        `crash reports cannot be kept, and are only counted until they can: ${message}`,
      );
    }
  }

  #syncSoon(): void {
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = null;
      // What a disk does not take here it refuses at the next write, too; that is said.
      if (this.#segment !== null) fdatasync(this.#segment.fd, () => {});
    }, SYNC_MS).unref();
  }
}

/** The short name of equal crashes. */
export function groupOf({ reasonClass, place }: CrashSignature): string {
  return createHash('sha256').update(`${reasonClass}\n${place}`).digest('hex').slice(0, 8);
}

function lineOf(counts: CountedCrashes): Buffer {
  return encodeRecord({ type: 'count', group: groupOf(counts.signature), ...counts });
}

/** All of it or nothing: half a record would end the segment's good part. */
function append(fd: number, bytes: Buffer): void {
  const { size } = fstatSync(fd);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } catch (error) {
    ftruncateSync(fd, size);
    throw error;
  }
}
