/**
 * Export tables: what an import of a module is bound to, for as long as the scheduler lives.
 *
 * Invariants:
 *  1. A module has one table object for ever; loading changes its properties in place, so that every
 *     qualified call hits the version that is current at that moment.
 *  2. A name that once was there never goes away: it becomes a stub that raises `undef`. Deleting a
 *     property would also turn the object into a slow dictionary for good.
 *  3. Module code cannot change a table: its properties are not writable, and the prototype refuses
 *     new ones.
 */

import { ProcessError } from '../runtime/errors.js';

export type ExportTable = Record<string, unknown>;

const stubs: WeakSet<object> = new WeakSet();

/** Own properties never reach it, so it costs nothing on the way of a call. */
const guard: object = new Proxy(Object.freeze(Object.create(null) as object), {
  set(_target, name): boolean {
    throw new TypeError(
      `Cannot assign to "${String(name)}": the exports of a module are read-only`,
    );
  },
});

/** A constructor, because `Object.create(null)` and `{ __proto__: null }` start out as dictionaries. */
const Table = function ExportTable() {} as unknown as new () => ExportTable;
Table.prototype = guard as ExportTable;

export function createTable(): ExportTable {
  return new Table();
}

export function setValue(table: ExportTable, name: string, value: unknown): void {
  Object.defineProperty(table, name, {
    value,
    writable: false,
    enumerable: true,
    configurable: true,
  });
}

/** A name that is read anew at each use: a re-export, or a variable that its module assigns. */
export function setLive(table: ExportTable, name: string, get: () => unknown): void {
  Object.defineProperty(table, name, { get, enumerable: true, configurable: true });
}

/** A name that has no function (any more). */
export function setStub(table: ExportTable, module: string, name: string): void {
  const stub = (): never => {
    throw new ProcessError('undef', `${module} exports no "${name}"`);
  };
  stubs.add(stub);
  Object.defineProperty(table, name, {
    value: stub,
    writable: false,
    enumerable: false,
    configurable: true,
  });
}

/** The names that are exported now. */
export function exportedNames(table: ExportTable): string[] {
  return Object.keys(table);
}

export function hasName(table: ExportTable, name: string): boolean {
  return Object.hasOwn(table, name);
}

export function exportedFunction(
  table: ExportTable,
  name: string,
): ((...args: never[]) => unknown) | undefined {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  return typeof value === 'function' && !stubs.has(value)
    ? (value as (...args: never[]) => unknown)
    : undefined;
}
