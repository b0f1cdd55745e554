/** Snapshot: copies of a state for its own process. */
import { expect, test } from 'vitest';
import { snapshot } from '../../runtime/snapshot.js';

test('snapshot: plain values are new at every depth, with what they share and refer back to', () => {
  const shared = { n: 1 };
  const state: Record<string, unknown> = {
    list: [shared, shared],
    map: new Map<unknown, unknown>([[shared, new Set([shared])]]),
    bare: Object.create(null) as object,
  };
  state['self'] = state;
  const copy = snapshot(state);
  expect(copy).toEqual(state);
  expect(copy).not.toBe(state);
  expect(copy['self']).toBe(copy);
  const [a, b] = copy['list'] as [object, object];
  expect(a).toBe(b);
  expect(a).not.toBe(shared);
  expect((copy['map'] as Map<unknown, Set<unknown>>).get(a)?.has(a)).toBe(true);
  expect(Object.getPrototypeOf(copy['bare'])).toBeNull();
});

test('snapshot: functions, class instances and frozen values are shared or copied, never refused', () => {
  class Socket {}
  const socket = new Socket();
  const fn = (): void => {};
  const copy = snapshot(Object.freeze({ socket, fn, at: new Date(0), inner: Object.freeze([1]) }));
  expect(copy.socket).toBe(socket);
  expect(copy.fn).toBe(fn);
  expect(Object.isFrozen(copy.inner)).toBe(false);
});

test('snapshot: a chain of 100,000 values does not need a stack of that depth', () => {
  let chain: { next: unknown } = { next: null };
  for (let n = 0; n < 100_000; n++) chain = { next: chain };
  let length = 0;
  for (let at: unknown = snapshot(chain); at !== null; at = (at as typeof chain).next) length += 1;
  expect(length).toBe(100_001);
});
