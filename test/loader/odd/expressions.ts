/** Odd programs: expressions. Run by `odd-programs.test.ts`, which puts `tick` and `named` before each. */

export const expressions: Readonly<Record<string, string>> = {
  'evaluation order': `
    export async function main(log) { const v = async (x) => { log(x); await tick(); return x; }; const o = {}; o[await v('k')] = await v('v'); const f = async (n) => { log('fn' + n); return (...a) => a; }; log((await f(1))(await v(1), ...(await v([2])), await v(3))); let x = 1; x += await (x = 5, v(2)); log(x); let y = 1; y = y + (await v(1)) + (y = 7, y); log(y); const a = [1]; let i = 0; a[i++] += await v(10); a[i++] = i; log(a, i); log(\`\${await v('a')}\${(log('mid'), 'b')}\${await v('c')}\`);
    const { [await v('p')]: p = await v('d'), ...r } = { q: 1 };
    log(p, r); (await v(o))[(log('key'), 'z')] ??= await v('zz');
    log(o.z);
    let n = null; n?.[await v('never')];
    log(n?.a(await v('never'))); delete (await v({ a: 1 })).a;
    log(await v(1) in { 1: 2 }, (await v([])) instanceof Array);
    const c = (await v(0), await v(2));
    log(c); new (class { constructor(...a) { log(a); } })(await v(1), await v(2)); }
  `,
  'compound assign to member with await': `
    export async function main(log) { let o = { n: 1 };
    const p = o; o.n += await (async () => { p.n = 10; o = { n: 100 }; return 1; })();
    log(p, o);
    let s = 1;
    const inc = async () => { s += 10; return 1; }; s += await inc();
    log(s); s = s + await inc();
    log(s);
    let q = 1; q **= await inc(); q ||= await inc(); q &&= await inc();
    log(q, s); }
  `,
  'tagged templates': `
    export async function main(log) { const seen = new Set(); const t = (s, ...v) => { seen.add(s); return [s.raw.join('|'), Object.isFrozen(s), ...v]; }; const o = { async m() { return (x) => (s, ...v) => [this === o, x, ...v]; }, k: 2 }; for (let i = 0; i < 3; i++) log(t\`a\${await i}\\n\${i}\`); log(seen.size); log((await o.m())(1)\`x\${await 5}\`); async function g() { return t\`\\unicode\${1}\`; } log(await g()); log(await (async () => String.raw\`a\\b\${await 1}\`)()); }
  `,
  'optional chaining': `
    export async function main(log) { const o = { a: { async f() { return this.v; }, v: 1 }, n: null };
    log(await o?.a?.f(), await o.n?.f(await log('no')), (await o.a)?.v, await o?.['a']?.['f']?.(), delete o?.n, o.zip?.[await log('never')]?.x, await (o.a?.f)(), (await o.a?.nope)?.()); }
  `,
  'getters with order': `
    export async function main(log) { const o = { get a() { log('a'); return 1; }, get b() { log('b'); return { get c() { log('c'); return async (x) => { log('call', x); return x; }; } }; } };
    log(o.a + await o.b.c(o.a) + o.a);
    const { a, b: { c } } = o;
    log(a, await c(2)); }
  `,
  'nested destructuring defaults with await': `
    const v = async (x) => { await tick(); return x; };
    export async function main(log) { const { a = await v(1), b: { c = await v(2), ...d } = await v({ e: 3 }), ...f } = await v({ g: 4 });
    log(a, c, d, f);
    let x, y; [x = await v(1), [y = await v(2)] = await v([])] = await v([]);
    log(x, y); ({ x, y = await v(9) } = { x: 5 });
    log(x, y);
    for (const [k, { z = await v(0) } = {}] of [[1], [2, { z: 3 }]]) log(k, z); [x, y] = [y, x];
    log(x, y);
    const o = {}; [o.a, o['b'], ...o.c] = await v([1, 2, 3, 4]);
    log(o);
    for ([o.q = await v(1)] of [[], [2]]) log(o.q); }
  `,
};
