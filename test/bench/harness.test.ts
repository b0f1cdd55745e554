import pc from 'picocolors';
import { expect, test } from 'vitest';
import { type Benchmark, benchmarks } from '../../bench/catalog.js';
import type { FigureLine } from '../../bench/figures.js';
import { type Failure, type HarnessOptions, plan, runBenchmarks } from '../../bench/harness.js';
import { type Selected, selectAll, selectMatching } from '../../bench/selection.js';
import { beamOnPath, type Launcher, openBeam } from '../../bench/sides.js';
import { renderTable } from '../../bench/table.js';

const machine = { description: 'a machine', versions: { tsvm: '0.0.0', node: '20' } };

function selected(filter: string): readonly Selected[] {
  return selectMatching(selectAll(benchmarks, [1, 2]), filter).selected;
}

/** Stands for a VM: a process that prints what it is told to, and ends with that status. */
function printing(output: (samples: number) => string, status = 0): Launcher {
  return ({ samples }) => ({
    file: process.execPath,
    args: [
      '-e',
      `process.stdout.write(${JSON.stringify(output(samples))}); process.exitCode = ${status}`,
    ],
  });
}

/** Rates 1, 2, 3 … a sample; the warm-up is the first. */
const counting = printing((samples) =>
  Array.from({ length: samples }, (_, i) => `{"values":{"rate":${i + 1}}}\n`).join(''),
);

interface Result {
  readonly lines: readonly FigureLine[];
  readonly failures: readonly Failure[];
}

async function run(
  filter: string,
  launchers: { tsvm: Launcher; beam?: Launcher; floor?: Launcher },
  more: Partial<HarnessOptions> = {},
): Promise<Result> {
  const lines: FigureLine[] = [];
  const failures: Failure[] = [];
  await runBenchmarks({
    selected: selected(filter),
    machine,
    quick: true,
    launchers,
    listener: {
      start: () => {},
      sample: () => {},
      figure: (line) => lines.push(line),
      failure: (failure) => failures.push(failure),
    },
    ...more,
  });
  return { lines, failures };
}

test('harness: the warm-up does not count, the median does', async () => {
  const { lines } = await run('ring.1k@s2', { tsvm: counting });
  expect(lines).toHaveLength(1);
  const { others, ...line } = lines[0] as FigureLine;
  expect(line).toEqual({
    vm: 'tsvm',
    bench: 'ring.1k@s2',
    value: 3,
    unit: 'ops/s',
    n: 100_000,
    better: 'higher',
    min: 2,
    max: 4,
    samples: [2, 3, 4],
    schedulers: 2,
    versions: machine.versions,
    machine: 'a machine',
    quick: true,
  });
  if (process.platform === 'linux') expect(others).toBeGreaterThanOrEqual(0);
});

test('harness: memory is sampled in fresh processes, all of which count', async () => {
  const sizes = printing((samples) => `{"values":{"rss":${samples}}}\n`);
  const { lines } = await run('spawn_live_memory.100k@s1,spawn_live_memory.100k.rss@s1', {
    tsvm: sizes,
  });
  expect(lines.map(({ bench, samples }) => [bench, samples])).toEqual([
    ['spawn_live_memory.100k.rss@s1', [1, 1, 1]],
  ]);
});

test('harness: a benchmark that fails is told, and the others go on', async () => {
  const failing: Launcher = (request) =>
    request.variant === '1k' ? printing(() => 'Error: no luck\n', 3)(request) : counting(request);
  const { lines, failures } = await run('ring.1k@s1,ring.100k@s1', { tsvm: failing });
  expect(failures).toMatchObject([{ vm: 'tsvm', bench: 'ring.1k@s1', message: 'ended with 3' }]);
  expect(lines.map(({ bench }) => bench)).toEqual(['ring.100k@s1']);
});

test('harness: a program that is not there is a failure of that VM', async () => {
  const { failures } = await run('ring.1k@s1', {
    tsvm: () => ({ file: 'no-such-program', args: [] }),
  });
  expect(failures).toHaveLength(1);
  expect(failures[0]?.message).toContain('ENOENT');
});

test('harness: aborted, it ends its process and throws', async () => {
  const endless: Launcher = () => ({
    file: process.execPath,
    args: ['-e', 'setInterval(() => {}, 1000)'],
  });
  const abort = new AbortController();
  const running = run('ring.1k@s1', { tsvm: endless }, { signal: abort.signal });
  abort.abort();
  await expect(running).rejects.toThrow('aborted');
});

function planned(filter: string): string[] {
  const runs = plan(selected(filter), { tsvm: true, beam: true });
  return runs.map(({ vm, benchmark }) => `${vm} ${benchmark.name}`);
}

test('plan: VMs of one benchmark are neighbours, and a counterpart is run once', () => {
  expect(planned('big_message.maps@s2,big_message.maps_frozen@s2')).toEqual([
    'tsvm big_message.maps',
    'beam big_message.maps',
    'tsvm big_message.maps_frozen',
  ]);
  expect(planned('fan_in@s1')).toEqual(['tsvm fan_in', 'beam fan_in', 'beam fan_in.off_heap']);
});

test('plan: a counterpart that is not selected itself is run nevertheless', () => {
  expect(planned('big_message.maps_frozen@s2')).toEqual([
    'tsvm big_message.maps_frozen',
    'beam big_message.maps',
  ]);
});

test('table: medians, spread, ratio above 1 where tsvm is ahead, floor', async () => {
  const slower = printing((samples) => '{"values":{"rate":1.5}}\n'.repeat(samples));
  const { lines, failures } = await run('ring.1k@s1', {
    tsvm: counting,
    beam: slower,
    floor: counting,
  });
  const table = renderTable({
    selected: selected('ring.1k@s1'),
    lines,
    failures,
    colors: pc.createColors(false),
  });
  const [head, row] = table.split('\n').map((text) => text.trim().split(/\s{2,}/));
  expect(head).toEqual(['unit', 'tsvm', 'min–max', 'BEAM', 'min–max', 'ratio', 'floor']);
  expect(row).toEqual(['ring.1k@s1', 'ops/s', '3', '2–4', '1.5', '1.5–1.5', '2.0×', '3']);
});

test('table: what failed says so', () => {
  const table = renderTable({
    selected: selected('ring.1k@s1'),
    lines: [],
    failures: [{ vm: 'tsvm', bench: 'ring.1k@s1', message: 'ended with 1', detail: '' }],
    colors: pc.createColors(false),
  });
  expect(table).toContain('failed');
});

/** Constants so small that a workload takes milliseconds. */
function tiny({ params }: Benchmark): Benchmark['params'] {
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => [
      key,
      Math.min(value, key === 'n' || key === 'rows' ? 200 : 10),
    ]),
  );
}

const sampling = { samples: 1, measuredMs: 1, limitMs: 30_000 };

test.runIf(beamOnPath())(
  'beam: every workload runs with tiny constants',
  async () => {
    const beam = openBeam();
    try {
      const filter = '*@s2';
      const { lines, failures } = await run(
        filter,
        { tsvm: counting, beam: beam.launch },
        { params: tiny, sampling },
      );
      expect(failures).toEqual([]);
      const own = lines.filter(({ vm }) => vm === 'beam');
      expect(own.length).toBeGreaterThan(20);
      for (const line of own) {
        expect(Number.isFinite(line.value)).toBe(true);
        expect(line.versions['otp']).toMatch(/^\d+/);
      }
    } finally {
      beam.close();
    }
  },
  180_000,
);
