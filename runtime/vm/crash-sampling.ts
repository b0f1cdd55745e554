/**
 * Crash sampling: of which crashes a report is made, and the exact count of all others.
 *
 * A crash takes a token of its signature and one of all crashes of the thread; where either is used up
 * it is counted. Tokens come back with time, so that a crash that goes on is still sampled, and what a
 * storm writes in an hour stays small.
 *
 * Invariants:
 *  1. The number of crashes is the number of reports plus the sum of the counts.
 *  2. Memory is bounded, whatever signatures there are: what finds no place of its own in a tally is
 *     counted under OTHERS.
 */

import type { CountedCrashes, CrashSignature } from '../hosting.js';

/** Reports of equal crashes: so many at once, then so many a second. */
const EQUAL: Rate = { burst: 100, perSecond: 1 };
const ALL: Rate = { burst: 1000, perSecond: 100 };
const SIGNATURES_MAX = 1000;
/** Stands for the crashes of a storm of more kinds than are told apart. */
export const OTHERS: CrashSignature = { reasonClass: '(others)', place: '(several)' };

interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

class Bucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** What there is now. A clock that is set back gives nothing and takes nothing. */
  level(now: number): number {
    const { burst, perSecond } = this.#rate;
    const gained = (Math.max(0, now - this.#at) / 1000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#at = now;
    return this.#tokens;
  }

  take(): void {
    this.#tokens -= 1;
  }

  isFull(now: number): boolean {
    return this.level(now) >= this.#rate.burst;
  }
}

export class CrashSampling {
  readonly #buckets = new Map<string, Bucket>();
  #all: Bucket | null = null;

  /** Is there to be a report? @param now ms */
  admits(signature: CrashSignature, now: number): boolean {
    this.#all ??= new Bucket(ALL, now);
    if (this.#all.level(now) < 1) return false;
    const bucket = this.#bucketOf(keyOf(signature), now);
    if (bucket === null || bucket.level(now) < 1) return false;
    bucket.take();
    this.#all.take();
    return true;
  }

  /** `null` while more kinds of crashes than are told apart come at once. */
  #bucketOf(key: string, now: number): Bucket | null {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    if (this.#buckets.size >= SIGNATURES_MAX) {
      for (const [old, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(old);
      if (this.#buckets.size >= SIGNATURES_MAX) return null;
    }
    const bucket = new Bucket(EQUAL, now);
    this.#buckets.set(key, bucket);
    return bucket;
  }
}

/** Counts by signature. */
export class CrashTally {
  readonly #counts = new Map<
    string,
    { -readonly [K in keyof CountedCrashes]: CountedCrashes[K] }
  >();

  get size(): number {
    return this.#counts.size;
  }

  add({ signature, count, first, last }: CountedCrashes): void {
    let key = keyOf(signature);
    let kept = signature;
    if (!this.#counts.has(key) && this.#counts.size >= SIGNATURES_MAX) {
      kept = OTHERS;
      key = keyOf(OTHERS);
    }
    const known = this.#counts.get(key);
    if (known === undefined) {
      this.#counts.set(key, { signature: kept, count, first, last });
      return;
    }
    known.count += count;
    known.first = Math.min(known.first, first);
    known.last = Math.max(known.last, last);
  }

  counted(): readonly CountedCrashes[] {
    return [...this.#counts.values()];
  }
}

function keyOf({ reasonClass, place }: CrashSignature): string {
  return `${reasonClass}\n${place}`;
}
