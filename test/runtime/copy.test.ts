import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataCloneError } from '../../runtime/clone-error.js';
import { copy, copyWithTransfer } from '../../runtime/copy.js';
import { freezeValue } from '../../runtime/frozen.js';
import { difference, messages, records } from './message-values.js';
import { functionDifference, sendable, versions, withFunctions } from './sendable-functions.js';

function expectSame(value: unknown): void {
  expect(difference(copy(value), structuredClone(value))).toBeUndefined();
}

function complaint(value: unknown): string {
  try {
    copy(value);
  } catch (error) {
    expect(error).toBeInstanceOf(DataCloneError);
    return (error as Error).message;
  }
  return 'copied';
}

test('copy: any message comes out as structuredClone makes it', () => {
  fc.assert(
    fc.property(messages, (value) => {
      expectSame(value);
    }),
    { numRuns: 3000 },
  );
});

test('copy: shapes that are warm, and so copied by generated code, come out the same', () => {
  fc.assert(
    fc.property(records, fc.array(records), (value, items) => {
      for (let round = 0; round < 6; round += 1) expectSame(value);
      expectSame({ type: 'nested', value, items, again: value, items2: [items, value] });
    }),
    { numRuns: 1000 },
  );
});

test('copy: the order of keys, integer keys and names of Object.prototype are kept', () => {
  const tricky = JSON.parse('{"b":1,"2":2,"__proto__":{"x":1},"a":3,"1":4,"toString":5}');
  for (let round = 0; round < 10; round += 1) {
    expectSame(tricky);
    expectSame({ constructor: 1, valueOf: { toString: [1] }, hasOwnProperty: null });
  }
});

test('copy: arrays keep length and holes, also sparse ones of any length', () => {
  const sparse: unknown[] = [];
  sparse[4_000_000_000] = { a: 1 };
  // biome-ignore lint/suspicious/noSparseArray: the hole is the point
  for (const array of [[1, , 3], [, ,], [, 1], new Array(5), sparse, [undefined, undefined]]) {
    expectSame(array);
  }
});

test('copy: the match of a regular expression keeps its named properties', () => {
  expectSame(/a(?<x>b)/d.exec('ab'));
  expectSame([/(a)/.exec('a'), 'abc'.match(/b/)]);
});

test('copy: other named properties of arrays get lost, as the header of copy.ts says', () => {
  expect(copy(Object.assign([1, 2], { note: 'x' }))).toEqual([1, 2]);
  expect(copy(Object.assign([], { note: 'x' }))).toHaveProperty('note', 'x');
});

test('copy: views of one buffer still share it', () => {
  const buffer = new ArrayBuffer(16);
  const message = { a: new Uint8Array(buffer, 4, 4), b: new DataView(buffer), c: buffer };
  expectSame(message);
  const result = copy(message) as typeof message;
  result.a[0] = 7;
  expect(result.b.getUint8(4)).toBe(7);
  expect(new Uint8Array(buffer)[4]).toBe(0);
});

