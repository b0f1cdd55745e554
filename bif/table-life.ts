/**
 * The life of tables: made, named, given away, looked at, written to files, deleted.
 *
 * Source: OTP, `ets:new/2`, `delete/1`, `rename/2`, `give_away/3`, `setopts/2`, `info/1`, `all/0`,
 * `whereis/1`, `tab2file/2`, `file2tab/1`; SEMANTICS §16.
 */

import { awaiting, type Coroutine, start, type Task } from '../runtime/coroutine.js';
import { badarg } from '../runtime/errors.js';
import { giveAway as give, ownerOf, type TableTransfer } from '../runtime/table-ownership.js';
import type { Field } from '../runtime/tables/row-codec.js';
import { scan } from '../runtime/tables/row-reader.js';
import { insertAll, prepare } from '../runtime/tables/row-writer.js';
import type { Table as SharedTable } from '../runtime/tables/table.js';
import { ACCESSES, KINDS } from '../runtime/tables/table-entry.js';
import { readTableFile, writeTableFile } from '../runtime/tables/table-file.js';
import { tableInfo } from '../runtime/tables/table-info.js';
import type { Pid } from '../runtime/terms.js';
import { checkKeys, checkName, checkPid } from './check.js';
import type {
  AnyTable,
  FieldOf,
  Heir,
  TableFor,
  TableInfo,
  TableOptions,
  TableType,
} from './table-types.js';
import { here, keyIn, owned, readable, writable } from './tables.js';

export type { TableTransfer };

const OPTIONS = ['key', 'type', 'access', 'name', 'heir'];
const INSERTED_AT_ONCE = 1024;

/**
 * Make a table, owned by the caller: it is deleted when the caller ends, unless there is an heir.
 * `ets:new/2`.
 *
 * `tables.create<User, 'id'>({ key: 'id' })`: the second type says which field is the key.
 *
 * @returns its name if it has one, else its reference
 * @throws badarg for options that are wrong, a name that is taken
 */
export function create<Row, K extends FieldOf<Row>, T extends TableType = 'set'>(
  options: TableOptions<Row, K, T> & ([T] extends ['set'] ? unknown : { readonly type: T }),
): TableFor<Row, K, T> {
  const { scheduler, proc } = here('tables.create');
  checkKeys('tables.create', options, OPTIONS);
  const { key, type = 'set', access = 'protected', name, heir } = options;
  checkField(key);
  const kind = indexIn(KINDS, 'type', type);
  const right = indexIn(ACCESSES, 'access', access);
  if (name !== undefined) checkTableName('tables.create', name);
  const table = scheduler.tables.create({
    kind,
    access: right,
    owner: ownerOf(scheduler, proc),
    meta: {
      name: name ?? null,
      owner: proc.pid,
      heir: heirIn(heir),
      key,
      createdAt: Date.now(),
    },
  });
  return (name ?? table.ref) as TableFor<Row, K, T>;
}

function checkField(key: unknown): asserts key is Field {
  const isField =
    (typeof key === 'string' && key.length > 0) || (Number.isInteger(key) && (key as number) >= 0);
  if (!isField) throw badarg('tables.create: key', 'a field of the row: a name or an index', key);
}

function indexIn(list: readonly string[], option: string, value: unknown): number {
  const index = list.indexOf(value as string);
  if (index < 0) throw badarg(`tables.create: ${option}`, list.join(', '), value);
  return index;
}

function checkTableName(what: string, name: unknown): asserts name is string {
  checkName(what, name);
  if (name.startsWith('#'))
    throw badarg(`${what}: name`, "a name that does not begin with '#'", name);
}

function heirIn(heir: Heir | null | undefined): { pid: Pid; data: unknown } | null {
  if (heir === undefined || heir === null) return null;
  checkKeys('tables: heir', heir, ['pid', 'data']);
  checkPid('tables: heir', heir.pid);
  return { pid: heir.pid as unknown as Pid, data: heir.data };
}

/**
 * A table by its name, typed: the one line that a module needs. It may be called before the table is
 * there; what is done with it then raises `badarg`.
 */
export function named<Row, K extends FieldOf<Row>, T extends TableType = 'set'>(
  name: string,
): TableFor<Row, K, T> {
  return name as TableFor<Row, K, T>;
}

/** Delete a table: at once for everybody. Allowed to whoever may change it. `ets:delete/1`. */
export function drop<Row, K extends FieldOf<Row>>(table: AnyTable<Row, K>): void {
  const { scheduler } = here('tables.drop');
  scheduler.tables.delete(writable('tables.drop', table));
}

/** Give a named table another name. `ets:rename/2`. @returns the new one */
export function rename<T extends string>(table: T, name: string): T {
  const { scheduler } = here('tables.rename');
  checkTableName('tables.rename', name);
  scheduler.tables.rename(writable('tables.rename', table), name);
  return name as T;
}

