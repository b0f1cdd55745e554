import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { scriptName } from '../../loader/module.js';
import { installStackMapping } from '../../loader/source-positions.js';
import { compileText, createTable, loadErrorOf, loadText, temporaryFolder } from './support.js';

type Fn = (...args: unknown[]) => unknown;

test('code table: a committed version is what every earlier import calls', async () => {
  const table = createTable();
  await loadText(table, 'b', "export const name = 'one'; export function f() { return name; }");
  await loadText(
    table,
    'a',
    `import { f, name } from './b.js'; import * as b from './b.js';
     export function main() { return [f(), name, b.f(), b.name, Object.keys(b)]; }`,
  );
  const main = table.table('a')['main'] as Fn;
  expect(main()).toEqual(['one', 'one', 'one', 'one', ['f', 'name']]);
  await loadText(
    table,
    'b',
    "export const name = 'two', more = 1; export function f() { return name; }",
  );
  expect(main()).toEqual(['two', 'two', 'two', 'two', ['f', 'name', 'more']]);
});

test('code table: prepare and abort change nothing, whatever the module does while it loads', async () => {
  const table = createTable();
  installStackMapping(table.positions);
  const first = await loadText(table, 'm', 'export const v = 1; export const gone = () => 1;');
  const next = await compileText('m', 'export const v = 2; export const added = 3;');
  table.prepare(next);
  expect(table.table('m')).toMatchObject({ v: 1 });
  expect(table.table('m')['added']).toBeUndefined();
  table.abort('m');
  expect(table.versions).toEqual([{ name: 'm', version: first.version }]);
  expect(() => table.commit('m', next.version)).toThrow('not prepared');
  const bad = await compileText('m', "export const v = 3; throw new Error('no');");
  const error = await loadErrorOf(() => table.prepare(bad));
  expect(error).toMatchObject({ kind: 'evaluation', line: 1, file: '/project/m.ts' });
  expect(table.table('m')['v']).toBe(1);
  expect(table.positions.has(scriptName('m', bad.version))).toBe(false);
  table.prepare(next);
  table.commit('m', next.version);
  expect(table.table('m')).toMatchObject({ v: 2, added: 3 });
});

test('code table: a set is evaluated against what is prepared, and seen by nobody before commit', async () => {
  const table = createTable();
  await loadText(table, 'b', 'export const base = 1;');
  await loadText(
    table,
    'a',
    "import { base } from './b.js'; export const sum = base + 1; export const live = () => base;",
  );
  const live = table.table('a')['live'] as Fn;
  const b2 = await compileText('b', 'export const base = 10; export const extra = 5;');
  const a2 = await compileText(
    'a',
    "import { base, extra } from './b.js'; export const sum = base + extra; export const live = () => base;",
  );
  table.prepare(b2);
  table.prepare(a2);
  expect([live(), table.table('a')['sum']]).toEqual([1, 2]);
  table.commit('b', b2.version);
  table.commit('a', a2.version);
  expect([live(), table.table('a')['sum']]).toEqual([10, 15]);
});

test('code table: names that vanish or never were raise undef, and come back', async () => {
  const table = createTable();
  await loadText(table, 'b', 'export const f = () => 1; export const g = () => 2;');
  await loadText(
    table,
    'a',
    "import { f, g, h } from './b.js'; export const main = (k: string) => ({ f, g, h } as any)[k]();",
  );
  const main = table.table('a')['main'] as Fn;
  expect(main('g')).toBe(2);
  expect(() => main('h')).toThrow('b exports no "h"');
  await loadText(table, 'b', 'export const f = () => 1;');
  expect(await loadErrorOf(() => main('g'))).toMatchObject({
    name: 'ProcessError',
    reason: 'undef',
  });
  expect(table.lookup('b', 'g')).toBeUndefined();
  await loadText(table, 'b', 'export const f = () => 1; export const g = () => 3, h = () => 4;');
  expect([main('g'), main('h')]).toEqual([3, 4]);
  table.remove('b');
  expect(() => main('f')).toThrow('b exports no "f"');
  expect(table.versions.map(({ name }) => name)).toEqual(['a']);
});

