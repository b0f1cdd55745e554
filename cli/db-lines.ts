/**
 * Tables as JSON lines: `dump` writes them, `import` reads them.
 *
 *   {"table":{"name":"notes",…}}               what `info` says of a table; its records follow
 *   {"in":"notes","record":{…}}                a record, as `db-json.ts` writes it
 *
 * A dump is read page by page, so records that change meanwhile are in it as they were or as they are; a copy
 * of one moment is what `backup` makes.
 */

import { createReadStream, existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TableInfo } from '../modules/db-admin.js';
import { databaseFolder } from '../runtime/db/storage-files.js';
import type { DbMachine } from './db-machine.js';
import { type DbOptions, onTables, print, tableOf, tablesOf, written } from './db-tables.js';
import { Failure } from './failure.js';
import { counted } from './terminal.js';

const AT_ONCE = 500;
const BYTES_AT_ONCE: number = 1024 * 1024;
/** A request to a machine is a line of at most a megabyte; what is longer goes through a file. */
const UNITS_AT_ONCE: number = 256 * 1024;

export async function dump(data: string, [name]: readonly string[], _: DbOptions): Promise<void> {
  await onTables(data, async (machine) => {
    const tables = name === undefined ? await tablesOf(machine) : [await tableOf(machine, name)];
    for (const table of tables) {
      print(JSON.stringify({ table }));
      const limit = pageOf(table);
      for (let key: unknown = null; ; ) {
        const asked = { table: table.name, key, limit };
        const found = (await machine.ask('page', asked)) as Page;
        for (const record of found.records)
          await written(JSON.stringify({ in: table.name, record }));
        if (found.records.length < limit) break;
        key = found.last;
      }
    }
  });
}

interface Page {
  readonly records: readonly unknown[];
  readonly last: unknown;
}

/** So many records that the answer stays small. */
function pageOf({ rows, bytes }: TableInfo): number {
  const each = rows === 0 ? 1 : Math.max(1, bytes / rows);
  return Math.max(1, Math.min(AT_ONCE, Math.floor(BYTES_AT_ONCE / each)));
}

export async function importLines(
  data: string,
  [file = '']: readonly string[],
  _: DbOptions,
): Promise<void> {
  if (file !== '-' && !existsSync(file)) throw new Failure(`there is no file ${file}`);
  const input = file === '-' ? process.stdin : createReadStream(file);
  await onTables(data, async (machine) => {
    const records = new Puts(data, machine);
    let number = 0;
    for await (const line of createInterface({ input })) {
      number += 1;
      if (line.trim() === '') continue;
      const parsed = lineOf(line, file, number);
      if ('table' in parsed) await make(machine, parsed.table);
      else await records.add(parsed.in, parsed.record, line.length);
    }
    await records.flush();
    print(`${counted(records.count, 'record')} imported`);
  });
}

async function make(machine: DbMachine, info: TableInfo): Promise<void> {
  if (info.storage === 'ram' && !machine.isRunning) {
    throw new Failure(`table ${info.name} is in RAM, and no machine runs that could keep it`, {
      hint: 'import it while the machine runs; the lines before it are imported',
    });
  }
  await machine.ask('make', { info });
}

/** Records on their way into a machine, some at once. */
class Puts {
  count = 0;
  readonly #data: string;
  readonly #machine: DbMachine;
  #table = '';
  #records: unknown[] = [];
  #units = 0;

  constructor(data: string, machine: DbMachine) {
    this.#data = data;
    this.#machine = machine;
  }

  async add(table: string, record: unknown, units: number): Promise<void> {
    const isFull = this.#records.length >= AT_ONCE || this.#units + units > UNITS_AT_ONCE;
    if (table !== this.#table || isFull) await this.flush();
    this.#table = table;
    this.#records.push(record);
    this.#units += units;
  }

  async flush(): Promise<void> {
    const records = this.#records;
    if (records.length === 0) return;
    if (this.#units <= UNITS_AT_ONCE) await this.#put({ records });
    else await this.#putByFile(records);
    this.count += records.length;
    this.#records = [];
    this.#units = 0;
  }

  async #putByFile(records: readonly unknown[]): Promise<void> {
    const file = join(databaseFolder(this.#data), `import.${process.pid}.json`);
    try {
      await writeFile(file, JSON.stringify(records), { mode: 0o600 });
      await this.#put({ file });
    } finally {
      await rm(file, { force: true });
    }
  }

  async #put(what: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#machine.ask('put', { table: this.#table, ...what });
  }
}

type DumpLine = { readonly table: TableInfo } | { readonly in: string; readonly record: unknown };

function lineOf(line: string, file: string, number: number): DumpLine {
  try {
    const parsed = JSON.parse(line) as { table?: { name?: unknown }; in?: unknown } | null;
    if (typeof parsed?.table?.name === 'string' || typeof parsed?.in === 'string') {
      return parsed as unknown as DumpLine;
    }
  } catch {
    // Said below.
  }
  throw new Failure(`${file}:${number}: expected a line of tsvm db dump`, {
    hint: 'the lines before it are imported; importing again puts the same records',
  });
}
