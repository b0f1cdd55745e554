import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copy } from '../../runtime/copy.js';
import { encodeKey, encodePrefix } from '../../runtime/term-key.js';
import { compareTerms, equalTerms, hashTerm } from '../../runtime/term-order.js';
import { messages } from './message-values.js';

const small: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    false,
    true,
    Number.NaN,
    -0,
    0,
    -1,
    1.5,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0n,
    -1n,
    255n,
    256n,
    -256n,
    -255n,
    '',
    'a',
    'a\0',
    'b',
    '\uffff',
    '\ud800\udc00',
  ),
  fc.integer(),
  fc.double(),
  fc.bigInt(),
  fc.string({ unit: 'binary' }),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array({ maxLength: 4, max: 3 }),
);

const terms = fc.letrec<{ term: unknown }>((tie) => ({
  term: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    small,
    fc.array(tie('term'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '', '__proto__'), tie('term'), { maxKeys: 3 }),
    fc.array(fc.tuple(small, tie('term')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('term'), { maxLength: 3 }).map((items) => new Set(items)),
  ),
})).term;

const sign = (number: number): number => (number < 0 ? -1 : number > 0 ? 1 : 0);

/** Does this value contain itself? Such a value has no order, and says so. */
function hasNoOrder(value: unknown): boolean {
  try {
    hashTerm(value);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ reason: 'badarg' });
    return true;
  }
}

test('term order: values of different types sort by rank, equal types among themselves', () => {
  const ascending: unknown[] = [
    undefined,
    null,
    false,
    true,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    -1,
    0,
    0.5,
    Number.POSITIVE_INFINITY,
    -(2n ** 70n),
    -1n,
    0n,
    2n ** 70n,
    '',
    'a',
    'ab',
    'b',
    '\ud800\udc00',
    '\uffff',
    new Date(Number.NaN),
    new Date(-1),
    new Date(1),
    [],
    [undefined],
    [1],
    [1, 'x'],
    [2],
    {},
    { a: 2 },
    { b: 1 },
    { a: 1, b: 1 },
    { a: 1, b: 2 },
    new Map(),
    new Map([[1, 2]]),
    new Map([[1, 3]]),
    new Set(),
    new Set([1]),
    new ArrayBuffer(1),
    new Uint8Array([0]),
    new Uint8Array([0, 0]),
    new Uint8Array([1]),
    new DataView(new ArrayBuffer(1)),
    /a/,
    /a/g,
    new Error('a'),
    new Error('b'),
    Object(1),
  ];
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) {
      const expected = sign(i - j);
      expect(sign(compareTerms(a, b)), `${i} and ${j}`).toBe(expected);
      expect(sign(Buffer.compare(encodeKey(a), encodeKey(b))), `keys ${i} and ${j}`).toBe(expected);
    }
  }
});

test('term order: is reflexive, antisymmetric and transitive, and agrees with equality, hash and keys', () => {
  fc.assert(
    fc.property(terms, terms, terms, (a, b, c) => {
      const ab = sign(compareTerms(a, b));
      expect(compareTerms(a, a)).toBe(0);
      expect(sign(compareTerms(b, a)) + ab).toBe(0);
      if (ab <= 0 && compareTerms(b, c) <= 0) expect(compareTerms(a, c)).toBeLessThanOrEqual(0);
      expect(equalTerms(a, b)).toBe(ab === 0);
      if (ab === 0) expect(hashTerm(a)).toBe(hashTerm(b));
      expect(sign(Buffer.compare(encodeKey(a), encodeKey(b)))).toBe(ab);
    }),
    { numRuns: 2000 },
  );
});

test('term order: anything that was sent equals its further copies', () => {
  fc.assert(
    fc.property(messages, (message) => {
      // The first copy may lose something: the class of an instance, the name of an error.
      const value = copy(message);
      if (hasNoOrder(value)) return;
      const copied = copy(value);
      expect(compareTerms(value, copied)).toBe(0);
      expect(hashTerm(copied)).toBe(hashTerm(value));
      expect(Buffer.compare(encodeKey(copied), encodeKey(value))).toBe(0);
    }),
    { numRuns: 1000 },
  );
});

test('term order: the order of keys, of entries and of items does not count', () => {
  expect(compareTerms({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(0);
  expect(hashTerm({ a: 1, b: 2 })).toBe(hashTerm({ b: 2, a: 1 }));
  const left = new Map<unknown, unknown>([
    [1, 'x'],
    [{ a: 1 }, 'y'],
  ]);
  const right = new Map<unknown, unknown>([...left].reverse());
  expect(compareTerms(left, right)).toBe(0);
  expect(hashTerm(new Set([1, 'a', left]))).toBe(hashTerm(new Set([right, 'a', 1])));
});

test('term order: -0 equals 0, and a bigint equals no number', () => {
  expect(compareTerms(-0, 0)).toBe(0);
  expect(hashTerm(-0)).toBe(hashTerm(0));
  expect(equalTerms(1n, 1)).toBe(false);
});

test('term order: a value that contains itself is refused', () => {
  const ring: unknown[] = [];
  ring.push(ring);
  const sack = new Set<unknown>();
  sack.add(sack);
  for (const value of [ring, sack]) {
    expect(() => compareTerms(value, [[...ring]])).not.toThrow(RangeError);
    expect(() => hashTerm(value)).toThrow(/no order/);
    expect(() => encodeKey(value)).toThrow(/deep/);
  }
  expect(() => compareTerms(Symbol('s'), 1)).toThrow(/symbol/);
  expect(() =>
    compareTerms(
      () => 1,
      () => 2,
    ),
  ).toThrow(/cannot be sent/);
});

test('term key: the keys that begin with some items lie together, after their prefix', () => {
  const prefix = encodePrefix(['user', 5]);
  const within = encodeKey(['user', 5, 'x']);
  expect(Buffer.compare(prefix, within.subarray(0, prefix.length))).toBe(0);
  expect(Buffer.compare(prefix, encodeKey(['user', 50]).subarray(0, prefix.length))).not.toBe(0);
});
