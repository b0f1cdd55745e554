/** Registries of keys. Members run where the placement says; the registry's partitions are on all schedulers. */
import assert from 'node:assert/strict';
import { hrtime } from 'node:process';
import {
  exit,
  isAlive,
  monitor,
  type Pid,
  receive,
  register,
  schedulers,
  self,
  send,
  spawnOpt,
  trapExit,
} from 'tsvm';
import * as eventManager from 'tsvm/gen-event';
import type { ServerMessage } from 'tsvm/gen-server';
import {
  call,
  cast,
  isStartError,
  receiveResponse,
  sendRequest,
  startLink,
  stop,
} from 'tsvm/gen-server';
import { call as callMachine, startLink as startMachine } from 'tsvm/gen-statem';
import * as registry from 'tsvm/registry';
import { type Registry, via } from 'tsvm/registry';
import { child, startLink as startSupervisor, whichChildren } from 'tsvm/supervisor';
import * as sys from 'tsvm/sys';
import * as door from './door.js';
import * as keyRegistry from './key-registry.js';
import * as member from './member.js';
import { by, type Member, startMember } from './member.js';
import { downReason, eventually, next, nothing, raises, take, waitUntil } from './support.js';

type Key = string | number | { readonly room: string; readonly floor?: number };
interface Info {
  readonly size: number;
  readonly tags?: readonly string[];
}

const rooms = registry.unique<Key, Info, ServerMessage<typeof member>>('rooms');
const topics = registry.duplicate<Key, Info, ServerMessage<typeof member>>('topics');

/** Of processes of any kind. */
const things = registry.unique<string>('things');

/** Where the test process runs. */
const TEST_SLOT = 1;

const at = (peer: number) => ({ scheduler: peer });

/** Run a test with a registry, and end it in order. */
async function having(
  of: Registry<never, never, never>,
  body: () => Promise<void>,
  options: registry.RegistryOptions = {},
): Promise<void> {
  trapExit(true);
  const supervisor = await registry.startLink(of, options);
  await body();
  await stop(supervisor, 'shutdown');
  const ended = await next('EXIT of the registry');
  assert.deepEqual(ended, { type: 'EXIT', from: supervisor, reason: 'shutdown' });
}

async function killed(...pids: readonly Pid<never>[]): Promise<void> {
  for (const pid of pids) {
    const ref = monitor(pid);
    exit(pid, 'kill');
    await downReason(ref);
  }
}

// ---- unique -------------------------------------------------------------------------------------

export async function s1_unique(peer: number): Promise<void> {
  await having(rooms, async () => {
    const [a, b] = [await startMember(at(peer)), await startMember()];
    assert.deepEqual(await by(a, registry.register, rooms, 'hall', { size: 1 }), { ok: true });
    assert.deepEqual(await by(b, registry.register, rooms, 'hall', { size: 2 }), {
      ok: false,
      pid: a,
    });
    assert.deepEqual(await by(a, registry.register, rooms, 'hall', { size: 3 }), {
      ok: false,
      pid: a,
    });
    assert.deepEqual(await registry.lookup(rooms, 'hall'), [
      { key: 'hall', pid: a, value: { size: 1 } },
    ]);
    assert.equal(await registry.whereis(rooms, 'hall'), a);
    assert.equal(await registry.whereis(rooms, 'cellar'), undefined);
    assert.deepEqual(await registry.lookup(rooms, 'cellar'), []);
    assert.equal(await by(b, registry.unregister, rooms, 'hall'), 0, 'not its own');
    assert.equal(await by(a, registry.unregister, rooms, 'hall', { size: 9 }), 0, 'another value');
    assert.equal(await by(a, registry.unregister, rooms, 'hall', { size: 1 }), 1);
    assert.deepEqual(await by(b, registry.register, rooms, 'hall', { size: 2 }), { ok: true });
    await killed(a, b);
  });
}

export async function s1_keys_by_value(peer: number): Promise<void> {
  await having(rooms, async () => {
    const pid = await startMember(at(peer));
    await by(pid, registry.register, rooms, { room: 'hall', floor: 2 }, { size: 1 });
    await by(pid, registry.register, rooms, 1, { size: 2 });
    assert.equal(await registry.whereis(rooms, { floor: 2, room: 'hall' }), pid);
    assert.equal(await registry.whereis(rooms, { room: 'hall', floor: 3 }), undefined);
    assert.equal(await registry.whereis(rooms, 1), pid);
    assert.equal(await registry.whereis(rooms, '1'), undefined, 'a number is no text');
    await raises('badarg', /content/, () => registry.lookup(rooms, (() => 1) as never));
    await killed(pid);
  });
}

