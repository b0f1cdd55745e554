/**
 * counting: what does it cost that code which computes counts its reductions?
 *
 * Each job of `cpu` and of `tight-loops.ts` twice in the same process and the same thread, in turn:
 * as a module of the machine, and as Node runs the same source. A figure is the time of the first
 * by the time of the second, medians of both; `median` is the middle of all jobs. The jobs are
 * smaller than those of `cpu`: 5 to 20 ms each.
 *
 * Does not show: what counting alone costs where the compiler helps (`fib30` and `trees` are recursive, see
 * loader/twins.ts); what a module saves or loses by anything else; what allocates (`trees`, `sort_1m`)
 * meets the garbage collector where it stands, so that figures below 1 occur.
 *
 * Floor: 1.
 */
import { fileURLToPath } from 'node:url';
import type { Params, Values } from '../sampling.js';
import { CPU_KERNELS, type Kernel } from './cpu-kernels.js';
import { TIGHT_KERNELS } from './tight-loops.js';

/** The size of each job at `scale` 1000. */
const SIZES: Readonly<Record<string, number>> = {
  fib30: 30,
  int_loop_100m: 4000,
  float_steps_1m: 500_000,
  sort_1m: 100_000,
  json_100k: 5000,
  array_sum: 5_000_000,
  for_of: 5_000_000,
  matrix_multiply: 62_500,
  sieve: 2_000_000,
  short_loops: 2_000_000,
  collatz: 30_000,
  string_building: 500_000,
  map_counting: 500_000,
  helper_calls: 5_000_000,
  trees: 17,
};
const FULL_SCALE = 1000;

type Kernels = Readonly<Record<string, Kernel>>;

export async function values(_variant: string, params: Params): Promise<Values> {
  const rounds = params['n'] ?? 0;
  const scale = params['scale'] ?? 0;
  const plain = await plainKernels();
  const costs: Record<string, number> = {};
  for (const [name, counted] of Object.entries({ ...CPU_KERNELS, ...TIGHT_KERNELS })) {
    const full = SIZES[name] as number;
    const size = scale >= FULL_SCALE ? full : Math.min(full, scale);
    costs[name] = costOf(counted, plain[name] as Kernel, size, rounds);
  }
  return { ...costs, median: median(Object.values(costs)) };
}

async function plainKernels(): Promise<Kernels> {
  const url = new URL('../../dist/bench/floor/plain-kernels.js', import.meta.url);
  const plain = (await import(fileURLToPath(url))) as Record<
    'CPU_KERNELS' | 'TIGHT_KERNELS',
    Kernels
  >;
  return { ...plain.CPU_KERNELS, ...plain.TIGHT_KERNELS };
}

function costOf(counted: Kernel, plain: Kernel, size: number, rounds: number): number {
  const input = counted.prepare(size) as never;
  const times: { counted: number[]; plain: number[] } = { counted: [], plain: [] };
  for (let round = 0; round < rounds; round++) {
    times.counted.push(timed(counted, input, size));
    times.plain.push(timed(plain, input, size));
  }
  return median(times.counted) / median(times.plain);
}

function timed({ run, check }: Kernel, input: never, size: number): number {
  const start = performance.now();
  const result = run(input);
  const ms = performance.now() - start;
  check(result as never, size);
  return ms;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}
