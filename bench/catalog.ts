/**
 * The catalog: every benchmark with its constants and its figures.
 *
 * Names, constants and units are those of the benchmark definitions; what a workload does stands
 * in its file in `workloads/`, and its twin for the BEAM in `beam/`.
 *
 * A benchmark runs in a VM of its own for each number of schedulers. `params.n` is the number of
 * operations of one body (one pass for latencies) and becomes `n` of its lines.
 */
import type { Params, Pass } from './sampling.js';

export interface FigureSpec {
  readonly name: string;
  /** Which of a sample's values it is. */
  readonly key: string;
  readonly unit: 'ops/s' | 'us' | 'ms' | 'bytes' | 'MB/s' | 'x' | 'count';
  readonly better: 'higher' | 'lower';
  readonly scale?: number;
}

/** Where a VM's side of a benchmark is: its program, or another benchmark that is its counterpart. */
export type Side = { readonly module: string } | { readonly sameAs: string };

export interface Benchmark {
  readonly name: string;
  readonly variant: string;
  readonly passes: readonly Pass[];
  readonly params: Params;
  /** What `--quick` takes instead. */
  readonly quick: Params;
  /** Needs more than one scheduler. */
  readonly parallel?: true;
  /** Is for one scheduler only. */
  readonly serial?: true;
  /** Each sample is a fresh process of the operating system, without a warm-up. */
  readonly freshEachSample?: true;
  readonly tsvm: Side;
  /** `null`: there is nothing on the BEAM to compare with. */
  readonly beam: Side | null;
  /** The raw counterpart without a VM, and how many threads it uses. */
  readonly floor?: { readonly module: string; readonly threads: 1 | 2 };
  readonly figures: readonly FigureSpec[];
}

const MEBIBYTE_EXTERNAL = 1_048_582;
const MAPS_EXTERNAL = 13_863;

function rate(name: string): FigureSpec {
  return { name, key: 'rate', unit: 'ops/s', better: 'higher' };
}

function volume(name: string, externalBytes: number): FigureSpec {
  return { name, key: 'rate', unit: 'MB/s', better: 'higher', scale: externalBytes / 1e6 };
}

function latency(name: string, key: string): FigureSpec {
  return { name, key, unit: 'us', better: 'lower' };
}

function spawnDie(variant: string, extra: Partial<Benchmark>): Benchmark {
  const name = `spawn_die.${variant}`;
  return {
    name,
    variant,
    passes: ['rate'],
    params: { n: 200_000 },
    quick: { n: 20_000 },
    tsvm: { module: 'spawn-die' },
    beam: { module: 'spawn_die' },
    figures: [rate(name)],
    ...extra,
  };
}

function liveMemory(variant: string, n: number): Benchmark {
  const name = `spawn_live_memory.${variant}`;
  const bytes = (key: string): FigureSpec => ({
    name: `${name}.${key}`,
    key,
    unit: 'bytes',
    better: 'lower',
  });
  return {
    name,
    variant,
    passes: ['sizes'],
    params: { n },
    quick: { n: n / 10 },
    freshEachSample: true,
    tsvm: { module: 'spawn-live-memory' },
    beam: { module: 'spawn_live_memory' },
    floor: { module: 'spawn-live-memory', threads: 1 },
    figures: [
      bytes('vm_processes'),
      bytes('vm_total'),
      bytes('process_info'),
      bytes('rss'),
      { name: `${name}.spawn_rate`, key: 'spawn_rate', unit: 'ops/s', better: 'higher' },
    ],
  };
}

function start(modules: number): Benchmark {
  const name = `start_${modules}`;
  const ms = (key: string): FigureSpec => ({
    name: `${name}.${key}`,
    key,
    unit: 'ms',
    better: 'lower',
  });
  return {
    name,
    variant: 'start',
    passes: ['sizes'],
    params: { n: modules },
    quick: { n: modules },
    freshEachSample: true,
    tsvm: { module: 'start-large' },
    beam: null,
    figures: [ms('cold'), ms('warm'), ms('blocked')],
  };
}

function ring(
  variant: string,
  params: Params,
  quick: Params,
  extra: Partial<Benchmark>,
): Benchmark {
  const name = `ring.${variant}`;
  return {
    name,
    variant,
    passes: ['rate'],
    params,
    quick,
    tsvm: { module: 'ring' },
    beam: { module: 'ring' },
    figures: [rate(name)],
    ...extra,
  };
}

