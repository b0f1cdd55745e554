/**
 * spawn_die: what does a process cost that is spawned and exits at once?
 *
 * `monitor`: the parent spawns each one with a monitor, all n first, then takes n `DOWN` messages
 * with reason normal. `counter`: each child adds 1 to a shared atomic counter and exits; the one
 * that reaches n tells the parent. `counter_par`: the same, spawned by one pinned spawner per
 * scheduler, n/K each. Clock: first spawn to last answer.
 *
 * Does not show: spawn arguments of any size, links, processes that live long enough to be
 * collected by the old generation.
 *
 * Floor: a generator that is made and run to its end, and a push to an array for the `DOWN`.
 */
import {
  counter,
  type Down,
  type Pid,
  receive,
  schedulers,
  self,
  send,
  spawn,
  spawnMonitor,
  spawnOpt,
} from 'tsvm';
import type { Measured, Params } from '../sampling.js';

const COUNTER = 'bench.spawn_die';

type Answer = 'all_counted' | readonly ['ready', Pid<'go'>];

export async function body(variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  if (variant === 'monitor') return monitored(n);
  counter(COUNTER).set(0);
  return variant === 'counter' ? counted(n) : countedInParallel(n);
}

async function monitored(n: number): Promise<Measured> {
  const start = performance.now();
  for (let i = 0; i < n; i++) spawnMonitor(nothing);
  for (let i = 0; i < n; i++) await receive(isNormalDown);
  return { ops: n, us: (performance.now() - start) * 1000 };
}

function isNormalDown(message: unknown): message is Down {
  const down = message as Down;
  return down.type === 'DOWN' && down.reason === 'normal';
}

async function counted(n: number): Promise<Measured> {
  const start = performance.now();
  spawnCounting(n, n, self());
  await receive<'all_counted'>();
  return { ops: n, us: (performance.now() - start) * 1000 };
}

async function countedInParallel(n: number): Promise<Measured> {
  const each = Math.floor(n / schedulers());
  const total = each * schedulers();
  const spawners: Pid<'go'>[] = [];
  for (let scheduler = 1; scheduler <= schedulers(); scheduler++) {
    spawners.push(spawnOpt({ scheduler }, spawner, each, total, self<Answer>()));
  }
  for (const spawner of spawners)
    await receive((m: Answer) => m[0] === 'ready' && m[1] === spawner);
  const start = performance.now();
  for (const spawner of spawners) send(spawner, 'go');
  await receive<Answer>();
  return { ops: total, us: (performance.now() - start) * 1000 };
}

export async function spawner(each: number, total: number, parent: Pid<Answer>): Promise<void> {
  send(parent, ['ready', self<'go'>()]);
  await receive<'go'>();
  spawnCounting(each, total, parent);
}

function spawnCounting(each: number, total: number, parent: Pid<Answer>): void {
  for (let i = 0; i < each; i++) spawn(count, total, parent);
}

export function nothing(): void {}

export function count(total: number, parent: Pid<Answer>): void {
  if (counter(COUNTER).add(1) === total) send(parent, 'all_counted');
}
