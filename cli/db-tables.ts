/** What the actions of `tsvm db` share: their options, finding tables, and writing lines. */

import { existsSync } from 'node:fs';
import type { TableInfo } from '../modules/db-admin.js';
import { closest } from './closest.js';
import { type DbMachine, withDbMachine } from './db-machine.js';
import { Failure } from './failure.js';
import { shownPath } from './terminal.js';

export interface DbOptions {
  readonly dir: string;
  readonly data?: string;
  readonly json?: true;
}

/** @param what table, key or file, as the action says */
export type DbAction = (data: string, what: readonly string[], options: DbOptions) => Promise<void>;

/** Where the folder's machine runs or can be run for a moment. */
export async function onTables<T>(
  data: string,
  use: (machine: DbMachine) => Promise<T>,
): Promise<T> {
  if (!existsSync(data)) {
    throw new Failure(`there is no data folder ${shownPath(data)}`, {
      hint: 'a machine makes it when it starts; --dir or --data say where it is',
    });
  }
  return await withDbMachine(data, use);
}

export async function tablesOf(machine: DbMachine): Promise<readonly TableInfo[]> {
  return (await machine.ask('tables')) as readonly TableInfo[];
}

export async function tableOf(machine: DbMachine, name: string): Promise<TableInfo> {
  const tables = await tablesOf(machine);
  const found = tables.find((table) => table.name === name);
  if (found !== undefined) return found;
  const names = tables.map((table) => table.name);
  const near = closest(name, names);
  throw new Failure(`there is no table ${name}`, {
    hint: near === undefined ? 'tsvm db list shows which there are' : `did you mean ${near}?`,
  });
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Who reads slowly is waited for. */
export async function written(text: string): Promise<void> {
  if (process.stdout.write(`${text}\n`)) return;
  await new Promise((done) => process.stdout.once('drain', done));
}
