/** Floor of spawn_live_memory: a parked generator and an inbox in a plain object. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Params, Values } from '../sampling.js';
import { type Actor, type Script, start } from './actors.js';

const SETTLE_MS = 200;

export async function sizes(_variant: string, params: Params): Promise<Values> {
  const n = params['n'] ?? 0;
  const before = process.memoryUsage();
  const started = performance.now();
  const actors: Actor[] = [];
  for (let i = 0; i < n; i++) actors.push(start(waiting()));
  const seconds = (performance.now() - started) / 1000;
  await sleep(SETTLE_MS);
  const after = process.memoryUsage();
  return {
    vm_total: (after.heapUsed - before.heapUsed) / n,
    rss: (after.rss - before.rss) / n,
    spawn_rate: actors.length / seconds,
  };
}

function* waiting(): Script {
  yield;
}
