/**
 * Storage writer: what the storage thread does. It brings the logs into the stores, syncs the log for
 * who waits, and deletes what is not needed any more.
 *
 * Invariants:
 *  1. APPLIED moves when the batch is in the store, and a disc batch is in the store when it is synced.
 *  2. Batches are applied one after the other, and none while another store is put in place: the sums of
 *     the second are made from those of the first.
 *  3. A segment is deleted when nothing of it is ahead of APPLIED, and one more is kept, for who is just
 *     about to open it.
 */

import { closeSync, fdatasync, fsync, openSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ChangeFeed } from './change-feed.js';
import type { CommitCells, Place, Side } from './commit-cells.js';
import { logFolder } from './embedded-engine.js';
import { idOf } from './key-bytes.js';
import { isBefore, LogReader, segmentPath, segmentsIn } from './log-files.js';
import { PUT, type Write } from './log-record.js';
import type { Store } from './store.js';

const syncData: (file: number) => Promise<void> = promisify(fdatasync);
const syncAll: (file: number) => Promise<void> = promisify(fsync);
/** Nobody waits for the store, so commits are collected: larger batches cost less. */
const COLLECT_MS = 5;
const HURRY_BYTES: number = 256 * 1024;
const BATCH_BYTES: number = 4 * 1024 * 1024;
const RETRY_MS = 200;

export interface WriterEvents {
  /** Given each write, and told when it is in the store. */
  readonly feed: ChangeFeed;
  /** The disk fails, or works again. */
  readonly onProblem: (problem: string) => void;
}

class AppliedSide {
  readonly side: Side;
  readonly folder: string;
  readonly reader: LogReader;
  store: Store;
  /** The last commit that was read from the log. */
  commit = 0;

  constructor(side: Side, folder: string, store: Store, place: Place) {
    this.side = side;
    this.folder = folder;
    this.store = store;
    this.reader = new LogReader(logFolder(folder), place);
  }
}

export class StorageWriter {
  readonly #cells: CommitCells;
  readonly #events: WriterEvents;
  readonly #sides: AppliedSide[] = [];
  #pumping: Promise<void> | null = null;
  /** The end of what is done to the stores; see invariant 2. */
  #turn: Promise<unknown> = Promise.resolve();
  /** What the disk said when it took no batch; `null` when it takes them. */
  #problem: string | null = null;
  #syncing: Promise<void> | null = null;
  #synced: Place = { segment: 0, offset: 0 };
  #folderSynced = -1;
  #waiting: { readonly place: Place; readonly done: (place: Place | string) => void }[] = [];
  #closed = false;

  constructor(cells: CommitCells, events: WriterEvents) {
    this.#cells = cells;
    this.#events = events;
  }

  /** Take over a side whose store and log are in order; its log begins a new segment. */
  add(side: Side, folder: string, store: Store, segment: number): void {
    const place = { segment, offset: 0 };
    closeSync(openSync(segmentPath(logFolder(folder), segment), 'a', 0o600));
    this.#cells.setTail(side, place);
    this.#cells.setApplied(side, place);
    if (side === 'disc') this.#synced = place;
    this.#sides.push(new AppliedSide(side, folder, store, place));
    this.#tidy(folder, segment);
  }

