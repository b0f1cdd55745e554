/** Worker pools. Workers and callers run where the placement says. */
import assert from 'node:assert/strict';
import {
  counter,
  exit,
  monitor,
  monotonicTime,
  type Pid,
  receive,
  self,
  send,
  spawnOpt,
  trapExit,
} from 'tsvm';
import { call, cast, isStartError, type ServerMessage, startLink, stop } from 'tsvm/gen-server';
import * as pool from 'tsvm/pool';
import { child } from 'tsvm/supervisor';
import type { Member } from './member.js';
import * as member from './member.js';
import * as pools from './pools.js';
import { downReason, eventually, nothing, raises, take } from './support.js';

type Message = ServerMessage<typeof member>;

const tools = pool.pool<Message>('tools');

export function startTool(scheduler: number): Promise<Member> {
  return startLink(member, 'tool', { scheduler });
}

type Given = Omit<pool.PoolSpec, 'worker'>;

async function having(
  peer: number,
  given: Given,
  body: (server: pool.PoolServer) => Promise<void>,
) {
  trapExit(true);
  const server = await pool.startLink(tools, {
    worker: child('tool', startTool, [peer]),
    ...given,
  });
  await body(server);
  await stop(server, 'shutdown');
  await take((m) => (m as { from?: Pid }).from === (server as unknown as Pid), 'EXIT of the pool');
  await nothing();
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail('it should have failed'),
    (error: { reason?: unknown }) => error.reason,
  );

const is = async (idle: number, lent: number, overflow = 0, waiting = 0): Promise<void> =>
  assert.deepEqual(await pool.status(tools), { idle, lent, overflow, waiting });

async function ends(pid: Pid<never>, reason: string): Promise<void> {
  const ref = monitor(pid);
  exit(pid, reason);
  await downReason(ref);
}

/** Borrows a worker, says so, and keeps it until it is told to bring it back. */
export async function borrower(to: Pid, name: number): Promise<void> {
  send(to, { asking: name });
  const worker = await pool.checkout(tools, { timeoutMs: 60_000 });
  send(to, { name, worker });
  await receive((message) => message === 'bring back');
  pool.checkin(tools, worker);
}

async function borrow(peer: number, name: number): Promise<Pid> {
  const pid = spawnOpt({ scheduler: peer }, borrower, self(), name);
  await take((m) => (m as { asking?: number }).asking === name, 'borrower');
  return pid;
}

const borrowed = (): Promise<{ name: number; worker: Member }> =>
  take((m) => typeof (m as { name?: unknown }).name === 'number', 'somebody who borrowed');

const waiting = (count: number): Promise<void> =>
  eventually(`${count} wait`, async () => (await pool.status(tools)).waiting === count);

// ---- lending ------------------------------------------------------------------------------------

export async function s1_lend(peer: number): Promise<void> {
  await having(peer, { size: 2 }, async () => {
    await is(2, 0);
    const [a, b] = [await pool.checkout(tools), await pool.checkout(tools)];
    assert.notEqual(a, b);
    await is(0, 2);
    assert.equal(await pool.tryCheckout(tools), undefined);
    assert.equal(await call(a, { type: 'state' }), 'tool');
    pool.checkin(tools, a);
    pool.checkin(tools, a);
    assert.equal(await pool.tryCheckout(tools), a);
    for (const each of [a, b]) pool.checkin(tools, each);
    await is(2, 0);
  });
}

export async function s1_order(peer: number): Promise<void> {
  for (const order of ['lifo', 'fifo'] as const) {
    await having(peer, { size: 3, order }, async () => {
      const all = [
        await pool.checkout(tools),
        await pool.checkout(tools),
        await pool.checkout(tools),
      ];
      for (const each of all) pool.checkin(tools, each);
      const next = await pool.checkout(tools);
      assert.equal(next, order === 'lifo' ? all[2] : all[0]);
      pool.checkin(tools, next);
    });
  }
}

