/** The machine as a library: what a host program can do with it, and that it leaves nothing behind. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type * as Tsvm from 'tsvm';
import {
  type CrashReport,
  startVm,
  UserError,
  type Vm,
  VmOptionError,
  type VmOptions,
} from 'tsvm/vm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const MODULES = fileURLToPath(new URL('./modules', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const M = 'embedding';
const QUIET = { modules: MODULES, dirtyThreads: 1, logger: false } as const;

// In a function of the host the names of the built-in functions are free; vitest would rewrite imports.
declare const self: typeof Tsvm.self;
declare const send: typeof Tsvm.send;
declare const receive: typeof Tsvm.receive;

/** A folder that goes away after the test. */
const folders: string[] = [];
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsvm-embedding-'));
  folders.push(folder);
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe('a running machine', () => {
  let vm: Vm;
  beforeAll(async () => {
    vm = await startVm({ ...QUIET, schedulers: 2 });
  });
  afterAll(async () => {
    await vm.stop();
  });

  test('run: gives what an exported function returns', async () => {
    expect(await vm.run(M, 'add', [2, 3])).toBe(5);
    expect(await vm.run(M, 'plain')).toEqual({
      values: [new Map([[1, 2n]]), undefined, new Date(0)],
    });
  });

  test('run: takes a function of the host program, with arguments', async () => {
    const sum = await vm.run(async (a: number, b: number) => a + b, [20, 22]);
    expect(sum).toBe(42);
  });

  test('run: a function of the host program sees the built-in functions by their names', async () => {
    const told = await vm.run(async () => {
      send(self(), 'to myself');
      return await receive<string>();
    });
    expect(told).toBe('to myself');
  });

  test('run: an error of the function is raised with name, code, cause and its own lines', async () => {
    const error = (await vm.run(M, 'fails').catch((reason: unknown) => reason)) as UserError & {
      code?: string;
    };
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ name: 'RangeError', message: 'too far', code: 'E_FAR' });
    expect((error.cause as Error).message).toBe('why');
    const line = readFileSync(join(MODULES, 'embedding.ts'), 'utf8')
      .split('\n')
      .findIndex((text) => text.includes("new RangeError('too far'"));
    expect(error.stack).toContain(`embedding.ts:${line + 1}`);
  });

  test('run: another end than a return rejects with the exit reason', async () => {
    const reason = { why: ['a', 1] };
    await expect(vm.run(M, 'exitsWith', [reason])).rejects.toMatchObject({ reason });
    await expect(vm.run(M, 'exitsWith', ['kill'])).rejects.toMatchObject({ reason: 'kill' });
  });

  test('run: a result that cannot be copied rejects and says so', async () => {
    await expect(vm.run(M, 'returnsAFunction')).rejects.toThrow(/result is a function/);
  });

  test.each([
    ['no such module', 'add'],
    [M, 'no such function'],
    [M, 'toString'],
    [M, '__proto__'],
  ])('run and spawn: %s.%s is undef', async (module, fn) => {
    await expect(vm.run(module, fn)).rejects.toThrow(/is not an exported function/);
    await expect(vm.spawn(module, fn)).rejects.toMatchObject({ reason: 'undef' });
  });

  test('run: arguments that cannot be copied reject and say so', async () => {
    await expect(vm.run(M, 'add', [() => 1, 2])).rejects.toThrow(/function|could not be cloned/);
  });

  test('spawn: the options place and name the process', async () => {
    const pid = await vm.spawn(M, 'echo', [], { scheduler: 2, name: 'placed' });
    expect(await vm.call('placed', 'x')).toEqual({ echo: 'x' });
    expect(await vm.run(M, 'where', [], { scheduler: 2 })).toBe(2);
    await expect(vm.spawn(M, 'echo', [], { name: 'placed' })).rejects.toThrow(/placed/);
    expect(await vm.shutdown(pid)).toBe(true);
    await expect(vm.call('placed', 'x')).rejects.toMatchObject({ reason: { reason: 'noproc' } });
  });

  test('spawn: without a place the schedulers take turns', async () => {
    const slots = await Promise.all([1, 2, 3, 4].map(() => vm.run(M, 'where')));
    expect(new Set(slots)).toEqual(new Set([1, 2]));
  });

  test('send and mailbox: messages go both ways, in order', async () => {
    const pid = await vm.spawn(M, 'echo');
    const got: unknown[] = [];
    const box = await vm.mailbox((message: unknown) => {
      got.push(message);
    });
    for (let n = 0; n < 100; n++) await vm.send(pid, { type: 'say', to: box, text: `n${n}` });
    await expect.poll(() => got.length).toBe(100);
    expect(got).toEqual(Array.from({ length: 100 }, (_, n) => `n${n}`));
    await Promise.all([vm.shutdown(pid), vm.shutdown(box)]);
  });

  test('mailbox: the next message waits until the handler is done', async () => {
    let running = 0;
    let most = 0;
    const got: number[] = [];
    const box = await vm.mailbox(async ({ n }: { n: number }) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      got.push(n);
      running -= 1;
    });
    await vm.run(M, 'counts', [box, 50], { scheduler: 2 });
    await expect.poll(() => got.length).toBe(50);
    expect(most).toBe(1);
    expect(got).toEqual(Array.from({ length: 50 }, (_, n) => n));
    await vm.shutdown(box);
  });

  test('call: by pid and by name; too late, and to nobody', async () => {
    const pid = await vm.spawn(M, 'echo', ['service']);
    expect(await vm.call(pid, { any: ['thing'] })).toEqual({ echo: { any: ['thing'] } });
    await expect.poll(() => vm.call('service', 1).catch(() => undefined)).toEqual({ echo: 1 });
    const mute = await vm.spawn(M, 'silent');
    await expect(vm.call(mute, 'x', 20)).rejects.toMatchObject({ reason: { reason: 'timeout' } });
    await vm.send(pid, 'stop');
    await expect
      .poll(() => vm.call(pid, 1).catch((e: UserError) => e.reason))
      .toMatchObject({
        reason: 'noproc',
      });
    await vm.shutdown(mute);
  });

  test('send: to an unknown name rejects, to a dead pid does not', async () => {
    await expect(vm.send('nobody has this name', 1)).rejects.toMatchObject({ reason: 'badarg' });
    const pid = await vm.spawn(M, 'echo');
    await vm.shutdown(pid);
    await vm.send(pid, 'x');
    await expect(vm.send(pid, (() => 1) as unknown as string)).rejects.toThrow(/clone|function/);
  });

  test('on: crash reports, log lines and addresses arrive; a listener can leave', async () => {
    const crashes: CrashReport[] = [];
    const lines: string[] = [];
    const urls: string[] = [];
    const leave = [
      vm.on('crash', (report) => crashes.push(report)),
      vm.on('log', ({ text }) => lines.push(text)),
      vm.on('announce', (url) => urls.push(url)),
    ];
    await vm.spawn(M, 'fails');
    await vm.spawn(M, 'exitsWith', ['no crash']);
    await vm.run(M, 'logs');
    await expect.poll(() => [crashes.length, lines.length, urls.length]).toEqual([1, 2, 1]);
    expect(crashes[0]).toMatchObject({
      initialCall: 'embedding.fails',
      reason: { kind: 'error', name: 'RangeError', code: 'E_FAR' },
    });
    expect(lines).toEqual(['a line', 'an error line']);
    expect(urls).toEqual(['http://127.0.0.1:1']);
    for (const stop of leave) stop();
    await vm.run(M, 'logs');
    expect(lines.length).toBe(2);
  });

  test('stats: processes, names and schedulers', async () => {
    const before = await vm.stats();
    const pids = await Promise.all(
      [1, 2].map((scheduler) => vm.spawn(M, 'silent', [], { scheduler })),
    );
    const after = await vm.stats();
    expect(after.processes).toBe(before.processes + 2);
    expect(after.schedulers.map(({ slot }) => slot)).toEqual([1, 2]);
    for (const one of after.schedulers) {
      expect(one.heapBytes).toBeGreaterThan(0);
      expect(one.utilisation).toBeGreaterThanOrEqual(0);
      expect(one.utilisation).toBeLessThanOrEqual(1);
    }
    await Promise.all(pids.map((pid) => vm.shutdown(pid)));
    expect((await vm.stats()).processes).toBe(before.processes);
  });

  test('load: a changed source is loaded on all schedulers; one that does not compile changes nothing', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'greet.ts'), "export async function greet() { return 'one'; }\n");
    const own = await startVm({ ...QUIET, modules: folder, schedulers: 2 });
    try {
      expect(await own.run('greet', 'greet')).toBe('one');
      writeFileSync(join(folder, 'greet.ts'), "export async function greet() { return 'two'; }\n");
      const loaded: string[] = [];
      own.on('load', ({ reports }) => loaded.push(...reports.map((report) => report.module)));
      const [report] = await own.load(join(folder, 'greet.ts'));
      expect(report).toMatchObject({ module: 'greet', changed: true, schedulers: 2 });
      expect(loaded).toEqual(['greet']);
      for (const scheduler of [1, 2]) {
        expect(await own.run('greet', 'greet', [], { scheduler })).toBe('two');
      }
      writeFileSync(join(folder, 'greet.ts'), 'export async function greet( {\n');
      await expect(own.load(join(folder, 'greet.ts'))).rejects.toMatchObject({
        name: expect.stringMatching(/Error$/),
        kind: 'syntax',
        file: join(folder, 'greet.ts'),
        line: expect.any(Number),
      });
      expect(await own.run('greet', 'greet')).toBe('two');
      await expect(own.load(join(folder, 'missing.ts'))).rejects.toMatchObject({
        kind: 'unreadable',
        file: join(folder, 'missing.ts'),
      });
    } finally {
      await own.stop();
    }
  });
});

