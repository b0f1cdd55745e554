import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { buildPath, writeBuild } from '../../loader/build-file.js';
import { buildProject } from '../../loader/build-project.js';
import { CodeServer, type LoadReport } from '../../loader/code-server.js';
import { type LoadError, ReservedNameError } from '../../loader/errors.js';
import { HotLoader } from '../../loader/hot-loader.js';
import { compileProject, scanProject } from '../../loader/project.js';
import type { SchedulerCode } from '../../loader/scheduler-code.js';
import { ModuleWatcher, type WatchBatch } from '../../loader/watch.js';
import {
  compileText,
  createTable,
  Inbox,
  noEpoch,
  remoteCode,
  temporaryFolder,
} from './support.js';

interface Watched {
  readonly folder: string;
  readonly batches: Inbox<WatchBatch>;
}

async function watch(
  files: Record<string, string>,
  options: { poll?: boolean } = {},
): Promise<Watched> {
  const folder = join(await temporaryFolder(), 'modules');
  await mkdir(folder);
  for (const [path, text] of Object.entries(files)) await write(folder, path, text);
  const { modules } = await compileProject(await scanProject(folder));
  const known = new Map(modules.map(({ name, version }) => [name, version]));
  const batches = new Inbox<WatchBatch>();
  const onBatch = (batch: WatchBatch): void => batches.push(batch);
  const watcher = await ModuleWatcher.start({ folder, known, onBatch, graceMs: 300, ...options });
  onTestFinished(() => watcher.close());
  return { folder, batches };
}

async function write(folder: string, path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
}

const changedName = (name: string) => (batch: WatchBatch) =>
  batch.changed.some((one) => one.name === name);
const names = ({ all }: Inbox<WatchBatch>): string[] =>
  all.flatMap(({ changed }) => changed.map(({ name }) => name));

for (const poll of [false, true]) {
  test(`watch${poll ? ' (polling)' : ''}: new, changed, renamed over, removed`, async () => {
    const { folder, batches } = await watch({ 'a.ts': 'export const a = 1;' }, { poll });
    await write(folder, 'chat/room.ts', 'export const r = 1;');
    expect((await batches.find(changedName('chat/room'))).changed[0]?.exports).toEqual(['r']);
    await write(folder, 'a.ts', 'export const a = 2, more = 3;');
    expect((await batches.find(changedName('a'))).changed[0]?.exports).toEqual(['a', 'more']);
    const from = batches.all.length;
    await write(folder, '.next', 'export const swapped = 1;');
    await rename(join(folder, '.next'), join(folder, 'a.ts'));
    expect((await batches.find(changedName('a'), from)).changed[0]?.exports).toEqual(['swapped']);
    await rm(join(folder, 'a.ts'));
    await batches.find(({ removed }) => removed.includes('a'));
    await rm(join(folder, 'chat'), { recursive: true });
    await batches.find(({ removed }) => removed.includes('chat/room'));
    expect(names(batches)).toEqual(['chat/room', 'a', 'a']);
    expect(batches.all.flatMap(({ failed }) => failed)).toEqual([]);
  });
}

test('watch: touching and rewriting the same content make no noise, nor do other files', async () => {
  const { folder, batches } = await watch({ 'a.ts': 'export const a = 1;' });
  await utimes(join(folder, 'a.ts'), new Date(), new Date());
  await write(folder, 'a.ts', 'export const a = 1;');
  await write(folder, 'notes.md', 'text');
  await write(folder, 'a.test.ts', 'broken (');
  await write(folder, 'b.d.ts', 'broken (');
  await write(folder, 'node_modules/x/index.js', 'broken (');
  await write(folder, '.cache/x.ts', 'broken (');
  await write(folder, 'last.ts', 'export const l = 1;');
  await batches.find(changedName('last'));
  expect(names(batches)).toEqual(['last']);
});

