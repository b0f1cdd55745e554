/**
 * Definitions: what a program says of a table, and what the catalog holds of it.
 *
 * The catalog is a space of its own on each side (0 on disc, 1 in RAM) with a row for each table. Its rows
 * are read and written by transactions like all others, so a change of the schema is a transaction,
 * and one that is under way meets it like any other conflict.
 */

import type { Side } from './commit-cells.js';

/**
 * Where the rows of a table are.
 *
 *  - `ram`: in memory alone; gone with the machine. `ram_copies`.
 *  - `disc`: on disk; rows that were read stay decoded in memory, within bounds. `disc_copies`.
 *  - `disc-only`: on disk, and nothing but the memory of the operating system holds what was read.
 *    `disc_only_copies`.
 */
export type TableStorage = 'ram' | 'disc' | 'disc-only';

/**
 * What an acknowledged change survives.
 *
 *  - `durable`: everything, also a power cut: it is synced to the disk before it is acknowledged.
 *  - `relaxed`: the end of the process, of the thread and of the whole machine (`kill -9`): the operating
 *    system has it. A power cut or a crash of the operating system may take the last moments; what is
 *    left then is whole: a beginning of the commits in their order.
 */
export type Durability = 'durable' | 'relaxed';

/** What validates records: any library that speaks the Standard Schema interface, version 1. */
export interface RecordSchema<R = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<R> | Promise<SchemaResult<R>>;
    readonly types?: { readonly input: unknown; readonly output: R } | undefined;
  };
}

export type SchemaResult<R> =
  | { readonly value: R; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/** A table as a program defines it. Plain data, but for `schema` and `upgrade`. */
export interface TableDefinition {
  readonly name: string;
  /** The field, or the fields, that a row is found by. */
  readonly key: string | readonly string[];
  readonly indexes: readonly string[];
  readonly storage: TableStorage;
  readonly durability: Durability;
  /** Of the shape of the records, from 1. */
  readonly version: number;
  /** Refuses a record that does not fit. What it makes of it is kept. */
  readonly schema: RecordSchema | null;
  /** Makes a record of the version before into one of this version. */
  readonly upgrade: ((record: object, from: number) => object) | null;
}

/** A row of the catalog. */
export interface CatalogEntry {
  readonly name: string;
  readonly key: string | readonly string[];
  /** The space of each index. */
  readonly indexes: Readonly<Record<string, number>>;
  readonly storage: TableStorage;
  readonly durability: Durability;
  readonly version: number;
  /** Where the rows are. Even numbers are on disc, odd ones in RAM. */
  readonly space: number;
  /** A process that changes the schema of this table; writes wait for it. */
  readonly changing: string | null;
}

export const DISC_CATALOG = 0;
export const RAM_CATALOG = 1;

export function sideOf(storage: TableStorage): Side {
  return storage === 'ram' ? 'ram' : 'disc';
}

export function catalogOf(side: Side): number {
  return side === 'ram' ? RAM_CATALOG : DISC_CATALOG;
}

/** How a definition and what the store has of the table differ; `null` when they agree. */
export function differenceOf(wanted: TableDefinition, found: CatalogEntry): string | null {
  if (found.version > wanted.version) {
    return `its records have version ${found.version} and this program knows ${wanted.version}: run the newer program`;
  }
  if (found.version < wanted.version) {
    return `its records have version ${found.version}, and this program wants ${wanted.version}: call migrate(${wanted.name})`;
  }
  if (JSON.stringify(wanted.key) !== JSON.stringify(found.key)) {
    return `its key is ${JSON.stringify(found.key)}, and this program says ${JSON.stringify(wanted.key)}: raise the version and call migrate(${wanted.name})`;
  }
  if (wanted.storage !== found.storage) {
    return `its storage is ${found.storage}, and this program says ${wanted.storage}: call migrate(${wanted.name})`;
  }
  const [want, have] = [[...wanted.indexes].sort(), Object.keys(found.indexes).sort()];
  if (JSON.stringify(want) !== JSON.stringify(have)) {
    return `its indexes are [${have}], and this program says [${want}]: call migrate(${wanted.name})`;
  }
  return null;
}