/** The reference of a named table, `undefined` when there is none. `ets:whereis/1`. */
export function whereis<T extends string>(name: T): T | undefined {
  const { scheduler } = here('tables.whereis');
  return scheduler.tables.tryFind(name)?.ref as T | undefined;
}

/**
 * Make another process the owner, which receives `{ type: 'ETS-TRANSFER', table, from, data }`.
 * `ets:give_away/3`.
 *
 * @throws badarg unless the caller owns the table and the other process lives
 */
export function giveAway<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  to: Pid<never>,
  data: unknown,
): void {
  const { scheduler, proc } = here('tables.giveAway');
  checkPid('tables.giveAway', to);
  give(scheduler, proc, owned('tables.giveAway', table), to as unknown as Pid, data);
}

/** Say who gets the table when its owner ends; `null`: nobody. The owner only. `ets:setopts/2`. */
export function setHeir<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  heir: Heir | null,
): void {
  const { scheduler } = here('tables.setHeir');
  const shared = owned('tables.setHeir', table);
  const entry = heirIn(heir);
  scheduler.tables.locked(() => scheduler.tables.bequeathLocked(shared, entry));
}

/** What a table is and how large; `undefined` when there is none. Private ones as well. `ets:info/1`. */
export function info(table: string): TableInfo | undefined {
  const { scheduler } = here('tables.info');
  const shared = scheduler.tables.tryFind(table);
  return shared === undefined ? undefined : tableInfo(scheduler.tables, shared);
}

/** The references of all tables of the machine. `ets:all/0`. */
export function all(): string[] {
  const { scheduler } = here('tables.all');
  return [...scheduler.tables.all()]
    .filter((table) => table.owner.life !== 0)
    .map((table) => table.ref);
}

/**
 * Write all rows to a file, which is complete or not there. `ets:tab2file/2`. Parks.
 *
 * Rows that others change meanwhile are in it as before or as after.
 */
export function toFile<Row, K extends FieldOf<Row>>(
  table: AnyTable<Row, K>,
  path: string,
): Promise<void> {
  checkPath('tables.toFile', path);
  return start(writing(table, path)) as Task<void> as unknown as Promise<void>;
}

function* writing(name: string, path: string): Coroutine<void> {
  const { scheduler } = here('tables.toFile');
  const table = readable('tables.toFile', name);
  const info = tableInfo(scheduler.tables, table);
  const found = scan(table.rows, 'start', null, Number.POSITIVE_INFINITY).found;
  const header = {
    name: info?.name ?? null,
    type: info?.type,
    access: info?.access,
    key: info?.key,
  };
  const writes = writeTableFile(
    path,
    header,
    found.map(({ row }) => row),
  );
  yield* awaiting(writes);
}

/**
 * Make a table of what `toFile` wrote, owned by the caller. `ets:file2tab/1`. Parks.
 *
 * @param options a name for it; without one it has that which it had
 * @throws badarg for a file that is no table, or damaged, said where; for a name that is taken
 */
export function fromFile<Row, K extends FieldOf<Row>, T extends TableType = 'set'>(
  path: string,
  options: { readonly name?: string | null } = {},
): Promise<TableFor<Row, K, T>> {
  checkPath('tables.fromFile', path);
  checkKeys('tables.fromFile', options, ['name']);
  const task = start(reading(path, options)) as Task<unknown>;
  return task as unknown as Promise<TableFor<Row, K, T>>;
}

function* reading(path: string, options: { readonly name?: string | null }): Coroutine<string> {
  here('tables.fromFile');
  const file = (yield* awaiting(readTableFile(path))) as Awaited<ReturnType<typeof readTableFile>>;
  const { key, type, access } = file.header;
  const name = options.name === undefined ? file.header.name : options.name;
  type AnyRow = Readonly<Record<string, unknown>>;
  const made = create<AnyRow, string, TableType>({
    key: key as string,
    type: type as TableType,
    access: access as 'public',
    ...(name === null ? {} : { name }),
  });
  fill(made, file.rows);
  return made;
}

function fill(name: string, found: readonly unknown[]): void {
  const table: SharedTable = writable('tables.fromFile', name);
  for (let from = 0; from < found.length; from += INSERTED_AT_ONCE) {
    const part = found.slice(from, from + INSERTED_AT_ONCE);
    const keyed = part.map((row) => prepare(table.rows, row, keyIn('tables.fromFile', table, row)));
    insertAll(table.rows, keyed, false);
  }
}

function checkPath(what: string, path: unknown): asserts path is string {
  if (typeof path !== 'string' || path === '') throw badarg(`${what}: path`, 'a path', path);
}
