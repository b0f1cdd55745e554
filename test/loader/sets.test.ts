import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { buildPath } from '../../loader/build-file.js';
import { buildProject } from '../../loader/build-project.js';
import { CodeServer, type LoadReport } from '../../loader/code-server.js';
import type { CodeTable } from '../../loader/code-table.js';
import { IncompleteSetError, type LoadError, SetUpgradeError } from '../../loader/errors.js';
import { HotLoader } from '../../loader/hot-loader.js';
import { MANIFEST, readSet } from '../../loader/manifest.js';
import { FORMAT_VERSION } from '../../loader/module.js';
import { compileProject, scanProject } from '../../loader/project.js';
import { UPGRADE_FILE } from '../../loader/upgrade-file.js';
import {
  createTable,
  Inbox,
  loadErrorOf,
  noEpoch,
  remoteCode,
  temporaryFolder,
} from './support.js';

/** `wire` and `room` of one version, `room` made of `wire`'s. */
const version = (n: number): Record<string, string> => ({
  wire: `export const wire = () => ${n};`,
  room: `import { wire } from './wire.js'; export const room = () => ${n} * 100 + wire();`,
});

/** A folder of builds of these sources. */
async function built(sources: Record<string, string>, upgrade?: string): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(sources)) {
    await writeFile(join(folder, `${name}.ts`), text);
  }
  const out = join(folder, 'out');
  const { errors } = await buildProject({ modules: folder, out, upgrade });
  expect(errors).toEqual([]);
  return out;
}

interface Watched {
  readonly folder: string;
  readonly table: CodeTable;
  readonly loads: Inbox<readonly LoadReport[]>;
  readonly errors: Inbox<LoadError>;
  readonly removals: Inbox<string>;
  /** Upgrades by the file of a set: the modules that it does not have any more. */
  readonly upgrades: Inbox<readonly string[]>;
  /** Copy a file of a folder of builds into the watched one, whole or not at all. */
  readonly put: (from: string, file: string) => Promise<void>;
}

/** A machine without threads that watches a copy of a folder of builds. */
async function watched(builds: string): Promise<Watched> {
  const folder = join(await temporaryFolder(), 'app');
  await cp(builds, folder, { recursive: true });
  const table = createTable();
  const schedulers = [remoteCode(table)];
  const server = new CodeServer({ schedulers: () => schedulers, epoch: noEpoch });
  const { modules, errors: faults } = await compileProject(await scanProject(folder));
  expect(faults).toEqual([]);
  await server.load(modules);
  const errors = new Inbox<LoadError>();
  const loads = new Inbox<readonly LoadReport[]>();
  const removals = new Inbox<string>();
  const upgrades = new Inbox<readonly string[]>();
  const loader = await HotLoader.start({
    folder,
    server,
    setMs: 300,
    upgrade: async (removed) => {
      upgrades.push(removed);
      const text = await readFile(join(folder, UPGRADE_FILE), 'utf8');
      if (text.includes('refused')) throw new SetUpgradeError('refused');
    },
    onLoad: (reports) => loads.push(reports),
    onRemove: (name) => removals.push(name),
    onError: (error) => errors.push(error),
  });
  onTestFinished(() => loader.close());
  const put = async (from: string, file: string): Promise<void> => {
    const next = join(folder, '.next');
    await cp(join(from, file), next);
    await rename(next, join(folder, file));
  };
  return { folder, table, loads, errors, removals, upgrades, put };
}

const names = (reports: readonly LoadReport[]): string[] =>
  reports.map(({ module }) => module).sort();
const room = ({ table }: Watched): unknown => table.lookup('room', 'room')?.();

for (const files of [
  ['wire.tsvm.js', 'room.tsvm.js', MANIFEST],
  [MANIFEST, 'wire.tsvm.js', 'room.tsvm.js'],
  ['room.tsvm.js', MANIFEST, 'wire.tsvm.js'],
]) {
  test(`sets: ${files.join(', ')}, one after the other, are loaded as one`, async () => {
    const machine = await watched(await built(version(1)));
    const next = await built(version(2));
    const [first, second, last] = files as [string, string, string];
    await machine.put(next, first);
    // It is reported that the set is not whole, so the watcher has seen what there is.
    const early = await machine.errors.find(() => true);
    expect(early).toBeInstanceOf(IncompleteSetError);
    expect(early).toMatchObject({ kind: 'incomplete_set', file: join(machine.folder, MANIFEST) });
    await machine.put(next, second);
    await machine.errors.find(() => true, 1);
    expect([machine.loads.all, room(machine)]).toEqual([[], 101]);
    await machine.put(next, last);
    const reports = await machine.loads.find(() => true);
    expect(names(reports)).toEqual(['room', 'wire']);
    expect(room(machine)).toBe(202);
  });
}

