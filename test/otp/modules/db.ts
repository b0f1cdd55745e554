/** Processes of test/otp/db.test.ts: transactions over tables, in RAM. */

import assert from 'node:assert/strict';
import {
  type Down,
  exit,
  type Pid,
  receive,
  self,
  send,
  spawnMonitor,
  spawnOpt,
  TIMEOUT,
} from 'tsvm';
import {
  AbortError,
  dirty,
  dropTable,
  ensureTable,
  migrate,
  type Table,
  table,
  transaction,
} from 'tsvm/db';

interface Account {
  readonly id: string;
  readonly owner: string;
  readonly cents: number;
}

const accounts: Table<Account, string, 'owner' | 'cents'> = table<Account>()({
  name: 'accounts',
  key: 'id',
  indexes: ['owner', 'cents'],
  storage: 'ram',
});

interface Line {
  readonly room: string;
  readonly number: number;
  readonly text: string;
}

const lines: Table<Line, readonly [string, number]> = table<Line>()({
  name: 'lines',
  key: ['room', 'number'],
  storage: 'ram',
});

const CENTS = 100;

async function fill(): Promise<void> {
  await dropTable(accounts);
  await transaction((tx) => {
    for (const id of ['a', 'b', 'c', 'd']) {
      tx.put(accounts, { id, owner: id < 'c' ? 'ann' : 'bob', cents: CENTS });
    }
  });
}

async function thrown(body: () => Promise<unknown>): Promise<unknown> {
  try {
    await body();
  } catch (error) {
    return error;
  }
  return exit('nothing was thrown');
}

export async function s17_result(): Promise<void> {
  await fill();
  const result = await transaction(async (tx) => (await tx.get(accounts, 'a'))?.cents);
  assert.deepEqual(result, CENTS);
}

export async function s17_abort(): Promise<void> {
  await fill();
  const error = await thrown(() =>
    transaction((tx) => {
      tx.put(accounts, { id: 'a', owner: 'eve', cents: 0 });
      tx.abort('not today');
    }),
  );
  if (!(error instanceof AbortError)) return exit(error);
  assert.deepEqual(error.reason, 'not today');
  assert.deepEqual(await dirty.get(accounts, 'a'), { id: 'a', owner: 'ann', cents: CENTS });
}

export async function s17_throw(): Promise<void> {
  await fill();
  const failure = new RangeError('too much');
  const error = await thrown(() =>
    transaction((tx) => {
      tx.delete(accounts, 'a');
      throw failure;
    }),
  );
  assert.deepEqual(error === failure, true);
  assert.deepEqual((await dirty.get(accounts, 'a'))?.cents, CENTS);
}

export async function s17_own_writes(): Promise<void> {
  await fill();
  await transaction(async (tx) => {
    tx.put(accounts, { id: 'e', owner: 'ann', cents: 7 });
    tx.put(accounts, { id: 'b', owner: 'cid', cents: CENTS });
    tx.delete(accounts, 'c');
    assert.deepEqual((await tx.get(accounts, 'e'))?.cents, 7);
    assert.deepEqual(await tx.get(accounts, 'c'), undefined);
    assert.deepEqual(await ids(tx.range(accounts)), ['a', 'b', 'd', 'e']);
    assert.deepEqual(await ids(tx.range(accounts, { gt: 'a', limit: 2 })), ['b', 'd']);
    assert.deepEqual(await ids(tx.range(accounts, { reverse: true, limit: 2 })), ['e', 'd']);
    assert.deepEqual(await ids(tx.index(accounts, 'owner', { value: 'ann' })), ['a', 'e']);
    assert.deepEqual(await ids(tx.index(accounts, 'cents', { lt: CENTS })), ['e']);
    assert.deepEqual(await ids(tx.select(accounts, ({ owner }) => owner === 'cid')), ['b']);
    assert.deepEqual(await tx.fold(accounts, 0, (sum, { cents }) => sum + cents), 3 * CENTS + 7);
  });
  assert.deepEqual(await ids(dirty.range(accounts)), ['a', 'b', 'd', 'e']);
  assert.deepEqual(await ids(dirty.index(accounts, 'owner', { value: 'ann' })), ['a', 'e']);
  assert.deepEqual(await ids(dirty.index(accounts, 'owner', { gte: 'b' })), ['d', 'b']);
}

async function ids(rows: Promise<readonly Account[]>): Promise<string[]> {
  return (await rows).map(({ id }) => id);
}

