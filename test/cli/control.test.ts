import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MachineStatus } from '../../cli/status.js';
import { application, greeter, start, temporaryFolder, tsvm, writeFiles } from './support.js';

const POSIX = process.platform !== 'win32';

const MAIN = `import { receive, spawn } from 'tsvm';
import * as old from './old.js';
export async function start(): Promise<void> {
  spawn(old.wait);
  await receive();
}
`;

/** Waits in the version that it began in. */
const waiting = (n: number): string => `import { log, receive } from 'tsvm';
export async function wait(): Promise<void> {
  log.notice('waiting ${n}');
  await receive();
  log.notice('went on ${n}');
}
`;

describe('a running machine', () => {
  test('status, load and stop reach it', async () => {
    const dir = await greeter();
    const machine = await start(dir, ['--schedulers', '2']);
    await machine.says('hello, stranger');

    const text = await tsvm(['status', dir]);
    expect(text).toMatchObject({ status: 0, err: '' });
    expect(text.out).toMatch(/^tsvm \d+\.\d+\.\d+ · Node [\d.]+ · pid \d+\n/);
    expect(text.out).toMatch(/ {2}entry {8}main:start is <\w+\.\d+\.\d+>\n/);
    expect(text.out).toContain('  address      http://localhost:4711/\n');
    expect(text.out).toMatch(/scheduler {2}processes {2}queue {2}reductions {2}busy {2}timers {2}/);
    expect(text.out).toMatch(/chat\/greeter@[0-9a-f]{10} {2}main@[0-9a-f]{10}\n$/);

    const found = JSON.parse((await tsvm(['status', dir, '--json'])).out) as MachineStatus;
    expect(found).toMatchObject({
      pid: machine.child.pid,
      folder: dir,
      processes: 2,
      addresses: ['http://localhost:4711/'],
      entry: { entry: 'main:start', running: true },
      schedulers: [{ slot: 1 }, { slot: 2 }],
    });

    const same = await tsvm(['load', join(dir, 'modules/main.ts'), '--dir', dir]);
    expect(same.out).toMatch(/^main@[0-9a-f]{10} is loaded already\n$/);

    await writeFiles(dir, { 'broken.tsvm.js': 'nothing', 'stranger.ts': 'export {}' });
    const broken = await tsvm(['load', 'broken.tsvm.js', '--dir', '.'], { cwd: dir });
    expect(broken).toMatchObject({ status: 1, out: '' });
    expect(broken.err).toContain('error: broken.tsvm.js: not a build');
    const stranger = await tsvm(['load', 'stranger.ts'], { cwd: dir });
    expect(stranger.err).toContain(
      'is neither a build (*.tsvm.js), a folder of builds with a tsvm.manifest.json, nor a source below the modules folder',
    );
    const missing = await tsvm(['load', 'modules/nothing.ts'], { cwd: dir });
    expect(missing).toMatchObject({ status: 1 });
    expect(missing.err).toContain('modules/nothing.ts');

    const stopped = await tsvm(['stop', dir]);
    expect(stopped.out).toMatch(
      /^stopped the machine of .* \(pid \d+\), after it ran for \d+ s\n$/,
    );
    expect(machine.child.exitCode ?? (await machine.ended).status).toBe(0);
    expect(machine.out).toContain('stopping: tsvm stop');
  });

  test('load takes a folder of builds as one set, and says whom the load killed', async () => {
    const dir = await application({
      'modules/main.ts': MAIN,
      'modules/old.ts': waiting(1),
    });
    const machine = await start(dir, ['--no-watch', '--json']);
    await machine.says('"text":"waiting 1"');
    const loadSet = async (n: number, ...args: string[]): Promise<string> => {
      await writeFiles(dir, { 'modules/old.ts': waiting(n) });
      expect((await tsvm(['build', dir, '--out', join(dir, 'out')])).status).toBe(0);
      const { status, out, err } = await tsvm(['load', 'out', ...args], { cwd: dir });
      expect({ status, err }).toEqual({ status: 0, err: '' });
      return out;
    };
    expect(await loadSet(2)).toMatch(
      /^main@\w+ is loaded already\nloaded old@\w+ in [\d.]+ ms on \d schedulers?\n$/,
    );
    expect(await loadSet(3)).toMatch(
      /loaded old@\w+ in [\d.]+ ms on .*\nkilled 1 process that still ran the version before the last one\n$/,
    );
    const reports = (await loadSet(4, '--json')).trim().split('\n');
    expect(reports.map((line) => JSON.parse(line) as object)).toMatchObject([
      { module: 'main', changed: false, killed: 0 },
      { module: 'old', changed: true, killed: 0 },
    ]);
    const said = machine.out.split('\n').filter((line) => line.includes('"event":"load"'));
    expect(said.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 'info', module: 'old', killed: 0 },
      {
        level: 'warn',
        module: 'old',
        killed: 1,
        msg: expect.stringMatching(/; killed 1 process /),
      },
      { level: 'info', module: 'old', killed: 0 },
    ]);

    await rm(join(dir, 'out/old.tsvm.js'));
    const half = await tsvm(['load', 'out/tsvm.manifest.json'], { cwd: dir });
    expect(half).toMatchObject({ status: 1, out: '' });
    expect(half.err).toContain('the set of builds is not whole: old.tsvm.js is missing');
    expect(half.err).toContain('hint: ');
  });

  test('load shows what does not compile with its frame', async () => {
    const dir = await greeter();
    await start(dir, ['--no-watch']);
    await writeFiles(dir, { 'modules/main.ts': 'export const = 1;\n' });
    const { status, err } = await tsvm(['load', 'modules/main.ts'], { cwd: dir });
    expect(status).toBe(1);
    expect(err).toMatch(/^error: modules\/main\.ts:1:14: /);
    expect(err).toContain('> 1 | export const = 1;');
  });

  test('answers wrong requests with what it expected', async () => {
    const dir = await greeter();
    await start(dir);
    const ask = await asking(dir);
    expect(await ask('nonsense')).toMatchObject({ ok: false, error: { code: 'bad_request' } });
    expect(await ask('[1]')).toMatchObject({ ok: false, error: { code: 'bad_request' } });
    expect(await ask('{"tsvm":2,"id":7,"request":"status"}')).toEqual({
      tsvm: 1,
      id: 7,
      ok: false,
      error: {
        code: 'other_version',
        message: 'expected a request of protocol version 1 ("tsvm":1), got 2',
      },
    });
    expect(await ask('{"tsvm":1,"id":8,"request":"dance"}')).toMatchObject({
      id: 8,
      error: {
        code: 'unknown_request',
        message: expect.stringMatching(/^expected a request of status, stop, .*, got "dance"$/),
      },
    });
    expect(await ask('{"tsvm":1,"request":"load","files":"x"}')).toMatchObject({
      error: { code: 'bad_request', message: 'expected "files": a list of paths, got "x"' },
    });
    expect(await ask(`"${'x'.repeat(1024 * 1024 + 1)}`, false)).toMatchObject({
      error: { code: 'bad_request', message: expect.stringContaining('longer than') },
    });
    expect((await tsvm(['status', dir])).status).toBe(0);
  });

  test.runIf(POSIX)('only its owner can open its socket', async () => {
    const dir = await greeter();
    await start(dir);
    const { socket } = await claimOf(join(dir, '.tsvm'));
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    expect((await stat(join(dir, '.tsvm', 'run'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(dir, '.tsvm'))).mode & 0o777).toBe(0o700);
  });

  test('is alone in its data folder; the place of a dead one is taken', async () => {
    const dir = await greeter();
    const first = await start(dir);
    const second = await tsvm(['start', dir]);
    expect(second).toMatchObject({ status: 1, out: '' });
    expect(second.err).toContain(
      `error: expected a data folder of its own, but the machine with pid ${first.child.pid} runs in ${join(dir, '.tsvm')} since `,
    );
    expect(second.err).toContain(
      'hint: stop that machine with tsvm stop, or give this one another folder',
    );

    const elsewhere = await start(dir, ['--data', join(dir, 'other')]);
    const { out } = await tsvm(['status', dir, '--json', '--data', join(dir, 'other')]);
    expect(JSON.parse(out)).toMatchObject({ pid: elsewhere.child.pid });

    await first.stop('SIGKILL');
    expect((await tsvm(['status', dir])).err).toContain('no machine runs in');
    const third = await start(dir);
    expect((await claimOf(join(dir, '.tsvm'))).pid).toBe(third.child.pid);
    const { status } = await third.stop();
    expect(status).toBe(0);
    expect((await readdir(join(dir, '.tsvm', 'run'))).join()).toMatch(/^machine\.2\.json$/);
  });

  test.runIf(POSIX)('can be reached where the path of its data folder is too long', async () => {
    const dir = await greeter();
    const data = join(dir, 'd'.repeat(120));
    const machine = await start(dir, ['--data', data]);
    const { socket } = await claimOf(data);
    expect(socket.length).toBeLessThan(104);
    expect((await stat(join(socket, '..'))).mode & 0o777).toBe(0o700);
    expect((await tsvm(['stop', dir, '--data', data])).status).toBe(0);
    expect(await machine.ended).toMatchObject({ status: 0 });
    await expect(stat(socket)).rejects.toThrow('ENOENT');
  });
});

