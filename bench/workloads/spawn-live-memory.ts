/**
 * spawn_live_memory: what does an idle process take?
 *
 * N processes wait in a receive for `stop`; no arguments, no links; the parent keeps 1 pid in
 * N/100. The difference before and after, divided by N, read 200 ms after all of them wait: of
 * what the scheduler threads' heaps hold (`vm_processes`), of all heaps and buffers of the VM
 * (`vm_total`), of the resident set (`rss`). What one process takes, the BEAM's `process_info`, V8
 * cannot say. `spawn_rate`: N by the time from the first spawn until nothing is runnable. Nobody
 * collects garbage on purpose: what spawning leaves behind counts, as it would in a service.
 *
 * Does not show: what a process holds in variables and mailbox when it has something to do.
 *
 * Floor: a parked generator with its state in a plain object.
 */
import { getHeapStatistics } from 'node:v8';
import {
  type Pid,
  processInfo,
  receive,
  schedulers,
  self,
  send,
  spawn,
  spawnOpt,
  yieldNow,
} from 'tsvm';
import type { Filled, HeapBytes } from '../live-memory.js';
import type { Params } from '../sampling.js';

const KEPT = 100;

export async function fill(params: Params): Promise<Filled> {
  const n = params['n'] ?? 0;
  const every = Math.max(Math.floor(n / KEPT), 1);
  const kept: Pid<'stop'>[] = [];
  const start = performance.now();
  const last = spawnWaiting(n, every, kept);
  for (const pid of last) await untilWaiting(pid);
  return { kept, us: (performance.now() - start) * 1000 };
}

/** Spawn n, and give the last one of each scheduler: run queues are first in, first out. */
function spawnWaiting(n: number, every: number, kept: Pid<'stop'>[]): Iterable<Pid<'stop'>> {
  const last = new Map<string, Pid<'stop'>>();
  for (let i = 1; i <= n; i++) {
    const pid: Pid<'stop'> = spawn(waiting);
    if (i % every === 0) kept.push(pid);
    if (i > n - KEPT * schedulers()) last.set(pid.split('.')[1] ?? '', pid);
  }
  return last.values();
}

export async function waiting(): Promise<void> {
  await receive((message: 'stop') => message === 'stop');
}

async function untilWaiting(pid: Pid<'stop'>): Promise<void> {
  while ((await processInfo(pid))?.status !== 'waiting') await yieldNow();
}

/** What the heaps of all scheduler threads hold, in bytes. */
export async function heaps(): Promise<HeapBytes> {
  let heap = 0;
  let external = 0;
  for (let scheduler = 1; scheduler <= schedulers(); scheduler++) {
    spawnOpt({ scheduler }, tellHeap, self<HeapBytes>());
    const bytes = await receive<HeapBytes>();
    heap += bytes.heap;
    external += bytes.external;
  }
  return { heap, external };
}

export function tellHeap(to: Pid<HeapBytes>): void {
  const { used_heap_size, external_memory } = getHeapStatistics();
  send(to, { heap: used_heap_size, external: external_memory });
}