export async function s17_nested(): Promise<void> {
  await fill();
  await transaction(async (tx) => {
    tx.put(accounts, { id: 'a', owner: 'ann', cents: 1 });
    const error = await thrown(() =>
      tx.transaction(async (inner) => {
        assert.deepEqual((await inner.get(accounts, 'a'))?.cents, 1);
        inner.put(accounts, { id: 'a', owner: 'ann', cents: 2 });
        inner.put(accounts, { id: 'b', owner: 'ann', cents: 2 });
        assert.deepEqual((await inner.get(accounts, 'a'))?.cents, 2);
        inner.abort('inner');
      }),
    );
    assert.deepEqual((error as AbortError).reason, 'inner');
    assert.deepEqual((await tx.get(accounts, 'a'))?.cents, 1);
    await tx.transaction((inner) => inner.put(accounts, { id: 'c', owner: 'bob', cents: 3 }));
    assert.deepEqual((await tx.get(accounts, 'c'))?.cents, 3);
    // Outside nothing of it is seen yet.
    assert.deepEqual((await dirty.get(accounts, 'c'))?.cents, CENTS);
  });
  const cents = (await dirty.range(accounts)).map((account) => account.cents);
  assert.deepEqual(cents, [1, CENTS, 3, CENTS]);
}

export async function s17_nested_outer_abort(): Promise<void> {
  await fill();
  await thrown(() =>
    transaction(async (tx) => {
      await tx.transaction((inner) => inner.delete(accounts, 'a'));
      assert.deepEqual(await tx.get(accounts, 'a'), undefined);
      tx.abort('outer');
    }),
  );
  assert.deepEqual((await dirty.get(accounts, 'a'))?.cents, CENTS);
}

export async function s17_copies(): Promise<void> {
  const given = { id: 'a', owner: 'ann', cents: CENTS };
  await transaction((tx) => {
    tx.put(accounts, given);
    given.cents = 0;
  });
  const first = (await dirty.get(accounts, 'a')) as { cents: number };
  assert.deepEqual(first.cents, CENTS);
  first.cents = 1;
  assert.deepEqual((await dirty.get(accounts, 'a'))?.cents, CENTS);
}

async function transferring(rounds: number, seed: number): Promise<void> {
  let state = seed;
  const pick = (): string => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return 'abcd'.charAt(Math.floor(state / 65536) % 4);
  };
  for (let round = 0; round < rounds; round++) {
    const [from, to] = [pick(), pick()];
    if (from === to) continue;
    await transaction(
      async (tx) => {
        await tx.update(accounts, from, (row) => ({ ...row, cents: row.cents - 1 }));
        await tx.update(accounts, to, (row) => ({ ...row, cents: row.cents + 1 }));
      },
      { retries: 100_000 },
    );
  }
}

async function watching(report: Pid): Promise<void> {
  let looks = 0;
  for (;;) {
    const sum = await transaction((tx) => tx.fold(accounts, 0, (all, { cents }) => all + cents), {
      retries: 100_000,
    });
    if (sum !== 4 * CENTS) exit({ sum });
    looks += 1;
    if (looks === 20) send(report, 'looked');
  }
}

export async function s17_serialisable(peer: number): Promise<void> {
  await fill();
  const watcher = spawnMonitor(watching, self());
  const movers = [1, peer, 1, peer].map((scheduler, at) =>
    spawnOpt({ scheduler, monitor: true }, transferring, 150, at + 1),
  );
  for (const { ref } of movers) {
    const down = await receive((message: Down) => message.type === 'DOWN' && message.ref === ref);
    assert.deepEqual(down.reason, 'normal');
  }
  await receive((message: unknown) => message === 'looked');
  assert.deepEqual(
    await transaction((tx) => tx.fold(accounts, 0, (sum, row) => sum + row.cents)),
    4 * CENTS,
  );
  exit(watcher.pid, 'kill');
  await receive((message: Down) => message.type === 'DOWN' && message.ref === watcher.ref);
}

export async function s17_held_messages(): Promise<void> {
  await fill();
  let runs = 0;
  await thrown(() =>
    transaction((tx) => {
      tx.send(self(), 'never');
      tx.abort('no');
    }),
  );
  await transaction(async (tx) => {
    runs += 1;
    await tx.get(accounts, 'a');
    tx.send(self(), 'outer');
    await thrown(() =>
      tx.transaction((inner) => {
        inner.send(self(), 'inner');
        inner.abort('no');
      }),
    );
    // Somebody else changes what was read: the first attempt is thrown away.
    if (runs === 1) await dirty.put(accounts, { id: 'a', owner: 'ann', cents: 5 });
    tx.put(accounts, { id: 'b', owner: 'ann', cents: 5 });
  });
  assert.deepEqual(runs, 2);
  assert.deepEqual(await receive(), 'outer');
  assert.deepEqual(await receive(() => true, 0), TIMEOUT);
}

