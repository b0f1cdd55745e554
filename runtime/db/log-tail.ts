/**
 * Log tail: what stands in a log and not yet in the store, as a thread sees it.
 *
 * The storage thread brings commits into the store some milliseconds later. Who needs a row before that
 * reads the log: each thread keeps what it has read of the part that the store lacks.
 */

import type { CommitCells, Place, Side } from './commit-cells.js';
import { idOf } from './key-bytes.js';
import { isBefore, LogReader } from './log-files.js';
import { CLEAR, PUT, type Write } from './log-record.js';
import type { Store } from './store.js';

const KEPT_MIN = 4096;

export class LogTail {
  readonly #cells: CommitCells;
  readonly #side: Side;
  readonly #reader: LogReader;
  readonly #store: () => Store;
  /** By key, as Latin-1; `null`: deleted. */
  #recent = new Map<string, Write>();
  /** How far the store had come when `#recent` was begun. */
  #epoch = -1;
  /** With more than so many it is begun anew: what the store has meanwhile is forgotten. */
  #limit = KEPT_MIN;

  constructor(cells: CommitCells, side: Side, folder: string, store: () => Store) {
    this.#cells = cells;
    this.#side = side;
    this.#store = store;
    this.#reader = new LogReader(folder, cells.applied(side));
  }

  /** Know everything up to `end`; store and tail together then hold it. */
  catchUp(end: Place): void {
    const applied = this.#cells.applied(this.#side);
    const { epoch } = this.#cells;
    const isOld = isBefore(this.#reader.place, applied) || this.#recent.size > this.#limit;
    if (epoch !== this.#epoch || isOld) {
      // In this order: the store holds at least what `applied` says.
      this.#store().renew();
      this.#recent = new Map();
      this.#reader.moveTo(applied);
      this.#epoch = epoch;
    } else if (this.#recent.size > 0 && !isBefore(applied, this.#reader.place)) {
      this.#store().renew();
      this.#recent.clear();
    }
    if (!isBefore(this.#reader.place, end)) return;
    this.#reader.readTo(end, Number.POSITIVE_INFINITY, (write) => {
      if (write.kind === CLEAR) return;
      this.#recent.set(idOf(write.key), write);
    });
    if (isOld) this.#limit = Math.max(KEPT_MIN, 2 * this.#recent.size);
  }

  /** `undefined`: the store knows. */
  get(key: Buffer): Buffer | null | undefined {
    if (this.#recent.size === 0) return undefined;
    const found = this.#recent.get(idOf(key));
    if (found === undefined) return undefined;
    return found.kind === PUT ? (found.value as Buffer) : null;
  }

  /** The writes to keys from `from` to before `to`, in no order. */
  between(from: Buffer, to: Buffer): Write[] {
    const found: Write[] = [];
    for (const write of this.#recent.values()) {
      const key = write.key as Buffer;
      if (key.compare(from) >= 0 && key.compare(to) < 0) found.push(write);
    }
    return found;
  }

  close(): void {
    this.#reader.close();
  }
}