function bigMessage(variant: string, n: number, bytes: number, beam: Side): Benchmark {
  const name = `big_message.${variant}`;
  return {
    name,
    variant,
    passes: ['rate'],
    params: { n },
    quick: { n: n / 10 },
    tsvm: { module: 'big-message' },
    beam,
    floor: { module: 'big-message', threads: 2 },
    figures: [rate(`${name}.rate`), volume(`${name}.volume`, bytes)],
  };
}

function selectiveReceive(variant: string, params: Params, quick: Params): Benchmark {
  const name = `selective_receive.${variant}`;
  return {
    name,
    variant,
    passes: ['rate'],
    params,
    quick,
    tsvm: { module: 'selective-receive' },
    beam: { module: 'selective_receive' },
    floor: { module: 'selective-receive', threads: 1 },
    figures: [rate(name)],
  };
}

/** One job: alone on one scheduler, and twice at once on two. */
function cpu(job: string, size: number): Benchmark[] {
  const common = {
    variant: job,
    passes: ['time'],
    tsvm: { module: 'cpu' },
    beam: { module: 'cpu' },
  } as const;
  const figure = (kind: string): FigureSpec => ({
    name: `cpu.${job}.${kind}`,
    key: 'ms',
    unit: 'ms',
    better: 'lower',
  });
  const single = { n: 1, size, threads: 1 };
  const par2 = { n: 1, size, threads: 2 };
  return [
    {
      ...common,
      name: `cpu.${job}.single`,
      serial: true,
      params: single,
      quick: single,
      floor: { module: 'cpu', threads: 1 },
      figures: [figure('single')],
    },
    {
      ...common,
      name: `cpu.${job}.par2`,
      parallel: true,
      params: par2,
      quick: par2,
      floor: { module: 'cpu', threads: 2 },
      figures: [figure('par2')],
    },
  ];
}

/** The jobs that `counting` runs counted and plain. */
const COUNTED_JOBS = [
  ...['fib30', 'int_loop_100m', 'float_steps_1m', 'sort_1m', 'json_100k', 'array_sum', 'for_of'],
  ...['matrix_multiply', 'sieve', 'short_loops', 'collatz', 'string_building', 'map_counting'],
  ...['helper_calls', 'trees'],
];

function codeLoad(
  variant: 'cold' | 'hot',
  times: Params,
  quick: Params,
  figures: readonly [key: string, unit: FigureSpec['unit']][],
): Benchmark {
  const name = variant === 'cold' ? 'code_load' : 'code_load.hot';
  return {
    name,
    variant,
    passes: ['values'],
    params: { n: 1_000, versions: 20, ...times },
    quick: { n: 100, versions: 20, ...quick },
    tsvm: { module: 'code-load' },
    beam: { module: 'code_load' },
    figures: figures.map(([key, unit]) => ({
      name: `${name}.${key}`,
      key,
      unit,
      better: unit === 'ops/s' ? 'higher' : 'lower',
    })),
  };
}

function hotLoad(variant: 'watched' | 'told'): Benchmark {
  const name = variant === 'watched' ? 'hot_load' : 'hot_load.told';
  return {
    name,
    variant,
    passes: ['values'],
    params: { n: 100, warm: 20, processes: 1_000, versions: 20 },
    quick: { n: 20, warm: 5, processes: 100, versions: 20 },
    tsvm: { module: 'hot-load' },
    // It watches no folder.
    beam: variant === 'told' ? { module: 'hot_load' } : null,
    figures: ['p50', 'p99'].map((key) => ({
      name: `${name}.${key}`,
      key,
      unit: 'ms',
      better: 'lower',
    })),
  };
}

function hotLoadUnderLoad(): Benchmark {
  const figure = (
    key: string,
    unit: FigureSpec['unit'],
    better: FigureSpec['better'],
  ): FigureSpec => ({ name: `hot_load_under_load.${key}`, key, unit, better });
  return {
    name: 'hot_load_under_load',
    variant: 'under_load',
    passes: ['values'],
    params: { n: 1, processes: 1_000, versions: 20, quietMs: 1_000, loadingMs: 5_000 },
    quick: { n: 1, processes: 100, versions: 20, quietMs: 200, loadingMs: 500 },
    tsvm: { module: 'hot-load' },
    beam: { module: 'hot_load' },
    figures: [
      figure('before_rate', 'ops/s', 'higher'),
      figure('loading_rate', 'ops/s', 'higher'),
      figure('kept', 'x', 'higher'),
      figure('loading_p99', 'us', 'lower'),
      figure('loads', 'ops/s', 'higher'),
      figure('failed', 'count', 'lower'),
      figure('killed', 'count', 'lower'),
    ],
  };
}