export async function s17_phantoms(): Promise<void> {
  await fill();
  let runs = 0;
  const found = await transaction(async (tx) => {
    runs += 1;
    const rich = await tx.index(accounts, 'cents', { gt: CENTS });
    const all = await tx.range(accounts);
    if (runs === 1) await dirty.put(accounts, { id: 'z', owner: 'zoe', cents: 2 * CENTS });
    tx.put(accounts, { id: 'sum', owner: 'all', cents: all.length });
    return rich.length;
  });
  assert.deepEqual([runs, found], [2, 1]);
  assert.deepEqual((await dirty.get(accounts, 'sum'))?.cents, 5);
}

export async function s17_index_values_apart(): Promise<void> {
  await fill();
  let runs = 0;
  await transaction(async (tx) => {
    runs += 1;
    await tx.index(accounts, 'owner', { value: 'ann' });
    if (runs === 1) await dirty.put(accounts, { id: 'q', owner: 'quin', cents: 1 });
    tx.put(accounts, { id: 'b', owner: 'bob', cents: 1 });
  });
  assert.deepEqual(runs, 1);
}

export async function s17_retries_are_bounded(): Promise<void> {
  await fill();
  let runs = 0;
  const error = await thrown(() =>
    transaction(
      async (tx) => {
        runs += 1;
        await tx.get(accounts, 'a');
        await dirty.put(accounts, { id: 'a', owner: 'ann', cents: runs });
        tx.put(accounts, { id: 'b', owner: 'bob', cents: 1 });
      },
      { retries: 4 },
    ),
  );
  assert.deepEqual((error as AbortError).reason, 'conflict');
  assert.deepEqual(runs, 5);
}

export async function s17_no_false_failure(): Promise<void> {
  await fill();
  let runs = 0;
  await transaction(async (tx) => {
    runs += 1;
    const row = await tx.get(accounts, 'a');
    if (runs === 1) {
      await dirty.put(accounts, { id: 'a', owner: 'ann', cents: 1 });
      throw new Error(`read ${row?.cents}, which is not so any more`);
    }
  });
  assert.deepEqual(runs, 2);
}

async function dyingInside(parent: Pid): Promise<void> {
  await transaction(async (tx) => {
    const row = (await tx.get(accounts, 'a')) as Account;
    tx.put(accounts, { ...row, cents: 0 });
    send(parent, 'inside');
    await receive();
  });
}

export async function s17_death_inside(peer: number): Promise<void> {
  await fill();
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, dyingInside, self());
  await receive((message: unknown) => message === 'inside');
  await transaction((tx) => tx.put(accounts, { id: 'b', owner: 'bob', cents: 1 }));
  exit(pid, 'kill');
  await receive((message: Down) => message.type === 'DOWN' && message.ref === ref);
  await transaction((tx) => tx.put(accounts, { id: 'c', owner: 'bob', cents: 2 }));
  const cents = (await dirty.range(accounts)).map((account) => account.cents);
  assert.deepEqual(cents, [CENTS, 1, 2, CENTS]);
}

export async function s17_used_after_its_end(): Promise<void> {
  await fill();
  const kept = await transaction((tx) => ({ get: () => tx.get(accounts, 'a') }));
  const error = (await thrown(kept.get)) as { reason?: unknown };
  assert.deepEqual(error.reason, 'badarg');
}

export async function s17_compound_keys(): Promise<void> {
  await dropTable(lines);
  await transaction((tx) => {
    for (const room of ['b', 'a', 'a b']) {
      for (const number of [10, 9, -1, 2]) tx.put(lines, { room, number, text: `${number}` });
    }
  });
  const numbers = async (range: object): Promise<unknown[]> =>
    (await dirty.range(lines, range)).map(({ room, number }) => `${room}${number}`);
  assert.deepEqual(await numbers({ prefix: ['a'] }), ['a-1', 'a2', 'a9', 'a10']);
  assert.deepEqual(await numbers({ prefix: ['a'], reverse: true, limit: 2 }), ['a10', 'a9']);
  assert.deepEqual(await numbers({ prefix: ['a'], after: ['a', 2] }), ['a9', 'a10']);
  assert.deepEqual(await numbers({ gt: ['a', 9], lte: ['a b', -1] }), ['a10', 'a b-1']);
  assert.deepEqual((await dirty.get(lines, ['b', 9]))?.text, '9');
}

