/**
 * Rates: at most so many in any interval of so many milliseconds.
 *
 * The times of the last `limit` events are kept in a ring, so the rule holds for every interval and not only
 * for those of a grid, where twice as many can pass around a line.
 *
 * Source: the regulators of `jobs`, of the Erlang community.
 */

export interface Rate {
  readonly limit: number;
  readonly intervalMs: number;
  /** Of the last events; `next` is the place of the oldest, once there are `limit`. */
  readonly times: number[];
  next: number;
}

export function newRate(limit: number, intervalMs: number): Rate {
  return { limit, intervalMs, times: [], next: 0 };
}

/** How many milliseconds until the next one may pass; 0: now. */
export function waitMs({ limit, intervalMs, times, next }: Rate, nowMs: number): number {
  if (times.length < limit) return 0;
  return Math.max(0, (times[next] as number) + intervalMs - nowMs);
}

/** One passes now. */
export function pass(rate: Rate, nowMs: number): void {
  rate.times[rate.next] = nowMs;
  rate.next = rate.next + 1 === rate.limit ? 0 : rate.next + 1;
}
