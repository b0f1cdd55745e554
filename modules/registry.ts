/**
 * registry: processes found by keys of any kind, each entry with a value.
 *
 * A registry is described by a constant that all who use it import, and runs as a supervisor with one
 * process for each partition. Keys are compared by value. In a unique registry a key belongs to one
 * process; in a duplicate one any number of processes may register under it, also one process several times.
 *
 * Invariants:
 *  1. A process registers itself and nobody else.
 *  2. Whoever has received the `Exit` or `Down` of a process does not find it under a unique key any more,
 *     and can take that key.
 *
 * Source: Elixir, module `Registry`.
 */

import { isAlive, type Pid, ProcessError, schedulers, self, send } from 'tsvm';
import * as genServer from './gen-server.js';
import type { ReplyTo, RequestOf, Server } from './gen-server-types.js';
import type { Pattern } from './pattern.js';
import * as registry from './registry.js';
import type { PartitionOptions } from './registry-partition.js';
import * as partition from './registry-partition.js';
import { askService } from './service.js';
import { keyText, partOf } from './structural-key.js';
import { child, type Supervisor, startLink as startSupervisor } from './supervisor.js';
import { type Registered, type Via, viaName } from './via.js';

export type { Pattern } from './pattern.js';
export { isStartError, StartError } from './reasons.js';
export type { RegistryEvent } from './registry-partition.js';
export { type Registered, type Via, type ViaModule, viaName } from './via.js';

declare const entryType: unique symbol;

/** What is the same of both kinds. */
export interface Registry<K = unknown, V = unknown, M = unknown> {
  readonly name: string;
  readonly keys: 'unique' | 'duplicate';
  /** As many as there are schedulers where it is undefined. */
  readonly partitions: number | undefined;
  /** What the keys and values are, and what the processes receive. For the compiler alone. */
  readonly [entryType]?: (key: K, value: V, message: M) => void;
}

/** A registry in which a key belongs to one process. */
export interface UniqueRegistry<K = unknown, V = unknown, M = unknown> extends Registry<K, V, M> {
  readonly keys: 'unique';
}

/** A registry in which a key belongs to any number of processes. */
export interface DuplicateRegistry<K = unknown, V = unknown, M = unknown>
  extends Registry<K, V, M> {
  readonly keys: 'duplicate';
}

/** One registration. */
export interface RegistryEntry<K, V, M> {
  readonly key: K;
  readonly pid: Pid<M>;
  readonly value: V;
}

export interface RegistryTraits {
  /** Among how many processes the keys are spread; as many as there are schedulers by default. */
  readonly partitions?: number;
}

export interface RegistryOptions {
  /** Names of processes that are told of each registration and its end, as `RegistryEvent`. */
  readonly listeners?: readonly string[];
}

// ---- what a registry is -------------------------------------------------------------------------

/**
 * Describe a registry of unique keys: `const rooms = unique<string, RoomInfo, RoomMessage>('rooms')`.
 *
 * @param name the registered name of its supervisor; the partitions have it with a number behind
 */
export function unique<K, V = undefined, M = unknown>(
  name: string,
  traits: RegistryTraits = {},
): UniqueRegistry<K, V, M> {
  return { name, keys: 'unique', partitions: checkedPartitions(traits) };
}

/** Describe a registry in which many processes may have the same key. */
export function duplicate<K, V = undefined, M = unknown>(
  name: string,
  traits: RegistryTraits = {},
): DuplicateRegistry<K, V, M> {
  return { name, keys: 'duplicate', partitions: checkedPartitions(traits) };
}

function checkedPartitions({ partitions }: RegistryTraits): number | undefined {
  if (partitions === undefined || (Number.isInteger(partitions) && partitions > 0)) {
    return partitions;
  }
  throw new ProcessError(
    'badarg',
    `registry: partitions: expected a whole number above 0, not ${partitions}`,
  );
}

const RESTARTS_OF_EACH = 3;

