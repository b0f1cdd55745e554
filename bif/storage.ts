/**
 * Storage: what `tsvm/db` is made of. Use that: it types the tables, and does what these leave to the
 * caller (trying again, waiting for the disk).
 *
 * Source: OTP, `mnesia_tm`; SEMANTICS §17.
 */

import { runningProcess, runningScheduler } from '../runtime/context.js';
import { type Access, accessNow, openAccess } from '../runtime/db/access.js';
import type { Place } from '../runtime/db/commit-cells.js';
import { type CatalogEntry, sideOf, type TableDefinition } from '../runtime/db/definition.js';
import { SchemaChange } from '../runtime/db/schema-change.js';
import { type EventDetail, TableEvents } from '../runtime/db/table-events.js';
import { keyOf as keyOfRecord } from '../runtime/db/tables.js';
import { Restart, SchemaError, Tx } from '../runtime/db/transaction.js';
import { encodeValue } from '../runtime/db/value-bytes.js';
import { badarg, ProcessError } from '../runtime/errors.js';
import type { Ref } from '../runtime/terms.js';
import { checkKeys } from './check.js';
import { disown, own } from './native.js';

export type {
  Durability,
  RecordSchema,
  TableDefinition,
  TableStorage,
} from '../runtime/db/definition.js';
export type { DbKey } from '../runtime/db/key-bytes.js';
export { ValidationError } from '../runtime/db/validation.js';
export type { EventDetail, Place, SchemaChange };
export { Restart, SchemaError, type Tx };

/** Has this scheduler the way to the tables? */
export function isOpen(): boolean {
  return accessNow() !== null;
}

/** Get the way to the tables; once per scheduler. @throws why there are none */
export async function open(): Promise<void> {
  runningProcess('storage.open');
  await openAccess(runningScheduler('storage.open'));
}

/** All tables that there are. After `open`. */
export function catalog(): readonly CatalogEntry[] {
  return access().tables.all();
}

/** How much is in a table: of what was applied, so a little late. */
export function size(entry: CatalogEntry): { readonly rows: number; readonly bytes: number } {
  const { rows, bytes } = access().engine.sum(sideOf(entry.storage), entry.space);
  return { rows, bytes };
}

/** Begin a transaction. After `open`. */
export function begin(): Tx {
  const { engine, tables } = access();
  return new Tx(engine, tables, null);
}

/** Resolves when a commit is on the disk. */
export function synced(place: Place): Promise<void> {
  return access().engine.synced(place);
}

/** A change of a table's schema. After `open`. */
export function schemaChange(definition: TableDefinition): SchemaChange {
  const { engine, tables } = access();
  return new SchemaChange(engine, tables, definition, runningProcess('storage.schemaChange').pid);
}

/**
 * Let the calling process be told of the changes of a table that there is: of each commit after the
 * promise resolves. After `open`; parks. It ends with the process.
 */
export async function subscribe(definition: TableDefinition, detail: EventDetail): Promise<Ref> {
  const proc = runningProcess('storage.subscribe');
  const scheduler = runningScheduler('storage.subscribe');
  if (detail !== 'simple' && detail !== 'detailed') {
    throw badarg('subscribe: detail', "'simple' or 'detailed'", detail);
  }
  const { engine, tables } = access();
  const events = new TableEvents(scheduler, proc, definition, detail);
  own(events, (each) => each.close());
  await events.open(engine, tables);
  return events.ref;
}

/** End a subscription of the calling process: no message is added after it. @returns whether there was one */
export function unsubscribe(ref: Ref): boolean {
  const owned = runningProcess('storage.unsubscribe').extra?.owned ?? [];
  const found = owned.find(({ resource }) => {
    return resource instanceof TableEvents && resource.ref === ref;
  });
  if (found === undefined) return false;
  (found.resource as TableEvents).close();
  return disown(found.resource);
}

/** The key of a record of a table. @throws `badarg` for a record without one */
export function keyOf(definition: TableDefinition, record: object): unknown {
  return keyOfRecord(definition, record);
}

const NO_KEY = new Uint8Array(0);

/** What would be kept of a value: two values with the same bytes are the same. @throws `badarg` for what cannot be */
export function bytesOf(value: unknown): Uint8Array {
  return encodeValue(NO_KEY, value);
}

const OPTIONS: readonly string[] = [
  ...['name', 'key', 'indexes', 'storage', 'durability', 'version', 'upgrade', 'schema'],
];
const STORAGES: readonly unknown[] = ['ram', 'disc', 'disc-only'];
const DURABILITIES: readonly unknown[] = ['durable', 'relaxed'];
const NAME_UNITS_MAX = 128;

/** Check what a program says of a table. Also outside of processes: a module's constant may be a table. */
export function define(options: object): TableDefinition {
  checkKeys('table', options, OPTIONS);
  const { name, key, indexes, storage, durability, version, upgrade, schema } =
    options as Partial<TableDefinition>;
  const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
  if (!isText(name) || String(name).length > NAME_UNITS_MAX) {
    throw badarg('table: name', `1 to ${NAME_UNITS_MAX} characters`, name);
  }
  if (!isText(key) && !(Array.isArray(key) && key.length > 0 && key.every(isText))) {
    throw badarg('table: key', 'the name of a field, or a list of names', key);
  }
  if (indexes !== undefined && !(Array.isArray(indexes) && indexes.every(isText))) {
    throw badarg('table: indexes', 'a list of names of fields', indexes);
  }
  if (storage !== undefined && !STORAGES.includes(storage)) {
    throw badarg('table: storage', "'ram', 'disc' or 'disc-only'", storage);
  }
  if (durability !== undefined && !DURABILITIES.includes(durability)) {
    throw badarg('table: durability', "'durable' or 'relaxed'", durability);
  }
  if (version !== undefined && !(Number.isInteger(version) && version >= 1)) {
    throw badarg('table: version', 'a whole number from 1', version);
  }
  if (upgrade != null && typeof upgrade !== 'function') {
    throw badarg('table: upgrade', 'a function', upgrade);
  }
  if (schema != null && typeof schema['~standard']?.validate !== 'function') {
    throw badarg('table: schema', 'a schema with the Standard Schema interface', schema);
  }
  return {
    name: name as string,
    key: key as string,
    indexes: [...new Set(indexes ?? [])],
    storage: storage ?? 'disc',
    durability: storage === 'ram' ? 'relaxed' : (durability ?? 'durable'),
    version: version ?? 1,
    upgrade: upgrade ?? null,
    schema: schema ?? null,
  };
}

function access(): Access {
  const found = accessNow();
  if (found !== null) return found;
  throw new ProcessError('badarg', 'storage: await storage.open() first');
}
