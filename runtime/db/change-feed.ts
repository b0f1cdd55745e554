/**
 * Change feed: tells schedulers what was changed in tables that somebody watches. Runs on the storage thread,
 * which reads both logs anyway.
 *
 * Invariants:
 *  1. A change is told when it is in the store: on disc that is synced, so nobody hears of what a power
 *     cut takes back.
 *  2. Changes are told in the order of the commits, over both logs: what one log is ahead of the other waits.
 *  3. A watcher is told of the commits after it was added, of each; it is added between two reads of a log.
 *
 * A table is followed by its name: what the catalog says of it is in the logs too, so its rows may move to other
 * spaces, or to the other side.
 *
 * Source: OTP, module `mnesia`, `subscribe/1`.
 */

import type { Side } from './commit-cells.js';
import { type CatalogEntry, catalogOf } from './definition.js';
import { keyBytes } from './key-bytes.js';
import { CLEAR, PUT, type Write } from './log-record.js';
import { decodeValue } from './value-bytes.js';

/** A row that was put or deleted. Values as they are kept, with their checksums. */
export interface RowChange {
  readonly event: 'row';
  readonly commit: number;
  /** `null`: deleted. */
  readonly value: Uint8Array | null;
  /** What was there before; `null` for nothing, and where it was not asked for. */
  readonly before: Uint8Array | null;
}

/** What `migrate` made of the table. */
export interface TableMigrated {
  readonly event: 'migrated';
  readonly commit: number;
  readonly version: number;
  readonly key: string | readonly string[];
}

/** The table is no more; nothing follows. */
export interface TableDropped {
  readonly event: 'dropped';
  readonly commit: number;
}

export type FeedChange = RowChange | TableMigrated | TableDropped;

/** What somebody wants to be told of. */
export interface Watch {
  readonly table: string;
  /** Where the rows of the table are now. */
  readonly space: number;
  /** What was there before is told too. */
  readonly detailed: boolean;
}

interface Watcher {
  readonly watch: Watch;
  space: number;
  readonly since: number;
  readonly tell: (change: FeedChange) => void;
}

interface Collected {
  readonly commit: number;
  readonly space: number;
  readonly value: Uint8Array | null;
  readonly before: Uint8Array | null;
  /** For rows of the catalog. */
  readonly table: string | null;
  readonly entry: CatalogEntry | null;
}

/** What was there before a write; looked up only when somebody wants it. */
export type Before = () => Uint8Array | null;

export class ChangeFeed {
  readonly #watchers = new Set<Watcher>();
  /** The names that are watched, with the bytes of their keys in the catalogs, as Latin-1. */
  readonly #catalogKeys = new Map<string, string>();
  readonly #spaces = new Set<number>();
  readonly #onFlushed: () => void;
  #collected: Collected[] = [];

  /** @param onFlushed called behind the changes of each flush */
  constructor(onFlushed: () => void) {
    this.#onFlushed = onFlushed;
  }

  /** Does anybody watch anything? */
  get isActive(): boolean {
    return this.#watchers.size > 0;
  }

  /** @param since the last commit that is not told @returns ends it */
  add(watch: Watch, since: number, tell: Watcher['tell']): () => void {
    const watcher: Watcher = { watch, space: watch.space, since, tell };
    this.#watchers.add(watcher);
    this.#look();
    return () => this.#remove(watcher);
  }

  /** A write was read from a log. */
  collect(side: Side, write: Write, commit: number, before: Before): void {
    const { kind, key, value } = write;
    if (kind === CLEAR) return;
    const bytes = key as Buffer;
    const space = bytes.readUInt32BE(0);
    if (space === catalogOf(side)) this.#collectEntry(write, commit);
    else if (this.#spaces.has(space)) {
      const isPut = kind === PUT;
      const old = !isPut || this.#wantsBefore(space) ? before() : null;
      // Nothing has changed.
      if (!isPut && old === null) return;
      const own = isPut ? new Uint8Array(value) : null;
      this.#collected.push({ commit, space, value: own, before: old, table: null, entry: null });
    }
  }

  /** Tell what was collected up to a commit; both stores hold it. */
  flush(upTo: number): void {
    if (this.#collected.length === 0) return;
    const ready = this.#collected.filter(({ commit }) => commit <= upTo);
    if (ready.length === 0) return;
    this.#collected = this.#collected.filter(({ commit }) => commit > upTo);
    // Stable: within a commit the order of its writes stays.
    ready.sort((a, b) => a.commit - b.commit);
    for (const change of ready) {
      for (const watcher of [...this.#watchers]) {
        if (change.commit > watcher.since) this.#tell(watcher, change, ready);
      }
    }
    this.#onFlushed();
  }

  #tell(watcher: Watcher, change: Collected, ready: readonly Collected[]): void {
    const { watch, tell } = watcher;
    const { commit, space, value, before, table, entry } = change;
    if (table === null) {
      if (space !== watcher.space) return;
      const told = watch.detailed || value === null ? before : null;
      tell({ event: 'row', commit, value, before: told });
    } else if (table !== watch.table) return;
    else if (entry !== null) {
      if (entry.space === watcher.space) return;
      watcher.space = entry.space;
      tell({ event: 'migrated', commit, version: entry.version, key: entry.key });
    } else if (!isMove(change, ready)) {
      this.#remove(watcher);
      tell({ event: 'dropped', commit });
    }
  }

  #collectEntry({ kind, key, value }: Write, commit: number): void {
    const table = this.#catalogKeys.get((key as Buffer).toString('latin1'));
    if (table === undefined) return;
    const entry = kind === PUT ? (decodeValue(value as Buffer) as CatalogEntry) : null;
    // From here on its log may hold rows of it in another space.
    if (entry !== null) this.#spaces.add(entry.space);
    this.#collected.push({ commit, space: 0, value: null, before: null, table, entry });
  }

  #wantsBefore(space: number): boolean {
    for (const watcher of this.#watchers) {
      // A table that moves: its new space is nobody's yet.
      if (watcher.watch.detailed && (watcher.space === space || !this.#isWatched(space)))
        return true;
    }
    return false;
  }

  #isWatched(space: number): boolean {
    for (const watcher of this.#watchers) if (watcher.space === space) return true;
    return false;
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size === 0) this.#collected = [];
    this.#look();
  }

  #look(): void {
    this.#catalogKeys.clear();
    // A space that is collected for a table on the move stays until nobody watches any table.
    if (this.#watchers.size === 0) this.#spaces.clear();
    for (const { watch, space } of this.#watchers) {
      this.#spaces.add(space);
      for (const side of ['disc', 'ram'] as const) {
        const key = keyBytes(catalogOf(side), 'table', watch.table);
        this.#catalogKeys.set(key.toString('latin1'), watch.table);
      }
    }
  }
}

/** Another storage: the row of the catalog goes from one side to the other, in one commit. */
function isMove({ commit, table }: Collected, ready: readonly Collected[]): boolean {
  return ready.some(
    (other) => other.commit === commit && other.table === table && other.entry !== null,
  );
}
