/**
 * Store: the rows of one side (disc or ram) in an ordered file of LMDB.
 *
 * Every thread reads it directly, from memory that the operating system shares between them. One thread
 * writes: the storage thread, in batches, each with where the log stands that it came from.
 *
 * A value is a checksum of key and value (CRC-32, 4 bytes), then what was put. In the space META stand,
 * as JSON, where the store stands (`position`) and for each space what must be in it (`ranked by` its
 * number): how many rows, and the sum of their checksums. So a row that changes, moves or gets lost
 * by whatever is wrong with a disk is found; see `verify.ts`.
 *
 * Invariants:
 *  1. A batch is one transaction of LMDB: rows, position and sums change together.
 *  2. Only the storage thread writes, with calls that return at once; the work is done by a thread of the
 *     native library. A thread of Node that ends inside a write takes the whole program down.
 *  3. A reader asks for the newest state (`renew`) before it believes that a row is not there.
 */

import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import type { RootDatabase, RootDatabaseOptionsWithPath } from 'lmdb';
import { crc32 } from './checksum.js';
import type { Place } from './commit-cells.js';
import { spaceEnd } from './key-bytes.js';
import { CLEAR, DELETE, type Write } from './log-record.js';

export const CHECK_BYTES = 4;
export const META = 0xffff_fffe;
/** Addresses, not memory: what a store may grow to. */
const MAP_BYTES: number = 2 ** 40;
const RAM_MAP_BYTES: number = 2 ** 36;
const CLEARED_AT_ONCE = 10_000;

/** Where a store stands. */
export interface Position {
  /** Number of the last commit that is in it. */
  readonly commit: number;
  readonly place: Place;
}

/** What must be in a space. */
export interface SpaceSum {
  readonly rows: number;
  readonly bytes: number;
  /** The checksums of all rows, added up modulo 2^32. */
  readonly sum: number;
}

/** A row in the store is not what was put there. */
export class DamageError extends Error {
  override readonly name = 'DamageError';
}

type Db = RootDatabase<Buffer, Buffer>;

/** The native library, when it is needed: a machine without tables does not load it. */
function openLmdb(options: RootDatabaseOptionsWithPath): Db {
  const lmdb = createRequire(import.meta.url)('lmdb') as typeof import('lmdb');
  return lmdb.open<Buffer, Buffer>(options);
}

export class Store {
  readonly #db: Db;

