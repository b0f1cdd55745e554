import { expect, test } from 'vitest';
import { formatRatio, formatValue } from '../../bench/format.js';
import { summarize } from '../../bench/statistics.js';
import { addLatency, latencyUs, newHistogram } from '../../bench/workloads/histogram.js';

test('summary: an odd number of samples has its middle one as median', () => {
  expect(summarize([5, 1, 4, 2, 3])).toEqual({ median: 3, min: 1, max: 5 });
});

test('summary: an even number has the mean of the middle two', () => {
  expect(summarize([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
});

test('summary: numbers are not sorted as texts', () => {
  expect(summarize([10, 9, 100])).toEqual({ median: 10, min: 9, max: 100 });
});

test('summary: no sample is an error, not a figure', () => {
  expect(() => summarize([])).toThrow(RangeError);
});

test('histogram: percentiles are the middle of their step', () => {
  const histogram = newHistogram();
  for (let us = 1; us <= 100; us++) addLatency(histogram, us / 1000 + 1e-6);
  expect(latencyUs(histogram, 50)).toBeCloseTo(50.005, 6);
  expect(latencyUs(histogram, 99)).toBeCloseTo(99.005, 6);
});

test('histogram: beyond a millisecond the steps are a microsecond, beyond a second there is one', () => {
  const histogram = newHistogram();
  addLatency(histogram, 2.0001);
  expect(latencyUs(histogram, 50)).toBeCloseTo(2000.5, 6);
  addLatency(histogram, 5_000);
  expect(latencyUs(histogram, 99)).toBeCloseTo(999_999.5, 6);
});

test.each([
  [1_756_000, '1.76 M'],
  [999_600, '1.00 M'],
  [168_400, '168 k'],
  [10_000, '10 k'],
  [9_999.2, '9999'],
  [2_648.5, '2649'],
  [24.93, '24.9'],
  [2.884, '2.88'],
  [0, '0'],
])('value: %d is written %s', (value, text) => {
  expect(formatValue(value)).toBe(text);
});

test.each([
  [2.14, '2.1×'],
  [1, '1.0×'],
  [0.674, '0.67×'],
  [12.3, '12×'],
])('ratio: %d is written %s', (value, text) => {
  expect(formatRatio(value)).toBe(text);
});
