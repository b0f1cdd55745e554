/**
 * What else could hold the rows of ets: the references that tables are to be ahead of.
 *
 * `single`: `lmdb` in a memory file system, without syncs, each write a transaction of its own as each
 * insert of a table is. Its scan is that of `node:sqlite` in memory where Node has it (22 on), which is
 * better at it. `remote`: a Map in another thread, asked by a message for each row.
 *
 * Does not show: `better-sqlite3`, whose binary is not in its package.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Measured, Params } from '../sampling.js';
import { timedUs } from './actors.js';
import { untilDone, withPeer } from './threads.js';

type Row = [key: number, count: number, group: number, text: string];

const STRIDE = 7919;
const TEXT = 'sixteen bytes...';
const MEMORY_FOLDER = '/dev/shm';
/** A message there and back is so slow that a part of the look-ups tells. */
const MESSAGES_MAX = 20_000;

export async function body(variant: string, params: Params): Promise<Measured> {
  const [rows, ops] = [params['rows'] ?? 0, params['n'] ?? 0];
  const [layout, job] = variant.split('.') as [string, string];
  if (layout === 'remote') return await behindMessages(rows, Math.min(ops, MESSAGES_MAX));
  if (job === 'select_1pct' && isBuiltin('node:sqlite')) return inSqlite(rows, ops);
  return await inLmdb(job, rows, ops);
}

function keyOf(i: number, rows: number): number {
  return (i * STRIDE) % rows;
}

function rowOf(key: number): Row {
  return [key, 0, key % 100, TEXT];
}

async function inLmdb(job: string, rows: number, ops: number): Promise<Measured> {
  const { open } = await import('lmdb');
  const parent = existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir();
  const folder = mkdtempSync(join(parent, 'tsvm-bench-'));
  const db = open<Row, number>({ path: join(folder, 'rows'), noSync: true });
  const insert = (count: number): void => {
    for (let i = 1; i <= count; i += 1) db.putSync(keyOf(i, rows), rowOf(keyOf(i, rows)));
  };
  const jobs: Readonly<Record<string, () => void>> = {
    insert: () => insert(ops),
    lookup: () => {
      for (let i = 1; i <= ops; i += 1) {
        if (db.get(keyOf(i, rows))?.[2] !== keyOf(i, rows) % 100) throw new Error('no such row');
      }
    },
    update_counter: () => {
      for (let i = 1; i <= ops; i += 1) {
        const key = keyOf(i, rows);
        db.transactionSync(() => {
          const [, count, group, text] = db.get(key) as Row;
          db.putSync(key, [key, count + 1, group, text]);
        });
      }
    },
    select_1pct: () => {
      for (let i = 0; i < ops; i += 1) {
        const found: number[] = [];
        for (const { value } of db.getRange()) if (value[2] === 7) found.push(value[0]);
        if (found.length !== rows / 100) throw new Error(`${found.length} rows`);
      }
    },
  };
  try {
    if (job !== 'insert') insert(rows);
    return { ops, us: timedUs(jobs[job] as () => void) };
  } finally {
    await db.close();
    rmSync(folder, { recursive: true });
  }
}

interface Sqlite {
  exec(sql: string): void;
  prepare(sql: string): {
    run(...values: unknown[]): void;
    all(...values: unknown[]): unknown[];
  };
  close(): void;
}

function inSqlite(rows: number, ops: number): Measured {
  const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as {
    readonly DatabaseSync: new (path: string) => Sqlite;
  };
  const db = new DatabaseSync(':memory:');
  db.exec('create table rows (key integer primary key, count integer, part integer, text text)');
  const insert = db.prepare('insert into rows values (?, ?, ?, ?)');
  for (let i = 1; i <= rows; i += 1) insert.run(...rowOf(keyOf(i, rows)));
  const select = db.prepare('select key from rows where part = ?');
  const us = timedUs(() => {
    for (let i = 0; i < ops; i += 1) {
      const found = select.all(7);
      if (found.length !== rows / 100) throw new Error(`${found.length} rows`);
    }
  });
  db.close();
  return { ops, us };
}

async function behindMessages(rows: number, ops: number): Promise<Measured> {
  return await withPeer('rows', async (peer) => {
    for (let i = 1; i <= rows; i += 1) peer.postMessage(rowOf(keyOf(i, rows)));
    let asked = 0;
    let start = 0;
    await untilDone(peer, (row) => {
      if (row !== undefined && (row as Row)[0] !== keyOf(asked, rows)) throw new Error('no row');
      // The first answer comes when all rows are there.
      if (asked === 1) start = performance.now();
      if (asked > ops) return true;
      asked += 1;
      peer.postMessage(keyOf(asked, rows));
      return false;
    });
    return { ops, us: (performance.now() - start) * 1000 };
  });
}
