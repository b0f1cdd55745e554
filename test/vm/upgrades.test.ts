/** Upgrades as units: upgrade files, checks, rollback, and what is left when something fails. */
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type LoadError,
  type Pid,
  startVm,
  UpgradeFailedError,
  type UpgradeProgress,
  UpgradeRefusedError,
  type UpgradeReport,
  type Vm,
} from 'tsvm/vm';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { buildProject } from '../../loader/build-project.js';
import { nextEvent } from '../examples/support.js';

type Sources = Readonly<Record<string, string>>;

/** A folder of builds of these modules, with an upgrade file or without. */
async function folderOf(sources: Sources, upgrade?: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tsvm-upgrade-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const modules = await mkdtemp(join(tmpdir(), 'tsvm-upgrade-src-'));
  onTestFinished(() => rm(modules, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(sources))
    await writeFile(join(modules, `${name}.ts`), text);
  const { errors } = await buildProject({
    modules,
    out: folder,
    library: { names: LIBRARY, read: () => Promise.reject(new Error('not read')) },
  });
  expect(errors).toEqual([]);
  if (upgrade !== undefined)
    await writeFile(join(folder, 'tsvm.upgrade.json'), JSON.stringify(upgrade));
  return folder;
}

const LIBRARY = ['tsvm/application', 'tsvm/gen-server', 'tsvm/supervisor'];

async function machine(sources: Sources, schedulers: number): Promise<Vm> {
  const vm = await startVm({ modules: await folderOf(sources), schedulers, logger: false });
  onTestFinished(() => vm.stop());
  return vm;
}

/** A room keeps what was said: as texts in version 1, with their time in version 2. */
const room = (v: 1 | 2, change = ''): string => `
import * as genServer from 'tsvm/gen-server';
import * as me from './room.js';
import { stamp } from './wire.js';
export const version = ${v};
type One = readonly string[];
type Two = readonly { readonly text: string; readonly at: string }[];
export const init = () => ({ state: [] as ${v === 1 ? 'One' : 'Two'} });
export const handleCall = {
  say({ text }: { readonly text: string }, state: ${v === 1 ? 'One' : 'Two'}) {
    return { reply: state.length + 1, state: [...state, ${v === 1 ? 'text' : '{ text, at: stamp() }'}] };
  },
  all(_: unknown, state: ${v === 1 ? 'One' : 'Two'}) { return { reply: { v: ${v}, stamp: stamp(), state }, state }; },
};
export async function open(): Promise<unknown> { return await genServer.start(me); }
export const healthy = (): boolean => true;
${change}
`;
const BOTH = `
export const codeChange = {
  up: (from: number, state: One): Two => state.map((text) => ({ text, at: 'from ' + from })),
  down: (_to: number, state: Two): One => state.map(({ text }) => text),
};`;
const UP = `
export const codeChange = (from: unknown, state: One): Two => state.map((text) => ({ text, at: 'from ' + from }));`;
const wire = (n: number): string => `export const stamp = (): string => 'wire ${n}';`;

const ONE: Sources = { room: room(1), wire: wire(1), legacy: 'export const old = 1;' };

interface All {
  readonly v: number;
  readonly stamp: string;
  readonly state: readonly unknown[];
}
const say = (vm: Vm, pid: Pid, text: string): Promise<number> =>
  vm.call<number>(pid as Pid<never>, { type: 'say', text });
const all = (vm: Vm, pid: Pid): Promise<All> => vm.call<All>(pid as Pid<never>, { type: 'all' });
const open = (vm: Vm): Promise<Pid> => vm.run<Pid>('room', 'open');

function refusal(action: Promise<unknown>): Promise<UpgradeRefusedError> {
  return action.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: UpgradeRefusedError) => error,
  );
}

