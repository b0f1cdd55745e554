/**
 * Transactions against a model: histories of random transactions on all schedulers have an order in which they
 * could have run one after the other.
 *
 * The lists at the end say in which order appends happened. From that and from what was read follows which
 * transaction was before which: who appended before me, whom I have read, who appended what I have not
 * seen yet. They are serialisable when that has no cycle.
 *
 * Source: Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations" (2020).
 */

import { expect, test } from 'vitest';
import type { Entry } from '../otp/modules/db-history.js';
import { startTestVm } from '../support/section.js';

interface History {
  readonly entries: readonly Entry[];
  readonly lists: Readonly<Record<number, readonly string[]>>;
}

/** Who must come after whom. */
function orderOf({ entries, lists }: History): Map<string, Set<string>> {
  const after = new Map<string, Set<string>>(entries.map(({ id }) => [id, new Set<string>()]));
  const edge = (before: string, later: string): void => {
    if (before !== later) after.get(before)?.add(later);
  };
  for (const items of Object.values(lists)) {
    for (const [at, id] of items.entries()) {
      expect(after.has(id), `${id} is in a list and was not committed`).toBe(true);
      if (at > 0) edge(items[at - 1] as string, id);
    }
    expect(new Set(items).size).toBe(items.length);
  }
  for (const { id, reads, appends } of entries) {
    for (const key of appends) expect(lists[key], `${id} is lost`).toContain(id);
    for (const [key, seen] of Object.entries(reads)) {
      const all = lists[Number(key)] ?? [];
      expect(seen, `${id} has read what never was`).toEqual(all.slice(0, seen.length));
      const last = seen.at(-1);
      if (last !== undefined) edge(last, id);
      const next = all[seen.length] === id ? all[seen.length + 1] : all[seen.length];
      if (next !== undefined) edge(id, next);
    }
  }
  return after;
}

/** A transaction that must come before itself. */
function cycleIn(after: ReadonlyMap<string, ReadonlySet<string>>): string | null {
  const incoming = new Map<string, number>([...after.keys()].map((id) => [id, 0]));
  for (const later of after.values()) {
    for (const id of later) incoming.set(id, (incoming.get(id) ?? 0) + 1);
  }
  const free = [...incoming].flatMap(([id, count]) => (count === 0 ? [id] : []));
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    incoming.delete(id);
    for (const later of after.get(id) ?? []) {
      const count = (incoming.get(later) ?? 0) - 1;
      incoming.set(later, count);
      if (count === 0) free.push(later);
    }
  }
  return incoming.keys().next().value ?? null;
}

test('the checker: write skew has a cycle', () => {
  const skew: History = {
    entries: [
      { id: 'a', reads: { 1: [], 2: [] }, appends: [1] },
      { id: 'b', reads: { 1: [], 2: [] }, appends: [2] },
    ],
    lists: { 1: ['a'], 2: ['b'] },
  };
  expect(cycleIn(orderOf(skew))).not.toBeNull();
});

test.each([1, 2])(
  'transactions: %i schedulers: every history could have run one by one',
  async (schedulers) => {
    const vm = await startTestVm({ schedulers });
    try {
      for (const [seed, keys] of [
        [1, 3],
        [2, 8],
      ]) {
        const history = (await vm.run('db-history', 'histories', [seed, 60, keys])) as History;
        expect(history.entries.length).toBeGreaterThan(100 * schedulers);
        expect(cycleIn(orderOf(history))).toBeNull();
      }
    } finally {
      await vm.stop();
    }
  },
  120_000,
);
