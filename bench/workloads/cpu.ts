/**
 * cpu: how fast is code that computes, while it stays pre-emptible?
 *
 * Five jobs (`cpu-kernels.ts`): recursion, integers in two nested loops, floating point, the
 * library's sort, and a JSON encoder written in the language. On one scheduler one process does
 * the job (`single`); on several, two processes do the whole job each, on schedulers 1 and 2, and
 * the clock stops when both are done (`par2`). Results are checked outside of the clock.
 *
 * Does not show: input, output, messages; nor what counting costs alone (that is `counting`).
 *
 * Floor: the same functions, which no compiler of ours has seen, in bare worker threads.
 */
import { type Pid, receive, schedulers, self, send, spawnOpt } from 'tsvm';
import type { Measured, Params } from '../sampling.js';
import { CPU_KERNELS, type Kernel } from './cpu-kernels.js';
import { slot } from './slot.js';

type Told = 'ready' | 'done' | 'right';

export async function body(variant: string, params: Params): Promise<Measured> {
  const jobs = params['n'] ?? 0;
  const size = params['size'] ?? 0;
  const us = schedulers() === 1 ? single(variant, jobs, size) : await both(variant, jobs, size);
  return { ops: jobs, us };
}

function single(variant: string, jobs: number, size: number): number {
  const { prepare, run, check } = kernelNamed(variant);
  const input = prepare(size) as never;
  let result: unknown;
  const start = performance.now();
  for (let i = 0; i < jobs; i++) result = run(input);
  const us = (performance.now() - start) * 1000;
  check(result as never, size);
  return us;
}

async function both(variant: string, jobs: number, size: number): Promise<number> {
  const parent = self<Told>();
  const workers = [1, 2].map((i) =>
    spawnOpt({ scheduler: slot(i), link: true }, worker, variant, jobs, size, parent),
  );
  await toldByAll(workers, 'ready');
  const start = performance.now();
  for (const pid of workers) send(pid, 'go');
  await toldByAll(workers, 'done');
  const us = (performance.now() - start) * 1000;
  await toldByAll(workers, 'right');
  return us;
}

async function toldByAll(workers: readonly unknown[], what: Told): Promise<void> {
  for (const _ of workers) await receive((m: Told) => m === what);
}

export async function worker(
  variant: string,
  jobs: number,
  size: number,
  parent: Pid<Told>,
): Promise<void> {
  const { prepare, run, check } = kernelNamed(variant);
  const input = prepare(size) as never;
  send(parent, 'ready');
  await receive((m: 'go') => m === 'go');
  let result: unknown;
  for (let i = 0; i < jobs; i++) result = run(input);
  send(parent, 'done');
  check(result as never, size);
  send(parent, 'right');
}

function kernelNamed(name: string): Kernel {
  const kernel = CPU_KERNELS[name];
  if (kernel === undefined) throw new RangeError(`cpu has no job called ${name}`);
  return kernel;
}