test('sets: tsvm build into the watched folder is one load, with what is new and what is gone', async () => {
  const machine = await watched(await built({ ...version(1), old: 'export const old = 1;' }));
  const next = await built({ ...version(2), fresh: 'export const fresh = 1;' });
  await rm(buildPath(machine.folder, 'old'));
  for (const file of await readdir(next)) await machine.put(next, file);
  expect(names(await machine.loads.find(() => true))).toEqual(['fresh', 'room', 'wire']);
  expect(await machine.removals.find(() => true)).toBe('old');
  expect([machine.loads.all.length, machine.errors.all, room(machine)]).toEqual([1, [], 202]);
});

test('sets: a build that is missing, or that nobody names, is reported and changes nothing', async () => {
  const machine = await watched(await built(version(1)));
  await rm(buildPath(machine.folder, 'wire'));
  const missing = await machine.errors.find(() => true);
  expect(missing).toMatchObject({
    name: 'IncompleteSetError',
    message: 'the set of builds is not whole: wire.tsvm.js is missing',
  });
  expect([machine.removals.all, room(machine)]).toEqual([[], 101]);
  const next = await built({ ...version(1), stray: 'export const stray = 1;' });
  await machine.put(next, 'wire.tsvm.js');
  await machine.put(next, 'stray.tsvm.js');
  const stray = await machine.errors.find(() => true, 1);
  expect(stray).toMatchObject({
    name: 'IncompleteSetError',
    module: 'stray',
    message: 'not part of the set of builds: stray.tsvm.js',
  });
  expect(machine.loads.all).toEqual([]);
  await machine.put(next, MANIFEST);
  expect(names(await machine.loads.find(() => true))).toEqual(['stray']);
});

test('sets: one that does not load is refused whole, and the next one is not split by it', async () => {
  const machine = await watched(await built(version(1)));
  const broken = {
    ...version(2),
    wire: "throw new Error('wire is broken');\nexport const wire = 2;",
  };
  const bad = await built(broken);
  for (const file of await readdir(bad)) await machine.put(bad, file);
  expect(await machine.errors.find(({ kind }) => kind === 'evaluation')).toMatchObject({
    module: 'wire',
  });
  expect([machine.loads.all, room(machine)]).toEqual([[], 101]);
  // `room` is as in the set before, which was never loaded: it must come along.
  const good = await built(version(2));
  await machine.put(good, 'wire.tsvm.js');
  await machine.put(good, MANIFEST);
  expect(names(await machine.loads.find(() => true))).toEqual(['room', 'wire']);
  expect(room(machine)).toBe(202);
});

test('sets: without the manifest, builds are loaded one by one again', async () => {
  const machine = await watched(await built(version(1)));
  const next = await built(version(2));
  await machine.put(next, 'wire.tsvm.js');
  await machine.errors.find(() => true);
  await rm(join(machine.folder, MANIFEST));
  expect(names(await machine.loads.find(() => true))).toEqual(['wire']);
  expect(room(machine)).toBe(102);
});

test('sets: a manifest that is cut off is reported, and leaves the one before in force', async () => {
  const machine = await watched(await built(version(1)));
  const next = await built(version(2));
  const text = await readFile(join(next, MANIFEST), 'utf8');
  await writeFile(join(machine.folder, MANIFEST), text.slice(0, 40));
  const cut = await machine.errors.find(() => true);
  expect(cut).toMatchObject({ name: 'CorruptBuildError', file: join(machine.folder, MANIFEST) });
  await machine.put(next, 'wire.tsvm.js');
  await machine.errors.find(({ kind }) => kind === 'incomplete_set');
  expect(machine.loads.all).toEqual([]);
  await machine.put(next, 'room.tsvm.js');
  await writeFile(join(machine.folder, MANIFEST), text);
  expect(names(await machine.loads.find(() => true))).toEqual(['room', 'wire']);
});

