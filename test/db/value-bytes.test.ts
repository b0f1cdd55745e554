/** Records as bytes, and keys as bytes whose order is theirs. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataCloneError } from '../../runtime/clone-error.js';
import { type DbKey, keyBytes } from '../../runtime/db/key-bytes.js';
import { isSoundRow } from '../../runtime/db/store.js';
import { decodeValue, encodeValue } from '../../runtime/db/value-bytes.js';
import { difference, messages, records } from '../runtime/message-values.js';

const KEY = keyBytes(2, 'key');

function kept(value: unknown): unknown {
  return decodeValue(encodeValue(KEY, value));
}

test('value bytes: any message comes back as structuredClone makes it', () => {
  fc.assert(
    fc.property(messages, (value) => {
      // Of a view its own bytes are kept, not the whole buffer that it is a part of.
      const found = difference(kept(value), structuredClone(value)) ?? 'views differ';
      expect(found).toMatch(/views differ$/);
    }),
    { numRuns: 3000 },
  );
});

test('value bytes: records of all shapes come back', () => {
  fc.assert(
    fc.property(fc.array(records), (value) => {
      expect(difference(kept(value), structuredClone(value))).toBeUndefined();
    }),
    { numRuns: 1000 },
  );
});

test('value bytes: cycles and shared parts stay what they are', () => {
  const shared = { a: 1 };
  const value: Record<string, unknown> = { shared, list: [shared, shared] };
  value['self'] = value;
  for (let index = 0; index < 20; index++) value[`f${index}`] = { index, shared };
  const back = kept(value) as typeof value;
  expect(back['self']).toBe(back);
  expect((back['list'] as unknown[])[1]).toBe(back['shared']);
  expect((back['f19'] as { shared: unknown }).shared).toBe(back['shared']);
});

test('value bytes: a function: refused', () => {
  expect(() => encodeValue(KEY, { call: () => 1 })).toThrow(DataCloneError);
});

test('value bytes: any bit that turns in key or value is found', () => {
  const whole = encodeValue(KEY, { id: 'key', text: 'hello', count: 7 });
  expect(isSoundRow(KEY, whole)).toBe(true);
  for (const bytes of [KEY, whole]) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const at = bit >> 3;
      bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
      expect(isSoundRow(KEY, whole)).toBe(false);
      bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
    }
  }
});

const simple = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.bigInt(),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 6 }),
);
const keys: fc.Arbitrary<DbKey> = fc.oneof(simple, fc.array(simple, { maxLength: 4 }));

test('key bytes: equal for equal keys alone', () => {
  fc.assert(
    fc.property(keys, keys, (a, b) => {
      const same = keyBytes(2, a).equals(keyBytes(2, b));
      expect(same).toBe(isSame(a, b));
    }),
    { numRuns: 3000 },
  );
});

function isSame(a: DbKey, b: DbKey): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (typeof a === 'number' && typeof b === 'number') return a === b;
  return difference(a, b) === undefined;
}

test.each<[string, fc.Arbitrary<DbKey>, (a: never, b: never) => boolean]>([
  ['numbers', fc.double({ noNaN: true }), (a: number, b: number) => a < b],
  ['bigints', fc.bigInt(), (a: bigint, b: bigint) => a < b],
  ['dates', fc.date({ noInvalidDate: true }), (a: Date, b: Date) => a < b],
  ['text', fc.string({ unit: 'binary-ascii' }), (a: string, b: string) => a < b],
])('key bytes: %s: their order is that of the bytes', (_, arbitrary, isLess) => {
  fc.assert(
    fc.property(arbitrary, arbitrary, (a, b) => {
      const order = Math.sign(keyBytes(2, a).compare(keyBytes(2, b)));
      const expected = isLess(a as never, b as never) ? -1 : isLess(b as never, a as never) ? 1 : 0;
      expect(order).toBe(expected);
    }),
    { numRuns: 2000 },
  );
});

test('key bytes: lists compare item by item, and one that ends comes first', () => {
  const sorted: DbKey[] = [[], ['a'], ['a', 1], ['a', 1, 'x'], ['a', 2], ['a', 10], ['a\0'], ['b']];
  const bytes = sorted.map((key) => keyBytes(2, key));
  expect([...bytes].sort(Buffer.compare)).toEqual(bytes);
});
