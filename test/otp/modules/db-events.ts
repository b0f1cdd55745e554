/** Processes of test/otp/db-events.test.ts: changes of tables as messages. */

import assert from 'node:assert/strict';
import {
  demonitor,
  exit,
  monitor,
  type Pid,
  type Ref,
  receive,
  self,
  send,
  spawnOpt,
  TIMEOUT,
} from 'tsvm';
import {
  dirty,
  dropTable,
  migrate,
  subscribe,
  type Table,
  type TableEvent,
  table,
  transaction,
  unsubscribe,
} from 'tsvm/db';

interface Item {
  readonly id: number;
  readonly text: string;
}

const items: Table<Item, number> = table<Item>()({ name: 'items', key: 'id', storage: 'ram' });
const others: Table<Item, number> = table<Item>()({ name: 'others', key: 'id', storage: 'ram' });

type Event = TableEvent<typeof items, 'detailed'>;

async function next(): Promise<Event> {
  return (await receive((message: Event) => message?.type === 'table_event')) as Event;
}

/** Everything there is, in short; the mailbox is empty after the last one, which is put here. */
async function upToMark(ref: Ref, mark: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (;;) {
    const event = await next();
    assert.equal(event.ref, ref);
    if (event.event === 'put' && event.record.id === mark) return seen;
    if (event.event === 'put') seen.push(['put', event.record.id, event.record.text]);
    else if (event.event === 'delete') seen.push(['delete', event.key]);
    else seen.push([event.event]);
  }
}

const MARK = -1;

async function mark(): Promise<void> {
  await dirty.put(items, { id: MARK, text: 'mark' });
}

async function fresh(): Promise<void> {
  await dropTable(items);
  await dirty.put(items, { id: 1, text: 'one' });
}

export async function s17_simple(peer: number): Promise<void> {
  await fresh();
  const ref = await subscribe(items);
  const parent = self();
  spawnOpt({ scheduler: peer }, changing, parent);
  await receive((message) => message === 'changed');
  assert.deepEqual(await upToMark(ref, MARK), [
    ['put', 2, 'two'],
    ['put', 1, 'uno'],
    ['delete', 2],
  ]);
  unsubscribe(ref);
}

export async function changing(parent: Pid): Promise<void> {
  await dirty.put(items, { id: 2, text: 'two' });
  await transaction((tx) => {
    tx.put(items, { id: 1, text: 'uno' });
    tx.delete(items, 2);
    tx.delete(items, 17);
  });
  await mark();
  send(parent, 'changed');
}

export async function s17_detailed(): Promise<void> {
  await fresh();
  const ref = await subscribe(items, 'detailed');
  await dirty.put(items, { id: 1, text: 'uno' });
  await dirty.put(items, { id: 2, text: 'two' });
  await dirty.delete(items, 1);
  const [put, created, deleted] = [await next(), await next(), await next()];
  assert.ok(put.event === 'put' && created.event === 'put' && deleted.event === 'delete');
  assert.deepEqual(put.before, { id: 1, text: 'one' });
  assert.deepEqual([created.record, created.before], [{ id: 2, text: 'two' }, undefined]);
  assert.deepEqual([deleted.key, deleted.before], [1, { id: 1, text: 'uno' }]);
  assert.equal(deleted.table, 'items');
  unsubscribe(ref);
}

export async function s17_aborted_is_not_told(): Promise<void> {
  await fresh();
  const ref = await subscribe(items);
  await transaction((tx) => {
    tx.put(items, { id: 3, text: 'never' });
    tx.abort('no');
  }).catch(() => {});
  await mark();
  assert.deepEqual(await upToMark(ref, MARK), []);
  unsubscribe(ref);
}

const WRITERS = 4;
const EACH = 25;

