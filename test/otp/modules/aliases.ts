/**
 * Aliases: the statements of SEMANTICS §5. There are four kinds, and each has its own list of what
 * deactivates it; the table of kinds and events is written out below.
 */
import assert from 'node:assert/strict';
import {
  type Alias,
  alias,
  demonitor,
  exit,
  monitor,
  type Pid,
  processInfo,
  self,
  send,
  unalias,
} from 'tsvm';
import { ask, Cast, death, downReason, eventually, isDown, next, nothing } from './support.js';

type MonitorAlias = 'explicit_unalias' | 'demonitor' | 'reply_demonitor';

/** Lets a puppet send through `to`, and waits until that is delivered: puppet → test process is one order. */
async function throughPuppet(sender: Pid, to: string, message: unknown): Promise<void> {
  await ask(sender, 'send', to, message);
}

/** Is a message through the alias delivered? Uses it up if it is of a reply kind. */
async function delivers(sender: Pid, to: string): Promise<boolean> {
  await throughPuppet(sender, to, 'probe');
  const got = (await processInfo(self()))?.messageQueueLength;
  if (got === 0) return false;
  assert.equal(await next(), 'probe');
  return true;
}

export async function s5_1_sending_to_an_alias_reaches_its_creator(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const sender = cast.puppet();
  const mine = alias();
  await throughPuppet(sender, mine, { hello: 1 });
  assert.deepEqual(await next(), { hello: 1 });
  send(mine, 'to oneself');
  assert.equal(await next(), 'to oneself');
  assert.equal(unalias(mine), true);
  await cast.end();
}

export async function s5_1_several_aliases_are_independent(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const sender = cast.puppet();
  const [first, second] = [alias(), alias()];
  assert.notEqual(first, second);
  unalias(first);
  assert.equal(await delivers(sender, first), false);
  assert.equal(await delivers(sender, second), true);
  unalias(second);
  await cast.end();
}

export async function s5_1_inactive_alias_drops_on_reception_queued_messages_stay(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const sender = cast.puppet();
  const mine = alias();
  await throughPuppet(sender, mine, 'in time');
  unalias(mine);
  await throughPuppet(sender, mine, 'too late');
  assert.equal(await next(), 'in time');
  await nothing();
  await cast.end();
}

export async function s5_1_alias_of_a_dead_process_drops_silently(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const owner = cast.puppet();
  const theirs = await ask<Alias>(owner, 'alias');
  exit(owner, 'kill');
  await death(owner);
  send(theirs, 'anyone?');
  await nothing();
  await cast.end();
}

export async function s5_2_explicit_unalias_only_unalias_ends_it(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const sender = cast.puppet();
  for (const mine of [alias(), alias('explicit_unalias')]) {
    for (let n = 0; n < 3; n++) assert.equal(await delivers(sender, mine), true);
    assert.equal(unalias(mine), true);
    assert.equal(await delivers(sender, mine), false);
  }
  await cast.end();
}

export async function s5_2_reply_ends_with_the_first_message(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const sender = cast.puppet();
  const mine = alias('reply');
  assert.equal(await delivers(sender, mine), true);
  assert.equal(await delivers(sender, mine), false);
  assert.equal(unalias(mine), false);
  await cast.end();
}

export async function s5_2_reply_with_two_senders_exactly_one_message_arrives(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const [near, far] = [cast.near(), cast.puppet()];
  for (let round = 0; round < 100; round++) {
    const mine = alias('reply');
    await Promise.all([throughPuppet(near, mine, 'one'), throughPuppet(far, mine, 'one')]);
    assert.equal(await next(), 'one');
    await nothing();
  }
  await cast.end();
}

export async function s5_2_reply_can_be_unaliased_before(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const sender = cast.puppet();
  const mine = alias('reply');
  assert.equal(unalias(mine), true);
  assert.equal(unalias(mine), false);
  assert.equal(await delivers(sender, mine), false);
  await cast.end();
}

/** What each event leaves active of a monitor with an alias, as the manual's table has it. */
const AFTER: Readonly<
  Record<MonitorAlias, Record<'message' | 'demonitor' | 'down' | 'unalias', boolean>>
> = {
  explicit_unalias: { message: true, demonitor: true, down: true, unalias: false },
  demonitor: { message: true, demonitor: false, down: false, unalias: false },
  reply_demonitor: { message: false, demonitor: false, down: false, unalias: false },
};

