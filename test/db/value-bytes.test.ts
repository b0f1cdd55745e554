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

/** Objects of classes of one's own lose them when they are sent, and are put after that. */
function plainly(value: unknown): unknown {
  return structuredClone(value);
}

test('value bytes: any message comes back as structuredClone makes it', () => {
  fc.assert(
    fc.property(messages.map(plainly), (value) => {
      // Of a view its own bytes are kept, not the whole buffer that it is a part of.
      const found = difference(kept(value), structuredClone(value)) ?? 'views differ';
      expect(found).toMatch(/(views differ|identity differs)$/);
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

test('key bytes: lists compare item by item, and one that ends comes first', () => {
  const sorted: DbKey[] = [[], ['a'], ['a', 1], ['a', 2], ['a', 10], ['a', 'x'], ['a\0'], ['b']];
  const bytes = sorted.map((key) => keyBytes(2, key));
  expect([...bytes].sort(Buffer.compare)).toEqual(bytes);
});

test('key bytes: two keys behind one another never read as two others', () => {
  const parts = fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.double(), fc.bigInt());
  fc.assert(
    fc.property(parts, parts, parts, parts, (a, b, c, d) => {
      const same = keyBytes(2, a, b).equals(keyBytes(2, c, d));
      expect(same).toBe(
        keyBytes(2, a).equals(keyBytes(2, c)) && keyBytes(2, b).equals(keyBytes(2, d)),
      );
    }),
    { numRuns: 2000 },
  );
});

test('key bytes: a key that is too long: badarg', () => {
  expect(() => keyBytes(2, 'x'.repeat(901))).toThrow('at most 900 bytes');
});
