/** Selective receive: the first two statements of SEMANTICS §6, one exported function each. */
import assert from 'node:assert/strict';
import { hrtime } from 'node:process';
import {
  exit,
  makeRef,
  type Pid,
  processInfo,
  type Ref,
  receive,
  self,
  send,
  sendAfter,
  spawnOpt,
  TIMEOUT,
  yieldNow,
} from 'tsvm';
import {
  ask,
  Cast,
  death,
  downReason,
  drain,
  next,
  nothing,
  raises,
  take,
  tell,
  thrownBy,
} from './support.js';

type Tagged = { readonly tag: string; readonly n: number };
const tagged =
  (tag: string) =>
  (m: unknown): m is Tagged =>
    (m as Tagged | null)?.tag === tag;

const millisecondsSince = (start: bigint): number => Number(hrtime.bigint() - start) / 1e6;

export async function s6_1_oldest_matching_message_wins(_peer: number): Promise<void> {
  for (const n of [1, 2, 3, 4, 5]) send(self(), n);
  assert.equal(await receive<number>((m) => (m as number) % 2 === 0), 2);
  assert.equal(await receive<number>((m) => (m as number) > 2), 3);
  assert.deepEqual(await drain(), [1, 4, 5]);
}

export async function s6_1_skipped_messages_keep_their_order(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  for (let n = 0; n < 10; n++) send(self(), { tag: n % 3 === 0 ? 'a' : 'b', n });
  await ask(other, 'send', self(), { tag: 'wanted', n: 99 }); // arrives behind them
  assert.equal((await receive(tagged('wanted'))).n, 99);
  assert.deepEqual(
    (await drain()).map((m) => (m as Tagged).n),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  await cast.end();
}

export async function s6_1_a_waiting_receive_leaves_what_does_not_match(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  for (const n of [1, 2]) tell(other, 'send', self(), { tag: 'other', n });
  tell(other, 'send', self(), { tag: 'wanted', n: 3 });
  tell(other, 'send', self(), { tag: 'other', n: 4 });
  assert.equal((await receive(tagged('wanted'))).n, 3);
  const left: number[] = [];
  for (let i = 0; i < 3; i++) left.push((await receive(tagged('other'))).n);
  assert.deepEqual(left, [1, 2, 4]);
  for (let i = 0; i < 4; i++) await next('answer'); // the puppet's answers to tell
  await cast.end();
}

export async function s6_1_after_a_match_the_save_queue_is_scanned_again(
  _peer: number,
): Promise<void> {
  for (const tag of ['x', 'y', 'x', 'z']) send(self(), { tag, n: 0 });
  assert.equal((await receive(tagged('z'))).tag, 'z');
  assert.equal((await receive(tagged('y'))).tag, 'y');
  assert.deepEqual(
    (await drain()).map((m) => (m as Tagged).tag),
    ['x', 'x'],
  );
}

export async function s6_1_each_message_is_offered_once_per_waiting_receive(
  peer: number,
): Promise<void> {
  // The save queue: arrivals do not make the receive look at the old messages again.
  const cast = new Cast(peer);
  const other = cast.puppet();
  for (let n = 0; n < 100; n++) send(self(), n);
  for (let n = 100; n < 200; n++) tell(other, 'send', self(), n);
  tell(other, 'send', self(), 'end');
  const offered = new Map<unknown, number>();
  await receive((m) => {
    const key = typeof m === 'object' ? 'answer' : m;
    offered.set(key, (offered.get(key) ?? 0) + 1);
    return m === 'end';
  });
  for (let n = 0; n < 200; n++) assert.equal(offered.get(n), 1, `message ${n}`);
  for (let n = 0; n < 200; n++) assert.equal(await receive((m) => typeof m === 'number'), n);
  for (let n = 0; n < 101; n++) await next('answer');
  await cast.end();
}

export async function s6_1_without_match_takes_the_oldest(_peer: number): Promise<void> {
  send(self(), undefined);
  send(self(), null);
  send(self(), 0);
  assert.equal(await receive(), undefined);
  assert.equal(await receive(), null);
  assert.equal(await receive(undefined, 0), 0);
  assert.equal(await receive(undefined, 0), TIMEOUT);
}

export async function s6_1_a_throwing_match_leaves_the_mailbox(_peer: number): Promise<void> {
  for (const n of [1, 2, 3]) send(self(), n);
  const failing = (m: unknown): boolean => {
    if (m === 2) throw new RangeError('match failed');
    return false;
  };
  assert.equal((await thrownBy(() => receive(failing))).name, 'RangeError');
  assert.deepEqual(await drain(), [1, 2, 3]);
}

/** Waits with a match that throws at the word `bad`. */
export async function failsWhileWaiting(report: Pid): Promise<void> {
  try {
    await receive((m) => {
      if (m === 'bad') throw new RangeError('match failed');
      return m === 'never';
    });
  } catch (error) {
    send(report, { caught: (error as Error).message, left: await drain() });
  }
}

export async function s6_1_a_match_that_throws_on_an_arrival_raises_in_the_receiver(
  peer: number,
): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, failsWhileWaiting, self());
  send(pid, 'good');
  await yieldNow();
  send(pid, 'bad');
  assert.deepEqual(await next(), { caught: 'match failed', left: ['good', 'bad'] });
  assert.equal(await downReason(ref), 'normal');
}

