/**
 * `tsvm db`: the tables of a folder's machine, whether it runs or not.
 *
 * With `--json`, one object a line.
 */

import { fork } from 'node:child_process';
import { constants, createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import type { TableInfo } from '../modules/db-admin.js';
import { databaseFolder, replaceDisc } from '../runtime/db/storage-files.js';
import { Store } from '../runtime/db/store.js';
import type { Verified } from '../runtime/db/verify.js';
import { findMachine } from '../runtime/vm/data-folder.js';
import { dataFolderOf } from './application.js';
import { closest } from './closest.js';
import type { Checked } from './db-check-process.js';
import { type DbMachine, withClaim, withDbMachine } from './db-machine.js';
import { Failure } from './failure.js';
import { columns, counted, shownBytes, shownPath } from './terminal.js';

interface Options {
  readonly dir: string;
  readonly data?: string;
  readonly json?: true;
}

const ACTIONS: readonly string[] = [
  ...['list', 'info', 'get', 'dump', 'import', 'backup', 'restore', 'check', 'compact'],
];
type Act = (data: string, what: readonly string[], options: Options) => Promise<void>;

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

const AT_ONCE = 500;
/** A request to a machine is a line of at most a megabyte. */
const UNITS_AT_ONCE: number = 256 * 1024;

export function dbCommand(): Command {
  return new Command('db')
    .description('look at, copy, check and bring back the tables of a folder')
    .argument('<action>', `what to do: ${ACTIONS.join(', ')}`, actionOf)
    .argument('[what...]', 'table, key or file, as the action says')
    .option('--dir <dir>', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object a line instead of text')
    .addHelpText('after', HELP)
    .action(async (action: string, what: readonly string[], options: Options, command: Command) => {
      const [least, most] = COUNTS[action] ?? [0, 0];
      if (what.length < least || what.length > most) {
        command.error(`error: ${action} takes ${countText(least, most)}, got ${what.length}`);
      }
      const data = options.data === undefined ? dataFolderOf(options.dir) : resolve(options.data);
      await ACTS[action]?.(data, what, options);
    });
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

const ACTS: Readonly<Record<string, Act>> = {
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

async function list(data: string, _: readonly string[], { json }: Options): Promise<void> {
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

async function info(data: string, [name = '']: readonly string[], o: Options): Promise<void> {
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

async function get(data: string, what: readonly string[], _: Options): Promise<void> {
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

async function dump(data: string, [name]: readonly string[], _: Options): Promise<void> {
  await onTables(data, async (machine) => {
    const tables = name === undefined ? await tablesOf(machine) : [await tableOf(machine, name)];
    for (const table of tables) {
      print(JSON.stringify({ table }));
      for (let key: unknown = null; ; ) {
        const asked = { table: table.name, key, limit: AT_ONCE };
        const found = (await machine.ask('page', asked)) as Page;
        for (const record of found.records)
          await written(JSON.stringify({ in: table.name, record }));
        if (found.records.length < AT_ONCE) break;
        key = found.last;
      }
    }
  });
}

interface Page {
  readonly records: readonly unknown[];
  readonly last: unknown;
}

async function importLines(
  data: string,
  [file = '']: readonly string[],
  _: Options,
): Promise<void> {
  if (file !== '-' && !existsSync(file)) throw new Failure(`there is no file ${file}`);
  const input = file === '-' ? process.stdin : createReadStream(file);
  await onTables(data, async (machine) => {
    let waiting: unknown[] = [];
    let table = '';
    let count = 0;
    let number = 0;
    let units = 0;
    const flush = async (): Promise<void> => {
      if (waiting.length > 0) await machine.ask('put', { table, records: waiting });
      count += waiting.length;
      waiting = [];
      units = 0;
    };
    for await (const line of createInterface({ input })) {
      number += 1;
      if (line.trim() === '') continue;
      const parsed = lineOf(line, file, number);
      if ('table' in parsed) {
        await flush();
        await machine.ask('make', { info: parsed.table });
        table = parsed.table.name;
        continue;
      }
      if (parsed.in !== table || waiting.length >= AT_ONCE || units > UNITS_AT_ONCE) await flush();
      units += line.length;
      table = parsed.in;
      waiting.push(parsed.record);
    }
    await flush();
    print(`${counted(count, 'record')} imported`);
  });
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

async function backup(
  data: string,
  [file = '']: readonly string[],
  { json }: Options,
): Promise<void> {
  const path = resolve(file);
  if (existsSync(path)) throw new Failure(`${shownPath(path)} is there already`);
  const made = (await onTables(data, (machine) =>
    machine.ask('backup', { file: path }),
  )) as Verified;
  if (made.problems.length > 0) {
    throw new Failure(`the tables are damaged, and so is the copy: ${made.problems[0]}`, {
      hint: `tsvm db check shows all; the copy is ${shownPath(path)}`,
    });
  }
  if (json) print(JSON.stringify({ file: path, ...made }));
  else print(`${counted(made.tables, 'table')} copied to ${shownPath(path)}, and verified`);
}

async function restore(data: string, [file = '']: readonly string[], _: Options): Promise<void> {
  const path = resolve(file);
  if (!existsSync(path)) throw new Failure(`there is no file ${shownPath(path)}`);
  const running = await findMachine(data);
  if (running !== null) {
    throw new Failure(`the machine with pid ${running.pid} runs in ${shownPath(data)}`, {
      hint: 'stop it with tsvm stop: what its processes know of the tables would be wrong',
    });
  }
  const checked = await checkedFile(path);
  if (checked.problems.length > 0) {
    throw new Failure(`the backup is damaged: ${checked.problems[0]}`, {
      hint: `tsvm db check ${file} shows all`,
    });
  }
  await withClaim(data, () =>
    replaceDisc(databaseFolder(data), path, async (folder, segment) => {
      const store = new Store(folder, true);
      const commit = store.position()?.commit ?? 0;
      await store.apply(new Map(), { commit, place: { segment, offset: 0 } });
      await store.close();
    }),
  );
  print(`${counted(checked.tables, 'table')} with ${counted(checked.rows, 'row')} restored`);
}

async function check(data: string, [file]: readonly string[], { json }: Options): Promise<void> {
  const running = file === undefined ? await findMachine(data) : null;
  let checked: Checked;
  if (file !== undefined) checked = await checkedFile(resolve(file));
  else if (running === null) checked = await inProcess('data', data);
  else checked = await checkedCopy(data);
  if (json) print(JSON.stringify(checked));
  else for (const problem of checked.problems) print(problem);
  if (checked.problems.length > 0) {
    throw new Failure('the tables are damaged', {
      hint: 'tsvm db restore FILE brings back a backup; nothing was changed',
    });
  }
  if (json) return;
  print(`${counted(checked.tables, 'table')}, ${counted(checked.rows, 'row')}: no damage`);
  if (checked.commits > 0) print(`${counted(checked.commits, 'commit')} of the log to be applied`);
  if (checked.torn > 0) {
    print(`${counted(checked.torn, 'byte')} at the end of the log are no whole commit`);
  }
}

/** Of a machine that runs, a copy is checked: its files change. */
async function checkedCopy(data: string): Promise<Checked> {
  const folder = await mkdtemp(join(databaseFolder(data), 'check-'));
  try {
    const file = join(folder, 'data.mdb');
    await withDbMachine(data, (machine) => machine.ask('backup', { file }));
    return await inProcess('store', folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A store is a folder: a copy of the file gets one for as long as it is checked. */
async function checkedFile(file: string): Promise<Checked> {
  if (!existsSync(file)) throw new Failure(`there is no file ${shownPath(file)}`);
  const folder = await mkdtemp(`${file}.check-`);
  try {
    await copyFile(file, join(folder, 'data.mdb'), constants.COPYFILE_FICLONE);
    return await inProcess('store', folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function inProcess(what: 'store' | 'data', folder: string): Promise<Checked> {
  const script = fileURLToPath(new URL('./db-check-process.js', import.meta.url));
  return new Promise((done, failed) => {
    const child = fork(script, [what, folder], { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] });
    let text = '';
    child.stdout?.on('data', (part) => {
      text += String(part);
    });
    child.once('error', failed);
    child.once('close', (code, signal) => {
      try {
        done(JSON.parse(text) as Checked);
      } catch {
        const end = signal ?? `status ${code}`;
        const problem = `the store cannot be read: the process that tried ended with ${end}`;
        done({ rows: 0, tables: 0, problems: [problem], commits: 0, torn: 0 });
      }
    });
  });
}

async function compact(data: string, _: readonly string[], { json }: Options): Promise<void> {
  const sizes = (await onTables(data, (machine) => machine.ask('compact'))) as Sizes;
  if (json) print(JSON.stringify(sizes));
  else print(`${shownBytes(sizes.before)} before, ${shownBytes(sizes.after)} now`);
}

interface Sizes {
  readonly before: number;
  readonly after: number;
}

async function onTables<T>(data: string, use: (machine: DbMachine) => Promise<T>): Promise<T> {
  if (!existsSync(data)) {
    throw new Failure(`there is no data folder ${shownPath(data)}`, {
      hint: 'a machine makes it when it starts; --dir or --data say where it is',
    });
  }
  return await withDbMachine(data, use);
}

async function tablesOf(machine: DbMachine): Promise<readonly TableInfo[]> {
  return (await machine.ask('tables')) as readonly TableInfo[];
}

async function tableOf(machine: DbMachine, name: string): Promise<TableInfo> {
  const tables = await tablesOf(machine);
  const found = tables.find((table) => table.name === name);
  if (found !== undefined) return found;
  const names = tables.map((table) => table.name);
  const near = closest(name, names);
  throw new Failure(`there is no table ${name}`, {
    hint: near === undefined ? 'tsvm db list shows which there are' : `did you mean ${near}?`,
  });
}

function actionOf(word: string): string {
  if (ACTIONS.includes(word)) return word;
  const near = closest(word, ACTIONS);
  throw new InvalidArgumentError(
    near === undefined ? `Expected ${ACTIONS.join(', ')}.` : `Did you mean ${near}?`,
  );
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Who reads slowly is waited for. */
async function written(text: string): Promise<void> {
  if (process.stdout.write(`${text}\n`)) return;
  await new Promise((done) => process.stdout.once('drain', done));
}
