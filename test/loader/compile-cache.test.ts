import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CompileCache, compilerIdentity } from '../../loader/compile-cache.js';
import { compileProject, scanProject } from '../../loader/project.js';
import { compileText, temporaryFolder } from './support.js';

const SOURCE =
  "import { self } from 'tsvm'; export async function m(): Promise<unknown> { return self(); }\n";

async function filled(): Promise<{ folder: string; path: string; cache: CompileCache }> {
  const folder = await temporaryFolder();
  const cache = new CompileCache(folder, 'this compiler');
  cache.write(await compileText('m', SOURCE), SOURCE);
  const [name = ''] = await readdir(folder);
  return { folder, path: join(folder, name), cache };
}

const KEY = { name: 'm', file: '/project/m.ts', source: SOURCE };

test('compile cache: a module comes back as it was compiled', async () => {
  const { folder, cache } = await filled();
  expect(cache.read(KEY)).toEqual(await compileText('m', SOURCE));
  expect(await readdir(folder)).toHaveLength(1);
});

test('compile cache: a project that was moved finds its modules, with their new paths', async () => {
  const { cache } = await filled();
  const moved = cache.read({ ...KEY, file: '/elsewhere/m.ts' });
  expect(moved?.file).toBe('/elsewhere/m.ts');
  expect(JSON.parse(moved?.map ?? '')).toMatchObject({ sources: ['/elsewhere/m.ts'] });
});

test('compile cache: another source, name, kind of file or compiler finds nothing', async () => {
  const { folder, cache } = await filled();
  expect(cache.read({ ...KEY, source: `${SOURCE} ` })).toBeUndefined();
  expect(cache.read({ ...KEY, name: 'n' })).toBeUndefined();
  expect(cache.read({ ...KEY, file: '/project/m.js' })).toBeUndefined();
  expect(new CompileCache(folder, 'another compiler').read(KEY)).toBeUndefined();
});

test('compile cache: an entry that is cut, changed or empty is as good as none', async () => {
  const { path, cache } = await filled();
  const whole = await readFile(path, 'utf8');
  for (let length = 0; length < whole.length; length += 97) {
    await writeFile(path, whole.slice(0, length));
    expect(cache.read(KEY), String(length)).toBeUndefined();
  }
  await writeFile(path, whole.replace('"version"', '"revision"'));
  expect(cache.read(KEY)).toBeUndefined();
  await writeFile(path, whole);
  expect(cache.read(KEY)).toBeDefined();
});

test('compile cache: a folder that cannot be written to is done without', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'a file');
  await writeFile(file, '');
  const cache = new CompileCache(join(file, 'below'), 'this compiler');
  cache.write(await compileText('m', SOURCE), SOURCE);
  expect(cache.read(KEY)).toBeUndefined();
  cache.prune(1);
});

test('compile cache: the oldest entries go when there are too many', async () => {
  const { folder, path, cache } = await filled();
  await utimes(path, 0, 0);
  for (let at = 0; at < 2000; at++) await writeFile(join(folder, `${at}.json`), '');
  cache.prune(1);
  expect(await readdir(folder)).toHaveLength(2000);
  expect(cache.read(KEY)).toBeUndefined();
});

test('compile cache: a project is compiled once, and again where it changed', async () => {
  const folder = await temporaryFolder();
  const modules = join(folder, 'modules');
  const cache = join(folder, 'cache');
  await mkdir(modules);
  for (const name of ['a', 'b']) await writeFile(join(modules, `${name}.ts`), SOURCE);
  await writeFile(join(modules, 'wrong.ts'), 'export const = 1;');
  const first = await compileProject(await scanProject(modules), { cache });
  expect(first.errors).toHaveLength(1);
  expect(await readdir(cache)).toHaveLength(2);
  const steps: number[] = [];
  const onProgress = (done: number, total: number): void => void steps.push(done / total);
  expect(await compileProject(await scanProject(modules), { cache, onProgress })).toEqual(first);
  expect(steps).toEqual([1 / 3, 2 / 3, 1]);
  await writeFile(join(modules, 'b.ts'), `${SOURCE}export const more = 1;\n`);
  const third = await compileProject(await scanProject(modules), { cache });
  expect(third.modules[0]).toEqual(first.modules[0]);
  expect(third.modules[1]?.exports).toEqual(['m', 'more']);
  expect(await readdir(cache)).toHaveLength(3);
});

test('compiler identity: the same as long as the compiler is', () => {
  expect(compilerIdentity()).toMatch(/^[0-9a-f]{64}$/);
  expect(compilerIdentity()).toBe(compilerIdentity());
});

test.each([
  ['a few', 3],
  ['many', 60],
])(
  'compile cache: of a large project of which %s files changed, those are compiled',
  async (_, changed) => {
    const folder = await temporaryFolder();
    const modules = join(folder, 'modules');
    const cache = join(folder, 'cache');
    await mkdir(modules);
    const names = Array.from({ length: 100 }, (_, n) => `m${String(n).padStart(2, '0')}`);
    const write = (name: string, text: string): Promise<void> =>
      writeFile(join(modules, `${name}.ts`), text);
    for (const name of names) await write(name, SOURCE);
    // In two parts: threads cannot run what is not built.
    const { files } = await scanProject(modules);
    for (const part of [files.slice(0, 50), files.slice(50)])
      await compileProject({ folder: modules, files: part }, { cache });
    const fresh = names.slice(-changed);
    for (const name of fresh) await write(name, `export const at = '${name}';\n`);
    await write('m20', 'export const = 1;');
    const progress: number[] = [];
    const onProgress = (done: number): void => void progress.push(done);
    const { modules: found, errors } = await compileProject(await scanProject(modules), {
      cache,
      onProgress,
    });
    expect(found.map(({ name }) => name)).toEqual(names.filter((name) => name !== 'm20'));
    for (const { name, exports } of found)
      expect(exports, name).toEqual([fresh.includes(name) ? 'at' : 'm']);
    expect(errors.map((error) => error.module)).toEqual(['m20']);
    expect(progress.at(-1)).toBe(100);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  },
);
