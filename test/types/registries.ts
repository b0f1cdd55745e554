/**
 * Types of registries, via names, process groups, partitions and pools, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */

import type { Pid } from 'tsvm';
import * as genServer from 'tsvm/gen-server';
import * as partitionSupervisor from 'tsvm/partition-supervisor';
import { partitioned } from 'tsvm/partition-supervisor';
import * as pg from 'tsvm/pg';
import { checkin, checkout, pool, startLink as startPool, withWorker } from 'tsvm/pool';
import * as registry from 'tsvm/registry';
import { child } from 'tsvm/supervisor';
import * as sys from 'tsvm/sys';

interface Rooms {
  readonly init: (topic: string) => { readonly state: number };
  readonly handleCall: {
    readonly join: (
      request: { readonly as: string },
      state: number,
    ) => { readonly reply: number; readonly state: number };
  };
  readonly handleCast: {
    readonly say: (request: { readonly text: string }) => { readonly state: number };
  };
}
type RoomMessage = genServer.ServerMessage<Rooms>;

interface Info {
  readonly open: boolean;
  readonly tags: readonly string[];
}

declare const room: Rooms;
const rooms = registry.unique<string, Info, RoomMessage>('rooms');
const plain = registry.unique<string, undefined, RoomMessage>('plain');
const topics = registry.duplicate<{ readonly topic: string }, undefined, 'news'>('topics');

export async function entries(): Promise<void> {
  await registry.register(rooms, 'hall', { open: true, tags: [] });
  await registry.register(plain, 'hall');
  // @ts-expect-error the value is missing
  await registry.register(rooms, 'hall');
  // @ts-expect-error a key is a text
  await registry.register(plain, 1);
  // @ts-expect-error not such a value
  await registry.register(rooms, 'hall', { open: 1, tags: [] });
  const pid: Pid<RoomMessage> | undefined = await registry.whereis(rooms, 'hall');
  void pid;
  // @ts-expect-error a duplicate key belongs to many
  await registry.whereis(topics, { topic: 'x' });
  // @ts-expect-error only the owner of a unique key has one value to change
  await registry.updateValue(topics, { topic: 'x' }, (value: undefined) => value);
  const info: Info | undefined = await registry.updateValue(rooms, 'hall', (value) => value);
  void info;
  await registry.select(rooms, { value: { open: true } });
  // @ts-expect-error there is no such property
  await registry.select(rooms, { value: { closed: true } });
  // @ts-expect-error open is no number
  await registry.count(rooms, { value: { open: 1 } });
  await registry.dispatch(topics, { topic: 'x' }, 'news');
  // @ts-expect-error they do not receive that
  await registry.dispatch(topics, { topic: 'x' }, 'olds');
  child('rooms', registry.startLink, [rooms]);
  // @ts-expect-error a name is no registry
  child('rooms', registry.startLink, ['rooms']);
}

export async function names(): Promise<void> {
  const hall = registry.via(rooms, 'hall', { open: true, tags: [] });
  await genServer.startLink(room, 'hall', { name: hall });
  const members: number = await genServer.call(hall, { type: 'join', as: 'me' });
  void members;
  // @ts-expect-error there is no such request
  await genServer.call(hall, { type: 'leave' });
  // @ts-expect-error as is a text
  await genServer.call(hall, { type: 'join', as: 1 });
  await (genServer.cast(hall, { type: 'say', text: 'x' }) satisfies Promise<void>);
  // @ts-expect-error say has a text
  await genServer.cast(hall, { type: 'say' });
  const id = await genServer.sendRequest(hall, { type: 'join', as: 'me' });
  const answer = await genServer.receiveResponse(id);
  if (typeof answer === 'object' && 'reply' in answer) void (answer.reply satisfies number);
  await genServer.stop(hall);
  await sys.getState<number>(hall);
  // @ts-expect-error a key is a text
  registry.via(rooms, 1);
  // @ts-expect-error who has a duplicate key is not one process
  registry.via(topics, { topic: 'x' });
}

const scope = pg.scope<{ readonly room: string }, RoomMessage>('chat');

export async function groups(pid: Pid<RoomMessage>, stranger: Pid<number>): Promise<void> {
  await pg.join(scope, { room: 'hall' }, pid);
  await pg.join(scope, { room: 'hall' }, [pid, pid]);
  // @ts-expect-error it does not receive what members receive
  await pg.join(scope, { room: 'hall' }, stranger);
  // @ts-expect-error a group is an object with a room
  await pg.join(scope, 'hall', pid);
  const members: Pid<RoomMessage>[] = await pg.getMembers(scope, { room: 'hall' });
  const rooms: { readonly room: string }[] = await pg.whichGroups(scope);
  void [members, rooms];
  const { ref } = await pg.monitorScope(scope);
  await pg.demonitor(scope, ref);
  // @ts-expect-error a name is no scope
  await pg.whichGroups('chat');
  child('chat', pg.startLink, [scope]);
}

const caches = partitioned<RoomMessage>('caches');
declare function startCache(size: number): Promise<Pid<RoomMessage>>;

export async function partitions(): Promise<void> {
  child('caches', partitionSupervisor.startLink, [
    caches,
    { children: [child('cache', startCache, [1])] },
  ]);
  // @ts-expect-error a dynamic supervisor is a child of a partition, not the partition
  await partitionSupervisor.startLink(caches, { children: [], strategy: 'simple_one_for_one' });
  // @ts-expect-error there must be children
  await partitionSupervisor.startLink(caches, {});
  const members: number = await genServer.call(partitionSupervisor.via(caches, 'joe'), {
    type: 'join',
    as: 'me',
  });
  void members;
  // @ts-expect-error there is no such request
  await genServer.call(partitionSupervisor.via(caches, 'joe'), { type: 'leave' });
  const pid: Pid<RoomMessage> | undefined = await partitionSupervisor.whereis(caches, 5);
  void pid;
}

const connections = pool<RoomMessage>('connections');

export async function pools(stranger: Pid<number>): Promise<void> {
  const worker = child('cache', startCache, [1]);
  child('connections', startPool, [connections, { size: 2, worker }]);
  // @ts-expect-error without a size
  await startPool(connections, { worker });
  // @ts-expect-error there is no such order
  await startPool(connections, { size: 1, worker, order: 'random' });
  const borrowed: Pid<RoomMessage> = await checkout(connections);
  checkin(connections, borrowed);
  // @ts-expect-error not one of its workers
  checkin(connections, stranger);
  const members: number = await withWorker(connections, (one) =>
    genServer.call(one, { type: 'join', as: 'me' }),
  );
  void members;
  // @ts-expect-error there is no such request
  await withWorker(connections, (one) => genServer.call(one, { type: 'leave' }));
}
