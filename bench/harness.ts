/**
 * The harness: runs the selected benchmarks, the VMs of one benchmark next to each other, so that
 * whatever else the machine does in the meantime meets all of them.
 *
 * Invariants:
 *  1. A benchmark runs in a VM of its own for each number of schedulers, in a fresh process of the
 *     operating system. One warm-up sample does not count.
 *  2. Each figure is measured once a run, also when two benchmarks stand beside it.
 *  3. A benchmark that fails is reported and does not end the run.
 */
import { type Benchmark, benchmarkNamed, type FigureSpec } from './catalog.js';
import { type ChildCommand, ChildError, runChild } from './child.js';
import { type FigureLine, figureLine, type RunFacts, type VmName } from './figures.js';
import { ForeignLoad, type Machine } from './machine.js';
import type { SampleLine, SampleRequest, Values } from './sampling.js';
import type { Selected } from './selection.js';
import type { Launcher } from './sides.js';

export interface HarnessOptions {
  readonly selected: readonly Selected[];
  readonly machine: Machine;
  readonly quick: boolean;
  /** The VMs to run; tsvm always. */
  readonly launchers: { readonly tsvm: Launcher } & Partial<Record<'beam' | 'floor', Launcher>>;
  readonly listener: HarnessListener;
  readonly signal?: AbortSignal;
  /** Other constants than the catalog's and shorter samples, for tests. */
  readonly params?: (benchmark: Benchmark) => SampleRequest['params'];
  readonly sampling?: Sampling;
}

export interface HarnessListener {
  /** A VM starts on a benchmark; `done` of `total` runs are over. */
  start(run: RunName, done: number, total: number): void;
  sample(run: RunName, count: number, of: number): void;
  figure(line: FigureLine): void;
  failure(failure: Failure): void;
}

export interface RunName {
  readonly vm: VmName;
  readonly bench: string;
}

export interface Failure extends RunName {
  readonly message: string;
  /** All that its process said on standard error. */
  readonly detail: string;
}

export interface Sampling {
  /** Samples that count. */
  readonly samples: number;
  readonly measuredMs: number;
  /** After this the process of a benchmark is killed. */
  readonly limitMs: number;
}

const FULL: Sampling = { samples: 5, measuredMs: 250, limitMs: 300_000 };
const QUICK: Sampling = { samples: 3, measuredMs: 50, limitMs: 60_000 };

interface Run {
  readonly vm: VmName;
  readonly benchmark: Benchmark;
  readonly schedulers: number;
  readonly figures: readonly FigureSpec[];
}

/** Run everything selected. @throws the reason of `signal` when aborted */
export async function runBenchmarks(options: HarnessOptions): Promise<void> {
  const runs = plan(options.selected, options.launchers);
  for (const [done, run] of runs.entries()) {
    const name = { vm: run.vm, bench: `${run.benchmark.name}@s${run.schedulers}` };
    options.listener.start(name, done, runs.length);
    try {
      await runOne(run, name, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      const detail = error instanceof ChildError ? error.detail : '';
      options.listener.failure({ ...name, message: error.message, detail });
    }
  }
}

/** What is run in which order, each run once: the counterpart in another benchmark may be selected too. */
export function plan(
  selected: readonly Selected[],
  launchers: Partial<Record<VmName, unknown>>,
): Run[] {
  const runs = new Map<string, Run>();
  const add = (run: Run): void => {
    const key = `${run.vm} ${run.benchmark.name} ${run.schedulers}`;
    const known = runs.get(key);
    const figures = new Set([...(known?.figures ?? []), ...run.figures]);
    runs.set(key, { ...run, figures: [...figures] });
  };
  for (const entry of selected) {
    const { benchmark, schedulers } = entry;
    for (const vm of ['tsvm', 'beam'] as const) {
      if (launchers[vm] === undefined || benchmark[vm] === null) continue;
      const own = sideOf(benchmark, vm);
      const figures = entry.figures.map((figure) => counterpart(benchmark, figure, vm));
      add({ vm, benchmark: own, schedulers, figures });
    }
    const { floor } = benchmark;
    if (floor !== undefined && launchers['floor'] !== undefined) {
      const { figures } = entry;
      if (schedulers >= floor.threads)
        add({ vm: 'floor', benchmark, schedulers: floor.threads, figures });
    }
  }
  return [...runs.values()];
}

/** The benchmark whose figures stand for this one on that VM: itself, or its counterpart. */
export function sideOf(benchmark: Benchmark, vm: 'tsvm' | 'beam'): Benchmark {
  const side = benchmark[vm];
  return side !== null && 'sameAs' in side ? benchmarkNamed(side.sameAs) : benchmark;
}

/** The figure of another VM that stands beside this one, under its own name. */
export function counterpart(
  benchmark: Benchmark,
  figure: FigureSpec,
  vm: 'tsvm' | 'beam',
): FigureSpec {
  const other = sideOf(benchmark, vm);
  return other.figures[benchmark.figures.indexOf(figure)] ?? figure;
}

async function runOne(run: Run, name: RunName, options: HarnessOptions): Promise<void> {
  const { benchmark, vm, schedulers } = run;
  const launcher = options.launchers[vm];
  if (launcher === undefined) throw new Error(`${vm} is not run`);
  const mode = options.sampling ?? (options.quick ? QUICK : FULL);
  const warmups = benchmark.freshEachSample === true ? 0 : 1;
  const processes = benchmark.freshEachSample === true ? mode.samples : 1;
  const request: SampleRequest = {
    module: moduleOf(benchmark, vm),
    variant: benchmark.variant,
    passes: benchmark.passes,
    samples: benchmark.freshEachSample === true ? 1 : mode.samples + warmups,
    measuredMs: mode.measuredMs,
    schedulers,
    params: options.params?.(benchmark) ?? (options.quick ? benchmark.quick : benchmark.params),
  };
  const foreign = new ForeignLoad();
  const samples: Values[] = [];
  let otp: string | undefined;
  const command: ChildCommand = { ...launcher(request), limitMs: mode.limitMs };
  for (let count = 0; count < processes; count++) {
    await runChild(
      command,
      (line) => {
        const { values, otp: version } = line as Partial<SampleLine> & { otp?: string };
        otp ??= version;
        if (values === undefined) return;
        samples.push(values);
        options.listener.sample(name, samples.length, request.samples * processes);
      },
      options.signal,
    );
  }
  const others = foreign.take();
  const facts: RunFacts = {
    vm,
    n: request.params['n'] ?? 0,
    schedulers,
    versions: { ...options.machine.versions, ...(otp === undefined ? {} : { otp }) },
    machine: options.machine.description,
    ...(others === undefined ? {} : { others }),
    ...(options.quick ? { quick: true } : {}),
  };
  for (const spec of run.figures) {
    const line = figureLine(spec, facts, samples.slice(warmups));
    if (line !== undefined) options.listener.figure(line);
  }
}

function moduleOf(benchmark: Benchmark, vm: VmName): string {
  const side = benchmark[vm];
  if (side === undefined || side === null || !('module' in side)) {
    throw new Error(`${benchmark.name} has no program of its own for ${vm}`);
  }
  return side.module;
}
