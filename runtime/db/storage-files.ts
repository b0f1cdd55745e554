/**
 * Storage files: where the tables of a machine are, below its data folder.
 *
 *   db/format.json    {"format":1,"epoch":3}: which layout this is, and which store counts
 *   db/store.3/       the store: data.mdb is the file of LMDB
 *   db/log/           what is committed; see log-files.ts
 *
 * Tables in RAM have the same below a folder of their own, which ends with the machine.
 *
 * Invariant: `format.json` is replaced by renaming, after what it names is synced: it always names a
 * whole store.
 */

import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logFolder, storeFolder } from './embedded-engine.js';
import { segmentPath, segmentsIn } from './log-files.js';

const FORMAT = 1;
const RAM_ROOTS: readonly string[] = ['/dev/shm'];
const RAM_BYTES_MIN: number = 512 * 1024 * 1024;

/** The folder cannot be used for tables, and what to do about it. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly reason: 'newer_format' | 'unusable' | 'damaged';

  constructor(reason: StorageError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export function databaseFolder(data: string): string {
  return join(data, 'db');
}

/** Where this process keeps what it checks. */
export function checkFolder(folder: string): string {
  return join(folder, `check.${process.pid}`);
}

/** Make what is not there. @returns which store counts @throws StorageError */
export function prepareDisc(folder: string): number {
  try {
    mkdirSync(logFolder(folder), { recursive: true, mode: 0o700 });
    const epoch = readEpoch(folder) ?? writeEpoch(folder, 1);
    mkdirSync(storeFolder(folder, epoch), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) {
      // Left by a replacement, a check or an import that did not come to its end.
      const isOld = name.startsWith('store.') && name !== `store.${epoch}`;
      const [what = '', pid] = name.split('.');
      const isLeft = ['check', 'import'].includes(what) && !isAlive(Number(pid));
      if (isOld || isLeft) rmSync(join(folder, name), { recursive: true, force: true });
    }
    return epoch;
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError(
      'unusable',
      `expected a folder for tables that can be written, ${folder}: ${(error as Error).message}`,
    );
  }
}

/** @returns `undefined` where there are no tables @throws StorageError */
export function readEpoch(folder: string): number | undefined {
  const file = join(folder, 'format.json');
  if (!existsSync(file)) return undefined;
  let found: { readonly format?: unknown; readonly epoch?: unknown };
  try {
    found = JSON.parse(readFileSync(file, 'utf8')) as typeof found;
  } catch {
    throw new StorageError('damaged', `${file} is damaged: expected {"format":…,"epoch":…}`);
  }
  if (typeof found.format !== 'number' || typeof found.epoch !== 'number') {
    throw new StorageError('damaged', `${file} is damaged: expected {"format":…,"epoch":…}`);
  }
  if (found.format > FORMAT) {
    throw new StorageError(
      'newer_format',
      `the tables in ${folder} were written by a newer tsvm (format ${found.format}, this one knows ${FORMAT}): use that one`,
    );
  }
  return found.epoch;
}

export function writeEpoch(folder: string, epoch: number): number {
  const file = join(folder, 'format.json');
  const fresh = `${file}.new`;
  const out = openSync(fresh, 'w', 0o600);
  writeSync(out, `${JSON.stringify({ format: FORMAT, epoch })}\n`);
  fsyncSync(out);
  closeSync(out);
  renameSync(fresh, file);
  syncFolder(folder);
  return epoch;
}

export function syncFolder(folder: string): void {
  syncFile(folder);
}

export function syncFile(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Put a backup in place of the tables of a folder that no machine uses.
 *
 * @param place how the store says where it stands; given the folder of the store
 */
export async function replaceDisc(
  folder: string,
  file: string,
  place: (store: string, segment: number) => Promise<void>,
): Promise<void> {
  mkdirSync(logFolder(folder), { recursive: true, mode: 0o700 });
  const epoch = (readEpoch(folder) ?? 0) + 1;
  const store = storeFolder(folder, epoch);
  mkdirSync(store, { recursive: true, mode: 0o700 });
  copyFileSync(file, join(store, 'data.mdb'));
  const segments = segmentsIn(logFolder(folder));
  const segment = (segments.at(-1) ?? 0) + 1;
  await place(store, segment);
  closeSync(openSync(segmentPath(logFolder(folder), segment), 'a', 0o600));
  syncFile(join(store, 'data.mdb'));
  syncFolder(store);
  syncFolder(logFolder(folder));
  writeEpoch(folder, epoch);
  // From here on the backup counts: what was before is not needed any more.
  for (const old of segments) rmSync(segmentPath(logFolder(folder), old), { force: true });
  prepareDisc(folder);
}

/** An empty folder for tables in RAM. Those that machines left which were killed are taken away. */
export function makeRam(): string {
  const root = join(ramRoot(), `tsvm-ram-${process.getuid?.() ?? 'user'}`);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root)) {
    if (!isAlive(Number(name.split('.')[0])))
      rmSync(join(root, name), { recursive: true, force: true });
  }
  for (let number = 1; ; number++) {
    const folder = join(root, `${process.pid}.${number}`);
    if (existsSync(folder)) continue;
    mkdirSync(logFolder(folder), { recursive: true, mode: 0o700 });
    mkdirSync(storeFolder(folder, 0), { mode: 0o700 });
    return folder;
  }
}

/** A file system in memory; without one, files that are never synced. */
function ramRoot(): string {
  for (const root of RAM_ROOTS) {
    try {
      const { bavail, bsize } = statfsSync(root);
      if (bavail * bsize >= RAM_BYTES_MIN) return root;
    } catch {
      // There is none here.
    }
  }
  return tmpdir();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
