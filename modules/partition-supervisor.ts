/**
 * partition-supervisor: the same children many times, once on each scheduler, and found by key.
 *
 * Where one process would be the neck of the bottle, its work is split by key over as many as there are
 * schedulers. What a partition starts stays on its scheduler, so what belongs together crosses no thread.
 *
 * Invariants:
 *  1. A key belongs to the same partition as long as the number of partitions is the same.
 *  2. Partitions fail apart: each has a supervisor of its own.
 *
 * Source: Elixir, module `PartitionSupervisor`.
 */

import { type Name, type Pid, ProcessError, schedulers } from 'tsvm';
import * as genServer from './gen-server.js';
import * as partitionSupervisor from './partition-supervisor.js';
import { askService } from './service.js';
import { keyText, partOf } from './structural-key.js';
import {
  type ChildSpec,
  child,
  type Strategy,
  type Supervisor,
  type SupervisorMessage,
  startLink as startSupervisor,
} from './supervisor.js';
import { type Registered, type Via, viaName } from './via.js';

export { isStartError, StartError } from './reasons.js';
export { child } from './supervisor.js';
export type { Via } from './via.js';

declare const messageType: unique symbol;

/** Partitions whose children receive an `M`. */
export interface Partitioned<M = unknown> {
  readonly name: string;
  /** As many as there are schedulers where it is undefined. */
  readonly partitions: number | undefined;
  /** For the compiler alone. */
  readonly [messageType]?: (message: M) => void;
}

/** Which partition a child is in. */
export interface Partition {
  /** From 0. */
  readonly index: number;
  /** The scheduler that it runs on. */
  readonly scheduler: number;
}

/** What each partition is. */
export interface PartitionSpec {
  /** A list, or an exported function that gives the list of a partition; asked again when it is restarted. */
  readonly children: readonly ChildSpec[] | ((partition: Partition) => readonly ChildSpec[]);
  /** Of the children of a partition. `'one_for_one'` by default. */
  readonly strategy?: Exclude<Strategy, 'simple_one_for_one'>;
  /** So many restarts within a partition, and of partitions; 3 by default … */
  readonly intensity?: number;
  /** … in so many seconds; 5 by default. */
  readonly periodS?: number;
}

const INTENSITY = 3;
const PERIOD_S = 5;

/**
 * Describe partitions: `const caches = partitioned<CacheMessage>('caches')`.
 *
 * @param name the registered name of the supervisor; those of the partitions have it with a number behind
 */
export function partitioned<M = unknown>(
  name: string,
  { partitions }: { readonly partitions?: number } = {},
): Partitioned<M> {
  if (partitions === undefined || (Number.isInteger(partitions) && partitions > 0)) {
    return { name, partitions };
  }
  throw new ProcessError(
    'badarg',
    `partitioned: partitions: expected a whole number above 0, not ${partitions}`,
  );
}

/** Start all partitions, linked to the caller. `PartitionSupervisor.start_link/1`. @throws StartError */
export function startLink(of: Partitioned<never>, spec: PartitionSpec): Promise<Supervisor> {
  const { intensity = INTENSITY, periodS = PERIOD_S } = spec;
  const slots = schedulers();
  const children = Array.from({ length: partitionsOf(of) }, (_, index) => {
    const partition: Partition = { index, scheduler: (index % slots) + 1 };
    const start = partitionSupervisor.startPartition;
    return child(`${index}`, start, [of.name, spec, partition], { type: 'supervisor' });
  });
  return startSupervisor({ intensity, periodS, children }, { name: of.name });
}

/** What the supervisor starts for each partition. */
export function startPartition(
  name: string,
  { children, strategy = 'one_for_one', intensity = INTENSITY, periodS = PERIOD_S }: PartitionSpec,
  partition: Partition,
): Promise<Supervisor> {
  const list = typeof children === 'function' ? children(partition) : children;
  return startSupervisor(
    { strategy, intensity, periodS, children: list },
    {
      name: partName(name, partition.index),
      scheduler: partition.scheduler,
      keepTogether: true,
    },
  );
}

/** How many partitions there are. `PartitionSupervisor.partitions/1`. */
export function partitionsOf({ partitions }: Partitioned<never>): number {
  return partitions ?? schedulers();
}

/** The partition of a key, from 0: a whole number counts on from 0, anything else by its content. */
export function partitionOf(of: Partitioned<never>, key: unknown): number {
  const count = partitionsOf(of);
  const isNumber = typeof key === 'number' && Number.isInteger(key) && key >= 0;
  return isNumber ? key % count : partOf(keyText(key), count);
}

/**
 * The child for a key. It waits while that partition is busy starting or stopping.
 *
 * @param id which child of the partition; the first in its list by default
 * @returns undefined while it does not run
 */
export async function whereis<M>(
  of: Partitioned<M>,
  key: unknown,
  id?: string,
): Promise<Pid<M> | undefined> {
  return await childIn(of, partitionOf(of, key), id);
}

/** The same child of all partitions that have it running, in their order: for what concerns them all. */
export async function everywhere<M>(of: Partitioned<M>, id?: string): Promise<Pid<M>[]> {
  const pids: Pid<M>[] = [];
  for (let part = 0; part < partitionsOf(of); part++) {
    const pid = await childIn(of, part, id);
    if (pid !== undefined) pids.push(pid);
  }
  return pids;
}

async function childIn<M>(
  { name }: Partitioned<M>,
  part: number,
  id: string | undefined,
): Promise<Pid<M> | undefined> {
  const supervisor = genServer.named(partName(name, part)) as Name<SupervisorMessage>;
  const request = { type: 'findChild', id } as const;
  const pid = await askService('partition-supervisor', name, supervisor, request);
  return pid === 'restarting' ? undefined : (pid as Pid<M> | undefined);
}

function partName(name: string, index: number): string {
  return `${name}.${index}`;
}

// ---- via ----------------------------------------------------------------------------------------

interface Route {
  readonly of: Partitioned<unknown>;
  readonly key: unknown;
  readonly id: string | undefined;
}

/**
 * The child for a key as a name, to ask it: `call(via(caches, user), …)`.
 * `{via, PartitionSupervisor, {Name, Key}}`.
 */
export function via<M>(of: Partitioned<M>, key: unknown, id?: string): Via<M> {
  const route: Route = { of: of as unknown as Partitioned, key, id };
  return viaName<M>(partitionSupervisor, route);
}

/** For `via`: who is found by such a name was started by its partition, and nobody else can be. */
export function registerName(_route: Route): Registered {
  throw new ProcessError(
    'badarg',
    'partition-supervisor: its names find children of partitions; nothing can be started under one',
  );
}

/** For `via`: who is found by such a name. */
export function whereisName({ of, key, id }: Route): Promise<Pid | undefined> {
  return whereis(of, key, id);
}