/** Start a registry, linked to the caller: `child('rooms', registry.startLink, [rooms])`. `Registry.start_link/1`. */
export function startLink(
  of: Registry<never, never, never>,
  { listeners = [] }: RegistryOptions = {},
): Promise<Supervisor> {
  const { name } = of;
  const count = partitionsOf(of);
  const options: PartitionOptions = { registry: name, unique: of.keys === 'unique', listeners };
  const children = Array.from({ length: count }, (_, part) => {
    const scheduler = count > 1 ? (part % schedulers()) + 1 : undefined;
    return child(`${part}`, registry.startPartition, [partName(name, part), options, scheduler]);
  });
  const intensity = RESTARTS_OF_EACH * count;
  return startSupervisor({ strategy: 'one_for_one', intensity, children }, { name });
}

/** What its supervisor starts. */
export function startPartition(
  name: string,
  options: PartitionOptions,
  scheduler: number | undefined,
): Promise<Pid> {
  const place = scheduler === undefined ? {} : { scheduler };
  return genServer.startLink(partition, options, { name, ...place }) as unknown as Promise<Pid>;
}

// ---- the caller's own entries -------------------------------------------------------------------

/**
 * Register the caller under a key. `Registry.register/3`.
 *
 * @returns `{ok: false, pid}` when the unique key belongs to a process, maybe the caller itself
 */
export async function register<K, V, M>(
  of: Registry<K, V, M>,
  key: NoInfer<K>,
  ...[value]: ValueArgument<V>
): Promise<Registered<M>> {
  const text = keyText(key);
  const request = { type: 'register', key, text, value } as const;
  return (await ask(of, text, request)) as Registered<M>;
}

/** A registry without values needs none. */
type ValueArgument<V> = [V] extends [undefined] ? [value?: undefined] : [value: NoInfer<V>];

/** Take the caller's entries under a key away, or those of them whose values fit. `Registry.unregister/2`, `unregister_match/3`. @returns how many there were */
export async function unregister<K, V>(
  of: Registry<K, V, never>,
  key: NoInfer<K>,
  value?: Pattern<NoInfer<V>>,
): Promise<number> {
  const text = keyText(key);
  return await ask(of, text, { type: 'unregister', text, value });
}

/**
 * Change the value of the caller's entry under a unique key. `Registry.update_value/3`.
 *
 * @param change from the value to the next one; runs in the caller
 * @returns the next value, or undefined when the caller has no such entry
 */
export async function updateValue<K, V>(
  of: UniqueRegistry<K, V, never>,
  key: NoInfer<K>,
  change: (value: V) => V,
): Promise<V | undefined> {
  const [own] = await values<K, V>(of, key, self<never>());
  if (own === undefined) return undefined;
  const value = change(own);
  const text = keyText(key);
  const isHeld = await ask(of, text, { type: 'setValue', text, value });
  return isHeld ? value : undefined;
}

// ---- looking ------------------------------------------------------------------------------------

/** The entries under a key, of a unique registry one at most. `Registry.lookup/2`. */
export async function lookup<K, V, M>(
  of: Registry<K, V, M>,
  key: NoInfer<K>,
): Promise<RegistryEntry<K, V, M>[]> {
  const text = keyText(key);
  const entries = await ask(of, text, { type: 'lookup', text });
  const [first] = entries;
  // The end of a process may be known to the caller before the partition hears of it.
  const isGone = of.keys === 'unique' && first !== undefined && !(await isAlive(first.pid));
  return (isGone ? [] : entries) as unknown as RegistryEntry<K, V, M>[];
}

/** The process that has a unique key. `Registry.whereis_name/1`. */
export async function whereis<K, V, M>(
  of: UniqueRegistry<K, V, M>,
  key: NoInfer<K>,
): Promise<Pid<M> | undefined> {
  return (await lookup(of as Registry<K, V, M>, key))[0]?.pid;
}

/** The values of a process under a key. `Registry.values/3`. */
export async function values<K, V>(
  of: Registry<K, V, never>,
  key: NoInfer<K>,
  pid: Pid<never>,
): Promise<V[]> {
  const entries = await lookup(of as Registry<K, V>, key);
  return entries.filter((each) => (each.pid as Pid<never>) === pid).map(({ value }) => value);
}

/** The keys of a process, as often as it is registered under them. `Registry.keys/2`. */
export async function keys<K>(of: Registry<K, never, never>, pid: Pid<never>): Promise<K[]> {
  const asked = { type: 'keysOf', pid: pid as Pid } as const;
  return (await askAll(of, asked)).flat() as K[];
}

