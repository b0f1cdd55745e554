/**
 * Embedded engine: the tables of one machine, as one of its schedulers reaches them.
 *
 * Reading is local: of the store, through memory that all threads share, and of the part of the log that
 * the store lacks. Committing is local too: certify, raise the versions, write one record to the log.
 * The storage thread follows behind: it brings the log into the store, and syncs it for who waits.
 *
 * The life of a commit:
 *  1. the records are encoded;
 *  2. the lock of the commit cells is taken, for some microseconds: versions are compared, then raised, the
 *     record is written to the log, TAIL is moved. From here on it has happened;
 *  3. the storage thread applies it to the store, with many others in one batch;
 *  4. a durable one waits until the storage thread has synced the log.
 */

import type { MessagePort } from 'node:worker_threads';
import { unreachable } from '../errors.js';
import type { FeedChange, Watch } from './change-feed.js';
import { CommitCells, type Place, type Side, type StopReason, stripeOf } from './commit-cells.js';
import type {
  Committed,
  Found,
  Scanned,
  ScanRange,
  SidedWrite,
  StorageEngine,
  Verdict,
} from './engine.js';
import { idOf } from './key-bytes.js';
import { isBefore, LogWriter } from './log-files.js';
import { encodeRecord, PUT, sealRecord } from './log-record.js';
import { LogTail } from './log-tail.js';
import { type SpaceSum, Store } from './store.js';

/** How much a log may be ahead of the store: bounds memory, disk and the time of a recovery. */
const AHEAD_BYTES: number = 64 * 1024 * 1024;
const SEGMENT_BYTES: number = 16 * 1024 * 1024;

/** Where the files of a machine's tables are. */
export interface StorageBoot {
  readonly cells: SharedArrayBuffer;
  /** Folder of what is kept; `null` for a machine without one. */
  readonly disc: string | null;
  /** Folder of what ends with the machine, in memory where there is a file system for it. */
  readonly ram: string;
  /** To the storage thread. */
  readonly port: MessagePort;
}

/** What schedulers tell the storage thread, and it them. */
export type ToStorage =
  | { readonly type: 'wake' }
  | { readonly type: 'sync'; readonly place: Place }
  | { readonly type: 'watch'; readonly id: number; readonly watch: Watch }
  | { readonly type: 'unwatch'; readonly id: number };
export interface WatchedChange {
  /** Of the watch. */
  readonly id: number;
  readonly change: FeedChange;
}
export type FromStorage =
  | { readonly type: 'synced'; readonly place: Place }
  | { readonly type: 'sync_failed'; readonly problem: string }
  | { readonly type: 'watching'; readonly id: number }
  | { readonly type: 'changed'; readonly changes: readonly WatchedChange[] };

/** Folders below that of a side. */
export function logFolder(folder: string): string {
  return `${folder}/log`;
}

export function storeFolder(folder: string, epoch: number): string {
  return `${folder}/store.${epoch}`;
}

interface Waiter {
  readonly place: Place;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

interface OpenWatch {
  readonly told: (change: FeedChange) => void;
  readonly begun: () => void;
  readonly failed: (error: Error) => void;
}

class SideFiles {
  readonly tail: LogTail;
  readonly writer: LogWriter;
  readonly #folder: string;
  readonly #cells: CommitCells;
  readonly #synced: boolean;
  #store: Store | null = null;
  #epoch = -1;

  constructor(cells: CommitCells, side: Side, folder: string) {
    this.#folder = folder;
    this.#cells = cells;
    this.#synced = side === 'disc';
    this.writer = new LogWriter(logFolder(folder));
    this.tail = new LogTail(cells, side, logFolder(folder), () => this.store);
  }

