/**
 * Tables: rows that every process of the machine sees at once. `ets` in OTP.
 *
 * `import { tables } from 'tsvm'`. A row is a record or a tuple, one of whose fields is its key. A table
 * is named by a string, its reference or its name, which can be sent, and which carries the types of
 * row and key. Rows are copied in and out: what a reader holds is the reader's own.
 *
 * Each operation on one row is atomic, as is an insert of several. Nothing here parks, but for the files.
 * A table that is not there, a row that does not fit, or an access that is not allowed raise `badarg`.
 *
 * Source: OTP, module `ets`; SEMANTICS §16.
 */

import { context, runningProcess, runningScheduler } from '../runtime/context.js';
import { copy } from '../runtime/copy.js';
import { badarg, ProcessError } from '../runtime/errors.js';
import type { Process } from '../runtime/process.js';
import type { Scheduler } from '../runtime/scheduler.js';
import type { Field } from '../runtime/tables/row-codec.js';
import * as reader from '../runtime/tables/row-reader.js';
import * as update from '../runtime/tables/row-update.js';
import * as writer from '../runtime/tables/row-writer.js';
import type { Table as SharedTable } from '../runtime/tables/table.js';
import { PRIVATE, PUBLIC } from '../runtime/tables/table-entry.js';
import type {
  AnyTable,
  BagTable,
  Changes,
  CounterField,
  FieldOf,
  FieldValue,
  Increment,
  KeyOf,
  Table,
} from './table-types.js';

type Fields = Readonly<Record<Field, unknown>>;

function open(what: string, table: string, proc: Process): SharedTable {
  context.budget -= 1;
  if (proc.isDead) runningProcess(what);
  return (context.scheduler as Scheduler).tables.find(table);
}

function isOwner(table: SharedTable, proc: Process): boolean {
  const { life } = context.scheduler as Scheduler;
  return table.isOwnedBy(life, proc.creator, proc.counter);
}

/** A table that the caller may read. */
export function readable(what: string, name: string): SharedTable {
  const proc = context.process ?? runningProcess(what);
  const table = open(what, name, proc);
  if (table.access === PRIVATE && !isOwner(table, proc)) throw refused(what, table, 'read');
  return table;
}

/** A table that the caller may change. */
export function writable(what: string, name: string): SharedTable {
  const proc = context.process ?? runningProcess(what);
  const table = open(what, name, proc);
  if (table.access !== PUBLIC && !isOwner(table, proc)) throw refused(what, table, 'change');
  return table;
}

/** A table that the caller owns. */
export function owned(what: string, name: string): SharedTable {
  const proc = context.process ?? runningProcess(what);
  const table = open(what, name, proc);
  if (!isOwner(table, proc)) {
    throw new ProcessError('badarg', `${what}: only the owner of table ${name} may do that`);
  }
  return table;
}

function refused(what: string, table: SharedTable, action: string): ProcessError {
  const access = table.access === PRIVATE ? 'private' : 'protected';
  return new ProcessError(
    'badarg',
    `${what}: the table is ${access}: only its owner may ${action} it (access: 'public' lets all processes)`,
  );
}

/** The key of a row. @throws badarg for what is no row of the table */
export function keyIn(what: string, table: SharedTable, row: unknown): unknown {
  const { field } = table.rows;
  if (typeof row === 'object' && row !== null) {
    const key = (row as Fields)[field];
    if (key !== undefined) return key;
  }
  const kind = typeof field === 'number' ? 'a tuple' : 'a record';
  throw badarg(`${what}: row`, `${kind} with a key in field ${String(field)}`, row);
}

/**
 * Insert a row, or several: all of them or, when one does not fit, none; and nobody ever sees some of
 * them only. A row with the same key gives way, unless the table is a bag. `ets:insert/2`.
 */
export function insert<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  row: NoInfer<Row>,
  ...more: NoInfer<Row>[]
): void {
  put('tables.insert', table, row, more, false);
}

/**
 * As `insert`, if the table has no row with any of the keys. `ets:insert_new/2`.
 *
 * @returns whether they were inserted
 */
export function insertNew<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  row: NoInfer<Row>,
  ...more: NoInfer<Row>[]
): boolean {
  return put('tables.insertNew', table, row, more, true);
}