describe('start and stop', () => {
  const ROUNDS = 6;

  /** What keeps the program alive or takes memory in it: how many of each. */
  function held(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const resource of process.getActiveResourcesInfo()) {
      counts.set(resource, (counts.get(resource) ?? 0) + 1);
    }
    for (const event of process.eventNames()) {
      counts.set(`listeners of ${String(event)}`, process.listenerCount(event));
    }
    if (existsSync('/proc/self/task')) {
      counts.set('threads', readdirSync('/proc/self/task').length);
    }
    return counts;
  }

  /** Waits until nothing is held that was not held before. */
  async function expectNoMoreThan(before: ReadonlyMap<string, number>): Promise<void> {
    const more = (): string[] =>
      [...held()]
        .filter(([name, count]) => count > (before.get(name) ?? 0))
        .map(([name, count]) => `${name}: ${before.get(name) ?? 0}, now ${count}`);
    await expect.poll(more, { timeout: 5000 }).toEqual([]);
  }

  test('starts and stops in a row leave no handle, thread, timer or listener', async () => {
    const round = async (): Promise<void> => {
      const vm = await startVm({ ...QUIET, schedulers: 2 });
      expect(await vm.run(M, 'add', [1, 2])).toBe(3);
      await vm.spawn(M, 'silent');
      await vm.mailbox(() => {});
      await vm.stop();
    };
    await round(); // what is made once per program: esbuild's service, the thread pool of libuv
    const before = held();
    // What is left by one round would be there as often as there were rounds.
    for (let n = 0; n < ROUNDS; n++) await round();
    await expectNoMoreThan(before);
  });

  test('stop: twice is once; afterwards everything is refused', async () => {
    const vm = await startVm({ ...QUIET, schedulers: 1 });
    const pid = await vm.spawn(M, 'echo');
    const [first, second] = [vm.stop(), vm.stop()];
    await Promise.all([first, second, vm.stop('again')]);
    await expect(vm.run(M, 'add', [1, 2])).rejects.toThrow(/not running/);
    await expect(vm.spawn(M, 'echo')).rejects.toThrow(/not running/);
    await expect(vm.send(pid, 1)).rejects.toThrow(/not running/);
    await expect(vm.call(pid, 1)).rejects.toThrow(/not running/);
    await expect(vm.mailbox(() => {})).rejects.toThrow(/not running/);
  });

  test('stop: ends busy processes, closes what they own, and rejects what is waited for', async () => {
    const file = join(newFolder(), 'closed');
    const vm = await startVm({ ...QUIET, schedulers: 2 });
    for (const scheduler of [1, 2]) await vm.spawn(M, 'busy', [], { scheduler });
    await vm.spawn(M, 'owner', [file]);
    await expect.poll(async () => (await vm.stats()).names).toBe(1);
    const waiting = expect(vm.run(M, 'silent')).rejects.toThrow();
    const start = Date.now();
    await vm.stop('enough');
    await waiting;
    expect(Date.now() - start).toBeLessThan(5000);
    expect(existsSync(file)).toBe(true);
  });

  test('two machines in one program do not know each other', async () => {
    const [one, two] = await Promise.all([
      startVm({ ...QUIET, schedulers: 1 }),
      startVm({ ...QUIET, schedulers: 1 }),
    ]);
    try {
      expect(one.node).not.toBe(two.node);
      const pid = await one.spawn(M, 'echo', ['shared name']);
      await expect.poll(() => one.call('shared name', 1).catch(() => null)).toEqual({ echo: 1 });
      await expect(two.call('shared name', 1)).rejects.toMatchObject({
        reason: { reason: 'noproc' },
      });
      await expect(two.call(pid, 1)).rejects.toMatchObject({
        reason: { reason: expect.stringMatching(/^(noproc|noconnection)$/) },
      });
      await one.stop();
      expect(await two.run(M, 'add', [1, 1])).toBe(2);
    } finally {
      await Promise.all([one.stop(), two.stop()]);
    }
  });

  test('a module that does not compile: startVm rejects with the place, nothing is left', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'broken.ts'), 'export function oops( {\n');
    const before = held();
    await expect(startVm({ ...QUIET, modules: folder })).rejects.toMatchObject({
      kind: 'syntax',
      file: join(folder, 'broken.ts'),
    });
    writeFileSync(join(folder, 'broken.ts'), "throw new Error('while loading');\n");
    await expect(startVm({ ...QUIET, modules: folder })).rejects.toThrow(/while loading/);
    await expectNoMoreThan(before);
  });

  test('without a folder only functions of the host run', async () => {
    const vm = await startVm({ schedulers: 1, dirtyThreads: 1, logger: false });
    try {
      expect(await vm.run((n: number) => n * 2, [21])).toBe(42);
      await expect(vm.run(M, 'add', [1, 2])).rejects.toThrow(/not an exported function/);
    } finally {
      await vm.stop();
    }
  });

  test('a program that stops its machine ends by itself', async () => {
    const program = `
      import { startVm } from 'tsvm/vm';
      const vm = await startVm({ modules: ${JSON.stringify(MODULES)}, schedulers: 2, logger: false });
      console.log(await vm.run('embedding', 'add', [40, 2]));
      await vm.stop();
    `;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
      cwd: ROOT,
      timeout: 20_000,
    });
    expect(stdout).toBe('42\n');
  });
});

