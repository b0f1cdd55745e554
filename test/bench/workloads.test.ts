/**
 * Every tsvm workload and every floor once, with tiny constants, so that none rots. They check
 * their own results and fail where a message is wrong.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVm, type Vm } from 'tsvm/vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Benchmark, benchmarks } from '../../bench/catalog.js';
import { codeLoadBuilds } from '../../bench/code-load.js';
import type { FigureLine } from '../../bench/figures.js';
import { runBenchmarks } from '../../bench/harness.js';
import { hotLoad } from '../../bench/hot-load.js';
import { liveMemory } from '../../bench/live-memory.js';
import { packagePath } from '../../bench/package-root.js';
import type { Measured, Params, Values } from '../../bench/sampling.js';
import { selectAll, selectMatching } from '../../bench/selection.js';
import { launchFloor, launchTsvm } from '../../bench/sides.js';
import { startLarge } from '../../bench/start-large.js';

/** Constants so small that a workload takes milliseconds. */
function tiny({ params }: Benchmark): Params {
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => [
      key,
      Math.min(value, key === 'n' || key === 'rows' ? 200 : 10),
    ]),
  );
}

const own = benchmarks.flatMap((benchmark) =>
  'module' in benchmark.tsvm ? [{ ...benchmark, module: benchmark.tsvm.module }] : [],
);

let vm: Vm;
let data: string;

beforeAll(async () => {
  const modules = packagePath('bench', 'workloads');
  data = mkdtempSync(join(tmpdir(), 'tsvm-workloads-'));
  vm = await startVm({ modules, data, schedulers: 2, watch: false, logger: false });
});

afterAll(async () => {
  await vm?.stop();
  rmSync(data, { recursive: true, force: true });
});

const isStart = ({ module }: { module: string }): boolean => module === 'start-large';
const isHotLoad = ({ module }: { module: string }): boolean => module === 'hot-load';
const workloads = own.filter((benchmark) => !isStart(benchmark) && !isHotLoad(benchmark));

test.each(workloads)('$name runs with tiny constants', async (benchmark) => {
  const { module, variant, passes } = benchmark;
  const params = tiny(benchmark);
  for (const pass of passes) {
    if (pass === 'rate' || pass === 'time') {
      const { ops, us } = (await vm.run(module, 'body', [variant, params])) as Measured;
      expect(ops).toBe(params['n']);
      expect(us).toBeGreaterThan(0);
    } else if (pass === 'values') {
      const builds = 'versions' in params ? [await codeLoadBuilds(params)] : [];
      const values = (await vm.run(module, 'values', [variant, params, ...builds])) as Values;
      for (const { key, unit } of benchmark.figures) {
        // Failures are counted, and in so short a time there may be no load.
        if (unit === 'count' || key === 'loads') expect(values[key]).toBeGreaterThanOrEqual(0);
        else expect(values[key]).toBeGreaterThan(0);
      }
    } else if (pass === 'latencies') {
      const { p50, p99 } = (await vm.run(module, 'latencies', [variant, params])) as Values;
      expect(p50).toBeGreaterThan(0);
      expect(p99).toBeGreaterThanOrEqual(p50 ?? Number.NaN);
    } else {
      const values = await liveMemory((fn, args) => vm.run(module, fn, [...args]), params);
      expect(values['spawn_rate']).toBeGreaterThan(0);
    }
  }
});

test.each(own.filter(isStart))('$name runs with few modules', async ({ params }) => {
  const { cold, warm, blocked } = await startLarge({ ...params, n: 70 }, 1);
  for (const ms of [cold, warm, blocked]) expect(ms).toBeGreaterThan(0);
});

test.each(own.filter(isHotLoad))('$name runs with tiny constants', async (benchmark) => {
  const values = await hotLoad(benchmark.variant, { ...tiny(benchmark), n: 3, loadingMs: 300 }, 2);
  for (const { key, unit } of benchmark.figures) {
    if (unit === 'count') expect(values[key]).toBe(0);
    else expect(values[key]).toBeGreaterThan(0);
  }
});

test('a benchmark runs in a process of its own, beside its floor', async () => {
  const lines: FigureLine[] = [];
  const all = selectAll(benchmarks, [1, 2]);
  await runBenchmarks({
    selected: selectMatching(all, 'ring.1k@s2,ping_pong_cross@s2,cpu.json_100k').selected,
    machine: { description: 'a machine', versions: {} },
    quick: true,
    launchers: { tsvm: launchTsvm, floor: launchFloor },
    params: tiny,
    sampling: { samples: 1, measuredMs: 1, limitMs: 30_000 },
    listener: {
      start: () => {},
      sample: () => {},
      figure: (line) => lines.push(line),
      failure: ({ bench, vm: of, message, detail }) =>
        expect.fail(`${bench} on ${of} ${message}\n${detail}`),
    },
  });
  expect(lines.map(({ vm: of, bench }) => `${of} ${bench}`)).toEqual([
    'tsvm ping_pong_cross.rate@s2',
    'tsvm ping_pong_cross.p50@s2',
    'tsvm ping_pong_cross.p99@s2',
    'floor ping_pong_cross.rate@s2',
    'floor ping_pong_cross.p50@s2',
    'floor ping_pong_cross.p99@s2',
    'tsvm ring.1k@s2',
    'floor ring.1k@s1',
    'tsvm cpu.json_100k.single@s1',
    'floor cpu.json_100k.single@s1',
    'tsvm cpu.json_100k.par2@s2',
    'floor cpu.json_100k.par2@s2',
  ]);
});
