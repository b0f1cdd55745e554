/** Tables (SEMANTICS §16), with rows that other schedulers write and read. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  atomic,
  exit,
  link,
  monitor,
  type Pid,
  persistentTerm,
  processInfo,
  receive,
  self,
  send,
  type Table,
  tables,
  trapExit,
  yieldNow,
} from 'tsvm';
import {
  ask,
  Cast,
  death,
  downReason,
  isDown,
  isExit,
  next,
  raises,
  settle,
  take,
} from './support.js';

interface User {
  id: number;
  name: string;
  age: number;
  tags: string[];
}
type Users = Table<User, 'id'>;
type Tuple = [key: number, count: number, text: string];

const ada: User = { id: 1, name: 'Ada', age: 36, tags: ['math'] };
const bob: User = { id: 2, name: 'Bob', age: 18, tags: [] };

const isTransfer = (message: unknown): message is tables.TableTransfer =>
  (message as { type?: unknown }).type === 'ETS-TRANSFER';

function users(access: tables.TableAccess = 'public'): Users {
  return tables.create<User, 'id'>({ key: 'id', access });
}

/** Do something with a table in a puppet. */
const there = <R = unknown>(pid: Pid, fn: string, ...args: unknown[]): Promise<R> =>
  ask<R>(pid, 'table', fn, ...args);

/** What a puppet is told raises `badarg` there. */
async function refuses(message: RegExp, told: () => Promise<unknown>): Promise<void> {
  await assert.rejects(told, { reason: 'badarg', message });
}

export async function s16_1_a_set_has_one_row_for_each_key(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = users();
  tables.insert(table, ada);
  tables.insert(table, { ...ada, age: 37 }, bob);
  assert.deepEqual(await there(far, 'lookup', table, 1), { ...ada, age: 37 });
  assert.deepEqual(tables.lookup(table, 2), bob);
  assert.equal(tables.lookup(table, 3), undefined);
  assert.equal(tables.info(table)?.size, 2);
  assert.equal(tables.member(table, 2), true);
  assert.equal(await there(far, 'delete', table, 2), 1);
  assert.equal(tables.member(table, 2), false);
  assert.equal(tables.lookupElement(table, 1, 'name'), 'Ada');
  assert.equal(tables.lookupElement(table, 9, 'name', 'nobody'), 'nobody');
  await raises('badarg', /the key of a row/, () => tables.lookupElement(table, 9, 'name'));
  await cast.end();
}

export async function s16_1_an_ordered_set_is_in_term_order(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = tables.create<[key: unknown], 0, 'ordered_set'>({
    key: 0,
    type: 'ordered_set',
    access: 'public',
  });
  const keys = [null, true, Number.NaN, -1, 0, 7, 2n, 'a', 'b', [1], [1, 2], { a: 1 }];
  await there(far, 'insert', table, ...[...keys].reverse().map((key) => [key]));
  assert.deepEqual(
    tables.toArray(table).map(([key]) => key),
    keys,
  );
  assert.equal(tables.first(table), null);
  assert.deepEqual(tables.last(table), { a: 1 });
  assert.equal(tables.next(table, 1), 7);
  assert.equal(tables.next(table, 7), 2n);
  assert.equal(tables.prev(table, 7), 0);
  assert.equal(tables.prev(table, null), undefined);
  assert.equal(tables.lookup(table, -0)?.[0], 0);
  assert.deepEqual(tables.select(table, { where: { 0: { $gte: 'a', $lt: [1, 2] } } }), [
    ['a'],
    ['b'],
    [[1]],
  ]);
  await cast.end();
}

export async function s16_1_a_bag_has_each_object_once(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const bag = tables.create<Tuple, 0, 'bag'>({ key: 0, type: 'bag', access: 'public' });
  tables.insert(bag, [1, 1, 'a'], [1, 2, 'b'], [1, 1, 'a'], [2, 0, 'c']);
  await there(far, 'insert', bag, [1, 1, 'a']);
  assert.deepEqual(tables.lookup(bag, 1), [
    [1, 1, 'a'],
    [1, 2, 'b'],
  ]);
  assert.deepEqual(tables.lookupElement(bag, 1, 2), ['a', 'b']);
  assert.equal(tables.deleteObject(bag, [1, 1, 'a']), 1);
  assert.deepEqual(await there(far, 'take', bag, 1), [[1, 2, 'b']]);
  assert.deepEqual(tables.lookup(bag, 1), []);
  await cast.end();
}

