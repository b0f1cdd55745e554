/** Processes of test/vm/stable-server.test.ts. */

import assert from 'node:assert/strict';
import { type Down, exit, monitor, type Pid, receive, send } from 'tsvm';
import { dirty, type Table, table } from 'tsvm/db';
import { call, cast, isStartError, stop } from 'tsvm/gen-server';
import { forget, start, startLink } from 'tsvm/stable-server';
import { child, startLink as startSupervisor } from 'tsvm/supervisor';
import { getState, replaceState } from 'tsvm/sys';
import * as ledger from './stable-ledger.js';
import * as hasty from './stable-ledger-hasty.js';
import * as ledgerNext from './stable-ledger-next.js';
import * as me from './stable-server.js';
import * as wallet from './stable-wallet.js';

/** As stable-server defines it; the tests count what is in it. */
const entries: Table<{ id: string; number: number }, readonly [string, number]> = table<{
  id: string;
  number: number;
}>()({ name: 'tsvm.changes', key: ['id', 'number'], storage: 'disc-only' });

async function ended(pid: Pid<never>): Promise<unknown> {
  const ref = monitor(pid);
  const { reason } = (await receive((message: Down) => message?.ref === ref)) as Down;
  return reason;
}

async function refusal(starting: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await starting;
  } catch (error) {
    if (isStartError(error)) return error.reason as Record<string, unknown>;
    throw error;
  }
  return exit('it was not refused');
}

export async function s17_whole(peer: number): Promise<void> {
  const first = await start(wallet, 'whole', 'ann', { scheduler: peer });
  assert.equal(await call(first, { type: 'pay', by: 5 }), 5);
  // The state is the same object, and another one than what is kept.
  assert.equal(await call(first, { type: 'payInPlace', by: 2 }), 7);
  cast(first, { type: 'bonus', by: 10 });
  send(first, { type: 'tip', by: 100 });
  assert.equal((await call(first, { type: 'get' })).cents, 118);
  exit(first, 'kill');
  await ended(first);
  const second = await start(wallet, 'whole', 'bob');
  assert.deepEqual(await call(second, { type: 'get' }), { cents: 118, log: ['ann', '2'] });
  assert.equal(await call(second, { type: 'payAndStop', by: 1 }), 'stopped');
  await ended(second);
  const third = await start(wallet, 'whole', 'cid');
  assert.equal((await call(third, { type: 'get' })).cents, 119);
  await stop(third);
  assert.equal(await forget('whole'), true);
  assert.equal(await forget('whole'), false);
  const fourth = await start(wallet, 'whole', 'dan');
  assert.deepEqual(await call(fourth, { type: 'get' }), { cents: 0, log: ['dan'] });
  await stop(fourth);
}

export async function s17_journal(peer: number): Promise<void> {
  const options = { scheduler: peer, snapshotEvery: 10, durability: 'relaxed' } as const;
  await forget('journal');
  const first = await start(ledger, 'journal', undefined, options);
  assert.equal(await call(first, { type: 'book', cents: 3, times: 4 }), 'after 0');
  cast(first, { type: 'gift', cents: 100 });
  assert.deepEqual(await call(first, { type: 'get' }), { total: 112, count: 5 });
  exit(first, 'kill');
  await ended(first);
  assert.equal((await dirty.range(entries, { prefix: ['journal'] })).length, 5);
  const second = await start(ledger, 'journal', undefined, options);
  assert.deepEqual(await call(second, { type: 'get' }), { total: 112, count: 5 });
  for (let round = 0; round < 7; round++) {
    await call(second, { type: 'book', cents: 1, times: 3 });
    // What a restart has to apply is bounded.
    assert.ok((await dirty.range(entries, { prefix: ['journal'] })).length < 10);
  }
  assert.equal(await call(second, { type: 'bookAndStop', cents: 1000 }), 'stopped');
  await ended(second);
  const third = await start(ledger, 'journal', undefined, options);
  assert.deepEqual(await call(third, { type: 'get' }), { total: 1133, count: 27 });
  await stop(third);
}