async function monitorAliasTable(peer: number, kind: MonitorAlias): Promise<void> {
  const cast = new Cast(peer);
  const sender = cast.puppet();
  const after = AFTER[kind];

  const byMessage = monitor(cast.puppet(), { alias: kind });
  assert.equal(await delivers(sender, byMessage), true, 'active at first');
  assert.equal(await delivers(sender, byMessage), after.message, 'after a message');
  assert.equal(demonitor(byMessage, { info: true }), kind !== 'reply_demonitor');
  unalias(byMessage);

  const byDemonitor = monitor(cast.puppet(), { alias: kind });
  assert.equal(demonitor(byDemonitor, { info: true }), true);
  assert.equal(await delivers(sender, byDemonitor), after.demonitor, 'after demonitor');
  assert.equal(unalias(byDemonitor), after.demonitor);

  const target = cast.puppet();
  const byDown = monitor(target, { alias: kind });
  exit(target, 'down');
  assert.equal(await downReason(byDown), 'down');
  assert.equal(await delivers(sender, byDown), after.down, 'after DOWN');
  assert.equal(unalias(byDown), after.down);

  const watched = cast.puppet();
  const byUnalias = monitor(watched, { alias: kind });
  assert.equal(unalias(byUnalias), true);
  assert.equal(await delivers(sender, byUnalias), after.unalias, 'after unalias');
  exit(watched, 'monitor stays');
  assert.equal(await downReason(byUnalias), 'monitor stays');
  await cast.end();
}

export const s5_3_monitor_with_explicit_unalias = (peer: number): Promise<void> =>
  monitorAliasTable(peer, 'explicit_unalias');

export const s5_3_monitor_with_demonitor = (peer: number): Promise<void> =>
  monitorAliasTable(peer, 'demonitor');

export const s5_3_monitor_with_reply_demonitor = (peer: number): Promise<void> =>
  monitorAliasTable(peer, 'reply_demonitor');

export async function s5_3_reply_demonitor_first_message_removes_the_monitor(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const [server, sender] = [cast.puppet(), cast.puppet()];
  const ref = monitor(server, { alias: 'reply_demonitor' });
  await throughPuppet(sender, ref, 'reply');
  assert.equal(await next(), 'reply');
  assert.deepEqual((await processInfo(self()))?.monitors, []);
  exit(server, 'later');
  await death(server);
  await nothing(isDown(ref));
  await cast.end();
}

export async function s5_3_demonitor_alias_drops_a_reply_after_the_down_is_delivered(
  peer: number,
): Promise<void> {
  // The DOWN is delivered but not received yet: the alias is inactive all the same.
  const cast = new Cast(peer);
  const [server, sender] = [cast.puppet(), cast.puppet()];
  const ref = monitor(server, { alias: 'demonitor' });
  exit(server, 'first');
  await eventually(
    'the DOWN is queued',
    async () => (await processInfo(self()))?.messageQueueLength === 1,
  );
  await throughPuppet(sender, ref, 'late reply');
  assert.equal(await downReason(ref), 'first');
  await nothing();
  await cast.end();
}

export async function s5_3_demonitor_alias_of_a_dead_target_is_inactive_after_noproc(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const [server, sender] = [cast.puppet(), cast.puppet()];
  exit(server, 'kill');
  await death(server);
  const ref = monitor(server, { alias: 'demonitor' });
  assert.equal(await downReason(ref), 'noproc');
  assert.equal(await delivers(sender, ref), false);
  await cast.end();
}

export async function s5_3_monitor_by_name_with_alias(_peer: number): Promise<void> {
  const ref = monitor('no such name', { alias: 'reply_demonitor', tag: 'gone' });
  const message = (await next()) as { type: string; ref: string };
  assert.equal(message.type, 'gone');
  assert.equal(message.ref, ref);
  assert.equal(unalias(ref), false);
}

export async function s5_4_unalias_of_a_foreign_or_unknown_alias_is_false(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const owner = cast.puppet();
  const theirs = await ask<Alias>(owner, 'alias');
  assert.equal(unalias(theirs), false);
  await ask(owner, 'send', theirs, 'still active');
  assert.deepEqual(await ask(owner, 'drain'), ['still active']);
  const plain = monitor(owner);
  assert.equal(unalias(plain as Alias), false, 'a monitor without an alias');
  demonitor(plain);
  await cast.end();
}

export async function s5_4_unalias_twice_is_true_then_false(_peer: number): Promise<void> {
  const mine = alias();
  assert.equal(unalias(mine), true);
  assert.equal(unalias(mine), false);
}
