/** A thread of the floor of cpu: prepares a job, then does it and says how many microseconds it took. */
import { parentPort } from 'node:worker_threads';
import { CPU_KERNELS, type Kernel } from './plain-kernels.js';

if (parentPort === null) throw new Error('cpu-peer.js runs in a worker thread only');
const port = parentPort;

type Question =
  | { readonly prepare: string; readonly size: number }
  | { readonly prepare?: never; readonly jobs: number };

let kernel: Kernel | undefined;
let input: unknown;
let size = 0;

port.on('message', (question: Question) => {
  if (question.prepare !== undefined) {
    kernel = CPU_KERNELS[question.prepare];
    size = question.size;
    input = kernel?.prepare(size);
    port.postMessage('ready');
    return;
  }
  if (kernel === undefined) throw new Error('there is no job to do');
  let result: unknown;
  const start = performance.now();
  for (let i = 0; i < question.jobs; i++) result = kernel.run(input as never);
  const us = (performance.now() - start) * 1000;
  port.postMessage(us);
  kernel.check(result as never, size);
});
