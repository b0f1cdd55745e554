/**
 * Table: what one thread knows of one table, and who may do what with it.
 *
 * Source: OTP, `ets:new/2`, `info/1`; SEMANTICS §16.
 */

import { CREATORS } from '../address.js';
import type { Pid } from '../terms.js';
import type { Field } from './row-codec.js';
import type { Rows } from './rows.js';
import {
  ACCESS,
  FIXED,
  META,
  OWNER_COUNTER_HIGH,
  OWNER_COUNTER_LOW,
  OWNER_CREATOR,
  OWNER_LIFE,
  ROOT_FIXES,
} from './table-entry.js';
import { CHUNK_WORDS } from './table-memory.js';

const UNIT = 2 ** 32;

/** A process, as the directory names it. */
export interface OwnerId {
  readonly life: number;
  readonly creator: number;
  readonly counter: number;
}

/** What a table keeps of itself, besides its rows. */
export interface TableMeta {
  /** The name, or the reference of a table that has none. */
  readonly name: string | null;
  readonly owner: Pid;
  readonly heir: { readonly pid: Pid; readonly data: unknown } | null;
  readonly key: Field;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export class Table {
  readonly rows: Rows;
  /** `#Table<node.index.generation>`: never names another table. */
  readonly ref: string;
  readonly access: number;

  constructor(rows: Rows, ref: string) {
    this.rows = rows;
    this.ref = ref;
    this.access = rows.cells[rows.at + ACCESS] as number;
  }

  get owner(): OwnerId {
    return ownerIn(this.rows.cells, this.rows.at);
  }

  isOwnedBy(life: number, creator: number, counter: number): boolean {
    const { cells, at } = this.rows;
    return (
      cells[at + OWNER_COUNTER_LOW] === (counter | 0) &&
      cells[at + OWNER_CREATOR] === creator &&
      cells[at + OWNER_LIFE] === life &&
      cells[at + OWNER_COUNTER_HIGH] === Math.floor(counter / UNIT)
    );
  }

  /** How often it is fixed, by all processes. */
  get fixed(): number {
    return Atomics.load(this.rows.cells, this.rows.at + FIXED);
  }

  /** @param by 1 or -1, for a process of that scheduler slot. Holder of the lock only */
  countFix(slot: number, by: number): void {
    const { cells, at, memory, root } = this.rows;
    const words = memory.current();
    const word = root * CHUNK_WORDS + ROOT_FIXES + (slot % CREATORS);
    words[word] = (words[word] as number) + by;
    cells[at + FIXED] = (cells[at + FIXED] as number) + by;
  }

  /** All fixes by processes of a slot, taken away. Holder of the lock only. */
  dropFixes(slot: number): number {
    const { memory, root } = this.rows;
    const fixes = memory.current()[root * CHUNK_WORDS + ROOT_FIXES + (slot % CREATORS)] as number;
    for (let left = fixes; left > 0; left -= 1) this.countFix(slot, -1);
    return fixes;
  }

  /** With the lock, or to be thrown away when SEQUENCE has changed. */
  get meta(): TableMeta {
    return this.rows.rowIn(this.rows.cells[this.rows.at + META] as number) as TableMeta;
  }

  /** Holder of the lock only, who changes. */
  setMeta(meta: TableMeta): void {
    const { rows } = this;
    const before = rows.cells[rows.at + META] as number;
    rows.codec.block(meta, 'name', null);
    const block = rows.slab.allocate(rows.codec.length);
    rows.memory.current().set(rows.codec.words.subarray(0, rows.codec.length), block);
    Atomics.store(rows.cells, rows.at + META, block);
    if (before !== 0) rows.slab.free(before);
  }
}

export function ownerIn(cells: Int32Array, at: number): OwnerId {
  const low = (cells[at + OWNER_COUNTER_LOW] as number) >>> 0;
  return {
    life: cells[at + OWNER_LIFE] as number,
    creator: cells[at + OWNER_CREATOR] as number,
    counter: (cells[at + OWNER_COUNTER_HIGH] as number) * UNIT + low,
  };
}

export function setOwnerIn(cells: Int32Array, at: number, owner: OwnerId): void {
  cells[at + OWNER_LIFE] = owner.life;
  cells[at + OWNER_CREATOR] = owner.creator;
  cells[at + OWNER_COUNTER_LOW] = owner.counter | 0;
  cells[at + OWNER_COUNTER_HIGH] = Math.floor(owner.counter / UNIT);
}
