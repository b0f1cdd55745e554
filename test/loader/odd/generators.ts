/** Odd programs: generators. Run by `odd-programs.test.ts`, which puts `tick` and `named` before each. */

export const generators: Readonly<Record<string, string>> = {
  'async gen: return of thenable, rejection': `
    async function* g(log) { try { yield 1; yield 2; } finally { log('fin'); } }
    export async function main(log) { let it = g(log); await it.next();
    log(await it.return({ then(ok) { ok('r'); } }));
    it = g(log); await it.next();
    try { log(await it.return(Promise.reject(new Error('x')))); } catch (e) { log(named(e)); } log(await it.next());
    it = g(log);
    log(await it.return(5));
    log(await it.next());
    it = g(log);
    try { await it.throw(new Error('t')); } catch (e) { log(named(e)); } log(await it.next());
    it = g(log);
    try { log(await it.return(Promise.reject(new Error('early')))); } catch (e) { log(named(e)); } }
  `,
  'async gen: yield rejects inside try': `
    async function* g(log) { try { yield Promise.reject(new Error('y')); } catch (e) { log('caught', named(e)); yield 'after'; } }
    export async function main(log) { for await (const x of g(log)) log(x); }
  `,
  'async gen: return awaits': `
    async function* g() { return Promise.resolve(4); } async function* h() { try { return Promise.reject(new Error('r')); } catch (e) { yield 'no'; } } async function* k() { try { return await Promise.reject(new Error('r')); } catch (e) { yield 'yes'; } }
    export async function main(log) { log(await g().next());
    try { log(await h().next()); } catch (e) { log(named(e)); } log(await k().next()); }
  `,
  'async gen: queue of requests': `
    async function* g(log) { let i = 0;
    try { while (true) { log('step', i); await tick(); yield i++; } } finally { log('f'); await tick(); } }
    export async function main(log) { const it = g(log);
    log(await Promise.all([it.next(), it.next(), it.return('z'), it.next()])); }
  `,
  'async gen object': `
    async function* g() { yield 1; } class K { async *m() {} }
    export async function main(log) { const it = g();
    log(Object.prototype.toString.call(it), String(it), typeof it.next, it.next.length, Symbol.asyncIterator in it);
    log(typeof new K().m().return); }
  `,
  'async gen: next with wrong this': `
    async function* g() { yield 1; } export async function main(log) { const it = g();
    const { next } = it;
    try { log(await next.call({})); } catch (e) { log(named(e)); } }
  `,
  'yield* forms': `
    const mk = (log) => ({ [Symbol.asyncIterator]() { let i = 0; return { async next(x) { log('next', x); return { value: i, done: i++ > 1 }; }, async return(x) { log('return', x); return { value: 'rv', done: true }; }, async throw(x) { log('throw', named(x)); return { value: 'tv', done: i++ > 3 }; } }; } });
    async function* g(log) { log('res', yield* mk(log)); }
    export async function main(log) { let it = g(log);
    log(await it.next('a'), await it.next('b'), await it.next('c'), await it.next('d'));
    it = g(log); await it.next();
    log(await it.return('x'));
    it = g(log); await it.next();
    log(await it.throw(new Error('y')));
    log(await it.next());
    async function* no() { yield* { [Symbol.asyncIterator]() { return { async next() { return { value: 1, done: false }; } }; } }; } it = no(); await it.next();
    log(await it.return('q'));
    it = no(); await it.next();
    try { await it.throw(new Error('z')); } catch (e) { log(named(e)); }
    async function* sy() { yield* [Promise.resolve(1), 2]; yield* (function* () { try { yield 3; } finally { log('sync closed'); } })(); } it = sy();
    log(await it.next(), await it.next(), await it.next(), await it.return('w'));
    async function* bad() { yield* 5; } try { await bad().next(); } catch (e) { log(named(e)); } }
  `,
  generators: `
    function* g(log) { try { const x = yield 1;
    log('got', x); yield* h(log); return 5; } catch (e) { log(named(e)); yield 'c'; } finally { log('f'); yield 'fin'; } } function* h(log) { try { yield 'h1'; yield 'h2'; } finally { log('hf'); } } const o = { *[Symbol.iterator]() { yield* arguments; yield this === o; } };
    export async function main(log) { let it = g(log);
    log(it.next(), it.next('v'), it.return('r'), it.next(), it.next());
    it = g(log); it.next();
    log(it.throw(new Error('t')), it.next(), it.next());
    log([...o], Array.from(g(log)), Object.prototype.toString.call(it), it[Symbol.iterator]() === it, g.prototype.isPrototypeOf(it));
    const [a, ...b] = g(log);
    log(a, b); function* gg() { const r = yield* (function* () { return 3; })(); yield r; } log([...gg()]); }
  `,
  'async generator in class with private and super': `
    class A { async *g() { yield 'A'; } } class B extends A { #p = 'p'; async *g() { yield* super.g(); yield this.#p;
    const f = async () => this.#p + '2'; yield await f(); yield* (async function* (self) { yield self.#p; })(this); } static async *#s() { yield 'static'; } static async *t() { yield* B.#s(); } } export async function main(log) { for await (const x of new B().g()) log(x);
    for await (const x of B.t()) log(x); }
  `,
  'for await: break calls return and awaits it': `
    export async function main(log) { const it = { [Symbol.asyncIterator]() { return this; }, async next() { return { value: 1, done: false }; }, async return() { await tick();
    log('ret'); return {}; } };
    for await (const x of it) { log(x); break; } log('after');
    try { for await (const x of { ...it, [Symbol.asyncIterator]() { return this; }, async return() { throw new Error('in return'); } }) throw new Error('body'); } catch (e) { log(named(e)); } try { for await (const x of { ...it, [Symbol.asyncIterator]() { return this; }, async return() { throw new Error('in return'); } }) break; } catch (e) { log(named(e)); } }
  `,
  'for await: not iterable': `
    export async function main(log) { for (const x of [5, {}, null, undefined, { [Symbol.asyncIterator]: 3 }, { [Symbol.asyncIterator]() { return 4; } }, { [Symbol.asyncIterator]() { return { next() { return 5; } }; } }]) { try { for await (const y of x) log(y); } catch (e) { log(named(e)); } } }
  `,
};

/** ECMAScript 2025; the older Nodes do not do it yet. */
export const closesOnRejection = `
    export async function main(log) { const it = { [Symbol.iterator]() { return { next() { return { done: false, value: Promise.reject(new Error('v')) }; }, return() { log('closed'); return {}; } }; } };
    try { for await (const x of it) log(x); } catch (e) { log(named(e)); } function* g() { try { yield 1; yield Promise.reject(new Error('w')); } finally { log('gen closed'); } } try { for await (const x of g()) log(x); } catch (e) { log(named(e)); } }
  `;