export async function s1_values(peer: number): Promise<void> {
  await having(rooms, async () => {
    const [a, b] = [await startMember(at(peer)), await startMember()];
    await by(a, registry.register, rooms, 'hall', { size: 1 });
    assert.deepEqual(await by(a, keyRegistry.grow, 'hall'), { size: 2 });
    assert.equal(await by(b, keyRegistry.grow, 'hall'), undefined, 'not its own');
    assert.deepEqual(await registry.values(rooms, 'hall', a), [{ size: 2 }]);
    assert.deepEqual(await registry.values(rooms, 'hall', b), []);
    await killed(a, b);
  });
}

export function grow(key: Key): Promise<Info | undefined> {
  return registry.updateValue(rooms, key, ({ size }) => ({ size: size + 1 }));
}

export async function s1_select(peer: number): Promise<void> {
  await having(rooms, async () => {
    const [a, b] = [await startMember(at(peer)), await startMember()];
    await by(
      a,
      registry.register,
      rooms,
      { room: 'hall', floor: 1 },
      { size: 1, tags: ['x', 'y'] },
    );
    await by(a, registry.register, rooms, { room: 'bar', floor: 1 }, { size: 2, tags: ['x'] });
    await by(b, registry.register, rooms, { room: 'den', floor: 2 }, { size: 2 });
    const found = async (pattern: registry.Selection<Key, Info>): Promise<string[]> =>
      (await registry.select(rooms, pattern))
        .map(({ key }) => (key as { room: string }).room)
        .sort();
    assert.deepEqual(await found({}), ['bar', 'den', 'hall']);
    assert.deepEqual(await found({ key: { floor: 1 } }), ['bar', 'hall']);
    assert.deepEqual(await found({ value: { size: 2 } }), ['bar', 'den']);
    assert.deepEqual(await found({ value: { tags: [undefined, 'y'] } }), ['hall']);
    assert.deepEqual(await found({ pid: a, value: { size: 2 } }), ['bar']);
    assert.equal(await registry.count(rooms), 3);
    assert.equal(await registry.count(rooms, { key: { floor: 2 } }), 1);
    assert.deepEqual(
      (await registry.keys(rooms, a)).map((key) => (key as { room: string }).room).sort(),
      ['bar', 'hall'],
    );
    await killed(a, b);
  });
}

// ---- duplicate ----------------------------------------------------------------------------------

export async function s2_duplicate(peer: number): Promise<void> {
  await having(topics, async () => {
    const [a, b] = [await startMember(at(peer)), await startMember()];
    for (const size of [1, 2]) await by(a, registry.register, topics, 'news', { size });
    await by(b, registry.register, topics, 'news', { size: 3 });
    assert.deepEqual(
      (await registry.lookup(topics, 'news')).map(({ pid, value }) => [pid, value.size]),
      [
        [a, 1],
        [a, 2],
        [b, 3],
      ],
    );
    assert.deepEqual(await registry.keys(topics, a), ['news', 'news']);
    assert.equal(
      await registry.dispatch(topics, 'news', {
        type: '$cast',
        request: { type: 'set', to: 'read' },
      }),
      3,
    );
    for (const pid of [a, b]) assert.equal(await call(pid, { type: 'state' }), 'read');
    assert.equal(await by(a, registry.unregister, topics, 'news', { size: 2 }), 1);
    assert.deepEqual(await registry.values(topics, 'news', a), [{ size: 1 }]);
    await killed(a, b);
  });
}

// ---- ends ---------------------------------------------------------------------------------------

export async function s3_gone_with_the_process(peer: number): Promise<void> {
  await having(rooms, async () => {
    // The DOWN is here before, at the latest with, the one of the partition: it must not matter.
    for (let round = 0; round < 200; round++) {
      const pid = await startMember(at((round % schedulers()) + 1));
      await by(pid, registry.register, rooms, 'hall', { size: round });
      const ref = monitor(pid);
      cast(pid, { type: 'end', reason: 'shutdown' });
      assert.equal(await downReason(ref), 'shutdown');
      if (round % 2 === 0) assert.equal(await registry.whereis(rooms, 'hall'), undefined);
      else {
        assert.deepEqual(await registry.register(rooms, 'hall', { size: 0 }), { ok: true });
        assert.equal(await registry.unregister(rooms, 'hall'), 1);
      }
    }
    const left = await startMember(at(peer));
    for (const key of ['a', 'b', 'c']) await by(left, registry.register, rooms, key, { size: 1 });
    await killed(left);
    for (const key of ['a', 'b', 'c']) assert.equal(await registry.whereis(rooms, key), undefined);
  });
}

