import { afterEach, expect, test, vi } from 'vitest';
import { context } from '../../runtime/context.js';
import { UNWIND } from '../../runtime/errors.js';
import { DEAD, RUNNING } from '../../runtime/process.js';
import { NO_TWINS } from '../../runtime/twins.js';
import { PROGRAMS } from './programs.js';
import { runningProcess, StandInScheduler } from './stand-in-scheduler.js';
import { compileText, createTable, loadText, nativeMain, runMain, tsvmMain } from './support.js';

const code = async (source: string): Promise<string> => (await compileText('a', source)).code;

afterEach(() => {
  context.scheduler = null;
  context.process = null;
  context.task = null;
});

test('reductions: a function that calls is checked before it does, a leaf is not', async () => {
  const text = await code(`
    export function leaf(a: number) { return Math.max(a * 2, 1); }
    export function f(a: number, k: any) { if (a < 2) return 1; return k(a - 1) + k(a - 2); }
    export const g = (a: any) => f(1, a), h = (a: number) => a + 1;
    export class K { get x() { return 1; } plain() { return 2; } valueOf() { return 3; } }`);
  expect(text).toContain('function leaf(a) {\n  return Math.max');
  expect(text).toMatch(/if \(a < 2\) return 1;\n\s+if \(--\$context\.budget < 0\) \$preempt\(\);/);
  expect(text).toContain('(a) => (--$context.budget < 0 && $preempt(), f(1, a))');
  expect(text).toContain('h = (a) => a + 1');
  expect(text).toContain('get x() { if (--$context.budget');
  expect(text).toContain('plain() {\n');
  expect(text).toContain('valueOf() { if (--$context.budget');
});

