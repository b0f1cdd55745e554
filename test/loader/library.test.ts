/** The modules that come with tsvm: where they are found, when they are loaded, who may replace them. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startVm, type Vm } from 'tsvm/vm';
import { expect, onTestFinished, test } from 'vitest';
import { writeBuild } from '../../loader/build-file.js';
import { buildProject } from '../../loader/build-project.js';
import { CodeServer } from '../../loader/code-server.js';
import { compile } from '../../loader/compile.js';
import { LoadError } from '../../loader/errors.js';
import { Library } from '../../loader/library.js';
import {
  compileText,
  createTable,
  loadErrorOf,
  noEpoch,
  remoteCode,
  temporaryFolder,
} from './support.js';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

async function vmWith(files: Readonly<Record<string, string>>): Promise<Vm> {
  const modules = await folderOf(files);
  const vm = await startVm({ modules, schedulers: 2, dirtyThreads: 1, logger: false });
  onTestFinished(() => vm.stop());
  return vm;
}

/** A library of two modules, one of which imports the other. */
async function smallLibrary(): Promise<Library> {
  const folder = await folderOf({
    'sources/base.ts': 'export const base = 1;',
    'sources/upper.ts': "import { base } from './base.js'; export const upper = () => base + 1;",
    'sources/unused.ts': 'export const unused = 1;',
  });
  return new Library({ sources: join(folder, 'sources'), builds: join(folder, 'builds') });
}

const USER = "import { upper } from 'tsvm/upper'; export const seen = upper();";

test('library: a module that a set imports is loaded before it, with what it imports, unreported', async () => {
  const tables = [createTable(), createTable()];
  const schedulers = tables.map(remoteCode);
  const library = await smallLibrary();
  const server = new CodeServer({ schedulers: () => schedulers, epoch: noEpoch, library });
  expect(await server.load([await compileText('user', USER)])).toMatchObject([{ module: 'user' }]);
  for (const table of tables) {
    expect(table.table('user')['seen']).toBe(2);
    const names = table.versions.map(({ name }) => name).sort();
    expect(names).toEqual(['tsvm/base', 'tsvm/upper', 'user']);
  }
});

test('library: a hot load that is the first to import a module loads it, a later start has it too', async () => {
  const tables = [createTable()];
  const schedulers = tables.map(remoteCode);
  const library = await smallLibrary();
  const server = new CodeServer({ schedulers: () => schedulers, epoch: noEpoch, library });
  await server.load([await compileText('user', 'export const seen = 0;')]);
  expect(tables[0]?.versions).toHaveLength(1);
  await server.load([await compileText('user', USER)]);
  expect(tables[0]?.table('user')['seen']).toBe(2);
  const late = createTable();
  await server.attach(remoteCode(late));
  expect(late.table('user')['seen']).toBe(2);
});

test('library: a build is read where there are no sources, a newer source wins over its build', async () => {
  const library = await smallLibrary();
  const [path] = await library.build();
  const builds = dirname(dirname(path as string));
  const sources = join(builds, '..', 'sources');
  const installed = new Library({ builds, sources: join(builds, 'none') });
  expect(installed.names).toEqual(library.names);
  const built = await installed.read('tsvm/base');
  expect((await library.read('tsvm/base')).version).toBe(built.version);
  await writeFile(join(sources, 'base.ts'), 'export const base = 5;');
  expect((await library.read('tsvm/base')).code).toContain('5');
  expect((await installed.read('tsvm/base')).version).toBe(built.version);
});

test('library: an import of a module that it has not says which it has', async () => {
  const library = await smallLibrary();
  const server = new CodeServer({ schedulers: () => [], epoch: noEpoch, library });
  const wrong = await compileText('user', "import { x } from 'tsvm/uper'; export const y = x;");
  const error = await loadErrorOf(() => server.load([wrong]));
  expect(error).toMatchObject({ kind: 'missing_import', line: 1 });
  expect(error.hint).toContain('tsvm/base, tsvm/unused, tsvm/upper');
});

test('library: a module of a project cannot have a name of the library', async () => {
  for (const file of ['tsvm/sys.ts', 'tsvm/mine.ts', 'tsvm.ts']) {
    const modules = await folderOf({ [file]: 'export const x = 1;' });
    const options = { modules, schedulers: 1, dirtyThreads: 1, logger: false } as const;
    const error = await loadErrorOf(() => startVm(options));
    expect(error).toMatchObject({ kind: 'reserved_name', file: join(modules, file) });
    expect(error.hint).toContain('another name');
    await expect(buildProject({ modules, out: join(modules, 'out') })).rejects.toThrow(LoadError);
  }
});

test('library: one that appears while the machine runs is refused, and the library goes on', async () => {
  const server = new CodeServer({
    schedulers: () => [],
    epoch: noEpoch,
    library: await smallLibrary(),
  });
  await server.require('tsvm/base');
  const intruder = await compileText('tsvm/base', 'export const base = 99;');
  expect(await loadErrorOf(() => server.load([intruder]))).toMatchObject({ kind: 'reserved_name' });
  expect(await server.remove('tsvm/base')).toBe(false);
  expect(server.current.has('tsvm/base')).toBe(true);
});

test('library: its build, loaded by its path, replaces a module while it runs', async () => {
  const vm = await vmWith({
    'user.ts':
      "import { inWords } from 'tsvm/reasons'; export const ask = () => inWords('x') as string;",
  });
  expect(await vm.run('user', 'ask')).toBe('x');
  const file = join(PACKAGE, 'modules/reasons.ts');
  const source = (await readFile(file, 'utf8')).replace(
    "if (typeof reason === 'string') return reason;",
    "if (typeof reason === 'string') return 'upgraded ' + reason;",
  );
  const out = await temporaryFolder();
  const module = await compile(source, { name: 'tsvm/reasons', file });
  const path = await writeBuild(module, { out, modules: join(PACKAGE, 'modules') });
  expect(await vm.load(path)).toMatchObject([{ module: 'tsvm/reasons', changed: true }]);
  expect(await vm.run('user', 'ask')).toBe('upgraded x');
});

test('library: vm.run by name and a dynamic import load what they name', async () => {
  const vm = await vmWith({
    'user.ts': "export const ask = async () => (await import('tsvm/reasons')).inWords('dynamic');",
  });
  expect(vm.modules.map(({ name }) => name)).toContain('tsvm/reasons');
  expect(await vm.run('user', 'ask')).toBe('dynamic');
  expect(await vm.run('tsvm/proc-lib', 'ancestors')).toEqual([]);
});

test('library: a folder of builds runs, and holds none of its modules', async () => {
  const modules = await folderOf({
    'user.ts': "import { inWords } from 'tsvm/reasons'; export const ask = () => inWords('built');",
  });
  const out = await temporaryFolder();
  const library = new Library({ sources: join(PACKAGE, 'modules'), builds: out });
  const { written } = await buildProject({ modules, out, library });
  expect(written).toHaveLength(2);
  const vm = await startVm({ modules: out, schedulers: 1, dirtyThreads: 1, logger: false });
  onTestFinished(() => vm.stop());
  expect(await vm.run('user', 'ask')).toBe('built');
});
