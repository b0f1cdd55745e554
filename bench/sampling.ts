/**
 * Sampling: how one benchmark is run inside the operating-system process that was started for it.
 *
 * A request names workload, variant and passes; for every sample the passes give named numbers,
 * and one JSON line goes out. Warm-up and statistics are the harness's. The Erlang driver
 * (`beam/tsvm_bench.erl`) does the same with the same words.
 *
 * Passes:
 *  - `rate`: the body runs again and again until its *measured* time comes to `measuredMs`; the
 *    sample is all operations by all measured time, so set-up and clean-up are outside.
 *  - `time`: the same, as milliseconds of one operation.
 *  - `latencies`: one pass of n operations; the workload gives its percentiles.
 *  - `values`: one pass that gives named numbers of its own.
 *  - `sizes`: one pass that gives whatever it reads (memory).
 */

export type Pass = 'rate' | 'time' | 'latencies' | 'values' | 'sizes';

/** The constants of a workload: `n` operations a body, and its own. */
export type Params = Readonly<Record<string, number>>;

/** What a body answers: so many operations in so many microseconds of measured time. */
export interface Measured {
  readonly ops: number;
  readonly us: number;
}

/** Named numbers of one sample: `{ rate: 1.2e6 }`, `{ p50: 2.9, p99: 18 }`. */
export type Values = Readonly<Record<string, number>>;

export interface SampleRequest {
  readonly module: string;
  readonly variant: string;
  readonly passes: readonly Pass[];
  readonly samples: number;
  readonly measuredMs: number;
  readonly schedulers: number;
  readonly params: Params;
}

/** Runs one pass of a workload once. The VM decides where. */
export interface PassRunner {
  body(variant: string, params: Params): Promise<Measured>;
  latencies(variant: string, params: Params): Promise<Values>;
  values(variant: string, params: Params): Promise<Values>;
  sizes(variant: string, params: Params): Promise<Values>;
}

/** One line of what a benchmark's process prints. */
export interface SampleLine {
  readonly values: Values;
}

/** Run all samples of a request; `emit` is called after each. */
export async function runSamples(
  request: SampleRequest,
  runner: PassRunner,
  emit: (line: SampleLine) => void,
): Promise<void> {
  for (let sample = 0; sample < request.samples; sample++) {
    const values: Record<string, number> = {};
    for (const pass of request.passes) Object.assign(values, await runPass(pass, request, runner));
    emit({ values });
  }
}

async function runPass(pass: Pass, request: SampleRequest, runner: PassRunner): Promise<Values> {
  const { variant, params } = request;
  if (pass !== 'rate' && pass !== 'time') return runner[pass](variant, params);
  let ops = 0;
  let us = 0;
  do {
    const measured = await runner.body(variant, params);
    ops += measured.ops;
    us += measured.us;
  } while (us < request.measuredMs * 1000);
  return pass === 'rate' ? { rate: (ops / us) * 1e6 } : { ms: us / ops / 1000 };
}

/** The request in the arguments of a benchmark's process. */
export function requestFromArgv(): SampleRequest {
  return JSON.parse(process.argv[2] ?? '') as SampleRequest; // written by the harness alone
}

/** Print one sample where the harness reads it. */
export function printLine(line: SampleLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