test('copy: resizable buffers and views that follow their length', () => {
  const Resizable = ArrayBuffer as unknown as new (
    length: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer;
  const buffer = new Resizable(8, { maxByteLength: 16 });
  expectSame(buffer);
  expectSame([new Uint8Array(buffer), new Uint8Array(buffer, 2, 4)]);
});

test('copy: an error keeps what structuredClone keeps, and its cause is part of the message', () => {
  const shared = { id: 1 };
  const error = new TypeError('x', { cause: shared });
  expectSame({ error, shared });
  const cyclic: Error & { cause?: unknown } = new Error('loop');
  cyclic.cause = { back: cyclic };
  // V8 itself cannot read back such an error, at least up to Node 20.
  expect(complaint(cyclic)).toMatch(/^(copied|message cannot be copied: .*)$/);
});

test('copy: getters run once, in order', () => {
  const calls: string[] = [];
  const value = {
    get a() {
      calls.push('a');
      return 1;
    },
    get b() {
      calls.push('b');
      return { c: 2 };
    },
  };
  expect(copy(value)).toEqual({ a: 1, b: { c: 2 } });
  expect(calls).toEqual(['a', 'b']);
  const thrown = new RangeError('mine');
  const failing = {
    get a() {
      throw thrown;
    },
  };
  expect(() => copy({ x: [failing] })).toThrow(thrown);
});

test('copy: a getter may copy something itself', () => {
  const value = {
    first: { n: 1 },
    get second() {
      return copy({ nested: [{ deep: 1 }, { deep: 2 }] });
    },
    third: { n: 3 },
  };
  expect(copy({ value, again: value })).toEqual({ value: { ...value }, again: { ...value } });
});

test('copy: what cannot be copied is named with its path', () => {
  const f = (): void => {};
  expect(complaint({ items: [1, 2, 3, { cb: f }] })).toBe('message.items[3].cb is a function');
  expect(complaint(f)).toBe('message is a function');
  expect(complaint({ 'a-b': Symbol('s') })).toBe('message["a-b"] is a symbol');
  expect(complaint([Promise.resolve()])).toMatch(/^message\[0\] is a promise/);
  expect(complaint({ p: new Proxy({}, {}) })).toBe('message.p is a proxy');
  expect(complaint([new Proxy([], {})])).toBe('message[0] is a proxy');
  expect(complaint(new Map([['k', { w: new WeakMap() }]]))).toBe('message.get("k").w is a WeakMap');
  expect(complaint(new Set([new WeakSet()]))).toBe('message.values()[0] is a WeakSet');
  expect(complaint({ r: new WeakRef({}) })).toBe('message.r is a WeakRef');
  expect(complaint([(function* () {})()])).toBe('message[0] is a generator');
  expect(complaint(new Error('x', { cause: { f } }))).toBe('message.cause.f is a function');
  expect(() => copy({ f }, 'reason')).toThrow('reason.f is a function');
});

test('copy: shared memory is refused wherever it hides', () => {
  const shared = new SharedArrayBuffer(8);
  expect(complaint({ a: shared })).toMatch(/^message\.a is a SharedArrayBuffer/);
  expect(complaint([new Uint8Array(shared)])).toMatch(
    /^message\[0\] looks into a SharedArrayBuffer/,
  );
  const getter = {
    get s() {
      return shared;
    },
  };
  expect(complaint([getter])).toMatch(/SharedArrayBuffer/);
  expect(complaint(new Error('x', { cause: shared }))).toMatch(/SharedArrayBuffer/);
});

test('copy: host objects are cloned as Node does', () => {
  const result = copy({ blob: new Blob(['abc']) }) as { blob: Blob };
  expect(result.blob).toBeInstanceOf(Blob);
  expect(result.blob.size).toBe(3);
  // A URL becomes an empty object in Node 20 and is refused by later ones.
  const url = new URL('http://a/b');
  if (process.versions.node.startsWith('20.')) expectSame({ url });
  else expect(complaint({ url })).toBe('message.url is a URL, which cannot be copied');
});

test('copy: very deep values are copied or refused, and the thread survives', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 1000; level += 1) deep = { deep };
  expectSame(deep);
  for (let level = 0; level < 200_000; level += 1) deep = [deep];
  expect(complaint(deep)).toBe('message is nested too deeply to be copied');
  expect(copy({ a: { b: 1 } })).toEqual({ a: { b: 1 } });
});

test('copy: frozen values are passed on by reference, also inside a message', () => {
  const frozen = freezeValue({ table: [1, 2, { three: 3 }] });
  expect(copy(frozen)).toBe(frozen);
  const result = copy({ type: 'config', frozen, part: frozen.table }) as {
    frozen: unknown;
    part: unknown;
  };
  expect(result.frozen).toBe(frozen);
  expect(result.part).toBe(frozen.table);
  const merelyFrozen = Object.freeze({ a: Object.freeze({ b: 1 }) });
  expect(copy(merelyFrozen)).not.toBe(merelyFrozen);
  expectSame(merelyFrozen);
});

