/** Links: the statements of SEMANTICS §2, one exported function each. The races are in link-races. */
import assert from 'node:assert/strict';
import {
  exit,
  link,
  monitor,
  type Pid,
  processInfo,
  self,
  send,
  spawnLink,
  spawnOpt,
  trapExit,
  unlink,
} from 'tsvm';
import {
  answerTo,
  ask,
  Cast,
  death,
  downReason,
  drain,
  eventually,
  exitReason,
  isExit,
  nothing,
  raises,
  settle,
  tell,
} from './support.js';

const linksOf = async (pid: Pid): Promise<readonly Pid[]> => (await processInfo(pid))?.links ?? [];

export async function s2_1_link_is_symmetric_when_the_target_dies(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const other = cast.puppet();
  assert.equal(await link(other), true);
  exit(other, 'gone');
  assert.equal(await exitReason(other), 'gone');
  await cast.end();
}

export async function s2_1_link_is_symmetric_when_the_linker_dies(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const [linker, target] = [cast.puppet(), cast.near()];
  await ask(target, 'trapExit', true);
  assert.equal(await ask(linker, 'link', target), true);
  exit(linker, 'gone');
  assert.deepEqual(await ask(target, 'next'), { type: 'EXIT', from: linker, reason: 'gone' });
  await cast.end();
}

export async function s2_1_both_ends_show_the_link(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  await link(other);
  assert.deepEqual(await linksOf(other), [self()]);
  assert.ok((await linksOf(self())).includes(other));
  unlink(other);
  await settle(other);
  assert.deepEqual(await linksOf(other), []);
  assert.ok(!(await linksOf(self())).includes(other));
  await cast.end();
}

export async function s2_1_link_to_oneself_does_nothing(_peer: number): Promise<void> {
  const before = await linksOf(self());
  assert.equal(await link(self()), true);
  assert.deepEqual(await linksOf(self()), before);
}

export async function s2_1_unlink_of_oneself_does_nothing(_peer: number): Promise<void> {
  assert.equal(unlink(self()), true);
}

export async function s2_1_unlink_of_a_stranger_or_the_dead_is_true(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  assert.equal(unlink(other), true);
  exit(other, 'kill');
  await death(other);
  assert.equal(unlink(other), true);
  await cast.end();
}

export async function s2_1_linking_twice_is_one_link(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const other = cast.puppet();
  await link(other);
  await link(other);
  await ask(other, 'link', self());
  exit(other, 'once');
  assert.equal(await exitReason(other), 'once');
  assert.equal(await death(other), 'noproc');
  await nothing(isExit(other));
  await cast.end();
}

export async function s2_1_one_unlink_ends_a_link_made_twice(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const other = cast.puppet();
  await link(other);
  await link(other);
  unlink(other);
  exit(other, 'unseen');
  assert.match(String(await death(other)), /unseen|noproc/);
  await nothing();
  await cast.end();
}

export async function s2_1_unlink_works_from_the_other_end(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const other = cast.puppet();
  await link(other);
  assert.equal(await ask(other, 'unlink', self()), true);
  exit(other, 'unseen');
  assert.match(String(await death(other)), /unseen|noproc/);
  await nothing();
  await cast.end();
}

export async function s2_1_many_links_of_one_process(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const hub = cast.puppet();
  const spokes = Array.from({ length: 50 }, () => cast.near());
  for (const spoke of spokes) await ask(spoke, 'link', hub);
  assert.deepEqual(new Set(await linksOf(hub)), new Set(spokes));
  const refs = spokes.map((spoke) => monitor(spoke));
  exit(hub, 'all');
  for (const ref of refs) assert.equal(await downReason(ref), 'all');
  await cast.end();
}

export async function s2_1_links_form_a_chain(peer: number): Promise<void> {
  // Alternating schedulers: each death crosses to the next.
  const cast = new Cast(peer);
  const chain = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? cast.puppet() : cast.near()));
  for (let i = 1; i < chain.length; i++) await ask(chain[i] as Pid, 'link', chain[i - 1]);
  const ref = monitor(chain.at(-1) as Pid);
  exit(chain[0] as Pid, { fallen: 1 });
  assert.deepEqual(await downReason(ref), { fallen: 1 });
  await cast.end();
}

export async function s2_2_link_to_a_dead_process_not_trapping_raises_noproc(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  exit(other, 'kill');
  await death(other);
  await raises('noproc', /link/, () => link(other));
  await nothing();
  assert.ok(!(await linksOf(self())).includes(other), 'nothing of the failed link is left');
  await cast.end();
}

export async function s2_2_link_to_a_dead_process_trapping_sends_exit_noproc(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  exit(other, 'kill');
  await death(other);
  trapExit(true);
  assert.equal(await link(other), true);
  assert.equal(await exitReason(other), 'noproc');
  assert.ok(!(await linksOf(self())).includes(other));
  await cast.end();
}

