/**
 * db-admin: tables as they stand in the catalog, without the program that defines them: what `tsvm db`
 * asks, and what a tool may. Records go in and out as `db-json.ts` writes them.
 */

import { storage } from 'tsvm';
import { dirty, ensureTable, type Table, transaction } from './db.js';
import { fromJson, toJson } from './db-json.js';
import type { Durability, Storage } from './db-types.js';

/** A table, and how much is in it. */
export interface TableInfo {
  readonly name: string;
  readonly key: string | readonly string[];
  readonly indexes: readonly string[];
  readonly storage: Storage;
  readonly durability: Durability;
  readonly version: number;
  readonly rows: number;
  readonly bytes: number;
  /** The process that changes its schema now. */
  readonly changing: string | null;
}

/** All tables, by name. */
export async function tables(): Promise<readonly TableInfo[]> {
  if (!storage.isOpen()) await storage.open();
  return storage
    .catalog()
    .map((entry) => ({
      name: entry.name,
      key: entry.key,
      indexes: Object.keys(entry.indexes),
      storage: entry.storage,
      durability: entry.durability,
      version: entry.version,
      ...storage.size(entry),
      changing: entry.changing,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A table as the catalog has it, for the functions of `tsvm/db`. */
export async function tableNamed(name: string): Promise<Table> {
  const found = (await tables()).find((table) => table.name === name);
  if (found === undefined) throw new Error(`there is no table ${JSON.stringify(name)}`);
  return defined(found);
}

function defined(info: Omit<TableInfo, 'rows' | 'bytes' | 'changing'>): Table {
  const { name, key, indexes, storage: where, durability, version } = info;
  return storage.define({ name, key, indexes, storage: where, durability, version }) as Table;
}

/** A record, or `null`. @param key as `toJson` writes it */
export async function get(name: string, key: unknown): Promise<unknown> {
  const record = await dirty.get(await tableNamed(name), fromJson(key));
  return record === undefined ? null : toJson(record);
}

/** So many records behind a key: pages of an export. */
export async function page(
  name: string,
  after: unknown,
  limit: number,
): Promise<{ readonly records: readonly unknown[]; readonly last: unknown }> {
  const table = await tableNamed(name);
  const range = after === null ? { limit } : { limit, after: fromJson(after) };
  const rows = await dirty.range(table, range);
  const last = rows.at(-1);
  return {
    records: rows.map(toJson),
    last: last === undefined ? null : toJson(storage.keyOf(table, last)),
  };
}

/** Make a table as an export describes it; one that is there must agree with it. */
export async function make(info: TableInfo): Promise<void> {
  const table = defined(info);
  await ensureTable(table);
  await dirty.count(table);
}

/** Put records, all or none. */
export async function put(name: string, records: readonly unknown[]): Promise<void> {
  const table = await tableNamed(name);
  await transaction((tx) => {
    for (const record of records) tx.put(table, fromJson(record) as object);
  });
}
