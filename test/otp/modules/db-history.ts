/**
 * Processes of test/vm/db-history.test.ts: random transactions that append to lists and read them. What each
 * has read and appended is its history; the lists at the end say in which order the appends happened.
 */

import { type Pid, receive, schedulers, self, send, spawnOpt } from 'tsvm';
import { AbortError, dirty, dropTable, type Table, table, transaction } from 'tsvm/db';

interface List {
  readonly key: number;
  readonly parity: number;
  readonly items: readonly string[];
}

const lists: Table<List, number, 'parity'> = table<List>()({
  name: 'lists',
  key: 'key',
  indexes: ['parity'],
  storage: 'ram',
});

/** What a transaction did, if it was committed. */
export interface Entry {
  readonly id: string;
  /** The lists it has read, before its own appends. */
  readonly reads: Readonly<Record<number, readonly string[]>>;
  readonly appends: readonly number[];
}

const PROCESSES = 3;

export async function histories(
  seed: number,
  rounds: number,
  keys: number,
): Promise<{ entries: Entry[]; lists: Record<number, readonly string[]> }> {
  await dropTable(lists);
  let running = 0;
  for (let scheduler = 1; scheduler <= schedulers(); scheduler++) {
    for (let index = 0; index < PROCESSES; index++) {
      running += 1;
      spawnOpt({ scheduler }, acting, self<Entry[]>(), seed * 100 + running, rounds, keys);
    }
  }
  const entries: Entry[] = [];
  for (; running > 0; running--) entries.push(...(await receive<Entry[]>()));
  const final: Record<number, readonly string[]> = {};
  for (const { key, items } of await dirty.range(lists)) final[key] = items;
  return { entries, lists: final };
}

async function acting(to: Pid<Entry[]>, seed: number, rounds: number, keys: number): Promise<void> {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor(state / 65536) % below;
  };
  const entries: Entry[] = [];
  for (let round = 0; round < rounds; round++) {
    const id = `${seed}.${round}`;
    const plan = Array.from({ length: 1 + random(4) }, () => ({
      what: random(8),
      key: random(keys),
    }));
    try {
      entries.push(await transaction((tx) => step(tx, id, plan), { retries: 100_000 }));
    } catch (error) {
      if (!(error instanceof AbortError)) throw error;
    }
  }
  send(to, entries);
}

type Tx = Parameters<Parameters<typeof transaction>[0]>[0];
interface Planned {
  readonly what: number;
  readonly key: number;
}

async function step(tx: Tx, id: string, plan: readonly Planned[]): Promise<Entry> {
  const reads: Record<number, readonly string[]> = {};
  const appends: number[] = [];
  const note = (key: number, items: readonly string[]): void => {
    // What it has appended itself is no news.
    reads[key] ??= items.filter((item) => item !== id);
  };
  for (const { what, key } of plan) {
    if (what < 3) note(key, (await tx.get(lists, key))?.items ?? []);
    else if (what === 3) {
      for (const row of await tx.index(lists, 'parity', { value: key % 2 }))
        note(row.key, row.items);
    } else if (what === 4) for (const row of await tx.range(lists)) note(row.key, row.items);
    else if (what === 5 && key === 0) tx.abort('by chance');
    else if (!appends.includes(key)) {
      const items = (await tx.get(lists, key))?.items ?? [];
      note(key, items);
      tx.put(lists, { key, parity: key % 2, items: [...items, id] });
      appends.push(key);
    }
  }
  return { id, reads, appends };
}