export async function s1_overflow(peer: number): Promise<void> {
  await having(peer, { size: 1, overflowMax: 1 }, async () => {
    const [a, b] = [await pool.checkout(tools), await pool.checkout(tools)];
    await is(0, 2, 1);
    assert.equal(await pool.tryCheckout(tools), undefined);
    const ref = monitor(a);
    pool.checkin(tools, a);
    assert.equal(await downReason(ref), 'shutdown', 'one too many');
    await is(0, 1);
    pool.checkin(tools, b);
    await is(1, 0);
  });
}

export async function s1_with_worker(peer: number): Promise<void> {
  await having(peer, { size: 1 }, async () => {
    assert.equal(await pool.withWorker(tools, (worker) => call(worker, { type: 'state' })), 'tool');
    await is(1, 0);
    const failed = pool.withWorker(tools, () => exit('no luck'));
    assert.equal(await failureOf(failed), 'no luck');
    await is(1, 0);
  });
}

// ---- waiting ------------------------------------------------------------------------------------

export async function s2_wait(peer: number): Promise<void> {
  await having(peer, { size: 1 }, async () => {
    const own = await pool.checkout(tools);
    const pids: Pid[] = [];
    for (let name = 0; name < 4; name++) {
      pids.push(await borrow(name % 2 === 0 ? peer : 1, name));
      await waiting(name + 1);
    }
    pool.checkin(tools, own);
    for (let name = 0; name < 4; name++) {
      assert.equal((await borrowed()).name, name);
      await is(0, 1, 0, 3 - name);
      send(pids[name] as Pid, 'bring back');
    }
    await eventually('all came back', async () => (await pool.status(tools)).idle === 1);
  });
}

export async function s2_timeout(peer: number): Promise<void> {
  await having(peer, { size: 1 }, async () => {
    const worker = await pool.checkout(tools);
    const reason = await failureOf(pool.checkout(tools, { timeoutMs: 5 }));
    assert.deepEqual(reason, { reason: 'timeout', pool: 'tools' });
    await is(0, 1);
    pool.checkin(tools, worker);
    await is(1, 0);
    // Time-outs around the moment of lending: sometimes it was lent already, and comes back.
    let timeouts = 0;
    for (let round = 0; round < 100; round++) {
      const first = await pool.checkout(tools);
      const holder = spawnOpt({ scheduler: peer }, pools.bringBack, first, round % 4);
      const second = await pool.checkout(tools, { timeoutMs: 1 }).catch(() => null);
      if (second === null) timeouts += 1;
      else pool.checkin(tools, second);
      const ref = monitor(holder);
      await downReason(ref);
    }
    assert.ok(timeouts > 0, 'no time-out came');
    await eventually('it came back', async () => (await pool.status(tools)).idle === 1);
    await nothing();
  });
}

export async function bringBack(worker: Member, ms: number): Promise<void> {
  await receive((message) => message === 'never', ms / 2);
  pool.checkin(tools, worker);
}

export async function s2_queue_full(peer: number): Promise<void> {
  await having(peer, { size: 1, queueMax: 1 }, async () => {
    const worker = await pool.checkout(tools);
    const other = await borrow(peer, 1);
    await waiting(1);
    assert.deepEqual(await failureOf(pool.checkout(tools)), {
      reason: 'queue_full',
      pool: 'tools',
    });
    pool.checkin(tools, worker);
    await borrowed();
    send(other, 'bring back');
    await eventually('it came back', async () => (await pool.status(tools)).idle === 1);
  });
}

// ---- ends ---------------------------------------------------------------------------------------

export async function s3_caller_ends(peer: number): Promise<void> {
  await having(peer, { size: 1 }, async () => {
    const first = await borrow(peer, 1);
    const { worker } = await borrowed();
    const second = await borrow(1, 2);
    await waiting(1);
    await ends(first, 'kill');
    assert.deepEqual(await borrowed(), { name: 2, worker });
    await ends(second, 'kill');
    await eventually('it came back', async () => (await pool.status(tools)).idle === 1);
  });
}

