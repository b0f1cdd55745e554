/** Odd programs: plain functions with loops, which coroutine code calls. Run by `odd-programs.test.ts`. */

export const twins: Readonly<Record<string, string>> = {
  'results and order of arguments': `
    function sum(list, from = list.length) { let s = 0; for (const x of list) s += x; return [s, from]; }
    const twice = (n) => { while (n < 100) n *= 2; return n; };
    export async function main(log) { const note = (x) => { log(x); return x; };
    log(sum([note(1), note(2)], note(3)), sum([]), sum([twice(note(3)), twice(5)].map((x) => twice(x))), twice(note(twice(note(7)))));
    log(note('a') + twice(note(1)) + note('b'), \`\${twice(3)}-\${await twice(6)}\`, { [twice(1)]: twice(2) }, twice(1) ? twice(9) : note('never')); }
  `,
  'a result that is thenable is not taken over': `
    function find(list, n) { for (const x of list) if (x.n === n) return x; return undefined; }
    function outer(list, n) { for (let i = 0; i < 20; i++) if (i === n) return find(list, n); }
    export async function main(log) { const seenHere = []; const list = [{ n: 1, then: (f) => f('taken') }, { n: 2, p: 1 }];
    const a = find(list, 1); log(typeof a.then, a.n, outer(list, 1) === list[0], outer(list, 2).p, outer(list, 9));
    const b = { n: 3, get then() { seenHere.push('read'); return undefined; } }; log(outer([b], 3) === b, seenHere.length);
    const p = Promise.resolve(5); const q = find([Object.assign(p, { n: 4 })], 4); log(q === p, await q);
    log(typeof find([Object.assign(() => 1, { n: 7 })], 7)); }
  `,
  'exceptions and finally': `
    function fails(n) { for (let i = 0; ; i++) if (i >= n) throw new RangeError('at ' + i); }
    function guarded(n, log) { try { for (let i = 0; i < 3; i++) { if (i === n) return fails(i); } return 'none'; } catch (e) { log('caught', e.message); if (n === 2) throw e; return 'saved'; } finally { log('finally', n); } }
    export async function main(log) { for (const n of [0, 1, 2, 3]) { try { log(guarded(n, log)); } catch (e) { log('outside', named(e)); } }
    try { fails(70); } catch ({ message }) { log(message); }
    const t = (async () => { fails(3); })(); await t.catch((e) => log(named(e))); }
  `,
  'code between two awaits stays atomic': `
    function count(n) { let s = 0; for (let i = 0; i < n; i++) s += work(i); return s; }
    function work(i) { let s = 0; for (const x of [i, 1]) s += x; return s; }
    export async function main(log) { let shared = 0, broken = 0, order = [];
    const one = async (id) => { for (let r = 0; r < 3; r++) { await tick(); const before = shared; count(200); order.push(id); if (shared !== before) broken++; shared = before + 1; } };
    await Promise.all([one(1), one(2), one(3)]); log(shared, broken, order); }
  `,
  'runs to its first await before its caller goes on': `
    function fill(list, n) { for (let i = 0; i < n; i++) list.push(i); return list; }
    export async function main(log) { const list = []; const f = async () => { fill(list, 300); log('filled'); await tick(); log("after"); };
    const t = f(); log(list.length); await t; fill(list, 10); log(list.length); }
  `,
  'closures, captured loop variables, labels, switch': `
    function makers(n) { const fs = []; outer: for (let i = 0; i < n; i++) { for (const k of [1, 2, 3]) { switch (k) { case 2: continue outer; default: fs.push(() => i * 10 + k); } } } return fs; }
    const gen = function (n) { function* g() { for (let i = 0; i < n; i++) yield i; } let s = ''; do { for (const x of g()) s += x; } while (s.length < 5); return s; };
    export async function main(log) { log(makers(4).map((f) => f()), gen(2)); class A { x = makers(2).length; static y = gen(3); } log(new A().x, A.y); }
  `,
  'parameters of all kinds': `
    function f({ a, b: [c] = [2] } = {}, ...rest) { let s = 0; for (const x of rest) s += x; return [a, c, s, f.length]; }
    function g(a, b = a + 1, c = f({ a: b })) { for (const x of [1]) a += x; return [a, b, c]; }
    const h = ({ x }) => { for (;;) return x; };
    export async function main(log, x = h({ x: 4 })) { log(f(), f({ a: 1, b: [3] }, 1, 2), g(1), g(1, 5, 6), x); try { h(null); } catch (e) { log(e.name); } try { h(); } catch (e) { log(e.name); } log(f.name, g.length, h.name); }
  `,
  'hidden names, optional calls, new, values': `
    function walk(n) { let s = 0; for (let i = 0; i < n; i++) s += i; return s; }
    function Made(n) { let s = 0; for (let i = 0; i < n; i++) s += i; return { s }; }
    export async function main(log) { { const walk = (n) => 'inner' + n; log(walk(1)); } log(walk?.(4), [3, 4].map(walk), walk.call(null, 5), new Made(4).s, Made(3).s, walk === walk);
    const o = { walk }; log(o.walk(6), (0, walk)(7), (walk)(8), walk(9).toFixed(1), walk(3)?.toFixed?.(2)); const { then: t = walk(5) } = {}; log(t); }
  `,
  'recursion with loops': `
    function sum(tree) { let s = tree.v; for (const t of tree.kids) s += sum(t); return s; }
    const deep = (n) => { for (const x of [n]) if (x === 0) return 0; return 1 + deep(n - 1); };
    const even = (n) => { for (;;) return n === 0 ? true : odd(n - 1); }, odd = (n) => n === 0 ? false : even(n - 1);
    export async function main(log) { log(sum({ v: 1, kids: [{ v: 2, kids: [] }, { v: 3, kids: [{ v: 4, kids: [] }] }] }), deep(2000), even(301)); }
  `,
  'arrows without a block, comma, conditional': `
    const inner = (n) => { let s = []; for (let i = 0; i < n; i++) s.push(i); return s; };
    const short = (n) => inner(n), obj = (n) => ({ n, l: inner(n).length }), comma = (n) => (inner(n), n), cond = (n) => n ? inner(n) : null, asy = (n) => async () => inner(n), thrown = () => inner(NaN).x.y;
    export async function main(log) { log(short(2), obj(3), comma(4), cond(0), cond(1), await asy(2)()); try { thrown(); } catch (e) { log(e.name); } }
  `,
  'called in loops, patterns, templates and async generators': `
    const list = (n) => { const l = []; for (let i = 0; i < n; i++) l.push(i); return l; };
    async function* each(n) { for (const x of list(n)) yield x + list(x).length; }
    export async function main(log) { for (const x of list(3)) log(x); for (let i = list(2).length; i > list(0).length; i--) log(i); for await (const x of each(3)) log(x);
    const [a, b = list(3).length] = list(1); log(a, b, \`\${list(2)}\`, [...list(3), ...list(1)]); let c = 1; c += list(5).length; c **= list(2).length; log(c, typeof list(1), void list(1), -list(1)); while (list(c).length > 30) c -= list(4).length; log(c);
    if (list(0).length || list(2).length && !list(1).length) log('no'); else log('yes'); label: { if (list(1)) break label; } throw0: try { throw list(2); } catch (e) { log(e); } }
  `,
};