export async function s17_every_scheduler_sees(peer: number): Promise<void> {
  await fill();
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, adding, 'a', 5);
  const down = await receive((message: Down) => message.type === 'DOWN' && message.ref === ref);
  assert.deepEqual(down.reason, { read: CENTS });
  assert.deepEqual((await dirty.get(accounts, 'a'))?.cents, CENTS + 5);
}

async function adding(id: string, cents: number): Promise<void> {
  const before = await dirty.get(accounts, id);
  await dirty.update(accounts, id, (row) => ({ ...row, cents: row.cents + cents }));
  exit({ read: before?.cents });
}

interface Old {
  readonly id: number;
  readonly name: string;
}
interface Fresh {
  readonly id: string;
  readonly first: string;
  readonly last: string;
}
const old: Table<Old, number> = table<Old>()({ name: 'people', key: 'id', storage: 'ram' });
const fresh: Table<Fresh, string, 'last'> = table<Fresh>()({
  name: 'people',
  key: 'id',
  indexes: ['last'],
  storage: 'ram',
  version: 2,
  upgrade: ({ id, name }: Old) => {
    const [first = '', last = ''] = name.split(' ');
    return { id: `p${id}`, first, last };
  },
});

export async function s17_migrate(): Promise<void> {
  await dropTable(old);
  await transaction((tx) => {
    for (let id = 1; id <= 1200; id++) tx.put(old, { id, name: `N${id} L${id % 3}` });
  });
  const early = (await thrown(() => dirty.get(fresh, 'p1'))) as { reason?: unknown };
  assert.deepEqual(early.reason, 'schema');
  const told: number[] = [];
  assert.deepEqual(await migrate(fresh, { onProgress: ({ done }) => told.push(done) }), 1200);
  assert.deepEqual(told, [500, 1000, 1200]);
  assert.deepEqual(await dirty.get(fresh, 'p7'), { id: 'p7', first: 'N7', last: 'L1' });
  assert.deepEqual((await dirty.index(fresh, 'last', { value: 'L2' })).length, 400);
  assert.deepEqual(await migrate(fresh), 0);
  const late = (await thrown(() => dirty.get(old, 1))) as Error;
  assert.match(late.message, /version 2 and this program knows 1/);
  await dropTable(fresh);
}

const failing: Table<Fresh, string> = table<Fresh>()({
  name: 'people',
  key: 'id',
  storage: 'ram',
  version: 3,
  upgrade: ({ id }: Old) => {
    if (id === 600) throw new RangeError('600');
    return { id: `${id}`, first: '', last: '' };
  },
});

export async function s17_migrate_fails(): Promise<void> {
  await dropTable(old);
  await transaction((tx) => {
    for (let id = 1; id <= 700; id++) tx.put(old, { id, name: 'N L' });
  });
  const error = await thrown(() => migrate(failing));
  assert.deepEqual(error instanceof RangeError, true);
  await dirty.put(old, { id: 701, name: 'still there' });
  assert.deepEqual((await dirty.range(old)).length, 701);
  await dropTable(old);
}

async function migratingForEver(parent: Pid): Promise<void> {
  await migrate(fresh, {
    onProgress: () => {
      send(parent, 'half');
      exit(self(), 'kill');
    },
  });
}

export async function s17_migrate_dies(peer: number): Promise<void> {
  await dropTable(old);
  await transaction((tx) => {
    for (let id = 1; id <= 700; id++) tx.put(old, { id, name: 'N L' });
  });
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, migratingForEver, self());
  await receive((message: Down) => message.type === 'DOWN' && message.ref === ref);
  await receive((message: unknown) => message === 'half');
  await dirty.put(old, { id: 701, name: 'still there' });
  assert.deepEqual((await dirty.range(old)).length, 701);
  await dropTable(old);
}

export async function s17_disc_needs_a_folder(): Promise<void> {
  const kept: Table<Account, string> = table<Account>()({ name: 'kept', key: 'id' });
  const error = (await thrown(() => dirty.get(kept, 'a'))) as Error;
  assert.match(error.message, /no data folder/);
}

export async function s17_rows(): Promise<void> {
  await dropTable(lines);
  await transaction((tx) => {
    for (let number = 0; number < 1300; number++) tx.put(lines, { room: 'r', number, text: '' });
  });
  let count = 0;
  for await (const { number } of dirty.rows(lines)) {
    assert.deepEqual(number, count);
    count += 1;
  }
  assert.deepEqual(count, 1300);
  const sum = await transaction((tx) => tx.fold(lines, 0, (all, { number }) => all + number));
  assert.deepEqual(sum, (1299 * 1300) / 2);
  await dropTable(lines);
  await ensureTable(lines);
  assert.deepEqual(await dirty.range(lines), []);
}