export async function s3_waiting_caller_ends(peer: number): Promise<void> {
  await having(peer, { size: 1 }, async () => {
    const worker = await pool.checkout(tools);
    const [gone, other] = [await borrow(peer, 1), await borrow(peer, 2)];
    await waiting(2);
    await ends(gone, 'kill');
    await waiting(1);
    pool.checkin(tools, worker);
    assert.equal((await borrowed()).name, 2);
    send(other, 'bring back');
    await eventually('it came back', async () => (await pool.status(tools)).idle === 1);
  });
}

export async function s3_worker_ends(peer: number): Promise<void> {
  await having(peer, { size: 2, intensity: 100 }, async () => {
    const lent = await pool.checkout(tools);
    await ends(lent, 'kill');
    await eventually('it is replaced', async () => (await pool.status(tools)).idle === 2);
    const idle = await pool.checkout(tools);
    pool.checkin(tools, idle);
    await is(2, 0);
    await ends(idle, 'kill');
    await eventually('it is replaced', async () => {
      const next = await pool.checkout(tools);
      pool.checkin(tools, next);
      return next !== idle && (await pool.status(tools)).idle === 2;
    });
    // Who waits gets the one that is started in its place.
    const [a, b] = [await pool.checkout(tools), await pool.checkout(tools)];
    const other = await borrow(peer, 1);
    await waiting(1);
    await ends(a, 'kill');
    const { worker } = await borrowed();
    assert.notEqual(worker, a);
    send(other, 'bring back');
    pool.checkin(tools, b);
    await eventually('all came back', async () => (await pool.status(tools)).idle === 2);
  });
}

export async function s3_workers_end_too_often(peer: number): Promise<void> {
  trapExit(true);
  const worker = child('tool', startTool, [peer]);
  const server = await pool.startLink(tools, { worker, size: 1, intensity: 2 });
  for (let time = 0; time < 3; time++) await ends(await pool.checkout(tools), 'kill');
  const exited = await take<{ reason: unknown }>(
    (m) => (m as { from?: unknown }).from === server,
    'EXIT',
  );
  assert.equal(exited.reason, 'shutdown');
}

export async function s3_pool_ends(peer: number): Promise<void> {
  trapExit(true);
  const server = await pool.startLink(tools, { worker: child('tool', startTool, [peer]), size: 2 });
  const [lent, idle] = [await pool.checkout(tools), await pool.checkout(tools)];
  pool.checkin(tools, idle);
  const refs = [monitor(lent), monitor(idle)] as const;
  await stop(server, 'shutdown');
  for (const ref of refs) assert.equal(await downReason(ref), 'shutdown');
  await take((m) => (m as { from?: unknown }).from === server, 'EXIT');
  await raises('badarg', /none runs under the name "tools"/, () => pool.checkout(tools));
  await raises('badarg', /none runs under the name "tools"/, () => pool.status(tools));
}

// ---- rates --------------------------------------------------------------------------------------

export async function s4_rate(peer: number): Promise<void> {
  const [limit, intervalMs] = [3, 60];
  await having(peer, { size: 8, rate: { limit, intervalMs } }, async () => {
    const asked: number[] = [];
    const got: number[] = [];
    for (let n = 0; n < 10; n++) {
      asked.push(monotonicTime());
      const worker = await pool.checkout(tools, { timeoutMs: 60_000 });
      got.push(monotonicTime());
      pool.checkin(tools, worker);
    }
    // The pool lent each between these two times; so of any four in a row the last came an interval later.
    for (let n = limit; n < 10; n++) {
      const between = (got[n] as number) - (asked[n - limit] as number);
      assert.ok(between >= intervalMs - 0.01, `${limit + 1} within ${between} ms`);
    }
  });
  await having(peer, { size: 2, rate: { limit: 1, intervalMs: 600_000 } }, async () => {
    pool.checkin(tools, await pool.checkout(tools));
    assert.equal(await pool.tryCheckout(tools), undefined, 'for who does not wait too');
    const reason = await failureOf(pool.checkout(tools, { timeoutMs: 5 }));
    assert.deepEqual(reason, { reason: 'timeout', pool: 'tools' });
    await is(2, 0);
  });
}