describe('options', () => {
  test.each([
    [{ schedulers: 0 }, /schedulers: expected a whole number from 1 to \d+, got 0/],
    [{ schedulers: 1.5 }, /schedulers: expected .*got 1\.5/],
    [{ schedulers: '2' }, /schedulers: expected .*got "2"/],
    [{ schedulers: 1000 }, /schedulers: expected .*got 1000/],
    [{ modules: 5 }, /modules: expected the path of a folder, got 5/],
    [{ modules: '/no/such/folder' }, /modules: expected a folder that exists/],
    [{ modules: fileURLToPath(import.meta.url) }, /modules: expected a folder/],
    [{ dirtyThreads: 0 }, /dirtyThreads: expected/],
    [{ schedulerHeapMb: 1 }, /schedulerHeapMb: expected/],
    [{ watch: 'yes' }, /watch: expected a boolean, got "yes"/],
    [{ watch: true }, /watch: expected a modules folder/],
    [{ poll: 1 }, /poll: expected a boolean/],
    [{ logger: 'loud' }, /logger: expected a pino logger or false/],
    [{ sheduler: 2 }, /expected only .*got "sheduler"/],
    [null, /options: expected an object, got null/],
  ])('startVm(%j) is refused with what was expected', async (options, text) => {
    const error: unknown = await startVm(options as unknown as VmOptions).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(VmOptionError);
    expect((error as Error).message).toMatch(text);
  });
});
