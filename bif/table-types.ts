/**
 * Types of tables: rows, keys, conditions, projections. All of it is gone at run time.
 */

import type { Pid } from '../runtime/terms.js';

declare const rowType: unique symbol;
declare const keyField: unique symbol;
declare const bagBrand: unique symbol;

/** The places of a tuple as numbers, the keys of a record as strings. */
export type FieldOf<Row> = Row extends readonly unknown[]
  ? TupleIndex<Row>
  : Extract<keyof Row, string>;

type TupleIndex<Row extends readonly unknown[]> =
  Extract<keyof Row, `${number}`> extends infer Text
    ? Text extends `${infer Index extends number}`
      ? Index
      : never
    : never;

/** Any table of such rows, whose key is the field `K`. Can be sent. */
export type AnyTable<Row, K extends FieldOf<Row>> = string & {
  readonly [rowType]: (row: Row) => Row;
  readonly [keyField]: K;
};

/** A table with one row for each key: a `set` or an `ordered_set`. */
export type Table<Row, K extends FieldOf<Row>> = AnyTable<Row, K> & { readonly [bagBrand]: false };

/** A table with any number of rows for a key: a `bag` or a `duplicate_bag`. */
export type BagTable<Row, K extends FieldOf<Row>> = AnyTable<Row, K> & {
  readonly [bagBrand]: true;
};

/** What a field of a row holds. */
export type FieldValue<Row, F> = F extends keyof Row
  ? Row[F]
  : `${F & number}` extends keyof Row
    ? Row[`${F & number}` & keyof Row]
    : never;

/** The key of a row. */
export type KeyOf<Row, K> = FieldValue<Row, K>;

/** The fields that hold numbers, without the key: those that can be counted in. */
export type CounterField<Row, K> = {
  [F in Exclude<FieldOf<Row>, K>]: [FieldValue<Row, F>] extends [number] ? F : never;
}[Exclude<FieldOf<Row>, K>];

/** The fields of a row without the key, with new values for some. */
export type Changes<Row, K> = {
  readonly [F in Exclude<FieldOf<Row>, K>]?: FieldValue<Row, F>;
};

/** As `Changes`, where a value may also be computed from the row. */
export type Replacements<Row, K> = {
  readonly [F in Exclude<FieldOf<Row>, K>]?:
    | FieldValue<Row, F>
    | { readonly $field: FieldOf<Row> }
    | ([FieldValue<Row, F>] extends [number] ? { readonly $add: number } : never);
};

/** One addition: past `threshold`, in the direction of `by`, the field becomes `setTo`. */
export interface Increment<F> {
  readonly field: F;
  readonly by: number;
  readonly threshold?: number;
  /** `threshold` when it is left out. */
  readonly setTo?: number;
}

interface FieldReference<Row> {
  readonly $field: FieldOf<Row>;
}

/** Comparisons of one field, all of which must hold; in the order of keys. */
export interface Operators<Row, V> {
  readonly $eq?: V | FieldReference<Row>;
  readonly $ne?: V | FieldReference<Row>;
  readonly $lt?: V | FieldReference<Row>;
  readonly $lte?: V | FieldReference<Row>;
  readonly $gt?: V | FieldReference<Row>;
  readonly $gte?: V | FieldReference<Row>;
  readonly $in?: readonly V[];
  readonly $nin?: readonly V[];
}

type Nested<V> = V extends readonly unknown[]
  ? never
  : V extends object
    ? { readonly [F in Extract<keyof V, string>]?: FieldCondition<V, V[F]> }
    : never;

type FieldCondition<Row, V> = V | Operators<Row, V> | Nested<V>;

/** Which rows: every field named here must hold, and `$and`, `$or`, `$not` as they say. */
export type Where<Row> = {
  readonly [F in FieldOf<Row>]?: FieldCondition<Row, FieldValue<Row, F>>;
} & {
  readonly $and?: readonly Where<Row>[];
  readonly $or?: readonly Where<Row>[];
  readonly $not?: Where<Row>;
};

/** What to give of each row: the row, one field, or some fields. */
export type Projection<Row> = FieldOf<Row> | readonly FieldOf<Row>[] | undefined;

/** What a projection gives: a value; an object of the fields, or for tuples a tuple of them. */
export type Projected<Row, P> = P extends readonly unknown[]
  ? Row extends readonly unknown[]
    ? { -readonly [I in keyof P]: FieldValue<Row, P[I]> }
    : { [F in Extract<P[number], keyof Row>]: Row[F] }
  : P extends FieldOf<Row>
    ? FieldValue<Row, P>
    : Row;

/** What to look for. */
export interface Query<Row, P extends Projection<Row> = undefined> {
  readonly where?: Where<Row>;
  readonly select?: P;
}

/** Where a select goes on. Plain data: it can be sent. */
export interface Continuation<T> {
  readonly table: string;
  readonly query: unknown;
  readonly limit: number;
  readonly at: unknown;
  readonly found?: T;
}

export interface Page<T> {
  readonly rows: T[];
  /** `null` when there are no more. */
  readonly more: Continuation<T> | null;
}

/** Who gets a table when its owner ends. */
export interface Heir {
  readonly pid: Pid<never>;
  /** Comes with the `ETS-TRANSFER` message. */
  readonly data?: unknown;
}

export type TableType = 'set' | 'ordered_set' | 'bag' | 'duplicate_bag';
export type TableAccess = 'public' | 'protected' | 'private';

export interface TableOptions<Row, K extends FieldOf<Row>, T extends TableType> {
  /** The field that holds the key. */
  readonly key: K;
  /** `set` by default. */
  readonly type?: T;
  /** Others may read and write, read only (the default), or neither. */
  readonly access?: TableAccess;
  /** A name by which every process of the machine finds it. */
  readonly name?: string;
  readonly heir?: Heir;
  /** Never there: it ties the row's type to the options. */
  readonly [rowType]?: Row;
}

/** The table that an option `type` gives. */
export type TableFor<Row, K extends FieldOf<Row>, T extends TableType> = T extends
  | 'bag'
  | 'duplicate_bag'
  ? BagTable<Row, K>
  : Table<Row, K>;

export interface TableInfo {
  /** `#Table<…>`: never names another table. */
  readonly ref: string;
  readonly name: string | null;
  readonly type: TableType;
  readonly access: TableAccess;
  readonly owner: Pid;
  readonly heir: Pid | null;
  readonly key: string | number;
  /** Rows in it. */
  readonly size: number;
  /** Shared memory of the whole table. */
  readonly memoryBytes: number;
  /** The part of it that each row takes, 0 when it is empty. */
  readonly bytesPerRow: number;
  /** How often it is fixed, by all processes. */
  readonly fixed: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}
