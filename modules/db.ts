/**
 * db: tables that every process of the machine sees, with transactions, in RAM or on disk.
 *
 * A transaction sees the tables as they were at one moment, and happens as one step or not at all, whatever
 * happens to the process, its thread or the machine. Transactions of all processes on all schedulers
 * are as if they had run one after the other, in the order in which they were committed.
 *
 * Source: OTP, module `mnesia`; SEMANTICS 17.
 */

import { storage, yieldNow } from 'tsvm';
import { ensureTable } from './db-schema.js';
import { attempts, type Transaction } from './db-transaction.js';
import type {
  By,
  KeyField,
  KeyOf,
  Range,
  Table,
  TableOptions,
  TransactionOptions,
} from './db-types.js';

export { AbortError, StorageFailure } from './db-errors.js';
export { type EventDetail, subscribe, type TableEvent, unsubscribe } from './db-events.js';
export {
  dropTable,
  ensureTable,
  type MigrateOptions,
  type MigrationProgress,
  migrate,
} from './db-schema.js';
export type { Transaction } from './db-transaction.js';
export type * from './db-types.js';

/**
 * Define a table: `const accounts = table<Account>()({ name: 'accounts', key: 'id' })`. It is made when it
 * is first used.
 */
export function table<R extends object>(): <
  const K extends KeyField<R> | readonly [KeyField<R>, ...KeyField<R>[]],
  const I extends KeyField<R> = never,
>(
  options: TableOptions<R, K, I>,
) => Table<R, KeyOf<R, K>, I> {
  return (options) => storage.define(options as object) as never;
}

/**
 * Run `body` as a transaction, again if others changed what it has read.
 *
 * @returns what `body` returns, when it is committed: for tables that are durable, when it is on the disk
 * @throws what `body` throws, then nothing of it has happened; AbortError for `tx.abort(reason)` and after
 *   too many retries; StorageFailure when it cannot be written
 *
 * `mnesia:transaction/3`; with the durability given, `mnesia:sync_transaction/3`.
 */
export function transaction<T>(
  body: (tx: Transaction) => T | Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  return attempts(body, options);
}

/**
 * Single operations without a transaction: each is one step, and looks at nothing that was before.
 * `mnesia:dirty_read/2` and its family.
 */
export const dirty = {
  /** `mnesia:dirty_read/2`. */
  async get<R extends object, K>(table: Table<R, K>, key: NoInfer<K>): Promise<R | undefined> {
    return (await dirtily((tx) => tx.get(table, key))) as R | undefined;
  },

  /** `mnesia:dirty_write/1`. */
  async put<R extends object>(table: Table<R>, record: NoInfer<R>): Promise<void> {
    await attempts((tx) => tx.put(table, record), UNLIMITED);
  },

  /** `mnesia:dirty_delete/1`. */
  async delete<R extends object, K>(table: Table<R, K>, key: NoInfer<K>): Promise<void> {
    await attempts((tx) => tx.delete(table, key), UNLIMITED);
  },

  /** Change a record in one step. @returns what was put */
  update<R extends object, K>(
    table: Table<R, K>,
    key: NoInfer<K>,
    change: (record: R) => R,
  ): Promise<R | undefined> {
    return attempts((tx) => tx.update(table, key, change), UNLIMITED);
  },

  /** The records of a range: of one moment, if it is not long. */
  async range<R extends object, K>(table: Table<R, K>, range: Range<K> = {}): Promise<R[]> {
    return (await dirtily((tx) => tx.range(table, range))) as R[];
  },

  /** `mnesia:dirty_index_read/3`. */
  async index<R extends object, K, I extends string, F extends I & keyof R>(
    table: Table<R, K, I>,
    field: F,
    by: By<R, F>,
  ): Promise<R[]> {
    return (await dirtily((tx) => tx.index(table, field, by))) as R[];
  },

  /** The records of a range one after the other, in bounded memory; each is as it is when its turn comes. */
  async *rows<R extends object, K>(table: Table<R, K>, range: Range<K> = {}): AsyncGenerator<R> {
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    let page: Range<K> = range;
    while (left > 0) {
      const limit = Math.min(PAGE, left);
      const rows = await dirty.range(table, { ...page, limit });
      yield* rows;
      left -= rows.length;
      const last = rows.at(-1);
      if (rows.length < limit || last === undefined) return;
      page = { ...range, after: storage.keyOf(table, last) as K };
    }
  },

  /** How many records the table has: a little late, and at once. `mnesia:table_info(Tab, size)`. */
  async count(table: Table): Promise<number> {
    return (await dirtily((tx) => tx.count(table))) as number;
  },
} as const;

const UNLIMITED: TransactionOptions = { retries: Number.POSITIVE_INFINITY };
const PAGE = 500;

/** A read by itself: there is nothing to commit. */
async function dirtily(read: (tx: storage.Tx) => unknown): Promise<unknown> {
  if (!storage.isOpen()) await storage.open();
  for (;;) {
    try {
      return read(storage.begin());
    } catch (error) {
      if (!(error instanceof storage.Restart)) throw error;
      if (error.table !== null) await ensureTable(error.table as Table);
      else await yieldNow();
    }
  }
}