export async function s16_1_a_duplicate_bag_keeps_equal_objects(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const bag = tables.create<Tuple, 0, 'duplicate_bag'>({
    key: 0,
    type: 'duplicate_bag',
    access: 'public',
  });
  tables.insert(bag, [1, 1, 'a'], [1, 1, 'a']);
  await there(far, 'insert', bag, [1, 2, 'b']);
  assert.deepEqual(tables.lookup(bag, 1), [
    [1, 1, 'a'],
    [1, 1, 'a'],
    [1, 2, 'b'],
  ]);
  assert.equal(tables.deleteObject(bag, [1, 1, 'a']), 2);
  await cast.end();
}

export async function s16_2_a_protected_table_is_read_by_all_and_changed_by_its_owner(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = users('protected');
  tables.insert(table, ada);
  assert.deepEqual(await there(far, 'lookup', table, 1), ada);
  await refuses(/protected/, () => there(far, 'insert', table, bob));
  await refuses(/protected/, () => there(far, 'delete', table, 1));
  await refuses(/protected/, () => there(far, 'deleteAllObjects', table));
  await refuses(/protected/, () => there(far, 'drop', table));
  assert.deepEqual(tables.toArray(table), [ada]);
  await cast.end();
}

export async function s16_2_a_private_table_is_its_owners(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = users('private');
  tables.insert(table, ada);
  await refuses(/private/, () => there(far, 'lookup', table, 1));
  await refuses(/private/, () => there(far, 'select', table));
  assert.equal((await there<{ size: number }>(far, 'info', table)).size, 1);
  await cast.end();
}

export async function s16_2_what_does_not_fit_raises_badarg(): Promise<void> {
  const table = users();
  const raw = tables as unknown as Record<string, (...args: unknown[]) => unknown>;
  const wrong = (text: RegExp, fn: string, ...args: unknown[]): Promise<void> =>
    raises('badarg', text, () => raw[fn]?.(...args));
  await wrong(/no table/, 'lookup', 'nowhere', 1);
  await wrong(/no table/, 'lookup', 7, 1);
  await wrong(/with a key/, 'insert', table, { name: 'nobody' });
  await wrong(/with a key/, 'insert', table, 7);
  await wrong(/type/, 'create', { key: 'id', type: 'heap' });
  await wrong(/key/, 'create', {});
  await wrong(/only key/, 'create', { key: 'id', colour: 'red' });
  await wrong(/key/, 'updateCounter', table, 1, { field: 'id', by: 1 });
  await wrong(/the key of a row/, 'updateCounter', table, 1, { field: 'age', by: 1 });
  tables.insert(table, ada);
  await wrong(/not a number/, 'updateCounter', table, 1, { field: 'name', by: 1 });
  await wrong(/not a number/, 'updateCounter', table, 1, [
    { field: 'age', by: 1 },
    { field: 'name', by: 1 },
  ]);
  await wrong(/key of the table/, 'next', table, 99);
  await wrong(/\$near/, 'select', table, { where: { age: { $near: 3 } } });
  await wrong(/where, select/, 'select', table, { were: {} });
  await raises('badarg', /./, () => raw['insert']?.(table, { ...ada, id: () => 1 }));
  await assert.rejects(async () => raw['insert']?.(table, { ...ada, name: () => 1 }), {
    name: 'DataCloneError',
  });
  await assert.rejects(async () => raw['insert']?.(table, bob, { ...ada, name: () => 1 }), {
    name: 'DataCloneError',
  });
  assert.deepEqual(tables.toArray(table), [ada]);
}

