import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildPath, formatBuild, parseBuild, readBuild } from '../../loader/build-file.js';
import { buildProject } from '../../loader/build-project.js';
import { MANIFEST, readManifest } from '../../loader/manifest.js';
import { FORMAT_VERSION } from '../../loader/module.js';
import { compileProject, scanProject } from '../../loader/project.js';
import { compileText, createTable, loadErrorOf, temporaryFolder } from './support.js';

const PLACES = { out: '/project/out', modules: '/project' };

test('build file: a module survives the way through its file', async () => {
  const compiled = await compileText(
    'chat/room',
    "import { send } from 'tsvm'; export const é = () => send;\n",
  );
  const text = formatBuild(compiled, PLACES);
  const parsed = parseBuild(text, { path: '/project/out/chat/room.tsvm.js', root: '/project/out' });
  expect({ ...parsed, file: '', map: '' }).toEqual({ ...compiled, file: '', map: '' });
  expect(parsed.file).toBe('/project/out/chat/room.ts');
  expect(JSON.parse(parsed.map)).toMatchObject({
    sources: ['chat/room.ts'],
    sourcesContent: [expect.stringContaining('é')],
  });
  expect(text).not.toContain('/project/chat');
});

test('build file: cut anywhere it is recognised, and so is any changed character', async () => {
  const text = formatBuild(await compileText('m', 'export const a = 1;'), PLACES);
  const path = '/project/out/m.tsvm.js';
  for (let length = 0; length < text.length; length += 7) {
    const error = await loadErrorOf(() => parseBuild(text.slice(0, length), { path }));
    expect(error, String(length)).toMatchObject({ name: 'CorruptBuildError', file: path });
  }
  expect(await loadErrorOf(() => parseBuild(text.slice(0, -1), { path }))).toMatchObject({
    kind: 'corrupt_build',
  });
  const changed = text.replace('a = 1', 'a = 2');
  expect((await loadErrorOf(() => parseBuild(changed, { path }))).message).toContain(
    'does not match its digest',
  );
  expect((await loadErrorOf(() => parseBuild('', { path }))).message).toContain('empty');
  expect((await loadErrorOf(() => parseBuild('export const a = 1;', { path }))).message).toContain(
    'not a build',
  );
});

test('build file: another format, another name', async () => {
  const compiled = await compileText('m', 'export const a = 1;');
  const other = formatBuild({ ...compiled, format: FORMAT_VERSION + 1 }, PLACES);
  const wrongFormat = await loadErrorOf(() =>
    parseBuild(other, { path: '/project/out/m.tsvm.js' }),
  );
  expect(wrongFormat).toMatchObject({
    name: 'BuildFormatError',
    message: `build format ${FORMAT_VERSION + 1}, this tsvm reads format ${FORMAT_VERSION}`,
  });
  const moved = await loadErrorOf(() =>
    parseBuild(formatBuild(compiled, PLACES), {
      path: '/project/out/n.tsvm.js',
      root: '/project/out',
    }),
  );
  expect(moved).toMatchObject({
    name: 'ModuleNameError',
    kind: 'name_mismatch',
    message: 'the build is for module "m", its path says "n"',
  });
});

test('build: a folder of sources becomes a folder of builds with a manifest, and runs', async () => {
  const folder = await temporaryFolder();
  const [modules, out] = [join(folder, 'src'), join(folder, 'build')];
  await mkdir(join(modules, 'chat'), { recursive: true });
  await writeFile(
    join(modules, 'chat/room.ts'),
    "import { hi } from '../hi.mjs'; export const say = () => hi;",
  );
  await writeFile(join(modules, 'hi.mts'), "export const hi: string = 'hi';");
  await writeFile(join(modules, 'old.js'), 'export const o = 1;');
  await writeFile(join(modules, 'types.d.ts'), 'declare const x: number;');
  await writeFile(join(modules, 'hi.test.ts'), "throw new Error('not a module');");
  const first = await buildProject({ modules, out });
  expect(first.written.map((path) => path.slice(out.length + 1))).toEqual([
    'chat/room.tsvm.js',
    'hi.tsvm.js',
    'old.tsvm.js',
    MANIFEST,
  ]);
  expect(Object.keys((await readManifest(out))?.modules ?? {})).toEqual(['chat/room', 'hi', 'old']);
  await rename(join(modules, 'old.js'), join(modules, 'new.js'));
  await buildProject({ modules, out });
  expect((await readdir(out, { recursive: true })).sort()).toEqual([
    'chat',
    'chat/room.tsvm.js',
    'hi.tsvm.js',
    'new.tsvm.js',
    MANIFEST,
  ]);
  const project = await compileProject(await scanProject(out));
  expect(project.errors).toEqual([]);
  expect(project.modules.map(({ name, file }) => [name, file])).toEqual([
    ['chat/room', join(modules, 'chat/room.ts')],
    ['hi', join(modules, 'hi.mts')],
    ['new', join(modules, 'new.js')],
  ]);
  const table = createTable();
  for (const module of project.modules) table.prepare(module);
  for (const { name, version } of project.modules) table.commit(name, version);
  expect(table.lookup('chat/room', 'say')?.()).toBe('hi');
  const sources = await compileProject(await scanProject(modules));
  expect(sources.modules.map(({ version }) => version)).toEqual(
    project.modules.map(({ version }) => version),
  );
});

test('build: nothing is written when one module has an error', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.ts'), 'export const a = 1;');
  await writeFile(join(folder, 'b.ts'), 'export const b = ;');
  const report = await buildProject({ modules: folder, out: join(folder, 'out') });
  expect(report.written).toEqual([]);
  expect(report.errors).toMatchObject([
    { name: 'ModuleSyntaxError', module: 'b', line: 1, column: 18 },
  ]);
  await expect(readdir(join(folder, 'out'))).rejects.toThrow('ENOENT');
});

test('project: two files for one module, and a folder that is not there, are errors', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.ts'), 'export const a = 1;');
  await buildProject({ modules: folder, out: folder });
  expect(await loadErrorOf(() => scanProject(folder))).toMatchObject({
    name: 'DuplicateModuleError',
    module: 'a',
  });
  const missing = await loadErrorOf(() => scanProject(join(folder, 'nope')));
  expect(missing).toMatchObject({
    name: 'UnreadableError',
    message: expect.stringContaining('there is no modules folder'),
  });
  const gone = await loadErrorOf(() => readBuild({ path: buildPath(folder, 'zip') }));
  expect(gone.kind).toBe('unreadable');
  expect(await readFile(buildPath(folder, 'a'), 'utf8')).toContain('// tsvm-digest sha256 ');
});
