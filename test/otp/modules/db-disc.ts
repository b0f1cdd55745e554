/** Processes of test/vm/db-disc.test.ts: tables that outlive their machine. */

import { dirty, StorageFailure, subscribe, type Table, table, transaction } from 'tsvm/db';

interface Note {
  readonly id: number;
  readonly by: string;
  readonly tags: ReadonlyMap<string, Date>;
}

const durable: Table<Note, number, 'by'> = table<Note>()({
  name: 'notes',
  key: 'id',
  indexes: ['by'],
});
const relaxed: Table<Note, number> = table<Note>()({
  name: 'relaxed notes',
  key: 'id',
  durability: 'relaxed',
  storage: 'disc-only',
});

export async function write(from: number, to: number): Promise<void> {
  const tags = new Map([['made', new Date(0)]]);
  await transaction((tx) => {
    for (let id = from; id < to; id++) {
      tx.put(durable, { id, by: id % 2 === 0 ? 'even' : 'odd', tags });
      tx.put(relaxed, { id, by: 'x', tags });
    }
  });
}

export async function look(): Promise<unknown> {
  const notes = await dirty.range(durable);
  const odd = await dirty.index(durable, 'by', { value: 'odd' });
  const others = await dirty.range(relaxed);
  return {
    notes: notes.map(({ id }) => id),
    odd: odd.map(({ id }) => id),
    others: others.length,
    made: notes[0]?.tags.get('made')?.getTime(),
  };
}

/** Write and delete, one commit after the other, also while copies are made. @returns how many there are */
export async function churn(times: number): Promise<number> {
  for (let round = 0; round < times; round++) {
    for (let id = 0; id < 50; id++) {
      await dirty.put(relaxed, { id, by: String(round), tags: new Map() });
      if (id % 3 === 0) await dirty.delete(relaxed, id);
    }
  }
  return (await dirty.range(relaxed)).length;
}

/** Write large records, durable, one after the other, until it fails. @returns how many are acknowledged, and why */
export async function fill(from: number, to: number): Promise<{ written: number; reason: string }> {
  const tags = new Map([['x'.repeat(4000), new Date(0)]]);
  for (let id = from; id < to; id++) {
    try {
      await transaction((tx) => {
        tx.put(durable, { id, by: 'even', tags });
        tx.put(relaxed, { id, by: 'even', tags });
      });
    } catch (error) {
      if (!(error instanceof StorageFailure)) throw error;
      return { written: id - from, reason: error.reason };
    }
  }
  return { written: to - from, reason: '' };
}

/** How many records there are in each table, read one by one. */
export async function count(): Promise<readonly number[]> {
  const counts = [0, 0];
  for await (const _ of dirty.rows(durable)) counts[0] = (counts[0] as number) + 1;
  for await (const _ of dirty.rows(relaxed)) counts[1] = (counts[1] as number) + 1;
  return counts;
}

export async function watch(): Promise<void> {
  await subscribe(durable);
}