function put(
  what: string,
  name: string,
  row: unknown,
  more: readonly unknown[],
  fresh: boolean,
): boolean {
  const table = writable(what, name);
  const { rows } = table;
  if (more.length === 0) return writer.insert(rows, row, keyIn(what, table, row), fresh);
  const prepared = [row, ...more].map((each) =>
    writer.prepare(rows, each, keyIn(what, table, each)),
  );
  context.budget -= more.length;
  return writer.insertAll(rows, prepared, fresh);
}

/**
 * The row of a key, `undefined` without one; of a bag all rows, oldest first. `ets:lookup/2`.
 *
 * Cost: 0.1 to 0.3 µs for a short tuple or record of scalars, on any scheduler; other rows are copied as
 * messages are once this scheduler has read them.
 */
export function lookup<Row, K extends FieldOf<Row>>(
  table: Table<Row, K>,
  key: KeyOf<Row, K>,
): Row | undefined;
export function lookup<Row, K extends FieldOf<Row>>(
  table: BagTable<Row, K>,
  key: KeyOf<Row, K>,
): Row[];
export function lookup(name: string, key: unknown): unknown {
  const { rows } = readable('tables.lookup', name);
  return rows.isBag ? reader.lookupAll(rows, key) : reader.lookup(rows, key);
}

/**
 * One field of the row of a key; of a bag, of all rows. `ets:lookup_element/3,4`.
 *
 * @param otherwise what to give when there is no such row; without it that raises `badarg`
 */
export function lookupElement<Row, K extends FieldOf<Row>, F extends FieldOf<Row>>(
  table: Table<Row, K>,
  key: KeyOf<Row, K>,
  field: F,
): FieldValue<Row, F>;
export function lookupElement<Row, K extends FieldOf<Row>, F extends FieldOf<Row>, D>(
  table: Table<Row, K>,
  key: KeyOf<Row, K>,
  field: F,
  otherwise: D,
): FieldValue<Row, F> | D;
export function lookupElement<Row, K extends FieldOf<Row>, F extends FieldOf<Row>>(
  table: BagTable<Row, K>,
  key: KeyOf<Row, K>,
  field: F,
): FieldValue<Row, F>[];
export function lookupElement(
  name: string,
  key: unknown,
  field: Field,
  ...otherwise: readonly unknown[]
): unknown {
  const { rows } = readable('tables.lookupElement', name);
  const found = reader.lookupAll(rows, key) as Fields[];
  if (found.length === 0) {
    if (otherwise.length > 0) return otherwise[0];
    throw badarg('tables.lookupElement: key', 'the key of a row', key);
  }
  const values = found.map((row) => row[field]);
  return rows.isBag ? values : values[0];
}

/** Is there a row with this key? `ets:member/2`. */
export function member<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  key: KeyOf<Row, K>,
): boolean {
  return reader.member(readable('tables.member', table).rows, key);
}

/** Delete all rows of a key. `ets:delete/2`. @returns how many there were */
export function remove<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  key: KeyOf<Row, K>,
): number {
  return update.remove(writable('tables.delete', table).rows, key, null);
}

/** Delete this very row, if it is there. `ets:delete_object/2`. @returns how many there were */
export function deleteObject<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  row: NoInfer<Row>,
): number {
  const shared = writable('tables.deleteObject', table);
  const key = keyIn('tables.deleteObject', shared, row);
  return update.remove(shared.rows, key, { row: copy(row, 'row') });
}

/** Delete all rows, atomically. `ets:delete_all_objects/1`. */
export function deleteAllObjects<Row, K extends FieldOf<Row>>(table: AnyTable<Row, K>): void {
  const { rows } = writable('tables.deleteAllObjects', table);
  rows.begin();
  try {
    writer.clear(rows);
  } catch (error) {
    rows.fail(error);
  }
  rows.end();
}

