/** The isolation pass: what is refused, where and with which cure, and what is legal. */
import { describe, expect, test } from 'vitest';
import { IsolationError, type LoadError } from '../../loader/errors.js';
import { compileText, createTable, loadErrorOf, loadText } from './support.js';

/** Name, source, and what the error says; `^` in the source is before the place of the error. */
type Case = readonly [string, string, RegExp];

function marked(source: string): { text: string; line: number; column: number } {
  const at = source.indexOf('^');
  const before = source.slice(0, at).split('\n');
  return {
    text: source.replace('^', ''),
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
  };
}

const COMPILE: readonly Case[] = [
  [
    'a variable that a function assigns',
    'let n = 0;\nexport const f = () => { ^n = 1; };',
    /^"n" is a variable of the module, and this function assigns it/,
  ],
  ['an increment', 'let n = 0; export function f() { return ^n++; }', /"n" is a variable/],
  ['a compound assignment', 'let n = 0; export function f() { ^n += 2; }', /"n" is a variable/],
  ['a logical assignment', 'let n; export function f() { ^n ??= 2; }', /"n" is a variable/],
  [
    'destructuring',
    'let a; export function f(x) { [{ b: ^a }] = x; }',
    /"a" is a variable of the module/,
  ],
  ['the head of for-of', 'let a; export function f(x) { for (^a of x); }', /"a" is a variable/],
  ['the head of for-in', 'let a; export function f(x) { for (^a in x); }', /"a" is a variable/],
  ['a live binding', 'export let n = 0; export const f = () => ^n++;', /"n" is a variable/],
  ['a variable in a block', '{ let n = 0; f = () => ^n++; } var f; export { f };', /"n" is a v/],
  ['an async function', 'let n = 0; export async function f() { ^n++; }', /"n" is a variable/],
  ['a generator', 'let n = 0; export function* f() { ^n++; }', /"n" is a variable/],
  ['a method', 'let n = 0; export class K { m() { ^n++; } }', /"n" is a variable/],
  ['a field', 'let n = 0; export class K { id = ^n++; }', /"n" is a variable/],
  ['a default value', 'let n = 0; export function f(a = ^n++) { return a; }', /"n" is a variable/],
  ['an object', 'const o = {}; export const f = () => { ^o.a = 1; };', /"o" is the same for all/],
  ['a deep one', 'const o = { a: {} }; export const f = () => { ^o.a.b = 1; };', /"o.a" is the/],
  ['a delete', 'const o = {}; export const f = (k) => delete ^o[k];', /"o" is the same for all/],
  ['Object.assign', 'const o = {}; export const f = (x) => Object.assign(^o, x);', /"o" is the/],
  [
    'a destructured property',
    'const o = {}; export const f = (x) => { ({ a: ^o.a } = x); };',
    /"o"/,
  ],
  ['an array', 'const a = []; export const f = (x) => { ^a.push(x); };', /"a" \(an array\) is the/],
  ['an index', 'const a = []; export const f = (x) => { ^a[0] = x; };', /"a" is the same for all/],
  ['a Map', 'const m = new Map(); export const f = (x) => ^m.set(x, 1);', /"m" \(a Map\) is the/],
  ['a Set', 'const s = new Set(); export const f = (x) => ^s.add(x);', /"s" \(a Set\) is the/],
  [
    'one in an object',
    'const o = { s: new Set() }; export const f = () => ^o.s.clear();',
    /"o.s" \(a/,
  ],
  ['a Date', 'const d = new Date(); export const f = () => ^d.setTime(0);', /"d" \(a Date\) is/],
  ['a WeakMap', 'export const w = ^new WeakMap();', /"w" holds a WeakMap, which nothing can make/],
  ['bytes', 'export const b = ^new Uint8Array(8);', /"b" holds an? Uint8Array, which nothing/],
  ['a buffer', "export const b = { eol: ^Buffer.from('x') };", /"b" holds a Buffer/],
  ['shared memory', 'export const b = ^new SharedArrayBuffer(8);', /"b" holds a SharedArrayBuffer/],
  [
    'a property of a function',
    'function f() { ^f.n = 1; } export { f };',
    /"f" is the same for all/,
  ],
  ['a prototype', 'class K {} export const f = () => { ^K.prototype.x = 1; };', /"K.prototype" is/],
  ['a static field', 'export class K { static n = 0; inc() { ^K.n++; } }', /"K" is the same for/],
  [
    'a static Map',
    'export class K { static m = new Map(); f() { ^K.m.clear(); } }',
    /"K.m" \(a Map/,
  ],
  [
    'this in a static method',
    'export class K { static n = 0; static f() { ^this.n++; } }',
    /a static f/,
  ],
  [
    'a private static',
    'export class K { static #n = 0; static f() { ^K.#n++; } }',
    /"K" is the same/,
  ],
  [
    'a closure over a variable',
    'export const f = (() => { let n = 0; return () => ^n++; })();',
    /"n" is kept by a closure/,
  ],
  [
    'a closure over a Map',
    'export const f = (() => { const m = new Map(); return (k) => ^m.set(k, 1); })();',
    /"m" \(a Map\)/,
  ],
  [
    'a helper that makes one',
    'const make = () => { let n = 0; return () => ^n++; }; export const f = make();',
    /"n" is kept by/,
  ],
  [
    'a static block',
    'let f; export class K { static { let n = 0; f = () => ^n++; } } export { f };',
    /"n" is kept/,
  ],
  ['a global object', '^globalThis.x = 1;', /"globalThis" belongs to the whole scheduler thread/],
  ['a new global', 'export const f = () => { ^x = 1; };', /"x" belongs to the whole/],
  ['Object.assign of globals', 'Object.assign(^globalThis, { x: 1 });', /"globalThis" belongs/],
  [
    'an intrinsic prototype',
    'Array.prototype.x = 1;'.replace('A', '^A'),
    /"Array.prototype" belongs/,
  ],
  [
    'defineProperty of one',
    'Object.defineProperty(^Array.prototype, "x", {});',
    /"Array.prototype" b/,
  ],
  ['the console', '^console.log = () => {};', /"console" belongs to the whole/],
  ['the environment', 'export const f = () => { ^process.env.X = "1"; };', /"process.env" belongs/],
  ['listeners of process', '^process.on("exit", () => {});', /"process.on" belongs/],
  ['Error.stackTraceLimit', '^Error.stackTraceLimit = 50;', /"Error" belongs/],
  [
    'a built-in module',
    'import fs from "node:fs"; ^fs.readFileSync = null;',
    /changes what a package exports/,
  ],
  [
    'a package',
    'import { defaults } from "pkg"; export const f = () => { ^defaults.x = 1; };',
    /changes what a p/,
  ],
  [
    'another module',
    'import { limits } from "./b.js"; ^limits.x = 1;',
    /changes what another module exports/,
  ],
  [
    'an object of a package',
    'import { Pool } from "pg"; const p = ^new Pool(); export { p };',
    /"p" is an object of a p/,
  ],
  [
    'a global expression',
    'const W = /a/g; export const f = (t) => ^W.exec(t);',
    /remembers where its last search/,
  ],
  [
    'a sticky expression',
    'const W = /a/y; export const f = (t) => t.replace(^W, "");',
    /remembers where/,
  ],
  [
    'a global expression inside',
    'export const o = { w: ^/a/g };',
    /remembers where its last search/,
  ],
  ['an unknown pragma', '// ^@tsvm per-schedular: x\nexport const a = 1;', /is no pragma/],
  ['a pragma without a reason', '// ^@tsvm per-scheduler:\nlet n = 0;', /a pragma must say why/],
  [
    'an idle pragma',
    'export function f() {\n  // ^@tsvm per-scheduler: why\n  return 1;\n}',
    /allows nothing/,
  ],
];

describe('refused by the compiler', () => {
  test.each(COMPILE)('isolation: %s', async (_title, source, message) => {
    const { text, line, column } = marked(source);
    const error = await loadErrorOf(() => compileText('a', text));
    expect(error).toBeInstanceOf(IsolationError);
    expect(error.message).toMatch(message);
    expect({ line: error.line, column: error.column }).toEqual({ line, column });
    expect(error.frame).toContain('^');
    expect(error.hint).toMatch(/\w/);
  });

  test('isolation: all faults of a module are reported, in the order of the text', async () => {
    const error = await loadErrorOf(() =>
      compileText('a', 'let n = 0;\nexport const f = () => n++;\nglobalThis.x = 1;\nn.x = 2;'),
    );
    const lines = [error.line, ...(error.more ?? []).map(({ line }) => line)];
    expect(lines).toEqual([2, 3]);
    expect(error.more?.[0]).toMatchObject({ kind: 'isolation', module: 'a', frame: /x = 1/ });
  });
});

const LEGAL: readonly (readonly [string, string])[] = [
  ['a variable that only the module assigns', 'let n; if (1) n = 1; else n = 2; export { n };'],
  [
    'constants built in loops',
    'const m = new Map(); for (const k of "ab") m.set(k, 1); export { m };',
  ],
  ['built in callbacks', 'const s = new Set(); ["a"].forEach((k) => s.add(k)); export { s };'],
  ['built by a helper', 'const m = {}; function add(k) { m[k] = k; } add("a"); export { m };'],
  [
    'built in a static block',
    'export class K { static m = {}; static { this.m.a = 1; K.m.b = 2; } }',
  ],
  ['enums and namespaces', 'export enum E { A, B } export namespace N { export const x = E.A; }'],
  [
    'local state',
    'export function f() { let n = 0; const m = new Map(); m.set(1, n++); return () => n++; }',
  ],
  ['shadowing', 'let n = 0; export function f(n) { n++; return n; } export const g = () => n;'],
  ['instances of classes', 'export class K { n = 0; inc() { this.n++; } }'],
  ['read Maps', 'const m = new Map([["a", 1]]); export const f = (k) => m.get(k);'],
  ['a global expression for replace', 'const W = /a/g; export const f = (t) => t.replace(W, "b");'],
  ['plain expressions', 'const W = /a/; export const f = (t) => W.test(t);'],
  [
    'encoders',
    'const e = new TextEncoder(); const i = new Intl.NumberFormat("en"); export { e, i };',
  ],
  ['errors', 'export const e = new RangeError("x");'],
  [
    'built-in functions',
    'import fs from "node:fs"; const { readFileSync: r, promises } = fs; export { r, promises };',
  ],
  [
    'a pragma',
    '// @tsvm per-scheduler: counts for statistics only\nlet n = 0;\nexport const f = () => n++;',
  ],
  [
    'a pragma in a block comment',
    '/*\n * @tsvm per-scheduler: a cache of pure results\n */\nexport const c = new WeakMap();',
  ],
  [
    'a pragma before a statement',
    '// @tsvm per-scheduler: old packages look there\nglobalThis.legacy = 1;\ndelete globalThis.legacy;'.replace(
      'delete',
      '// @tsvm per-scheduler: clean up\ndelete',
    ),
  ],
];

describe('legal', () => {
  test.each(LEGAL)('isolation: %s', async (_title, source) => {
    const table = createTable();
    expect((await loadText(table, 'a', source)).name).toBe('a');
  });
});

async function refusal(source: string): Promise<LoadError> {
  const compiled = await compileText('a', source);
  return loadErrorOf(() => createTable().prepare(compiled));
}

const EVALUATED: readonly Case[] = [
  [
    'a closure that a function made',
    'export function make() { let n = 0; return () => ++n; }\nexport const ^next = make();',
    /"next" is a function that keeps "n" \(line 1\)/,
  ],
  [
    'one that keeps a Map',
    'export const memo = (f) => { const m = new Map(); return (k) => m.set(k, f(k)); };\nexport const ^o = { a: memo(Number) };',
    /"o.a" is a function that keeps "m"/,
  ],
  [
    'one that calls one',
    'export function make() { let n = 0; const inc = () => ++n; return { up: () => inc() }; }\nexport const ^c = make();',
    /"c.up" is a function that keeps "n"/,
  ],
  [
    'an async one',
    'export function make() { let n = 0; return async () => ++n; }\nexport const ^next = make();',
    /"next" is a function that keeps "n"/,
  ],
  [
    'an instance with private state',
    'export class K { #n = 0; up() { return ++this.#n; } }\nexport const ^k = new K();',
    /"k" is an instance of K, which keeps "#n" \(line 1\)/,
  ],
  [
    'an object of Node',
    'import { createServer } from "node:net"; export const ^s = createServer();',
    /"s" is an instance of \w+ of others/,
  ],
  [
    'a subclass of one',
    'import E from "node:events"; class M extends E {}\nexport const ^m = new M();',
    /"m" is an instance of EventEmitter of others/,
  ],
  ['a promise', 'export const ^p = Promise.resolve(1);', /"p" is a promise/],
  [
    'a generator',
    'function* g() { yield 1; } export const ^i = g();',
    /"i" is a generator that runs/,
  ],
  ['an iterator', 'export const ^i = [1].values();', /"i" is an object of others/],
  ['a proxy', 'export const ^p = new Proxy({}, {});', /"p" is a proxy/],
  ['bytes', 'export const ^b = { x: new TextEncoder().encode("a") };', /"b.x" is binary data/],
];

describe('refused when the module is evaluated', () => {
  test.each(EVALUATED)('isolation: %s', async (_title, source, message) => {
    const { text, line, column } = marked(source);
    const error = await refusal(text);
    expect(error).toBeInstanceOf(IsolationError);
    expect(error.message).toMatch(message);
    expect({ line: error.line, column: error.column }).toEqual({ line, column });
  });
});

const FROZEN: readonly (readonly [string, string])[] = [
  [
    'objects and arrays',
    'const c = { a: [{}] }; export const f = () => { const x = c; x.a[0].b = 1; };',
  ],
  ['functions', 'const g = () => 1; export const f = () => { const x = g; x.n = 1; };'],
  [
    'prototypes',
    'class K {} export const f = () => { const P = new K().constructor.prototype; P.n = 1; };',
  ],
  [
    'prototypes of functions',
    'function g() {} export const f = () => { const x = g; x.prototype.n = 1; };',
  ],
  [
    'generator prototypes',
    'function* g() {} export const f = () => { const x = g; x.prototype.n = 1; };',
  ],
  ['async functions', 'async function g() {} export const f = () => { const x = g; x.n = 1; };'],
  [
    'static fields',
    'class K { static n = { a: 1 }; } export const f = () => { const x = K; x.n.a = 2; };',
  ],
  [
    'instances',
    'class K { n = 0; up() { this.n++; } } const k = new K(); export const f = () => k.up();',
  ],
  [
    'instances of inner classes',
    'const k = (() => new (class { n = 0; up() { this.n++; } })())(); export const f = () => k.up();',
  ],
  [
    'getters',
    'const o = { get a() { return 1; } }; export const f = () => { Object.getOwnPropertyDescriptor(o, "a").get.x = 1; };',
  ],
  ['Maps', 'const m = new Map([[1, {}]]); export const f = () => { const x = m; x.set(2, 2); };'],
  ['values of Maps', 'const m = new Map([[1, {}]]); export const f = () => { m.get(1).a = 1; };'],
  ['Sets', 'const s = new Set(); export const f = () => { const x = s; x.add(2); };'],
  ['Dates', 'const d = new Date(0); export const f = () => { const x = d; x.setTime(1); };'],
  ['errors', 'const e = new Error("x"); export const f = () => { const x = e; x.message = "y"; };'],
  [
    'symbol keys',
    'const k = Symbol(); const o = { [k]: {} }; export const f = () => { const x = o; x[k].a = 1; };',
  ],
  ['enums', 'enum E { A } export const f = () => { const x: any = E; x.A = 1; };'],
  [
    'template objects',
    'const tag = (s) => s; const t = tag`a`; export const f = () => { const x = t; x.push("b"); };',
  ],
  ['import.meta', 'export const f = () => { const m: any = import.meta; m.x = 1; };'],
];

describe('frozen', () => {
  test.each(FROZEN)('isolation: %s of a module', async (_title, source) => {
    const table = createTable();
    await loadText(table, 'a', source);
    const { f } = table.table('a') as { f: () => unknown };
    expect(f).toThrow(TypeError);
  });

  test('isolation: what belongs to packages and to Node is not frozen', async () => {
    const table = createTable();
    await loadText(
      table,
      'a',
      `import fs from 'node:fs';
       import path, { posix } from 'node:path';
       export const p = fs.promises;
       export const { constants } = fs;
       export const o = { posix, ...path, open: fs.open };
       export const all = [fs, process, process.env, Buffer, globalThis];`,
    );
    const fs = await import('node:fs');
    const path = await import('node:path');
    const others = [fs.default, fs.promises, path.posix, process, Buffer, globalThis, fs.open];
    expect(others.map((each) => Object.isFrozen(each))).not.toContain(true);
    expect(Object.isFrozen(table.table('a')['o'])).toBe(true);
  });

  test('isolation: a module may hold what another one exports', async () => {
    const table = createTable();
    await loadText(table, 'a', 'export const o = { a: 1 }; export class K { n = 1; }');
    await loadText(
      table,
      'b',
      "import * as a from './a.js'; import { K, o } from './a.js'; export const all = { a, o, k: new K() };",
    );
    expect(Object.isFrozen(table.table('b')['all'])).toBe(true);
  });
});
