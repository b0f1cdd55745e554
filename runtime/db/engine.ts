/**
 * Engine: where the rows of tables are, as transactions see it.
 *
 * A transaction reads rows with their versions, collects writes, and asks the engine to commit: reads
 * as (stripe, version), writes as (key, value). The engine certifies in one total order over the machine
 * and applies what it has accepted; nothing in that depends on who asks or when. So an engine that
 * replicates the order to other machines, and certifies there, can stand in this place.
 *
 * `test/db/engine-contract.ts` is the contract; each engine runs it.
 *
 * Source: DESIGN §10; Kung and Robinson, "On Optimistic Methods for Concurrency Control" (1981).
 */

import type { FeedChange, Watch } from './change-feed.js';
import type { Place, Side, StopReason } from './commit-cells.js';
import type { Write } from './log-record.js';
import type { SpaceSum } from './store.js';

export interface ScanRange {
  /** The first key. */
  readonly from: Buffer;
  /** The first key that is not in it. */
  readonly to: Buffer;
  readonly limit: number;
  /** From the last one on downwards. */
  readonly reverse: boolean;
}

export interface Scanned {
  /** Keys and values in turn. */
  readonly rows: readonly Buffer[];
  /** Of the stripe. As long as it is the same, the rows are. */
  readonly version: number;
}

/** A row as somebody found it. */
export interface Found {
  /** With its checksum; `null` where there is no row. */
  readonly value: Buffer | null;
  readonly version: number;
}

/**
 * What was committed: where it stands in the log of each side that it wrote to, for who waits until it
 * is on the disk.
 */
export interface Committed {
  readonly commit: number;
  readonly disc: Place | null;
  /** The versions of the rows written, in the order of the writes. */
  readonly versions: readonly number[];
}

/** `conflict`: something read was changed since. `busy`: too much is under way, try again soon. */
export type Verdict = Committed | 'conflict' | 'busy' | StopReason;

export interface StorageEngine {
  /** Whether there is a place for what outlives the machine. */
  readonly hasDisc: boolean;
  /** Which stripe a key, or a whole space, is versioned by. */
  stripeOf(key: Uint8Array): number;
  /** The version of a stripe now. It never comes back to an earlier one. */
  version(stripe: number): number;
  /** Changes with every commit: as long as it stands still, no version has changed. */
  readonly clock: number;

  read(side: Side, key: Buffer, stripe: number): Found;
  /** Rows in the order of their keys. All that was committed before the call is in it. */
  scan(side: Side, range: ScanRange, stripe: number): Scanned;
  /** How much is in a space: of what was applied, so a little late. */
  sum(side: Side, space: number): SpaceSum;

  /**
   * Certify and commit, as one step that nobody sees half of.
   *
   * @param reads stripes and the versions they were read at
   * @param raises further stripes that the commit changes: of whole spaces, of entries of indexes
   */
  commit(
    reads: ReadonlyMap<number, number>,
    writes: readonly SidedWrite[],
    raises: ReadonlySet<number>,
  ): Verdict;
  /** Resolves when a commit is on the disk: nothing takes it away any more. Rejects when the disk fails. */
  synced(place: Place): Promise<void>;
  /**
   * Tell of the changes of a table: of each commit after the promise resolves and none before the call, in
   * their order, also over several watches, when they are in the store.
   *
   * @returns ends it: nothing is told after that
   */
  watch(watch: Watch, told: (change: FeedChange) => void): Promise<() => void>;
  /** Resolves when it is worth while to try again after `busy`. */
  quieter(): Promise<void>;
}

export interface SidedWrite extends Write {
  readonly side: Side;
  readonly stripe: number;
}
