/** Partitioned supervisors. Partitions are on all schedulers, whatever the placement says. */
import assert from 'node:assert/strict';
import { monitor, type Pid, schedulers, thisScheduler, trapExit } from 'tsvm';
import { call, isStartError, type ServerMessage, startLink, stop } from 'tsvm/gen-server';
import * as partitionSupervisor from 'tsvm/partition-supervisor';
import { everywhere, type Partition, partitioned, via, whereis } from 'tsvm/partition-supervisor';
import {
  type ChildSpec,
  child,
  type Supervisor,
  type SupervisorMessage,
  startChild,
  startLink as startSupervisor,
} from 'tsvm/supervisor';
import * as member from './member.js';
import { by, type Member } from './member.js';
import * as partitions from './partitions.js';
import { downReason, eventually, nothing, raises, take } from './support.js';

type Message = ServerMessage<typeof member>;

const caches = partitioned<Message>('caches');
const three = partitioned<Message>('three', { partitions: 3 });

/** Where a member runs. */
export function place(): number {
  return thisScheduler();
}

export function startCache(state: unknown): Promise<Member> {
  return startLink(member, state);
}

const CHILDREN: readonly ChildSpec[] = [child('cache', startCache, ['empty'])];

async function having(
  of: partitionSupervisor.Partitioned<never>,
  spec: partitionSupervisor.PartitionSpec,
  body: () => Promise<void>,
): Promise<void> {
  trapExit(true);
  const supervisor = await partitionSupervisor.startLink(of, spec);
  await body();
  await stop(supervisor, 'shutdown');
  await take((m) => (m as { from?: Pid }).from === (supervisor as unknown as Pid), 'EXIT');
  await nothing();
}

export async function s1_one_for_each_scheduler(_peer: number): Promise<void> {
  await having(caches, { children: CHILDREN }, async () => {
    const pids = await everywhere(caches);
    assert.equal(pids.length, schedulers());
    const places: number[] = [];
    for (const pid of pids) places.push(await by(pid as Member, partitions.place));
    assert.deepEqual(
      places,
      Array.from({ length: schedulers() }, (_, n) => n + 1),
    );
  });
}

/** A supervisor of whatever it is asked to start. */
export function startShelf(): Promise<Supervisor> {
  const book = child('book', partitions.startCache, [] as never, { restart: 'temporary' });
  return startSupervisor({ strategy: 'simple_one_for_one', children: [book] });
}

const shelves = partitioned<SupervisorMessage>('shelves');

export async function s1_below_stays_together(_peer: number): Promise<void> {
  await having(shelves, { children: [child('shelf', startShelf, [])] }, async () => {
    for (let part = 0; part < 2 * schedulers(); part++) {
      const { pid } = await startChild(via(shelves, part), ['book']);
      const place = await by(pid as unknown as Member, partitions.place);
      assert.equal(place, (part % schedulers()) + 1);
    }
  });
}

export async function s1_keys(_peer: number): Promise<void> {
  await having(three, { children: CHILDREN }, async () => {
    const pids = await everywhere(three);
    assert.equal(new Set(pids).size, 3);
    for (let n = 0; n < 7; n++) assert.equal(await whereis(three, n), pids[n % 3]);
    assert.equal(await whereis(three, { a: 1, b: [2] }), await whereis(three, { b: [2], a: 1 }));
    const counts = [0, 0, 0];
    for (let n = 0; n < 3000; n++) {
      const part = partitionSupervisor.partitionOf(three, `user ${n}`);
      counts[part] = (counts[part] ?? 0) + 1;
    }
    assert.ok(Math.min(...counts) > 900, `spread ${counts}`);
  });
}

export async function s1_via(_peer: number): Promise<void> {
  await having(three, { children: CHILDREN }, async () => {
    await call(via(three, 'user'), { type: 'state' });
    assert.equal(await call(via(three, 'user', 'cache'), { type: 'state' }), 'empty');
    const gone = await call(via(three, 'user', 'no such'), { type: 'state' }).catch(
      (e: { reason: { reason: unknown } }) => e.reason.reason,
    );
    assert.equal(gone, 'noproc');
    const first = await startLink(member, 1, { name: via(three, 'user') }).catch((e: unknown) => e);
    assert.ok(isStartError(first) && (first.reason as { kind: string }).kind === 'already_started');
    const other = await startLink(member, 1, { name: via(three, 'user', 'no such') }).catch(
      (e: unknown) => e,
    );
    assert.match(String(other), /nothing can be started under one/);
    await take((m) => (m as { type?: unknown }).type === 'EXIT', 'EXIT of the refused');
  });
}

export function childrenOf({ index, scheduler }: Partition): readonly ChildSpec[] {
  return [
    child('cache', startCache, [{ index, scheduler }]),
    child('spare', startCache, ['spare']),
  ];
}

export async function s1_children_by_partition(_peer: number): Promise<void> {
  await having(three, { children: childrenOf }, async () => {
    for (let index = 0; index < 3; index++) {
      const scheduler = (index % schedulers()) + 1;
      assert.deepEqual(await call(via(three, index), { type: 'state' }), { index, scheduler });
      assert.equal(await call(via(three, index, 'spare'), { type: 'state' }), 'spare');
    }
  });
}

export async function s2_restart(_peer: number): Promise<void> {
  await having(three, { children: CHILDREN }, async () => {
    const before = await everywhere(three);
    await call(via(three, 1), { type: 'crash' }).catch(() => {});
    const after = await everywhere(three);
    assert.deepEqual([after[0], after[2]], [before[0], before[2]]);
    assert.notEqual(after[1], before[1]);
    assert.equal(await by(after[1] as Member, partitions.place), (1 % schedulers()) + 1);
  });
}

export async function s2_partition_gives_up(_peer: number): Promise<void> {
  await having(three, { children: CHILDREN, intensity: 1 }, async () => {
    const before = await everywhere(three);
    const ref = monitor('three.1');
    for (let time = 0; time < 2; time++) {
      await call(via(three, 1), { type: 'crash' }).catch(() => {});
    }
    assert.equal(await downReason(ref), 'shutdown');
    let after: Member[] = [];
    await eventually('the partition is there again', async () => {
      after = (await everywhere(three).catch(() => [])) as Member[];
      return after.length === 3;
    });
    assert.equal(after[2], before[2]);
    assert.notEqual(after[1], before[1]);
  });
}

export function startNever(): never {
  throw new Error('planned');
}

export async function s2_does_not_start(_peer: number): Promise<void> {
  trapExit(true);
  const failed = await partitionSupervisor
    .startLink(three, { children: [child('never', startNever, [])] })
    .catch((error: unknown) => error);
  assert.ok(isStartError(failed));
  assert.match(String(failed), /child "0": child "never": Error: planned/);
  await take((m) => (m as { type?: unknown }).type === 'EXIT', 'EXIT');
}

export async function s2_bad_arguments(): Promise<void> {
  await raises('badarg', /partitions: expected/, () => partitioned('none', { partitions: 1.5 }));
  await raises('badarg', /none runs under the name "three"/, () => whereis(three, 1));
}