export async function s16_3_an_insert_of_several_is_seen_whole(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const table = tables.create<Tuple, 0>({ key: 0, access: 'public' });
  tables.insert(table, [1, 0, ''], [2, 0, ''], [3, 0, '']);
  const writers = [1, 2].map((from) => cast.start(insertMany, table, from, self()));
  const reader = cast.near();
  let changed = 0;
  let before = -1;
  for (let done = 0; done < writers.length; ) {
    if ((await receive(undefined, 0)) === 'done') done += 1;
    // One page is one look at the table: it holds one state of the three rows.
    const counts = tables.selectPage(table, { select: 1 }, 3).rows;
    assert.equal(new Set(counts).size, 1, `rows of different inserts: ${counts}`);
    if (counts[0] !== before) changed += 1;
    before = counts[0] as number;
    await yieldNow();
  }
  assert.ok(changed > 1, 'the reader never saw a change');
  await settle(reader);
  await cast.end();
}

export async function insertMany(table: Table<Tuple, 0>, from: number, parent: Pid): Promise<void> {
  for (let count = from; count < 2000; count += 2) {
    tables.insert(table, [1, count, 'x'], [2, count, 'y'.repeat(count % 50)], [3, count, 'z']);
    if (count % 50 === 0) await yieldNow();
  }
  send(parent, 'done');
}

export async function s16_3_insert_new_takes_all_or_none(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = users();
  assert.equal(tables.insertNew(table, ada), true);
  assert.equal(tables.insertNew(table, bob, { ...ada, age: 1 }), false);
  assert.equal(await there(far, 'insertNew', table, ada), false);
  assert.deepEqual(tables.toArray(table), [ada]);
  assert.equal(await there(far, 'insertNew', table, bob), true);
  await cast.end();
}

export async function s16_3_insert_new_has_one_winner(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const table = tables.create<Tuple, 0>({ key: 0, access: 'public' });
  const racers = [
    cast.start(raceInserts, table, 1, self()),
    cast.start(raceInserts, table, 2, self()),
  ];
  await raceInserts(table, 0, self());
  let won = 0;
  for (let index = 0; index <= racers.length; index += 1) {
    won += (await next('a count of wins')) as number;
  }
  assert.equal(won, 1000);
  assert.equal(tables.info(table)?.size, 1000);
  await cast.end();
}

export async function raceInserts(table: Table<Tuple, 0>, by: number, parent: Pid): Promise<void> {
  let won = 0;
  for (let key = 0; key < 1000; key += 1) {
    if (tables.insertNew(table, [key, by, ''])) won += 1;
    if (key % 20 === 0) await yieldNow();
  }
  send(parent, won);
}

export async function s16_4_counters_lose_nothing(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const table = tables.create<Tuple, 0>({ key: 0, access: 'public' });
  const counting = [cast.start(countUp, table, self()), cast.start(countUp, table, self())];
  await countUp(table, self());
  for (let index = 0; index <= counting.length; index += 1) await next('done');
  const [, count] = tables.lookup(table, 1) ?? assert.fail('no row');
  assert.equal(count, 3 * 2000);
  await cast.end();
}

export async function countUp(table: Table<Tuple, 0>, parent: Pid): Promise<void> {
  for (let times = 0; times < 2000; times += 1) {
    tables.updateCounter(table, 1, { field: 1, by: 1 }, [1, 0, '']);
    if (times % 100 === 0) await yieldNow();
  }
  send(parent, 'done');
}

export async function s16_4_counters_have_bounds(): Promise<void> {
  const table = tables.create<[string, number, number], 0>({ key: 0 });
  tables.insert(table, ['a', 5, 1]);
  assert.equal(tables.updateCounter(table, 'a', { field: 1, by: 2 }), 7);
  assert.equal(tables.updateCounter(table, 'a', { field: 1, by: 9, threshold: 10 }), 10);
  assert.equal(tables.updateCounter(table, 'a', { field: 1, by: 1, threshold: 10, setTo: 0 }), 0);
  assert.equal(tables.updateCounter(table, 'a', { field: 1, by: -5, threshold: -2, setTo: 4 }), 4);
  const both = [
    { field: 1, by: 1 },
    { field: 2, by: -0.5 },
    { field: 1, by: 2 ** 40 },
  ] as const;
  assert.deepEqual(tables.updateCounter(table, 'a', both), [5, 0.5, 5 + 2 ** 40]);
  assert.deepEqual(tables.lookup(table, 'a'), ['a', 5 + 2 ** 40, 0.5]);
}