/** Delete all rows of a key, and give them. `ets:take/2`. */
export function take<Row, K extends FieldOf<Row>>(
  table: Table<Row, K>,
  key: KeyOf<Row, K>,
): Row | undefined;
export function take<Row, K extends FieldOf<Row>>(
  table: BagTable<Row, K>,
  key: KeyOf<Row, K>,
): Row[];
export function take(name: string, key: unknown): unknown {
  const { rows } = writable('tables.take', name);
  const taken = update.take(rows, key);
  return rows.isBag ? taken : taken[0];
}

/**
 * Add to a field of the row of a key, or to several at once, atomically. `ets:update_counter/3,4`.
 *
 * @param initial the row to begin with when there is none; without it that raises `badarg`
 * @returns the new value, or the new values in the order of the increments
 */
export function updateCounter<Row, K extends FieldOf<Row>>(
  table: Table<Row, K>,
  key: KeyOf<Row, K>,
  increment: Increment<CounterField<Row, K>>,
  initial?: NoInfer<Row>,
): number;
export function updateCounter<Row, K extends FieldOf<Row>>(
  table: Table<Row, K>,
  key: KeyOf<Row, K>,
  increments: readonly Increment<CounterField<Row, K>>[],
  initial?: NoInfer<Row>,
): number[];
export function updateCounter(
  name: string,
  key: unknown,
  given: update.Increment | readonly update.Increment[],
  initial?: unknown,
): number | number[] {
  const what = 'tables.updateCounter';
  const table = writable(what, name);
  const { rows } = table;
  if (rows.isBag) throw badarg(`${what}: table`, 'a set or an ordered set', name);
  const increments = Array.isArray(given) ? given : [given];
  for (const increment of increments) checkIncrement(rows.field, increment);
  const values = update.updateCounter(rows, key, increments, initialRow(what, table, key, initial));
  if (values === null) throw badarg(`${what}: key`, 'the key of a row', key);
  return Array.isArray(given) ? values : (values[0] as number);
}

function checkIncrement(keyField: Field, increment: update.Increment): void {
  const what = 'tables.updateCounter: increment';
  if (typeof increment !== 'object' || increment === null) {
    throw badarg(what, '{ field, by, threshold?, setTo? }', increment);
  }
  const { field, by, threshold, setTo } = increment;
  if (field === keyField) throw badarg(what, 'a field other than the key', field);
  for (const number of [by, threshold ?? 0, setTo ?? 0]) {
    if (typeof number !== 'number' || !Number.isFinite(number)) {
      throw badarg(what, 'finite numbers', increment);
    }
  }
  if (setTo !== undefined && threshold === undefined) {
    throw badarg(what, 'a threshold beside setTo', increment);
  }
}

/** The row to begin with, under the key that is asked for. */
function initialRow(
  what: string,
  table: SharedTable,
  key: unknown,
  initial: unknown,
): writer.Prepared | null {
  if (initial === undefined) return null;
  const row = copy(initial, 'initial') as Record<Field, unknown>;
  keyIn(what, table, row);
  row[table.rows.field] = key;
  return writer.prepare(table.rows, row, key);
}

/**
 * Set fields of the row of a key, atomically. `ets:update_element/3,4`.
 *
 * @param initial the row to begin with when there is none
 * @returns whether there was such a row, or one to begin with
 */
export function updateElement<Row, K extends FieldOf<Row>>(
  table: Table<Row, K>,
  key: KeyOf<Row, K>,
  changes: Changes<Row, K>,
  initial?: NoInfer<Row>,
): boolean {
  const what = 'tables.updateElement';
  const shared = writable(what, table);
  const { rows } = shared;
  if (rows.isBag) throw badarg(`${what}: table`, 'a set or an ordered set', table);
  if (typeof changes !== 'object' || changes === null) {
    throw badarg(`${what}: changes`, 'an object of fields', changes);
  }
  const entries = Object.entries(copy(changes, 'changes') as object);
  if (entries.some(([field]) => field === String(rows.field))) {
    throw badarg(`${what}: changes`, 'fields other than the key', changes);
  }
  return update.updateElement(rows, key, entries, initialRow(what, shared, key, initial));
}

/** The scheduler of the caller, for functions that need no table. */
export function here(what: string): { readonly scheduler: Scheduler; readonly proc: Process } {
  return { proc: runningProcess(what), scheduler: runningScheduler(what) };
}

export { remove as delete };
