/**
 * Verify: is all that was put into a store there, as it was put?
 *
 * LMDB keeps no checksums, so the rows bring their own: of key and value. And each space has, changed in the
 * same transaction as its rows, their number and the sum of their checksums. A bit that turned in a key,
 * a value or a page above them, a row that is gone or comes twice, a file that is too short: each of
 * them changes one of these.
 */

import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type CatalogEntry, DISC_CATALOG } from './definition.js';
import { keyBytes, spaceEnd } from './key-bytes.js';
import { CHECK_BYTES, isSoundRow, META, type SpaceSum, type Store } from './store.js';
import { entryKey } from './transaction.js';
import { decodeValue } from './value-bytes.js';

/** The rest is counted. */
const PROBLEMS_MAX = 20;
const ROWS_AT_ONCE = 1000;

export interface Verified {
  readonly rows: number;
  readonly tables: number;
  /** What is wrong, a sentence each; none when all is well. */
  readonly problems: readonly string[];
}

interface Sum {
  rows: number;
  sum: number;
}

const META_MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const META_BYTES = 168;
const PAGE_SIZES: readonly number[] = [4096, 8192, 16384, 32768, 65536];

/**
 * The two pages that say which state of the store counts must be such pages: the native library trusts
 * them, and a program that opens a file without them ends. To be asked before the store is opened.
 */
export function headerProblem(folder: string): string | null {
  const file = join(folder, 'data.mdb');
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  // One that is new.
  if (size === 0) return null;
  const first = readAt(file, 0, META_BYTES);
  const pageSize = first.length < META_BYTES ? 0 : first.readUInt32LE(PAGE_SIZE_AT);
  if (isMeta(first) && PAGE_SIZES.includes(pageSize)) {
    if (isMeta(readAt(file, pageSize, META_BYTES))) return null;
  }
  return `${file} does not begin as a store does: it was overwritten or cut`;
}

function isMeta(bytes: Buffer): boolean {
  return bytes.length === META_BYTES && bytes.readUInt32LE(MAGIC_AT) === META_MAGIC;
}

function readAt(path: string, from: number, length: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, from));
  } finally {
    closeSync(file);
  }
}

/** The file of a store is as long as the store says. @throws what LMDB says of what it cannot open */
export function lengthProblem(store: Store, folder: string): string | null {
  const file = join(folder, 'data.mdb');
  const { size } = statSync(file);
  const expected = store.bytesUsed;
  return size >= expected ? null : `${file} has ${size} bytes, and should have ${expected}`;
}

/**
 * Read all rows.
 *
 * @param deep also look up the entries of all indexes
 */
export function verifyStore(store: Store, deep: boolean): Verified {
  for (const steps = verifySteps(store, deep); ; ) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/**
 * The same, giving others on this thread their turn. For a store that nobody writes to.
 *
 * @throws when it is not wanted any more
 */
export async function verifyInParts(store: Store, isWanted: () => boolean): Promise<Verified> {
  for (const steps = verifySteps(store, false); ; ) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (!isWanted()) throw new Error('the machine is stopping');
    await nextTurn();
  }
}

function* verifySteps(store: Store, deep: boolean): Generator<void, Verified> {
  const problems: string[] = [];
  const say = (problem: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push(problem);
    else if (problems.length === PROBLEMS_MAX) problems.push('and more');
  };
  const sums = new Map<number, Sum>();
  let rows = 0;
  let before: Buffer = Buffer.alloc(0);
  try {
    for (const [key, value] of store.all()) {
      rows += 1;
      if (rows % ROWS_AT_ONCE === 0) yield;
      const shown = key.subarray(0, 40).toString('hex');
      if (key.compare(before) <= 0) say(`the row with the key ${shown} is out of order`);
      before = key;
      if (!isSoundRow(key, value)) say(`the row with the key ${shown} is damaged`);
      else if (key.length >= 4) {
        const space = key.readUInt32BE(0);
        const sum = sums.get(space) ?? { rows: 0, sum: 0 };
        sum.rows += 1;
        sum.sum = (sum.sum + value.readUInt32LE(0)) >>> 0;
        sums.set(space, sum);
      }
    }
  } catch (error) {
    say(`the store cannot be read to its end: ${(error as Error).message}`);
  }
  const entries = problems.length === 0 ? catalogEntries(store, say) : [];
  if (problems.length === 0) checkSums(store, sums, entries, say);
  if (deep && problems.length === 0) {
    for (const entry of entries) checkIndexes(store, entry, say);
  }
  return { rows, tables: entries.length, problems };
}

/** The tables on disc. */
export function catalogEntries(store: Store, say: (problem: string) => void): CatalogEntry[] {
  try {
    const found = store.scan(
      keyBytes(DISC_CATALOG, 'table'),
      spaceEnd(DISC_CATALOG),
      Number.MAX_SAFE_INTEGER,
      false,
    );
    return found.flatMap((value, at) => (at % 2 === 1 ? [decodeValue(value) as CatalogEntry] : []));
  } catch (error) {
    say(`the catalog cannot be read: ${(error as Error).message}`);
    return [];
  }
}

function checkSums(
  store: Store,
  sums: ReadonlyMap<number, Sum>,
  entries: readonly CatalogEntry[],
  say: (problem: string) => void,
): void {
  const check = (space: number, what: string): void => {
    const wanted: SpaceSum = store.sum(space);
    const { rows, sum } = sums.get(space) ?? { rows: 0, sum: 0 };
    if (rows !== wanted.rows) say(`${what}: ${wanted.rows} rows were put, ${rows} are there`);
    else if (sum !== wanted.sum) say(`${what}: its rows are not those that were put`);
  };
  check(DISC_CATALOG, 'the catalog');
  for (const { name, space, indexes } of entries) {
    check(space, `table ${name}`);
    for (const [field, at] of Object.entries(indexes)) check(at, `table ${name}, index ${field}`);
  }
  if (sums.get(META) === undefined && entries.length > 0) say('the sums of the tables are missing');
}

function checkIndexes(store: Store, entry: CatalogEntry, say: (problem: string) => void): void {
  const { name, space, indexes } = entry;
  const fields = Object.entries(indexes).map(([field, at]) => ({ field, space: at, stripe: 0 }));
  if (fields.length === 0) return;
  const counts = new Map<string, number>(fields.map(({ field }) => [field, 0]));
  let from = keyBytes(space);
  for (;;) {
    const rows = store.scan(from, spaceEnd(space), ROWS_AT_ONCE, false);
    for (let at = 0; at < rows.length; at += 2) {
      const key = rows[at] as Buffer;
      const record = decodeValue(rows[at + 1] as Buffer) as object;
      for (const index of fields) {
        const wanted = entryKey(index, record, key);
        if (wanted === null) continue;
        counts.set(index.field, (counts.get(index.field) ?? 0) + 1);
        if (!store.get(wanted)?.subarray(CHECK_BYTES).equals(key)) {
          say(`table ${name}: a row is missing in the index ${index.field}`);
        }
      }
    }
    if (rows.length < 2 * ROWS_AT_ONCE) break;
    from = Buffer.concat([rows.at(-2) as Buffer, Buffer.from([0])]);
  }
  for (const { field, space: at } of fields) {
    const { rows } = store.sum(at);
    if (rows !== counts.get(field)) {
      say(`table ${name}: the index ${field} has ${rows} entries for ${counts.get(field)} rows`);
    }
  }
}