describe.each([1, 2])('upgrades on %i scheduler(s)', (schedulers) => {
  test('a unit of add, update, load, remove and checks, and its rollback', async () => {
    const vm = await machine(ONE, schedulers);
    const pid = await open(vm);
    await say(vm, pid, 'hello');
    const folder = await folderOf(
      {
        room: room(2, BOTH),
        wire: wire(2),
        index: "export const ready = (): string => 'ok';",
      },
      {
        steps: [
          { check: 'room:healthy' },
          { check: 'index:ready' },
          { add: 'index' },
          { update: 'room', from: 1, to: 2, after: ['wire'] },
          { load: 'wire' },
          { remove: 'legacy' },
          { check: 'room:healthy' },
        ],
      },
    );
    const seen: UpgradeProgress[] = [];
    const report = await vm.upgrade(folder, { onProgress: (progress) => seen.push(progress) });
    expect(report).toMatchObject({
      folder,
      translated: 1,
      restarted: [],
    } satisfies Partial<UpgradeReport>);
    expect(report.modules.map(({ module, what }) => [module, what])).toEqual([
      ['index', 'added'],
      ['legacy', 'removed'],
      ['room', 'updated'],
      ['wire', 'updated'],
    ]);
    expect(seen.map(({ step, text }) => (step === 'check' ? text : step))).toEqual([
      'prepare',
      'room:healthy',
      'index:ready',
      'rest',
      'load',
      'room:healthy',
    ]);
    expect(await all(vm, pid)).toEqual({
      v: 2,
      stamp: 'wire 2',
      state: [{ text: 'hello', at: 'from 1' }],
    });
    await say(vm, pid, 'since');

    const back = await vm.rollback();
    expect(back).toMatchObject({ folder: undefined, translated: 1 });
    expect(back.modules.map(({ module, what }) => [module, what])).toEqual([
      ['index', 'removed'],
      ['legacy', 'added'],
      ['room', 'updated'],
      ['wire', 'updated'],
    ]);
    // What was said in the meantime is there still.
    expect(await all(vm, pid)).toEqual({ v: 1, stamp: 'wire 1', state: ['hello', 'since'] });
    expect((await refusal(vm.rollback())).message).toMatch(/nothing was upgraded/);
    // And once more.
    expect(await vm.upgrade(folder)).toMatchObject({ translated: 1 });
  });

  test('a set without an upgrade file becomes current as one; the same set again does nothing', async () => {
    const vm = await machine(ONE, schedulers);
    const pid = await open(vm);
    const folder = await folderOf({ ...ONE, room: room(2, UP), wire: wire(2) });
    expect((await vm.upgrade(folder)).modules.map(({ module }) => module)).toEqual([
      'room',
      'wire',
    ]);
    expect(await all(vm, pid)).toMatchObject({ v: 2, stamp: 'wire 2' });
    expect(await vm.upgrade(folder)).toMatchObject({ modules: [], translated: 0 });
    // Its codeChange knows no way back.
    expect((await refusal(vm.rollback())).problems[0]).toMatch(/"room" has no way back/);
    expect(await all(vm, pid)).toMatchObject({ v: 2 });
  });

  test('a codeChange that fails: nothing of the unit has happened', async () => {
    const vm = await machine(ONE, schedulers);
    const pids = [await open(vm), await open(vm)];
    for (const pid of pids) await say(vm, pid, 'hello');
    await say(vm, pids[1] as Pid, 'bad');
    const change = UP.replace('state.map(', "state.includes('bad') ? fail() : state.map(");
    const folder = await folderOf(
      {
        room: room(2, `${change}\nfunction fail(): never { throw new Error('bad news'); }`),
        wire: wire(2),
        index: 'export const a = 1;',
      },
      { steps: [{ add: 'index' }, { update: 'room' }, { remove: 'legacy' }] },
    );
    const before = vm.modules.map(({ name, version }) => [name, version]);
    const error = await vm.upgrade(folder).catch((thrown: LoadError) => thrown);
    expect(error).toMatchObject({ kind: 'code_change', processCount: 1 });
    expect(vm.modules.map(({ name, version }) => [name, version])).toEqual(before);
    for (const pid of pids) expect((await all(vm, pid)).v).toBe(1);
    expect((await all(vm, pids[1] as Pid)).state).toEqual(['hello', 'bad']);
  });

  test('a check afterwards that fails: code and states are as before', async () => {
    const vm = await machine(ONE, schedulers);
    const [down, up] = [room(2, BOTH), room(2, UP)];
    for (const [source, kept] of [
      [down, ['hello', 'meanwhile']],
      // Without a way down it is the state of before that comes back.
      [up, ['hello']],
    ] as const) {
      const pid = await open(vm);
      await say(vm, pid, 'hello');
      const check = `import { call, type Pid } from 'tsvm';
export async function look(): Promise<string> {
  await call('${pid}' as unknown as Pid<never>, { type: 'say', text: 'meanwhile' } as never);
  return 'I do not like it';
}`;
      const folder = await folderOf(
        { ...ONE, room: source, wire: wire(2), checks: check },
        { steps: [{ update: 'room' }, { check: 'checks:look' }] },
      );
      const error = await vm.upgrade(folder).catch((thrown: UpgradeFailedError) => thrown);
      expect(error).toBeInstanceOf(UpgradeFailedError);
      expect(error).toMatchObject({ undone: true });
      expect((error as Error).message).toMatch(
        /checks:look did not pass: I do not like it; all is as it was/,
      );
      expect(await all(vm, pid)).toEqual({ v: 1, stamp: 'wire 1', state: kept });
      expect(vm.modules.some(({ name }) => name === 'checks')).toBe(false);
      await vm.shutdown(pid);
    }
  });

  test('checks: one that fails or takes too long beforehand refuses the upgrade', async () => {
    const vm = await machine({ ...ONE, health: 'export const ready = () => false;' }, schedulers);
    const pid = await open(vm);
    const sources = {
      ...ONE,
      room: room(2, UP),
      health: 'export const ready = () => false; export const next = 1;',
    };
    const failing = await folderOf(sources, {
      steps: [{ check: 'health:ready' }, { update: 'room' }],
    });
    expect((await refusal(vm.upgrade(failing))).message).toMatch(
      /health:ready did not pass: false/,
    );
    const slow = await folderOf(
      {
        ...sources,
        slow: 'export async function wait(): Promise<void> { await new Promise(() => {}); }',
      },
      { limits: { checkMs: 50 }, steps: [{ check: 'slow:wait' }, { update: 'room' }] },
    );
    expect((await refusal(vm.upgrade(slow))).message).toMatch(/took longer than 50 ms/);
    expect(await all(vm, pid)).toMatchObject({ v: 1 });
  });

  test.each<[string, object, RegExp]>([
    ['a module', { update: 'rom' }, /no build of module "rom"/],
    ['an application', { restart: 'chat' }, /application "chat" does not run/],
    ['a check', { check: 'room:never' }, /"room" exports no "never"/],
    [
      'a version before',
      { update: 'room', from: [7, 'x'] },
      /"room" is of version 1, not 7 or "x"/,
    ],
    [
      'a version afterwards',
      { update: 'room', to: 3 },
      /build of module "room" is of version 2, not 3/,
    ],
  ])(
    'a file that names %s that is not there is refused, and nothing is touched',
    async (_what, step, expected) => {
      const vm = await machine(ONE, schedulers);
      const pid = await open(vm);
      const before = vm.code.loaded();
      const folder = await folderOf(
        { ...ONE, room: room(2, UP) },
        { steps: [step, ...('update' in step ? [] : [{ update: 'room' }])] },
      );
      const error = await refusal(vm.upgrade(folder));
      expect(error).toBeInstanceOf(UpgradeRefusedError);
      expect(error.message).toMatch(expected);
      expect(vm.code.loaded()).toEqual(before);
      expect(await all(vm, pid)).toMatchObject({ v: 1 });
    },
  );

  test('states are translated behind those that they come after', async () => {
    const server = (name: string, change = ''): string => `
import * as genServer from 'tsvm/gen-server';
import * as me from './${name}.js';
import { monotonicTime, send, sleep } from 'tsvm';
export const init = () => ({ state: 0 });
export const handleCall = { all: (_: unknown, state: number) => ({ reply: state, state }) };
export const open = (): Promise<unknown> => genServer.start(me);
${change}`;
    const change = (name: string): string => `
export const version = 2;
export async function codeChange(_: unknown, state: number): Promise<number> {
  const begun = monotonicTime();
  await sleep(5);
  send('order', { name: '${name}', begun, ended: monotonicTime() });
  return state;
}`;
    const named = `import { register, type Pid } from 'tsvm';
export const nameIt = (pid: Pid): void => { register('order', pid); };`;
    const vm = await machine({ a: server('a'), b: server('b'), named }, schedulers);
    for (const name of ['a', 'b', 'a', 'b']) await vm.run(name, 'open');
    const seen: { readonly name: string; readonly begun: number; readonly ended: number }[] = [];
    const mailbox = await vm.mailbox<(typeof seen)[number]>((one) => seen.push(one));
    await vm.run('named', 'nameIt', [mailbox]);
    await vm.upgrade(
      await folderOf(
        { a: server('a', change('a')), b: server('b', change('b')), named },
        { steps: [{ update: 'a', after: ['b'] }, { update: 'b' }] },
      ),
    );
    await vi.waitFor(() => expect(seen).toHaveLength(4), { timeout: 5000 });
    const times = (name: string): typeof seen => seen.filter((one) => one.name === name);
    const ended = Math.max(...times('b').map((one) => one.ended));
    expect(ended).toBeLessThanOrEqual(Math.min(...times('a').map(({ begun }) => begun)));
  });

  test('an application is restarted after the code, and again when what comes next fails', async () => {
    const mailer = (v: number, start = ''): string => `
import { defineApplication } from 'tsvm/application';
import * as genServer from 'tsvm/gen-server';
import { child, startLink } from 'tsvm/supervisor';
import * as me from './mailer.js';
export const application = defineApplication({ name: 'mailer', version: '${v}.0.0', module: me });
export const start = () => { ${start} return startLink({ children: [child('post', me.post, [])] }); };
export const post = () => genServer.startLink(me, undefined, { name: 'post' });
export const init = () => ({ state: 'begun in ${v}' });
export const handleCall = { all: (_: unknown, state: string) => ({ reply: { v: ${v}, state }, state }) };`;
    const vm = await machine({ mailer: mailer(1) }, schedulers);
    await vm.run('tsvm/application', 'ensureAllStarted', ['mailer', 'permanent']);
    const post = (): Promise<unknown> => vm.call('post' as never, { type: 'all' });
    expect(await post()).toEqual({ v: 1, state: 'begun in 1' });
    const steps = [{ load: 'mailer' }, { restart: 'mailer' }];

    const broken = await folderOf(
      { mailer: mailer(2, "throw new Error('no post office');") },
      { steps },
    );
    const error = await vm.upgrade(broken).catch((thrown: UpgradeFailedError) => thrown);
    expect(error).toMatchObject({ undone: true });
    expect((error as Error).message).toMatch(/no post office.*; all is as it was before/);
    expect(await post()).toEqual({ v: 1, state: 'begun in 1' });

    const report = await vm.upgrade(await folderOf({ mailer: mailer(2) }, { steps }));
    expect(report.restarted).toEqual(['mailer']);
    expect(await post()).toEqual({ v: 2, state: 'begun in 2' });
    expect(await vm.run('tsvm/application', 'whichApplications')).toMatchObject([
      { name: 'mailer', version: '2.0.0', type: 'permanent' },
    ]);
    expect(await vm.rollback()).toMatchObject({ restarted: ['mailer'] });
    expect(await post()).toEqual({ v: 1, state: 'begun in 1' });
  });

  test('a module that processes still use is not removed', async () => {
    const vm = await machine(
      { room: room(1), wire: wire(1), other: 'export const a = 1;' },
      schedulers,
    );
    const pid = await open(vm);
    const folder = await folderOf(
      { other: 'export const a = 2;' },
      { steps: [{ remove: 'room' }] },
    );
    await expect(vm.upgrade(folder)).rejects.toThrow(/room is not removed: a process uses it/);
    expect(await say(vm, pid, 'still here')).toBe(1);
  });
});

