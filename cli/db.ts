/**
 * `tsvm db`: the tables of a folder's machine, whether it runs or not.
 *
 * With `--json`, one object a line.
 */

import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { databaseFolder } from '../runtime/db/storage-files.js';
import { dataFolderOf } from './application.js';
import { closest } from './closest.js';
import { backup, check, compact, restore } from './db-copies.js';
import { dump, importLines } from './db-lines.js';
import { type DbAction, type DbOptions, onTables, print, tableOf, tablesOf } from './db-tables.js';
import { Failure } from './failure.js';
import { columns, counted, shownBytes, shownPath } from './terminal.js';

const ACTIONS: readonly string[] = [
  ...['list', 'info', 'get', 'dump', 'import', 'backup', 'restore', 'check', 'compact'],
];

const HELP = `
Actions:
  list              the tables: storage, rows, bytes
  info TABLE        what there is to know of one
  get TABLE KEY     one record; the key is JSON, or text
  dump [TABLE]      all tables, or one, as JSON lines on standard output
  import FILE       what dump wrote; - is standard input
  backup FILE       a copy of all tables on disc at one moment, while the machine runs
  restore FILE      the tables as they were in a backup, in place of what is there
  check [FILE]      read everything, and report every kind of damage; also in a backup
  compact           give back what deleted rows have taken

Examples:
  tsvm db list
  tsvm db get accounts '"ann"'
  tsvm db dump > tables.jsonl
  tsvm db backup /backups/monday.tsvmdb`;

export function dbCommand(): Command {
  return new Command('db')
    .description('look at, copy, check and bring back the tables of a folder')
    .argument('<action>', `what to do: ${ACTIONS.join(', ')}`, actionOf)
    .argument('[what...]', 'table, key or file, as the action says')
    .option('--dir <dir>', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object a line instead of text')
    .addHelpText('after', HELP)
    .action(
      async (action: string, what: readonly string[], options: DbOptions, command: Command) => {
        const [least, most] = COUNTS[action] ?? [0, 0];
        if (what.length < least || what.length > most) {
          command.error(`error: ${action} takes ${countText(least, most)}, got ${what.length}`);
        }
        const data = options.data === undefined ? dataFolderOf(options.dir) : resolve(options.data);
        await ACTS[action]?.(data, what, options);
      },
    );
}

const COUNTS: Readonly<Record<string, readonly [number, number]>> = {
  list: [0, 0],
  info: [1, 1],
  get: [2, 2],
  dump: [0, 1],
  import: [1, 1],
  backup: [1, 1],
  restore: [1, 1],
  check: [0, 1],
  compact: [0, 0],
};

const ACTS: Readonly<Record<string, DbAction>> = {
  list,
  info,
  get,
  dump,
  import: importLines,
  backup,
  restore,
  check,
  compact,
};

function countText(least: number, most: number): string {
  if (most === 0) return 'nothing more';
  return least === most ? counted(most, 'argument') : `at most ${counted(most, 'argument')}`;
}

async function list(data: string, _: readonly string[], { json }: DbOptions): Promise<void> {
  const tables = await onTables(data, (machine) => tablesOf(machine));
  if (json) {
    for (const table of tables) print(JSON.stringify(table));
    return;
  }
  if (tables.length === 0) {
    print(`there are no tables in ${shownPath(databaseFolder(data))}`);
    return;
  }
  const rows = tables.map(({ name, storage, rows: count, bytes }) => [
    name,
    storage,
    counted(count, 'row'),
    shownBytes(bytes),
  ]);
  print(columns(rows, new Set([2, 3])).join('\n'));
}

async function info(data: string, [name = '']: readonly string[], o: DbOptions): Promise<void> {
  const table = await onTables(data, (machine) => tableOf(machine, name));
  if (o.json) {
    print(JSON.stringify(table));
    return;
  }
  for (const [field, value] of Object.entries(table)) {
    if (value !== null)
      print(`${field.padEnd(11)}${Array.isArray(value) ? value.join(', ') : value}`);
  }
}

async function get(data: string, what: readonly string[], _: DbOptions): Promise<void> {
  const [name = '', text = ''] = what;
  const record = await onTables(data, async (machine) => {
    await tableOf(machine, name);
    return await machine.ask('get', { table: name, key: keyOf(text) });
  });
  if (record === null) throw new Failure(`table ${name} has no record with the key ${text}`);
  print(JSON.stringify(record));
}

/** `7`, `["room",3]` and `"7"` are JSON; what is none is text. */
function keyOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function actionOf(word: string): string {
  if (ACTIONS.includes(word)) return word;
  const near = closest(word, ACTIONS);
  throw new InvalidArgumentError(
    near === undefined ? `Expected ${ACTIONS.join(', ')}.` : `Did you mean ${near}?`,
  );
}