export async function s6_2_timeout_zero_scans_once(_peer: number): Promise<void> {
  assert.equal(await receive(undefined, 0), TIMEOUT);
  send(self(), 'x');
  assert.equal(await receive((m) => m === 'y', 0), TIMEOUT);
  assert.equal(await receive((m) => m === 'x', 0), 'x');
}

export async function s6_2_timeout_is_never_early(_peer: number): Promise<void> {
  for (const ms of [1, 5, 20, 50]) {
    const start = hrtime.bigint();
    assert.equal(await receive(undefined, ms), TIMEOUT);
    const took = millisecondsSince(start);
    assert.ok(took >= ms, `${ms} ms asked, ${took} ms waited`);
    assert.ok(took < ms + 1000, `${ms} ms asked, ${took} ms waited`);
  }
}

export async function s6_2_infinity_waits(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  await ask(other, 'sendAfter', 30, self(), 'at last');
  assert.equal(await receive(undefined, Infinity), 'at last');
  await cast.end();
}

export async function s6_2_non_matching_arrivals_do_not_restart_the_timeout(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  for (let ms = 10; ms <= 400; ms += 10) tell(other, 'sendAfter', ms, self(), 'noise');
  const start = hrtime.bigint();
  assert.equal(await receive((m) => m === 'signal', 100), TIMEOUT);
  const took = millisecondsSince(start);
  assert.ok(took >= 100 && took < 350, `${took} ms`);
  for (let n = 0; n < 40; n++) await take((m) => m === 'noise', 'noise');
  for (let n = 0; n < 40; n++) await next('answer');
  await cast.end();
}

export async function s6_2_a_message_in_time_cancels_the_timeout(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  for (let round = 0; round < 50; round++) {
    tell(other, 'send', self(), round);
    assert.equal(await receive((m) => m === round, 5000), round);
    await next('answer');
  }
  await cast.end(); // the census would find timers that stayed
}

export async function s6_2_illegal_timeouts_raise_timeout_value(_peer: number): Promise<void> {
  for (const bad of [-1, Number.NaN, 2 ** 32, -Infinity, '5', null]) {
    await raises('timeout_value', /timeout/, () => receive(undefined, bad as number));
    await raises('timeout_value', /timeout/, () =>
      receive(undefined, { timeoutMs: bad as number }),
    );
  }
}

export async function s6_2_the_greatest_timeout_is_accepted(_peer: number): Promise<void> {
  send(self(), 'x');
  assert.equal(await receive(undefined, 2 ** 32 - 1), 'x');
  sendAfter(20, self(), 'y');
  assert.equal(await receive(undefined, 2 ** 32 - 1), 'y'); // longer than Node's own timers reach
}

export async function s6_2_timeout_and_message_race_loses_nothing(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const seen = { message: 0, timeout: 0 };
  for (let round = 0; round < 200; round++) {
    await ask(other, 'sendAfter', 1 + (round % 3), self(), round);
    const got = await receive((m) => m === round, 2);
    if (got === TIMEOUT) {
      seen.timeout += 1;
      assert.equal(await receive((m) => m === round, 5000), round);
    } else {
      seen.message += 1;
    }
  }
  assert.ok(seen.timeout > 0 && seen.message > 0, JSON.stringify(seen));
  await nothing();
  await cast.end();
}

/** A server that answers each `{from, ref}` with `{reply: ref}`. */
export async function refServer(): Promise<never> {
  for (;;) {
    const { from, ref } = await receive<{ from: Pid; ref: Ref }>();
    send(from, { reply: ref });
  }
}

