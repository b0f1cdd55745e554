import { expect, test } from 'vitest';
import { describeMachine, parseOwnTicks, parseSystemTicks } from '../../bench/machine.js';

test('machine: says what the figures were made with', () => {
  const { description, versions } = describeMachine();
  expect(description).toMatch(/\d+ cores, \d+ GB/);
  expect(versions).toMatchObject({ node: process.versions.node });
  expect(versions['tsvm']).toMatch(/^\d+\.\d+\.\d+/);
});

test('others: busy ticks of all cores leave out idle and waiting', () => {
  const stat = 'cpu  100 20 30 4000 500 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n';
  expect(parseSystemTicks(stat)).toBe(100 + 20 + 30 + 6 + 7 + 8);
});

test('others: own ticks hold those of ended children, whatever the program is called', () => {
  const stat = '12 (a (b) c) S 1 1 1 0 -1 0 0 0 0 0 11 22 33 44 20 0';
  expect(parseOwnTicks(stat)).toBe(11 + 22 + 33 + 44);
});