test('the watched folder: a set with an upgrade file is loaded as that upgrade, is refused with all that is wrong, and can be rolled back', async () => {
  const folder = await folderOf(ONE);
  const vm = await startVm({ modules: folder, schedulers: 2, watch: true, logger: false });
  onTestFinished(() => vm.stop());
  const copy = async (next: string): Promise<void> => {
    const files = (await readdir(next)).filter((file) => file !== 'tsvm.manifest.json');
    for (const file of [...files, 'tsvm.manifest.json'])
      await cp(join(next, file), join(folder, file));
  };
  const pid = await open(vm);
  await say(vm, pid, 'one');

  const refused = nextEvent(vm, 'loadError');
  const two = { room: room(2, BOTH), wire: wire(2), fresh: 'export const ok = () => true;' };
  const steps = (from: number) => ({
    steps: [{ add: 'fresh' }, { update: 'room', from, to: 2 }, { check: 'fresh:ok' }],
  });
  await rm(join(folder, 'legacy.tsvm.js'));
  await copy(await folderOf(two, steps(7)));
  expect(await refused).toMatchObject({
    kind: 'upgrade',
    message: 'module "room" is of version 1, not 7',
    file: join(folder, 'tsvm.upgrade.json'),
  });
  expect(await all(vm, pid)).toEqual({ v: 1, stamp: 'wire 1', state: ['one'] });
  expect(vm.modules.map(({ name }) => name)).toContain('legacy');

  // The file is put right, and the set that waits is upgraded to.
  const upgraded = nextEvent(vm, 'upgrade');
  await writeFile(join(folder, 'tsvm.upgrade.json'), JSON.stringify(steps(1)));
  expect(await upgraded).toMatchObject({
    folder,
    translated: 1,
    modules: [
      { module: 'fresh', what: 'added' },
      { module: 'legacy', what: 'removed' },
      { module: 'room', what: 'updated' },
      { module: 'wire', what: 'updated' },
    ],
  });
  const after = { v: 2, stamp: 'wire 2', state: [{ text: 'one', at: 'from 1' }] };
  expect(await all(vm, pid)).toEqual(after);

  await vm.rollback();
  expect(await all(vm, pid)).toEqual({ v: 1, stamp: 'wire 1', state: ['one'] });
  const names = vm.modules.map(({ name }) => name);
  expect([names.includes('legacy'), names.includes('fresh')]).toEqual([true, false]);
});

