/**
 * The memory readings of spawn_live_memory, taken from outside the processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { Params, Values } from './sampling.js';

const SETTLE_MS = 200;

/** What `fill` of the workload answers: every N/100th pid, and the time until all processes wait. */
export interface Filled {
  readonly kept: readonly string[];
  readonly us: number;
}

/** What `heaps` of the workload answers: the heaps of all scheduler threads, in bytes. */
export interface HeapBytes {
  readonly heap: number;
  readonly external: number;
}

/** Calls a function of the workload in a new process. */
type Run = (fn: string, args: readonly unknown[]) => Promise<unknown>;

/** What n idle processes take: the VM's memory before and after, divided by n. */
export async function liveMemory(run: Run, params: Params): Promise<Values> {
  const n = params['n'] ?? 0;
  const before = await memory(run);
  const filled = (await run('fill', [params])) as Filled;
  await sleep(SETTLE_MS);
  const after = await memory(run);
  return {
    vm_processes: (after.heaps - before.heaps) / n,
    vm_total: (after.total - before.total) / n,
    rss: (after.rss - before.rss) / n,
    spawn_rate: (n / filled.us) * 1e6,
  };
}

async function memory(run: Run): Promise<{ heaps: number; total: number; rss: number }> {
  const { rss } = process.memoryUsage();
  const { heap, external } = (await run('heaps', [])) as HeapBytes;
  const main = getHeapStatistics();
  const total = heap + external + main.used_heap_size + main.external_memory;
  return { heaps: heap, total, rss };
}