/** What entries are asked for: parts of key and value, a process. */
export interface Selection<K, V> {
  readonly key?: Pattern<K>;
  readonly value?: Pattern<V>;
  readonly pid?: Pid<never>;
}

/**
 * All entries that fit, in no particular order: `select(rooms, { value: { open: true } })`.
 * `Registry.select/2`, `match/4`. Of a process that ended just now there may still be some.
 */
export async function select<K, V, M>(
  of: Registry<K, V, M>,
  pattern: Selection<K, V> = {},
): Promise<RegistryEntry<K, V, M>[]> {
  const asked = { type: 'select', pattern: pattern as partition.EntryPattern } as const;
  return (await askAll(of, asked)).flat() as unknown as RegistryEntry<K, V, M>[];
}

/** How many entries there are, or how many fit. `Registry.count/1`, `count_match/4`. */
export async function count<K, V>(
  of: Registry<K, V, never>,
  pattern: Selection<K, V> = {},
): Promise<number> {
  const asked = { type: 'count', pattern: pattern as partition.EntryPattern } as const;
  return (await askAll(of, asked)).reduce((sum, each) => sum + each, 0);
}

/** Send a message to every process under a key, once for each entry. `Registry.dispatch/3`. @returns to how many entries */
export async function dispatch<K, M>(
  of: Registry<K, never, M>,
  key: NoInfer<K>,
  message: NoInfer<M>,
): Promise<number> {
  const text = keyText(key);
  const entries = await ask(of, text, { type: 'lookup', text });
  for (const { pid } of entries) send(pid, message);
  return entries.length;
}

// ---- via ----------------------------------------------------------------------------------------

/** A key of a registry, as a name; what a process is registered with that is started under it. */
interface Key {
  readonly registry: UniqueRegistry<unknown, unknown, unknown>;
  readonly key: unknown;
  readonly value: unknown;
}

/**
 * A key as a name, wherever a behaviour takes one: `startLink(room, topic, { name: via(rooms, topic) })`,
 * `call(via(rooms, topic), …)`. `{via, Registry, {Registry, Key, Value}}`.
 *
 * @param value what a process that is started under this name is registered with
 */
export function via<K, V, M>(
  of: UniqueRegistry<K, V, M>,
  key: NoInfer<K>,
  value?: NoInfer<V>,
): Via<M> {
  const name: Key = { registry: of as unknown as UniqueRegistry, key, value };
  return viaName<M>(registry, name);
}

/** For `via`: register the caller. */
export function registerName({ registry: of, key, value }: Key): Promise<Registered> {
  return register<unknown, unknown, unknown>(of, key, value);
}

/** For `via`: who has the key. */
export function whereisName({ registry: of, key }: Key): Promise<Pid | undefined> {
  return whereis(of, key);
}

// ---- the partitions -----------------------------------------------------------------------------

type Partition = Server<typeof partition>;

function partitionsOf({ partitions }: Registry<never, never, never>): number {
  return partitions ?? schedulers();
}

function partName(name: string, part: number): string {
  return `${name}.${part}`;
}

/** @param text of a key: made by who asks, so that a key that cannot be one fails there */
async function ask<const Q extends RequestOf<Partition>>(
  of: Registry<never, never, never>,
  text: string,
  request: Q,
): Promise<ReplyTo<Partition, Q>> {
  return await askPart(of, partOf(text, partitionsOf(of)), request);
}

/** One after the other: there are few, and each answers at once. */
async function askAll<const Q extends RequestOf<Partition>>(
  of: Registry<never, never, never>,
  request: Q,
): Promise<ReplyTo<Partition, Q>[]> {
  const answers: ReplyTo<Partition, Q>[] = [];
  for (let part = 0; part < partitionsOf(of); part++) {
    answers.push(await askPart(of, part, request));
  }
  return answers;
}

function askPart<const Q extends RequestOf<Partition>>(
  { name }: Registry<never, never, never>,
  part: number,
  request: Q,
): Promise<ReplyTo<Partition, Q>> {
  const server = genServer.named<typeof partition>(partName(name, part));
  return askService('registry', name, server, request);
}
