/**
 * Going through tables: key by key, by folds, and by selects.
 *
 * Source: OTP, `ets:first/1`, `next/2`, `safe_fixtable/2`, `foldl/3`, `select/1..3`, `select_count/2`,
 * `select_delete/2`, `select_replace/2`; SEMANTICS §16.
 */

import { context } from '../runtime/context.js';
import { copy } from '../runtime/copy.js';
import { badarg } from '../runtime/errors.js';
import { fix } from '../runtime/table-ownership.js';
import { copyRow } from '../runtime/tables/copy-row.js';
import * as queries from '../runtime/tables/query.js';
import * as reader from '../runtime/tables/row-reader.js';
import type {
  AnyTable,
  Continuation,
  FieldOf,
  KeyOf,
  Page,
  Projected,
  Projection,
  Query,
  Replacements,
  Table,
  Where,
} from './table-types.js';
import { here, readable, writable } from './tables.js';

/** Rows that a fold fetches at a time. */
const FETCH = 256;
/** Slots or rows that count as a reduction. */
const ROWS_A_REDUCTION = 16;

function charge(rows: number): void {
  context.budget -= Math.min(rows / ROWS_A_REDUCTION, 4000);
}

/** The first key, `undefined` in an empty table. In an ordered table the least. `ets:first/1`. */
export function first<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
): KeyOf<Row, K> | undefined {
  return copyKey(reader.firstKey(readable('tables.first', table).rows));
}

/** The last key; in a table that is not ordered the same as `first`. `ets:last/1`. */
export function last<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
): KeyOf<Row, K> | undefined {
  return copyKey(reader.lastKey(readable('tables.last', table).rows));
}

/**
 * The key after `key`, `undefined` behind the last. `ets:next/2`.
 *
 * @throws badarg when the table is not ordered and `key` is not in it. While the table is fixed
 *   (`safeFixTable`), keys that were in it when it was fixed still count
 */
export function next<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  key: KeyOf<Row, K>,
): KeyOf<Row, K> | undefined {
  const found = reader.nextKey(readable('tables.next', table).rows, key);
  if (found === null) throw badarg('tables.next: key', 'a key of the table', key);
  return copyKey(found.key);
}

/** The key before `key`; in a table that is not ordered the same as `next`. `ets:prev/2`. */
export function prev<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  key: KeyOf<Row, K>,
): KeyOf<Row, K> | undefined {
  const found = reader.previousKey(readable('tables.prev', table).rows, key);
  if (found === null) throw badarg('tables.prev: key', 'a key of the table', key);
  return copyKey(found.key);
}

function copyKey<T>(key: unknown): T {
  return copy(key) as T;
}

/**
 * Keep the places of deleted rows, so that `next` finds its way, until as many calls with `false` have
 * come from the same process, or it ends. `ets:safe_fixtable/2`.
 *
 * Selects, folds and `rows` need none of that: they keep their place themselves.
 */
export function safeFixTable<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  isFixed: boolean,
): void {
  const { scheduler, proc } = here('tables.safeFixTable');
  if (typeof isFixed !== 'boolean')
    throw badarg('tables.safeFixTable: isFixed', 'a boolean', isFixed);
  fix(scheduler, proc, readable('tables.safeFixTable', table), isFixed);
}

/**
 * Every row, one after the other. In an ordered table by key. Not a snapshot: a row that is there all
 * the time comes exactly once, one that is inserted or deleted meanwhile at most once.
 */
export function* rows<Row, K extends FieldOf<Row>>(table: AnyTable<Row, K>): Generator<Row, void> {
  let from: reader.Cursor | null = 'start';
  while (from !== null) {
    const shared = readable('tables.rows', table);
    const step: reader.Scanned = reader.scan(shared.rows, from, null, FETCH);
    charge(step.found.length);
    for (const { row } of step.found) yield copyRow(row) as Row;
    from = step.next;
  }
}

