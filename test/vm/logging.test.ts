/** SEMANTICS §14: what becomes of the lines of the log: console, files, overload. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LogLine, startVm, type Vm, type VmOptions } from 'tsvm/vm';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DEFAULT_PROTECTION } from '../../runtime/log-config.js';
import { VmEmitter } from '../../runtime/vm/events.js';
import { LogWriter } from '../../runtime/vm/log-writer.js';
import { logEvents, onMachineEvents } from '../../runtime/vm/logging.js';

const MODULES = fileURLToPath(new URL('modules', import.meta.url));

async function start(options: VmOptions = {}): Promise<{ vm: Vm; lines: LogLine[]; dir: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'tsvm-logging-'));
  const vm = await startVm({ modules: MODULES, dirtyThreads: 1, logger: false, ...options });
  onTestFinished(async () => {
    await vm.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const lines: LogLine[] = [];
  vm.on('log', (line) => lines.push(line));
  return { vm, lines, dir };
}

const jsonLines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe.each([1, 2])('with %i schedulers', (schedulers) => {
  test('14 a line has level, text, pid, place and fields, and no secrets', async () => {
    const { vm, lines } = await start({ schedulers });
    await vm.run('noise', 'say', ['hello']);
    await vm.log.flush();
    expect(lines).toEqual([
      {
        level: 'notice',
        text: 'hello',
        pid: expect.stringMatching(/^</),
        time: expect.any(Number),
        fields: { n: 1, password: '[redacted]' },
        module: 'noise',
        function: 'say',
        file: join(MODULES, 'noise.ts'),
        line: 7,
      },
    ]);
  });

  test('14 levels are set from outside: at the start, and on a machine that runs', async () => {
    const { vm, lines } = await start({
      schedulers,
      log: { level: 'error', modules: { noise: 'critical' } },
    });
    const said = async (): Promise<string[]> => {
      await vm.run('noise', 'sayAll');
      await vm.log.flush();
      return lines.splice(0).map(({ text }) => text);
    };
    expect(await said()).toEqual(['critical']);
    await vm.log.setModuleLevel('noise', null);
    expect(await said()).toEqual(['critical', 'error']);
    await vm.log.setLevel('debug');
    expect(await said()).toHaveLength(6);
    expect([vm.log.level, vm.log.moduleLevels]).toEqual(['debug', {}]);
    await expect(async () => vm.log.setLevel('loud' as never)).rejects.toThrow('a log level');
  });

  test('14 overload: who logs is neither blocked nor ended, what is lost is counted exactly', async () => {
    const { vm, lines } = await start({ schedulers });
    const count = 50_000;
    const begun = performance.now();
    expect(await vm.run('noise', 'storm', [count])).toBe(count);
    const { default: known } = await vm.run<Record<string, Counts>>('noise', 'statistics');
    const counts = known as Counts;
    expect(performance.now() - begun).toBeLessThan(30_000);
    const sum = counts.written + counts.dropped + counts.flushed + counts.overBurst;
    // The machine may say once that plain code runs for long.
    expect([count, count + 1]).toContain(sum);
    expect(counts.dropped + counts.overBurst).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(counts.written + 60);
    await expect
      .poll(() => lines.filter(({ text }) => text.includes('were not written')).length, {
        timeout: 10_000,
      })
      .toBeGreaterThan(0);
  });
});

interface Counts {
  readonly written: number;
  readonly dropped: number;
  readonly flushed: number;
  readonly overBurst: number;
}

test('14 files: JSON lines from the start; crash reports too', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tsvm-logging-'));
  const path = join(dir, 'deep/app.log');
  const { vm } = await start({ schedulers: 2, log: { file: { path, level: 'notice' } } });
  await vm.run('noise', 'say', ['hello']);
  await vm.run('noise', 'crash').catch(() => {});
  await vm.spawn('noise', 'crash', [], { scheduler: 2 });
  await vm.log.flush();
  await vm.stop();
  const [first, second] = jsonLines(path);
  expect(first).toMatchObject({ level: 'notice', msg: 'hello', module: 'noise', line: 7 });
  expect(second).toMatchObject({
    level: 'error',
    msg: expect.stringContaining('crashed: RangeError: for the log'),
    domain: ['otp', 'sasl'],
    fields: { label: 'crash', report: { reason: { name: 'RangeError' } } },
  });
  rmSync(dir, { recursive: true });
});

test('14 files are put aside when they are long, so many are kept, and no line is lost or torn', async () => {
  const { vm, dir } = await start({ schedulers: 1 });
  const path = join(dir, 'app.log');
  await vm.run('noise', 'addFile', [path, { maxBytes: 20_000, maxFiles: 3 }]);
  await vm.run('noise', 'fill', [600]);
  await vm.run('noise', 'removeFile');
  const names = ['.3', '.2', '.1', ''].map((end) => `${path}${end}`);
  const found = names.flatMap(jsonLines).map(({ msg }) => Number(String(msg).split(' ')[1]));
  expect(existsSync(`${path}.4`)).toBe(false);
  // The oldest were removed; what is there is whole and in order.
  expect(found.at(-1)).toBe(599);
  expect(found).toEqual(found.map((_, at) => 600 - found.length + at));
  expect(found.length).toBeGreaterThan(200);
});

test('14 a file as text is one line an event', async () => {
  const { vm, dir } = await start({ schedulers: 1 });
  const path = join(dir, 'app.txt');
  await vm.run('noise', 'addFile', [path, { format: 'text' }]);
  await vm.run('noise', 'say', ['hello']);
  await vm.run('noise', 'removeFile');
  expect(readFileSync(path, 'utf8')).toMatch(
    /^\d{4}-\d\d-\d\dT[\d:.]+Z notice {2}<\S+> noise:7 hello n=1 password=\[redacted\]\n$/,
  );
});

test('14 a file that cannot be opened refuses the handler, and the start', async () => {
  const { vm, dir } = await start({ schedulers: 1 });
  writeFileSync(join(dir, 'file'), '');
  const path = join(dir, 'file/app.log');
  await expect(vm.run('noise', 'addFile', [path, {}])).rejects.toThrow();
  await expect(start({ schedulers: 1, log: { file: path } })).rejects.toThrow();
});

test('14 formatters make the text; one that fails is said and costs nothing else', async () => {
  const { vm, lines } = await start({ schedulers: 1 });
  await vm.run('noise', 'shape');
  await vm.log.flush();
  expect(lines.map(({ text }) => text)).toEqual([
    '<shaped>',
    expect.stringMatching(/^unshaped \(the formatter failed: Error: no shape/),
  ]);
});

test('14 a filter of the user’s keeps crash reports from the log, not from who listens', async () => {
  const { vm } = await start({ schedulers: 1 });
  const seen: string[] = [];
  vm.on('crash', () => seen.push('crash'));
  vm.on('crashLogged', () => seen.push('logged'));
  await vm.spawn('noise', 'crash');
  await expect.poll(() => seen).toEqual(['crash', 'logged']);
  await vm.run('noise', 'filterCrashes');
  await vm.spawn('noise', 'crash');
  await expect.poll(() => seen.length).toBe(3);
  await vm.stop();
  expect(seen).toEqual(['crash', 'logged', 'crash']);
});

test.each([
  [{ level: 'loud' }, 'log.level: expected one of'],
  [{ modules: { room: 'loud' } }, 'log.modules: "room"'],
  [{ file: { path: 'x', maxFiles: 0 } }, 'log.file.maxFiles: expected a whole number'],
  [{ files: 'x' }, 'only level, modules, file'],
])('14 wrong options %j are refused with what was expected', async (log, message) => {
  await expect(startVm({ log: log as never })).rejects.toThrow(message);
});

describe('14 protection of a handler', () => {
  const line: LogLine = { level: 'notice', text: 'x', pid: null, time: 0 };

  test('burst: so many in a window, the others are counted and said', () => {
    let now = 0;
    const out: string[] = [];
    const sink = ({ text }: LogLine, written: () => void): void => {
      out.push(text);
      written();
    };
    const burst = { count: 3, windowMs: 1000 };
    const writer = new LogWriter(sink, { ...DEFAULT_PROTECTION, burst }, () => now);
    now = 5000;
    for (let n = 0; n < 10; n++) writer.write(line, 0, () => {});
    now = 6000;
    for (let n = 0; n < 2; n++) writer.write(line, 0, () => {});
    writer.report();
    expect(writer.statistics).toEqual({ written: 5, dropped: 0, flushed: 0, overBurst: 7 });
    expect(out.at(-1)).toBe('logger: 7 events were not written, as too many came at once');
  });

  test('flush: what waits behind too many is thrown away, counted, and taken', () => {
    let taken = 0;
    const writer = new LogWriter((_, written) => written(), DEFAULT_PROTECTION);
    for (const waiting of [1001, 1000, 999]) {
      writer.write(line, waiting, () => {
        taken += 1;
      });
    }
    writer.dropped(5);
    writer.report();
    expect(writer.statistics).toEqual({ written: 1, dropped: 5, flushed: 2, overBurst: 0 });
    expect(taken).toBe(3);
  });
});

test("what the machine says of itself does not count as somebody who listens to crashes; a logger's lines do", () => {
  const events = new VmEmitter();
  onMachineEvents(events, () => {});
  for (const name of ['log', 'crash', 'crashLogged', 'crashesOmitted'] as const) {
    expect(events.isHeard(name)).toBe(false);
  }
  const errors: unknown[] = [];
  const write = (_fields: unknown, text?: unknown): void => void errors.push(text);
  logEvents(events, { error: write, warn: write, info: write, debug: write });
  expect(events.isHeard('crashLogged')).toBe(true);
  events.emit('crashesOmitted', 3);
  expect(errors).toEqual(['3 further crashes are not shown']);
});
