/**
 * The types of db: tables, their keys and indexes, and what can be asked of them.
 *
 * Source: OTP, module `mnesia`; SEMANTICS 17.
 */

import type { storage } from 'tsvm';

export type Storage = storage.TableStorage;
export type Durability = storage.Durability;
export type RecordSchema<R = unknown> = storage.RecordSchema<R>;

/** A field of a record that can be a key or an index. */
export type KeyField<R> = {
  [F in keyof R & string]: NonNullable<R[F]> extends storage.DbKey ? F : never;
}[keyof R & string];

/** What a row is found by: the value of the key field, or a list of those of the key fields. */
export type KeyOf<R, K> = K extends keyof R
  ? R[K]
  : K extends readonly (keyof R)[]
    ? { readonly [At in keyof K]: R[K[At] & keyof R] }
    : never;

/** The first items of a compound key. */
export type PrefixOf<Key> = Key extends string
  ? string
  : Key extends readonly [infer Head, ...infer Rest]
    ? readonly [] | readonly [Head] | readonly [Head, ...PrefixItems<Rest>]
    : never;
type PrefixItems<Rest> = Rest extends readonly [infer Head, ...infer More]
  ? readonly [] | readonly [Head, ...PrefixItems<More>]
  : readonly [];

/** What a program says of a table. */
export interface TableOptions<
  R extends object,
  K extends KeyField<R> | readonly KeyField<R>[],
  I extends KeyField<R>,
> {
  /** One name, one table, over the whole machine. */
  readonly name: string;
  /** The field that a row is found by, or several, in their order. It must be in each record. */
  readonly key: K;
  /** Fields whose values rows can be found by. Rows without a value are not found so. */
  readonly indexes?: readonly I[];
  /**
   * Where the rows are; `'disc'` without it. `'ram'`: in memory alone, gone with the machine. `'disc'`: on
   * disk; rows that were read stay in memory, within bounds. `'disc-only'`: on disk, for large tables that
   * are seldom read.
   */
  readonly storage?: Storage;
  /**
   * What an acknowledged change survives; `'durable'` without it.
   *
   * `'durable'`: everything, also a power cut, as it is synced to the disk before it is acknowledged.
   * `'relaxed'`: the end of the process, of its thread and of the whole machine (`kill -9`), but a power
   * cut may take the last moments. Some ten times as fast for one writer.
   */
  readonly durability?: Durability;
  /** Of the shape of the records; 1 without it. Raise it when they change, and give `upgrade`. */
  readonly version?: number;
  /** Makes a record of an older version into one of this one; for `migrate`. */
  readonly upgrade?: (record: never, from: number) => R;
  /** Refuses records that do not fit, when they are put. */
  readonly schema?: RecordSchema<R>;
}

declare const types: unique symbol;

/** A table, as `table` defines it. Plain data: it can be sent and kept in a constant. */
export interface Table<R extends object = object, Key = unknown, I extends string = string>
  extends storage.TableDefinition {
  readonly [types]?: { readonly record: R; readonly key: Key; readonly index: I };
}

/** The records of a table. */
export type RecordOf<T> = T extends Table<infer R, infer _K, infer _I> ? R : never;

/** Which rows, by their keys, and in which order. Without bounds, all. */
export interface Range<Key = unknown> {
  readonly gte?: Key;
  readonly gt?: Key;
  readonly lte?: Key;
  readonly lt?: Key;
  /** Text keys that begin so; compound keys that begin with these items. */
  readonly prefix?: PrefixOf<Key>;
  /** Go on behind this key: the last one of the page before. */
  readonly after?: Key;
  readonly limit?: number;
  /** From the greatest key downwards. */
  readonly reverse?: boolean;
}

/** Which rows, by the value of an indexed field. */
export type By<R, I extends keyof R> =
  | { readonly value: NonNullable<R[I]>; readonly limit?: number; readonly reverse?: boolean }
  | Range<NonNullable<R[I]>>;

export interface TransactionOptions {
  /** How often it is tried anew when others have changed what it has read; 100 without it. */
  readonly retries?: number;
  /** Instead of what the tables say. */
  readonly durability?: Durability;
}
