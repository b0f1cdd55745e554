/**
 * A latency histogram that makes no garbage: one typed array, made before the clock runs.
 *
 * Steps of 10 ns up to 1 ms, of 1 µs up to 1 s; what is longer counts in the last step. The same
 * steps as in `beam/tsvm_bench.erl`, so that both sides round alike. Of our own because the
 * well-kept one, hdr-histogram-js, cannot be loaded in a hardened realm (its dependency assigns to
 * `Object.hasOwn`), and a process measures where it runs.
 */

const FINE_STEP_NS = 10;
const FINE_COUNT = 100_000;
const COARSE_STEP_NS = 1_000;
const COARSE_COUNT = 1_000_000;

export type Histogram = Int32Array;

export function newHistogram(): Histogram {
  return new Int32Array(FINE_COUNT + COARSE_COUNT);
}

export function addLatency(histogram: Histogram, ms: number): void {
  const ns = ms * 1e6;
  const step =
    ns < FINE_STEP_NS * FINE_COUNT
      ? Math.floor(ns / FINE_STEP_NS)
      : FINE_COUNT + Math.min(Math.floor(ns / COARSE_STEP_NS), COARSE_COUNT - 1);
  histogram[step] = (histogram[step] ?? 0) + 1;
}

/** The latency in microseconds that `percent` of the counted ones do not exceed: the middle of its step. */
export function latencyUs(histogram: Histogram, percent: number): number {
  let total = 0;
  for (const count of histogram) total += count;
  let left = Math.ceil((total * percent) / 100);
  const step = histogram.findIndex((count) => {
    left -= count;
    return left <= 0;
  });
  const ns =
    step < FINE_COUNT ? (step + 0.5) * FINE_STEP_NS : (step - FINE_COUNT + 0.5) * COARSE_STEP_NS;
  return ns / 1000;
}
