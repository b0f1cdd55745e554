/**
 * Persistent terms: values for the whole machine that are read without a copy.
 *
 * They are rows of a table of the machine's own, which the main thread makes before any other. What a
 * thread has decoded is frozen and given to whoever asks, as long as the row has not changed: so a read
 * is a look-up, and gives the same object each time. Whoever holds a value that was replaced keeps it.
 *
 * Source: OTP, module `persistent_term`.
 */

import { freezeValue, isFrozenValue, markFrozen } from './frozen.js';
import { consistently, rowAt } from './tables/row-reader.js';
import { remove } from './tables/row-update.js';
import { hashOf, insert } from './tables/row-writer.js';
import type { Rows } from './tables/rows.js';
import { PUBLIC, SET } from './tables/table-entry.js';
import { tableInfo } from './tables/table-info.js';
import type { Tables } from './tables/tables.js';
import type { Pid } from './terms.js';

/** The machine's own table is the first. */
const ENTRY = 0;
/** No thread has this life: nobody owns the table. */
const NOBODY = { life: 0, creator: 0, counter: 0 };

type Term = readonly [key: unknown, value: unknown];

/** Make the table. The main thread calls it, once. */
export function makePersistentTerms(tables: Tables): void {
  const meta = { name: null, owner: '' as Pid, heir: null, key: 0, createdAt: Date.now() };
  tables.create({ kind: SET, access: PUBLIC, owner: NOBODY, meta });
}

export class PersistentTerms {
  readonly #tables: Tables;
  #rows: Rows | null = null;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get #terms(): Rows {
    this.#rows ??= this.#tables.at(ENTRY)?.rows ?? null;
    if (this.#rows === null) throw new Error('the machine has no table of persistent terms');
    return this.#rows;
  }

  /** @throws DataCloneError for what cannot be frozen; badarg for a key that has no order */
  put(key: unknown, value: unknown): void {
    insert(this.#terms, [key, freezeValue(value)], key, false);
  }

  get(key: unknown): { readonly value: unknown } | undefined {
    const rows = this.#terms;
    const hash = hashOf(key);
    const row = consistently(rows, () => {
      const slot = rows.find(key, hash);
      return slot < 0 ? undefined : rowAt(rows, slot);
    }) as Term | undefined;
    if (row === undefined) return undefined;
    const [, value] = row;
    if (typeof value === 'object' && value !== null && !isFrozenValue(value)) markFrozen(value);
    return { value };
  }

  erase(key: unknown): boolean {
    return remove(this.#terms, key, null) > 0;
  }

  info(): { readonly count: number; readonly memoryBytes: number } {
    const table = this.#tables.at(ENTRY);
    const figures = table === undefined ? undefined : tableInfo(this.#tables, table);
    return { count: figures?.size ?? 0, memoryBytes: figures?.memoryBytes ?? 0 };
  }
}