/** Combine all rows into one value. `ets:foldl/3`. The table may change meanwhile: see `rows`. */
export function fold<Row, K extends FieldOf<Row>, A>(
  table: AnyTable<Row, K>,
  step: (row: Row, sum: A) => A,
  initial: A,
): A {
  let sum = initial;
  for (const row of rows(table)) sum = step(row, sum);
  return sum;
}

/** All rows; in an ordered table by key. `ets:tab2list/1`. */
export function toArray<Row, K extends FieldOf<Row>>(table: AnyTable<Row, K>): Row[] {
  return select(table) as Row[];
}

/**
 * All rows for which `where` holds, or what `select` takes of each. `ets:select/2`.
 *
 * Each row is looked at as a whole; all rows together are no snapshot. Cost: one look-up when `where`
 * says what the key is; in an ordered table the range when it bounds the key; else a pass over the table.
 */
export function select<Row, K extends FieldOf<Row>, const P extends Projection<Row> = undefined>(
  table: AnyTable<Row, K>,
  query?: Query<NoInfer<Row>, P>,
): Projected<Row, P>[] {
  const shared = readable('tables.select', table).rows;
  const found = queries.selectAll(shared, queries.compileQuery('tables.select', shared, query));
  charge(shared.size);
  return found as Projected<Row, P>[];
}

/** As `select`, but `limit` rows at most, and where to go on: `nextPage`. `ets:select/3`. */
export function selectPage<
  Row,
  K extends FieldOf<Row>,
  const P extends Projection<Row> = undefined,
>(table: AnyTable<Row, K>, query: Query<NoInfer<Row>, P>, limit: number): Page<Projected<Row, P>> {
  if (!Number.isInteger(limit) || limit < 1) {
    throw badarg('tables.selectPage: limit', 'a whole number from 1', limit);
  }
  return page('tables.selectPage', { table, query: copy(query, 'query'), limit, at: undefined });
}

/** The rows that follow. `ets:select/1`. */
export function nextPage<T>(more: Continuation<T>): Page<T> {
  if (typeof more !== 'object' || more === null || typeof more.table !== 'string') {
    throw badarg('tables.nextPage: more', 'what selectPage gave as more', more);
  }
  return page('tables.nextPage', more);
}

function page<T>(what: string, { table, query, limit, at }: Continuation<unknown>): Page<T> {
  const shared = readable(what, table).rows;
  const compiled = queries.compileQuery(what, shared, query);
  const found = queries.selectSome(shared, compiled, limit, at as reader.Cursor | undefined);
  charge(limit);
  const more = found.next === null ? null : { table, query, limit, at: copy(found.next) };
  return { rows: found.rows as T[], more };
}

/** How many rows there are for which `where` holds. `ets:select_count/2`. */
export function selectCount<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  where?: Where<NoInfer<Row>>,
): number {
  const shared = readable('tables.selectCount', table).rows;
  charge(shared.size);
  return queries.count(shared, compiled('tables.selectCount', shared, where));
}

/** Delete the rows for which `where` holds, each atomically. `ets:select_delete/2`. @returns how many */
export function selectDelete<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  where: Where<NoInfer<Row>>,
): number {
  const shared = writable('tables.selectDelete', table).rows;
  charge(shared.size);
  return queries.deleteFound(shared, compiled('tables.selectDelete', shared, where));
}

/**
 * Change fields of the rows for which `where` holds, each row atomically. `ets:select_replace/2`.
 *
 * @param set new values, `{ $field }` for that of another field, `{ $add }` for a sum
 * @returns how many
 */
export function selectReplace<Row, K extends FieldOf<Row>>(
  table: Table<Row, K>,
  where: Where<NoInfer<Row>>,
  set: Replacements<Row, K>,
): number {
  const shared = writable('tables.selectReplace', table).rows;
  charge(shared.size);
  const query = compiled('tables.selectReplace', shared, where);
  return queries.replaceFound(shared, query, set);
}

function compiled(
  what: string,
  shared: Parameters<typeof queries.count>[0],
  where: unknown,
): queries.Query {
  return queries.compileQuery(what, shared, where === undefined ? undefined : { where });
}
