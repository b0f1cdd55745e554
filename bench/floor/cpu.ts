/**
 * Floor of cpu: the same functions as Node runs them, in one bare worker thread or in two.
 *
 * The threads stay, so that the compiler of V8 has seen the code before the first sample counts.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Measured, Params } from '../sampling.js';

const workers: Worker[] = [];

export async function body(variant: string, params: Params): Promise<Measured> {
  const jobs = params['n'] ?? 0;
  const size = params['size'] ?? 0;
  const threads = params['threads'] ?? 1;
  while (workers.length < threads) workers.push(await startWorker());
  await answers({ prepare: variant, size });
  const start = performance.now();
  const times = await answers({ jobs });
  const us = threads === 1 ? (times[0] as number) : (performance.now() - start) * 1000;
  return { ops: jobs, us };
}

async function startWorker(): Promise<Worker> {
  const worker = new Worker(new URL('./cpu-peer.js', import.meta.url));
  await once(worker, 'online');
  worker.unref();
  return worker;
}

/** Ask all of them at once. */
function answers(question: unknown): Promise<unknown[]> {
  return Promise.all(
    workers.map(async (worker) => {
      worker.postMessage(question);
      worker.ref();
      const [answer] = await once(worker, 'message');
      worker.unref();
      return answer;
    }),
  );
}
