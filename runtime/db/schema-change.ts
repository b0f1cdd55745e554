/**
 * Schema change: make, drop and change a table, as one unit that others see all of or nothing.
 *
 * A table whose records or indexes change is written anew, into spaces of its own, in parts, while others
 * read the table as it was and their writes wait. Then one commit puts the new spaces in the catalog
 * in place of the old ones, and clears those. What a machine left that was ended in the middle is in no
 * catalog; `sweep` clears it.
 */

import { badarg } from '../errors.js';
import type { Side } from './commit-cells.js';
import {
  type CatalogEntry,
  catalogOf,
  differenceOf,
  sideOf,
  type TableDefinition,
} from './definition.js';
import type { Committed, SidedWrite, StorageEngine } from './engine.js';
import { keyBytes, spaceEnd } from './key-bytes.js';
import { CLEAR, DELETE, PUT } from './log-record.js';
import { checkedValue } from './store.js';
import { catalogKey, keyOf, type Tables } from './tables.js';
import { entryKey, SchemaError } from './transaction.js';
import { validated } from './validation.js';
import { decodeValue, encodeValue } from './value-bytes.js';

const EMPTY: Buffer = Buffer.alloc(0);
const ROWS_AT_ONCE = 500;
const NO_READS: ReadonlyMap<number, number> = new Map();
const NO_RAISES: ReadonlySet<number> = new Set();

export type ChangeVerdict = Committed | 'conflict' | 'busy' | string;

export class SchemaChange {
  readonly #engine: StorageEngine;
  readonly #tables: Tables;
  readonly #definition: TableDefinition;
  readonly #pid: string;
  #target: CatalogEntry | null = null;
  #source: CatalogEntry | null = null;
  #from: Buffer | null = null;

  constructor(engine: StorageEngine, tables: Tables, definition: TableDefinition, pid: string) {
    this.#engine = engine;
    this.#tables = tables;
    this.#definition = definition;
    this.#pid = pid;
  }

  /** The table as the catalog has it, in the storage that the definition says or another. */
  get current(): CatalogEntry | null {
    const { name } = this.#definition;
    for (const side of this.#sides()) {
      const found = this.#tables.find(name, side);
      if ('entry' in found) return found.entry;
    }
    return null;
  }

