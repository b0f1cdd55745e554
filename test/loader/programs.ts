/**
 * Odd programs, each a module with a `main(log)`. They are run twice, as tsvm compiles them and as
 * Node runs them with only the types stripped, and must do the same. None of them depends on which
 * of two unrelated tasks runs first, which JavaScript fixes and tsvm does not.
 */

const tick = 'const tick = () => new Promise<void>((done) => setImmediate(done));\n';

export const PROGRAMS: Readonly<Record<string, string>> = {
  'value, error, finally': `${tick}
    async function inner(log: any, fail: boolean) {
      try { log('in'); await tick(); if (fail) throw new TypeError('bad'); return 'ok'; }
      catch (e: any) { log(e.message); await tick(); throw new RangeError('worse', { cause: e }); }
      finally { log('finally'); await tick(); log('after'); }
    }
    export async function main(log: any) {
      log(await inner(log, false));
      try { await inner(log, true); } catch (e: any) { log(e.name, e.cause.name); }
      return await inner(log, false);
    }`,
  'finally overrides': `${tick}
    async function f() { try { return await 1; } finally { await tick(); return 2; } }
    async function g(): Promise<any> { for (;;) { try { throw await 1; } finally { await tick(); break; } } return 'broke'; }
    export async function main(log: any) { return [await f(), await g()]; }`,
  'names and lengths': `
    const o = { async m(a: any, b: any) {}, async 'x-y'() {}, async ['c' + 1](a: any) {}, async *g(a: any) {} };
    class A { async m(a: any) {} static async s(a: any, b = 1, c: any) {} async #p(q: any) {} look() { return [this.#p.name, this.#p.length]; } f = async (a: any) => {}; }
    async function d({ a }: any, [b]: any, c = 1, ...r: any[]) {}
    const e = async (a: any, b = Math.random(), ...c: any[]) => {};
    const f = async function (a: any) {};
    const g = async function named(a: any, b: any) {};
    const h = async ({ a }: any, b: any) => {};
    export default async function () {}
    export const self = () => 1;
    export async function main(log: any) {
      for (const x of [o.m, o['x-y'], (o as any).c1, o.g, A.prototype.m, A.s, new A().f, d, e, f, g, h, main]) log(x.name, x.length);
      log(new A().look());
    }`,
  'parameters reject': `
    const boom = () => { throw new Error('boom'); };
    async function a(x: any = boom()) { return x; }
    const b = async (x: any = boom()) => x;
    async function c({ y }: any) { return y; }
    const d = async ([z]: any) => z;
    class K { async m(x: any = boom()) { return x; } static async s({ q }: any) { return q; } }
    export async function main(log: any) {
      for (const f of [() => a(), () => b(), () => c(undefined), () => d(null), () => new K().m(), () => K.s(null)]) {
        let task: any;
        try { task = f(); log('returned'); } catch (e: any) { log('threw', e.message); continue; }
        try { log(await task); } catch (e: any) { log(e.message); }
      }
      log(await a(1), await b(2), await c({ y: 3 }), await d([4]), await new K().m(5));
    }`,
  parameters: `
    async function a(x: number, y = x + 1, { z, ...rest }: any = { z: y }, [p = 9, , q]: any = [], ...more: number[]) { return [x, y, z, rest, p, q, more]; }
    const b = async (x: number, y = 5, ...more: number[]) => [x, y, more];
    const c = async (x = 1) => async (y = x) => [x, y];
    async function d(x: any) { var x: any; return x; }
    async function e(x: any) { function x() {} return typeof x; }
    async function f(x: any, g = () => x) { x = 2; return g(); }
    export async function main(log: any) {
      log(await a(1), await a(1, 2, { z: 3, w: 4 }, [5, 6, 7], 8, 9), await a(1, undefined, undefined, [undefined]));
      log(await b(1), await b(1, undefined, 2, 3), await b(1, 2));
      log(await (await c())(), await (await c(3))(4), await d(7), await e(7), await f(1));
    }`,
  arguments: `
    async function a(x: any, y: any) { x = 9; return [arguments.length, arguments[0], x, [...arguments]]; }
    async function b() { const f = async (z: any) => [arguments.length, z, arguments[1]]; return f(7); }
    function c(this: any) { return async () => { const g = async () => ({ arguments }).arguments.length; return g(); }; }
    function d() { return [async (x = arguments[0]) => x, () => arguments.length] as const; }
    class K { async m() { return (async () => [this instanceof K, arguments.length, new.target])(); } }
    const o = { v: 1, async m(): Promise<any> { return [arguments.length, ({ v: arguments[0] }).v]; } };
    export async function main(log: any) {
      log(await (a as any)(1, 2, 3), await (a as any)(), await (b as any)('p', 'q'));
      log(await (c as any)(1, 2, 3)(), await (d as any)(5)[0](), await (d as any)(5)[1]());
      log(await (new K() as any).m(1, 2), await (o as any).m(4));
    }`,
  'new.target': `
    function F(this: any) { this.task = (async () => { await 1; return new.target === F; })(); }
    async function g() { return new.target; }
    export async function main(log: any) { log(await new (F as any)().task, await g()); }`,
  this: `
    async function free(this: any) { return this; }
    const o = { n: 1, async m() { await 0; return this.n; }, arrow() { return async () => this.n; }, nested() { return async () => { const f = async () => { await 0; return this.n; }; return f(); }; } };
    class A { n = 2; f = async () => this.n; async m() { return [1, 2].map(async (x) => x * this.n); } static n = 3; static async s() { return this.n; } static f = async () => this.n; }
    export async function main(log: any) {
      log(await free(), await free.call(5), await o.m(), await o.arrow()(), await o.nested()());
      const a = new A(); const { f } = a; log(await f(), await Promise.all(await a.m()), await A.s(), await A.f());
    }`,
  super: `
    class B { n = 1; v() { return 'B.v' + this.n; } async w(x: any) { return 'B.w' + x; } get g() { return 'B.g' + this.n; } set s(x: any) { this.n = x; } static t() { return 'B.t'; } tag(t: any, ...v: any[]) { return t.raw.join('|') + v.join() + this.n; } }
    class A extends B {
      v() { return 'A.v'; }
      async m(x: any) { await 0; return [super.v(), await super.w(x), super.g, (super.v as any)?.call(this), super['v'](), super.tag\`a\${x}b\`, (super.v)?.(), super.nope?.()] as any; }
      async set() { super.s = 5; await 0; const k = 'zed'; super[k] = 7; return [this.n, (this as any).zed]; }
      async upd() { (super.cnt as any) = 1; super.cnt++; super.cnt += 2; [super.arr] = [await 9]; ({ q: super.obj } = { q: 8 } as any); return [(this as any).cnt, (this as any).arr, (this as any).obj]; }
      async arrow(x = super.v()) { const f = async () => [super.v(), await super.w(x), arguments.length]; return f(); }
      plain() { return async () => { const g = async (k: string) => super[k](); return g('v'); }; }
      static async st() { return super.t(); }
      field = async () => super.v();
      async gen() { const out: any[] = []; for await (const x of this.ag()) out.push(x); return out; }
      async *ag() { yield super.v(); yield await super.w(1); const f = async () => super.v(); yield await f(); }
      [k: string]: any;
    }
    const base = { hi() { return 'hi ' + (this as any).n; } };
    const o = { __proto__: base, n: 3, async hi() { return super.hi(); }, ['co' + 1]: async () => 1 } as any;
    export async function main(log: any) {
      const a: any = new A();
      log(await a.m('x'), await a.set(), await a.upd(), await a.arrow(), await a.plain()(), await A.st(), await a.field(), await a.gen(), await o.hi());
    }`,
  'private names': `
    // @tsvm per-scheduler: what is compared is how the code runs
    class A {
      #n = 1; static #made = 0; static made = () => A.#made;
      constructor() { A.#made++; }
      async #priv(by: number) { this.#n += await by; return this.#n; }
      async add(by = 1) { return this.#priv(by); }
      static async #make() { await 0; return new A(); }
      static async two() { return [await A.#make(), await this.#make()].length + A.#made; }
      async has(o: any) { await 0; return #n in o; }
      async inc() { this.#n++; this.#n += await 5; return [this.#n, A.name]; }
      f = async () => this.#n;
      async late() { const g = async () => (await 1) + this.#n; return g(); }
      async *g() { yield this.#n; yield await this.#priv(1); }
    }
    function make(k: number) { return class { #k = k; async m() { return await this.#k; } }; }
    const E = class Named { #q = 4; async m() { return [await this.#q, Named.name]; } };
    export async function main(log: any) {
      const a = new A();
      log(await a.add(), await a.add(3), await A.two(), await a.has(a), await a.has({}), await a.inc(), await a.f(), await a.late(), A.made());
      const [x, y] = [new (make(1))(), new (make(2))()]; log(await x.m(), await y.m(), await new E().m());
      try { await (a.add as any).call({}); } catch (e: any) { log(e.name); }
      const out = []; for await (const v of a.g()) out.push(v); log(out);
    }`,
  'classes of many kinds': `
    // @tsvm per-scheduler: what is compared is how the code runs
    class C { static x = 1; static { C.x = 2; } static async m() { return C.x; } async n() { return C.x; } get p() { return (async () => C.x)(); } set p(v: any) { C.x = v as any; } static y = (async () => await C.x)(); }
    abstract class Abs { abstract a(): Promise<number>; async b() { return (await this.a()) + 1; } }
    class Impl extends Abs { constructor(private readonly k: number) { super(); } async a() { return this.k; } }
    class D extends Promise<number> { async q() { return await this; } }
    export async function main(log: any) {
      const c = new C(); log(await C.m(), await c.n(), await c.p, await C.y); (c as any).p = 5; log(await c.n());
      log(await new Impl(4).b(), await D.resolve(3).then((x) => x));
      const anon = class { async m() { return this.constructor.name; } }; log(await new anon().m());
    }`,
  'await in every position': `${tick}
    const id = async <T>(x: T) => { await tick(); return x; };
    async function all(log: any) {
      const o: any = { [await id('k')]: await id(1), ...(await id({ s: 2 })), f: async (x: any) => x };
      const a = [await id(1), ...(await id([2, 3])), , await id(4)];
      const t = \`\${await id('t')}-\${await id('u')}\`;
      const c = (await id(true)) ? await id('yes') : await id('no');
      const l = ((await id(0)) || (await id(null))) ?? (await id('l'));
      const n = (-(await id(3))) ** 2 + +(await id('4')) - ~(await id(1));
      const m = (await id(o))?.k + (await id(undefined) as any)?.[await id('never')] + ((await id(o)).zip?.(await id('never')) ?? 'z');
      const w = new (await id(Array))(await id(3), 4).length;
      const i = (await id('k')) in (await id(o)), j = (await id([])) instanceof (await id(Array));
      const y = typeof await id(1), v = void (await id(1)), d = delete (await id(o)).s;
      let s = 1; s += await id(2); s = (await id(1), await id(s)); a[await id(0)] = await id(10); a[await id(1)]! += await id(5);
      const { p = await id('p'), ['q' + (await id(1))]: q = await id('q') }: any = await id({}); const [z = await id('z')]: any = await id([]);
      const tag = (await id((t: any, ...r: any[]) => t.join('_') + r))\`a\${await id(1)}b\`;
      const call = await (await o.f)(await id('call')), opt = await o?.f?.(await id('opt'));
      const re = await (async () => await (async () => await id('deep'))())();
      const neg = !(await id(false)), cmp = (await id(1)) < (await id(2)), seq = (await id(1), 2);
      const asy = await await id(id(6)), fn = (await id(function (this: any) { return this; })).call(5);
      return [o.k, a, t, c, l, n, m, w, i, j, y, v, d, s, p, q, z, tag, call, opt, re, neg, cmp, seq, asy, fn];
    }
    async function stmts(log: any) {
      if (await id(true)) log('if'); else await id(0);
      for (let i = await id(0); i < (await id(3)); i += await id(1)) log(i);
      for (const x of await id([1, 2])) log(x, await id(x));
      for (const k in await id({ a: 1 })) { log(k); await id(0); }
      let n = 0; while ((await id(n)) < 2) n++; do { n--; await id(n); } while (await id(n > 0));
      switch (await id(2)) { case await id(1): log('one'); case await id(2): log('two'); case 3: await id(0); log('three'); break; default: log('none'); }
      try { throw await id(new Error('x')); } catch ({ message = await id('d') }: any) { log(message); }
      label: for (const a of [1, 2, 3]) { for (const b of await id([1, 2])) { if (b === 2) continue label; if (a === 3) break label; log(a, await id(b)); } }
      block: { await id(0); if (n === 0) break block; log('never'); }
      return;
    }
    export async function main(log: any) { log(await all(log)); await stmts(log); const f = async () => await id(1); return [await f(), await (async (x) => x)(await id(2))]; }`,
  'async generators': `${tick}
    async function* g(n: number): AsyncGenerator<any, any, any> {
      try { for (let i = 0; i < n; i++) { await tick(); const got = yield i; if (got) yield ['got', got]; } return 'end'; } finally { await tick(); yield 'cleanup'; }
    }
    async function* star() { const r = yield* g(2); yield ['r', r]; yield* [10, Promise.resolve(11)] as any; }
    async function* rej() { yield 1; yield Promise.reject(new Error('no')); }
    const o = { async *[Symbol.asyncIterator]() { yield 'o1'; yield 'o2'; } };
    class A { async *m(...a: any[]) { yield arguments.length; yield* a; } static async *s(x = 1, { y } = { y: 2 }) { yield x + y; } }
    export async function main(log: any) {
      for await (const x of g(2)) log(x);
      for await (const x of star()) log(x);
      for await (const x of o) log(x);
      try { for await (const x of rej()) log(x); } catch (e: any) { log(e.message); }
      for await (const x of new A().m(1, 2)) log(x);
      for await (const x of A.s()) log(x);
      const it = g(3); log(await it.next(), await it.next('hey'), await it.next(), await it.return('bye'), await it.next(), await it.next());
      const jt = g(3); await jt.next(); try { log(await jt.throw(new Error('in'))); log(await jt.next()); } catch (e: any) { log(e.message); }
      const kt = g(1); log(await Promise.all([kt.next(), kt.next(), kt.next(), kt.next()]));
      log(Object.prototype.toString.call(it[Symbol.asyncIterator]() === it));
    }`,
  'for await': `${tick}
    const src = (n: number, log: any) => ({ [Symbol.asyncIterator]() { let i = 0; return { async next() { await tick(); return { done: i >= n, value: i++ }; }, async return(v: any) { log('return'); return { done: true, value: v }; } }; } });
    async function early(log: any) { for await (const x of src(5, log)) { if (x === 2) return x; } }
    export async function main(log: any) {
      for await (const x of [1, tick().then(() => 2), Promise.resolve(3)]) log(x);
      for await (const { a, b = await Promise.resolve('d') } of [{ a: 1 }, { a: 2, b: 3 }] as any[]) log(a, b);
      let target: any; const o: any = {}; for await (target of [1]) log(target); for await (o.p of [2]) log(o.p); for await ([target] of [[3]]) log(target);
      for await (const x of src(3, log)) { if (x === 1) break; log(x); }
      outer: for (const k of ['a', 'b']) { for await (const x of src(3, log)) { if (x === 1) continue outer; log(k, x); } }
      lab: for await (const x of src(4, log)) { for (const y of [1, 2]) { if (y === 2) continue lab; if (x === 3) break lab; log(x, y); } }
      log(await early(log));
      try { for await (const x of src(3, log)) { throw new Error('in body'); } } catch (e: any) { log(e.message); }
      try { for await (const x of { [Symbol.asyncIterator]() { return { next() { throw new Error('next'); } }; } } as any) log(x); } catch (e: any) { log(e.message); }
      try { for await (const x of 5 as any) log(x); } catch (e: any) { log(e.name); }
      const fs: any[] = []; for await (const x of [1, 2]) fs.push(() => x); log(fs.map((f) => f()));
    }`,
  'plain generators stay': `
    function* g(n: number): any { const x: any = yield n; try { yield* [x, x + 1]; } finally { yield 'f'; } return 'r'; }
    const o = { *m() { yield this === o; }, *[Symbol.iterator]() { yield 1; } };
    export async function main(log: any) {
      const it = g(1); log(it.next(), it.next(5), it.next(), it.return(7), it.next());
      log([...o.m()], [...o]); for (const x of g(2)) { await x; log(x); }
      const inner = async function* () { yield* g(3); }; for await (const x of inner()) { log(x); if (Number.isNaN(x)) break; }
    }`,
  'closures in loops': `${tick}
    export async function main(log: any) {
      const fs: any[] = []; for (let i = 0; i < 3; i++) fs.push(async (by: number) => { await tick(); i += by; return i; });
      log(await Promise.all(fs.map((f) => f(10)))); log(await fs[0](1));
      async function outer(a: number) { async function in1(b: number): Promise<number> { await tick(); return b === 0 ? a : in1(b - 1); } const in2 = async () => (await in1(2)) + a; a++; return [await in1(3), await in2()]; }
      log(await outer(1), await Promise.all([outer(10), outer(20)]));
      const hoisted = late(); async function late() { return 'late'; } log(await hoisted);
      if (true as boolean) { async function inBlock() { return 'block'; } log(await inBlock()); }
      const fact = async function self(n: number): Promise<number> { return n < 2 ? 1 : n * (await self(n - 1)); }; log(await fact(6));
      const curry = (a: number) => async (b: number) => async (c: number) => a + (await b) + c; log(await (await curry(1)(2))(3));
      const seq = async () => (async () => async () => 4)(); log(await (await seq())());
      const expr = await async function () { return 5; }(); log(expr);
      await async function () { log(6); }();
      const obj = async () => ({ a: 1 }), com = async () => (1, 2), arr = async () => [await 3]; log(await obj(), await com(), await arr());
    }`,
  'loops in parts': `
    const N = 3000;
    function sums(log: any) {
      let a = 0;
      for (let i = 0; i < N; i++) { if (i % 3 === 0) continue; if (i === 2500) break; a += i; }
      for (let i = N, j = 0; i-- > 0 && j < 2 * N; j += 2, a ^= j);
      for (let i = 0.5; i < N; i += 1.5) a += i;
      for (let i = NaN; i < N; i++) a = -1;
      let big = 0n;
      for (let i = 0n; i < 2000n; i++) big += i * i;
      for (let i: any = '5'; i < N; i++) a += i;
      for (let i = 0; ; i++) { if (i > 200) break; a -= i; }
      for (let i = 0; i < 500; ) i += 3, a += i;
      let p = 0;
      for (; p % 700 !== 699; p++);
      for (var v = 0; v < 777; v++) switch (v % 5) { case 1: continue; case 2: break; default: a += v; }
      let w = 0, last;
      while ((last = w++ * 2) < 1000) if (last === 998) a += last; else if (last > 5000) break;
      while (w --> 0) { if (w === 17) break; }
      return [a, big, p, v, w, last];
    }
    function looks() {
      const seen: number[] = [];
      const list = { get length() { seen.push(1); return 1500; } } as { length: number };
      for (let i = 0; i < list.length; i++);
      return seen.length;
    }
    function thrown() {
      let at = 0;
      const list: any = [];
      list[700] = null;
      for (let i = 0; i < 1000; i++) { at = i; if (list[i] === null) list[i].x = 1; }
    }
    function nested(n: number) {
      let c = 0;
      outer: for (let i = 0; i < n; i++) {
        for (let j = 0; j < i; j++) { if (j === 90) continue outer; if (i + j > 250) break outer; c += j; }
        for (let j = 0; j < 4; j++) c ^= j;
      }
      return c;
    }
    async function waits(n: number) { let s = 0; for (let i = 0; i < n; i++) s += i; while (s > 10) s = s / 2 | 0; await 0; for (let i = 0; i < n; i++) s -= i; return s; }
    function* yields(n: number) { let s = 0; for (let i = 0; i < n; i++) s += i; yield s; for (let i = 0; i < n; i++) { s -= i; if (i % 500 === 0) yield s; } }
    export async function main(log: any) {
      log(sums(log), looks(), nested(200), nested(3), [...yields(2000)]);
      try { thrown(); } catch (e: any) { log(e.name, e.message); }
      return [await waits(1500), await waits(2), ...await Promise.all([waits(3000), waits(3000)])];
    }`,
  recursion: `
    async function fib(n: number): Promise<number> { return n < 2 ? n : (await fib(n - 1)) + (await fib(n - 2)); }
    async function even(n: number): Promise<boolean> { return n === 0 ? true : odd(n - 1); }
    async function odd(n: number): Promise<boolean> { return n === 0 ? false : await even(n - 1); }
    async function* walk(t: any): any { if (t) { yield* walk(t.l); yield t.v; yield* walk(t.r); } }
    export async function main(log: any) { const out = []; for await (const v of walk({ v: 2, l: { v: 1 }, r: { v: 3 } })) out.push(v); return [await fib(15), await even(500), out]; }`,
  'promises and thenables': `${tick}
    const thenable = { then(ok: any) { setTimeout(() => ok('thened'), 1); } };
    const bad = { then(_: any, no: any) { no(new Error('rejected')); } };
    async function v(x: any) { await tick(); return x; }
    async function w(x: any) { await tick(); throw x; }
    export async function main(log: any) {
      log(await thenable, await v(thenable), await Promise.all([v(1), v(2), 3]), await Promise.race([v(1)]), await Promise.any([w(1), v(2)]));
      log(await Promise.allSettled([v(1), w(new Error('x'))]).then((r) => r.map((s) => s.status)));
      try { await bad; } catch (e: any) { log(e.message); }
      log(await v(1).then((x: number) => x + 1).then((x: number) => { throw new Error('t' + x); }).catch((e: Error) => e.message).finally(() => log('fin')));
      log(await v(v(v(4))), await (async () => v(5))(), await Promise.resolve(v(6)), await new Promise((ok) => ok(v(7))));
      log(await v(undefined), await null, await undefined, await { then: 5 }.then);
      const get = { get then(): any { throw new Error('getter'); } }; try { await get; } catch (e: any) { log(e.message); }
    }`,
  'enums, namespaces, decorators, using': `${tick}
    enum Color { Red, Green = 'g', Blue = 1 << 3 } const enum Fast { A = 7 }
    namespace N { export const x = 1; export async function f() { await tick(); return x; } }
    // @tsvm per-scheduler: what is compared is how the code runs
    const log2: any[] = [];
    function dec(target: any, ctx: any) { log2.push(ctx.kind, ctx.name); return async function (this: any, ...a: any[]) { return ['dec', await target.apply(this, a)]; }; }
    class K { @dec async m(x: number) { return x + 1; } accessor z = 3; }
    const res = (name: string, log: any) => ({ name, [Symbol.dispose]() { log('dispose', name); }, async [Symbol.asyncDispose]() { await tick(); log('async dispose', name); } });
    async function use(log: any, fail: boolean) { using a = res('a', log); await using b = res('b', log); await using c = res('c', log); { using d = res('d', log); await tick(); } if (fail) throw new Error('inside'); return b.name; }
    async function bad(log: any) { await using x = { async [Symbol.asyncDispose]() { throw new Error('dispose'); } }; throw new Error('body'); }
    function sync(log: any) { using a = res('s', log); return 1; }
    export async function main(log: any) {
      log(Color.Red, Color[8], Color.Green, Fast.A, await N.f(), await new K().m(1), new K().z, log2);
      log(await use(log, false)); try { await use(log, true); } catch (e: any) { log(e.message); }
      try { await bad(log); } catch (e: any) { log(e.name, e.error.message, e.suppressed.message); }
      log(sync(log));
      for (using q of [res('q', log)]) { await tick(); log(q.name); }
    }`,
  'names that look like ours': `
    const $m = 1, $start = 2, $await = 3, $PARK = 4, $rt = 5, f$co = 6, $arguments = 7, __async = 8, require2 = 9, $0 = 10;
    async function f(this: any, $rest: any, { $superGet = 11 } = {}) { const $m2 = await 12; return [$m, $start, $await, $PARK, $rt, f$co, $arguments, __async, require2, $0, $rest, $superGet, $m2]; }
    const receive = async () => 'mine';
    export async function main(log: any) { return [await f(0), await receive(), await (async ($start: any) => $start)(1)]; }`,
  'exceptions keep class and order': `${tick}
    class Mine extends Error { code = 7; async why() { return this.message; } }
    async function thrower(k: any): Promise<any> { if (k === 0) throw new Mine('zero'); if (k === 1) throw 'string'; if (k === 2) throw undefined; if (k === 3) (null as any).x; await tick(); throw new Mine('late'); }
    export async function main(log: any) {
      for (const k of [0, 1, 2, 3, 4]) { try { await thrower(k); } catch (e: any) { log(k, e instanceof Mine, String(e), e?.code, await e?.why?.()); } }
      const order: string[] = []; const a = (async () => { order.push('a1'); await tick(); order.push('a2'); })(); order.push('main'); await a; log(order);
      const handled = thrower(4); await handled.catch((e: any) => log('caught', e.message));
      throw new Mine('end');
    }`,
  'many things at once': `${tick}
    type Op = { readonly kind: 'add' | 'mul'; readonly by: number };
    class Store<T extends { n: number }> { #log: string[] = []; constructor(protected state: T) {} async apply(op: Op) { this.#log.push(op.kind); await tick(); this.state = { ...this.state, n: op.kind === 'add' ? this.state.n + op.by : this.state.n * op.by }; return this.state satisfies { n: number }; } get log() { return this.#log as readonly string[]; } async *history(this: Store<T>) { for (const l of this.#log) yield l; } }
    const pipe = (...fs: ((x: any) => any)[]) => async (x: any) => { for (const f of fs) x = await f(x); return x; };
    export async function main(log: any) {
      const s = new Store({ n: 1 }); for (const op of [{ kind: 'add', by: 2 }, { kind: 'mul', by: 5 }] as const) log(await s.apply(op));
      for await (const h of s.history()) log(h);
      log(await pipe((x) => x + 1, async (x) => x * 2, (x) => Promise.resolve(x - 1))(3));
      const m = new Map(await Promise.all(['a', 'b'].map(async (k, i) => { await tick(); return [k, i] as const; }))); log([...m]);
      log(await ['x', 'y'].reduce(async (p, c) => (await p) + c, Promise.resolve('')));
      const { a, ...rest } = await (async ({ a = 1, ...r }) => ({ a, ...r }))({ b: 2 } as any); log(a, rest);
    }`,
  'captured variables': `${tick}
    async function counter(log: any) {
      let n = 0, m = 10; const k = 5; var v = 1;
      const inc = async (by = m) => { n += by; await tick(); n++; m = n; v *= 2; return { n, k, v }; };
      log(await inc(), n, m, v); m = 1; log(await inc(), n, m); log(await Promise.all([inc(1), inc(2)]), n);
      const [a, b] = await (async () => { [n, m] = [m, n]; ({ n, q: m = 7 } = { n: n + 1 } as any); for (n of [1, 2]) await tick(); return [n++, --m]; })(); log(a, b, n, m);
      const f = async () => { const g = async () => { const h = async () => { n += k; await tick(); return n; }; return (await h()) + n; }; m = await g(); return m; }; log(await f(), n, m);
      return n;
    }
    async function loops(log: any) {
      const fs: any[] = [];
      for (let i = 0; i < 3; i++) { fs.push(async () => { await tick(); return i++; }); fs.push(async () => i); }
      for (const x of ['a', 'b']) for (let j = 0; j < 2; j++) fs.push(async (p: any) => [x, j, p]);
      for (var w = 0; w < 2; w++) { const c = w; fs.push(async () => [w, c]); }
      let z = 0; while (z < 2) { const y = z++; fs.push(async () => [y, z]); }
      for (const f of fs) log(await f('p'));
    }
    async function tdz(log: any) {
      const early = async () => late; try { await early(); } catch (e: any) { log(e.name); }
      const waits = async () => { await tick(); return late; }; const task = waits(); const late = 'late'; log(await task);
      const self: any = (async () => { await tick(); return typeof self; })(); log(await self);
      const hoisted = decl(); const value = 3; async function decl() { await tick(); return value; } log(await hoisted);
      const inner = wrap(); const outerValue = 4; function wrap() { const f = async () => { await tick(); return outerValue; }; return f(); } log(await inner);
      const klass = make(); class Late { static x = 5; } async function make() { await tick(); return Late.x; } log(await klass);
      switch (2 as number) { case 1: const never = 1; case 2: const g = async () => { try { return never; } catch (e: any) { return e.name; } }; log(await g()); }
    }
    async function calls(this: any, log: any) {
      let fn: any = function (this: any) { return this === undefined; }; const o = { fn };
      const f = async () => [fn(), fn?.(), fn\`x\`, { fn }.fn === fn, (fn as any).length, typeof fn, o.fn === fn, new fn() instanceof fn]; log(await f()); fn = () => 'changed'; log((await f().catch((e: any) => [e.name]))[0]);
      const y = 1; { const y = 2; const g = async (x = y) => { var y = 3; return [x, y]; }; log(await g()); }
      const p = 5; const q = async (r = p) => { const p = 6; return [r, p]; }; log(await q());
      const s = async ({ t = p, ...u }: any = {}, [v2 = t] = []) => [t, u, v2, p]; log(await s(), await s({ t: 1, w: 2 }, [3]));
      try { throw new Error('caught'); } catch (e: any) { const c = async () => { await tick(); return e.message; }; log(await c()); try { throw 1; } catch (e) { const d = async () => { e = 2; return e; }; log(await d(), e); } }
      const fact = async (n: number): Promise<number> => (n < 2 ? 1 : n * (await fact(n - 1))); log(await fact(5));
      const mutual = { async even(n: number): Promise<boolean> { return n === 0 || odd(n - 1); } }; const odd = async (n: number): Promise<boolean> => n !== 0 && mutual.even(n - 1); log(await mutual.even(10));
      const args = async function (a: any) { const t = 1; return [arguments.length, p, (await (async () => arguments[0] + t + p)())]; }; log(await (args as any)(7, 8));
      const me = async () => (async () => [this === undefined, p])(); log(await me());
    }
    class K {
      #secret = 1; static #s = 2; constructor(public label: string) {}
      async all(items: number[]) { let total = 0; const scale = 2; await Promise.all(items.map(async (x) => { await tick(); total += x * scale * this.#secret; })); return total; }
      later(by: number) { return async () => { await tick(); this.#secret += by; by++; return [this.#secret, by, K.#s, K.name]; }; }
      static create(label: string) { const make = async () => { await tick(); return new this(label + K.#s); }; return make(); }
      gen(n: number) { const self = this; return (async function* () { for (let i = 0; i < n; i++) { await tick(); yield [i, self.label, self.#secret]; } })(); }
      async nested(x: number) { class L { #own = x; async m() { const f = async () => this.#own + x; x++; return [await f(), x]; } } return new L().m(); }
    }
    async function* numbers(n: number) { const step = async () => { await tick(); return n--; }; while (n > 0) yield await step(); }
    export async function main(log: any) {
      log(await counter(log)); await loops(log); await tdz(log); await calls.call(undefined, log);
      const k = new K('k'); log(await k.all([1, 2, 3])); const l = k.later(10); log(await l(), await l(), (await K.create('c')).label, await k.nested(3));
      for await (const x of k.gen(2)) log(x); for await (const x of numbers(2)) log(x);
      const table = { a: 1, async get(key: 'a') { const self = this; return (async () => self[key])(); } }; log(await table.get('a'));
    }`,
  'loops over arrays and others': `
    const double = (x: number) => x * 2;
    function walk(xs: any, log: any) {
      const seen: unknown[] = []; let s = 0;
      for (const x of xs) { if (x === 2) continue; if (x === 700) break; s += double(x); }
      for (let x of xs) { x += 1; s += x; }
      for (const { length } of xs) seen[0] = length;
      log(s, seen);
    }
    function first(xs: any) { for (const x of xs) { if (x > 1) return x; } return 'none'; }
    function thrown(xs: any) { for (const x of xs) { if (x > 1) throw new RangeError('at ' + x); } }
    function grows() { const xs = [1]; for (const x of xs) { if (x < 1000) xs[xs.length] = x + 1; } return xs.length; }
    function shrinks() { const xs = Array.from({ length: 1000 }, (_, i) => i); let s = 0; for (const x of xs) { s += x; xs.length -= 1; } return [s, xs.length]; }
    function target(o: any, xs: any) { for (o.at of xs) o.sum += o.at; for (var v of xs) o.last = v; return [o, v]; }
    class Own extends Array<number> { *[Symbol.iterator](): any { try { yield 5; yield 7; } finally { (this as any).log('own'); } } }
    const closing = (log: any) => ({ n: 0, [Symbol.iterator]() { log('begin'); return this; }, next() { return { done: this.n > 600, value: this.n++ }; }, return() { log('closed'); return {}; } });
    async function waits(xs: any) { let s = 0; for (const x of xs) s += x; await null; for (const x of xs) { if (x > 600) return [s, x]; s -= x; } return s; }
    export async function main(log: any) {
      const thousand = Array.from({ length: 1000 }, (_, i) => i);
      function* gen() { try { for (let i = 0; i < 900; i++) yield i; } finally { log('finally'); } }
      for (const make of [() => thousand, () => new Set(thousand), gen, () => new Float64Array(500), () => Object.assign(new Own(1, 2), { log }), () => closing(log), () => 'text', () => [, 1], () => thousand.values()]) {
        walk(make(), log); log(first(make())); try { thrown(make()); } catch (e) { log(String(e)); }
        log(await waits(make()), target({ sum: 0 }, make()));
      }
      const own: any = [1, 2, 3]; own[Symbol.iterator] = function* () { yield* [8, 9]; }; walk(own, log);
      log(grows(), shrinks());
      const o: any = { nothing: null, f: () => 5 }, number: any = 1;
      for (const f of [() => { for (const x of number) o.x = x; }, () => { for (const x of o.nothing) o.x = x; }, () => { for (const x of o.f()) o.x = x; }, () => { for (const x of o) o.x = x; }, () => { for (const x of o.none.x) o.x = x; }]) {
        try { f(); } catch (e) { log(String(e)); }
      }
    }`,
  'functions that call themselves': `
    function fib(n: number): number { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
    const ackermann = (m: number, n: number): number => m === 0 ? n + 1 : ackermann(m - 1, n === 0 ? 1 : ackermann(m, n - 1));
    function rest(first: number, ...more: number[]): number { return more.length === 0 ? first : first + rest(...(more as [number])); }
    function filled({ n, to = [] }: { n: number; to?: number[] }): number[] { to.push(n); return n === 0 ? to : filled({ n: n - 1, to }); }
    function preset(n: number, m = n > 0 ? preset(n - 1) : 0): number { return n + m; }
    function looped(n: number): number { let s = 0; for (let i = 0; i < n; i++) { s += looped(i); } return s + 1; }
    function named(f: any, n: number): any { return n === 0 ? [f === named, named.name, named.length] : named(named, n - 1); }
    function built(this: any, n: number): any { return n === 0 ? { plain: typeof n } : built(n - 1); }
    function deep(n: number): number { return deep(n + 1) + 1; }
    export async function main(log: any) {
      log(fib(15), ackermann(2, 3), rest(1, 2, 3), filled({ n: 3 }), preset(4), looped(6), named(null, 3));
      log([3, 4].map(fib), new (built as any)(2));
      try { deep(0); } catch (e: any) { log(e.name); }
    }`,
};
