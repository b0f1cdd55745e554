import fc from 'fast-check';
import { expect, test } from 'vitest';
import { freezeValue, isFrozenValue, markFrozen } from '../../runtime/frozen.js';
import { difference } from './message-values.js';

test('freezeValue: gives a frozen copy and leaves the original alone', () => {
  const original = { list: [1, { two: 2 }], name: 'x' };
  const frozen = freezeValue(original);
  expect(frozen).toEqual(original);
  expect(frozen).not.toBe(original);
  expect(Object.isFrozen(original)).toBe(false);
  for (const node of [frozen, frozen.list, frozen.list[1] as object]) {
    expect(Object.isFrozen(node)).toBe(true);
    expect(isFrozenValue(node)).toBe(true);
  }
  expect(freezeValue(frozen)).toBe(frozen);
  expect(freezeValue({ part: frozen.list }).part).toBe(frozen.list);
  expect(isFrozenValue(Object.freeze({}))).toBe(false);
});

test('freezeValue: primitives are themselves', () => {
  for (const value of [1, 'x', null, undefined, true, 10n]) expect(freezeValue(value)).toBe(value);
});

test('freezeValue: holds on to everything plain, also when shared and cyclic', () => {
  fc.assert(
    fc.property(fc.object({ withBigInt: true, withSparseArray: true }), (value) => {
      const cyclic = { value, again: value, self: null as unknown };
      cyclic.self = cyclic;
      const frozen = freezeValue(cyclic);
      expect(difference(structuredClone(frozen), structuredClone(cyclic))).toBeUndefined();
      expect(frozen.self).toBe(frozen);
    }),
  );
});

test('freezeValue: refuses what cannot be frozen, with its path, and marks nothing', () => {
  class Point {}
  const refuse = (value: unknown): string => {
    try {
      freezeValue(value);
    } catch (error) {
      return (error as Error).message;
    }
    return 'frozen';
  };
  expect(refuse({ a: [new Map()] })).toMatch(/^value\.a\[0\] is a Map: only plain/);
  expect(refuse([new Date()])).toMatch(/^value\[0\] is a Date/);
  expect(refuse({ s: new Set() })).toMatch(/^value\.s is a Set/);
  expect(refuse(new Uint8Array(1))).toMatch(/^value is binary data/);
  expect(refuse(/x/)).toMatch(/^value is a RegExp/);
  expect(refuse(new Error('x'))).toMatch(/^value is an Error/);
  expect(refuse({ f: () => 1 })).toMatch(/^value\.f is a function/);
  expect(refuse({ p: new Proxy({}, {}) })).toMatch(/^value\.p is a proxy/);
  expect(refuse({ point: new Point() })).toMatch(/^value\.point is an instance of a class/);
});

test('markFrozen: freezes and marks in place', () => {
  const value = { a: [{ b: 1 }] };
  markFrozen(value);
  expect(Object.isFrozen(value.a[0])).toBe(true);
  expect(isFrozenValue(value.a)).toBe(true);
});