test('copyWithTransfer: moves the buffers, and nothing when it fails', () => {
  const buffer = new ArrayBuffer(8);
  expect(() => copyWithTransfer({ buffer, f: () => 1 }, [buffer])).toThrow(
    'message.f is a function',
  );
  expect(() => copyWithTransfer({ buffer, s: new SharedArrayBuffer(1) }, [buffer])).toThrow(
    'SharedArrayBuffer',
  );
  expect(buffer.byteLength).toBe(8);
  const result = copyWithTransfer({ view: new Uint8Array(buffer) }, [buffer]) as {
    view: Uint8Array;
  };
  expect(result.view.length).toBe(8);
  expect(buffer.byteLength).toBe(0);
});

test('copy: functions that can be sent come out with copies of what they capture', () => {
  fc.assert(
    fc.property(messages, messages, (a, b) => {
      const captured = structuredClone([a, b]);
      const problem = functionDifference(withFunctions(a, b), (value) => copy(value), captured);
      expect(problem).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

test('copy: a function alone, and one beside things that only V8 can copy', () => {
  const f = sendable(1, [2]);
  expect((copy(f) as () => unknown)()).toEqual([1, [2]]);
  expect(copy(f)).not.toBe(f);
  const { blob, list } = copy({ blob: new Blob(['abc']), list: [f, f] }) as {
    blob: Blob;
    list: (() => unknown)[];
  };
  expect(blob.size).toBe(3);
  expect(list[0]).toBe(list[1]);
  expect(list[0]?.()).toEqual([1, [2]]);
  const buffer = new ArrayBuffer(8);
  const moved = copyWithTransfer({ f, buffer }, [buffer]) as { f: () => unknown };
  expect([moved.f(), buffer.byteLength]).toEqual([[1, [2]], 0]);
});

test('copy: what a function captures and what refers to it keep their identity', () => {
  const shared = { n: 1 };
  const f = versions.entry(0, [shared, [shared]]) as () => [typeof shared, (typeof shared)[]];
  const { g, object } = copy({ g: f, object: shared }) as { g: typeof f; object: typeof shared };
  const [first, [second]] = g();
  expect(first).toBe(object);
  expect(second).toBe(object);
  expect(first).not.toBe(shared);
});

test('copy: a function that captures what cannot be copied, or itself, is refused with the path', () => {
  const box: { f?: unknown; cb?: unknown } = {};
  box.f = versions.entry(0, [box, 2]);
  expect(complaint({ a: [box.f] })).toBe(
    'message.a[0], captured a.f is the function that captures it: a function cannot be copied into itself',
  );
  const held = { list: [() => 1] };
  expect(complaint([versions.entry(0, [1, held])])).toBe(
    'message[0], captured b.list[0] is a function',
  );
  expect(() => versions.value(0, [{ deep: [() => 1] }, 2])).toThrow(
    'captured a.deep[0] is a function',
  );
});

test('copy: the original is left untouched', () => {
  fc.assert(
    fc.property(messages, (value) => {
      const before = structuredClone(value);
      copy(value);
      expect(difference(structuredClone(value), before)).toBeUndefined();
    }),
  );
});

test('copy: works in a realm that was hardened before and after it was loaded', () => {
  const script = `
    import { readFileSync } from 'node:fs';
    const { build } = await import('esbuild');
    const { outputFiles } = await build({
      entryPoints: ['runtime/copy.ts'], bundle: true, write: false, format: 'esm', platform: 'node',
    });
    const url = 'data:text/javascript,' + encodeURIComponent(outputFiles[0].text);
    const early = await import(url + '//early');
    await import('ses');
    lockdown({ errorTaming: 'unsafe', overrideTaming: 'severe', consoleTaming: 'unsafe' });
    const late = await import(url + '//late');
    for (const { copy } of [early, late]) for (let i = 0; i < 9; i++) {
      const from = JSON.parse('{"toString":1,"constructor":{"valueOf":[2]},"__proto__":3,"z":[{}]}');
      if (JSON.stringify(copy(from)) !== JSON.stringify(from)) throw new Error('differs');
      copy({ at: new Date(), map: new Map([[1, new Uint8Array(2)]]), e: new Error('x'), r: /x/ });
    }
    console.log('same');`;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(result.stderr).toBe('');
  expect(result.stdout).toBe('same\n');
});
