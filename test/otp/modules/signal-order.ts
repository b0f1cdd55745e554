/**
 * Signals from one process to another arrive in the order sent, whatever their kind and however the
 * receiver is addressed (statement 1.2).
 */
import assert from 'node:assert/strict';
import {
  type Alias,
  alias,
  type Exit,
  exit,
  link,
  monitor,
  type Pid,
  receive,
  register,
  self,
  send,
  spawn,
  spawnOpt,
  thisScheduler,
  trapExit,
  unalias,
  unlink,
  unregister,
  yieldNow,
} from 'tsvm';
import { ask, Cast, death, downReason, exitReason, next, settle, take, tell } from './support.js';

/** How often a race is repeated. */
const ROUNDS = 1000;

type Numbered = { readonly n: number };

const isNumbered = (m: unknown): m is Numbered => typeof (m as Numbered | null)?.n === 'number';

/** Receives `count` numbered messages and asserts that they come as 0, 1, 2 … */
async function expectInOrder(count: number): Promise<void> {
  for (let expected = 0; expected < count; expected++) {
    const { n } = await take<Numbered>(isNumbered, `message ${expected} of ${count}`);
    assert.equal(n, expected);
  }
}

/** Sends numbered messages by pid, name and alias in turn. */
export async function mixedSender(
  to: Pid,
  name: string,
  through: Alias,
  count: number,
): Promise<void> {
  const ways = [to, name, through];
  for (let n = 0; n < count; n++) {
    send(ways[(n * 7 + (n >> 3)) % 3] as string, { n });
    if (n % 100 === 99) await yieldNow();
  }
}

export async function s1_2_pid_name_and_alias_mixed(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const through = alias();
  await register('mixed', self());
  const sender = cast.start(mixedSender, self(), 'mixed', through, ROUNDS);
  await expectInOrder(ROUNDS);
  assert.match(String(await death(sender)), /normal|noproc/);
  await unregister('mixed');
  unalias(through);
  await cast.end();
}

/** Collects numbers until `done`, then reports whether they came in order. */
export async function collector(report: Pid): Promise<void> {
  const got: number[] = [];
  for (;;) {
    const message = await receive<Numbered | 'done'>();
    if (message === 'done') break;
    got.push(message.n);
  }
  send(report, { got: got.length, ordered: got.every((n, i) => n === i) });
}

export async function s1_2_spawn_then_many_messages(peer: number): Promise<void> {
  const cast = new Cast(peer);
  for (let round = 0; round < 100; round++) {
    const child: Pid = spawnOpt({ scheduler: peer }, collector, self());
    for (let n = 0; n < 50; n++) send(child, { n });
    send(child, 'done');
    assert.deepEqual(await next(), { got: 50, ordered: true });
  }
  await cast.end();
}

export async function s1_2_flood(peer: number): Promise<void> {
  const count = 100_000;
  const child: Pid = spawnOpt({ scheduler: peer }, collector, self());
  for (let n = 0; n < count; n++) send(child, { n });
  send(child, 'done');
  assert.deepEqual(await take<unknown>(() => true, 'report of the collector'), {
    got: count,
    ordered: true,
  });
}

/** Greets whoever is named in the messages it gets; a stranger between parent and child. */
export async function introducer(): Promise<void> {
  for (;;) {
    const { to, n } = await receive<{ to: Pid; n: number }>();
    send(to, { hello: n });
  }
}

/** Passes on the first message it gets. */
export async function firstMessageTo(report: Pid): Promise<void> {
  send(report, await receive());
}

export async function s1_2_stranger_reaches_a_freshly_spawned_process(peer: number): Promise<void> {
  // The stranger hears of the new process before the new process's scheduler may have heard of it.
  const cast = new Cast(peer);
  const slots = [thisScheduler(), peer];
  const stranger = cast.start(introducer);
  for (let n = 0; n < ROUNDS; n++) {
    const child = spawnOpt({ scheduler: slots[n % 2] ?? peer }, firstMessageTo, self());
    send(stranger, { to: child, n });
    assert.deepEqual(await next(`greeting ${n}`), { hello: n });
  }
  await cast.end();
}

/** For three schedulers: the parent on 1, the child on 2, the stranger on 3. */
export async function through_a_third_scheduler(): Promise<void> {
  const stranger = spawnOpt({ scheduler: 3 }, introducer);
  let early = 0;
  for (let n = 0; n < ROUNDS; n++) {
    const child = spawnOpt({ scheduler: 2 }, firstMessageTo, self());
    send(stranger, { to: child, n });
    if (n % 2 === 1) early += 1;
    else await yieldNow();
    assert.deepEqual(await next(`greeting ${n}`), { hello: n });
  }
  assert.equal(early, ROUNDS / 2);
  exit(stranger, 'kill');
  await death(stranger);
}

