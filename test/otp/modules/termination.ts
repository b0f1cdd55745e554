/**
 * The order in which a process ends (statement 1.7): names, timers and owned resources are gone before
 * any EXIT, DOWN or answer of isAlive goes out, so who sees one of these finds the rest done.
 */
import assert from 'node:assert/strict';
import {
  exit,
  isAlive,
  link,
  monitor,
  type Pid,
  processInfo,
  readTimer,
  receive,
  register,
  registered,
  self,
  send,
  sendAfter,
  spawnOpt,
  trapExit,
  unregister,
  whereis,
  yieldNow,
} from 'tsvm';
import { ask, Cast, death, downReason, drain, exitReason, next, nothing, take } from './support.js';

const ROUNDS = 200;

export async function s1_7_who_sees_DOWN_finds_the_name_free(peer: number): Promise<void> {
  const cast = new Cast(peer);
  for (let round = 0; round < ROUNDS; round++) {
    const holder = cast.puppet();
    await register('held', holder);
    const ref = monitor(holder);
    exit(holder, 'kill');
    await downReason(ref);
    assert.equal(whereis('held'), undefined, `round ${round}`);
    assert.equal(await register('held', self()), true); // must not be taken
    await unregister('held');
  }
  await cast.end();
}

export async function s1_7_who_sees_EXIT_finds_the_name_free(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  for (let round = 0; round < ROUNDS; round++) {
    const holder = cast.puppet();
    await register('held', holder);
    await link(holder);
    exit(holder, 'kill');
    await exitReason(holder);
    assert.ok(!registered().includes('held'), `round ${round}`);
    assert.equal(await register('held', self()), true);
    await unregister('held');
  }
  await cast.end();
}

export async function s1_7_who_sees_isAlive_false_finds_the_name_free(peer: number): Promise<void> {
  const cast = new Cast(peer);
  for (let round = 0; round < ROUNDS; round++) {
    const holder = cast.puppet();
    await register('held', holder);
    exit(holder, 'kill');
    assert.equal(await isAlive(holder), false);
    assert.equal(whereis('held'), undefined, `round ${round}`);
    assert.equal(await register('held', self()), true);
    await unregister('held');
  }
  await cast.end();
}

export async function s1_7_who_sees_undefined_of_processInfo_finds_the_name_free(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  for (let round = 0; round < 50; round++) {
    const holder = cast.puppet();
    await register('held', holder);
    exit(holder, 'kill');
    assert.equal(await processInfo(holder), undefined);
    assert.equal(whereis('held'), undefined, `round ${round}`);
  }
  await cast.end();
}

/** Watches whoever is named to it, takes the name over as soon as the watched one is down, and says so. */
export async function successor(report: Pid, how: 'link' | 'monitor'): Promise<void> {
  trapExit(true);
  const { holder, name } = await receive<{ holder: Pid; name: string }>();
  if (how === 'link') await link(holder);
  const ref = how === 'monitor' ? monitor(holder) : undefined;
  send(report, 'watching');
  if (ref === undefined) await exitReason(holder);
  else await downReason(ref);
  const before = whereis(name);
  await register(name, self());
  send(report, { before, now: whereis(name) });
  await receive((m) => m === 'stop');
}

export async function s1_7_a_watcher_elsewhere_can_take_the_name_over(peer: number): Promise<void> {
  // Holder and watcher on different schedulers than each other, in both directions.
  const cast = new Cast(peer);
  for (let round = 0; round < ROUNDS; round++) {
    const far = round % 2 === 0;
    const holder = far ? cast.puppet() : cast.near();
    const heir = far
      ? cast.adopt(spawnOpt({}, successor, self(), 'monitor'))
      : cast.start(successor, self(), 'link');
    await register('throne', holder);
    send(heir, { holder, name: 'throne' });
    assert.equal(await next(), 'watching');
    exit(holder, 'kill');
    assert.deepEqual(await next(), { before: undefined, now: heir });
    const ref = monitor(heir);
    send(heir, 'stop');
    await downReason(ref);
  }
  await cast.end();
}

export async function s1_7_timers_to_the_dead_are_cancelled(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const owner = cast.puppet();
  const mine = sendAfter(3_600_000, owner, 'never');
  const theirs = await ask<ReturnType<typeof sendAfter>>(
    owner,
    'sendAfter',
    3_600_000,
    owner,
    'never',
  );
  exit(owner, 'kill');
  await death(owner);
  // The census after the test would find a timer that stayed.
  assert.equal(await readTimer(theirs), false);
  assert.equal(await readTimer(mine), false);
  await cast.end();
}

export async function s1_7_no_user_code_runs_after_the_fatal_signal(peer: number): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, chatter, self());
    await next('first words');
    exit(pid, 'quiet');
    await downReason(ref);
    await drain(); // what it said before the signal came; after the DOWN nothing can come
    assert.equal(await isAlive(pid), false);
    await nothing();
  }
}

/** Talks without end. */
export async function chatter(to: Pid): Promise<never> {
  for (;;) {
    send(to, 'chatter');
    await yieldNow();
  }
}

export async function s1_7_linked_and_monitoring_gets_both(peer: number): Promise<void> {
  trapExit(true);
  for (let round = 0; round < 100; round++) {
    const child = spawnOpt({ scheduler: peer, link: true }, exitNow, round);
    const ref = monitor(child);
    assert.equal(await exitReason(child), round);
    const down = await downReason(ref);
    assert.ok(down === round || down === 'noproc', String(down));
  }
}

export async function exitNow(reason: unknown): Promise<void> {
  exit(reason);
}

export async function s1_7_the_mailbox_of_the_dead_is_gone(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const owner = cast.puppet();
  for (let n = 0; n < 100; n++) send(owner, { unread: n });
  exit(owner, 'kill');
  await death(owner);
  assert.equal(await processInfo(owner), undefined);
  await cast.end();
}

export async function s1_7_names_of_many_dying_at_once_are_all_free(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const holders = Array.from({ length: 40 }, (_, i) => (i % 2 ? cast.puppet() : cast.near()));
  for (const [i, holder] of holders.entries()) await register(`many ${i}`, holder);
  for (let i = 1; i < holders.length; i++) {
    await ask(holders[i] as Pid, 'link', holders[0]);
  }
  const refs = holders.map((holder) => monitor(holder));
  exit(holders[0] as Pid, 'together');
  for (const [i, ref] of refs.entries()) {
    await take((m) => (m as { ref?: unknown }).ref === ref, 'DOWN');
    assert.equal(whereis(`many ${i}`), undefined);
  }
  await cast.end();
}
