/**
 * Restart intensity: how many restarts there were in the last seconds.
 *
 * Restarts are counted per whole second of the clock, so what is kept is bounded by the period and not
 * by the number of restarts, and nothing is walked: each second is added once and dropped once.
 *
 * Source: OTP, `supervisor:add_restart/3`; SEMANTICS 13.3.
 */

export interface Intensity {
  readonly max: number;
  readonly periodS: number;
  /** Oldest first, from `first` on. */
  seconds: { readonly second: number; count: number }[];
  first: number;
  /** Restarts in all those seconds. */
  total: number;
}

const DROPPED_MAX = 64;

export function newIntensity(max: number, periodS: number): Intensity {
  return { max, periodS, seconds: [], first: 0, total: 0 };
}

/** Note an attempt. @returns false when there were too many. Cost: constant, amortised. */
export function addRestart(intensity: Intensity, nowMs: number): boolean {
  const second = Math.floor(nowMs / 1000);
  const { seconds, periodS } = intensity;
  const last = seconds.at(-1);
  if (last?.second === second) last.count += 1;
  else seconds.push({ second, count: 1 });
  intensity.total += 1;
  for (;;) {
    const oldest = seconds[intensity.first];
    if (oldest === undefined || oldest.second >= second - periodS) break;
    intensity.total -= oldest.count;
    intensity.first += 1;
  }
  if (intensity.first > DROPPED_MAX) {
    intensity.seconds = seconds.slice(intensity.first);
    intensity.first = 0;
  }
  return intensity.total <= intensity.max;
}
