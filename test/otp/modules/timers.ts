/** Timers: `sendAfter`, `startTimer`, `cancelTimer`, `readTimer` (SEMANTICS §6). */
import assert from 'node:assert/strict';
import { hrtime } from 'node:process';
import {
  alias,
  cancelTimer,
  exit,
  makeRef,
  monotonicTime,
  type Pid,
  processInfo,
  type Ref,
  readTimer,
  receive,
  register,
  self,
  sendAfter,
  startTimer,
  TIMEOUT,
  type Timeout,
  unalias,
  unregister,
} from 'tsvm';
import {
  answerTo,
  ask,
  Cast,
  death,
  eventually,
  next,
  nothing,
  raises,
  settle,
  take,
  tell,
} from './support.js';

const HOUR = 3_600_000;
/** Beyond what Node's own timers can do (2^31 - 1 ms is about 25 days). */
const BEYOND = 2 ** 31 + 12_345;

const millisecondsSince = (start: bigint): number => Number(hrtime.bigint() - start) / 1e6;

export async function s6_5_sendAfter_sends_the_bare_message(_peer: number): Promise<void> {
  const ref = sendAfter(1, self(), { hello: 1 });
  assert.match(ref, /^#Ref<.+>$/);
  assert.deepEqual(await next(), { hello: 1 });
}

export async function s6_5_startTimer_sends_a_timeout_with_its_ref(_peer: number): Promise<void> {
  const ref = startTimer(1, self(), { hello: 1 });
  assert.deepEqual(await next(), { type: 'timeout', ref, message: { hello: 1 } } satisfies Timeout);
}

export async function s6_5_timers_reach_other_processes(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  sendAfter(1, other, 'from afar');
  assert.equal(await ask(other, 'next'), 'from afar');
  const ref = await ask<Ref>(other, 'startTimer', 1, self(), 'back');
  assert.deepEqual(await next(), { type: 'timeout', ref, message: 'back' });
  await cast.end();
}

export async function s6_5_zero_milliseconds(_peer: number): Promise<void> {
  sendAfter(0, self(), 'at once');
  assert.equal(await next(), 'at once');
}

export async function s6_5_never_early(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  for (const ms of [1, 3, 10, 35]) {
    const start = hrtime.bigint();
    sendAfter(ms, self(), ms);
    tell(other, 'sendAfter', ms, self(), ms);
    for (let n = 0; n < 2; n++) {
      await take((m) => m === ms, `timer of ${ms} ms`);
      const took = millisecondsSince(start);
      assert.ok(took >= ms, `${ms} ms asked, fired after ${took} ms`);
    }
    await next('answer');
  }
  await cast.end();
}

export async function s6_5_order_is_by_due_time(_peer: number): Promise<void> {
  // Set in an order of their own, and enough of them to pass through every level of the timer store.
  const delays = Array.from({ length: 60 }, (_, i) => ((i * 37) % 60) * 4);
  // Due by one look at the clock: the loop itself may be interrupted for longer than between two timers.
  const start = monotonicTime() + 20;
  for (const ms of delays) sendAfter(start + ms, self(), ms, { absolute: true });
  const got: number[] = [];
  for (let n = 0; n < delays.length; n++) got.push((await next()) as number);
  assert.deepEqual(
    got,
    [...delays].sort((a, b) => a - b),
  );
}

export async function s6_5_ten_thousand_timers_all_fire(_peer: number): Promise<void> {
  const count = 10_000;
  for (let n = 0; n < count; n++) sendAfter(n % 100, self(), n);
  let sum = 0;
  for (let n = 0; n < count; n++) sum += (await next()) as number;
  assert.equal(sum, (count * (count - 1)) / 2);
  await nothing();
}

export async function s6_6_a_name_is_resolved_at_expiry(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [first, second] = [cast.puppet(), cast.near()];
  await register('target', first);
  const ref = sendAfter(30, 'target', 'to whom it may concern');
  await unregister('target');
  await register('target', second);
  assert.equal(await ask(second, 'next'), 'to whom it may concern');
  assert.deepEqual(await ask(first, 'drain'), []);
  assert.equal(await readTimer(ref), false);
  await cast.end();
}

export async function s6_6_an_absent_name_is_dropped_silently(_peer: number): Promise<void> {
  const ref = sendAfter(1, 'nobody here', 'x');
  sendAfter(5, self(), 'later');
  assert.equal(await next(), 'later');
  assert.equal(await readTimer(ref), false);
}

export async function s6_6_a_timer_to_a_name_outlives_its_holder(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const holder = cast.puppet();
  await register('brief', holder);
  const ref = sendAfter(HOUR, 'brief', 'x');
  exit(holder, 'kill');
  await death(holder);
  assert.equal(typeof (await readTimer(ref)), 'number');
  assert.equal(typeof (await cancelTimer(ref)), 'number');
  await cast.end();
}

export async function s6_6_a_timer_to_a_pid_dies_with_it(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const ref = sendAfter(HOUR, target, 'x');
  assert.equal(typeof (await readTimer(ref)), 'number');
  exit(target, 'kill');
  await death(target);
  assert.equal(await readTimer(ref), false);
  assert.equal(await cancelTimer(ref), false);
  await cast.end();
}

export async function s6_6_a_timer_to_a_dead_pid_is_dead_at_once(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  exit(target, 'kill');
  await death(target);
  const ref = sendAfter(HOUR, target, 'x');
  assert.equal(await readTimer(ref), false);
  assert.equal(await cancelTimer(ref), false);
  await cast.end();
}

export async function s6_6_the_death_of_the_starter_does_not_matter(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const starter = cast.puppet();
  const ref = await ask<Ref>(starter, 'startTimer', 40, self(), 'legacy');
  exit(starter, 'kill');
  await death(starter);
  assert.deepEqual(await next(), { type: 'timeout', ref, message: 'legacy' });
  await cast.end();
}

export async function s6_7_cancel_returns_the_milliseconds_left(_peer: number): Promise<void> {
  const ref = sendAfter(10_000, self(), 'never');
  const left = await cancelTimer(ref);
  assert.ok(typeof left === 'number' && left > 5000 && left <= 10_000, String(left));
  assert.ok(Number.isInteger(left));
  assert.equal(await cancelTimer(ref), false, 'cancelled already');
  assert.equal(await readTimer(ref), false);
  await nothing();
}

export async function s6_7_cancel_of_a_fired_or_unknown_timer_is_false(
  _peer: number,
): Promise<void> {
  const ref = sendAfter(1, self(), 'fired');
  assert.equal(await next(), 'fired');
  assert.equal(await cancelTimer(ref), false);
  assert.equal(await cancelTimer(makeRef()), false);
  assert.equal(await readTimer(makeRef()), false);
}

export async function s6_7_cancel_does_not_take_back_a_delivered_message(
  _peer: number,
): Promise<void> {
  const ref = sendAfter(0, self(), 'delivered');
  await eventually(
    'the message is queued',
    async () => (await processInfo(self()))?.messageQueueLength === 1,
  );
  assert.equal(await cancelTimer(ref), false);
  assert.equal(await next(), 'delivered');
}

export async function s6_7_exactly_one_of_message_and_integer(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const seen = { cancelled: 0, fired: 0 };
  for (let round = 0; round < 300; round++) {
    // Half of the timers live on the peer's scheduler and are cancelled from here.
    const ref =
      round % 2 === 0
        ? sendAfter(2, self(), round)
        : await ask<Ref>(other, 'sendAfter', 2, self(), round);
    await receive((m) => m === 'never', round % 4); // 0 to 3 ms: before and after it is due
    const left = await cancelTimer(ref);
    if (left === false) {
      seen.fired += 1;
      assert.equal(await take((m) => m === round, 'message of a timer that fired'), round);
    } else {
      seen.cancelled += 1;
      assert.equal(typeof left, 'number');
      await settle(other); // were there a message, it would be here now
      assert.equal(await receive((m) => m === round, 0), TIMEOUT, 'both message and integer');
    }
  }
  assert.ok(seen.cancelled > 0 && seen.fired > 0, JSON.stringify(seen));
  await cast.end();
}

export async function s6_7_a_timer_started_elsewhere_is_read_and_cancelled_here(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const ref = await ask<Ref>(other, 'sendAfter', HOUR, self(), 'never');
  const left = await readTimer(ref);
  assert.ok(typeof left === 'number' && left > HOUR - 60_000 && left <= HOUR, String(left));
  assert.equal(typeof (await cancelTimer(ref)), 'number');
  assert.equal(await ask(other, 'readTimer', ref), false);

  const mine = sendAfter(HOUR, other, 'never');
  assert.equal(typeof (await ask(other, 'cancelTimer', mine)), 'number');
  assert.equal(await readTimer(mine), false);
  await cast.end();
}

export async function s6_7_read_does_not_change_a_timer(_peer: number): Promise<void> {
  const ref = sendAfter(30, self(), 'still comes');
  const first = await readTimer(ref);
  const second = await readTimer(ref);
  assert.ok(typeof first === 'number' && typeof second === 'number' && second <= first);
  assert.equal(await next(), 'still comes');
}

export async function s6_7_cancel_with_info_false_is_ok(_peer: number): Promise<void> {
  const ref = sendAfter(HOUR, self(), 'never');
  assert.equal(await cancelTimer(ref, { info: false }), 'ok');
  assert.equal(await readTimer(ref), false);
  assert.equal(await cancelTimer(makeRef(), { info: false }), 'ok');
}

export async function s6_7_cancel_async_answers_by_message(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  for (const ref of [
    sendAfter(HOUR, self(), 'never'),
    await ask<Ref>(other, 'sendAfter', HOUR, self(), 'never'),
  ]) {
    assert.equal(await cancelTimer(ref, { async: true }), 'ok');
    const answer = (await next()) as { type: string; ref: Ref; result: unknown };
    assert.equal(answer.type, 'cancel_timer');
    assert.equal(answer.ref, ref);
    assert.equal(typeof answer.result, 'number');
    assert.equal(await cancelTimer(ref, { async: true }), 'ok');
    assert.deepEqual(await next(), { type: 'cancel_timer', ref, result: false });
    assert.equal(await cancelTimer(ref, { async: true, info: false }), 'ok');
    assert.equal(await readTimer(ref), false);
  }
  await nothing();
  await cast.end();
}

export async function s6_8_beyond_2_to_the_31_ms(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  for (const ref of [
    sendAfter(BEYOND, self(), 'never'),
    startTimer(BEYOND, other, 'never'),
    await ask<Ref>(other, 'sendAfter', BEYOND, self(), 'never'),
  ]) {
    const left = await readTimer(ref);
    assert.ok(typeof left === 'number' && left > BEYOND - 60_000 && left <= BEYOND, String(left));
    const cancelled = await cancelTimer(ref);
    assert.ok(typeof cancelled === 'number' && cancelled > BEYOND - 60_000, String(cancelled));
  }
  sendAfter(10, self(), 'short'); // a short one beside long ones comes in time
  assert.equal(await next(), 'short');
  await nothing();
  await cast.end();
}

export async function s6_8_a_long_timer_does_not_hold_up_a_short_one(_peer: number): Promise<void> {
  const long = sendAfter(BEYOND, self(), 'never');
  const start = hrtime.bigint();
  sendAfter(5, self(), 'short');
  assert.equal(await next(), 'short');
  assert.ok(millisecondsSince(start) < 1000);
  assert.equal(typeof (await cancelTimer(long)), 'number');
}

export async function s6_8_absolute_times_are_on_the_monotonic_clock(_peer: number): Promise<void> {
  const start = hrtime.bigint();
  sendAfter(monotonicTime() + 20, self(), 'absolute', { absolute: true });
  assert.equal(await next(), 'absolute');
  const took = millisecondsSince(start);
  assert.ok(took >= 19 && took < 2000, `${took} ms`);
  sendAfter(monotonicTime() - 5, self(), 'in the past', { absolute: true });
  assert.equal(await next(), 'in the past');
  const ref = startTimer(monotonicTime() + BEYOND, self(), 'far', { absolute: true });
  const left = await cancelTimer(ref);
  assert.ok(typeof left === 'number' && left > BEYOND - 60_000 && left <= BEYOND + 1, String(left));
}

export async function s6_9_bad_arguments_raise_badarg(_peer: number): Promise<void> {
  for (const start of [sendAfter, startTimer]) {
    for (const bad of [-1, Number.NaN, Infinity, '5', undefined]) {
      await raises('badarg', /expected/, () => start(bad as number, self(), 'x'));
    }
    const mine = alias(); // OTP takes a pid or a name only
    for (const bad of [7, undefined, '', mine]) {
      await raises('badarg', /expected a pid/, () => start(1, bad as Pid, 'x'));
    }
    unalias(mine);
    await raises('badarg', /is a function/, () => start(1, self(), { f: () => 1 }));
  }
  await raises('badarg', /expected.*ref/s, () => cancelTimer('x' as Ref));
  await raises('badarg', /expected.*ref/s, () => readTimer(5 as unknown as Ref));
}

export async function s6_9_an_order_is_answered_while_timers_wait(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const refs: Ref[] = [];
  for (let n = 0; n < 1000; n++) refs.push(sendAfter(HOUR + n, self(), n));
  assert.equal(await answerTo(tell(other, 'ping')), 'pong');
  for (const ref of refs) assert.equal(typeof (await cancelTimer(ref)), 'number');
  await nothing();
  await cast.end();
}