  /** Does the definition ask for anything else than there is? @throws SchemaError for a newer store */
  isNeeded(): boolean {
    const found = this.current;
    if (found === null) return false;
    const difference = differenceOf(this.#definition, found);
    if (difference !== null && found.version > this.#definition.version) {
      throw new SchemaError(`table ${found.name}: ${difference}`);
    }
    return difference !== null;
  }

  /** Make the table, empty. */
  create(): ChangeVerdict {
    const { name, storage } = this.#definition;
    if (this.current !== null) return 'conflict';
    const side = sideOf(storage);
    const next = this.#nextSpaces(side, 1 + this.#definition.indexes.length);
    const entry = this.#entry(next.spaces, null);
    const reads = new Map([[next.stripe, next.version]]);
    for (const each of this.#sides()) {
      const stripe = this.#engine.stripeOf(catalogKey(each, name));
      const found = this.#tables.find(name, each);
      reads.set(stripe, 'entry' in found ? found.catalogVersion : found.version);
    }
    return this.#engine.commit(reads, [next.write, this.#catalogWrite(entry)], NO_RAISES);
  }

  /** Drop the table with all its rows. */
  drop(): ChangeVerdict {
    const entry = this.current;
    if (entry === null) return 'conflict';
    const side = sideOf(entry.storage);
    const found = this.#tables.find(entry.name, side);
    if (!('entry' in found)) return 'conflict';
    const reads = new Map([[found.catalogStripe, found.catalogVersion]]);
    const writes = [this.#write(side, DELETE, catalogKey(side, entry.name), EMPTY)];
    for (const space of spacesOf(entry))
      writes.push(this.#write(side, CLEAR, keyBytes(space), EMPTY));
    return this.#engine.commit(reads, writes, new Set([found.stripe]));
  }

  /** Hold up the writes of others, and prepare the new table. @returns rows to be written anew */
  begin(): { readonly verdict: ChangeVerdict; readonly rows: number } {
    const source = this.current;
    if (source === null) return { verdict: 'conflict', rows: 0 };
    const from = sideOf(source.storage);
    const found = this.#tables.find(source.name, from);
    if (!('entry' in found)) return { verdict: 'conflict', rows: 0 };
    const next = this.#nextSpaces(
      sideOf(this.#definition.storage),
      1 + this.#definition.indexes.length,
    );
    const held: CatalogEntry = { ...source, changing: this.#pid };
    const key = catalogKey(from, source.name);
    const reads = new Map([[found.catalogStripe, found.catalogVersion]]);
    if (reads.get(next.stripe) === undefined) reads.set(next.stripe, next.version);
    const writes = [this.#write(from, PUT, key, encodeValue(key, held)), next.write];
    const verdict = this.#engine.commit(reads, writes, new Set([found.stripe]));
    this.#source = held;
    this.#target = this.#entry(next.spaces, null);
    this.#from = keyBytes(source.space);
    return { verdict, rows: this.#engine.sum(from, source.space).rows };
  }

  /**
   * Write some more rows anew.
   *
   * @returns how many; 0 when all are; `busy` when it is to be tried again
   * @throws what `upgrade` and `validate` throw
   */
  step(): number | string {
    const source = this.#source as CatalogEntry;
    const target = this.#target as CatalogEntry;
    const from = sideOf(source.storage);
    const range = {
      from: this.#from as Buffer,
      to: spaceEnd(source.space),
      limit: ROWS_AT_ONCE,
      reverse: false,
    };
    const { rows } = this.#engine.scan(from, range, 0);
    if (rows.length === 0) return 0;
    const writes: SidedWrite[] = [];
    for (let at = 1; at < rows.length; at += 2) {
      this.#copyRow(decodeValue(rows[at] as Buffer) as object, source, target, writes);
    }
    const verdict = this.#engine.commit(NO_READS, writes, NO_RAISES);
    if (typeof verdict === 'string') return verdict;
    this.#from = Buffer.concat([rows.at(-2) as Buffer, Buffer.from([0])]);
    return rows.length / 2;
  }

  /** Put the new table in place of the old one. */
  finish(): ChangeVerdict {
    const source = this.#source as CatalogEntry;
    const target = this.#target as CatalogEntry;
    const from = sideOf(source.storage);
    const found = this.#tables.find(source.name, from);
    if (!('entry' in found) || found.entry.changing !== this.#pid) return 'conflict';
    const reads = new Map([[found.catalogStripe, found.catalogVersion]]);
    const writes = [this.#catalogWrite(target)];
    if (from !== sideOf(target.storage)) {
      writes.push(this.#write(from, DELETE, catalogKey(from, source.name), EMPTY));
    }
    for (const space of spacesOf(source)) {
      writes.push(this.#write(from, CLEAR, keyBytes(space), EMPTY));
    }
    return this.#engine.commit(reads, writes, new Set([found.stripe]));
  }

  /** Leave the table as it was; also for a process that began a change and died. */
  abandon(): ChangeVerdict {
    const entry = this.current;
    if (entry === null || entry.changing === null) return 'conflict';
    const side = sideOf(entry.storage);
    const found = this.#tables.find(entry.name, side);
    if (!('entry' in found)) return 'conflict';
    const reads = new Map([[found.catalogStripe, found.catalogVersion]]);
    const key = catalogKey(side, entry.name);
    const freed: CatalogEntry = { ...entry, changing: null };
    const writes = [this.#write(side, PUT, key, encodeValue(key, freed))];
    if (this.#target !== null) {
      const { storage } = this.#target;
      for (const space of spacesOf(this.#target)) {
        writes.push(this.#write(sideOf(storage), CLEAR, keyBytes(space), EMPTY));
      }
    }
    return this.#engine.commit(reads, writes, NO_RAISES);
  }

  #copyRow(record: object, source: CatalogEntry, target: CatalogEntry, writes: SidedWrite[]): void {
    const { upgrade, version, name } = this.#definition;
    let made = record;
    if (source.version < version) {
      if (upgrade === null) {
        throw badarg(
          `${name}: upgrade`,
          `a function that makes records of version ${source.version} into ${version}`,
          upgrade,
        );
      }
      made = upgrade(record, source.version);
    }
    made = validated(this.#definition, made);
    const key = keyBytes(target.space, keyOf(this.#definition, made));
    const side = sideOf(target.storage);
    if (this.#engine.read(side, key, this.#engine.stripeOf(key)).value !== null) {
      throw badarg(`${name}: upgrade`, 'records with keys of their own', made);
    }
    writes.push(this.#write(side, PUT, key, encodeValue(key, made)));
    for (const [field, space] of Object.entries(target.indexes)) {
      const entry = entryKey({ field, space, stripe: 0 }, made, key);
      if (entry !== null) writes.push(this.#write(side, PUT, entry, checkedValue(entry, key)));
    }
  }

  #entry(spaces: readonly number[], changing: string | null): CatalogEntry {
    const { name, key, indexes, storage, durability, version } = this.#definition;
    return {
      name,
      key,
      indexes: Object.fromEntries(indexes.map((field, at) => [field, spaces[at + 1] as number])),
      storage,
      durability,
      version,
      space: spaces[0] as number,
      changing,
    };
  }

  #catalogWrite(entry: CatalogEntry): SidedWrite {
    const side = sideOf(entry.storage);
    const key = catalogKey(side, entry.name);
    return this.#write(side, PUT, key, encodeValue(key, entry));
  }

  #nextSpaces(
    side: Side,
    count: number,
  ): {
    readonly spaces: readonly number[];
    readonly stripe: number;
    readonly version: number;
    readonly write: SidedWrite;
  } {
    const key = keyBytes(catalogOf(side), 'next');
    const stripe = this.#engine.stripeOf(key);
    const { value, version } = this.#engine.read(side, key, stripe);
    const first = value === null ? catalogOf(side) + 2 : (decodeValue(value) as number);
    const spaces = Array.from({ length: count }, (_, at) => first + 2 * at);
    const write = this.#write(side, PUT, key, encodeValue(key, first + 2 * count));
    return { spaces, stripe, version, write };
  }

  #write(side: Side, kind: SidedWrite['kind'], key: Buffer, value: Buffer): SidedWrite {
    return { side, stripe: this.#engine.stripeOf(key), kind, key, value };
  }

  #sides(): readonly Side[] {
    return this.#engine.hasDisc ? ['disc', 'ram'] : ['ram'];
  }
}

function spacesOf({ space, indexes }: CatalogEntry): readonly number[] {
  return [space, ...Object.values(indexes)];
}