/** Links to and monitors whoever is named, and reports what it saw of their end. */
export async function watcher(report: Pid): Promise<void> {
  trapExit(true);
  for (;;) {
    const { to } = await receive<{ to: Pid }>((m) => (m as { to?: unknown }).to !== undefined);
    const ref = monitor(to);
    await link(to);
    send(to, 'go');
    const down = await downReason(ref);
    const { reason } = await take<Exit>((m) => (m as Exit).type === 'EXIT', 'EXIT');
    send(report, { down, exit: reason });
  }
}

export async function exitWhenToldTo(reason: unknown): Promise<void> {
  await receive();
  exit(reason);
}

/** For three schedulers: a stranger's link and monitor to a fresh process never see `noproc`. */
export async function third_scheduler_links_and_monitors(): Promise<void> {
  const stranger = spawnOpt({ scheduler: 3 }, watcher, self());
  for (let n = 0; n < ROUNDS; n++) {
    const child = spawnOpt({ scheduler: 2 }, exitWhenToldTo, { round: n });
    send(stranger, { to: child });
    assert.deepEqual(await next(`report ${n}`), { down: { round: n }, exit: { round: n } });
  }
  exit(stranger, 'kill');
  await death(stranger);
}

export async function s1_2_last_messages_come_before_exit_and_down(peer: number): Promise<void> {
  trapExit(true);
  for (let round = 0; round < 200; round++) {
    const talker: Pid = spawnOpt({ scheduler: peer, link: true }, talkThenExit, self(), 5);
    const ref = monitor(talker);
    const seen: unknown[] = [];
    for (let i = 0; i < 7; i++) {
      const message = (await next(`message ${i}`)) as { n?: number; type?: string };
      seen.push(message.n ?? message.type);
    }
    assert.deepEqual(seen.slice(0, 5), [0, 1, 2, 3, 4], `round ${round} (${ref})`);
    assert.deepEqual([...seen.slice(5)].sort(), ['DOWN', 'EXIT']);
  }
}

export async function talkThenExit(to: Pid, count: number): Promise<void> {
  for (let n = 0; n < count; n++) send(to, { n });
  exit('told you');
}

export async function s1_2_message_then_exit_to_a_trapping_process(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  await ask(other, 'trapExit', true);
  for (let n = 0; n < 300; n++) {
    if (n % 3 === 0) exit(other, { n });
    else send(other, { n });
  }
  const seen = await ask<(Numbered | Exit)[]>(other, 'drain');
  const order = seen.map((m) => ('type' in m ? (m.reason as Numbered).n : m.n));
  assert.deepEqual(
    order,
    Array.from({ length: 300 }, (_, n) => n),
  );
  await cast.end();
}

export async function s1_2_link_then_unlink_then_death_in_order(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  for (let round = 0; round < 200; round++) {
    const other = cast.puppet();
    await link(other);
    unlink(other);
    exit(other, 'kill'); // after the unlink, so its EXIT can never come
    const ref = monitor(other);
    assert.match(String(await downReason(ref)), /^(killed|noproc)$/);
  }
  await cast.end();
}

export async function s1_2_monitor_link_and_message_keep_their_places(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  for (let round = 0; round < 200; round++) {
    const child = spawn(exitWhenToldTo, { round });
    const remote = spawnOpt({ scheduler: peer }, exitWhenToldTo, { round });
    for (const pid of [child, remote]) {
      const ref = monitor(pid); // before the message that ends it, so never `noproc`
      const linked = link(pid);
      send(pid, 'go');
      await linked;
      assert.deepEqual(await downReason(ref), { round });
      assert.deepEqual(await exitReason(pid), { round });
    }
  }
  await cast.end();
}

export async function s1_2_two_senders_each_keep_their_own_order(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const left = cast.puppet();
  const right = cast.near();
  tell(left, 'sendMany', self(), 0, 500);
  tell(right, 'sendMany', self(), 10_000, 500);
  const got: number[] = [];
  while (got.length < 1000) {
    got.push(await take<number>((m) => typeof m === 'number', 'number'));
  }
  assert.deepEqual(
    got.filter((n) => n < 10_000),
    Array.from({ length: 500 }, (_, i) => i),
  );
  assert.deepEqual(
    got.filter((n) => n >= 10_000),
    Array.from({ length: 500 }, (_, i) => 10_000 + i),
  );
  await settle(left, right);
  for (let answers = 0; answers < 2; answers++) await next('answer to sendMany');
  await cast.end();
}
