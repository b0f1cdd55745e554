import { expect, test } from 'vitest';
import { compile } from '../../loader/compile.js';
import { compileText, loadErrorOf } from './support.js';

test('compile: an async function becomes a wrapper and a generator beside it', async () => {
  const { code } = await compileText(
    'a',
    `import { receive } from 'tsvm';
     export async function add(a: number, b: Promise<number>) { return a + (await b); }
     export async function loop() { for (;;) await receive(); }
     export const arrow = async (n: number) => n;`,
  );
  expect(code).toContain('function add(a, b) {\nreturn $start(add$co(a, b));\n}');
  expect(code).toContain('function* add$co(a, b) { let $m;');
  expect(code).toMatch(
    /return a \+ \(\(\$m = \$await\( b\)\) === \$PARK \? \$resumed\(yield, \d+\) : \$m\);/,
  );
  expect(code).toMatch(/ \$receive\(\) === \$PARK && \$resumed\(yield, \d+\);/);
  expect(code).toContain('const arrow = (n) =>\n$start(arrow$co(n))');
  expect(code).toMatch(/\nfunction\* arrow\$co\(n\) \{ return \( n\); \}/);
  expect(code).not.toContain('__');
});

test('compile: generators move to module level; what they capture is passed', async () => {
  const { code } = await compileText(
    'a',
    `const top = 1;
     export function f(x: number, n = 0) {
       const free = async (y: number) => y + top;
       const constant = async (y: number) => y + x;
       const changing = async (y: number) => { n += y; };
       const reading = async () => n;
       async function declared() { return x; }
       return [free, constant, changing, reading, declared];
     }
     export class K { #p = 1; async m() { return this.#p; } }`,
  );
  expect(code).toContain('\n$start(free$co(y))\n');
  expect(code).toContain('\nfunction* free$co(y) { return ( y + top); }');
  expect(code).toContain('\n$start(constant$co(x, y))\n');
  expect(code).toContain('\nfunction* constant$co(x, y) { return ( y + x); }');
  expect(code).toContain('changing$co(new $Variable(() => n, ($v) => { n = $v; }), y))');
  expect(code).toContain('function* changing$co($n, y) {\n    $n._ += y;');
  expect(code).toContain('$start(reading$co(() => n))');
  expect(code).toContain('function* reading$co($n) { return ( ($n())); }');
  expect(code).toContain('return $start(declared$co(x));');
  expect(code).toContain('static { m$co = function* m$co() {');
});

test('compile: a generator stays inside where it cannot be moved', async () => {
  const { code } = await compileText(
    'a',
    `export const curried = async (x: number) => async (y: number) => x + y;
     export const dynamic = (x: string) => async () => eval(x);
     export const make = () => class { #p = 1; async m() { return this.#p; } };`,
  );
  expect(code).toMatch(
    /\$start\(\$own\(function\* anonymous\$co\d*\(y\) \{ return \( x2? \+ y\); \}\)\(y\)\)/,
  );
  expect(code).toMatch(
    /\$start\(\$own\(function\* anonymous\$co\d*\(\) \{ return \( \([^;]*, eval\(x\)\)\); \}\)\(\)\)/,
  );
  expect(code).toContain('return $start($own(function* m$co() {');
});

test('compile: an await in tail position is left to the caller, but not where something follows', async () => {
  const { code } = await compileText(
    'a',
    `declare function f(): Promise<number>;
     export async function tail() { return await f(); }
     export async function nested() { for (;;) if (await f()) { return await f(); } }
     export async function guarded() { try { return await f(); } catch { return await f(); } }
     export async function closes(xs: number[]) { for (const _ of xs) return await f(); }
     export const inner = async () => { try { const g = async () => { return await f(); }; await g(); } catch {} };`,
  );
  const body = (name: string): string =>
    new RegExp(`function\\* ${name}\\$co\\([\\s\\S]*?\n}`).exec(code)?.[0] ?? '';
  expect(body('tail')).toContain('return  f();');
  expect(body('nested')).toContain('return  f();');
  expect(body('guarded')).not.toMatch(/return\s+f\(\)/);
  expect(body('closes')).not.toMatch(/return\s+f\(\)/);
  expect(code).toMatch(/function\* g\$co\(\)[\s\S]*?return\s+f\(\)/);
});

test('compile: exports, imports, and versions that depend on the content alone', async () => {
  const source = `import { a, type T } from './other.js';
import * as deep from '../deep/down.js';
import fs from 'node:fs';
export { x as y } from './more.js';
export * from './star.js';
export const one: T = a + deep.two + fs.constants.F_OK;
export default class {}`;
  const compiled = await compileText('chat/room', source);
  expect(compiled.exports).toEqual(['default', 'one', 'y']);
  expect(compiled.imports).toEqual([
    { specifier: './other.js', module: 'chat/other', names: ['a'], line: 1, column: 27 },
    { specifier: '../deep/down.js', module: 'deep/down', names: [], line: 2, column: 23 },
    { specifier: 'node:fs', module: null, names: ['default'], line: 3, column: 16 },
    { specifier: './more.js', module: 'chat/more', names: ['x'], line: 4, column: 24 },
    { specifier: './star.js', module: 'chat/star', names: [], line: 5, column: 15 },
  ]);
  expect(compiled.version).toMatch(/^[0-9a-f]{10}$/);
  const elsewhere = await compile(source, { name: 'chat/room', file: '/other/place/room.ts' });
  expect(elsewhere.version).toBe(compiled.version);
  expect((await compileText('chat/room', `\n${source}`)).version).not.toBe(compiled.version);
});