test('reductions: of a cycle of calls by name one function is checked, and whoever calls the unknown', async () => {
  const text = await code(`
    function leaf(a: number) { return a + 1; }
    function calm(a: number) { return leaf(a) + leaf(a); }
    const calmer = (a: number): number => calm(a);
    function even(n: number): boolean { return n === 0 || odd(n - 1); }
    function odd(n: number): boolean { return n !== 0 && even(n - 1); }
    function given(a: number) { return leaf(a); }
    function unknown(f: any) { return f(leaf(1)); }
    class K {
      #a(n: number): number { return this.#b(n); }
      #b(n: number): number { return leaf(n); }
      #c(n: number): number { return n < 1 ? 0 : this.#c(n - 1); }
      run(f: () => void) { f(); return this.#a(1) + this.#c(2); }
    }
    export function main(f: any) { unknown(f); new K().run(f); even(3); return [1].map(given).concat(calmer(2)); }`);
  const checked = text
    .split('function')
    .join('\n')
    .split('\n')
    .filter((line) => line.includes('--$context.budget'));
  expect(checked.map((line) => /(#?\w+)\(/.exec(line)?.[1])).toEqual([
    'even',
    'given',
    'unknown',
    '#c',
    'run',
    'main',
  ]);
});

test('reductions: functions that call the next twice, and so on, are checked on the way', async () => {
  const chain = Array.from(
    { length: 12 },
    (_, n) => `function f${n}(a: number): number { return f${n + 1}(a) + f${n + 1}(a); }`,
  );
  const text = await code(`
    ${chain.join('\n')}
    function f12(a: number) { return a + 1; }
    export function main(f: any) { f(); return f0(1); }`);
  const checked = [...text.matchAll(/function (\w+)\(\w+\) \{ ?\n?[^}]*?--\$context\.budget/g)];
  expect(checked.map(([, name]) => name)).toEqual(['f6', 'main']);
});

test('reductions: loops count in a local variable; those of coroutines yield', async () => {
  const text = await code(`
    export function f(n: number, log: any) { for (let i = 0; i < n; i++) log(i); while (n--) { log(n); } }
    export async function g() { do {} while (true); }
    export async function* h() { for (;;) yield 1; }
    for (const x of [1]) void x;`);
  expect(text).toContain('function f(n, log) { let $k = 48;');
  expect(text).toContain('{ if (($k = $k + 1 | 0) > 63) $k = $lap(); log(i); }');
  expect(text).toContain('while (n--) { if (($k = $k + 1 | 0) > 63) $k = $lap();');
  expect(text).toContain('do { if (($k = $k + 1 | 0) > 63 && ($k = $pauseLap()) < 0) yield;');
  expect(text).toContain('($k = $pauseLap()) < 0) yield $PARK;');
  expect(text).toContain("'use strict';\n");
  expect(text.indexOf('let $k = 48;')).toBeLessThan(text.indexOf('function f'));
});

test('reductions: a loop that calls nothing runs in parts, a few iterations are not counted', async () => {
  const text = await code(`
    export function f(n: number) { let a = 0; for (let i = 0; i < n; i++) a += i; while (a > 3) { a >>= 1; } return a; }
    export function free(n: number) { for (let i = 0; i < 16; i++) n += i; for (let i = 9; i > 0; i--) n += i; return n; }
    export function not(n: number) { for (let i = 0; i < 16; i++) { n += i; i -= n; } for (let i = 0; i < 17; i++) n += i; return n; }
    export async function g() { for (;;); }
    export async function* h(n: number) { for (let i = 0; i < n; i++) n += 0.5; }
    export const closures = () => { const all = []; for (let i = 0; i < 3; i++) all[i] = () => i; return all; };
    export function labelled(n: number) { outer: for (let i = 0; i < n; i++) { switch (i) { case 1: continue outer; } } }`);
  const after = '{ $k = $k + ($n >> 2) & 63; break; }';
  expect(text).toContain(
    'for (let i = 0; ;) { let $n = 0; const $e = 64 - $k << 2; for (; $n < $e && ( i < n); $n = $n + 1 | 0, i++)',
  );
  expect(text).toContain(
    'for (;;) { let $n = 0; const $e = 64 - $k << 2; for (; $n < $e && (a > 3); $n = $n + 1 | 0)',
  );
  expect(text).toContain(` if ($n < $e) ${after} $k = $laps($e); }`);
  expect(text).toContain(
    `if ($n < $e) ${after} if (($k = $pauseLaps($e)) === 64) { $k = 0; yield; } }`,
  );
  expect(text).toContain('{ $k = 0; yield $PARK; }');
  expect(text).toContain('for (let i = 0; i < 16; i++) n += i;');
  expect(text).toContain('for (let i = 9; i > 0; i--) n += i;');
  expect(text).not.toContain('for (let i = 0; i < 17; i++) n += i;');
  expect(text).toContain('for (let i = 0; i < 3; i++) { if (($k = $k + 1 | 0)');
  expect(text).toContain('outer: for (let i = 0; i < n; i++) { if (($k = $k + 1 | 0)');
});

test('reductions: a loop that calls a few short functions of the module runs in parts', async () => {
  const text = await code(`
    function leaf(a: number) { return Math.max(a, 1); }
    const calm = (a: number): number => leaf(a) + leaf(a);
    function eight(a: number) { return calm(a) + calm(a) + leaf(calm(a)); }
    function loops(a: number) { for (let i = 0; i < 9; i++) a += i; return a; }
    function down(a: number): number { return a < 1 ? 0 : down(a - 1); }
    async function waits() {}
    export class K {
      #m(n: number) { return leaf(n); }
      parts(n: number) { while (n > 0) n -= this.#m(n); }
    }
    export function parts(n: number) { while (n > 0) n = calm(n); for (let i = 0; i < 4; i++) leaf(i); return n; }
    export function tooMany(n: number) { while (n > 0) n = eight(n); }
    export function long(n: number) { while (n > 0) n = loops(n); while (n > 1) n = down(n); while (n > 2) { void waits(); } }
    export function unknown(f: any) { while (f()); }`);
  expect(bodyOf(text, 'parts')).toContain('$n < $e && (n > 0)');
  expect(bodyOf(text, 'function parts')).toContain('$n < $e && (n > 0)');
  expect(bodyOf(text, 'function parts')).toContain('$n < $e && ( i < 4)');
  for (const name of ['tooMany', 'long', 'unknown'])
    expect(bodyOf(text, `function ${name}`)).not.toContain('$laps');
});

/** The text from the name to the end of the function. */
function bodyOf(text: string, name: string): string {
  const start = text.indexOf(`${name}(`);
  return text.slice(start, text.indexOf('\n}', start));
}

test('reductions: a for-of loop with a short body runs in parts, if it is over an array', async () => {
  const text = await code(`
    export function sum(xs: number[]) { let s = 0; for (const x of xs) { if (x > 9) continue; s += x; } return s; }
    export async function last(o: any) { let l; for (const { a } of o.rows()) l = a; return l; }
    export function not(xs: any, f: any) { for (const x of xs) f(x); for (const [a] of xs) xs = a; out: for (const x of xs) { continue out; } }
    export function name(xs: any) { for (const x of [1, 2]) xs = x; { for (const xs of xs) void xs; } }`);
  expect(bodyOf(text, 'function sum')).toContain(
    'for (let $a = xs, $i = $inParts($a) ? $a[$iterator]() : $a = $inOneGo($a, "xs is not iterable"); ;) { let $n = 0;',
  );
  expect(bodyOf(text, 'function sum')).toContain('for (const x of $i) { $body: {');
  expect(bodyOf(text, 'function sum')).toContain('if (x > 9) break $body;');
  expect(bodyOf(text, 'function sum')).toContain(
    'if (($n = $n + 1 | 0) >= $e) { if ($i !== $a) break; $k = $laps($e); $n = $e - (64 - $k << 2) | 0; }',
  );
  expect(bodyOf(text, 'function* last$co')).toContain(
    '{ if ($i !== $a) break; if (($k = $pauseLaps($e)) === 64) { $k = 0; yield; } $n =',
  );
  expect(bodyOf(text, 'function not')).not.toContain('$laps');
  expect(bodyOf(text, 'function name')).not.toContain('$laps');
});

test('reductions: a function that calls itself and its twin call each other, one is checked', async () => {
  const text = await code(
    `
    export function fib(n: number): number { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
    export const power = (b: number, e: number): number => (e === 0 ? 1 : b * power(b, e - 1));
    const grown = function (n: number): any { if (n < 1) return null; return { left: grown(n - 1) }; };
    export function inner(n: number): any { return () => inner(n); }
    export function given(n: number, f: any): any { return n < 1 ? f(given) : given(n - 1, f); }
    export let changed = (n: number): number => (n < 1 ? 0 : changed(n - 1));
    export const $rt = [grown(2), fib(3)];
    export async function waits(n: number): Promise<any> { return n < 1 ? 0 : waits(n - 1); }`,
  );
  expect(text).toContain(
    'if (($context.budget -= 2) < 0) $preempt();\n  return n < 2 ? n : fib$twin',
  );
  expect(text).toContain('function fib$twin(n) {\n  return n < 2 ? n : fib(n - 1) + fib(n - 2);');
  expect(text).toContain('e === 0 ? 1 : b * power$twin(b, e - 1));');
  expect(text).toContain('function power$twin(b, e) { return e === 0 ? 1 : b * power(b, e - 1); }');
  expect(text).toContain('function grown$twin(n) {');
  expect(text).toContain('n < 1 ? f(given) : given$twin(n - 1, f)');
  expect(text).not.toMatch(/(inner|waits|changed)\$twin/);
});

test('reductions: catch passes on what unwinds a dead process, finally does not run for it', async () => {
  const text = await code(`
    export function f() {
      try { f(); } catch { f(); }
      try { f(); } catch (e) { f(); }
      try { f(); } catch ({ message: [a, b = 1] }) { f(); } finally { f(); }
    }`);
  expect(text).toContain('catch ($e) { if ($e === $UNWIND) throw $e;');
  expect(text).toContain('catch (e) { if (e === $UNWIND) throw e;');
  expect(text).toContain(
    'catch ($e) { if ($e === $UNWIND) throw $e; let { message: [a, b = 1] } = $e;',
  );
  expect(text).toContain('finally { if ($living()) {');
});

test('reductions: names of the module are left alone', async () => {
  const { $k, main } = await evaluate(`
    export const $k = 1, $context = 2, $lap = 3, $preempt = 4, $UNWIND = 5;
    export function main() { for (let i = 0; i < 500; i++); try { throw 1; } catch { return [$context, $lap, $preempt, $UNWIND]; } }`);
  expect($k).toBe(1);
  expect((main as () => unknown)()).toEqual([2, 3, 4, 5]);
});

test('reductions: unwinding passes every catch and finally', async () => {
  const { main } = await evaluate(`
    const wild = (log: any, thrown: any) => {
      try { thrown(); } catch { log('catch'); } finally { log('finally'); }
    };
    function* gen(log: any) { try { yield 1; } finally { log('gen'); } }
    export function main(log: any, thrown: any) {
      try {
        for (const x of gen(log)) wild(log, thrown);
      } catch ({ message }: any) { log('pattern', message); }
      finally { log('outer'); return 7; }
    }`);
  const log: unknown[] = [];
  const proc = runningProcess();
  context.process = proc;
  const run = main as (log: (x: unknown) => void, thrown: () => void) => unknown;
  const die = (): never => {
    proc.status = DEAD;
    throw UNWIND;
  };
  expect(() => run((x) => log.push(x), die)).toThrow(UNWIND as never);
  expect(log).toEqual([]);
  proc.status = RUNNING;
  expect(run((x) => log.push(x), vi.fn())).toBe(7);
  expect(log).toEqual(['finally', 'gen', 'outer']);
});

/** A process that gives way at every check: the smallest budget there can be. */
let spent = 0;
for (const [name, source] of Object.entries(PROGRAMS)) {
  test(`reductions: ${name}: as Node runs it, with a check spent at every turn`, async () => {
    const expected = await runMain(await nativeMain(source));
    const main = await tsvmMain(source);
    const scheduler = new StandInScheduler(1, NO_TWINS);
    const actual = await runMain((log) =>
      scheduler.run(
        // biome-ignore lint/correctness/useYield: it returns a task, which is waited for
        function* () {
          return main(log);
        },
      ),
    );
    spent += scheduler.preemptions;
    expect(actual).toEqual(expected);
  });
}

test('reductions: the programs did spend their budgets', () => {
  expect(spent).toBeGreaterThan(100);
});

async function evaluate(source: string): Promise<Record<string, unknown>> {
  const table = createTable();
  await loadText(table, 'a', source);
  return table.table('a') as Record<string, unknown>;
}