export async function s16_4_update_element_sets_fields(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = users();
  tables.insert(table, ada);
  assert.equal(tables.updateElement(table, 1, { age: 40, tags: ['x', 'y'] }), true);
  assert.deepEqual(await there(far, 'lookup', table, 1), { ...ada, age: 40, tags: ['x', 'y'] });
  assert.equal(tables.updateElement(table, 5, { age: 1 }), false);
  assert.equal(tables.updateElement(table, 5, { age: 1 }, bob), true);
  assert.deepEqual(tables.lookup(table, 5), { ...bob, id: 5, age: 1 });
  await cast.end();
}

export async function s16_5_select_with_conditions(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = users();
  for (let id = 0; id < 300; id += 1) {
    tables.insert(table, { id, name: `u${id}`, age: id % 60, tags: id % 2 === 0 ? ['even'] : [] });
  }
  const where = { age: { $gte: 10, $lt: 12 }, $or: [{ tags: ['even'] }, { id: 11 }] };
  const ids = tables.select(table, { where, select: 'id' }).sort((a, b) => a - b);
  assert.deepEqual(ids, [10, 11, 70, 130, 190, 250]);
  assert.deepEqual(await there(far, 'selectCount', table, where), 6);
  assert.deepEqual(tables.select(table, { where: { id: 7 }, select: ['id', 'name'] }), [
    { id: 7, name: 'u7' },
  ]);
  assert.equal(tables.selectCount(table, { $not: { age: { $in: [1, 2, 3] } } }), 285);
  assert.equal(tables.selectCount(table, { id: { $lt: { $field: 'age' } } }), 0);
  assert.equal(tables.selectCount(table), 300);
  assert.equal(tables.selectReplace(table, { age: 5 }, { age: { $add: 100 }, name: 'old' }), 5);
  assert.deepEqual(
    tables.select(table, { where: { name: 'old' }, select: 'age' }),
    [105, 105, 105, 105, 105],
  );
  assert.equal(await there(far, 'selectDelete', table, { age: { $gt: 50 } }), 45 + 5);
  assert.equal(tables.info(table)?.size, 250);
  await cast.end();
}

export async function s16_5_select_page_by_page(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  for (const type of ['set', 'ordered_set'] as const) {
    const table = tables.create<Tuple, 0, typeof type>({ key: 0, type, access: 'public' });
    for (let key = 0; key < 1000; key += 1) tables.insert(table, [key, key % 7, '']);
    const found: number[] = [];
    let page = tables.selectPage(table, { where: { 1: { $ne: 3 } }, select: 0 }, 37);
    for (;;) {
      found.push(...page.rows);
      if (page.more === null) break;
      // A continuation is data: another process may go on with it.
      page = await there(far, 'nextPage', page.more);
    }
    const expected = Array.from({ length: 1000 }, (_, key) => key).filter((key) => key % 7 !== 3);
    assert.deepEqual(type === 'set' ? found.sort((a, b) => a - b) : found, expected);
  }
  await cast.end();
}

export async function s16_6_a_fixed_table_is_iterated_under_deletes(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const table = tables.create<Tuple, 0>({ key: 0, access: 'public' });
  for (let key = 0; key < 1000; key += 1) tables.insert(table, [key, 0, '']);
  const churning = cast.start(churn, table);
  tables.safeFixTable(table, true);
  const seen: number[] = [];
  for (let key = tables.first(table); key !== undefined; key = tables.next(table, key)) {
    seen.push(key);
    // The very row that the iteration stands on.
    if (key % 2 === 1) tables.delete(table, key);
    if (seen.length % 50 === 0) await yieldNow();
  }
  tables.safeFixTable(table, false);
  exit(churning, 'kill');
  const even = seen.filter((key) => key % 2 === 0 && key < 1000);
  assert.equal(even.length, 500, 'each object that was there all the time, once');
  assert.equal(new Set(seen).size, seen.length, 'none twice');
  assert.equal(tables.info(table)?.fixed, 0);
  await cast.end();
}