export async function s6_3_since_a_fresh_ref_skips_older_messages(_peer: number): Promise<void> {
  for (let n = 0; n < 10; n++) send(self(), n);
  const ref = makeRef();
  send(self(), { reply: ref });
  let offered = 0;
  const got = await receive<{ reply: Ref }>(
    (m) => {
      offered += 1;
      return (m as { reply?: unknown }).reply === ref;
    },
    { since: ref, timeoutMs: 5000 },
  );
  assert.deepEqual(got, { reply: ref });
  assert.equal(offered, 1, 'older messages were offered');
  assert.deepEqual(await drain(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

export async function s6_3_since_does_not_hide_older_messages_from_later_receives(
  _peer: number,
): Promise<void> {
  send(self(), 'old');
  const ref = makeRef();
  assert.equal(await receive(undefined, { since: ref, timeoutMs: 0 }), TIMEOUT);
  assert.equal(await receive(undefined, 0), 'old');
}

export async function s6_3_since_with_a_full_mailbox_is_fast(peer: number): Promise<void> {
  const server = spawnOpt({ scheduler: peer }, refServer);
  const measure = async (): Promise<number> => {
    const start = hrtime.bigint();
    for (let n = 0; n < 100; n++) {
      const ref = makeRef();
      send(server, { from: self(), ref });
      await receive((m) => (m as { reply?: unknown }).reply === ref, { since: ref });
    }
    return millisecondsSince(start);
  };
  /** The best of many: what else the computer does must not count. */
  const best = async (): Promise<number> => {
    let least = Number.POSITIVE_INFINITY;
    for (let n = 0; n < 20; n++) least = Math.min(least, await measure());
    return least;
  };
  await best(); // warm up
  const empty = Math.max(await best(), 0.5);
  for (let n = 0; n < 500_000; n++) {
    send(self(), n);
    if (n % 10_000 === 0) await yieldNow();
  }
  const full = await best();
  assert.ok(full < empty * 10, `empty ${empty} ms, with 500,000 queued ${full} ms`);
  assert.equal((await processInfo(self()))?.messageQueueLength, 500_000);
  exit(server, 'kill');
  await death(server);
}

export async function s6_4_two_receives_in_one_process_each_get_their_message(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const both = Promise.all([receive(tagged('a')), receive(tagged('b'))]);
  await ask(other, 'send', self(), { tag: 'b', n: 2 });
  await ask(other, 'send', self(), { tag: 'a', n: 1 });
  const [a, b] = await both;
  assert.deepEqual([a.n, b.n], [1, 2]);
  await nothing();
  await cast.end();
}

export async function s6_4_concurrent_receives_take_each_message_once(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const waiting = Array.from({ length: 20 }, () => receive((m) => typeof m === 'number'));
  await ask(other, 'sendMany', self(), 0, 20);
  const got = await Promise.all(waiting);
  assert.deepEqual(
    [...(got as number[])].sort((x, y) => x - y),
    Array.from({ length: 20 }, (_, n) => n),
  );
  await nothing();
  await cast.end();
}

export async function s6_4_concurrent_receives_with_timeouts(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  await ask(other, 'sendAfter', 20, self(), { tag: 'a', n: 1 });
  const [a, b] = await Promise.all([receive(tagged('a'), 5000), receive(tagged('b'), 40)]);
  assert.equal((a as Tagged).n, 1);
  assert.equal(b, TIMEOUT);
  await cast.end();
}

export async function s6_4_a_throwing_match_of_a_second_receive_raises_there(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const first = receive((m) => m === 'first');
  const second = thrownBy(() =>
    receive((m) => {
      if (m === 'bad') throw new RangeError('second failed');
      return false;
    }),
  );
  await ask(other, 'send', self(), 'bad');
  assert.equal((await second).message, 'second failed');
  await ask(other, 'send', self(), 'first');
  assert.equal(await first, 'first');
  assert.deepEqual(await drain(), ['bad']);
  await cast.end();
}

export async function s6_4_receive_that_is_not_awaited_at_once_still_works(
  _peer: number,
): Promise<void> {
  const pending = receive((m) => m === 'later');
  send(self(), 'now');
  send(self(), 'later');
  assert.equal(await receive((m) => m === 'now'), 'now');
  assert.equal(await pending, 'later');
}