test('code table: re-exports, stars and variables follow what they come from', async () => {
  const table = createTable();
  await loadText(
    table,
    'leaf',
    '// @tsvm per-scheduler: a variable that changes by itself\nexport let count = 0; export const inc = () => { count++; }; export const k = 1;',
  );
  await loadText(
    table,
    'mid',
    "export { k as renamed, count } from './leaf.js'; export * from './leaf.js'; export * as ns from './leaf.js'; export const own = 2;",
  );
  await loadText(table, 'top', "export * from './mid.js';");
  const top = table.table('top');
  expect(Object.keys(top).sort()).toEqual(['count', 'inc', 'k', 'ns', 'own', 'renamed']);
  (top['inc'] as Fn)();
  expect([top['count'], table.table('leaf')['count']]).toEqual([1, 1]);
  await loadText(table, 'leaf', 'export let count = 7; export const k = 5, fresh = 6;');
  expect([top['renamed'], top['k'], top['fresh'], top['count']]).toEqual([5, 5, 6, 7]);
  expect(() => (top['inc'] as Fn)()).toThrow('exports no "inc"');
});

test('code table: cycles, imports of itself, and modules that come later', async () => {
  const table = createTable();
  await loadText(
    table,
    'even',
    "import { odd } from './odd.js'; import * as self from './even.js'; export const even = (n: number): boolean => n === 0 || odd(n - 1); export const twice = (n: number) => self.even(n * 2);",
  );
  const { even, twice } = table.table('even') as Record<string, Fn>;
  expect(() => even?.(3)).toThrow('odd exports no "odd"');
  await loadText(
    table,
    'odd',
    "import { even } from './even.js'; export const odd = (n: number): boolean => n !== 0 && even(n - 1);",
  );
  expect([even?.(10), even?.(7), twice?.(3)]).toEqual([true, false, true]);
});

test('code table: functions are known by module and name, on any version', async () => {
  const table = createTable();
  await loadText(
    table,
    'm',
    'export async function f() {} function hidden() {} export const alias = f; export const h = () => hidden; export default class {}',
  );
  const { f, h } = table.table('m') as Record<string, Fn>;
  expect(table.functionName(f)).toEqual({ module: 'm', name: 'alias' });
  expect(table.functionName(h?.())).toBeUndefined();
  expect(table.functionName(5)).toBeUndefined();
  expect(table.lookup('m', 'f')).toBe(f);
  expect(table.lookup('m', 'toString')).toBeUndefined();
  expect(table.lookup('nowhere', 'f')).toBeUndefined();
});

test('code table: the exports of a module cannot be changed from outside', async () => {
  const table = createTable({ send: () => 1 });
  await loadText(table, 'm', 'export const a = 1;');
  await loadText(
    table,
    'w',
    "import * as m from './m.js'; import * as tsvm from 'tsvm'; export const set = (k: string) => { const x: any = m; x[k] = 2; }; export const bif = () => { const x: any = tsvm; x.send = 1; };",
  );
  const { set, bif } = table.table('w') as Record<string, Fn>;
  expect(() => set?.('a')).toThrow(TypeError);
  expect(() => set?.('b')).toThrow('exports of a module are read-only');
  expect(() => bif?.()).toThrow(TypeError);
  expect(table.table('m')['b']).toBeUndefined();
});

test('code table: Node built-ins and npm packages look as they do to an ES module', async () => {
  const table = createTable();
  await loadText(
    table,
    'm',
    `import fs, { readFileSync } from 'node:fs'; import * as path from 'node:path'; import picocolors from 'picocolors'; import { WebSocketServer } from 'ws';
     export const main = async () => [fs.readFileSync === readFileSync, path.join('a', 'b'), typeof path.default.join, typeof picocolors.red, typeof WebSocketServer, (await import('node:os')).EOL, typeof (await import('picocolors')).default.red, Object.keys(await import('./m.js')), import.meta.filename, import.meta.url];`,
  );
  expect(await (table.table('m')['main'] as Fn)()).toEqual([
    true,
    'a/b',
    'function',
    'function',
    'function',
    '\n',
    'function',
    ['main'],
    '/project/m.ts',
    'file:///project/m.ts',
  ]);
});

test('code table: import() takes a path and a file URL of code that is not a module', async () => {
  const path = join(await temporaryFolder(), 'plain.mjs');
  await writeFile(path, 'export const value = 7;');
  const table = createTable();
  await loadText(
    table,
    'm',
    'export const main = async (from: string) => (await import(from)).value;',
  );
  const main = table.table('m')['main'] as Fn;
  expect(await main(path)).toBe(7);
  expect(await main(pathToFileURL(path).href)).toBe(7);
});

test('code table: a build of another format is refused', async () => {
  const table = createTable();
  const compiled = await compileText('m', 'export const a = 1;');
  const error = await loadErrorOf(() => table.prepare({ ...compiled, format: 99 }));
  expect(error).toMatchObject({ name: 'BuildFormatError', module: 'm' });
});