// ---- failures -----------------------------------------------------------------------------------

/** Fails from the `from`th start on. */
export function startSome(key: string, from: number): Promise<Member> {
  if (counter(key).add(1) >= from) throw new Error('planned');
  return startLink(member, 'tool');
}

export async function s5_start_fails(peer: number): Promise<void> {
  trapExit(true);
  const worker = child('tool', startSome, [`pool ${peer} a ${self()}`, 2]);
  const failed = await pool.startLink(tools, { worker, size: 2 }).catch((error: unknown) => error);
  assert.ok(isStartError(failed));
  assert.match(String(failed), /not started: Error: planned/);
  await take((m) => (m as { type?: unknown }).type === 'EXIT', 'EXIT of the pool');
}

export async function s5_overflow_fails(peer: number): Promise<void> {
  const worker = child('tool', startSome, [`pool ${peer} b ${self()}`, 2]);
  trapExit(true);
  const server = await pool.startLink(tools, { worker, size: 1, overflowMax: 1 });
  const first = await pool.checkout(tools);
  const reason = (await failureOf(pool.checkout(tools))) as { reason: { kind: string } };
  assert.equal(reason.reason.kind, 'worker_failed');
  pool.checkin(tools, first);
  await is(1, 0);
  await stop(server, 'shutdown');
  await take((m) => (m as { type?: unknown }).type === 'EXIT', 'EXIT of the pool');
}

export async function s5_bad_arguments(peer: number): Promise<void> {
  trapExit(true);
  const worker = child('tool', startTool, [peer]);
  const wrong: readonly (readonly [pool.PoolSpec, string])[] = [
    [{ worker, size: -1 }, 'size'],
    [{ worker, size: 0 }, 'size'],
    [{ worker, size: 1, overflowMax: 0.5 }, 'overflowMax'],
    [{ worker, size: 1, queueMax: -1 }, 'queueMax'],
    [{ worker, size: 1, order: 'random' as 'lifo' }, 'order'],
    [{ worker, size: 1, rate: { limit: 0, intervalMs: 1 } }, 'rate.limit'],
    [{ worker, size: 1, rate: { limit: 1, intervalMs: 0 } }, 'rate.intervalMs'],
  ];
  for (const [spec, field] of wrong) {
    const reason = (await failureOf(pool.startLink(tools, spec))) as {
      kind: string;
      field: string;
    };
    assert.deepEqual([reason.kind, reason.field], ['bad_pool', field]);
    await take((m) => (m as { type?: unknown }).type === 'EXIT', 'EXIT of the pool');
  }
}

// ---- many ---------------------------------------------------------------------------------------

/** Uses workers many times; each use must be alone with its worker. Every so often it ends with one in its hands. */
export async function user(to: Pid, name: number): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const worker = await pool.checkout(tools, { timeoutMs: 60_000 });
    cast(worker, { type: 'set', to: name });
    if ((await call(worker, { type: 'state' })) !== name) send(to, { shared: worker });
    if (name % 5 === 0 && round === 10) exit('in the middle');
    pool.checkin(tools, worker);
  }
}

export async function s6_many(peer: number): Promise<void> {
  await having(peer, { size: 3, overflowMax: 2 }, async () => {
    const refs = Array.from({ length: 20 }, (_, name) => {
      const scheduler = name % 2 === 0 ? 1 : peer;
      return spawnOpt({ scheduler, monitor: true }, user, self(), name).ref;
    });
    const reasons: unknown[] = [];
    for (const ref of refs) reasons.push(await downReason(ref));
    const expected = refs.map((_, name) => (name % 5 === 0 ? 'in the middle' : 'normal'));
    assert.deepEqual(reasons, expected);
    await eventually('all came back', async () => (await pool.status(tools)).lent === 0);
    await is(3, 0);
  });
}
