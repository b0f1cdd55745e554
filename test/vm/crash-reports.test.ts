/** Crash reports of a whole machine: kept, counted in a storm, and without secrets. SEMANTICS §9. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type CrashGroup,
  CrashHistory,
  type CrashReport,
  startVm,
  type Vm,
  type VmOptions,
} from 'tsvm/vm';
import { describe, expect, onTestFinished, test } from 'vitest';

const MODULES = fileURLToPath(new URL('modules', import.meta.url));
const WITNESS = readFileSync(join(MODULES, 'witness.ts'), 'utf8').split('\n');
const STORM = readFileSync(join(MODULES, 'storm.ts'), 'utf8').split('\n');

async function start(options: VmOptions): Promise<{ vm: Vm; data: string }> {
  const data = mkdtempSync(join(tmpdir(), 'tsvm-crash-reports-'));
  const vm = await startVm({ modules: MODULES, dirtyThreads: 1, logger: false, data, ...options });
  onTestFinished(async () => {
    await vm.stop();
    rmSync(data, { recursive: true, force: true });
  });
  return { vm, data };
}

const sum = (groups: readonly CrashGroup[], key: 'count' | 'reports'): number =>
  groups.reduce((total, group) => total + group[key], 0);

describe.each([1, 2])('with %i schedulers', (schedulers) => {
  test('9 a storm of crashes: the count is exact, samples are kept, others go on', async () => {
    const { vm, data } = await start({ schedulers });
    let [heard, omitted] = [0, 0];
    vm.on('crash', () => {
      heard += 1;
    });
    vm.on('crashesOmitted', (count) => {
      omitted += count;
    });
    const echo = await vm.spawn('storm', 'echo');
    const raged = vm.run('storm', 'rage', [30_000]);
    let answers = 0;
    let over = false;
    void raged.then(() => {
      over = true;
    });
    while (!over) answers += (await vm.call<number>(echo, 1, 20_000)) as number;
    await raged;
    expect(answers).toBeGreaterThan(0);
    while ((await vm.stats()).processes > 1) await vm.call(echo, 1, 20_000);
    await vm.stop();

    const history = new CrashHistory(data);
    const groups = await history.groups();
    expect(sum(groups, 'count')).toBe(30_000);
    expect(groups.map(({ count }) => count)).toEqual([10_000, 10_000, 10_000]);
    expect(heard + omitted).toBe(30_000);
    expect(sum(groups, 'reports')).toBe(heard);
    // The storm really was one.
    expect(omitted).toBeGreaterThan(20_000);
    for (const { reports } of groups) expect(reports).toBeGreaterThanOrEqual(100);
    expect((await history.size()).bytes).toBeLessThan(4_000_000);
    expect(history.damages).toEqual([]);
  });
});

test('9 a report names signature, module, version and the lines of source as they were', async () => {
  const { vm, data } = await start({ schedulers: 1 });
  // One that the host waits for and one that it does not: both are processes of that module.
  await vm.run('storm', 'fail', [0]).catch(() => {});
  const version = vm.modules.find(({ name }) => name === 'storm')?.version;
  await crashesOf(vm, 1);
  await vm.stop();
  const [group] = await new CrashHistory(data).groups();
  const line = STORM.findIndex((text) => text.endsWith('// PLACE')) + 1;
  expect(group?.signature.reasonClass).toBe('RangeError');
  expect(group?.signature.place).toMatch(new RegExp(`storm\\.ts:${line}:\\d+$`));
  expect(group?.latest?.report).toMatchObject({ module: 'storm', version, linkCount: 0 });
  expect(group?.latest?.frame).toMatch(new RegExp(`> +${line} \\|   if \\(kind === 0\\) throw`));
});

test.each([1, 2])(
  '9 a report holds all that is known of a server, on scheduler %i',
  async (slot) => {
    const { vm } = await start({ schedulers: 2 });
    const reports: CrashReport[] = [];
    vm.on('crash', (report) => reports.push(report));
    await vm.run('witness', 'scene', [slot], { scheduler: 1 });
    await vm.stop();
    const report = reports.find(({ name }) => name === 'witness') as CrashReport;
    const { version } = report;
    const line = WITNESS.findIndex((text) => text.includes('throw new RangeError')) + 1;
    expect(version).toMatch(/^[0-9a-f]{10}$/);
    expect(report).toEqual({
      time: expect.any(Number),
      signature: {
        reasonClass: 'RangeError',
        place: expect.stringMatching(new RegExp(`witness\\.ts:${line}:\\d+$`)),
      },
      module: 'witness',
      version,
      pid: expect.stringMatching(/^</),
      scheduler: slot,
      initialCall: 'witness.init',
      name: 'witness',
      label: 'till 3',
      parent: expect.stringMatching(/^</),
      reason: {
        kind: 'error',
        name: 'RangeError',
        message: 'too dear',
        stack: expect.stringContaining(`witness.ts:${line}`),
        cause: {
          kind: 'error',
          name: 'TypeError',
          message: 'no price',
          stack: expect.stringContaining('witness.ts:'),
          cause: {
            kind: 'error',
            name: 'Error',
            message: 'root',
            stack: expect.stringContaining('witness.ts:'),
          },
        },
      },
      ancestors: ['boss', expect.stringMatching(/^</)],
      trapExit: false,
      details: {
        module: 'witness',
        // By formatStatus: the pin is not in it.
        state: { sum: 5 },
        lastMessage: { type: 'call', from: expect.any(Object), request: { type: 'boom' } },
        client: report.parent,
      },
      neighbours: expect.arrayContaining([
        expect.objectContaining({ initialCall: 'witness.idle', name: null }),
      ]),
      messageQueueLength: 12,
      messages: Array.from({ length: 10 }, (_, note) => ({ note })),
      links: expect.arrayContaining([report.parent]),
      linkCount: 2,
      dictionary: expect.arrayContaining([
        ['step', 'pay'],
        ['$initial_call', 'witness.init'],
      ]),
      reductions: expect.any(Number),
    });
    expect(report.reductions).toBeGreaterThan(0);
  },
);

test('9 secrets by the names of their keys do not leave the machine: not to listeners, not to disk', async () => {
  const { vm, data } = await start({ schedulers: 1, redact: ['ssn'] });
  let heard = '';
  vm.on('crash', (report) => {
    heard += JSON.stringify(report);
  });
  await vm.run('storm', 'secretive');
  await vm.stop();
  const stored = readFileSync(join(data, 'crashes/000001.crashes'), 'utf8');
  for (const text of [heard, stored]) {
    expect(text).not.toContain('-123');
    expect(text).toContain('"dbPassword":"[redacted]"');
    expect(text).toContain('["token","[redacted]"]');
    expect(text).toContain('["api_key","[redacted]"]');
    expect(text).toContain('password=[redacted], ok');
    expect(text).toContain('"shown":"open"');
  }
});

test('redact: false shows everything', async () => {
  const { vm } = await start({ schedulers: 1, redact: false });
  let heard = '';
  vm.on('crash', (report) => {
    heard += JSON.stringify(report);
  });
  await vm.run('storm', 'secretive');
  await vm.stop();
  for (const secret of ['k-123', 'p-123', 's-123', 't-123', 'b-123'])
    expect(heard).toContain(secret);
});

test('wrong options of the crash store are refused with what was expected', async () => {
  await expect(startVm({ redact: ['a b!'] })).rejects.toThrow('redact: expected names of keys');
  await expect(startVm({ redact: 'x' as never })).rejects.toThrow('redact: expected a list');
  await expect(startVm({ data: 7 as never })).rejects.toThrow(
    'data: expected the path of a folder',
  );
});

async function crashesOf(vm: Vm, count: number): Promise<void> {
  let heard = 0;
  await new Promise<void>((resolve) => {
    vm.on('crash', () => {
      heard += 1;
      if (heard >= count) resolve();
    });
    void vm.spawn('storm', 'fail', [0]);
  });
}
