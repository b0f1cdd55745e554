import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DataCloneError } from '../../runtime/clone-error.js';
import { freezeValue, isFrozenValue } from '../../runtime/frozen.js';
import { difference, messages, records } from './message-values.js';
import { ringPair } from './ring-pair.js';
import { functionDifference, sendable, versions, withFunctions } from './sendable-functions.js';

const pair = ringPair();
afterAll(() => pair.close());

function expectSame(value: unknown): void {
  expect(difference(pair.roundTrip(value), structuredClone(value))).toBeUndefined();
}

test('codec: any message arrives as structuredClone makes it', () => {
  fc.assert(
    fc.property(messages, (value) => {
      expectSame(value);
    }),
    { numRuns: 3000 },
  );
});

test('codec: numbered strings and warm shapes arrive the same', () => {
  fc.assert(
    fc.property(records, fc.array(records), (value, items) => {
      for (let round = 0; round < 6; round += 1) expectSame(value);
      expectSame({ type: 'nested', value, items, again: value, items2: [items, value] });
    }),
    { numRuns: 1000 },
  );
});

test('codec: every integer boundary, and the two zeros', () => {
  const numbers: number[] = [];
  for (let bit = 0; bit < 54; bit += 1) {
    for (const offset of [-1, 0, 1]) numbers.push(2 ** bit + offset, -(2 ** bit) + offset);
  }
  expectSame([...numbers, 0, -0, Number.NaN, Infinity, -Infinity, Number.MIN_VALUE]);
});

test('codec: strings of every length and width', () => {
  for (let length = 0; length < 70; length += 1) {
    expectSame('x'.repeat(length));
    expectSame('é'.repeat(length));
    expectSame(`${'x'.repeat(length)}\ud800`);
  }
  expectSame('long'.repeat(5000));
  expectSame('日本'.repeat(5000));
  expectSame({ huge: 'x'.repeat(200_000), wide: '日'.repeat(100_000) });
});

test('codec: more strings and shapes than there are ids', () => {
  const local = ringPair();
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < 9000; index += 1) {
      const text = `string ${index}`;
      expect(local.roundTrip([text, text, text])).toEqual([text, text, text]);
    }
  }
  for (let index = 0; index < 4500; index += 1) {
    const value = { [`k${index >> 6}`]: 1, [`l${index & 63}`]: { shared: index } };
    for (let round = 0; round < 5; round += 1) expect(local.roundTrip(value)).toEqual(value);
  }
  local.close();
});

test('codec: terms of one frame share nothing', () => {
  const value = { a: 1 };
  pair.writer.write(1, value, value, [value, value], value);
  const terms = pair.drain()[0]?.terms as [object, object, object[], object];
  expect(terms).toEqual([value, value, [value, value], value]);
  expect(new Set([terms[0], terms[1], terms[2][0], terms[3]]).size).toBe(4);
  expect(terms[2][0]).toBe(terms[2][1]);
});

test('codec: what cannot be sent is named, and nothing is written', () => {
  const bad = { fresh1: 'a new string', list: [1, { cb: () => 1 }] };
  for (let round = 0; round < 6; round += 1) {
    expect(() => pair.writer.write(1, 'a new string', 'b', 'c', bad)).toThrow(
      new DataCloneError('message.list[1].cb', 'is a function'),
    );
    expect(() => pair.writer.write(1, new Map(), 0, 0, [new SharedArrayBuffer(1)])).toThrow(
      /^message\[0\] is a SharedArrayBuffer/,
    );
    expect(() => pair.writer.write(1, /x/, 0, 0, { p: new Proxy({}, {}) })).toThrow(
      'message.p is a proxy',
    );
    expect(pair.drain()).toEqual([]);
    expectSame({ fresh1: 'a new string', list: [1, { cb: 'another' }] });
    expectSame(['a new string', /x/]);
  }
});