/** @param hogs on each scheduler; `everywhere` 0: on the first alone */
function fairness(variant: string, hogs: number, everywhere: 0 | 1): Benchmark {
  const name = `fairness.${variant}`;
  const figure = (
    key: string,
    unit: FigureSpec['unit'],
    better: FigureSpec['better'],
  ): FigureSpec => ({
    name: `${name}.${key}`,
    key,
    unit,
    better,
    ...(unit === 'ms' ? { scale: 1e-3 } : {}),
  });
  return {
    name,
    variant,
    passes: ['values'],
    // Beside a hundred hogs the BEAM takes some milliseconds for each kill.
    params: { n: 200, warm: hogs < 100 ? 2_000 : 300, ms: 5_000, hogs, everywhere },
    quick: { n: 50, warm: hogs < 100 ? 2_000 : 300, ms: 500, hogs, everywhere },
    tsvm: { module: 'fairness' },
    // The BEAM knows one kind of loop.
    beam: variant.endsWith('_async')
      ? { sameAs: name.slice(0, -'_async'.length) }
      : { module: 'fairness' },
    figures: [
      figure('late_p50', 'ms', 'lower'),
      figure('late_p99', 'ms', 'lower'),
      figure('late_max', 'ms', 'lower'),
      figure('ticks', 'ops/s', 'higher'),
      ...(hogs === 0 ? [] : [figure('kill_p50', 'us', 'lower'), figure('kill_p99', 'us', 'lower')]),
    ],
  };
}

function ets(variant: string, n: number, extra: Partial<Benchmark> = {}): Benchmark {
  const name = `ets.${variant}`;
  return {
    name,
    variant,
    passes: ['rate'],
    params: { n, rows: 100_000 },
    quick: { n: Math.max(2, n / 100), rows: variant.endsWith('insert') ? n / 100 : 1000 },
    tsvm: { module: 'ets' },
    beam: { module: 'ets_bench' },
    figures: [rate(name)],
    ...extra,
  };
}

/** What else could hold the rows: see floor/ets.ts. */
const ROWS_ELSEWHERE: Partial<Benchmark> = { floor: { module: 'ets', threads: 1 } };

/** Two processes on one table. */
function etsPair(variant: string, n: number): Benchmark {
  return ets(variant, n, { parallel: true });
}

function genServerCall(variant: string, extra: Partial<Benchmark>): Benchmark {
  const name = `gen_server_call.${variant}`;
  return {
    name,
    variant,
    passes: ['rate'],
    params: { n: 500_000, warm: 10_000 },
    quick: { n: 20_000, warm: 1_000 },
    tsvm: { module: 'gen-server-call' },
    beam: { module: 'gen_server_call' },
    figures: [rate(name)],
    ...extra,
  };
}

/** @param beam `false` where Mnesia has no counterpart */
function mnesia(copies: string, variant: string, n: number, beam = true): Benchmark {
  const name = `mnesia.${copies}.${variant.split('.')[1]}`;
  return {
    name,
    variant,
    passes: ['rate'],
    params: { n },
    quick: { n: Math.ceil(n / 50) },
    tsvm: { module: 'mnesia' },
    beam: beam ? { module: 'mnesia_tables' } : null,
    figures: [rate(name)],
  };
}

function supervisorRestart(variant: string, n: number): Benchmark {
  const name = `supervisor_restart.${variant}`;
  return {
    name,
    variant,
    passes: ['rate'],
    params: { n },
    quick: { n: n / 10 },
    tsvm: { module: 'supervisor-restart' },
    beam: { module: 'supervisor_restart' },
    figures: [rate(name)],
  };
}

const bigMessageBeam: Side = { module: 'big_message' };