/** Inserts and deletes other rows, so that the table grows and its places are wanted. */
export async function churn(table: Table<Tuple, 0>): Promise<void> {
  for (let key = 1000; ; key += 1) {
    tables.insert(table, [key, 0, '']);
    tables.delete(table, key - 20 > 1000 ? key - 20 : key);
    if (key % 10 === 0) await yieldNow();
  }
}

export async function s16_6_fixes_end_with_their_process(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [first, second] = [cast.puppet(), cast.puppet()];
  const table = users();
  tables.insert(table, ada, bob);
  await there(first, 'safeFixTable', table, true);
  await there(first, 'safeFixTable', table, true);
  await there(second, 'safeFixTable', table, true);
  tables.delete(table, 1);
  assert.equal(tables.info(table)?.fixed, 3);
  await there(second, 'safeFixTable', table, false);
  await there(second, 'safeFixTable', table, false);
  assert.equal(tables.info(table)?.fixed, 2);
  const ref = monitor(first);
  exit(first, 'kill');
  await downReason(ref);
  assert.equal(tables.info(table)?.fixed, 0);
  assert.deepEqual(tables.toArray(table), [bob]);
  await cast.end();
}

export async function s16_6_a_fold_sees_each_row_once(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const table = tables.create<Tuple, 0>({ key: 0, access: 'public' });
  for (let key = 0; key < 1000; key += 1) tables.insert(table, [key, 1, '']);
  const churning = cast.start(churn, table);
  await yieldNow();
  const sum = tables.fold(table, ([key, count], total) => (key < 1000 ? total + count : total), 0);
  assert.equal(sum, 1000);
  let rows = 0;
  for (const [key] of tables.rows(table)) {
    if (key >= 1000) continue;
    rows += 1;
    if (rows % 100 === 0) await yieldNow();
  }
  assert.equal(rows, 1000);
  exit(churning, 'kill');
  await cast.end();
}

/** Makes tables and ends as it is told. */
export async function owner(parent: Pid, heir: Pid | null): Promise<void> {
  const plain = tables.create<User, 'id'>({ key: 'id', name: 'plain_table', access: 'public' });
  const inherited = tables.create<User, 'id'>({
    key: 'id',
    name: 'inherited_table',
    ...(heir === null ? {} : { heir: { pid: heir, data: { why: 'heir' } } }),
  });
  tables.insert(plain, ada);
  tables.insert(inherited, bob);
  send(parent, 'ready');
  await receive((message) => message === 'end');
}

export async function s16_7_tables_are_gone_before_their_owner_is_reported_dead(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  for (let round = 0; round < 20; round += 1) {
    const pid = cast.start(owner, self() as Pid, null);
    const ref = monitor(pid);
    await link(pid);
    assert.equal(await take((m) => m === 'ready', 'ready'), 'ready');
    send(pid, 'end');
    if (round % 2 === 0) await take(isDown(ref), 'DOWN');
    else await take(isExit(pid), 'EXIT');
    assert.equal(tables.whereis('plain_table'), undefined);
    // The names are free at once.
    tables.drop(tables.create<User, 'id'>({ key: 'id', name: 'plain_table' }));
    await take(round % 2 === 0 ? isExit(pid) : isDown(ref), 'the other one');
  }
  await cast.end();
}

export async function s16_7_an_heir_gets_the_table_before_it_hears_of_the_end(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(owner, self() as Pid, self() as Pid);
  const ref = monitor(pid);
  assert.equal(await next('ready'), 'ready');
  send(pid, 'end');
  const table = tables.named<User, 'id'>('inherited_table');
  assert.deepEqual(await next('transfer'), {
    type: 'ETS-TRANSFER',
    table,
    from: pid,
    data: { why: 'heir' },
  });
  await downReason(ref);
  assert.deepEqual(tables.toArray(table), [bob]);
  tables.insert(table, ada);
  assert.equal(tables.info(table)?.owner, self());
  tables.drop(table);
  await cast.end();
}

