/** Odd programs: classes. Run by `odd-programs.test.ts`, which puts `tick` and `named` before each. */

export const classes: Readonly<Record<string, string>> = {
  'super in async': `
    class B { get x() { return this._x; } set x(v) { this._x = v; } m() { return 'Bm' + this._x; } static s = 5; static sm() { return this.s; } } class A extends B { async f(log2) { super.x = 3; await tick(); super.x += 2; log2.push(super.x, super.m(), super['m'](), super.nope);
    const g = async () => { await tick(); return super.m(); }; log2.push(await g());
    try { super.nope(); } catch (e) { log2.push(named(e)); } return delete1(() => super.m); } static async sf() { await tick(); return super.sm() + super.s; } async *gen() { yield super.m(); yield* [super.x]; } } const delete1 = (f) => typeof f();
    export async function main(log) { const a = new A();
    const log2 = [];
    log(await a.f(log2), log2, await A.sf());
    for await (const x of a.gen()) log(x);
    const o = { __proto__: { hi() { return 'hi' + this.n; } }, n: 1, async hi() { await tick(); return super.hi(); } };
    log(await o.hi()); }
  `,
  decorators: `
    export async function main(log) { const order = [];
    const dec = (name) => (v, c) => { order.push(name, c.kind, String(c.name), c.static, c.private); }; @dec('class') class K { @dec('m') async m() { return 1; } @dec('f') f = 2; @dec('g') get g() { return 3; } @dec('a') accessor a = 4; @dec('sm') static async *sm() { yield 1; } @dec('p') #p = 1; @dec('pm') async #pm() { return this.#p; } async all() { return [await this.m(), this.f, this.g, this.a, await this.#pm()]; } } function wrap(v) { return async function (...a) { await tick(); return ['w', await v.apply(this, a)]; }; } class L { @wrap async m(x) { await tick(); return x; } } function field(v, { addInitializer }) { addInitializer(function () { order.push('init'); }); return (x) => x * 2; } class M { @field x = 4; }
    log(await new K().all(), await new L().m(1), new M().x, order);
    for await (const x of K.sm()) log(x); }
  `,
  'class fields': `
    export async function main(log) { let n = 0;
    class K { a = n++; b = async () => [this.a, await this.c()]; async c() { return this.#d; } #d = n++; static e = n++; static f = async () => { await tick(); return [this === K, this.e]; }; ['x' + n] = n; static #g = 7; static async h() { return K.#g; } static async i() { return this.#g; } static { this.j = (() => this.e)(); } get async() { return 1; } static async *[Symbol.asyncIterator]() { yield 1; } async = 3; static await = 4; get = 5; } class S extends K { constructor() { const f = () => super(); f(); this.z = new.target.name; } async c() { return ['S', await super.c()]; } }
    const k = new K();
    log(await k.b(), K.e, await K.f(), await K.h(), await K.i(), K.j, k.async, K.await, k.get, Object.keys(k));
    const s = new S();
    log(await s.b(), s.z);
    for await (const x of K) log(x);
    try { await S.i(); } catch (e) { log(named(e)); } }
  `,
  'super() in async arrow of ctor': `
    class A {} class B extends A { constructor() { super(); this.p = (async () => { await tick(); return this.constructor.name + new.target.name; })(); } } export async function main(log) { log(await new B().p); }
  `,
  'default export class': `
    export default class { async m() { await tick(); return new.target; } static async s() { return this.name; } } export const dd = 1;
    export async function main(log) { log(dd); }
  `,
  'typescript things': `
    enum E { A, B = A + 5, C = 'c' as any } const enum F { X = 1 << 2 } namespace N { export const a = 1;
    export async function f() { await tick(); return a; } export namespace M { export let b = 2; } } class P { constructor(public a: number, private readonly b = a + 1, protected c?: string) {} async get(this: P) { await tick(); return [this.a, this.b, this.c]; } declare d: number; e!: string; } abstract class Q { abstract m(): Promise<number>; async n() { return (await this.m()) + 1; } } class R extends Q { override async m() { return 1; } } function over(a: string): void; function over(a: number): void; function over(a: any) { return a; } type T<X> = X extends infer U ? U : never; interface I { readonly a?: number } const x = <T,>(a: T) => a;
    const y = ({ a: 1 } satisfies I)!.a as unknown as string;
    let z = <any>5;
    export async function main(log: any) { log(E.A, E[0], E.B, E.C, F.X, await N.f(), N.M.b, await new P(1).get(), 'd' in new P(1), 'e' in new P(1), await new R().n(), over(1), x(2), y, z); import.meta; }
  `,
  using: `
    const r = (log, n) => ({ [Symbol.dispose]() { log('d', n); }, async [Symbol.asyncDispose]() { await tick();
    log('ad', n); } });
    export async function main(log) { { using a = r(log, 1), b = r(log, 2); using c = null;
    log('body'); } try { await using a = r(log, 3); using b = { [Symbol.dispose]() { throw new Error('dis'); } }; throw new Error('body'); } catch (e) { log(e.name, e.error?.message, e.suppressed?.message); } try { using x = {}; } catch (e) { log(named(e)); } const f = async function* () { await using a = r(log, 4); yield 1; yield 2; };
    for await (const x of f()) { log(x); break; } for (await using q of [r(log, 5), r(log, 6)]) log('loop');
    const g = async () => { using a = r(log, 7); return await tick().then(() => 'ret'); };
    log(await g()); switch (1) { case 1: { using s = r(log, 8);
    log('sw'); } } }
  `,
};
