/**
 * Query: a select as it is run: which rows, what of each, in which order, from where on.
 *
 * Rows that are found are copied, or what the projection takes of them. Where the condition tells the
 * key, one row is looked up; in an ordered table, where it bounds the key, only that range is read.
 *
 * Source: OTP, `ets:select/3`, `select_count/2`, `select_delete/2`, `select_replace/2`.
 */

import { copy } from '../copy.js';
import { badarg } from '../errors.js';
import {
  compileCondition,
  isOperators,
  isPlainObject,
  type KeyBounds,
  keyBounds,
  type RowTest,
} from './condition.js';
import { copyRow } from './copy-row.js';
import { PlaceOf, placeTests } from './place-tests.js';
import type { Field } from './row-codec.js';
import { type Cursor, lookupAll, type Scanned, scan } from './row-reader.js';
import { changeFound, remove } from './row-update.js';
import type { Rows } from './rows.js';
import { type SlotQuery, selectSlots } from './slot-select.js';

type Fields = Readonly<Record<Field, unknown>>;

/** Rows that are changed in one go. */
const CHANGES_AT_ONCE = 128;

export interface Query extends SlotQuery {
  readonly test: RowTest | null;
  readonly bounds: KeyBounds;
}

/** @throws badarg for what is no query */
export function compileQuery(what: string, rows: Rows, query: unknown): Query {
  if (query === undefined) return EVERYTHING;
  if (!isPlainObject(query)) throw badarg(`${what}: query`, 'an object', query);
  for (const key of Object.keys(query)) {
    if (key !== 'where' && key !== 'select') throw badarg(`${what}: query`, 'where, select', key);
  }
  const { where, select } = query as { readonly where?: unknown; readonly select?: unknown };
  const { shapes } = rows.codec;
  const places = placeTests(shapes, where);
  return {
    // What is decided by words is rarely asked of rows.
    test: places === null ? compileCondition(`${what}: where`, where) : later(what, where),
    places,
    bounds: keyBounds(where, rows.field),
    project: projection(what, select),
    field: isField(select) ? new PlaceOf(shapes, select) : null,
    isWhole: select === undefined,
  };
}

const EVERYTHING: Query = {
  test: null,
  places: null,
  bounds: {},
  project: copyRow,
  field: null,
  isWhole: true,
};

/** A condition that is compiled when the first row is asked. */
function later(what: string, where: unknown): RowTest {
  let compiled: RowTest | null = null;
  return (row) => {
    compiled ??= compileCondition(`${what}: where`, where) ?? always;
    return compiled(row);
  };
}

function projection(what: string, select: unknown): (row: unknown) => unknown {
  if (select === undefined) return copyRow;
  if (isField(select)) return (row) => copy((row as Fields)[select]);
  if (!Array.isArray(select) || !select.every(isField)) {
    throw badarg(`${what}: select`, 'a field or an array of fields', select);
  }
  const fields: readonly Field[] = [...select];
  return (row) => {
    if (Array.isArray(row)) return copy(fields.map((field) => row[field as number]));
    return copy(Object.fromEntries(fields.map((field) => [field, (row as Fields)[field]])));
  };
}

function isField(value: unknown): value is Field {
  return typeof value === 'string' || (Number.isInteger(value) && (value as number) >= 0);
}

/** All that a query finds. */
export function selectAll(rows: Rows, query: Query): unknown[] {
  const { exact } = query.bounds;
  if (exact !== undefined) return exactRows(rows, query).map(query.project);
  const result: unknown[] = [];
  if (!rows.isOrdered) {
    selectSlots(rows, query, result);
    return result;
  }
  const { found } = scanFor(rows, query, start(query), Number.POSITIVE_INFINITY);
  for (const { row } of found) result.push(query.project(row));
  return result;
}

export function count(rows: Rows, query: Query): number {
  if (query.bounds.exact !== undefined) return exactRows(rows, query).length;
  if (query.test === null) return rows.size;
  if (!rows.isOrdered) return selectSlots(rows, query, null);
  return scanFor(rows, query, start(query), Number.POSITIVE_INFINITY).found.length;
}

/** Up to `limit` of what a query finds, from a cursor on. */
export function selectSome(
  rows: Rows,
  query: Query,
  limit: number,
  from: Cursor | undefined,
): { readonly rows: unknown[]; readonly next: Cursor | null } {
  const { found, next } = scanFor(rows, query, from ?? start(query), limit);
  return { rows: found.map(({ row }) => query.project(row)), next };
}

function exactRows(rows: Rows, { bounds, test }: Query): unknown[] {
  const found = lookupAll(rows, bounds.exact?.key);
  return test === null ? found : found.filter(test);
}

function start({ bounds }: Query): Cursor {
  return bounds.from ?? 'start';
}

function scanFor(rows: Rows, query: Query, from: Cursor, limit: number): Scanned {
  return scan(rows, from, query.test, limit, query.bounds.until ?? null);
}

/** Delete what a query finds, each row for itself. @returns how many */
export function deleteFound(rows: Rows, query: Query): number {
  const { exact } = query.bounds;
  if (exact !== undefined && !rows.isBag) {
    return exactRows(rows, query).reduce<number>(
      (sum, row) => sum + remove(rows, exact.key, { row }),
      0,
    );
  }
  return changeAll(rows, query, null);
}

/** Replace what a query finds, each row for itself. @returns how many */
export function replaceFound(rows: Rows, query: Query, changes: unknown): number {
  return changeAll(rows, query, replacement(rows, changes));
}

function changeAll(rows: Rows, query: Query, replaced: ((row: unknown) => unknown) | null): number {
  const test = query.test ?? always;
  let changed = 0;
  let from: Cursor | null = start(query);
  while (from !== null) {
    const { found, next }: Scanned = scanFor(rows, query, from, CHANGES_AT_ONCE);
    if (found.length > 0) changed += changeFound(rows, found, test, replaced);
    from = next;
  }
  return changed;
}

function always(): boolean {
  return true;
}

/** The function that makes the new row: it must not touch the one it is given. */
function replacement(rows: Rows, changes: unknown): (row: unknown) => unknown {
  if (!isPlainObject(changes)) throw badarg('selectReplace: set', 'an object of fields', changes);
  const setters = Object.keys(changes).map((name) => setter(rows, name, changes[name]));
  return (row) => {
    const to = copyRow(row) as Record<Field, unknown>;
    for (const set of setters) set(to, row as Fields);
    return to;
  };
}

type Setter = (to: Record<Field, unknown>, from: Fields) => void;

function setter(rows: Rows, name: string, value: unknown): Setter {
  if (name === String(rows.field)) {
    throw badarg('selectReplace: set', 'fields other than the key', name);
  }
  if (!isOperators(value)) {
    const constant = copy(value);
    return (to) => {
      to[name] = constant;
    };
  }
  const { $field, $add } = value as { readonly $field?: unknown; readonly $add?: unknown };
  if (isField($field)) {
    return (to, from) => {
      to[name] = from[$field];
    };
  }
  if (typeof $add !== 'number') {
    throw badarg(`selectReplace: ${name}`, 'a value, { $field } or { $add: number }', value);
  }
  return (to, from) => {
    if (typeof from[name] !== 'number') {
      throw badarg(`selectReplace: ${name}`, 'a number to add to', from[name]);
    }
    to[name] = from[name] + $add;
  };
}
