/** Odd programs: promises. Run by `odd-programs.test.ts`, which puts `tick` and `named` before each. */

export const promises: Readonly<Record<string, string>> = {
  'thenable getter read once': `
    export async function main(log) { let n = 0;
    const t = { get then() { n++; return (ok) => ok(1); } };
    log(await t, n);
    const f = async () => t;
    log(await f(), n); }
  `,
  'thenable getter throws on return': `
    export async function main(log) { const f = async () => ({ get then() { throw new Error('g'); } });
    try { log(await f()); } catch (e) { log(named(e)); } }
  `,
  'promise combinators': `
    const v = async (x) => { await tick(); return x; };
    const w = async (x) => { await tick(); throw x; };
    export async function main(log) { log(await Promise.all([v(1), 2, v(3)]), await Promise.allSettled([v(1), w(2)]), await Promise.race([v(1), new Promise(() => {})]), await Promise.any([w(1), v(2)]));
    try { await Promise.any([w(1), w(2)]); } catch (e) { log(e.name, e.errors); } try { await Promise.all([v(1), w(new Error('all'))]); } catch (e) { log(named(e)); } log(await Promise.resolve(v(1)).then((x) => v(x + 1)).finally(() => v(9)));
    log(await new Promise((ok) => ok(v(5))), await new Promise((_, no) => no(new Error('n'))).catch(named));
    const d = Promise.withResolvers?.(); if (d) { d.resolve(v(6));
    log(await d.promise); } else log(6);
    log(v(1) instanceof Promise === undefined);
    log(await Array.fromAsync?.([v(1), 2]) ?? [1, 2]); }
  `,
  'then of tasks': `
    const v = async (x) => { await tick(); return x; };
    export async function main(log) { const t = v(1);
    const order = []; t.then(() => order.push('a')); t.then(() => order.push('b')); await t; await tick();
    log(order);
    log(await v(1).then(), await v(1).then(null, null), await v(2).then(5), await v(3).finally(), await (async () => { throw 1; })().catch(() => 4), await v(1).then(() => { throw new Error('q'); }).catch(named), await v(1).finally(() => 7), await v(1).finally(() => { throw new Error('f'); }).catch(named)); await v(1).then(async () => { await tick(); order.push('c'); });
    log(order, typeof t.then, typeof t.catch, typeof t.finally); }
  `,
};