  /** There is something in a log. */
  wake(): void {
    this.#cells.wakeUp();
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = null;
    });
  }

  /**
   * Bring everything that was committed before the call into the stores.
   *
   * @throws when the disk does not take it now
   */
  async drain(): Promise<void> {
    const ends = this.#cells.tails();
    const lacks = ({ side }: AppliedSide): boolean =>
      isBefore(this.#cells.applied(side), ends[side]);
    while (this.#sides.some(lacks)) {
      await Promise.race([this.#applyAll(), delay(RETRY_MS)]);
      if (this.#problem !== null) throw new Error(this.#problem);
    }
  }

  /** `done` is told how far the log is synced, once that is `place`, or what went wrong. */
  sync(place: Place, done: (place: Place | string) => void): void {
    this.#waiting.push({ place, done });
    this.#syncing ??= this.#syncLoop().finally(() => {
      this.#syncing = null;
    });
  }

  store(side: Side): Store | undefined {
    return this.#sides.find((each) => each.side === side)?.store;
  }

  /**
   * Put another store in place of the disc's; `make` is called while nothing is applied, and gives it its
   * folder. Commits go on meanwhile.
   */
  async replace(make: (store: Store, epoch: number) => Promise<Store>): Promise<void> {
    const disc = this.#sides.find(({ side }) => side === 'disc');
    if (disc === undefined) throw new Error('this machine has no data folder');
    await this.#alone(async () => {
      const old = disc.store;
      disc.store = await make(old, this.#cells.epoch + 1);
      this.#cells.nextEpoch();
      await old.close();
    });
  }

  /** Everything is in the store when it resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cells.stopped = 'stopped';
    await this.drain().catch(() => {});
    await this.#pumping?.catch(() => {});
    await this.#turn;
    await this.#syncing;
    for (const { store, reader } of this.#sides) {
      reader.close();
      await store.close();
    }
  }

  async #pump(): Promise<void> {
    for (;;) {
      if (this.#isBehind()) {
        if (!this.#events.feed.isActive && !this.#mustHurry()) await delay(COLLECT_MS);
        await this.#applyAll();
        continue;
      }
      this.#cells.fallAsleep();
      // Who commits from now on sends a message; who has done so before is seen here.
      if (!this.#isBehind()) return;
      this.#cells.wakeUp();
    }
  }

  #alone(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #applyAll(): Promise<void> {
    return this.#alone(() => this.#applyRound());
  }

  async #applyRound(): Promise<void> {
    const ends = this.#cells.tails();
    let upTo = ends.commit;
    for (const side of this.#sides) {
      const end = ends[side.side];
      await this.#apply(side, end);
      if (isBefore(side.reader.place, end)) upTo = Math.min(upTo, side.commit);
    }
    this.#events.feed.flush(upTo);
  }

  async #apply(side: AppliedSide, end: Place): Promise<void> {
    if (!isBefore(side.reader.place, end)) return;
    const batch = new Map<string, Write>();
    const from = side.reader.place;
    const { feed } = this.#events;
    if (feed.isActive) side.store.renew();
    side.reader.readTo(end, BATCH_BYTES, (write, commit) => {
      const id = idOf(write.key);
      if (feed.isActive) {
        feed.collect(side.side, write, commit, () => before(batch.get(id), side.store, write));
      }
      batch.set(id, write);
      side.commit = commit;
    });
    const { place } = side.reader;
    const last = side.commit;
    for (;;) {
      try {
        await side.store.apply(batch, { commit: last, place });
        this.#problem = null;
        break;
      } catch (error) {
        this.#problem = (error as Error).message;
        this.#events.onProblem(this.#problem);
        if (this.#closed) throw error;
        // A full disk may get room again; until then the log grows, within its bound.
        await delay(RETRY_MS);
      }
    }
    this.#cells.setApplied(side.side, place);
    if (place.segment !== from.segment) this.#tidy(side.folder, place.segment - 1);
  }

  #isBehind(): boolean {
    const ends = this.#cells.tails();
    return this.#sides.some(({ side, reader }) => isBefore(reader.place, ends[side]));
  }

  #mustHurry(): boolean {
    const ends = this.#cells.tails();
    return this.#sides.some(({ side, reader }) => {
      const end = ends[side];
      return end.segment !== reader.place.segment || end.offset - reader.place.offset > HURRY_BYTES;
    });
  }

  #tidy(folder: string, before: number): void {
    const log = logFolder(folder);
    for (const segment of segmentsIn(log)) {
      if (segment < before) rmSync(segmentPath(log, segment), { force: true });
    }
  }

  async #syncLoop(): Promise<void> {
    const disc = this.#sides.find(({ side }) => side === 'disc');
    while (this.#waiting.length > 0 && disc !== undefined) {
      const { disc: target } = this.#cells.tails();
      let answer: Place | string = target;
      try {
        await this.#syncTo(logFolder(disc.folder), target);
      } catch (error) {
        // What a failed sync has dropped, a later one would not bring: nothing may be acknowledged now.
        this.#cells.stopped = 'disk_failed';
        answer = `the log cannot be synced: ${(error as Error).message}`;
        this.#events.onProblem(answer);
      }
      const waiting = this.#waiting;
      this.#waiting = waiting.filter(({ place }) => isBefore(target, place));
      for (const { place, done } of waiting) if (!isBefore(target, place)) done(answer);
    }
  }

  async #syncTo(log: string, target: Place): Promise<void> {
    for (let { segment } = this.#synced; segment <= target.segment; segment++) {
      let file: number;
      try {
        file = openSync(segmentPath(log, segment), 'r+');
      } catch (error) {
        // Deleted as it is in the store, which is synced.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT' && segment < target.segment)
          continue;
        throw error;
      }
      try {
        await syncData(file);
      } finally {
        closeSync(file);
      }
    }
    if (this.#folderSynced !== target.segment) {
      const folder = openSync(log, 'r');
      try {
        await syncAll(folder);
      } finally {
        closeSync(folder);
      }
      this.#folderSynced = target.segment;
    }
    this.#synced = target;
  }
}

/** A row before a write: as the batch has it, or the store, which holds all that was before the batch. */
function before(earlier: Write | undefined, store: Store, { key }: Write): Uint8Array | null {
  const found =
    earlier === undefined ? store.get(key as Buffer) : earlier.kind === PUT ? earlier.value : null;
  return found == null ? null : new Uint8Array(found);
}