export async function s16_7_a_dead_heir_gets_nothing(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const heir = cast.puppet();
  const pid = cast.start(owner, self() as Pid, heir);
  assert.equal(await next('ready'), 'ready');
  const gone = monitor(heir);
  exit(heir, 'kill');
  await downReason(gone);
  const ref = monitor(pid);
  send(pid, 'end');
  await downReason(ref);
  assert.equal(tables.whereis('inherited_table'), undefined);
  await cast.end();
}

export async function s16_7_give_away(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = users('protected');
  tables.insert(table, ada);
  tables.giveAway(table, far, { gift: 1 });
  assert.deepEqual(await ask(far, 'next'), {
    type: 'ETS-TRANSFER',
    table,
    from: self(),
    data: { gift: 1 },
  });
  await raises('badarg', /protected/, () => tables.insert(table, bob));
  await raises('badarg', /owner/, () => tables.giveAway(table, far, null));
  await there(far, 'insert', table, bob);
  assert.equal(tables.info(table)?.size, 2);
  await there(far, 'giveAway', table, self(), 'back');
  assert.ok(isTransfer(await next('transfer')));
  tables.giveAway(table, far, null);
  const ref = monitor(far);
  exit(far, 'kill');
  await downReason(ref);
  assert.equal(tables.info(table), undefined);
  const dead = cast.near();
  exit(dead, 'kill');
  await death(dead);
  await raises('badarg', /no process/, () => tables.giveAway(users(), dead, null));
  await cast.end();
}

export async function s16_7_a_table_given_to_a_dying_process_is_never_left(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  let refused = 0;
  for (let round = 0; round < 100; round += 1) {
    const far = cast.start(shortLife);
    const table = users();
    const ref = monitor(far);
    if (round % 3 === 0) exit(far, 'kill');
    if (round % 3 === 1) send(far, 'end');
    try {
      tables.giveAway(table, far, null);
    } catch {
      refused += 1;
      tables.drop(table);
    }
    if (round % 3 === 2) send(far, 'end');
    await downReason(ref);
    // A signal behind the table's message: by then whoever must look after it has done so.
    const probe = cast.puppet();
    await settle(probe);
    assert.equal(tables.info(table), undefined);
  }
  assert.ok(refused < 100, 'no table was ever given');
  await cast.end();
}

export async function shortLife(): Promise<void> {
  await receive((message) => message === 'end');
}

export async function s16_8_names(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = tables.create<User, 'id'>({ key: 'id', name: 'people', access: 'public' });
  assert.equal(table, 'people');
  await raises('badarg', /already/, () => tables.create<User, 'id'>({ key: 'id', name: 'people' }));
  await there(far, 'insert', 'people', ada);
  assert.deepEqual(tables.lookup(tables.named<User, 'id'>('people'), 1), ada);
  const ref = tables.whereis(table) ?? assert.fail('no reference');
  assert.deepEqual(tables.lookup(ref, 1), ada);
  const renamed = tables.rename(table, 'folk');
  await refuses(/no table/, () => there(far, 'lookup', 'people', 1));
  assert.deepEqual(await there(far, 'lookup', renamed, 1), ada);
  assert.ok(tables.all().includes(ref));
  assert.deepEqual((await processInfo(self()))?.tables, [ref]);
  tables.drop(renamed);
  await refuses(/no table/, () => there(far, 'lookup', ref, 1));
  assert.equal(await there(far, 'whereis', 'folk'), undefined);
  const again = tables.create<User, 'id'>({ key: 'id', name: 'folk' });
  assert.equal(tables.info(again)?.size, 0);
  await raises('badarg', /no table/, () => tables.lookup(ref, 1));
  await cast.end();
}

