/** Odd programs: functions. Run by `odd-programs.test.ts`, which puts `tick` and `named` before each. */

export const functions: Readonly<Record<string, string>> = {
  'own props of functions': `
    async function f(a, b = 1) {} export async function main(log) { log(f.name, f.length, Object.getOwnPropertyNames(async () => 1).sort()); }
  `,
  'async function is not a constructor': `
    const a = async () => {};
    const o = { async m() {} }; function* gen() {}
    export async function main(log) { for (const x of [a, o.m]) { try { new x();
    log('made'); } catch (e) { log(named(e)); } log('prototype' in x, Object.prototype.hasOwnProperty.call(x, 'prototype')); } }
  `,
  'arguments object': `
    async function f(a) { arguments[0] = 9; a = 8; return [a, arguments[0], arguments.length, typeof arguments, Object.prototype.toString.call(arguments), [...arguments]]; } async function g(a = 1) { return arguments.length; } async function h() { return (() => arguments[1])(); } async function k(...r) { return [arguments.length, r.length]; }
    export async function main(log) { log(await f(1, 2), await g(), await g(1, 2), await h(1, 2), await k(1, 2, 3));
    const o = { async m() { return arguments.length; }, async *g() { yield arguments[0]; } };
    log(await o.m(1, 2), await o.g('q').next()); }
  `,
  'this in strict functions': `
    async function f() { return this === undefined; } async function* g() { yield this === undefined; } const o = { async m() { return this === o; } };
    export async function main(log) { log(await f(), (await g().next()).value, await o.m(), await (0, o.m)().catch(named), await f.call(1), await f.bind(2)()); }
  `,
  'async method named odd': `
    const o = { async get() { return 1; }, async set() { return 2; }, async async() { return 3; }, async await() { return 4; }, async 'quoted key'() { return 5; }, async 42() { return 6; }, async *[Symbol.iterator]() {}, async static() { return 7; }, async *yield() { yield 8; }, async [\`t\${1}\`]() { return 9; }, async /* c */ x /* d */ () { return 10; } };
    export async function main(log) { log(await o.get(), await o.set(), await o.async(), await o.await(), await o['quoted key'](), await o[42](), await o.static(), (await o.yield().next()).value, await o.t1(), await o.x(), o.get.name, o['quoted key'].name, o[42].name, o.t1.name, o[Symbol.iterator].name); }
  `,
  'arrow forms': `
    const a = async x => x, b = async (x) => ({ x }), c = async () => {}, d = async (x = await0) => x, e = async ({ x } = { x: 1 }) => x, f = async (...[x, y]) => [x, y], g = async (a, b) => (a, b), h = async () => async () => async () => 1, k = async x => { return x }, await0 = 0; var async; async = 5;
    async function asy() { return async; } const m = (async) => async + 1;
    export async function main(log) { log(await a(1), await b(2), await c(), await d(), await e(), await f(1, 2), await g(1, 2), await (await (await h())())(), await k(3), await asy(), m(1), await (async x => await x)(9), a.name, a.length, f.length);
    log(await (async () => { if (1) { return; } })(), [async () => 1][0].name, (async () => 1).name, ({ z: async () => 1 }).z.name); }
  `,
  'new.target and call': `
    function F() { if (!new.target) return (async () => new.target)(); this.t = (async () => { await tick(); return new.target === F; })(); } export async function main(log) { log(await F(), await new F().t);
    class A { constructor() { this.n = async () => { await tick(); return new.target.name; }; } } class B extends A {} log(await new B().n()); }
  `,
  'async with big arguments': `
    async function f(...a) { await tick(); return a.length; } export async function main(log) { log(await f(...Array(5000).fill(1)));
    const o = await (async () => Object.fromEntries(Array.from({ length: 10 }, (_, i) => [i, i])))();
    log(o); }
  `,
  'error in sync part': `
    async function f() { throw new Error('sync'); } async function g() { null.x; } export async function main(log) { let t;
    try { t = f();
    log('no throw'); } catch { log('threw'); } await t.catch((e) => log(named(e)));
    const u = g();
    log('later');
    try { await u; } catch (e) { log(named(e)); } try { await f(); } catch (e) { log(e.stack.split('\\n')[0]); } }
  `,
  unicode: `
    const \\u0061bc = 1;
    const 变量 = async (ñ) => { await tick(); return ñ + 'ü\\u{1F600}😀'; };
    class Ω { async ж() { return this.constructor.name; } \\u{78}y = 2; #名 = 3; async 取() { await tick(); return this.#名; } } export async function main(log) { log(abc, await 变量('é'), await new Ω().ж(), new Ω().xy, await new Ω().取(), 变量.name);
    const 𠮷 = '𠮷';
    log(𠮷.length, await (async () => 𠮷)()); }
  `,
  'eval-like': `
    export async function main(log) { log(typeof globalThis, await (0, eval)('1 + 1')); }
  `,
};
