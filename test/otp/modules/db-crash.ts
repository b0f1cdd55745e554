/** Processes of test/vm/db-crash.test.ts: they write until the machine is killed, and say what was acknowledged. */

import { writeSync } from 'node:fs';
import { schedulers, spawnOpt } from 'tsvm';
import { dirty, type Table, table, transaction } from 'tsvm/db';

interface Entry {
  readonly writer: string;
  readonly number: number;
  readonly text: string;
}
interface Sum {
  readonly writer: string;
  readonly last: number;
}

const left: Table<Entry, readonly [string, number], 'writer'> = table<Entry>()({
  name: 'left',
  key: ['writer', 'number'],
  indexes: ['writer'],
});
const right: Table<Entry, readonly [string, number]> = table<Entry>()({
  name: 'right',
  key: ['writer', 'number'],
  storage: 'disc-only',
});
const sums: Table<Sum, string> = table<Sum>()({ name: 'sums', key: 'writer' });

const STDOUT = 1;
const WRITERS = 3;

export async function load(round: number): Promise<void> {
  for (let scheduler = 1; scheduler <= schedulers(); scheduler++) {
    for (let index = 0; index < WRITERS; index++) {
      const relaxed = index === 0;
      spawnOpt({ scheduler }, writing, `${round}.${scheduler}.${index}`, relaxed);
    }
  }
}

async function writing(writer: string, relaxed: boolean): Promise<void> {
  for (let number = 1; ; number++) {
    const text = 'x'.repeat((number * 37) % 400);
    await transaction(
      async (tx) => {
        tx.put(left, { writer, number, text });
        const sum = await tx.get(sums, writer);
        tx.put(sums, { writer, last: (sum?.last ?? 0) + 1 });
        tx.put(right, { writer, number, text });
      },
      { durability: relaxed ? 'relaxed' : 'durable' },
    );
    writeSync(STDOUT, `${writer} ${number}\n`);
  }
}

/** What is there: by writer, how many; and what does not fit together. */
export async function check(): Promise<{ last: Record<string, number>; problems: string[] }> {
  const problems: string[] = [];
  const last: Record<string, number> = {};
  for await (const sum of dirty.rows(sums)) last[sum.writer] = sum.last;
  const counts: Record<string, number> = {};
  for await (const { writer, number, text } of dirty.rows(left)) {
    counts[writer] = (counts[writer] ?? 0) + 1;
    if (counts[writer] !== number) problems.push(`${writer}: ${number} is not the next`);
    const other = await dirty.get(right, [writer, number]);
    if (other?.text !== text) problems.push(`${writer} ${number} is on the left only`);
  }
  let rightCount = 0;
  for await (const _ of dirty.rows(right)) rightCount += 1;
  const leftCount = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (leftCount !== rightCount) problems.push(`left ${leftCount}, right ${rightCount}`);
  for (const [writer, sum] of Object.entries(last)) {
    if (sum !== (counts[writer] ?? 0))
      problems.push(`${writer}: ${sum} counted, ${counts[writer]}`);
    const [index] = await dirty.index(left, 'writer', { value: writer, reverse: true, limit: 1 });
    if (index?.number !== sum) problems.push(`${writer}: the index ends at ${index?.number}`);
  }
  return { last, problems };
}
