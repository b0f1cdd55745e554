/** Odd programs: control flow. Run by `odd-programs.test.ts`, which puts `tick` and `named` before each. */

export const controlFlow: Readonly<Record<string, string>> = {
  'finally overriding': `
    async function f(log) { for (const x of [1, 2, 3]) { try { if (x === 1) continue; if (x === 2) return x; } finally { await tick();
    log('f', x); if (x === 2) continue; } } return 'end'; } async function g() { try { throw 1; } finally { return 2; } } async function h() { l: { try { return 1; } finally { break l; } } return 3; } async function k() { try { try { throw new Error('a'); } finally { throw new Error('b'); } } catch (e) { return e.message; } }
    export async function main(log) { log(await f(log), await g(), await h(), await k()); }
  `,
  labels: `
    export async function main(log) { a: for (let i = 0; ; i++) { b: for (;;) { await tick(); c: { if (i === 0) continue a; if (i === 1) break c; if (i === 2) break b; break a; } log('after c', i); continue a; } log('after b', i); } x: for (const q of [1, 2]) { if (q === 1) continue x;
    log(q); break x; } lab: if (true) { await tick(); break lab; } log('end'); outer: switch (1) { case 1: for (;;) { await tick(); break outer; } } }
  `,
  'catch parameter': `
    export async function main(log) { try { throw { a: 1, b: [2] }; } catch ({ a, b: [c], d = await (async () => 9)() }) { log(a, c, d); } try { throw [1, 2]; } catch ([x, ...y]) { const f = async () => x + y[0];
    log(await f()); } try { try { throw null; } catch ({}) { log('no'); } } catch (e) { log(named(e)); } }
  `,
  'awaits in heads': `
    const v = async (x) => { await tick(); return x; };
    export async function main(log) { for (const x in await v({ a: 1 })) log(x);
    for (let i = await v(0), n = await v(2); await v(i < n); i += await v(1)) log(i); switch (await v(2)) { case await v(1): log('no'); case await v(2): log('two'); case await v(3): log('three'); break; case await v(4): log('four'); default: log('d'); } if (await v(false)) log('x'); else if (await v(true)) log('y'); while (await v(false)); do log('once'); while (await v(0)); try { throw await v(new Error('thrown')); } catch (e) { log(named(e)); } }
  `,
  'closures in loops': `
    export async function main(log) { const fs = [];
    for (let i = 0, j = 10; i < 3; i++, j--) { fs.push(() => [i, j]); await tick(); fs.push(async () => { await tick(); return i++; }); i += 0; } for (const f of fs) log(await f());
    const gs = [];
    for (let i = 0; i < 2; gs.push(() => i), i++) await tick();
    log(gs.map((g) => g()));
    const hs = [];
    for (let i = (hs.push(() => i), 0); i < 2; i++) { hs.push(() => i); await tick(); } log(hs.map((g) => g()));
    for (const k in { a: 1, b: 2 }) { await tick(); hs.push(() => k); } for (let { x, y = x } of [{ x: 1 }, { x: 2 }]) { await tick(); hs.push(() => (x++, [x, y])); } log(hs.slice(3).map((g) => g()));
    let w = 0; while (w < 2) { let z = w++; hs.push(async () => z); await tick(); } log(await hs.at(-1)(), await hs.at(-2)()); do { let q = w; hs.push(() => q); } while (await (async () => w++ < 3)());
    log(hs.at(-1)()); }
  `,
  'hoisting and TDZ': `
    export async function main(log) { log(typeof h, await h());
    async function h() { return 'h'; } try { tdz; } catch (e) { log(named(e)); } let tdz = 1;
    const f = async (a = b, b) => a;
    try { await f(); } catch (e) { log(named(e)); } log(await f(1)); { log(typeof inner);
    async function inner() { return v; } try { await inner(); } catch (e) { log(named(e)); } const v = 1;
    log(await inner()); } try { await new C().m(); } catch (e) { log(named(e)); } class C { async m() { return C.name; } } log(await new C().m());
    const self = async () => self.name;
    log(await self());
    for (const x of (async () => { try { return [x]; } catch (e) { log(named(e)); return []; } })().then ? [1] : []) log(x); var vv = await (async () => typeof vv)();
    log(vv);
    try { typeof late; } catch (e) { log(named(e)); } let late; }
  `,
  'return in async of rejected': `
    const rej = () => Promise.reject(new Error('r'));
    async function a() { try { return rej(); } catch { return 'caught'; } } async function b() { try { return await rej(); } catch { return 'caught'; } finally { await tick(); } } async function c() { try { return (async () => { throw new Error('task'); })(); } catch { return 'no'; } } export async function main(log) { log(await a().catch(named), await b(), await c().catch(named)); }
  `,
};