test('compile: a syntax error has file, line, column and a code frame', async () => {
  const error = await loadErrorOf(() =>
    compileText('a', 'export const a = 1;\nexport const é = = 2;\n'),
  );
  expect(error).toMatchObject({ name: 'ModuleSyntaxError', kind: 'syntax', file: '/project/a.ts' });
  expect([error.line, error.column]).toEqual([2, 18]);
  expect(error.frame).toBe(
    [
      '  1 | export const a = 1;',
      '> 2 | export const é = = 2;',
      `    | ${' '.repeat(17)}^`,
      '  3 |',
    ].join('\n'),
  );
});

test('compile: top-level await is refused, in every form', async () => {
  for (const text of [
    'await 1;',
    'for await (const x of []) {}',
    'await using x = null;',
    'const x = await y;',
  ]) {
    const error = await loadErrorOf(() =>
      compileText('a', `export const a = 1;\n${text}\nconst y = 1;`),
    );
    expect(error, text).toMatchObject({ name: 'TopLevelAwaitError', line: 2 });
    expect(error.frame).toContain(`> 2 | ${text}`);
    expect(error.hint).toContain('async function');
  }
});

test('compile: JSX and CommonJS are refused with a hint', async () => {
  const tsx = await loadErrorOf(() =>
    compile('export const a = 1', { name: 'a', file: '/p/a.tsx' }),
  );
  expect(tsx).toMatchObject({ name: 'UnsupportedSyntaxError', file: '/p/a.tsx' });
  const jsx = await loadErrorOf(() =>
    compile('export const a = <b/>', { name: 'a', file: '/p/a.js' }),
  );
  expect(jsx).toMatchObject({ name: 'UnsupportedSyntaxError', line: 1 });
  for (const text of [
    'module.exports = { a: 1 };',
    'exports.a = 1;',
    "const fs = require('fs');",
    'const r = require;',
  ]) {
    const error = await loadErrorOf(() => compileText('a', `const q = 1;\n\n${text}`));
    expect(error, text).toMatchObject({ name: 'UnsupportedSyntaxError', line: 3 });
    expect(error.hint).toContain('export const');
  }
});

test('compile: an import that leaves the modules folder is refused at its line', async () => {
  const error = await loadErrorOf(() =>
    compileText('chat/a', "\nimport { x } from '../../x.js';\nx();"),
  );
  expect(error).toMatchObject({ name: 'MissingImportError', line: 2, column: 19 });
});

test('compile: super() in an async arrow is refused', async () => {
  const text =
    'class A extends Object { constructor() { const f = async () => super(); f(); } }\nnew A();';
  const error = await loadErrorOf(() => compileText('a', text));
  expect(error).toMatchObject({ name: 'UnsupportedSyntaxError', line: 1 });
});

test('compile: a module of 5,000 functions', async () => {
  const parts = Array.from(
    { length: 5_000 },
    (_, n) =>
      `export async function f${n}(a: number) { return a + (await f${(n * 7) % 5_000}(${n})); }`,
  );
  const compiled = await compileText('long', parts.join('\n'));
  expect(compiled.exports).toHaveLength(5_000);
});

test('compile: long files and long literals compile', async () => {
  const functions = Array.from(
    { length: 1000 },
    (_, n) => `export async function f${n}(a: number) {\n  const b = await g(a);\n  return b;\n}\n`,
  );
  const long = `${functions.join('')}async function g(a: number) { return a; }\n`;
  expect((await compileText('m', long)).exports).toHaveLength(1000);
  const items = Array.from({ length: 10_000 }, (_, id) => `{ id: ${id} }`);
  expect((await compileText('m', `export const a = [${items.join()}];`)).exports).toEqual(['a']);
});

/** How many terms fit depends on what V8 has optimized by then. */
test.each([3_000, 5_000, 50_000])(
  'compile: a chain of %i operators compiles, or is refused with a hint',
  async (terms) => {
    const chain = `export const sum = (n: number): number => n${' + n'.repeat(terms - 1)};`;
    const outcome = await compileText('m', chain).catch((error: unknown) => error);
    if (terms < 50_000 && !(outcome instanceof Error)) return;
    expect(outcome).toMatchObject({
      name: 'UnsupportedSyntaxError',
      message: 'an expression or statement is nested too deeply',
      hint: expect.stringContaining('an array and a loop'),
    });
  },
);