describe('no running machine', () => {
  test.each([['status'], ['stop'], ['load', 'x.ts', '--dir']])('%s says so', async (...args) => {
    const dir = await application({});
    const { status, err } = await tsvm([...args, dir]);
    expect(status).toBe(1);
    expect(err).toBe(
      `error: no machine runs in ${dir}\nhint: start one with tsvm start ${basename(dir)}\n`,
    );
  });

  test('status --json says so in an object', async () => {
    const { status, out } = await tsvm(['status', await temporaryFolder(), '--json']);
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      event: 'failure',
      msg: expect.stringContaining('no machine runs'),
    });
  });
});

async function claimOf(data: string): Promise<{ pid: number; socket: string }> {
  const names = await readdir(join(data, 'run'));
  const name = names
    .filter((one) => one.endsWith('.json'))
    .sort()
    .at(-1) as string;
  return JSON.parse(await readFile(join(data, 'run', name), 'utf8')) as {
    pid: number;
    socket: string;
  };
}

/** Sends one line as it is; gives the answer. */
async function asking(dir: string): Promise<(line: string, whole?: boolean) => Promise<unknown>> {
  const { socket: path } = await claimOf(join(dir, '.tsvm'));
  return async (line, whole = true) => {
    const socket = connect(path).setEncoding('utf8');
    let answer = '';
    socket.write(whole ? `${line}\n` : line);
    for await (const chunk of socket) {
      answer += chunk;
      if (answer.endsWith('\n')) break;
    }
    socket.destroy();
    return JSON.parse(answer);
  };
}
