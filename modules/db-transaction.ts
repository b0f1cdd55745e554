/**
 * A transaction as its body sees it, and the attempts it takes.
 *
 * An attempt that met a change of others is made again, after a moment that grows; so a body may run several
 * times, and must have no other effects than on tables, or hold them back with `send`.
 */

import { exit, type Pid, type PlainName, send, sleep, storage, yieldNow } from 'tsvm';
import { AbortError, failureOf } from './db-errors.js';
import { ensureTable, settle } from './db-schema.js';
import type { By, Range, Table, TransactionOptions } from './db-types.js';

/** More than anybody would wait for; the way out of a table that never stands still. */
const RETRIES = 100;
/** So often at once, then after a pause that grows. */
const QUICK_RETRIES = 3;
const PAUSE_MAX_MS = 20;

/** What a transaction does to tables. Good until its body has returned. */
export class Transaction {
  readonly #tx: storage.Tx;

  constructor(tx: storage.Tx) {
    this.#tx = tx;
  }

  /** The record with that key, a copy of one's own; `undefined` without one. `mnesia:read/2`. */
  async get<R extends object, K>(table: Table<R, K>, key: NoInfer<K>): Promise<R | undefined> {
    return this.#tx.get(table, key) as R | undefined;
  }

  /** Is there a record with that key? */
  async has<R extends object, K>(table: Table<R, K>, key: NoInfer<K>): Promise<boolean> {
    return this.#tx.has(table, key);
  }

  /** Put a record in the place of the one with its key, if there is one. `mnesia:write/1`. */
  put<R extends object>(table: Table<R>, record: NoInfer<R>): void {
    this.#tx.put(table, record);
  }