  get store(): Store {
    // Another file takes the place of the store when it was compacted or restored.
    const epoch = this.#synced ? this.#cells.epoch : 0;
    if (this.#store === null || epoch !== this.#epoch) {
      this.#store?.close().catch(() => {});
      this.#store = new Store(storeFolder(this.#folder, epoch), this.#synced);
      this.#epoch = epoch;
    }
    return this.#store;
  }
}

const seen: { version: number; segment: number; offset: number } = {
  version: 0,
  segment: 0,
  offset: 0,
};

export class EmbeddedEngine implements StorageEngine {
  readonly #cells: CommitCells;
  readonly #life: number;
  readonly #port: MessagePort;
  readonly #disc: SideFiles | null;
  readonly #ram: SideFiles;
  #waiting: Waiter[] = [];
  readonly #watches = new Map<number, OpenWatch>();
  #watchCount = 0;
  /** Why nobody answers any more: what is posted to a closed port is lost without a word. */
  #ended: Error | null = null;

  constructor(boot: StorageBoot, life: number) {
    this.#cells = new CommitCells(boot.cells);
    this.#life = life;
    this.#port = boot.port;
    this.#disc = boot.disc === null ? null : new SideFiles(this.#cells, 'disc', boot.disc);
    this.#ram = new SideFiles(this.#cells, 'ram', boot.ram);
    boot.port.on('message', (message: FromStorage) => this.#told(message));
    boot.port.on('close', () => this.#fail(new Error('the storage thread has ended')));
    boot.port.unref();
  }

  get hasDisc(): boolean {
    return this.#disc !== null;
  }

  get clock(): number {
    return this.#cells.gate;
  }

  stripeOf(key: Uint8Array): number {
    return stripeOf(key);
  }

  version(stripe: number): number {
    return this.#cells.version(stripe);
  }

  read(side: Side, key: Buffer, stripe: number): Found {
    const files = this.#files(side);
    for (;;) {
      this.#cells.look(stripe, side, seen);
      const { version } = seen;
      files.tail.catchUp(seen);
      const recent = files.tail.get(key);
      const value = recent === undefined ? (files.store.get(key) ?? null) : recent;
      if (this.#cells.version(stripe) === version) return { value, version };
    }
  }

  scan(side: Side, range: ScanRange, stripe: number): Scanned {
    const files = this.#files(side);
    this.#cells.look(stripe, side, seen);
    const { version } = seen;
    files.tail.catchUp(seen);
    const { from, to, limit, reverse } = range;
    const recent = files.tail.between(from, to);
    if (recent.length === 0) return { rows: files.store.scan(from, to, limit, reverse), version };
    const changed = new Set(recent.map(({ key }) => idOf(key)));
    const kept = files.store.scan(from, to, limit + changed.size, reverse);
    const rows: (readonly [Buffer, Buffer])[] = [];
    for (let index = 0; index < kept.length; index += 2) {
      const key = kept[index] as Buffer;
      if (!changed.has(idOf(key))) rows.push([key, kept[index + 1] as Buffer]);
    }
    for (const { kind, key, value } of recent) {
      if (kind === PUT) rows.push([key as Buffer, value as Buffer]);
    }
    rows.sort(([a], [b]) => (reverse ? b.compare(a) : a.compare(b)));
    return { rows: rows.slice(0, limit).flat(), version };
  }

  sum(side: Side, space: number): SpaceSum {
    const { store } = this.#files(side);
    store.renew();
    return store.sum(space);
  }

  commit(
    reads: ReadonlyMap<number, number>,
    writes: readonly SidedWrite[],
    raises: ReadonlySet<number>,
  ): Verdict {
    const cells = this.#cells;
    const { stopped } = cells;
    if (stopped !== null) return stopped;
    if (this.#isAhead('ram') || (this.#disc !== null && this.#isAhead('disc'))) return 'busy';
    const discWrites = writes.filter(({ side }) => side === 'disc');
    // The buffer that records are encoded in serves one at a time.
    const disc = discWrites.length === 0 ? null : Buffer.from(encodeRecord(discWrites));
    const ram =
      discWrites.length === writes.length
        ? null
        : encodeRecord(writes.filter(({ side }) => side === 'ram'));
    cells.lock(this.#life);
    try {
      for (const [stripe, version] of reads) {
        if (cells.version(stripe) !== version) return 'conflict';
      }
      return this.#publish(writes, raises, disc, ram);
    } catch (error) {
      return failureOf(error);
    } finally {
      cells.unlock();
      if (cells.mustWake()) this.#port.postMessage({ type: 'wake' } satisfies ToStorage);
    }
  }

  /** Inside the lock. */
  #publish(
    writes: readonly SidedWrite[],
    raises: ReadonlySet<number>,
    disc: Buffer | null,
    ram: Buffer | null,
  ): Committed {
    const cells = this.#cells;
    const commit = cells.commit + 1;
    for (const stripe of raises) cells.raise(stripe);
    for (const { stripe } of writes) cells.raise(stripe);
    const ramEnd = ram === null ? null : this.#append('ram', ram, commit);
    const discEnd = disc === null ? null : this.#append('disc', disc, commit);
    // Both are written: nothing can fail any more.
    if (ramEnd !== null) cells.setTail('ram', ramEnd);
    if (discEnd !== null) cells.setTail('disc', discEnd);
    cells.commit = commit;
    return {
      commit,
      disc: discEnd,
      versions: writes.map(({ stripe }) => cells.version(stripe)),
    };
  }

  #append(side: Side, record: Buffer, commit: number): Place {
    sealRecord(record, commit);
    return this.#files(side).writer.append(this.#cells.tail(side), record);
  }

  synced(place: Place): Promise<void> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const promise = new Promise<void>((done, failed) =>
      this.#waiting.push({ place, done, failed }),
    );
    this.#port.postMessage({ type: 'sync', place } satisfies ToStorage);
    return promise;
  }

  async watch(watch: Watch, told: OpenWatch['told']): Promise<() => void> {
    if (this.#ended !== null) throw this.#ended;
    this.#watchCount += 1;
    const id = this.#watchCount;
    const begun = new Promise<void>((done, failed) => {
      this.#watches.set(id, { told, begun: done, failed });
    });
    this.#port.postMessage({ type: 'watch', id, watch } satisfies ToStorage);
    await begun;
    return () => {
      if (!this.#watches.delete(id)) return;
      this.#port.postMessage({ type: 'unwatch', id } satisfies ToStorage);
    };
  }

  quieter(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 2));
  }

  #told(message: FromStorage): void {
    switch (message.type) {
      case 'sync_failed':
        this.#failSyncs(new Error(message.problem));
        return;
      case 'watching':
        this.#watches.get(message.id)?.begun();
        return;
      case 'changed':
        for (const { id, change } of message.changes) this.#watches.get(id)?.told(change);
        return;
      case 'synced':
        this.#syncedTo(message.place);
        return;
      default:
        unreachable(message);
    }
  }

  #syncedTo(end: Place): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ place }) => isBefore(end, place));
    for (const { place, done } of waiting) if (!isBefore(end, place)) done();
  }

  #fail(error: Error): void {
    this.#ended = error;
    this.#failSyncs(error);
    for (const { failed } of this.#watches.values()) failed(error);
  }

  #failSyncs(error: Error): void {
    for (const { failed } of this.#waiting.splice(0)) failed(error);
  }

  #isAhead(side: Side): boolean {
    const tail = this.#cells.tail(side);
    const applied = this.#cells.applied(side);
    const ahead = (tail.segment - applied.segment) * SEGMENT_BYTES + tail.offset - applied.offset;
    return ahead > AHEAD_BYTES;
  }

  #files(side: Side): SideFiles {
    if (side === 'ram') return this.#ram;
    if (this.#disc !== null) return this.#disc;
    throw new Error('this machine has no data folder');
  }
}

function failureOf(error: unknown): StopReason {
  const { code } = error as NodeJS.ErrnoException;
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(String(code)) ? 'disk_full' : 'disk_failed';
}