export async function s17_commit_order(peer: number): Promise<void> {
  await fresh();
  await dropTable(others);
  const mine = await subscribe(items);
  const theirs = await subscribe(others);
  for (let writer = 0; writer < WRITERS; writer++) {
    spawnOpt({ scheduler: writer % 2 === 0 ? peer : 1 }, writing, writer);
  }
  let last = 0;
  const counts = { items: 0, others: 0 };
  const rows = new Map<number, string>();
  while (counts.items + counts.others < 2 * WRITERS * EACH) {
    const event = await next();
    assert.ok(event.commit >= last, `${event.commit} behind ${last}`);
    last = event.commit;
    assert.ok(event.event === 'put');
    counts[event.table as 'items' | 'others'] += 1;
    if (event.table === 'items') rows.set(event.record.id, event.record.text);
  }
  assert.deepEqual(counts, { items: WRITERS * EACH, others: WRITERS * EACH });
  // Who follows the changes ends where the table is: all put the same row.
  assert.equal(rows.get(5), (await dirty.get(items, 5))?.text);
  unsubscribe(mine);
  unsubscribe(theirs);
}

export async function writing(writer: number): Promise<void> {
  for (let number = 0; number < EACH; number++) {
    const record = { id: 5, text: `${writer} ${number}` };
    await transaction((tx) => {
      tx.put(items, record);
      tx.put(others, record);
    });
  }
}

export async function s17_unsubscribe(): Promise<void> {
  await fresh();
  const ref = await subscribe(items);
  const other = await subscribe(items);
  assert.equal(unsubscribe(ref), true);
  assert.equal(unsubscribe(ref), false);
  await mark();
  // The other one has it, so it was told to whoever was to be told.
  assert.deepEqual(await upToMark(other, MARK), []);
  unsubscribe(other);
  assert.equal(await receive(undefined, 0), TIMEOUT);
}

export async function s17_ends_with_its_process(peer: number): Promise<void> {
  await fresh();
  const pid = spawnOpt({ scheduler: peer }, subscribing, self());
  await receive((message) => message === 'subscribed');
  const down = monitor(pid);
  exit(pid, 'kill');
  await receive((message) => (message as { ref?: unknown })?.ref === down);
  demonitor(down);
  const ref = await subscribe(items);
  await mark();
  assert.deepEqual(await upToMark(ref, MARK), []);
  unsubscribe(ref);
}

export async function subscribing(parent: Pid): Promise<void> {
  await subscribe(items);
  send(parent, 'subscribed');
  await receive((message) => message === 'never');
}

export async function s17_migrated_and_dropped(): Promise<void> {
  await fresh();
  const ref = await subscribe(items);
  const newer: Table<Item, number, 'text'> = table<Item>()({
    name: 'items',
    key: 'id',
    indexes: ['text'],
    storage: 'ram',
    version: 2,
    upgrade: (record: Item) => ({ ...record, text: record.text.toUpperCase() }),
  });
  await migrate(newer);
  await dirty.put(newer, { id: 4, text: 'four' });
  await dropTable(newer);
  const events = [await next(), await next(), await next()];
  assert.deepEqual(
    events.map(({ event }) => event),
    ['migrated', 'put', 'dropped'],
  );
  assert.ok(events[0]?.event === 'migrated' && events[0].version === 2);
  await fresh();
  const again = await subscribe(items);
  await mark();
  assert.deepEqual(await upToMark(again, MARK), []);
  unsubscribe(again);
  unsubscribe(ref);
}

export async function s17_subscribe_copies(): Promise<void> {
  await fresh();
  const [first, second] = [await subscribe(items), await subscribe(items)];
  await dirty.put(items, { id: 2, text: 'two' });
  const [a, b] = [await next(), await next()];
  assert.ok(a.event === 'put' && b.event === 'put');
  assert.notEqual(a.ref, b.ref);
  assert.notEqual(a.record, b.record);
  assert.deepEqual(a.record, b.record);
  unsubscribe(first);
  unsubscribe(second);
}

export async function s17_bad_detail(): Promise<void> {
  const failure = await subscribe(items, 'all' as never).catch((error: Error) => error);
  assert.match(String(failure), /expected 'simple' or 'detailed'/);
}