export async function s3_registry_ends(peer: number): Promise<void> {
  trapExit(true);
  const supervisor = await registry.startLink(rooms);
  const pid = await startMember(at(peer));
  await by(pid, registry.register, rooms, 'hall', { size: 1 });
  const ref = monitor(pid);
  await stop(supervisor, 'shutdown');
  assert.equal(await downReason(ref), 'shutdown', 'nobody believes to be registered who is not');
  await next('EXIT of the registry');
  await raises('badarg', /none runs under the name "rooms"/, () => registry.lookup(rooms, 'hall'));
}

export async function s3_partition_crashes(peer: number): Promise<void> {
  await having(rooms, async () => {
    const pid = await startMember(at(peer));
    await by(pid, registry.register, rooms, 'hall', { size: 1 });
    const ref = monitor(pid);
    const partitions = await whichChildren('rooms' as never);
    for (const each of partitions) await killed(each.pid as Pid);
    assert.equal(await downReason(ref), 'killed');
    // They are started again, and empty.
    await eventually('all partitions are there again', async () => {
      const now = await whichChildren('rooms' as never);
      return now.every(({ pid: each }) => !partitions.some((before) => before.pid === each));
    });
    assert.deepEqual(await registry.register(rooms, 'hall', { size: 1 }), { ok: true });
    await registry.unregister(rooms, 'hall');
  });
}

// ---- races --------------------------------------------------------------------------------------

/** Registers when it is told to, and says how it went. */
export async function racer(to: Pid, key: string): Promise<void> {
  send(to, { ready: self() });
  await receive((message) => message === 'go');
  const registered = await registry.register(rooms, key, { size: 0 });
  send(to, { racer: self(), registered });
  await receive((message) => message === 'end');
}

export async function s4_race(peer: number): Promise<void> {
  await having(rooms, async () => {
    const wins = new Map<number, number>();
    for (let round = 0; round < 150; round++) {
      const racers = Array.from({ length: 4 }, (_, n) =>
        spawnOpt({ scheduler: n % 2 === 0 ? 1 : peer }, racer, self(), `prize ${round % 3}`),
      );
      for (const each of racers) {
        await take((m) => (m as { ready?: Pid }).ready === each, 'racer');
      }
      // The first who is told alternates, so that it is not the order that decides.
      const order = racers.map((_, n) => racers[(n + round) % 4] as Pid);
      for (const each of order) send(each, 'go');
      type Answer = { racer: Pid; registered: registry.Registered };
      const answers: Answer[] = [];
      while (answers.length < 4)
        answers.push(await take<Answer>((m) => 'racer' in (m as object), 'answer'));
      const winners = answers.filter(({ registered }) => registered.ok);
      assert.equal(winners.length, 1, `round ${round}`);
      const [winner] = winners as [Answer];
      for (const { registered } of answers) {
        if (!registered.ok) assert.equal(registered.pid, winner.racer);
      }
      const place = racers.indexOf(winner.racer);
      wins.set(place, (wins.get(place) ?? 0) + 1);
      for (const each of racers) {
        const ref = monitor(each);
        send(each, 'end');
        await downReason(ref);
      }
    }
    assert.ok(wins.size > 1, `there was no race: ${[...wins]}`);
  });
}

// ---- listeners ----------------------------------------------------------------------------------

export async function s5_listeners(peer: number): Promise<void> {
  await register('registry listener', self());
  await having(
    rooms,
    async () => {
      const pid = await startMember(at(peer));
      await by(pid, registry.register, rooms, 'hall', { size: 1 });
      const event = { registry: 'rooms', key: 'hall', pid };
      assert.deepEqual(await next(), { type: 'register', ...event, value: { size: 1 } });
      await by(pid, registry.unregister, rooms, 'hall');
      assert.deepEqual(await next(), { type: 'unregister', ...event });
      await by(pid, registry.register, rooms, 'hall', { size: 2 });
      await next();
      await killed(pid);
      assert.deepEqual(await next(), { type: 'unregister', ...event });
    },
    { listeners: ['registry listener', 'nobody has this name'] },
  );
}

// ---- via ----------------------------------------------------------------------------------------