test('sets: a machine does not start from half of one', async () => {
  const folder = await built(version(1));
  const next = await built(version(2));
  await cp(join(next, 'room.tsvm.js'), join(folder, 'room.tsvm.js'));
  const errorsOf = async (): Promise<readonly LoadError[]> =>
    (await compileProject(await scanProject(folder))).errors;
  const [mixed, ...others] = await errorsOf();
  expect(others).toEqual([]);
  expect(mixed).toBeInstanceOf(IncompleteSetError);
  expect(mixed?.message).toMatch(
    /^the set of builds is not whole: room\.tsvm\.js is version \w{10}, the manifest names \w{10}$/,
  );
  await cp(join(next, MANIFEST), join(folder, MANIFEST));
  await cp(join(next, 'wire.tsvm.js'), join(folder, 'wire.tsvm.js'));
  expect(await errorsOf()).toEqual([]);
  await cp(join(next, 'wire.tsvm.js'), join(folder, 'later.tsvm.js'));
  expect(await errorsOf()).toMatchObject([{ kind: 'name_mismatch' }, { kind: 'incomplete_set' }]);
});

test('sets: reading one by its folder or its manifest gives all of it, or says what is wrong', async () => {
  const folder = await built(version(1));
  for (const path of [folder, join(folder, MANIFEST)]) {
    expect((await readSet(path)).map(({ name }) => name).sort()).toEqual(['room', 'wire']);
  }
  await rm(buildPath(folder, 'room'));
  expect(await loadErrorOf(() => readSet(folder))).toMatchObject({ kind: 'incomplete_set' });
  await writeFile(join(folder, MANIFEST), '{"format":0,"modules":{}}');
  expect(await loadErrorOf(() => readSet(folder))).toMatchObject({ kind: 'build_format' });
  await writeFile(
    join(folder, MANIFEST),
    `{"format":${FORMAT_VERSION},"modules":{"../x":{"version":"1"}}}`,
  );
  expect(await loadErrorOf(() => readSet(folder))).toMatchObject({ kind: 'corrupt_build' });
  await rm(join(folder, MANIFEST));
  expect(await loadErrorOf(() => readSet(folder))).toMatchObject({ kind: 'unreadable' });
});

for (const order of [
  ['wire.tsvm.js', 'room.tsvm.js', UPGRADE_FILE, MANIFEST],
  [MANIFEST, 'wire.tsvm.js', 'room.tsvm.js', UPGRADE_FILE],
  [UPGRADE_FILE, MANIFEST, 'room.tsvm.js', 'wire.tsvm.js'],
]) {
  test(`sets: built with an upgrade file, in the order ${order.join(', ')}: one upgrade, and no load`, async () => {
    const machine = await watched(await built({ ...version(1), old: 'export const old = 1;' }));
    const next = await built(version(2), '{ "steps": [] }');
    await rm(buildPath(machine.folder, 'old'));
    for (const file of order) await machine.put(next, file);
    expect(await machine.upgrades.find(() => true)).toEqual(['old']);
    expect([machine.loads.all, machine.removals.all, machine.errors.all]).toEqual([[], [], []]);
  });
}

test('sets: a manifest that names an upgrade file waits for that very one, and says so', async () => {
  const machine = await watched(await built(version(1)));
  const next = await built(version(2), '{ "steps": [] }');
  for (const file of ['wire.tsvm.js', 'room.tsvm.js', MANIFEST]) await machine.put(next, file);
  expect(await machine.errors.find(() => true)).toMatchObject({
    kind: 'incomplete_set',
    message: 'the set of builds is not whole: tsvm.upgrade.json is missing',
  });
  await writeFile(join(machine.folder, UPGRADE_FILE), '{ "steps": [');
  expect((await machine.errors.find(() => true, 1)).message).toMatch(
    /tsvm\.upgrade\.json is not the one that was built with it$/,
  );
  expect([machine.upgrades.all, machine.loads.all]).toEqual([[], []]);
  await machine.put(next, UPGRADE_FILE);
  await machine.upgrades.find(() => true);
  expect(machine.loads.all).toEqual([]);
});

test('sets: an upgrade file that no manifest names counts for one set, and not for what is loaded', async () => {
  const first = await built(version(1));
  await writeFile(join(first, UPGRADE_FILE), '{ "steps": [], "limits": {} }');
  const machine = await watched(first);
  const second = await built(version(2));
  for (const file of await readdir(second)) await machine.put(second, file);
  expect(names(await machine.loads.find(() => true))).toEqual(['room', 'wire']);
  // One that is refused is tried again when it is another one; what it was for waits.
  await writeFile(join(machine.folder, UPGRADE_FILE), '{ "steps": ["refused"] }');
  const third = await built(version(3));
  for (const file of await readdir(third)) await machine.put(third, file);
  expect(await machine.errors.find(() => true)).toMatchObject({ kind: 'upgrade' });
  await writeFile(join(machine.folder, UPGRADE_FILE), '{ "steps": [] }');
  await machine.upgrades.find(() => true, 1);
  expect([machine.upgrades.all.length, machine.loads.all.length]).toEqual([2, 1]);
});
