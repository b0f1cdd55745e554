/** Functions as values: in the hands of the host program, and across hot loads. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CrashReport, type LogLine, startVm, type Vm } from 'tsvm/vm';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

type Fn = (...args: unknown[]) => unknown;

const HANDS = `
import { call, exit, fn, log, type Pid, receive, reply, self, send, spawn, type Call } from 'tsvm';

export function adder(n: number) { return fn((x: number) => x + n); }
export function shared(x: number) { return ['shared', x]; }
export function both(n: number) { return { add: [adder(n)], named: shared, map: new Map([['f', adder(n)]]) }; }
export function apply(f: (...args: unknown[]) => unknown, ...args: unknown[]) { return f(...args); }
export async function server() {
  for (;;) {
    const { from, request } = await receive<Call<{ f: (x: number) => unknown; x: number }, unknown>>();
    reply(from, { result: request.f(request.x), f: request.f });
  }
}
export async function sender(to: Pid) { send(to, { tick: adder(1) }); await receive(); }
export function leave() { exit({ undo: adder(2) }); }
export function crash() {
  log.notice('about to crash', { f: adder(3) });
  send(self(), { f: adder(4) });
  throw { thrown: adder(5) };
}
`;

function newFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsvm-functions-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

describe('functions in the hands of the host program', () => {
  let vm: Vm;
  const folder = newFolder({ 'hands.ts': HANDS });
  beforeAll(async () => {
    vm = await startVm({ modules: folder, schedulers: 2, dirtyThreads: 1, logger: false });
  });
  afterAll(async () => {
    await vm.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a function that run gives can be run, passed on and sent, but not called', async () => {
    const add = await vm.run<Fn>('hands', 'adder', [10]);
    expect(typeof add).toBe('function');
    expect(() => add(1)).toThrow(/of hands@\w+ runs in processes of the machine/);
    expect(await vm.run(add, [1])).toBe(11);
    expect(await vm.run('hands', 'apply', [add, 2])).toBe(12);
    const {
      add: [inner] = [],
      named,
      map,
    } = await vm.run<{
      add: Fn[];
      named: Fn;
      map: Map<string, Fn>;
    }>('hands', 'both', [20]);
    expect(await vm.run('hands', 'apply', [inner, 1])).toBe(21);
    expect(await vm.run('hands', 'apply', [map.get('f'), 2])).toBe(22);
    expect(() => named(1)).toThrow(/^hands\.shared runs in processes of the machine/);
    expect(await vm.run(named, [1])).toEqual(['shared', 1]);
    expect(await vm.run(add, [1], { scheduler: 2 })).toBe(11);
  });

  test('functions in calls, messages, mailboxes and exit reasons', async () => {
    const add = await vm.run<Fn>('hands', 'adder', [1]);
    const pid = await vm.spawn('hands', 'server');
    const answer = await vm.call<{ result: number; f: Fn }>(pid, { f: add, x: 1 });
    expect(answer.result).toBe(2);
    expect(await vm.run(answer.f, [2])).toBe(3);
    await vm.shutdown(pid);
    const received = deferred<Fn>();
    const mailbox = await vm.mailbox<{ tick: Fn }>(({ tick }) => received.resolve(tick));
    const from = await vm.spawn('hands', 'sender', [mailbox]);
    expect(await vm.run(await received.promise, [5])).toBe(6);
    await vm.send(from, { f: add });
    const { exited } = await vm.spawnMonitor('hands', 'leave');
    const { undo } = (await exited) as { undo: Fn };
    expect(await vm.run(undo, [1])).toBe(3);
    const failed = await vm.run('hands', 'leave').catch((error) => error as { reason: unknown });
    expect(typeof (failed as { reason: { undo: Fn } }).reason.undo).toBe('function');
  });

  test('logs and crash reports name functions instead of holding them', async () => {
    const crashed = deferred<CrashReport>();
    const logged = deferred<LogLine>();
    onTestFinished(vm.on('crash', (report) => crashed.resolve(report)));
    onTestFinished(
      vm.on('log', (event) => {
        if (event.text === 'about to crash') logged.resolve(event);
      }),
    );
    await vm.spawn('hands', 'crash');
    const report = await crashed.promise;
    expect(report.messages).toEqual([{ f: 'hands.adder/fun-0' }]);
    expect(report.reason).toMatchObject({
      kind: 'nocatch',
      value: { thrown: 'hands.adder/fun-0' },
    });
    const { fields } = await logged.promise;
    expect(fields).toEqual({ f: 'hands.adder/fun-0' });
  });
});

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const VERSION = (answer: number): string => `
import { fn, spawnOpt, receive, reply, type Call } from 'tsvm';
export const answer = () => ${answer};
function local() { return ${answer}; }
export function make(n: number) { return fn((x: number) => [${answer}, local(), x + n]); }
export function byName() { return fn(answer); }
export async function keeper() {
  for (;;) {
    const { from, request: f } = await receive<Call<() => unknown, unknown>>();
    try { reply(from, f()); } catch (error) { reply(from, (error as { reason: string; message: string })); }
  }
}
`;

const HOLDER = `
import { call, dirty, exit, receive, reply, self, send, spawnOpt, type Call, type Pid } from 'tsvm';
import { answer, make } from './m.js';

type Fn = (...args: unknown[]) => unknown;
const attempt = (f: Fn, ...args: unknown[]) => {
  try { return f(...args); } catch (error) { const { reason, message } = error as { reason: string; message: string }; return reason + ': ' + message; }
};
/** Keeps functions in its state and calls them when asked. */
export async function holder(functions: Fn[]) {
  for (;;) {
    const { from } = await receive<Call<string, unknown>>();
    reply(from, functions.map((f) => attempt(f, 1)));
  }
}
/** Sends a function to a process of another scheduler, which calls it. */
export async function through(f: Fn, scheduler: number) {
  const me = self();
  spawnOpt({ scheduler }, (g: Fn) => send(me, g(1)), f);
  return receive();
}
export async function inDirty(f: Fn) { return dirty((g: Fn) => g(1), f); }
export function alive() { return 'alive'; }
/** Hands the function on to a keeper elsewhere, which calls it. */
export async function passOn(f: Fn, keeper: Pid<Call<Fn, unknown>>) { return call(keeper, f); }
export async function endThread() {
  setImmediate(() => { throw new Error('the thread ends'); });
  await receive(() => false);
}
/** Makes functions and has them called elsewhere, while the module that makes them changes. */
export async function stream(scheduler: number, count: number) {
  const me = self();
  const worker = spawnOpt({ scheduler }, async () => {
    for (;;) {
      const { f, n } = await receive<{ f: Fn; n: number }>();
      send(me, { n, result: attempt(f, 1) });
    }
  });
  let good = 0;
  for (let n = 0; n < count; n++) {
    const before = answer();
    const f = make(n);
    const [version, local, sum] = f(1) as number[];
    send(worker, { f, n });
    const { result } = await receive<{ n: number; result: unknown }>((m) => (m as { n: number }).n === n);
    const same = JSON.stringify(result) === JSON.stringify([version, version, n + 1]);
    if (local === version && sum === n + 1 && version === before && (same || String(result).startsWith('badfun'))) good++;
  }
  exit(worker, 'kill');
  return good;
}
`;

describe.each([1, 2])('functions and new versions, %i schedulers', (schedulers) => {
  let vm: Vm;
  const folder = newFolder({ 'm.ts': VERSION(1), 'hold.ts': HOLDER });
  const load = async (answer: number): Promise<void> => {
    writeFileSync(join(folder, 'm.ts'), VERSION(answer));
    await vm.load(join(folder, 'm.ts'));
  };
  beforeAll(async () => {
    vm = await startVm({ modules: folder, schedulers, dirtyThreads: 1, logger: false });
  });
  afterAll(async () => {
    await vm.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('8.3 a function keeps its version, goes on between schedulers, and is badfun after purge', async () => {
    const peer = schedulers;
    await load(1);
    const made = await vm.run<Fn>('m', 'make', [5]);
    const named = await vm.run<Fn>('m', 'byName');
    const holder = await vm.spawn('hold', 'holder', [[made, named]], { scheduler: peer });
    const ask = (): Promise<unknown> => vm.call(holder, 'call them');
    expect(await ask()).toEqual([[1, 1, 6], 1]);
    await load(2);
    expect(await ask()).toEqual([[1, 1, 6], 2]);
    // Held, sent to the other scheduler and run there: still the version that made it.
    expect(await vm.run(made, [1], { scheduler: peer })).toEqual([1, 1, 6]);
    expect(await vm.run('hold', 'through', [made, peer], { scheduler: 1 })).toEqual([1, 1, 6]);
    expect(await vm.run('hold', 'inDirty', [made], { scheduler: peer })).toEqual([1, 1, 6]);
    await load(3);
    expect(await ask()).toEqual([expect.stringMatching(/^badfun: .*m@/), 3]);
    await expect(vm.run(made, [1], { scheduler: peer })).rejects.toMatchObject({
      reason: 'badfun',
    });
    expect(await vm.run(named)).toBe(3);
    expect(await vm.run('hold', 'alive')).toBe('alive');
    await vm.shutdown(holder);
  });

  test('8.3 a function of the old version is badfun on a thread that was replaced, and goes on elsewhere', async () => {
    const peer = schedulers;
    await load(5);
    const made = await vm.run<Fn>('m', 'make', [5]);
    await load(6);
    expect(await vm.run(made, [1], { scheduler: peer })).toEqual([5, 5, 6]);
    const replaced = deferred<number>();
    const stop = vm.on('schedulerUp', ({ slot }) => replaced.resolve(slot));
    await vm.spawn('hold', 'endThread', [], { scheduler: peer });
    expect(await replaced.promise).toBe(peer);
    stop();
    // The new thread has the current versions: nothing there ever ran the old one.
    expect(vm.code.checkOldCode('m')).toBe(true);
    expect(await vm.run('m', 'answer', [], { scheduler: peer })).toBe(6);
    await expect(vm.run(made, [1], { scheduler: peer })).rejects.toMatchObject({
      reason: 'badfun',
      message: expect.stringContaining('m@'),
    });
    const holder = await vm.spawn('hold', 'holder', [[made]], { scheduler: peer });
    expect(await vm.call(holder, 'call them')).toEqual([expect.stringMatching(/^badfun: .*m@/)]);
    await vm.shutdown(holder);
    // It arrives there as itself, though: passed on to a thread that has the version, it can be called.
    if (schedulers > 1) {
      const keeper = await vm.spawn('m', 'keeper', [], { scheduler: 1 });
      expect(await vm.run('hold', 'passOn', [made, keeper], { scheduler: peer })).toEqual([
        5,
        5,
        Number.NaN,
      ]);
      await vm.shutdown(keeper);
    }
  });

  test('8.3 functions in flight while versions change: each answer is that of its version', async () => {
    await load(10);
    const jobs = vm.run<number>('hold', 'stream', [schedulers, 300], { scheduler: 1 });
    for (let version = 11; version < 18; version++) await load(version);
    expect(await jobs).toBe(300);
  });
});
