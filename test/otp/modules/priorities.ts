/** Priorities (statement 1.9): low and normal about 1:8, high before both; order of signals unchanged. */
import assert from 'node:assert/strict';
import {
  exit,
  type Pid,
  type Priority,
  priority,
  receive,
  self,
  send,
  spawnOpt,
  TIMEOUT,
  thisScheduler,
  yieldNow,
} from 'tsvm';
import { ask, Cast, death, downReason, next, raises, settle } from './support.js';

/** Counts its turns until told to stop, then reports them. */
export async function turns(report: Pid, level: Priority): Promise<void> {
  priority(level);
  send(report, { ready: level });
  await receive((m) => m === 'start');
  let count = 0;
  while ((await receive((m) => m === 'stop', 0)) === TIMEOUT) {
    count += 1;
    await yieldNow();
  }
  send(report, { level, count });
}

export async function s1_9_priority_returns_the_previous_one(_peer: number): Promise<void> {
  assert.equal(priority('low'), 'normal');
  assert.equal(priority('high'), 'low');
  assert.equal(priority('normal'), 'high');
  await raises('badarg', /priority.*expected.*low.*got "max"/s, () => priority('max' as Priority));
}

export async function s1_9_low_gets_about_one_turn_of_eight(peer: number): Promise<void> {
  priority('high'); // so that the test itself can stop them on the same scheduler
  const low = spawnOpt({ scheduler: peer }, turns, self(), 'low');
  const normal = spawnOpt({ scheduler: peer }, turns, self(), 'normal');
  await next('ready');
  await next('ready');
  for (const pid of [low, normal]) send(pid, 'start');
  await receive((m) => m === 'never', 200);
  for (const pid of [low, normal]) send(pid, 'stop');
  const counts: Record<string, number> = {};
  for (let n = 0; n < 2; n++) {
    const { level, count } = (await next('count')) as { level: string; count: number };
    counts[level] = count;
  }
  const ratio = (counts['normal'] ?? 0) / (counts['low'] ?? 1);
  assert.ok(counts['low'] && counts['low'] > 100, `low got ${counts['low']} turns`);
  assert.ok(ratio > 4 && ratio < 16, `normal : low is ${ratio.toFixed(1)} : 1`);
}

export async function s1_9_equal_priorities_get_equal_turns(peer: number): Promise<void> {
  priority('high');
  const pids = [1, 2, 3, 4].map(() => spawnOpt({ scheduler: peer }, turns, self(), 'normal'));
  for (const _ of pids) await next('ready');
  for (const pid of pids) send(pid, 'start');
  await receive((m) => m === 'never', 100);
  for (const pid of pids) send(pid, 'stop');
  const counts: number[] = [];
  for (const _ of pids) counts.push(((await next('count')) as { count: number }).count);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  assert.ok(least > 100 && most < least * 2, `turns: ${counts.join(', ')}`);
}

/** Sends a tick every turn. */
export async function ticker(to: Pid): Promise<never> {
  for (;;) {
    send(to, 'tick');
    await yieldNow();
  }
}

/** Takes many turns at high priority, and counts the ticks that came meanwhile. */
export async function hog(report: Pid): Promise<void> {
  const source = spawnOpt({ scheduler: thisScheduler() }, ticker, self());
  await receive((m) => m === 'tick'); // it runs
  priority('high');
  while ((await receive((m) => m === 'tick', 0)) !== TIMEOUT);
  for (let n = 0; n < 2000; n++) await yieldNow();
  let ticks = 0;
  while ((await receive((m) => m === 'tick', 0)) !== TIMEOUT) ticks += 1;
  exit(source, 'kill');
  await death(source);
  send(report, { ticks });
}

export async function s1_9_high_runs_before_normal(peer: number): Promise<void> {
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, hog, self());
  assert.deepEqual(await next(), { ticks: 0 });
  assert.equal(await downReason(ref), 'normal');
}

export async function s1_9_priority_never_changes_signal_order(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const sender = cast.puppet();
  const expected: number[] = [];
  for (const [i, level] of (
    ['low', 'high', 'normal', 'low', 'normal', 'high'] as const
  ).entries()) {
    await ask(sender, 'priority', level);
    await ask(sender, 'sendMany', self(), i * 10, 10);
    for (let n = 0; n < 10; n++) expected.push(i * 10 + n);
  }
  for (const n of expected) assert.equal(await next(), n);
  await cast.end();
}

export async function s1_9_low_is_not_starved_by_normal(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const low = cast.puppet({ priority: 'low' });
  const busy = spawnOpt({ scheduler: peer, monitor: true }, spinner);
  for (let n = 0; n < 10; n++) await settle(low);
  exit(busy.pid, 'kill');
  await downReason(busy.ref);
  await cast.end();
}

/** Yields without end at normal priority. */
export async function spinner(): Promise<never> {
  for (;;) await yieldNow();
}
