/**
 * Tables: the directory of all tables of the machine, as one thread sees it.
 *
 * Tables are made, found by name or reference, and deleted here; `table-ownership.ts` says what
 * happens to them when processes end.
 *
 * Invariants:
 *  1. An entry is in use exactly when its GENERATION is not 0. A reference carries the generation, so a
 *     reference to a deleted table never reaches another one.
 *  2. Names point to references. A name whose table is gone is free: whoever meets it removes it.
 *  3. Entries are made and freed under the directory's lock; a thread that dies in between leaves an
 *     entry that is not in use and chunks of it, which the next holder gives back.
 */

import { describe, ProcessError } from '../errors.js';
import type { SharedNames } from '../shared-names.js';
import type { Pid } from '../terms.js';
import { RowCodec } from './row-codec.js';
import { repair } from './row-repair.js';
import { exhume } from './row-writer.js';
import { Rows } from './rows.js';
import type { SharedShapes } from './shared-shapes.js';
import { type OwnerId, ownerIn, setOwnerIn, Table, type TableMeta } from './table.js';
import {
  ACCESS,
  BUCKETS,
  BURIED,
  COUNT,
  FIXED,
  GENERATION,
  INTENT,
  KIND,
  LAYOUT,
  LOCK,
  META,
  OWNER_LIFE,
  ROOT,
  SEQUENCE,
  SLOT_FREE,
  SLOTS_HIGH,
  TREE,
} from './table-entry.js';
import {
  CHUNK_WORDS,
  ChunkKind,
  DIRECTORY_LOCK,
  ENTRIES_HIGH,
  GENERATIONS,
  OWNERS,
  TABLE_COUNT,
  TABLES_MAX,
  type TableMemory,
} from './table-memory.js';
import { breakLock, DAMAGED, lock, unlock, unlockDamaged } from './thread-lock.js';

const REF_PREFIX = '#Table<';
const UNKNOWN_KEY = 0;

export interface TablesOptions {
  readonly node: string;
  readonly life: number;
  readonly memory: TableMemory;
  readonly shapes: SharedShapes;
  /** From names to references. */
  readonly names: SharedNames;
}

export interface NewTable {
  readonly kind: number;
  readonly access: number;
  readonly owner: OwnerId;
  readonly meta: TableMeta;
}

export class Tables {
  readonly memory: TableMemory;
  readonly codec: RowCodec;
  readonly #cells: Int32Array;
  readonly #life: number;
  readonly #node: string;
  readonly #names: SharedNames;
  readonly #shapes: SharedShapes;
  /** By reference. */
  readonly #known = new Map<string, Table>();
  #lastText = '';
  #lastTable: Table | null = null;
  #lastVersion = -1;

  constructor({ node, life, memory, shapes, names }: TablesOptions) {
    this.memory = memory;
    this.codec = new RowCodec(shapes);
    this.#cells = memory.cells;
    this.#life = life;
    this.#node = node;
    this.#names = names;
    this.#shapes = shapes;
  }