test('watch: a source that is copied in two steps is read when it is whole', async () => {
  const { folder, batches } = await watch({ 'a.ts': 'export const a = 1;' });
  const text = `export const a = 2;\n${'// filler\n'.repeat(1_000)}export function whole() { return [a]; }\n`;
  const half = text.length - 10;
  await write(folder, 'a.ts', text.slice(0, half));
  // Longer than a file has to stand still, shorter than the grace for one that does not compile.
  await delay(150);
  await writeFile(join(folder, 'a.ts'), text.slice(half), { flag: 'a' });
  const batch = await batches.find(() => true);
  expect(batch.changed[0]?.exports).toEqual(['a', 'whole']);
  expect(batches.all).toHaveLength(1);
});

test('watch: a file that stays broken is reported once, does not hold up others, and recovers', async () => {
  const { folder, batches } = await watch({
    'a.ts': 'export const a = 1;',
    'b.ts': 'export const b = 1;',
  });
  await write(folder, 'a.ts', 'export const a = (;');
  await write(folder, 'b.ts', 'export const b = 2;');
  await batches.find(changedName('b'));
  expect(batches.all.flatMap(({ failed }) => failed)).toEqual([]);
  const { failed } = await batches.find((batch) => batch.failed.length > 0);
  expect(failed).toMatchObject([{ name: 'ModuleSyntaxError', module: 'a', line: 1, column: 19 }]);
  await utimes(join(folder, 'a.ts'), new Date(), new Date());
  await write(folder, 'a.ts', 'export const a = 3;');
  await batches.find(changedName('a'));
  expect(batches.all.flatMap((batch) => batch.failed)).toHaveLength(1);
});

test('watch: files that change together come in one batch', async () => {
  const { folder, batches } = await watch({});
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => write(folder, `m${n}.ts`, `export const n = ${n};`)),
  );
  await batches.find(() => names(batches).length === 20);
  expect(batches.all.length).toBeLessThanOrEqual(2);
});

test('watch: builds moved in, copied in halves, corrupt, or for another module', async () => {
  const { folder, batches } = await watch({});
  const places = { out: folder, modules: '/project' };
  const first = await compileText('m', 'export const v = 1;');
  await writeBuild(first, places);
  await batches.find(changedName('m'));
  const whole = await readFile(buildPath(folder, 'm'), 'utf8');
  const second = await compileText('m', 'export const v = 2;');
  await writeBuild(second, places);
  await batches.find(({ changed }) => changed[0]?.version === second.version);
  await write(folder, 'm.tsvm.js', whole.slice(0, 300));
  await delay(100);
  const from = batches.all.length;
  await write(folder, 'm.tsvm.js', whole);
  expect(await batches.find(() => true, from)).toMatchObject({
    changed: [{ version: first.version }],
    failed: [],
  });
  await write(folder, 'm.tsvm.js', whole.replace('v = 1', 'v = 9'));
  expect(await batches.find(({ failed }) => failed[0]?.kind === 'corrupt_build')).toMatchObject({
    changed: [],
  });
  await write(folder, 'other.tsvm.js', whole);
  await batches.find(({ failed }) => failed[0]?.kind === 'name_mismatch');
});

test('watch: the folder is replaced as a whole, and nothing is removed in between', async () => {
  const { folder, batches } = await watch({
    'a.ts': 'export const a = 1;',
    'b.ts': 'export const b = 1;',
  });
  await rm(folder, { recursive: true });
  await delay(700);
  expect(batches.all).toEqual([]);
  await mkdir(folder);
  await write(folder, 'a.ts', 'export const a = 2;');
  await batches.find(changedName('a'));
  const { removed } = await batches.find((batch) => batch.removed.length > 0);
  expect(removed).toEqual(['b']);
  await write(folder, 'c.ts', 'export const c = 1;');
  await batches.find(changedName('c'));
  expect(names(batches)).toEqual(['a', 'c']);
});

test('watch: a second file for a module that has one is refused', async () => {
  const { folder, batches } = await watch({ 'a.ts': 'export const a = 1;' });
  await buildProject({ modules: folder, out: folder });
  const { failed } = await batches.find((batch) => batch.failed.length > 0);
  expect(failed).toMatchObject([{ name: 'DuplicateModuleError', module: 'a' }]);
});

