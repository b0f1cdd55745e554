/**
 * Transaction: what one attempt has read and written.
 *
 * Optimistic: nothing is locked while it runs. What it reads is noted with its version, what it writes is
 * kept aside, and the commit succeeds if nothing that was read has changed. So there is no deadlock, and
 * a process that dies in the middle leaves nothing behind.
 *
 * What a read depends on:
 *  - a row by its key, there or not: the stripe of the key;
 *  - rows by the value of an index: the stripe of that value, and those of the rows;
 *  - ranges, folds, counts: the stripe of the whole table, or of the whole index, which every commit raises
 *    that writes there. So no row can appear between two looks (no phantoms).
 *
 * Invariants:
 *  1. All reads of an attempt are true at one moment: when anything was committed since the last look,
 *     they are compared again before a read returns. Broken, code of a user could meet a state that
 *     never was (x and y of two different moments), and spin or fail on it.
 *  2. A nested transaction writes into a layer of its own, which is merged into the outer one or thrown away. What
 *     it has read counts for the outer one in both cases: it may have decided by it.
 *
 * Source: SEMANTICS §17; OTP, module `mnesia`, `transaction/3`.
 */

import { copy } from '../copy.js';
import { badarg } from '../errors.js';
import type { TableDefinition } from './definition.js';
import { differenceOf, sideOf } from './definition.js';
import type { Committed, SidedWrite, StorageEngine } from './engine.js';
import { idOf, keyBytes } from './key-bytes.js';
import { DELETE, PUT } from './log-record.js';
import { type ByteRange, byteRange, equalRange, isWithin, type KeyRange } from './ranges.js';
import type { CachedRow } from './row-cache.js';
import { checkedValue } from './store.js';
import { cacheKey, keyOf, type Table, type TableIndex, type Tables } from './tables.js';
import { validated } from './validation.js';
import { decodeValue, encodeValue } from './value-bytes.js';

/** Why an attempt ends and another is made. Thrown through the code of the transaction. */
export class Restart {
  readonly why: 'conflict' | 'no_table' | 'changing';
  readonly table: TableDefinition | null;

  constructor(why: Restart['why'], table: TableDefinition | null = null) {
    this.why = why;
    this.table = table;
  }
}

/** A program and the store do not agree on a table. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly reason = 'schema';
}

interface Pending {
  readonly key: Buffer;
  /** As the user said it; `undefined` for what is not kept decoded. */
  readonly cacheId: unknown;
  readonly keyValue: unknown;
  /** `null`: deleted. Nobody else's. */
  readonly record: object | null;
  readonly value: Buffer | null;
}

export interface Query extends KeyRange {
  readonly after?: unknown;
  readonly limit?: number;
  readonly reverse?: boolean;
}

export interface Held {
  readonly to: string;
  readonly message: unknown;
}

/** Reads so many compared before each further read; of longer ones, the more the rarer. */
const COMPARED_EACH_TIME = 64;
const EMPTY: Buffer = Buffer.alloc(0);

export class Tx {
  readonly #engine: StorageEngine;
  readonly #tables: Tables;
  readonly #parent: Tx | null;
  /** Of the outermost; nested ones add to it. Stripe to version. */
  readonly #reads: Map<number, number>;
  /** By table, then by key as Latin-1. */
  readonly #writes: Map<Table, Map<string, Pending>> = new Map();
  readonly #held: Held[] = [];
  #clock: number;
  #readsCompared = 0;
  #isDurable = false;
  #ended = false;

  constructor(engine: StorageEngine, tables: Tables, parent: Tx | null) {
    this.#engine = engine;
    this.#tables = tables;
    this.#parent = parent;
    this.#reads = parent === null ? new Map() : parent.#reads;
    this.#clock = engine.clock;
  }

  /** A transaction within this one. */
  nested(): Tx {
    this.#checkOpen();
    return new Tx(this.#engine, this.#tables, this);
  }

  // ---- reading ------------------------------------------------------------------------------------

  /** The record with that key, a copy of one's own. */
  get(definition: TableDefinition, key: unknown): object | undefined {
    const record = this.#look(this.#table(definition), key);
    return record === null ? undefined : (copy(record, 'record') as object);
  }

  has(definition: TableDefinition, key: unknown): boolean {
    return this.#look(this.#table(definition), key) !== null;
  }

  /** Nobody may change what it gives. */
  #look(table: Table, key: unknown): object | null {
    const own = this.#hasWrites(table) ? this.#own(table, keyBytes(table.entry.space, key)) : null;
    if (own !== null) return own.record;
    return this.#committed(table, key).record;
  }