export async function s6_via_server(peer: number): Promise<void> {
  await having(rooms, async () => {
    const name = via(rooms, { room: 'hall' }, { size: 7 });
    const pid = await startLink(member, 'first', { name, scheduler: peer });
    assert.deepEqual(await registry.values(rooms, { room: 'hall' }, pid), [{ size: 7 }]);
    assert.equal(await call(name, { type: 'state' }), 'first');
    await cast(name, { type: 'set', to: 'second' });
    assert.equal(await call(via(rooms, { room: 'hall' }), { type: 'state' }), 'second');
    const request = await sendRequest(name, { type: 'state' });
    assert.deepEqual(await receiveResponse(request), { reply: 'second' });
    assert.equal(await sys.getState(name), 'second');
    const again = await startMember({ name }).catch((error: unknown) => error);
    assert.ok(isStartError(again));
    assert.deepEqual(again.reason, { kind: 'already_started', pid });
    await stop(name);
    assert.deepEqual(await next(), { type: 'EXIT', from: pid, reason: 'normal' });
    const gone = await call(name, { type: 'state' }).catch(
      (error: { reason?: unknown }) => error.reason,
    );
    assert.deepEqual(gone, { reason: 'noproc', call: (name as registry.Via).name });
    await cast(name, { type: 'set', to: 'nobody minds' });
    await nothing();
  });
}

interface Tried {
  readonly tried: Pid;
  readonly started: Member | null;
}

export async function s6_via_race(peer: number): Promise<void> {
  await having(rooms, async () => {
    const wins = [0, 0];
    for (let round = 0; round < 60; round++) {
      const key = `room ${round % 3}`;
      const two = [TEST_SLOT, peer].map((scheduler) =>
        spawnOpt({ scheduler }, keyRegistry.tryStart, self(), key),
      );
      for (const each of two) await take((m) => (m as { ready?: Pid }).ready === each, 'trier');
      for (const each of round % 2 === 0 ? two : [...two].reverse()) {
        send(each, 'go');
        // The first has a head start of 0 to 1.1 ms, so that it is not always the same who wins.
        await waitUntil(hrtime.bigint() + BigInt(round % 12) * 100_000n);
      }
      const tries: Tried[] = [];
      while (tries.length < 2) {
        tries.push(await take<Tried>((m) => (m as { tried?: Pid }).tried !== undefined, 'answer'));
      }
      const started = tries.filter((each) => each.started !== null);
      assert.equal(started.length, 1, `round ${round}`);
      const [{ tried, started: pid }] = started as [Tried & { started: Member }];
      wins[two.indexOf(tried)] = (wins[two.indexOf(tried)] ?? 0) + 1;
      assert.equal(await registry.whereis(rooms, key), pid);
      await killed(pid);
    }
    assert.ok(Math.min(...wins) > 0, `there was no race: ${wins}`);
  });
}

export async function tryStart(to: Pid, key: string): Promise<void> {
  send(to, { ready: self() });
  await receive((message) => message === 'go');
  const name = via(rooms, key, { size: 0 });
  const started = await startMember({ name }).catch(() => null);
  send(to, { tried: self(), started });
}

export async function s6_via_supervised(peer: number): Promise<void> {
  await having(things, async () => {
    const supervisor = await startSupervisor(
      { intensity: 5, children: [child('room', keyRegistry.startRoom, ['hall', peer])] },
      { name: via(things, 'supervisor') },
    );
    const name = via(things, 'hall');
    const first = await registry.whereis(things, 'hall');
    await call(name, { type: 'crash' }).catch(() => {});
    // The name is looked up anew, once the supervisor has started the room again.
    const [again] = await whichChildren(via(things, 'supervisor'));
    assert.notEqual(again?.pid, first);
    assert.equal(await call(name, { type: 'state' }), 'hall');
    await stop(supervisor, 'shutdown');
    await next('EXIT of the supervisor');
  });
}

export function startRoom(key: string, scheduler: number): Promise<Member> {
  return startLink(member, key, { name: via(things, key), scheduler });
}

export async function s6_via_event_manager(_peer: number): Promise<void> {
  await having(things, async () => {
    const name: eventManager.EventManagerVia<string> = via(things, 'events');
    const pid = await eventManager.startLink<string>({ name });
    await eventManager.notify(name, 'heard by nobody');
    await eventManager.syncNotify(name, 'heard by nobody');
    assert.deepEqual(await eventManager.whichHandlers(name), []);
    await eventManager.stop(name);
    assert.equal(await isAlive(pid), false);
    await next('EXIT of the manager');
  });
}

export async function s6_via_statem(peer: number): Promise<void> {
  await having(things, async () => {
    const name = via(things, 'door');
    const pid = await startMachine(door, undefined, { name, scheduler: peer });
    assert.equal(await callMachine(name, { type: 'push' }), 'open');
    assert.equal(await callMachine(pid, { type: 'push' }), 'closed');
    await stop(name);
    await next('EXIT of the machine');
  });
}

export async function s6_via_without_registry(): Promise<void> {
  await raises('badarg', /none runs/, () => startMember({ name: via(rooms, 'hall') }));
  await raises('badarg', /none runs/, () => call(via(rooms, 'hall'), { type: 'state' }));
  await raises('badarg', /partitions/, () => registry.unique('none', { partitions: 0 }));
}
