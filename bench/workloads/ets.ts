/**
 * ets: what do tables cost that every process sees?
 *
 * A set with rows `[k, 0, k mod 100, 'sixteen bytes...']`; the i-th key is i·7919 mod n. `insert` fills an
 * empty table, `lookup` gives the row, `update_counter` adds 1 to column 1, `select_1pct` finds by a full
 * scan the rows whose column 2 is 7 and gives column 0, `shared_counter` adds 1 to a counter of the
 * machine. `single`: one process. `conc2`: two processes, pinned to schedulers 1 and 2, on one table; they
 * share the rows to insert alternately, or do half of the operations each, starting n/2 keys apart.
 * `remote`: the table was filled by a process on scheduler 1, and is read by one on scheduler 2.
 *
 * The floor is what else could hold the rows: `lmdb`, a database, a Map behind messages (floor/ets.ts).
 *
 * Does not show: rows that do not fit into what a scheduler keeps decoded, rows that others keep changing.
 */
import { counter, type Pid, receive, self, send, spawnOpt, type Table, tables } from 'tsvm';
import type { Measured, Params } from '../sampling.js';
import { slot } from './slot.js';

type Row = [key: number, count: number, group: number, text: string];
type Rows = Table<Row, 0>;
type Job = (table: Rows, rows: number, ops: number, from: number, step: number) => void;

const STRIDE = 7919;
const TEXT = 'sixteen bytes...';

export async function body(variant: string, params: Params): Promise<Measured> {
  const [layout, job] = variant.split('.') as [string, string];
  const [rows, ops] = [params['rows'] ?? 0, params['n'] ?? 0];
  const table: Rows =
    layout === 'single'
      ? tables.create<Row, 0>({ key: 0 })
      : tables.create<Row, 0>({ key: 0, access: 'public' });
  if (job !== 'insert') insert(table, rows, rows, 1, 1);
  const measured =
    layout === 'single'
      ? timed(() => run(job, table, rows, ops, 1, 1), ops)
      : await elsewhere(layout, job, table, rows, ops);
  check(job, table, rows, ops);
  tables.drop(table);
  return measured;
}

function timed(work: () => void, ops: number): Measured {
  const start = performance.now();
  work();
  return { ops, us: (performance.now() - start) * 1000 };
}

async function elsewhere(
  layout: string,
  job: string,
  table: Rows,
  rows: number,
  ops: number,
): Promise<Measured> {
  const me = self<'ready' | 'done'>();
  const workers: Pid<'go'>[] =
    layout === 'remote'
      ? [spawnOpt({ scheduler: slot(2) }, worker, me, job, table, rows, ops, 1, 1)]
      : [0, 1].map((which) => {
          const alternate = job === 'insert';
          const from = alternate ? which + 1 : 1 + which * (rows / 2);
          const step = alternate ? 2 : 1;
          return spawnOpt(
            { scheduler: slot(which + 1) },
            worker,
            me,
            job,
            table,
            rows,
            ops / 2,
            from,
            step,
          );
        });
  for (const _ of workers) await receive((m) => m === 'ready');
  const start = performance.now();
  for (const pid of workers) send(pid, 'go');
  for (const _ of workers) await receive((m) => m === 'done');
  return { ops, us: (performance.now() - start) * 1000 };
}

export async function worker(
  parent: Pid<'ready' | 'done'>,
  job: string,
  table: Rows,
  rows: number,
  ops: number,
  from: number,
  step: number,
): Promise<void> {
  send(parent, 'ready');
  await receive<'go'>();
  run(job, table, rows, ops, from, step);
  send(parent, 'done');
}

function run(
  job: string,
  table: Rows,
  rows: number,
  ops: number,
  from: number,
  step: number,
): void {
  (JOBS[job] as Job)(table, rows, ops, from, step);
}

const JOBS: Readonly<Record<string, Job>> = {
  insert,
  lookup,
  update_counter: updateCounter,
  select_1pct: select,
  shared_counter: addToCounter,
};

function insert(table: Rows, rows: number, ops: number, from: number, step: number): void {
  for (let done = 0, i = from; done < ops; done += 1, i += step) {
    const key = (i * STRIDE) % rows;
    tables.insert(table, [key, 0, key % 100, TEXT]);
  }
}

function lookup(table: Rows, rows: number, ops: number, from: number): void {
  for (let done = 0, i = from; done < ops; done += 1, i += 1) {
    const key = (i * STRIDE) % rows;
    const row = tables.lookup(table, key);
    if (row?.[0] !== key) throw new Error(`no row ${key}`);
  }
}

function updateCounter(table: Rows, rows: number, ops: number, from: number): void {
  for (let done = 0, i = from; done < ops; done += 1, i += 1) {
    tables.updateCounter(table, (i * STRIDE) % rows, { field: 1, by: 1 });
  }
}

function select(table: Rows, rows: number, ops: number): void {
  for (let done = 0; done < ops; done += 1) {
    const found = tables.select(table, { where: { 2: 7 }, select: 0 });
    if (found.length !== rows / 100) throw new Error(`${found.length} rows`);
  }
}

function addToCounter(_table: Rows, _rows: number, ops: number): void {
  const hits = counter('ets.bench');
  for (let done = 0; done < ops; done += 1) hits.add(1);
}

function check(job: string, table: Rows, rows: number, ops: number): void {
  if (job === 'insert' && tables.info(table)?.size !== rows) throw new Error('rows are missing');
  if (job !== 'update_counter') return;
  const sum = tables.fold(table, ([, count], total) => total + count, 0);
  if (sum !== ops) throw new Error(`${sum} of ${ops} increments`);
}
