import { expect, test } from 'vitest';
import { compileFunction, HOST_EXPORT } from '../../loader/compile-function.js';
import { createTable, loadErrorOf } from './support.js';

const bifs = new Set(['send', 'self', 'receive']);

async function run(source: string, ...args: unknown[]): Promise<unknown> {
  const table = createTable({
    send: (x: unknown) => ['sent', x],
    self: () => 'me',
    receive: () => 'msg',
  });
  const compiled = await compileFunction(source, { bifs });
  expect(compiled.name).toMatch(/^host\/[0-9a-f]{16}$/);
  table.prepare(compiled);
  table.commit(compiled.name, compiled.version);
  return table.lookup(compiled.name, HOST_EXPORT)?.(...(args as never[]));
}

test('host function: every way a function prints', async () => {
  const o = {
    async method(x: number) {
      return x + (await 1);
    },
    'odd-name'(x: number) {
      return x * 2;
    },
    *gen() {
      yield 1;
    },
  };
  expect(await run(((x: number) => x + 1).toString(), 1)).toBe(2);
  expect(await run((async (x: number) => (await x) + 1).toString(), 1)).toBe(2);
  expect(
    await run(
      async function named(x: number): Promise<number> {
        return x === 0 ? 0 : named(x - 1);
      }.toString(),
      3,
    ),
  ).toBe(0);
  expect(await run(o.method.toString(), 4)).toBe(5);
  expect(await run(o['odd-name'].toString(), 4)).toBe(8);
  expect([...((await run(o.gen.toString())) as Iterable<number>)]).toEqual([1]);
  expect(
    await run(
      'async a => { const { b = 2, ...c } = a; return [b, c, typeof globalThis, JSON.stringify(a)]; }',
      { z: 1 },
    ),
  ).toEqual([2, { z: 1 }, 'object', '{"z":1}']);
});

test('host function: BIFs are in scope by name, also through the names of compilers', async () => {
  expect(await run('() => [send(1), self()]')).toEqual([['sent', 1], 'me']);
  expect(await run('() => (0, import_tsvm.send)(2)')).toEqual(['sent', 2]);
  expect(await run('() => [tsvm_1.self(), __vi_import_0__.send(3)]')).toEqual(['me', ['sent', 3]]);
  expect(await run('(self) => self', 'mine')).toBe('mine');
});

test('host function: names from around it are refused, with their place', async () => {
  const error = await loadErrorOf(() =>
    compileFunction('async () => {\n  await send(pid);\n  log(other.x);\n}', {
      bifs,
      file: '/host/app.js',
    }),
  );
  expect(error).toMatchObject({ name: 'FreeNameError', file: '/host/app.js', line: 2, column: 14 });
  expect(error.message).toBe(
    'the function uses "pid", "log", "other" from around it, which a process cannot see',
  );
  expect(error.frame).toContain('> 2 |   await send(pid);');
});

test('host function: what has no text of its own is refused', async () => {
  for (const source of [
    Math.max.toString(),
    (() => 1).bind(null).toString(),
    'class A {}',
    '42',
    'a b c',
    '({ a: 1 })',
  ]) {
    expect(await loadErrorOf(() => compileFunction(source, { bifs })), source).toMatchObject({
      name: 'UnsupportedSyntaxError',
    });
  }
});