test('hot loader: files that need each other load whatever order they come in', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.ts'), 'export const a = () => 1;');
  const table = createTable();
  const server = new CodeServer({ schedulers: () => schedulers, epoch: noEpoch });
  const schedulers = [remoteCode(table)];
  await server.load((await compileProject(await scanProject(folder))).modules);
  const errors = new Inbox<LoadError>();
  const loads = new Inbox<readonly LoadReport[]>();
  const removals = new Inbox<string>();
  const loader = await HotLoader.start({
    folder,
    server,
    upgrade: () => Promise.resolve(),
    onLoad: (reports) => loads.push(reports),
    onRemove: (name) => removals.push(name),
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => loader.close());
  await writeFile(join(folder, 'a.ts'), "import { b } from './b.js'; export const a = () => b;");
  expect(await errors.find(() => true)).toMatchObject({ name: 'MissingImportError', module: 'a' });
  expect(table.lookup('a', 'a')?.()).toBe(1);
  await writeFile(join(folder, 'b.ts'), 'export const b = 2;');
  const reports = await loads.find(() => true);
  expect(reports.map(({ module }) => module).sort()).toEqual(['a', 'b']);
  expect(table.lookup('a', 'a')?.()).toBe(2);
  await rm(join(folder, 'b.ts'));
  expect(await removals.find(() => true)).toBe('b');
});

test('watch: a module by a name of the library is refused, and the rest of the folder goes on', async () => {
  const { folder, batches } = await watch({ 'a.ts': 'export const a = 1;' });
  await write(folder, 'tsvm/gen-server.ts', 'export const mine = 1;');
  const { failed } = await batches.find((batch) => batch.failed.length > 0);
  expect(failed[0]).toBeInstanceOf(ReservedNameError);
  expect(failed).toMatchObject([
    {
      kind: 'reserved_name',
      module: 'tsvm/gen-server',
      file: join(folder, 'tsvm/gen-server.ts'),
      hint: 'give the file, or its folder, another name',
    },
  ]);
  for (const [n, a] of ['2', '3'].entries()) {
    await write(folder, 'a.ts', `export const a = ${a};`);
    await batches.find(() => names(batches).length === n + 1);
    // Longer than the file has until its own error is reported.
    await delay(400);
  }
  expect(names(batches)).toEqual(['a', 'a']);
  expect(batches.all.flatMap((batch) => batch.failed)).toHaveLength(1);
});

test('hot loader: versions that come faster than they load collapse to the newest', async () => {
  const folder = await temporaryFolder();
  const places = { out: folder, modules: '/project' };
  const table = createTable();
  // A scheduler whose loads begin when the test says so.
  const begun = new Inbox<string>();
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const scheduler: SchedulerCode = {
    ...remoteCode(table),
    prepare: async (load, modules) => {
      begun.push(modules.map(({ version }) => version).join());
      await opened;
      await remote.prepare(load, modules);
    },
  };
  const remote = remoteCode(table);
  const server = new CodeServer({ schedulers: () => [scheduler], epoch: noEpoch });
  const loads = new Inbox<readonly LoadReport[]>();
  const errors: LoadError[] = [];
  const seen = new Inbox<string>();
  const loader = await HotLoader.start({
    folder,
    server,
    upgrade: () => Promise.resolve(),
    onLoad: (reports) => loads.push(reports),
    onRemove: () => {},
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => loader.close());
  const versions: string[] = [];
  const drop = async (n: number): Promise<void> => {
    const module = await compileText('m', `export const v = () => ${n};`);
    versions.push(module.version);
    await writeBuild(module, places);
  };
  await drop(0);
  await begun.find(() => true);
  // While the first is being loaded, eight more are dropped, each seen by the watcher.
  const watcher = await ModuleWatcher.start({
    folder,
    known: new Map(),
    onBatch: ({ changed }) => seen.push(changed[0]?.version ?? ''),
  });
  onTestFinished(() => watcher.close());
  for (let n = 1; n <= 8; n++) {
    await drop(n);
    await seen.find((version) => version === versions[n]);
  }
  open();
  await loads.find(([report]) => report?.version === versions[8]);
  expect(begun.all.at(-1)).toBe(versions[8]);
  // Two, unless the loader saw the last of them later than the test did.
  expect(begun.all.length).toBeLessThanOrEqual(3);
  expect([table.lookup('m', 'v')?.(), errors]).toEqual([8, []]);
});