export const benchmarks: readonly Benchmark[] = [
  spawnDie('monitor', { floor: { module: 'spawn-die', threads: 1 } }),
  spawnDie('counter', { floor: { module: 'spawn-die', threads: 1 } }),
  spawnDie('counter_par', { parallel: true }),
  liveMemory('100k', 100_000),
  liveMemory('1m', 1_000_000),
  {
    name: 'ping_pong_local',
    variant: 'local',
    passes: ['rate'],
    params: { n: 1_000_000, warm: 1_000 },
    quick: { n: 100_000, warm: 1_000 },
    tsvm: { module: 'ping-pong-local' },
    beam: { module: 'ping_pong' },
    floor: { module: 'ping-pong-local', threads: 1 },
    figures: [rate('ping_pong_local')],
  },
  {
    name: 'ping_pong_cross',
    variant: 'cross',
    passes: ['rate', 'latencies'],
    params: { n: 200_000, warm: 1_000 },
    quick: { n: 20_000, warm: 1_000 },
    parallel: true,
    tsvm: { module: 'ping-pong-cross' },
    beam: { module: 'ping_pong' },
    floor: { module: 'ping-pong-cross', threads: 2 },
    figures: [
      rate('ping_pong_cross.rate'),
      latency('ping_pong_cross.p50', 'p50'),
      latency('ping_pong_cross.p99', 'p99'),
    ],
  },
  ring(
    '1k',
    { n: 1_000_000, processes: 1_000 },
    { n: 100_000, processes: 1_000 },
    { floor: { module: 'ring', threads: 1 } },
  ),
  ring(
    '100k',
    { n: 1_000_000, processes: 100_000 },
    { n: 100_000, processes: 10_000 },
    { floor: { module: 'ring', threads: 1 } },
  ),
  ring(
    '1k_alternating',
    { n: 200_000, processes: 1_000 },
    { n: 20_000, processes: 1_000 },
    { parallel: true },
  ),
  {
    name: 'fan_in',
    variant: 'on_heap',
    passes: ['rate'],
    params: { n: 1_000_000, senders: 1_000 },
    quick: { n: 100_000, senders: 1_000 },
    tsvm: { module: 'fan-in' },
    beam: { module: 'fan_in' },
    floor: { module: 'fan-in', threads: 1 },
    figures: [rate('fan_in')],
  },
  {
    name: 'fan_in.off_heap',
    variant: 'off_heap',
    passes: ['rate'],
    params: { n: 1_000_000, senders: 1_000 },
    quick: { n: 100_000, senders: 1_000 },
    // An option of the BEAM's receiver that nothing here corresponds to: the same figure stands beside it.
    tsvm: { sameAs: 'fan_in' },
    beam: { module: 'fan_in' },
    figures: [rate('fan_in.off_heap')],
  },
  {
    name: 'throughput_cross',
    variant: 'credit',
    passes: ['rate'],
    params: { n: 2_000_000 },
    quick: { n: 200_000 },
    tsvm: { module: 'throughput-cross' },
    beam: { module: 'throughput_cross' },
    floor: { module: 'throughput-cross', threads: 2 },
    figures: [rate('throughput_cross')],
  },
  bigMessage('maps', 20_000, MAPS_EXTERNAL, bigMessageBeam),
  bigMessage('maps_frozen', 20_000, MAPS_EXTERNAL, { sameAs: 'big_message.maps' }),
  bigMessage('bin1m_shared', 20_000, MEBIBYTE_EXTERNAL, bigMessageBeam),
  bigMessage('bin1m_fresh', 2_000, MEBIBYTE_EXTERNAL, bigMessageBeam),
  selectiveReceive('ref', { n: 100_000, junk: 10_000 }, { n: 20_000, junk: 10_000 }),
  selectiveReceive('scan', { n: 1_000, junk: 10_000 }, { n: 200, junk: 10_000 }),
  selectiveReceive('empty_mailbox', { n: 100_000, junk: 0 }, { n: 20_000, junk: 0 }),
  fairness('idle', 0, 0),
  fairness('hog1', 1, 0),
  fairness('hog1_async', 1, 0),
  fairness('hog4x', 4, 1),
  fairness('hog4x_async', 4, 1),
  fairness('hog8', 8, 1),
  fairness('hog8_async', 8, 1),
  fairness('hog100', 100, 1),
  fairness('hog100_async', 100, 1),
  ...cpu('fib30', 30),
  ...cpu('int_loop_100m', 10_000),
  ...cpu('float_steps_1m', 1_000_000),
  ...cpu('sort_1m', 1_000_000),
  ...cpu('json_100k', 100_000),
  {
    name: 'counting',
    variant: 'all',
    passes: ['values'],
    params: { n: 25, scale: 1000 },
    quick: { n: 9, scale: 1000 },
    serial: true,
    tsvm: { module: 'counting' },
    beam: null,
    figures: ['median', ...COUNTED_JOBS].map((key) => ({
      name: `counting.${key}`,
      key,
      unit: 'x',
      better: 'lower',
    })),
  },
  {
    name: 'parallel_speedup',
    variant: 'fib30',
    passes: ['values'],
    params: { n: 8, size: 30 },
    quick: { n: 8, size: 30 },
    parallel: true,
    tsvm: { module: 'parallel-speedup' },
    beam: { module: 'parallel_speedup' },
    figures: [
      { name: 'parallel_speedup.factor', key: 'factor', unit: 'x', better: 'higher' },
      { name: 'parallel_speedup.one', key: 'one', unit: 'ms', better: 'lower' },
      { name: 'parallel_speedup.spread', key: 'spread', unit: 'ms', better: 'lower' },
    ],
  },
  start(1000),
  ets('single.insert', 100_000, ROWS_ELSEWHERE),
  ets('single.lookup', 1_000_000, ROWS_ELSEWHERE),
  ets('single.update_counter', 1_000_000, ROWS_ELSEWHERE),
  ets('single.select_1pct', 20, ROWS_ELSEWHERE),
  ets('single.shared_counter', 1_000_000, { beam: { sameAs: 'ets.single.update_counter' } }),
  etsPair('conc2.insert', 100_000),
  etsPair('conc2.lookup', 1_000_000),
  etsPair('conc2.update_counter', 1_000_000),
  etsPair('conc2.select_1pct', 40),
  ets('remote.lookup', 1_000_000, { parallel: true, floor: { module: 'ets', threads: 2 } }),
  mnesia('ram_copies', 'ram.dirty_write', 100_000),
  mnesia('ram_copies', 'ram.dirty_read', 500_000),
  mnesia('ram_copies', 'ram.transaction', 50_000),
  mnesia('disc_copies', 'disc.dirty_write', 50_000),
  mnesia('disc_copies', 'disc.dirty_read', 500_000),
  mnesia('disc_copies', 'disc.transaction', 20_000),
  mnesia('durable', 'durable.transaction', 100, false),
  genServerCall('local', { serial: true }),
  genServerCall('cross', { parallel: true }),
  supervisorRestart('burst1k', 1_000),
  supervisorRestart('burst10k', 10_000),
  {
    name: 'supervisor_restart.answer',
    variant: 'answer',
    passes: ['latencies'],
    params: { n: 1_000 },
    quick: { n: 100 },
    tsvm: { module: 'supervisor-restart' },
    beam: { module: 'supervisor_restart' },
    figures: [
      latency('supervisor_restart.answer_p50', 'p50'),
      latency('supervisor_restart.answer_p99', 'p99'),
    ],
  },
  {
    name: 'timers',
    variant: 'all',
    passes: ['values'],
    params: { n: 200_000 },
    quick: { n: 20_000 },
    tsvm: { module: 'timers' },
    beam: { module: 'timers' },
    figures: [
      { name: 'timers.insert', key: 'insert', unit: 'ops/s', better: 'higher' },
      latency('timers.late_p50', 'late_p50'),
      latency('timers.late_p99', 'late_p99'),
      latency('timers.late_max', 'late_max'),
      { name: 'timers.cancel', key: 'cancel', unit: 'ops/s', better: 'higher' },
    ],
  },
  {
    name: 'crash_isolation',
    variant: 'all',
    passes: ['rate'],
    params: { n: 1_000 },
    quick: { n: 100 },
    tsvm: { module: 'crash-isolation' },
    beam: { module: 'crash_isolation' },
    figures: [rate('crash_isolation')],
  },
  codeLoad('cold', {}, {}, [
    ['visible', 'ms'],
    ['all_processes', 'ms'],
  ]),
  codeLoad('hot', { quietMs: 1_000, loadingMs: 5_000 }, { quietMs: 200, loadingMs: 500 }, [
    ['quiet_rate', 'ops/s'],
    ['quiet_p99', 'us'],
    ['loading_rate', 'ops/s'],
    ['loading_p99', 'us'],
    ['loading_p9999', 'us'],
    ['loads', 'ops/s'],
    ['failed', 'count'],
    ['killed', 'count'],
    ['soft_purge_refused', 'count'],
  ]),
  hotLoad('watched'),
  hotLoad('told'),
  hotLoadUnderLoad(),
];

/** The benchmark of that name. @throws RangeError when the catalog has none */
export function benchmarkNamed(name: string): Benchmark {
  const found = benchmarks.find((benchmark) => benchmark.name === name);
  if (found === undefined) throw new RangeError(`no benchmark is called ${name}`);
  return found;
}