export async function s2_2_link_to_a_process_being_killed_never_hangs(peer: number): Promise<void> {
  // Not trapping: either the link stood and its end kills the linker, or `noproc` is raised.
  const cast = new Cast(peer);
  for (let round = 0; round < 200; round++) {
    const [victim, linker] = [cast.puppet(), cast.near()];
    const ref = monitor(linker);
    const order = tell(linker, 'link', victim);
    exit(victim, 'race');
    tell(linker, 'exit1', 'survived');
    const reason = await downReason(ref);
    assert.match(String(reason), /^(race|survived)$/);
    await drain();
    void order;
  }
  await cast.end();
}

export async function s2_2_link_not_awaited_still_takes_effect_in_order(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const other = cast.puppet();
  const linked = link(other);
  exit(other, 'after the link');
  assert.equal(await linked, true);
  assert.equal(await exitReason(other), 'after the link');
  await cast.end();
}

export async function s2_4_after_unlink_no_new_effect_can_come(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  for (let round = 0; round < 200; round++) {
    const other = cast.puppet();
    await link(other);
    tell(other, 'exit1', round); // dies at about the same time as the unlink
    unlink(other);
    await drain(); // what was queued before the unlink returned
    await death(other);
    await nothing(isExit(other));
  }
  await cast.end();
}

export async function s2_4_an_exit_queued_before_unlink_stays(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const other = cast.puppet();
  await link(other);
  exit(other, 'queued');
  await eventually(
    'the EXIT is queued',
    async () => (await processInfo(self()))?.messageQueueLength === 1,
  );
  unlink(other);
  assert.equal(await exitReason(other), 'queued');
  await cast.end();
}

export async function s2_4_unlink_does_not_protect_from_explicit_exit(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [one, other] = [cast.puppet(), cast.near()];
  await ask(one, 'link', other);
  await ask(one, 'unlink', other);
  const ref = monitor(one);
  await ask(other, 'exit', one, 'on purpose');
  assert.equal(await downReason(ref), 'on purpose');
  await cast.end();
}

export async function s2_4_not_trapping_after_unlink_the_caller_survives(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const [one, other] = [cast.puppet(), cast.near()];
  await ask(one, 'link', other);
  await ask(one, 'unlink', other);
  exit(other, 'harmless');
  await death(other);
  await settle(one);
  await cast.end();
}

export async function s2_4_link_unlink_link_is_linked(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  for (let round = 0; round < 50; round++) {
    const other = cast.puppet();
    await link(other);
    unlink(other);
    const again = link(other); // the unlink's ack may still be on its way
    assert.equal(await again, true);
    exit(other, round);
    assert.equal(await exitReason(other), round);
    await nothing();
  }
  await cast.end();
}

/** Ends at once, in the way its arguments say. */
export async function endAs(how: 'return' | 'exit' | 'raise', value: unknown): Promise<void> {
  if (how === 'exit') exit(value);
  if (how === 'raise') throw new Error(String(value));
}

export async function s2_5_spawnLink_is_atomic_never_noproc(peer: number): Promise<void> {
  trapExit(true);
  for (let round = 0; round < 200; round++) {
    const remote = spawnOpt({ scheduler: peer, link: true }, endAs, 'exit', round);
    const near = spawnLink(endAs, 'exit', round);
    assert.equal(await exitReason(remote), round);
    assert.equal(await exitReason(near), round);
  }
}

export async function s2_5_spawnMonitor_is_atomic_never_noproc(peer: number): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const { ref } = spawnOpt({ scheduler: peer, monitor: true }, endAs, 'exit', round);
    assert.equal(await downReason(ref), round);
  }
}

export async function s2_5_spawnLink_with_an_early_crash_shows_the_real_reason(
  peer: number,
): Promise<void> {
  trapExit(true);
  const pid = spawnOpt({ scheduler: peer, link: true }, endAs, 'raise', 'early');
  const reason = (await exitReason(pid)) as { kind: string; message: string };
  assert.equal(reason.kind, 'error');
  assert.equal(reason.message, 'early');
}

export async function s2_5_child_of_spawnLink_dies_with_its_parent(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const parent = cast.near();
  const child = cast.adopt(await ask<Pid>(parent, 'spawnPuppet', { scheduler: peer, link: true }));
  const ref = monitor(child);
  exit(parent, 'both');
  assert.equal(await downReason(ref), 'both');
  await cast.end();
}

export async function s2_5_parent_of_spawnLink_dies_with_its_child(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const parent = cast.near();
  const child = cast.adopt(await ask<Pid>(parent, 'spawnPuppet', { scheduler: peer, link: true }));
  const ref = monitor(parent);
  exit(child, 'both');
  assert.equal(await downReason(ref), 'both');
  await cast.end();
}

export async function s2_5_link_to_a_child_just_spawned_is_never_noproc(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  for (let round = 0; round < 200; round++) {
    const other = cast.puppet();
    assert.equal(await link(other), true);
    unlink(other);
    send(other, 'unread');
  }
  await cast.end();
}

export async function s2_2_answers_of_other_processes_come_while_link_is_pending(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const order = tell(other, 'ping');
  assert.equal(await link(other), true);
  assert.equal(await answerTo(order), 'pong');
  unlink(other);
  await cast.end();
}