export async function s17_supervised(peer: number): Promise<void> {
  await forget('supervised');
  const supervisor = await startSupervisor({
    intensity: 5,
    children: [child('wallet', me.startWallet, [peer])],
  });
  assert.equal(await call('the wallet', { type: 'pay', by: 5 }), 5);
  const failed = await call('the wallet', { type: 'fail', by: 1 }).catch((error: unknown) => error);
  assert.match(JSON.stringify((failed as { reason: unknown }).reason), /failed/);
  for (;;) {
    // Until the supervisor has started it again, nobody has the name.
    const found = await call<wallet.Wallet>('the wallet', { type: 'get' }).catch(() => undefined);
    if (found === undefined) continue;
    assert.deepEqual(found, { cents: 5, log: ['ann'] });
    break;
  }
  await stop(supervisor);
}

export function startWallet(scheduler: number): Promise<Pid> {
  return startLink(wallet, 'supervised', 'ann', { scheduler, name: 'the wallet' }) as Promise<Pid>;
}

export async function s17_one_at_a_time(peer: number): Promise<void> {
  await forget('one');
  const first = await start(wallet, 'one', 'ann', { scheduler: peer });
  const reason = await refusal(start(wallet, 'one', 'bob'));
  assert.deepEqual([reason['kind'], reason['pid']], ['already_started', first]);
  await assert.rejects(forget('one'), /stop it first/);
  assert.equal(await call(first, { type: 'pay', by: 1 }), 1);
  // As if another one had taken it over meanwhile.
  const owners = table<{ id: string; token: string }>()({ name: 'tsvm.servers', key: 'id' });
  await dirty.update(owners, 'one', (owner) => ({ ...owner, token: 'another' }));
  const failed = await call(first, { type: 'pay', by: 1 }).catch((error: unknown) => error);
  assert.match(JSON.stringify((failed as { reason: unknown }).reason), /not_owner/);
  const second = await start(wallet, 'one', 'cid');
  assert.equal((await call(second, { type: 'get' })).cents, 1);
  await stop(second);
}

export async function s17_versions(peer: number): Promise<void> {
  await forget('versions');
  const first = await start(ledger, 'versions', undefined, { scheduler: peer });
  await call(first, { type: 'book', cents: 250, times: 3 });
  await stop(first);
  assert.equal((await refusal(start(hasty, 'versions')))['kind'], 'no_code_change');
  const second = await start(ledgerNext, 'versions', undefined, { scheduler: peer });
  assert.deepEqual(await call(second, { type: 'get' }), { euros: 7.5, count: 3 });
  assert.equal((await dirty.range(entries, { prefix: ['versions'] })).length, 0);
  await call(second, { type: 'add', euros: 1 });
  await stop(second);
  const refused = await refusal(start(ledger, 'versions'));
  assert.deepEqual([refused['kind'], refused['stored'], refused['program']], ['newer_state', 2, 1]);
  assert.match(String(refused['message']), /run the newer program/);
  const third = await start(ledgerNext, 'versions');
  assert.deepEqual(await call(third, { type: 'get' }), { euros: 8.5, count: 4 });
  await stop(third);
}

export async function s17_replaced_by_hand(): Promise<void> {
  await forget('by hand');
  const first = await start(ledger, 'by hand');
  await call(first, { type: 'book', cents: 1, times: 1 });
  await replaceState(first, me.doubled, []);
  assert.deepEqual(await getState(first), { total: 2, count: 1 });
  exit(first, 'kill');
  await ended(first);
  const second = await start(ledger, 'by hand');
  assert.deepEqual(await call(second, { type: 'get' }), { total: 2, count: 1 });
  await stop(second);
}

export function doubled(state: ledger.Ledger): ledger.Ledger {
  return { ...state, total: 2 * state.total };
}

export async function s17_wrong_result(): Promise<void> {
  await forget('wrong');
  const pid = await start(ledger, 'wrong');
  const failed = await call(pid, { type: 'wrong' }).catch((error: unknown) => error);
  assert.match(JSON.stringify((failed as { reason: unknown }).reason), /gives? changes/);
}

export async function s17_bad_arguments(): Promise<void> {
  for (const [starting, expected] of [
    [() => start(wallet, '', 'ann'), /id: expected text/],
    [() => start(wallet, 'x', 'ann', { durability: 'never' as never }), /durability: expected/],
    [() => start(wallet, 'x', 'ann', { snapshotEvery: 0 }), /snapshotEvery: expected/],
    [() => start(me as never, 'x'), /version: expected/],
  ] as const) {
    let failure: unknown;
    try {
      await starting();
    } catch (error) {
      failure = error;
    }
    assert.match(String(failure), expected);
  }
}
