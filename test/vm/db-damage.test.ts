/** Tables on a disk that is full, cannot be written, or has changed what was written: found and said, never served. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { MODULES, startTestVm } from '../support/section.js';

const MACHINE = fileURLToPath(new URL('../support/asked-machine.mjs', import.meta.url));

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tsvm-db-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A machine in a process of its own. */
class AskedMachine {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  /** @param before a command that runs the one behind it */
  constructor(data: string, before: readonly string[] = []) {
    const [command = '', ...args] = [...before, process.execPath, MACHINE, MODULES, data];
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => {
      this.child.kill('SIGKILL');
    });
    const lines: Interface = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async ask(fn: string, ...args: unknown[]): Promise<{ value?: unknown; error?: string }> {
    this.child.stdin?.write(`${JSON.stringify(['db-disc', fn, args])}\n`);
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error('the machine has ended');
    return JSON.parse(value) as { value?: unknown; error?: string };
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const ended = once(this.child, 'close');
    this.child.kill(signal);
    await ended;
  }
}

function has(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(process.platform === 'win32')(
  'disk full: commits fail and say so, what was acknowledged is read, and it goes on when there is room',
  async () => {
    const data = await temporaryFolder();
    // No file may have more than a megabyte: the log or the store, whichever comes first.
    const limit = ['bash', '-c', 'ulimit -S -f 1024 && exec "$0" "$@"'];
    const machine = new AskedMachine(data, limit);
    const first = (await machine.ask('fill', 0, 1000)).value as { written: number; reason: string };
    expect(first).toEqual({ written: expect.any(Number), reason: 'disk_full' });
    expect(first.written).toBeGreaterThan(10);
    expect(await machine.ask('count')).toEqual({ value: [first.written, first.written] });
    let { written } = first;
    if (has('prlimit')) {
      execFileSync('prlimit', ['--pid', String(machine.child.pid), '--fsize=unlimited']);
      expect(await machine.ask('fill', written, written + 20)).toEqual({
        value: { written: 20, reason: '' },
      });
      written += 20;
    }
    await machine.end('SIGKILL');
    const again = await startTestVm({ data });
    expect(await again.run('db-disc', 'count')).toEqual([written, written]);
    expect(await again.backup(join(data, 'copy'))).toMatchObject({ tables: 2, problems: [] });
    await again.stop();
  },
  120_000,
);

const isRoot = process.getuid?.() === 0;
// Root may write everywhere, unless it gives that up.
const UNPRIVILEGED = isRoot ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];
const cannotBeRefused = process.platform === 'win32' || (isRoot && !has('setpriv'));

test.skipIf(cannotBeRefused)(
  `folder that cannot be written: the first use of a table fails, with the folder${cannotBeRefused ? ' (skipped: this user may write everywhere)' : ''}`,
  async () => {
    const data = await temporaryFolder();
    await mkdir(join(data, 'db'), { mode: 0o500 });
    const machine = new AskedMachine(data, UNPRIVILEGED);
    const { error } = await machine.ask('write', 0, 1);
    expect(error).toContain(data);
    expect(error).toMatch(/EACCES|permission denied/);
    await machine.end('SIGTERM');
  },
  120_000,
);

test('files that were cut, changed or taken away: the machine refuses the folder, and says which', async () => {
  const whole = await temporaryFolder();
  const vm = await startTestVm({ data: whole });
  await vm.run('db-disc', 'write', [0, 20]);
  await vm.stop();
  const [log = ''] = await readdir(join(whole, 'db', 'log'));
  const store = (await readdir(join(whole, 'db'))).find((name) => name.startsWith('store.')) ?? '';
  const damages: readonly [RegExp, (folder: string) => Promise<void>][] = [
    [/it was truncated/, (folder) => truncate(join(folder, 'log', log), 0)],
    [/log is missing/, (folder) => rm(join(folder, 'log', log))],
    [/format\.json is damaged/, (folder) => truncate(join(folder, 'format.json'), 5)],
    [/damaged/, (folder) => flip(join(folder, store, 'data.mdb'), /"?notes/)],
    // What says which state of the store counts: both of them.
    [
      /damaged|cannot|invalid|version/i,
      (folder) => zero(join(folder, store, 'data.mdb'), 2 * 4096),
    ],
  ];
  for (const [expected, damage] of damages) {
    const data = await temporaryFolder();
    await cp(join(whole, 'db'), join(data, 'db'), {
      recursive: true,
      filter: (path) => !path.endsWith('.sock'),
    });
    await damage(join(data, 'db'));
    const damaged = await startTestVm({ data });
    try {
      await expect(damaged.run('db-disc', 'count')).rejects.toThrow(expected);
      // Nothing was made in its place.
      await expect(damaged.run('db-disc', 'write', [0, 1])).rejects.toThrow(expected);
    } finally {
      await damaged.stop();
    }
  }
}, 240_000);

test('storage thread that dies: reads go on, commits and copies fail with the reason, and a start has everything', async () => {
  const data = await temporaryFolder();
  const started: Worker[] = [];
  const see = (worker: Worker): void => void started.push(worker);
  const vm = await startTestVm({ data });
  process.on('worker', see);
  await vm.run('db-disc', 'write', [0, 20]);
  process.off('worker', see);
  const [storage] = started;
  expect(started).toHaveLength(1);
  // Everything is in the store: it is not in the middle of a write.
  await vm.backup(join(data, 'copy'));
  await storage?.terminate();
  expect(await vm.run('db-disc', 'count')).toEqual([20, 20]);
  expect(await vm.run('db-disc', 'fill', [20, 21])).toEqual({ written: 0, reason: 'disk_failed' });
  await expect(vm.backup(join(data, 'copy'))).rejects.toThrow('the storage thread has died');
  await expect(vm.run('db-disc', 'watch')).rejects.toThrow('the storage thread has ended');
  await vm.stop();
  const again = await startTestVm({ data });
  expect(await again.run('db-disc', 'fill', [20, 22])).toEqual({ written: 2, reason: '' });
  expect(await again.run('db-disc', 'count')).toEqual([22, 22]);
  await again.stop();
}, 120_000);

/** Turn one bit of what is found. */
async function flip(file: string, what: RegExp): Promise<void> {
  const bytes = await readFile(file);
  const at = bytes.toString('latin1').search(what);
  expect(at).toBeGreaterThan(0);
  for (const found of bytes.toString('latin1').matchAll(new RegExp(what, 'g'))) {
    bytes[found.index + 2] = (bytes[found.index + 2] as number) ^ 1;
  }
  await writeFile(file, bytes);
}

async function zero(file: string, length: number): Promise<void> {
  const bytes = await readFile(file);
  await writeFile(file, bytes.fill(0, 0, length));
}