  #committed(table: Table, key: unknown): CachedRow {
    const row = this.#tables.row(table, key);
    this.#note(row.stripe, row.version);
    this.#compare();
    return row;
  }

  /** Rows by their keys. */
  range(definition: TableDefinition, query: Query): object[] {
    const table = this.#table(definition);
    const { from, to } = byteRange(table.entry.space, query, false);
    if (query.after === undefined) return this.#rows(table, { from, to }, query);
    const after = keyBytes(table.entry.space, query.after);
    const page =
      query.reverse === true
        ? { from, to: after.compare(to) < 0 ? after : to }
        : { from: Buffer.concat([after, Buffer.from([0])]), to };
    return this.#rows(table, page, query);
  }

  /** Rows with a value, or in a range of values, of an indexed field; in the order of value and key. */
  index(definition: TableDefinition, field: string, by: IndexQuery): object[] {
    const table = this.#table(definition);
    const index = indexOf(table, field);
    const isEqual = 'value' in by;
    const range = isEqual ? equalRange(index.space, by.value) : byteRange(index.space, by, true);
    const stripe = isEqual ? this.#engine.stripeOf(range.from) : index.stripe;
    const own = this.#ownOf(table);
    const { limit = Number.MAX_SAFE_INTEGER, reverse = false } = by;
    const found: (readonly [Buffer, object])[] = [];
    const scan = { ...range, limit: limit + own.size, reverse };
    const { rows, version } = this.#engine.scan(table.side, scan, stripe);
    this.#note(stripe, version);
    for (let at = 0; at < rows.length; at += 2) {
      const rowKey = (rows[at + 1] as Buffer).subarray(4);
      if (own.has(idOf(rowKey))) continue;
      const rowStripe = this.#engine.stripeOf(rowKey);
      const row = this.#engine.read(table.side, rowKey, rowStripe);
      this.#note(rowStripe, row.version);
      // It was deleted since the index was read: the comparison below finds that out.
      if (row.value !== null) found.push([rows[at] as Buffer, decodeValue(row.value) as object]);
    }
    this.#compare();
    for (const { record, key } of own.values()) {
      const entry = record === null ? null : entryKey(index, record, key);
      if (entry !== null && isWithin(entry, range)) found.push([entry, copied(record)]);
    }
    return inOrder(found, reverse, limit);
  }

  #rows(
    table: Table,
    range: ByteRange,
    { limit = Number.MAX_SAFE_INTEGER, reverse = false }: Query,
  ): object[] {
    const own = this.#ownOf(table);
    const scan = { ...range, limit: limit + own.size, reverse };
    const { rows, version } = this.#engine.scan(table.side, scan, table.stripe);
    this.#note(table.stripe, version);
    this.#compare();
    const found: (readonly [Buffer, object])[] = [];
    for (let at = 0; at < rows.length; at += 2) {
      const key = rows[at] as Buffer;
      if (own.has(idOf(key))) continue;
      found.push([key, decodeValue(rows[at + 1] as Buffer) as object]);
    }
    if (own.size === 0) return found.map(([, record]) => record);
    for (const { key, record } of own.values()) {
      if (record !== null && isWithin(key, range)) found.push([key, copied(record)]);
    }
    return inOrder(found, reverse, limit);
  }

  /** How many rows were in the store lately. */
  count(definition: TableDefinition): number {
    const { side, entry } = this.#table(definition);
    return this.#engine.sum(side, entry.space).rows;
  }

  // ---- writing ------------------------------------------------------------------------------------

  put(definition: TableDefinition, record: unknown): void {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      throw badarg(`${definition.name}: record`, 'an object', record);
    }
    const own = copy(validated(definition, record), 'record') as object;
    const key = keyOf(definition, own);
    this.#write(definition, key, own);
  }

  delete(definition: TableDefinition, key: unknown): void {
    this.#write(definition, key, null);
  }

  #write(definition: TableDefinition, key: unknown, record: object | null): void {
    const table = this.#table(definition);
    const { entry } = table;
    if (entry.changing !== null) throw new Restart('changing', definition);
    const cacheId = cacheKey(key);
    const cached = cacheId === undefined ? undefined : table.cache?.get(cacheId);
    const bytes = cached?.key ?? keyBytes(entry.space, key);
    // What the entries of indexes were before must be known, and still be so at the commit.
    if (table.indexes.length > 0) this.#committed(table, key);
    let writes = this.#writes.get(table);
    if (writes === undefined) {
      writes = new Map();
      this.#writes.set(table, writes);
    }
    if (entry.durability === 'durable') this.#isDurable = true;
    const value = record === null ? null : encodeValue(bytes, record);
    writes.set(idOf(bytes), { key: bytes, cacheId, keyValue: key, record, value });
  }

  /** Send when this is committed, and not if it never is. */
  hold(to: string, message: unknown): void {
    this.#checkOpen();
    this.#held.push({ to, message: copy(message, 'message') });
  }

  get held(): readonly Held[] {
    return this.#held;
  }

  /** Does a table that was written to want it? */
  get isDurable(): boolean {
    return this.#isDurable;
  }

  // ---- ending -------------------------------------------------------------------------------------

  /** Is all that was read still true? */
  get isCurrent(): boolean {
    for (const [stripe, version] of this.#reads) {
      if (this.#engine.version(stripe) !== version) return false;
    }
    return true;
  }

  /** The inner transaction has succeeded: what it did is the outer one's. */
  merge(): void {
    const parent = this.#parent;
    this.#checkOpen();
    this.#ended = true;
    if (parent === null) throw badarg('merge', 'a nested transaction', 'the outermost');
    for (const [table, writes] of this.#writes) {
      const outer = parent.#writes.get(table);
      if (outer === undefined) parent.#writes.set(table, writes);
      else for (const [id, write] of writes) outer.set(id, write);
    }
    parent.#held.push(...this.#held);
    parent.#isDurable ||= this.#isDurable;
  }

  /** No more is to be done with it. */
  end(): void {
    this.#ended = true;
  }

  /** @returns what the engine says; `null` when there was nothing to write, and all reads hold */
  commit(): Committed | null | 'conflict' | 'busy' | string {
    this.#checkOpen();
    this.#ended = true;
    if (this.#writes.size === 0) return this.isCurrent ? null : 'conflict';
    const writes: SidedWrite[] = [];
    const raises = new Set<number>();
    for (const [table, pending] of this.#writes) {
      raises.add(table.stripe);
      for (const write of pending.values()) {
        const stripe = this.#engine.stripeOf(write.key);
        writes.push(rowWrite(table, write, stripe));
      }
    }
    const rows = writes.length;
    for (const [table, pending] of this.#writes) {
      if (table.indexes.length === 0) continue;
      for (const write of pending.values()) this.#indexWrites(table, write, writes, raises);
    }
    const verdict = this.#engine.commit(this.#reads, writes, raises);
    if (typeof verdict !== 'string') this.#keep(verdict, writes, rows);
    return verdict;
  }

  /** What was written is what this scheduler has read last. */
  #keep(committed: Committed, writes: readonly SidedWrite[], rows: number): void {
    let at = 0;
    for (const [{ cache }, pending] of this.#writes) {
      for (const { key, cacheId, record, value } of pending.values()) {
        if (cacheId !== undefined && at < rows) {
          const { stripe } = writes[at] as SidedWrite;
          const version = committed.versions[at] as number;
          cache?.set(cacheId, { key, stripe, version, record, bytes: value?.length ?? 0 });
        }
        at += 1;
      }
    }
  }

  #indexWrites(table: Table, pending: Pending, writes: SidedWrite[], raises: Set<number>): void {
    const before = this.#tables.row(table, pending.keyValue).record;
    for (const index of table.indexes) {
      const old = before === null ? null : entryKey(index, before, pending.key);
      const fresh = pending.record === null ? null : entryKey(index, pending.record, pending.key);
      if (old !== null && fresh !== null && old.equals(fresh)) continue;
      raises.add(index.stripe);
      if (old !== null) {
        raises.add(this.#valueStripe(index, before as object));
        writes.push(this.#indexWrite(table, DELETE, old, EMPTY));
      }
      if (fresh !== null) {
        raises.add(this.#valueStripe(index, pending.record as object));
        writes.push(this.#indexWrite(table, PUT, fresh, checkedValue(fresh, pending.key)));
      }
    }
  }

  #indexWrite(table: Table, kind: 0 | 1, key: Buffer, value: Buffer): SidedWrite {
    return { side: table.side, stripe: this.#engine.stripeOf(key), kind, key, value };
  }

  #valueStripe({ space, field }: TableIndex, record: object): number {
    return this.#engine.stripeOf(keyBytes(space, (record as Record<string, unknown>)[field]));
  }

  // ---- inside -------------------------------------------------------------------------------------

  #table(definition: TableDefinition): Table {
    this.#checkOpen();
    const side = sideOf(definition.storage);
    if (side === 'disc' && !this.#engine.hasDisc) throw noFolder(definition);
    const found = this.#tables.find(definition.name, side);
    if (!('entry' in found)) {
      this.#note(found.stripe, found.version);
      throw new Restart('no_table', definition);
    }
    this.#note(found.catalogStripe, found.catalogVersion);
    checkSame(definition, found);
    return found;
  }

  #note(stripe: number, version: number): void {
    const noted = this.#reads.get(stripe);
    if (noted === undefined) this.#reads.set(stripe, version);
    else if (noted !== version) throw new Restart('conflict');
  }

  #compare(): void {
    const { clock } = this.#engine;
    if (clock === this.#clock) return;
    const count = this.#reads.size;
    if (count > COMPARED_EACH_TIME && count < 2 * this.#readsCompared) return;
    this.#readsCompared = count;
    if (!this.isCurrent) throw new Restart('conflict');
    this.#clock = clock;
  }

  #hasWrites(table: Table): boolean {
    for (let layer: Tx | null = this; layer !== null; layer = layer.#parent) {
      if (layer.#writes.has(table)) return true;
    }
    return false;
  }

  #own(table: Table, key: Buffer): Pending | null {
    const id = idOf(key);
    for (let layer: Tx | null = this; layer !== null; layer = layer.#parent) {
      const found = layer.#writes.get(table)?.get(id);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** All own writes to a table, inner before outer. */
  #ownOf(table: Table): ReadonlyMap<string, Pending> {
    const layers: ReadonlyMap<string, Pending>[] = [];
    for (let layer: Tx | null = this; layer !== null; layer = layer.#parent) {
      const writes = layer.#writes.get(table);
      if (writes !== undefined) layers.push(writes);
    }
    if (layers.length < 2) return layers[0] ?? NONE;
    return new Map(layers.reverse().flatMap((layer) => [...layer]));
  }

  #checkOpen(): void {
    if (!this.#ended) return;
    throw badarg('transaction', 'to be used while it runs', 'one that has ended');
  }
}

export type IndexQuery = ({ readonly value: unknown } & Pick<Query, 'limit' | 'reverse'>) | Query;

const NONE: ReadonlyMap<string, Pending> = new Map();
/** What was compared, by definition: once, and again when the catalog changed. */
const compared: WeakMap<TableDefinition, Table> = new WeakMap();

function checkSame(definition: TableDefinition, table: Table): void {
  if (compared.get(definition) === table) return;
  const difference = differenceOf(definition, table.entry);
  if (difference !== null) throw new SchemaError(`table ${definition.name}: ${difference}`);
  compared.set(definition, table);
}

function noFolder({ name, storage }: TableDefinition): SchemaError {
  return new SchemaError(
    `table ${name} has the storage ${storage}, and this machine has no data folder: ` +
      "give startVm one with data, or make the storage 'ram'",
  );
}

function indexOf(table: Table, field: string): TableIndex {
  const found = table.indexes.find((index) => index.field === field);
  if (found !== undefined) return found;
  const fields = table.indexes.map((index) => index.field).join(', ');
  throw badarg(
    `${table.entry.name}: index`,
    fields === '' ? 'a table with indexes' : fields,
    field,
  );
}

/** The key of a row's entry in an index; `null` where the field is missing. */
export function entryKey({ space, field }: TableIndex, record: object, key: Buffer): Buffer | null {
  const value = (record as Readonly<Record<string, unknown>>)[field];
  if (value === undefined || value === null) return null;
  return Buffer.concat([keyBytes(space, value), key.subarray(4)]);
}

function rowWrite({ side }: Table, { key, value }: Pending, stripe: number): SidedWrite {
  return value === null
    ? { side, stripe, kind: DELETE, key, value: EMPTY }
    : { side, stripe, kind: PUT, key, value };
}

function copied(record: object | null): object {
  return copy(record, 'record') as object;
}

function inOrder(rows: (readonly [Buffer, object])[], reverse: boolean, limit: number): object[] {
  rows.sort(([a], [b]) => (reverse ? b.compare(a) : a.compare(b)));
  return rows.slice(0, limit).map(([, record]) => record);
}
