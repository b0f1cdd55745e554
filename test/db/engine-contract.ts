/**
 * The contract of a storage engine: what transactions rely on, whatever keeps the rows. Each engine runs it, in a
 * test of its own; see `embedded-engine.test.ts`.
 *
 * An engine is reached by several hands, as each scheduler has one. What one hand has committed all of them see.
 */

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { FeedChange } from '../../runtime/db/change-feed.js';
import type { Side } from '../../runtime/db/commit-cells.js';
import type { Committed, SidedWrite, StorageEngine, Verdict } from '../../runtime/db/engine.js';
import { keyBytes, spaceEnd } from '../../runtime/db/key-bytes.js';
import { CLEAR, DELETE, PUT } from '../../runtime/db/log-record.js';
import { decodeValue, encodeValue } from '../../runtime/db/value-bytes.js';

/** The tables of one machine. */
export interface EngineMachine {
  /** Two hands on the same tables. */
  readonly hands: readonly [StorageEngine, StorageEngine];
  /** Everything that was committed is kept. */
  stop(): Promise<void>;
}

/** @param start a machine on the same data each time; what is in RAM is empty at its start */
export function engineContract(name: string, start: () => Promise<EngineMachine>): void {
  describe(`engine contract: ${name}`, () => {
    let machine: EngineMachine;
    const open = async (): Promise<void> => {
      machine = await start();
    };
    beforeAll(open);
    afterAll(() => machine.stop());
    const hands = (): readonly [StorageEngine, StorageEngine] => machine.hands;

    describe.each<Side>(['disc', 'ram'])('%s', (side) => {
      test('read: nothing was put: null, with a version', () => {
        const space = freshSpace(side);
        expect(look(hands()[0], side, space, 'x').value).toBe(null);
      });

      test('commit: each hand reads it at once', () => {
        const space = freshSpace(side);
        for (const [index, hand] of hands().entries()) {
          committed(commit(hand, [put(hand, side, space, `k${index}`, index)]));
          for (const each of hands()) {
            expect(recordOf(each, side, space, `k${index}`)).toBe(index);
          }
        }
        const [first, second] = hands();
        committed(commit(first, [drop(first, side, space, 'k0')]));
        expect(recordOf(second, side, space, 'k0')).toBe(null);
      });

      test('commit: what it has read was changed since: conflict, and nothing is written', () => {
        const space = freshSpace(side);
        const [first, second] = hands();
        committed(commit(first, [put(first, side, space, 'x', 1)]));
        const seen = look(first, side, space, 'x');
        const reads = new Map([[seen.stripe, seen.version]]);
        // Still so: others have changed something else.
        committed(commit(second, [put(second, side, space, other(second, side, space, 'x'), 0)]));
        committed(commit(first, [put(first, side, space, 'x', 2)], { reads }));
        // Not so any more, for it has changed it itself.
        const lost = [put(second, side, space, 'x', 3), put(second, side, space, 'y', 3)];
        expect(commit(second, lost, { reads })).toBe('conflict');
        expect(recordOf(first, side, space, 'x')).toBe(2);
        expect(recordOf(first, side, space, 'y')).toBe(null);
      });

      test('commit: a row appeared that it has looked for: conflict', () => {
        const space = freshSpace(side);
        const [first, second] = hands();
        const seen = look(first, side, space, 'new');
        expect(seen.value).toBe(null);
        committed(commit(second, [put(second, side, space, 'new', 1)]));
        const reads = new Map([[seen.stripe, seen.version]]);
        expect(commit(first, [put(first, side, space, 'new', 2)], { reads })).toBe('conflict');
      });

      test('versions: raised by writes and raises, for every hand, and given with the commit', () => {
        const space = freshSpace(side);
        const [first, second] = hands();
        const raised = first.stripeOf(keyBytes(space));
        const write = put(first, side, space, other(first, side, space, null), 1);
        const before = [second.version(raised), second.version(write.stripe), second.clock];
        const done = committed(commit(first, [write], { raises: new Set([raised]) }));
        const after = [second.version(raised), second.version(write.stripe), second.clock];
        for (const [index, value] of after.entries()) expect(value).not.toBe(before[index]);
        expect(done.versions).toEqual([second.version(write.stripe)]);
        expect(look(second, side, space, 'none').version).toBe(
          second.version(second.stripeOf(keyBytes(space, 'none'))),
        );
      });

      test('commits: later ones have greater numbers, whoever makes them', () => {
        const space = freshSpace(side);
        let last = 0;
        for (let round = 0; round < 6; round++) {
          const hand = hands()[round % 2] as StorageEngine;
          const { commit: number } = committed(commit(hand, [put(hand, side, space, 'n', round)]));
          expect(number).toBeGreaterThan(last);
          last = number;
        }
      });

      test('scan: bounds, limit and both directions, old and new rows as one', async () => {
        const space = freshSpace(side);
        const [first, second] = hands();
        const keys = Array.from({ length: 40 }, (_, index) => index);
        committed(
          commit(
            first,
            keys.map((key) => put(first, side, space, key, key)),
          ),
        );
        // Now in the store, if there is one; what follows is not yet.
        await vi.waitFor(() => expect(second.sum(side, space).rows).toBe(40), WAIT);
        committed(commit(first, [drop(first, side, space, 3), put(first, side, space, 40, 40)]));
        committed(commit(second, [put(second, side, space, 5, 'five')]));
        for (const hand of hands()) {
          expect(scan(hand, side, space, {})).toEqual(
            [...keys, 40].filter((key) => key !== 3).map((key) => (key === 5 ? 'five' : key)),
          );
          expect(scan(hand, side, space, { limit: 4 })).toEqual([0, 1, 2, 4]);
          expect(scan(hand, side, space, { limit: 3, reverse: true })).toEqual([40, 39, 38]);
          expect(scan(hand, side, space, { from: 2, to: 6 })).toEqual([2, 4, 'five']);
          expect(scan(hand, side, space, { from: 2, to: 6, reverse: true })).toEqual([
            'five',
            4,
            2,
          ]);
          expect(scan(hand, side, space, { from: 50, to: 60 })).toEqual([]);
        }
      });

      test('scan: as long as the version of its stripe stands, so do its rows', () => {
        const space = freshSpace(side);
        const [first, second] = hands();
        const stripe = first.stripeOf(keyBytes(space));
        const range = { from: keyBytes(space), to: spaceEnd(space), limit: 9, reverse: false };
        const { version } = first.scan(side, range, stripe);
        expect(second.version(stripe)).toBe(version);
        const raises = new Set([stripe]);
        committed(commit(second, [put(second, side, space, 'x', 1)], { raises }));
        const reads = new Map([[stripe, version]]);
        expect(commit(first, [put(first, side, space, 'y', 1)], { reads })).toBe('conflict');
      });

      test('clear: the rows of the space are gone, and of no other', async () => {
        const [space, beside] = [freshSpace(side), freshSpace(side)];
        const [first, second] = hands();
        for (const each of [space, beside]) {
          committed(
            commit(
              first,
              [1, 2, 3].map((key) => put(first, side, each, key, key)),
            ),
          );
        }
        committed(commit(first, [write(first, side, CLEAR, keyBytes(space), EMPTY)]));
        // Nobody asks for rows of it any more; it takes no room for long.
        await vi.waitFor(() => expect(second.sum(side, space).rows).toBe(0), WAIT);
        await vi.waitFor(() => expect(second.sum(side, beside).rows).toBe(3), WAIT);
        expect(scan(second, side, beside, {})).toEqual([1, 2, 3]);
      });

      test('sum: rows and bytes, when they are applied', async () => {
        const space = freshSpace(side);
        const [first, second] = hands();
        committed(
          commit(
            first,
            [1, 2].map((key) => put(first, side, space, key, 'x')),
          ),
        );
        committed(commit(first, [drop(first, side, space, 2), put(first, side, space, 1, 'y')]));
        await vi.waitFor(() => expect(second.sum(side, space).rows).toBe(1), WAIT);
        expect(second.sum(side, space).bytes).toBeGreaterThan(0);
      });

      test('watch: commits of all hands in their order, with what was before; none when it has ended', async () => {
        const space = freshSpace(side);
        const [first, second] = hands();
        committed(commit(first, [put(first, side, space, 'k', 'before')]));
        const told: FeedChange[] = [];
        const others: FeedChange[] = [];
        const watch = { table: 'none', space, detailed: true };
        const end = await second.watch(watch, (change) => told.push(change));
        const endOthers = await first.watch({ ...watch, detailed: false }, (change) => {
          others.push(change);
        });
        committed(commit(first, [put(first, side, space, 'k', 1)]));
        committed(
          commit(second, [put(second, side, space, 'k', 2), drop(second, side, space, 'z')]),
        );
        committed(commit(first, [drop(first, side, space, 'k')]));
        await vi.waitFor(() => expect(told).toHaveLength(3), WAIT);
        expect(told.map(plainChange)).toEqual([
          [1, 'before'],
          [2, 1],
          [null, 2],
        ]);
        const numbers = told.map(({ commit: number }) => number);
        expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
        await vi.waitFor(() => expect(others).toHaveLength(3), WAIT);
        expect(others.map(plainChange)).toEqual([
          [1, null],
          [2, null],
          [null, 2],
        ]);
        end();
        committed(commit(first, [put(first, side, space, 'k', 4)]));
        await vi.waitFor(() => expect(others).toHaveLength(4), WAIT);
        expect(told).toHaveLength(3);
        endOthers();
      });

      test('random commits of both hands: as a map has them', async () => {
        const space = freshSpace(side);
        const model = new Map<number, number>();
        const random = numbers(17);
        for (let step = 0; step < 400; step++) {
          const hand = hands()[random(2)] as StorageEngine;
          const writes = Array.from({ length: 1 + random(4) }, () => {
            const key = random(60);
            if (random(4) === 0) {
              model.delete(key);
              return drop(hand, side, space, key);
            }
            model.set(key, step);
            return put(hand, side, space, key, step);
          });
          committed(commit(hand, writes));
          const looking = hands()[random(2)] as StorageEngine;
          const key = random(60);
          expect(recordOf(looking, side, space, key)).toBe(model.get(key) ?? null);
          if (step % 40 === 0) {
            const wanted = [...model].sort(([x], [y]) => x - y).map(([, value]) => value);
            expect(scan(looking, side, space, {})).toEqual(wanted);
            // Let what works behind come in between.
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
        await vi.waitFor(() => expect(hands()[0].sum(side, space).rows).toBe(model.size), WAIT);
      });
    });

    test('commit to both sides: both or none', () => {
      const [disc, ram] = [freshSpace('disc'), freshSpace('ram')];
      const [first, second] = hands();
      const seen = look(first, 'ram', ram, 'x');
      const both = [put(first, 'disc', disc, 'x', 1), put(first, 'ram', ram, 'x', 1)];
      committed(commit(first, both));
      expect([recordOf(second, 'disc', disc, 'x'), recordOf(second, 'ram', ram, 'x')]).toEqual([
        1, 1,
      ]);
      const reads = new Map([[seen.stripe, seen.version]]);
      const later = [put(first, 'disc', disc, 'x', 2), put(first, 'ram', ram, 'x', 2)];
      expect(commit(first, later, { reads })).toBe('conflict');
      expect([recordOf(second, 'disc', disc, 'x'), recordOf(second, 'ram', ram, 'x')]).toEqual([
        1, 1,
      ]);
    });

    test('the machine ends and starts again: what was on disc is there, what was in RAM is not', async () => {
      const [disc, ram] = [freshSpace('disc'), freshSpace('ram')];
      const [first] = hands();
      const writes = [put(first, 'disc', disc, 'x', 'kept'), put(first, 'ram', ram, 'x', 'gone')];
      const { disc: place, commit: number } = committed(commit(first, writes));
      if (place === null) throw new Error('expected a place to wait for');
      await first.synced(place);
      await machine.stop();
      await open();
      const [again, beside] = hands();
      expect(recordOf(again, 'disc', disc, 'x')).toBe('kept');
      expect(recordOf(beside, 'ram', ram, 'x')).toBe(null);
      expect(scan(beside, 'disc', disc, {})).toEqual(['kept']);
      // Numbers of commits are never used twice.
      const next = committed(commit(again, [put(again, 'disc', disc, 'y', 1)]));
      expect(next.commit).toBeGreaterThan(number);
    });

    test('synced: resolves for what was committed by each hand', async () => {
      const space = freshSpace('disc');
      const places = hands().map((hand, index) => {
        const { disc } = committed(commit(hand, [put(hand, 'disc', space, index, index)]));
        return { hand, place: disc };
      });
      for (const { hand, place } of places.reverse()) if (place !== null) await hand.synced(place);
      expect(scan(hands()[0], 'disc', space, {})).toEqual([0, 1]);
    });
  });
}

const EMPTY: Buffer = Buffer.alloc(0);
/** What works behind takes its time on a busy machine. */
const WAIT = { timeout: 30_000, interval: 5 };

/** Behind those of the catalogs; even ones on disc. */
let spaces = 1000;

function freshSpace(side: Side): number {
  spaces += 2;
  return side === 'disc' ? spaces : spaces + 1;
}

function write(
  engine: StorageEngine,
  side: Side,
  kind: SidedWrite['kind'],
  key: Buffer,
  value: Buffer,
): SidedWrite {
  return { side, stripe: engine.stripeOf(key), kind, key, value };
}

function put(
  engine: StorageEngine,
  side: Side,
  space: number,
  key: unknown,
  record: unknown,
): SidedWrite {
  const bytes = keyBytes(space, key);
  return write(engine, side, PUT, bytes, encodeValue(bytes, record));
}

function drop(engine: StorageEngine, side: Side, space: number, key: unknown): SidedWrite {
  return write(engine, side, DELETE, keyBytes(space, key), EMPTY);
}

interface CommitOptions {
  readonly reads?: ReadonlyMap<number, number>;
  readonly raises?: ReadonlySet<number>;
}

function commit(
  engine: StorageEngine,
  writes: readonly SidedWrite[],
  { reads = new Map(), raises = new Set() }: CommitOptions = {},
): Verdict {
  return engine.commit(reads, writes, raises);
}

function committed(verdict: Verdict): Committed {
  if (typeof verdict === 'string') throw new Error(`expected a commit, got ${verdict}`);
  return verdict;
}

function look(
  engine: StorageEngine,
  side: Side,
  space: number,
  key: unknown,
): { readonly value: Buffer | null; readonly version: number; readonly stripe: number } {
  const bytes = keyBytes(space, key);
  const stripe = engine.stripeOf(bytes);
  return { ...engine.read(side, bytes, stripe), stripe };
}

function recordOf(engine: StorageEngine, side: Side, space: number, key: unknown): unknown {
  const { value } = look(engine, side, space, key);
  return value === null ? null : decodeValue(value);
}

function scan(
  engine: StorageEngine,
  side: Side,
  space: number,
  {
    from,
    to,
    limit = 1000,
    reverse = false,
  }: { from?: unknown; to?: unknown; limit?: number; reverse?: boolean },
): unknown[] {
  const range = {
    from: from === undefined ? keyBytes(space) : keyBytes(space, from),
    to: to === undefined ? spaceEnd(space) : keyBytes(space, to),
    limit,
    reverse,
  };
  const { rows } = engine.scan(side, range, engine.stripeOf(keyBytes(space)));
  return rows.flatMap((value, at) => (at % 2 === 1 ? [decodeValue(value)] : []));
}

/** A key of another stripe: keys may share one, and what is versioned is the stripe. */
function other(engine: StorageEngine, side: Side, space: number, key: unknown): string {
  const taken = [engine.stripeOf(keyBytes(space)), engine.stripeOf(keyBytes(space, key))];
  for (let index = 0; ; index++) {
    const found = `${side} ${index}`;
    if (!taken.includes(engine.stripeOf(keyBytes(space, found)))) return found;
  }
}

function plainChange(change: FeedChange): unknown {
  if (change.event !== 'row') return change.event;
  const plain = (bytes: Uint8Array | null): unknown =>
    bytes === null
      ? null
      : decodeValue(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return [plain(change.value), plain(change.before)];
}

/** The same numbers each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}