  /** @param synced every batch is on the disk when it is done */
  constructor(path: string, synced: boolean) {
    this.#db = openLmdb({
      path,
      noSubdir: false,
      keyEncoding: 'binary',
      encoding: 'binary',
      cache: false,
      compression: false,
      mapSize: synced ? MAP_BYTES : RAM_MAP_BYTES,
      overlappingSync: false,
      ...(synced ? {} : { noSync: true }),
    });
  }

  // ---- reading, on every thread -------------------------------------------------------------------

  /** See what was written up to now. */
  renew(): void {
    this.#db.resetReadTxn();
  }

  /** What was put, with its checksum before it. @throws DamageError */
  get(key: Buffer): Buffer | undefined {
    const found = this.#db.getBinary(key);
    if (found !== undefined) checkRow(key, found);
    return found;
  }

  /**
   * Rows from `from` to before `to`, or with `reverse` from before `to` down to `from`.
   *
   * @returns keys and values in turn, with the checksums
   */
  scan(from: Buffer, to: Buffer, limit: number, reverse: boolean): Buffer[] {
    const found: Buffer[] = [];
    const options = reverse
      ? { start: to, end: from, reverse, limit, exclusiveStart: true, inclusiveEnd: true }
      : { start: from, end: to, limit };
    for (const { key, value } of this.#db.getRange(options)) {
      // What the cursor gives is good until its next step.
      const [ownKey, ownValue] = [Buffer.from(key), Buffer.from(value)];
      checkRow(ownKey, ownValue);
      found.push(ownKey, ownValue);
    }
    return found;
  }

  /** Every row of every space, unchecked. */
  *all(): Generator<readonly [Buffer, Buffer], void> {
    for (const { key, value } of this.#db.getRange({ snapshot: true })) {
      yield [Buffer.from(key), Buffer.from(value)];
    }
  }

  /** How long the file must be at least. */
  get bytesUsed(): number {
    const { lastPageNumber, pageSize } = this.#db.getStats() as {
      readonly lastPageNumber: number;
      readonly pageSize: number;
    };
    return (lastPageNumber + 1) * pageSize;
  }

  position(): Position | undefined {
    return this.#meta<Position>(POSITION);
  }

  /** What must be in a space. */
  sum(space: number): SpaceSum {
    return this.#meta<SpaceSum>(sumKey(space)) ?? NOTHING;
  }

  #meta<T>(key: Buffer): T | undefined {
    const found = this.get(key);
    return found === undefined ? undefined : (JSON.parse(found.toString('utf8', CHECK_BYTES)) as T);
  }

  // ---- writing, on the storage thread -------------------------------------------------------------

  /**
   * Write a batch, the last of several writes of a key only.
   *
   * @throws what the disk says; then nothing of it was written
   */
  async apply(batch: ReadonlyMap<string, Write>, position: Position): Promise<void> {
    this.renew();
    const sums = new Map<number, { rows: number; bytes: number; sum: number }>();
    const sumOf = (space: number): { rows: number; bytes: number; sum: number } => {
      let sum = sums.get(space);
      if (sum === undefined) {
        sum = { ...this.sum(space) };
        sums.set(space, sum);
      }
      return sum;
    };
    const cleared: number[] = [];
    const done: Promise<unknown>[] = [];
    for (const { kind, key, value } of batch.values()) {
      const bytes = key as Buffer;
      const space = bytes.readUInt32BE(0);
      if (kind === CLEAR) {
        cleared.push(space);
        continue;
      }
      const sum = sumOf(space);
      const before = this.#db.getBinaryFast(bytes);
      if (before !== undefined) {
        sum.rows -= 1;
        sum.bytes -= bytes.length + before.length;
        sum.sum = (sum.sum - before.readUInt32LE(0)) >>> 0;
      }
      if (kind === DELETE) {
        if (before !== undefined) done.push(this.#db.remove(bytes));
        continue;
      }
      sum.rows += 1;
      sum.bytes += bytes.length + value.length;
      sum.sum = (sum.sum + (value as Buffer).readUInt32LE(0)) >>> 0;
      done.push(this.#db.put(bytes, value as Buffer));
    }
    for (const [space, sum] of sums) done.push(this.#putMeta(sumKey(space), sum));
    done.push(this.#putMeta(POSITION, position));
    const results = await Promise.allSettled(new Set(done));
    for (const result of results) {
      if (result.status === 'rejected') throw await reasonOf(result.reason as CommitFailure);
    }
    for (const space of cleared) await this.#clear(space);
  }

  /** In parts: a table of any size is dropped in bounded memory. Nobody writes there any more. */
  async #clear(space: number): Promise<void> {
    for (;;) {
      this.renew();
      const keys = [
        ...this.#db.getKeys({
          start: spaceStart(space),
          end: spaceEnd(space),
          limit: CLEARED_AT_ONCE,
        }),
      ].map((key) => Buffer.from(key));
      const done: Promise<unknown>[] = keys.map((key) => this.#db.remove(key));
      // A store that stops here goes on when it is opened: the space is in no catalog.
      done.push(this.#db.remove(sumKey(space)));
      await Promise.all(done);
      if (keys.length < CLEARED_AT_ONCE) return;
    }
  }

  #putMeta(key: Buffer, value: unknown): Promise<boolean> {
    return this.#db.put(key, checkedValue(key, Buffer.from(JSON.stringify(value))));
  }

  /** A copy of a moment, without holding anybody up. @param folder an empty one: `data.mdb` is made there */
  async copyTo(folder: string, compact: boolean): Promise<void> {
    await this.#db.backup(folder, compact);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

/** What the library rejects a write with; `commitError` is rejected with the reason, a little later. */
type CommitFailure = Error & { readonly commitError?: Promise<unknown> };
const REASON_MS = 100;

/** Nobody else looks at `commitError`: not looked at, it would end the thread. */
async function reasonOf(failure: CommitFailure): Promise<unknown> {
  const reason = failure.commitError?.then(
    () => failure,
    (error: unknown) => error,
  );
  return reason === undefined ? failure : await Promise.race([reason, delay(REASON_MS, failure)]);
}

const NOTHING: SpaceSum = { rows: 0, bytes: 0, sum: 0 };
export const POSITION: Buffer = Buffer.concat([spaceStart(META), Buffer.from('position')]);

function spaceStart(space: number): Buffer {
  const start = Buffer.alloc(4);
  start.writeUInt32BE(space, 0);
  return start;
}

export function sumKey(space: number): Buffer {
  return Buffer.concat([spaceStart(META), Buffer.from('sum '), spaceStart(space)]);
}

/** A value as it is kept: behind the checksum of its key and itself. */
export function checkedValue(key: Uint8Array, value: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(CHECK_BYTES + value.length);
  whole.set(value, CHECK_BYTES);
  seal(key, whole);
  return whole;
}

/** Write the checksum into the first bytes of `whole`. */
export function seal(key: Uint8Array, whole: Buffer): void {
  whole.writeUInt32LE(crc32(whole, CHECK_BYTES, whole.length, crc32(key)), 0);
}

export function isSoundRow(key: Uint8Array, whole: Buffer): boolean {
  if (whole.length < CHECK_BYTES) return false;
  return whole.readUInt32LE(0) === crc32(whole, CHECK_BYTES, whole.length, crc32(key));
}

function checkRow(key: Buffer, whole: Buffer): void {
  if (isSoundRow(key, whole)) return;
  throw new DamageError(
    `a row with the key ${key.subarray(0, 40).toString('hex')} is damaged on the disk: ` +
      'tsvm db check shows what is, tsvm db restore brings back a backup',
  );
}
