/**
 * parallel_speedup: what do more schedulers bring to work that can be divided?
 *
 * Eight jobs of 4 × fib(30): all in one process (`one`), then each in a process of its own that is
 * placed as the machine likes (`spread`); `factor` is one by the other.
 *
 * Does not show: more than the cores there are; communication, for each job answers once.
 */
import { receive, self, send, spawn } from 'tsvm';
import type { Params, Values } from '../sampling.js';
import { expectSame, fib } from './cpu-kernels.js';

const FIBS_A_JOB = 4;

type Answer = readonly ['answer', number];

export async function values(_variant: string, params: Params): Promise<Values> {
  const jobs = params['n'] ?? 0;
  const size = params['size'] ?? 0;
  const expected = fib(size);
  const start = performance.now();
  for (let i = 0; i < jobs; i++) expectSame('the job', job(size), expected * FIBS_A_JOB);
  const one = performance.now() - start;
  const begun = performance.now();
  for (let i = 0; i < jobs; i++) spawn(answer, size, self<Answer>());
  for (let i = 0; i < jobs; i++) {
    const [, result] = await receive((m: Answer) => m[0] === 'answer');
    expectSame('the job', result, expected * FIBS_A_JOB);
  }
  const spread = performance.now() - begun;
  return { one, spread, factor: one / spread };
}

export async function answer(size: number, to: Parameters<typeof send>[0]): Promise<void> {
  send(to, ['answer', job(size)]);
}

function job(size: number): number {
  let sum = 0;
  for (let i = 0; i < FIBS_A_JOB; i++) sum += fib(size);
  return sum;
}