  /** How many tables there are. */
  get count(): number {
    return Atomics.load(this.#cells, TABLE_COUNT);
  }

  /** Changes whenever a table gets an owner or loses one. */
  get ownersVersion(): number {
    return Atomics.load(this.#cells, OWNERS);
  }

  /**
   * The table of a name or reference.
   *
   * @throws badarg when there is none
   * Cost: a few nanoseconds for the one asked for last, a look-up in a Map for others.
   */
  find(text: string): Table {
    if (text === this.#lastText) {
      const table = this.#lastTable as Table;
      const isSame = this.#lastVersion < 0 || this.#lastVersion === this.#names.version;
      if (isSame && table.rows.isLive) return table;
    }
    const table = this.tryFind(text);
    if (table === undefined) {
      throw new ProcessError('badarg', `there is no table ${describe(text)}`);
    }
    return table;
  }

  tryFind(text: unknown): Table | undefined {
    if (typeof text !== 'string') return undefined;
    const isRef = text.startsWith(REF_PREFIX);
    const version = this.#names.version;
    const ref = isRef ? text : this.#names.get(text);
    if (ref === undefined) return undefined;
    const table = this.#byRef(ref);
    if (table === undefined) return undefined;
    this.#lastText = text;
    this.#lastTable = table;
    this.#lastVersion = isRef ? -1 : version;
    return table;
  }

  #byRef(ref: string): Table | undefined {
    const known = this.#known.get(ref);
    if (known?.rows.isLive) return known;
    this.#known.delete(ref);
    const [node, index, generation] = ref.slice(REF_PREFIX.length, -1).split('.');
    if (node !== this.#node || index === undefined) return undefined;
    const table = this.at(Number(index));
    return table?.rows.generation === Number(generation) ? table : undefined;
  }

  /** The table of an entry, if it is in use. */
  at(index: number): Table | undefined {
    if (!(index >= 0 && index < TABLES_MAX)) return undefined;
    const entry = this.memory.entryAt(index);
    const generation = Atomics.load(this.#cells, entry + GENERATION);
    if (generation === 0) return undefined;
    const ref = `${REF_PREFIX}${this.#node}.${index}.${generation}>`;
    const known = this.#known.get(ref);
    if (known !== undefined) return known;
    const rows = new Rows({
      memory: this.memory,
      codec: this.codec,
      life: this.#life,
      table: index,
      generation,
      kind: this.#cells[entry + KIND] as number,
      field: UNKNOWN_KEY,
      repair,
    });
    const table = new Table(rows, ref);
    const meta = this.metaOf(table);
    if (meta === undefined) return undefined; // Deleted meanwhile.
    rows.field = meta.key;
    this.#forgetDeleted();
    this.#known.set(ref, table);
    return table;
  }

  /** What this thread keeps of tables that are gone would fill its heap. */
  #forgetDeleted(): void {
    if (this.#known.size < 64 || this.#known.size < 2 * this.count) return;
    for (const [ref, table] of this.#known) if (!table.rows.isLive) this.#known.delete(ref);
  }

  /** Every table, by entry. */
  *all(): IterableIterator<Table> {
    const high = Atomics.load(this.#cells, ENTRIES_HIGH);
    for (let index = 0; index < high; index += 1) {
      const table = this.at(index);
      if (table !== undefined) yield table;
    }
  }

  /** Every table whose owner lives on that scheduler. Reads the directory only. */
  *ownedOn(life: number): IterableIterator<{ readonly index: number; readonly owner: OwnerId }> {
    const high = Atomics.load(this.#cells, ENTRIES_HIGH);
    for (let index = 0; index < high; index += 1) {
      const entry = this.memory.entryAt(index);
      const isOwned =
        this.#cells[entry + OWNER_LIFE] === life &&
        Atomics.load(this.#cells, entry + GENERATION) !== 0;
      if (isOwned) yield { index, owner: ownerIn(this.#cells, entry) };
    }
  }

  /** @throws badarg when the name is taken; `system_limit` when there are too many tables */
  create({ kind, access, owner, meta }: NewTable): Table {
    return this.locked(() => {
      const index = this.#freeEntry();
      const entry = this.memory.entryAt(index);
      const cells = this.#cells;
      const root = this.memory.take(index, ChunkKind.ROOT, 1);
      this.memory.current().fill(0, root * CHUNK_WORDS, (root + 1) * CHUNK_WORDS);
      for (const cell of [COUNT, SLOTS_HIGH, SLOT_FREE, BUCKETS, TREE]) cells[entry + cell] = 0;
      for (const cell of [FIXED, BURIED, INTENT, META]) cells[entry + cell] = 0;
      Atomics.add(cells, entry + LAYOUT, 1);
      cells[entry + ROOT] = root;
      cells[entry + KIND] = kind;
      cells[entry + ACCESS] = access;
      setOwnerIn(cells, entry, owner);
      const generation = Atomics.add(cells, GENERATIONS, 1) + 1;
      const ref = `${REF_PREFIX}${this.#node}.${index}.${generation}>`;
      const { memory, codec } = this;
      const life = this.#life;
      const rows = new Rows({
        memory,
        codec,
        life,
        table: index,
        generation,
        kind,
        field: meta.key,
        repair,
      });
      const table = new Table(rows, ref);
      rows.resetIndex();
      table.setMeta(meta);
      if (meta.name !== null) this.#claim(meta.name, ref, index);
      Atomics.store(cells, entry + GENERATION, generation);
      Atomics.add(cells, TABLE_COUNT, 1);
      Atomics.add(cells, OWNERS, 1);
      this.#known.set(ref, table);
      return table;
    });
  }

  #claim(name: string, ref: string, index: number): void {
    for (;;) {
      const holder = this.#names.insert(name, ref);
      if (holder === undefined) return;
      if (this.#byRef(holder) !== undefined) {
        this.#freeChunks(index);
        throw new ProcessError('badarg', `there is a table called ${describe(name)} already`);
      }
      this.#names.remove(name, holder);
    }
  }

  #freeEntry(): number {
    const high = Atomics.load(this.#cells, ENTRIES_HIGH);
    for (let index = 0; index < high; index += 1) {
      if (this.#cells[this.memory.entryAt(index) + GENERATION] === 0) return index;
    }
    if (high === TABLES_MAX) throw new ProcessError('system_limit', `more than ${high} tables`);
    Atomics.store(this.#cells, ENTRIES_HIGH, high + 1);
    return high;
  }

  /** Delete a table: at once for everybody. @throws badarg when it is gone already */
  delete(table: Table): void {
    this.locked(() => this.deleteLocked(table));
  }

  /** Holder of the directory's lock only. */
  deleteLocked(table: Table): void {
    const { rows } = table;
    rows.begin();
    let name: string | null = null;
    try {
      ({ name } = table.meta);
      Atomics.store(this.#cells, rows.at + GENERATION, 0);
      Atomics.sub(this.#cells, TABLE_COUNT, 1);
      Atomics.add(this.#cells, OWNERS, 1);
      Atomics.add(this.#cells, rows.at + LAYOUT, 1);
      this.#freeChunks(rows.table);
    } catch (error) {
      rows.fail(error);
    }
    rows.end();
    if (name !== null) this.#names.remove(name, table.ref);
    this.#known.delete(table.ref);
  }

  #freeChunks(index: number): void {
    for (let chunk = 1; chunk < this.memory.chunks; chunk += 1) {
      if (this.memory.belongsTo(chunk, index)) this.memory.giveBack(chunk, 1);
    }
  }

  /** Another name for a named table. */
  rename(table: Table, name: string): void {
    this.locked(() => {
      const { rows } = table;
      rows.begin();
      try {
        const { meta } = table;
        if (meta.name === null) {
          throw new ProcessError('badarg', 'rename: only a named table can be renamed');
        }
        const holder = this.#names.insert(name, table.ref);
        if (holder !== undefined) {
          throw new ProcessError('badarg', `there is a table called ${describe(name)} already`);
        }
        this.#names.remove(meta.name, table.ref);
        table.setMeta({ ...meta, name });
      } catch (error) {
        rows.fail(error);
      }
      rows.end();
    });
  }

  /** Another owner. Holder of the directory's lock only. */
  giveLocked(table: Table, to: OwnerId, pid: Pid, heir: TableMeta['heir']): void {
    const { rows } = table;
    rows.begin();
    try {
      table.setMeta({ ...table.meta, owner: pid, heir });
      setOwnerIn(this.#cells, rows.at, to);
      Atomics.add(this.#cells, OWNERS, 1);
    } catch (error) {
      rows.fail(error);
    }
    rows.end();
  }

  /** What a table keeps of itself; `undefined` when it is gone. */
  metaOf(table: Table): TableMeta | undefined {
    const { rows } = table;
    try {
      rows.enter();
    } catch {
      return undefined;
    }
    try {
      return table.meta;
    } finally {
      rows.leave();
    }
  }

  /** Change the heir. Holder of the directory's lock only. */
  bequeathLocked(table: Table, heir: TableMeta['heir']): void {
    const { rows } = table;
    rows.begin();
    try {
      table.setMeta({ ...table.meta, heir });
    } catch (error) {
      rows.fail(error);
    }
    rows.end();
  }

  /** Run with the directory's lock. */
  locked<T>(body: () => T): T {
    const cells = this.#cells;
    if (lock(cells, DIRECTORY_LOCK, this.#life)) this.#repair();
    try {
      const result = body();
      unlock(cells, DIRECTORY_LOCK);
      return result;
    } catch (error) {
      unlockDamaged(cells, DIRECTORY_LOCK);
      throw error;
    }
  }

  /** Give back what belongs to no table, and count again. */
  #repair(): void {
    let count = 0;
    const high = Atomics.load(this.#cells, ENTRIES_HIGH);
    for (let index = 0; index < high; index += 1) {
      const entry = this.memory.entryAt(index);
      if (this.#cells[entry + GENERATION] !== 0) count += 1;
      else {
        this.#freeChunks(index);
        // Whoever died inside took the table with it.
        Atomics.store(
          this.#cells,
          entry + SEQUENCE,
          ((this.#cells[entry + SEQUENCE] as number) + 2) & ~1,
        );
        Atomics.compareExchange(this.#cells, entry + LOCK, DAMAGED, 0);
      }
    }
    Atomics.store(this.#cells, TABLE_COUNT, count);
    Atomics.add(this.#cells, OWNERS, 1);
  }

  /** The thread of this life, in this slot, is gone: what it held is free, what it fixed is not fixed. */
  bury(slot: number, life: number): void {
    this.#shapes.breakLock(life);
    this.#names.breakLock(life);
    breakLock(this.#cells, DIRECTORY_LOCK, life);
    const high = Atomics.load(this.#cells, ENTRIES_HIGH);
    for (let index = 0; index < high; index += 1) {
      breakLock(this.#cells, this.memory.entryAt(index) + LOCK, life);
    }
    for (const table of this.all()) this.#dropFixes(table, slot);
  }

  #dropFixes(table: Table, slot: number): void {
    const { rows } = table;
    try {
      rows.begin();
    } catch {
      return; // Deleted meanwhile.
    }
    try {
      if (table.dropFixes(slot) > 0 && table.fixed === 0) exhume(rows);
    } catch (error) {
      rows.fail(error);
    }
    rows.end();
  }
}