test('the watched folder: a check after the upgrade that fails takes all of it back, and is reported', async () => {
  const folder = await folderOf(ONE);
  const vm = await startVm({ modules: folder, schedulers: 1, watch: true, logger: false });
  onTestFinished(() => vm.stop());
  const pid = await open(vm);
  await say(vm, pid, 'one');
  const failed = nextEvent(vm, 'loadError');
  const next = await folderOf(
    { ...ONE, room: room(2, BOTH), wire: `${wire(2)} export const bad = () => false;` },
    { steps: [{ update: 'room' }, { check: 'wire:bad' }] },
  );
  for (const file of ['room.tsvm.js', 'wire.tsvm.js', 'tsvm.upgrade.json', 'tsvm.manifest.json'])
    await cp(join(next, file), join(folder, file));
  expect((await failed).message).toBe(
    'check wire:bad did not pass: false; all is as it was before',
  );
  expect(await all(vm, pid)).toEqual({ v: 1, stamp: 'wire 1', state: ['one'] });
});

test('a scheduler that dies while states are translated: the others are upgraded, and it comes back with the new code', async () => {
  const kit = `
import { receive } from 'tsvm';
import * as genServer from 'tsvm/gen-server';
import * as room from './room.js';
export const openOn = (scheduler: number) => genServer.start(room, undefined, { scheduler });
export async function die(): Promise<void> {
  setImmediate(() => { throw new RangeError('thrown in a native callback'); });
  await receive(() => false);
}`;
  const vm = await machine({ ...ONE, kit }, 2);
  const [here, there] = [
    await vm.run<Pid>('kit', 'openOn', [1]),
    await vm.run<Pid>('kit', 'openOn', [2]),
  ];
  await say(vm, here, 'hello');
  const slow = UP.replace(
    '(from: unknown, state: One): Two =>',
    'async (from: unknown, state: One): Promise<Two> => (await sleep(400),',
  );
  const source = `import { sleep } from 'tsvm';\n${room(2, slow.replace(/\)\);$/, ')));').trim())}`;
  const folder = await folderOf({ ...ONE, kit, room: source });
  const back = new Promise((resolve) => vm.on('schedulerUp', resolve));
  const upgrading = vm.upgrade(folder, {
    onProgress: ({ step }) => {
      if (step === 'rest') vm.spawn('kit', 'die', [], { scheduler: 2 }).catch(() => {});
    },
  });
  expect(await upgrading).toMatchObject({ translated: 1 });
  expect(await all(vm, here)).toMatchObject({ v: 2, state: [{ text: 'hello', at: 'from 1' }] });
  await expect(all(vm, there)).rejects.toThrow();
  await back;
  expect(await all(vm, await vm.run<Pid>('kit', 'openOn', [2]))).toMatchObject({ v: 2, state: [] });
}, 30_000);
