/**
 * Schema: tables are made when they are first used, dropped when asked, and changed as one unit.
 *
 * Source: OTP, `mnesia:create_table/2`, `transform_table/3`, `add_table_index/2`; SEMANTICS 17: schema
 * changes are transactions.
 */

import { isAlive, type Pid, sleep, storage, yieldNow } from 'tsvm';
import { failureOf } from './db-errors.js';
import type { Table } from './db-types.js';

/** How far a `migrate` is. */
export interface MigrationProgress {
  readonly done: number;
  readonly total: number;
}

export interface MigrateOptions {
  /** Told now and then. */
  readonly onProgress?: (progress: MigrationProgress) => void;
}

/** Make a table if there is none of its name. `mnesia:create_table/2`. */
export async function ensureTable(table: Table): Promise<void> {
  if (!storage.isOpen()) await storage.open();
  const change = storage.schemaChange(table);
  await until(() => (change.current === null ? change.create() : 'done'));
}

/** Drop a table with all its records. @returns whether there was one. `mnesia:delete_table/1`. */
export async function dropTable(table: Table): Promise<boolean> {
  if (!storage.isOpen()) await storage.open();
  const change = storage.schemaChange(table);
  let there = false;
  await until(() => {
    if (change.current === null) return 'done';
    there = true;
    return change.drop();
  });
  return there;
}

/**
 * Make a table what its definition says: records of the version (by `upgrade`), indexes, key and storage.
 *
 * Others read the table as it was meanwhile; their writes wait. All of it happens or, if `upgrade` or
 * `schema` fail or the machine ends, nothing. `mnesia:transform_table/3`, `add_table_index/2`,
 * `change_table_copy_type/3`.
 *
 * @returns how many records were written anew; 0 where the table was so already
 */
export async function migrate(table: Table, { onProgress }: MigrateOptions = {}): Promise<number> {
  if (!storage.isOpen()) await storage.open();
  const change = storage.schemaChange(table);
  if (change.current === null) {
    await ensureTable(table);
    return 0;
  }
  if (!change.isNeeded()) return 0;
  let total = 0;
  await until(() => {
    const { verdict, rows } = change.begin();
    total = rows;
    return verdict;
  });
  let done = 0;
  try {
    for (;;) {
      const step = change.step();
      if (step === 'busy') await sleep(2);
      else if (typeof step === 'string') throw failureOf(step);
      else if (step === 0) break;
      else {
        done += step;
        onProgress?.({ done, total: Math.max(total, done) });
        await yieldNow();
      }
    }
    await until(() => change.finish());
  } catch (error) {
    await until(() => change.abandon());
    throw error;
  }
  return done;
}

/** Wait a moment for who changes a table; what a dead process began is undone. */
export async function settle(table: Table): Promise<void> {
  const change = storage.schemaChange(table);
  const changer = change.current?.changing ?? null;
  if (changer === null) return;
  if (await isAlive(changer as Pid)) await sleep(5);
  else await until(() => (change.current?.changing === changer ? change.abandon() : 'done'));
}

async function until(attempt: () => unknown): Promise<void> {
  for (;;) {
    const verdict = attempt();
    if (verdict === 'conflict') await yieldNow();
    else if (verdict === 'busy') await sleep(2);
    else if (verdict === 'done' || typeof verdict !== 'string') return;
    else throw failureOf(verdict);
  }
}
