/** Copies of tables, as files: `backup`, `restore`, `check` of what is there or of a copy, `compact`. */

import { fork } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkFolder, databaseFolder, replaceDisc } from '../runtime/db/storage-files.js';
import { Store } from '../runtime/db/store.js';
import type { Verified } from '../runtime/db/verify.js';
import { findMachine } from '../runtime/vm/data-folder.js';
import type { Checked } from './db-check-process.js';
import { withStopped } from './db-machine.js';
import { type DbOptions, onTables, print } from './db-tables.js';
import { Failure } from './failure.js';
import { counted, shownBytes, shownPath } from './terminal.js';

export async function backup(
  data: string,
  [file = '']: readonly string[],
  { json }: DbOptions,
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

export async function restore(
  data: string,
  [file = '']: readonly string[],
  _: DbOptions,
): Promise<void> {
  const path = resolve(file);
  if (!existsSync(path)) throw new Failure(`there is no file ${shownPath(path)}`);
  const running = await findMachine(data);
  if (running !== null) {
    throw new Failure(
      `tables cannot be restored while their machine runs: that with pid ${running.pid} runs in ${shownPath(data)}`,
      { hint: 'stop it with tsvm stop; to add records to what is there, tsvm db import works now' },
    );
  }
  const checked = await checkedFile(path);
  if (checked.problems.length > 0) {
    throw new Failure(`the backup is damaged: ${checked.problems[0]}`, {
      hint: `tsvm db check ${file} shows all`,
    });
  }
  await withStopped(data, () =>
    replaceDisc(databaseFolder(data), path, async (folder, segment) => {
      const store = new Store(folder, true);
      const commit = store.position()?.commit ?? 0;
      await store.apply(new Map(), { commit, place: { segment, offset: 0 } });
      await store.close();
    }),
  );
  print(`${counted(checked.tables, 'table')} with ${counted(checked.rows, 'row')} restored`);
}

export async function check(
  data: string,
  [file]: readonly string[],
  { json }: DbOptions,
): Promise<void> {
  const running = file === undefined ? await findMachine(data) : null;
  let checked: Checked;
  if (file !== undefined) checked = await checkedFile(resolve(file));
  else if (running === null) checked = await checkedStopped(data);
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

async function checkedStopped(data: string): Promise<Checked> {
  if (!existsSync(databaseFolder(data))) return await inProcess('data', data);
  return await withStopped(data, () => inProcess('data', data));
}

/** Of a machine that runs, a copy is checked, page by page as it is: its files change. */
async function checkedCopy(data: string): Promise<Checked> {
  const folder = await mkdtemp(`${checkFolder(databaseFolder(data))}.`);
  try {
    const file = join(folder, 'data.mdb');
    await onTables(data, (machine) => machine.ask('backup', { file, raw: true }));
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

export async function compact(
  data: string,
  _: readonly string[],
  { json }: DbOptions,
): Promise<void> {
  const sizes = (await onTables(data, (machine) => machine.ask('compact'))) as Sizes;
  if (json) print(JSON.stringify(sizes));
  else print(`${shownBytes(sizes.before)} before, ${shownBytes(sizes.after)} now`);
}

interface Sizes {
  readonly before: number;
  readonly after: number;
}