export async function s16_9_rows_are_copies(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const table = users();
  const mine: User = { ...ada, tags: ['one'] };
  tables.insert(table, mine);
  mine.tags.push('two');
  const read = tables.lookup(table, 1) ?? assert.fail('no row');
  assert.deepEqual(read.tags, ['one']);
  read.tags.push('three');
  read.age = 0;
  assert.deepEqual(tables.lookup(table, 1), { ...ada, tags: ['one'] });
  const held = tables.lookup(table, 1);
  await there(far, 'updateElement', table, 1, { age: 99 });
  assert.equal(held?.age, 36, 'what a reader holds never changes');
  assert.equal(tables.lookup(table, 1)?.age, 99);
  for (const row of tables.rows(table)) row.tags.push('four');
  assert.deepEqual(tables.lookup(table, 1)?.tags, ['one']);
  await cast.end();
}

export async function s16_10_files(): Promise<void> {
  const path = join(tmpdir(), `tsvm-table-${process.pid}-${Math.random()}`);
  try {
    const table = tables.create<User, 'id'>({ key: 'id', name: 'filed' });
    for (let id = 0; id < 2000; id += 1) tables.insert(table, { ...ada, id });
    await tables.toFile(table, path);
    await raises('badarg', /already/, () => tables.fromFile(path));
    const copied = await tables.fromFile<User, 'id'>(path, { name: null });
    assert.equal(tables.info(copied)?.size, 2000);
    assert.deepEqual(tables.lookup(copied, 1234), { ...ada, id: 1234 });
    tables.drop(table);
    assert.equal(await tables.fromFile<User, 'id'>(path), 'filed');
    const whole = readFileSync(path);
    for (const at of [20, whole.length >> 1, whole.length - 3]) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] as number) ^ 4;
      writeFileSync(path, flipped);
      await raises('badarg', /no complete table file/, () => tables.fromFile(path));
      writeFileSync(path, whole.subarray(0, at));
      await raises('badarg', /no complete table file/, () => tables.fromFile(path));
    }
  } finally {
    rmSync(path, { force: true });
  }
}

export async function s16_11_persistent_terms_are_shared_and_frozen(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const far = cast.puppet();
  const config = { hosts: ['a', 'b'], limits: { size: 7 } };
  persistentTerm.put(['config', 1], config);
  config.hosts.push('c');
  const read = persistentTerm.get<typeof config>(['config', 1]);
  assert.deepEqual(read, { hosts: ['a', 'b'], limits: { size: 7 } });
  assert.equal(persistentTerm.get(['config', 1]), read, 'no copy');
  assert.ok(Object.isFrozen(read.limits));
  assert.deepEqual(await ask(far, 'persistentTerm', ['config', 1]), read);
  persistentTerm.put(['config', 1], 'new');
  assert.equal(await ask(far, 'persistentTerm', ['config', 1]), 'new');
  assert.deepEqual(read.hosts, ['a', 'b']);
  assert.equal(persistentTerm.info().count, 1);
  assert.equal(persistentTerm.erase(['config', 1]), true);
  assert.equal(persistentTerm.erase(['config', 1]), false);
  assert.equal(persistentTerm.get(['config', 1], 5), 5);
  await raises('badarg', /a key that was put/, () => persistentTerm.get('none'));
  await assert.rejects(async () => persistentTerm.put('x', new Map()), { name: 'DataCloneError' });
  assert.equal(tables.all().length, 0);
  await cast.end();
}

export async function s16_11_atomics_are_exchanged_and_compared(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const name = `s16_11_${peer}_${Math.random()}`;
  const number = atomic(name);
  number.set(2 ** 50);
  assert.equal(number.exchange(-3), 2 ** 50);
  assert.equal(number.compareExchange(5, 6), -3);
  assert.equal(number.compareExchange(-3, 0), -3);
  assert.equal(number.get(), 0);
  const adding = [1, 2].map(() => cast.start(addByExchange, name, self()));
  for (const _ of adding) await next('done');
  assert.equal(number.get(), 2000);
  await raises('badarg', /safe integer/, () => number.add(0.5));
  await cast.end();
}

export async function addByExchange(name: string, parent: Pid): Promise<void> {
  const number = atomic(name);
  for (let times = 0; times < 1000; times += 1) {
    for (;;) {
      const seen = number.get();
      if (number.compareExchange(seen, seen + 1) === seen) break;
    }
    if (times % 50 === 0) await yieldNow();
  }
  send(parent, 'done');
}