test('codec: buffers are transferred on request, and stay when the send fails', () => {
  const buffer = new ArrayBuffer(8);
  new Uint8Array(buffer)[3] = 9;
  expect(() => pair.writer.write(1, 0, 0, 0, { buffer, f() {} }, [buffer])).toThrow(
    'message.f is a function',
  );
  expect(buffer.byteLength).toBe(8);
  const arrived = pair.roundTrip({ view: new Uint8Array(buffer), n: 1 }, [buffer]);
  expect(arrived).toEqual({ view: new Uint8Array([0, 0, 0, 9, 0, 0, 0, 0]), n: 1 });
  expect(buffer.byteLength).toBe(0);
});

test('codec: a frozen value arrives frozen, and as the same object each time', () => {
  const local = ringPair();
  const frozen = freezeValue({ table: [1, { two: 2 }], self: 'x' });
  const first = local.roundTrip(['config', frozen]) as [string, typeof frozen];
  expect(first[1]).toEqual(frozen);
  expect(first[1]).not.toBe(frozen);
  expect(isFrozenValue(first[1].table)).toBe(true);
  expect(Object.isFrozen(first[1].table[1])).toBe(true);
  const second = local.roundTrip([frozen, frozen]) as unknown[];
  expect(second[0]).toBe(first[1]);
  expect(second[1]).toBe(first[1]);
  expect(() => local.writer.write(1, 0, 0, 0, [freezeValue([7]), () => 1])).toThrow();
  expect(local.roundTrip(freezeValue([8]))).toEqual([8]);
  local.close();
});

test('codec: more frozen values than there are ids', () => {
  const local = ringPair();
  const values = Array.from({ length: 1500 }, (_, index) => freezeValue({ index, list: [index] }));
  for (let round = 0; round < 3; round += 1) {
    for (const value of values) expect(local.roundTrip({ value, round })).toEqual({ value, round });
  }
  local.close();
});

test('codec: a frozen cyclic value', () => {
  const cyclic: Record<string, unknown> = { name: 'loop' };
  cyclic['self'] = cyclic;
  const arrived = pair.roundTrip(freezeValue(cyclic)) as typeof cyclic;
  expect(arrived['self']).toBe(arrived);
  expect(isFrozenValue(arrived)).toBe(true);
});

test('codec: very deep values', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 1000; level += 1) deep = { deep };
  expectSame(deep);
  for (let level = 0; level < 200_000; level += 1) deep = [deep];
  expect(() => pair.roundTrip(deep)).toThrow('message is nested too deeply to be copied');
  expectSame({ fine: [1] });
});

test('codec: functions that can be sent arrive with copies of what they capture', () => {
  fc.assert(
    fc.property(messages, messages, (a, b) => {
      const captured = structuredClone([a, b]);
      const value = withFunctions(a, b);
      expect(functionDifference(value, (each) => pair.roundTrip(each), captured)).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

test('codec: functions by ring and by lane, alone, shared, nested and with transfer', () => {
  const inner = sendable('in', 1);
  const outer = sendable(inner, [inner]);
  for (const filler of [0, /lane/]) {
    const got = pair.roundTrip({ outer, inner, filler }) as { outer: () => unknown[] };
    const [first, list] = got.outer() as [() => unknown, (() => unknown)[]];
    expect(first()).toEqual(['in', 1]);
    expect(list[0]).toBe(first);
  }
  expect((pair.roundTrip(inner) as () => unknown)()).toEqual(['in', 1]);
});

test('codec: closures, and functions inside what they capture, are refused with their path', () => {
  const box: { f?: unknown } = {};
  box.f = versions.entry(0, [box, 2]);
  expect(() => pair.roundTrip([box.f])).toThrow('message[0], captured a.f is the function');
  expect(() => pair.roundTrip([sendable(1, 2), { cb: () => 1 }])).toThrow(
    'message[1].cb is a function',
  );
  // From the object on, the circle can be made again: the object is there before the function.
  const circle = pair.roundTrip(box) as { f: () => unknown[] };
  expect(circle.f()[0]).toBe(circle);
  expect((pair.roundTrip({ box, lane: /lane/ }) as { box: typeof circle }).box.f()[1]).toBe(2);
  // The frame that failed left nothing behind.
  expect((pair.roundTrip(sendable(3, 4)) as () => unknown)()).toEqual([3, 4]);
});
