/**
 * mnesia: what do transactions and single operations on tables cost?
 *
 * A table of 10,000 records `{key, val, name}`, name 16 characters; one process. `transaction`: read one, write
 * it with val + 1. `dirty_write`, `dirty_read`: one record without a transaction. `ram`: tables in memory.
 * `disc`: on disk and relaxed, as Mnesia's disc_copies are: the log is written at the commit and not
 * synced. `durable`: synced before it is acknowledged, which Mnesia's are not.
 *
 * Does not show: several writers at once, whose durable commits share one sync; indexes; large records.
 */
import { dirty, type Table, table, transaction } from 'tsvm/db';
import type { Measured, Params } from '../sampling.js';

interface Row {
  readonly key: number;
  readonly val: number;
  readonly name: string;
}

const ram: Table<Row, number> = table<Row>()({ name: 'bench ram', key: 'key', storage: 'ram' });
const disc: Table<Row, number> = table<Row>()({
  name: 'bench disc',
  key: 'key',
  durability: 'relaxed',
});
const durable: Table<Row, number> = table<Row>()({ name: 'bench durable', key: 'key' });

const ROWS = 10_000;
const NAME = 'abcdefghijklmnop';
/** So that no order of keys helps. */
const STRIDE = 7919;

export async function body(variant: string, params: Params): Promise<Measured> {
  const [where, what] = variant.split('.');
  const rows = where === 'ram' ? ram : where === 'disc' ? disc : durable;
  await fill(rows);
  const n = params['n'] ?? 0;
  const run = what === 'transaction' ? transactions : what === 'dirty_read' ? reads : writes;
  await run(rows, Math.ceil(n / 10));
  const begin = performance.now();
  await run(rows, n);
  return { ops: n, us: (performance.now() - begin) * 1000 };
}

async function fill(rows: Table<Row, number>): Promise<void> {
  await transaction((tx) => {
    for (let key = 0; key < ROWS; key++) tx.put(rows, { key, val: 0, name: NAME });
  });
}

async function transactions(rows: Table<Row, number>, n: number): Promise<void> {
  for (let i = 0; i < n; i++) {
    await transaction(async (tx) => {
      const row = (await tx.get(rows, (i * STRIDE) % ROWS)) as Row;
      tx.put(rows, { ...row, val: row.val + 1 });
    });
  }
}

async function writes(rows: Table<Row, number>, n: number): Promise<void> {
  for (let i = 0; i < n; i++) {
    await dirty.put(rows, { key: (i * STRIDE) % ROWS, val: i, name: NAME });
  }
}

async function reads(rows: Table<Row, number>, n: number): Promise<void> {
  for (let i = 0; i < n; i++) await dirty.get(rows, (i * STRIDE) % ROWS);
}
