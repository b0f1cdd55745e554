/**
 * Modules as values: `import * as counter` gives the live export table, and that can be sent.
 *
 * In a message a table stands for the name of its module, and arrives as the table of that name: so
 * whoever is given a module, on whatever scheduler, calls the version that is current there.
 *
 * Invariant: a table is live. Nobody freezes it, and nobody copies what is in it.
 *
 * Source: in OTP a module is passed by its name, an atom: `gen_server:start_link(?MODULE, …)`.
 */

/** The code of this thread. */
export interface TableSource {
  /** The live table of a module; empty where it is not loaded. */
  table(module: string): object;
}

const names: WeakMap<object, string> = new WeakMap();
let source: TableSource | null = null;

/** Tell this thread where tables are found. The host's thread has none, and passes names on. */
export function useTables(given: TableSource): void {
  source = given;
}

export function declareTable(table: object, module: string): void {
  names.set(table, module);
}

/** The name of the module whose table this is. Cost: one hash look-up. */
export function moduleOfTable(value: object): string | undefined {
  return names.get(value);
}

/** The table of a module on this thread. */
export function tableOfModule(module: string): object {
  if (source !== null) return source.table(module);
  const stand: object = Object.freeze({});
  declareTable(stand, module);
  return stand;
}
