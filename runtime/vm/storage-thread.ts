/**
 * Storage thread: the one thread that writes to the stores. It is never terminated while it runs, as
 * that could take the whole program down in the middle of a native write; it ends when it is asked to.
 */

import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ChangeFeed, type FeedChange } from '../db/change-feed.js';
import { CommitCells } from '../db/commit-cells.js';
import {
  type FromStorage,
  logFolder,
  storeFolder,
  type ToStorage,
  type WatchedChange,
} from '../db/embedded-engine.js';
import { recover } from '../db/recovery.js';
import {
  prepareDisc,
  StorageError,
  syncFile,
  syncFolder,
  writeEpoch,
} from '../db/storage-files.js';
import { StorageWriter } from '../db/storage-writer.js';
import { Store } from '../db/store.js';
import {
  headerProblem,
  lengthProblem,
  type Verified,
  verifyInParts,
  verifyStore,
} from '../db/verify.js';
import { unreachable } from '../errors.js';
import type {
  StorageAnswer,
  StorageQuestion,
  StorageRequest,
  StorageThreadBoot,
} from './storage-protocol.js';

// Of a batch that the disk does not take, `lmdb` rejects a promise that nobody was given, too, and prints the reason
// at each try. Whoever waits for the batch is told by theirs, and says it once.
process.on('unhandledRejection', (reason) => {
  if (!(reason instanceof Error && 'commitError' in reason)) throw reason;
});
Object.assign(console, { error: () => {} });

const host = parentPort as MessagePort;
const boot = workerData as StorageThreadBoot;
const cells: CommitCells = new CommitCells(boot.cells);
const ports: Map<number, MessagePort> = new Map();
/** By port, then by the number that its scheduler gave. */
const watches: Map<MessagePort, Map<number, () => void>> = new Map();
const feed: ChangeFeed = new ChangeFeed(sendChanges);
/** What is to be told, by port. */
const outbox: Map<MessagePort, WatchedChange[]> = new Map();
const writer: StorageWriter = new StorageWriter(cells, {
  feed,
  onProblem: saidOnce(),
});

function tell(answer: StorageAnswer): void {
  host.postMessage(answer);
}

function saidOnce(): (problem: string) => void {
  let last = '';
  return (problem) => {
    if (problem === last) return;
    last = problem;
    tell({ type: 'warn', text: `tables cannot be written to the disk: ${problem}` });
  };
}

async function start(): Promise<void> {
  if (boot.disc !== null) {
    const epoch = prepareDisc(boot.disc);
    while (cells.epoch < epoch) cells.nextEpoch();
    const folder = storeFolder(boot.disc, epoch);
    const overwritten = headerProblem(folder);
    if (overwritten !== null) throw damaged(boot.disc, overwritten);
    const store = new Store(folder, true);
    const problem = lengthProblem(store, folder) ?? firstProblem(store);
    if (problem !== null) throw damaged(boot.disc, problem);
    const found = await recover(store, logFolder(boot.disc));
    if (found.torn !== null) {
      const { bytes, file, kept } = found.torn;
      const text = `the last ${bytes} bytes of ${file} were no whole commit, and are in ${kept} now`;
      tell({ type: 'warn', text });
    }
    cells.commit = found.commit;
    writer.add('disc', boot.disc, store, found.segment);
  }
  writer.add('ram', boot.ram, new Store(storeFolder(boot.ram, 0), false), 1);
}

/** What is read in a second or so; larger stores are verified by `tsvm db check` alone. */
const VERIFIED_BYTES: number = 256 * 1024 * 1024;

function firstProblem(store: Store): string | null {
  if (store.bytesUsed > VERIFIED_BYTES) return null;
  return verifyStore(store, false).problems[0] ?? null;
}

function damaged(folder: string, problem: string): StorageError {
  return new StorageError(
    'damaged',
    `the tables in ${folder} are damaged: ${problem}; tsvm db check shows all, tsvm db restore brings back a backup`,
  );
}

async function answer(request: StorageRequest): Promise<unknown> {
  switch (request.op) {
    case 'attach':
      attach(request.life, request.port);
      return null;
    case 'detach':
      detach(request.life);
      return null;
    case 'backup':
      return await inTurn(() => backup(request.file, request.raw));
    case 'compact':
      return await inTurn(compact);
    case 'close':
      isClosing = true;
      await turn;
      await writer.close();
      for (const port of ports.values()) port.close();
      rmSync(boot.ram, { recursive: true, force: true });
      return null;
  }
}

