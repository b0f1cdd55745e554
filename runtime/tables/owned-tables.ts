/**
 * Owned tables: which tables the processes of this scheduler own.
 *
 * Who owns a table is told by the directory alone, which any thread may change (`giveAway`, an heir).
 * So that a process that ends need not look through it, each scheduler keeps the owners that live on
 * it, and makes the list anew when the directory says that owners have changed.
 */

import { CREATORS, homeOf } from '../address.js';
import type { OwnerId } from './table.js';
import type { Tables } from './tables.js';

const NONE: readonly number[] = [];

export class OwnedTables {
  readonly #tables: Tables;
  readonly #life: number;
  /** Entries by the serial of the owner's pid. */
  #bySerial = new Map<number, number[]>();
  #version = 0;

  constructor(tables: Tables, life: number) {
    this.#tables = tables;
    this.#life = life;
  }

  /** The entries of the tables of a process. Cost: an atomic load when no owner has changed. */
  of(creator: number, counter: number): readonly number[] {
    const version = this.#tables.ownersVersion;
    if (version !== this.#version) this.#read(version);
    if (this.#bySerial.size === 0) return NONE;
    return this.#bySerial.get(counter * CREATORS + creator) ?? NONE;
  }

  #read(version: number): void {
    this.#version = version;
    this.#bySerial = new Map();
    for (const { index, owner } of this.#tables.ownedOn(this.#life)) {
      const serial = owner.counter * CREATORS + owner.creator;
      const known = this.#bySerial.get(serial);
      if (known === undefined) this.#bySerial.set(serial, [index]);
      else known.push(index);
    }
  }
}

export function isSameOwner(a: OwnerId, b: OwnerId): boolean {
  return a.life === b.life && a.creator === b.creator && a.counter === b.counter;
}

/**
 * A thread is gone: delete the tables of its processes that nobody can inherit. The others are handed on
 * by the schedulers that hear of the death.
 *
 * @param lives the schedulers that run
 */
export function abandonTables(
  tables: Tables,
  node: string,
  life: number,
  lives: ReadonlySet<number>,
): void {
  for (const { index } of [...tables.ownedOn(life)]) {
    const table = tables.at(index);
    if (table === undefined) continue;
    tables.locked(() => {
      if (!table.rows.isLive || table.owner.life !== life) return;
      const heir = tables.metaOf(table)?.heir;
      if (heir === undefined || heir === null || !lives.has(homeOf(heir.pid, node))) {
        tables.deleteLocked(table);
      }
    });
  }
}