  /** Put a record if there is none with its key. @returns whether there was none */
  async insert<R extends object, K>(table: Table<R, K>, record: NoInfer<R>): Promise<boolean> {
    if (this.#tx.has(table, storage.keyOf(table, record))) return false;
    this.#tx.put(table, record);
    return true;
  }

  /**
   * Change a record: what `change` gives is put.
   *
   * @returns what was put; `undefined` where there is no such record
   */
  async update<R extends object, K>(
    table: Table<R, K>,
    key: NoInfer<K>,
    change: (record: R) => R,
  ): Promise<R | undefined> {
    const record = this.#tx.get(table, key) as R | undefined;
    if (record === undefined) return undefined;
    const changed = change(record);
    this.#tx.put(table, changed);
    return changed;
  }

  /** Delete the record with that key, if there is one. `mnesia:delete/1`. */
  delete<R extends object, K>(table: Table<R, K>, key: NoInfer<K>): void {
    this.#tx.delete(table, key);
  }

  /** The records of a range of keys, in the order of the keys. */
  async range<R extends object, K>(table: Table<R, K>, range: Range<K> = {}): Promise<R[]> {
    return this.#tx.range(table, range) as R[];
  }

  /** The records with a value, or a range of values, of an indexed field. `mnesia:index_read/3`. */
  async index<R extends object, K, I extends string, F extends I & keyof R>(
    table: Table<R, K, I>,
    field: F,
    by: By<R, F>,
  ): Promise<R[]> {
    return this.#tx.index(table, field, by) as R[];
  }

  /** The records of a range for which `test` holds. `mnesia:select/2`. */
  async select<R extends object, K>(
    table: Table<R, K>,
    test: (record: R) => boolean,
    range: Range<K> = {},
  ): Promise<R[]> {
    const { limit = Number.POSITIVE_INFINITY, ...all } = range;
    const found: R[] = [];
    if (limit <= 0) return found;
    for await (const record of this.rows(table, all)) {
      if (!test(record)) continue;
      found.push(record);
      if (found.length >= limit) break;
    }
    return found;
  }

  /** Go over all records of a table, in the order of their keys. `mnesia:foldl/3`. */
  async fold<R extends object, A>(
    table: Table<R>,
    initial: A,
    step: (sum: A, record: R) => A,
  ): Promise<A> {
    let sum = initial;
    for await (const record of this.rows(table)) sum = step(sum, record);
    return sum;
  }

  /** The records of a range one after the other, in bounded memory. */
  async *rows<R extends object, K>(table: Table<R, K>, range: Range<K> = {}): AsyncGenerator<R> {
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    let page: Range<K> = range;
    while (left > 0) {
      const rows = this.#tx.range(table, { ...page, limit: Math.min(PAGE, left) }) as R[];
      yield* rows;
      left -= rows.length;
      const last = rows.at(-1);
      if (rows.length < PAGE || last === undefined) return;
      page = { ...range, after: storage.keyOf(table, last) as K };
      await yieldNow();
    }
  }

  /** Send when the transaction is committed, and not at all if it never is. */
  send<M>(to: Pid<M>, message: NoInfer<M>): void;
  send(to: PlainName, message: unknown): void;
  send(to: string, message: unknown): void {
    this.#tx.hold(to, message);
  }

  /** Give up: nothing of this has happened, and `transaction` fails with the reason. `mnesia:abort/1`. */
  abort(reason: unknown): never {
    throw new AbortError(reason);
  }

  /**
   * A transaction within this one: if it fails, what it did is undone, and nothing else is. What it did
   * is seen from outside when the outermost is committed.
   */
  async transaction<T>(body: (tx: Transaction) => T | Promise<T>): Promise<T> {
    const inner = this.#tx.nested();
    try {
      const result = await body(new Transaction(inner));
      inner.merge();
      return result;
    } finally {
      inner.end();
    }
  }
}

const PAGE = 500;

/** See `transaction` in db.ts. */
export async function attempts<T>(
  body: (tx: Transaction) => T | Promise<T>,
  { retries = RETRIES, durability }: TransactionOptions,
): Promise<T> {
  if (!storage.isOpen()) await storage.open();
  for (let attempt = 0; ; ) {
    const tx = storage.begin();
    const outcome = await once(tx, body);
    if (outcome.done) {
      const wait = outcome.place;
      const isDurable = durability === undefined ? tx.isDurable : durability === 'durable';
      if (wait !== null && isDurable) await synced(wait);
      for (const { to, message } of tx.held) send(to, message);
      return outcome.value;
    }
    if (outcome.why === 'conflict') {
      attempt += 1;
      if (attempt > retries) throw new AbortError('conflict', conflictText(retries));
      await pause(attempt);
    } else if (outcome.why === 'busy') await sleep(2);
    else if (outcome.why === 'changing') await settle(outcome.table as Table);
    else await ensureTable(outcome.table as Table);
  }
}

type Outcome<T> =
  | { readonly done: true; readonly value: T; readonly place: storage.Place | null }
  | {
      readonly done: false;
      readonly why: 'conflict' | 'busy' | 'changing' | 'no_table';
      readonly table: storage.TableDefinition | null;
    };

async function once<T>(
  tx: storage.Tx,
  body: (tx: Transaction) => T | Promise<T>,
): Promise<Outcome<T>> {
  let value: T;
  try {
    value = await body(new Transaction(tx));
  } catch (error) {
    tx.end();
    if (error instanceof storage.Restart)
      return { done: false, why: error.why, table: error.table };
    // What it failed on may never have been.
    if (!tx.isCurrent) return { done: false, why: 'conflict', table: null };
    throw error;
  }
  const verdict = tx.commit();
  if (verdict === 'conflict' || verdict === 'busy') {
    return { done: false, why: verdict, table: null };
  }
  if (typeof verdict === 'string') throw failureOf(verdict);
  return { done: true, value, place: verdict?.disc ?? null };
}

async function synced(place: storage.Place): Promise<void> {
  try {
    await storage.synced(place);
  } catch (error) {
    // It is committed, and nobody knows whether it is on the disk: who goes on would build on sand.
    exit({ kind: 'storage', reason: 'not_synced', message: (error as Error).message });
  }
}

/** By chance within bounds, so that two that met do not meet again. */
async function pause(attempt: number): Promise<void> {
  if (attempt <= QUICK_RETRIES) await yieldNow();
  else await sleep(Math.ceil(Math.random() * Math.min(PAUSE_MAX_MS, attempt - QUICK_RETRIES)));
}

function conflictText(retries: number): string {
  return `the transaction was tried ${retries + 1} times, and others changed each time what it had read`;
}