/** Copies are made one after the other: two that put another store in place would lose one. */
let turn: Promise<unknown> = Promise.resolve();
let isClosing = false;

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = turn.then(() => {
    if (isClosing) throw new Error('the machine is stopping');
    return work();
  });
  turn = mine.catch(() => {});
  return mine;
}

/** @returns what was copied, verified unless it is `raw` */
async function backup(file: string, raw: boolean): Promise<Verified> {
  const store = discStore();
  await writer.drain();
  const folder = `${file}.part`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    await store.copyTo(folder, !raw);
    const verified = raw ? NOT_VERIFIED : await verifiedCopy(folder);
    syncFile(join(folder, 'data.mdb'));
    renameSync(join(folder, 'data.mdb'), file);
    syncFolder(dirname(file));
    return verified;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const NOT_VERIFIED: Verified = { rows: 0, tables: 0, problems: [] };

async function verifiedCopy(folder: string): Promise<Verified> {
  const copy = new Store(folder, true);
  try {
    return await verifyInParts(copy, () => !isClosing);
  } finally {
    await copy.close();
  }
}

async function compact(): Promise<{ readonly before: number; readonly after: number }> {
  const folder = boot.disc;
  if (folder === null) throw new StorageError('unusable', 'this machine has no data folder');
  await writer.drain();
  const before = statSync(join(storeFolder(folder, cells.epoch), 'data.mdb')).size;
  await writer.replace(async (store, epoch) => {
    const fresh = storeFolder(folder, epoch);
    try {
      mkdirSync(fresh, { recursive: true, mode: 0o700 });
      await store.copyTo(fresh, true);
      syncFile(join(fresh, 'data.mdb'));
      syncFolder(fresh);
      const made = new Store(fresh, true);
      writeEpoch(folder, epoch);
      return made;
    } catch (error) {
      // The old one counts; what was made of the new one only takes room.
      rmSync(fresh, { recursive: true, force: true });
      throw error;
    }
  });
  for (const name of readdirSync(folder)) {
    // Who still reads the old file keeps it until it looks again.
    if (name.startsWith('store.') && name !== `store.${cells.epoch}`) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
  return { before, after: statSync(join(storeFolder(folder, cells.epoch), 'data.mdb')).size };
}

function discStore(): Store {
  const store = writer.store('disc');
  if (store !== undefined) return store;
  throw new StorageError('unusable', 'this machine has no data folder');
}

function attach(life: number, port: MessagePort): void {
  ports.set(life, port);
  port.on('message', (message: ToStorage) => asked(port, message));
  // What was committed before the port was there.
  writer.wake();
}

/** One message for all: what several watches of a scheduler see keeps its order. */
function sendChanges(): void {
  for (const [port, changes] of outbox) {
    port.postMessage({ type: 'changed', changes } satisfies FromStorage);
  }
  outbox.clear();
}

function detach(life: number): void {
  const port = ports.get(life);
  if (port === undefined) return;
  for (const end of watches.get(port)?.values() ?? []) end();
  watches.delete(port);
  ports.delete(life);
  port.close();
}

function asked(port: MessagePort, message: ToStorage): void {
  const reply = (told: FromStorage): void => port.postMessage(told);
  switch (message.type) {
    case 'wake':
      writer.wake();
      return;
    case 'sync':
      writer.sync(message.place, (result) => {
        const isFailure = typeof result === 'string';
        reply(
          isFailure ? { type: 'sync_failed', problem: result } : { type: 'synced', place: result },
        );
      });
      return;
    case 'watch': {
      const { id, watch } = message;
      const own = watches.get(port) ?? new Map<number, () => void>();
      watches.set(port, own);
      // What is read from the logs from now on is of later commits, or of some that are not told.
      const tell = (change: FeedChange): void => {
        const changes = outbox.get(port);
        if (changes === undefined) outbox.set(port, [{ id, change }]);
        else changes.push({ id, change });
      };
      own.set(id, feed.add(watch, cells.tails().commit, tell));
      reply({ type: 'watching', id });
      return;
    }
    case 'unwatch':
      watches.get(port)?.get(message.id)?.();
      watches.get(port)?.delete(message.id);
      return;
    default:
      unreachable(message);
  }
}

host.on('message', async ({ id, request }: StorageQuestion) => {
  try {
    await ready;
    tell({ type: 'answer', id, value: await answer(request) });
  } catch (error) {
    const { name, message } = error as Error;
    tell({ type: 'failed', id, name, message });
  }
  if (request.op === 'close') host.close();
});
const ready: Promise<void> = start();
ready.catch(() => {});
