/**
 * Tables: what a scheduler knows of the tables that its processes use.
 *
 * What it knows of the catalog it keeps like any row: with a version, and looks again when that has changed.
 */

import { badarg } from '../errors.js';
import type { Side } from './commit-cells.js';
import { type CatalogEntry, catalogOf } from './definition.js';
import type { StorageEngine } from './engine.js';
import { idOf, keyBytes, spaceEnd } from './key-bytes.js';
import { type CachedRow, RowCache } from './row-cache.js';
import { decodeValue } from './value-bytes.js';

/** A table as it stands in the catalog now. */
export interface Table {
  readonly entry: CatalogEntry;
  readonly side: Side;
  /** That everything about the whole table is versioned by: ranges, folds. */
  readonly stripe: number;
  readonly catalogStripe: number;
  readonly catalogVersion: number;
  readonly indexes: readonly TableIndex[];
  readonly cache: RowCache | null;
}

export interface TableIndex {
  readonly field: string;
  readonly space: number;
  readonly stripe: number;
}

export class Tables {
  readonly #engine: StorageEngine;
  readonly #known = { disc: new Map<string, Table>(), ram: new Map<string, Table>() };

  constructor(engine: StorageEngine) {
    this.#engine = engine;
  }

  /** @returns the stripe and version of the catalog where there is no such table */
  find(name: string, side: Side): Table | { readonly stripe: number; readonly version: number } {
    const engine = this.#engine;
    const known = this.#known[side].get(name);
    if (known !== undefined && engine.version(known.catalogStripe) === known.catalogVersion) {
      return known;
    }
    const key = catalogKey(side, name);
    const stripe = engine.stripeOf(key);
    const { value, version } = engine.read(side, key, stripe);
    if (value === null) return { stripe, version };
    const entry = decodeValue(value) as CatalogEntry;
    const table: Table = {
      entry,
      side,
      stripe: engine.stripeOf(keyBytes(entry.space)),
      catalogStripe: stripe,
      catalogVersion: version,
      indexes: Object.entries(entry.indexes).map(([field, space]) => {
        return { field, space, stripe: engine.stripeOf(keyBytes(space)) };
      }),
      cache: this.#cacheOf(known, entry),
    };
    this.#known[side].set(name, table);
    return table;
  }

  /** Every table of both sides. */
  all(): readonly CatalogEntry[] {
    const sides: readonly Side[] = this.#engine.hasDisc ? ['disc', 'ram'] : ['ram'];
    return sides.flatMap((side) => {
      const space = catalogOf(side);
      const range = { from: keyBytes(space, 'table'), to: spaceEnd(space), reverse: false };
      const { rows } = this.#engine.scan(side, { ...range, limit: Number.MAX_SAFE_INTEGER }, 0);
      return rows.flatMap((value, at) =>
        at % 2 === 1 ? [decodeValue(value) as CatalogEntry] : [],
      );
    });
  }

  #cacheOf(known: Table | undefined, entry: CatalogEntry): RowCache | null {
    if (entry.storage === 'disc-only') return null;
    return known?.entry.space === entry.space && known.cache !== null
      ? known.cache
      : new RowCache();
  }

  /** A row, as this scheduler has it or as the engine does. Nobody may change the record. */
  row(table: Table, key: unknown): CachedRow {
    const engine = this.#engine;
    const { cache, entry } = table;
    const id = cacheKey(key);
    const cached = id === undefined ? undefined : cache?.get(id);
    if (cached !== undefined && engine.version(cached.stripe) === cached.version) return cached;
    const bytes = cached?.key ?? keyBytes(entry.space, key);
    const stripe = cached?.stripe ?? engine.stripeOf(bytes);
    const { value, version } = engine.read(table.side, bytes, stripe);
    const row: CachedRow = {
      key: bytes,
      stripe,
      version,
      record: value === null ? null : (decodeValue(value) as object),
      bytes: value?.length ?? 0,
    };
    if (id !== undefined) cache?.set(id, row);
    return row;
  }
}

/** What a map finds a key by; `undefined` for keys that are not kept decoded. */
export function cacheKey(key: unknown): unknown {
  switch (typeof key) {
    case 'number':
      return key;
    case 'string':
      // What begins so stands for an object.
      return key.startsWith('\0') ? undefined : key;
    case 'object':
      return key === null ? undefined : `\0${idOf(keyBytes(0, key))}`;
    default:
      return undefined;
  }
}

export function catalogKey(side: Side, name: string): Buffer {
  return keyBytes(catalogOf(side), 'table', name);
}

/** The key of a record. */
export function keyOf(
  definition: { readonly name: string; readonly key: string | readonly string[] },
  record: object,
): unknown {
  const { key } = definition;
  const fields = record as Readonly<Record<string, unknown>>;
  if (typeof key === 'string') {
    if (fields[key] !== undefined) return fields[key];
    throw badarg(`${definition.name}: record`, `a record with the key ${key}`, record);
  }
  return key.map((field) => {
    if (fields[field] !== undefined) return fields[field];
    throw badarg(`${definition.name}: record`, `a record with the key ${key.join(', ')}`, record);
  });
}
