/** Monitors: the statements of SEMANTICS §4, one exported function each. */
import assert from 'node:assert/strict';
import {
  type Down,
  demonitor,
  exit,
  makeRef,
  monitor,
  type Pid,
  processInfo,
  type Ref,
  register,
  self,
  send,
  spawnMonitor,
  spawnOpt,
  unregister,
} from 'tsvm';
import {
  ask,
  Cast,
  death,
  downReason,
  eventually,
  isDown,
  next,
  nothing,
  raises,
  settle,
  take,
  tell,
} from './support.js';

const queueLength = async (): Promise<number> =>
  (await processInfo(self()))?.messageQueueLength ?? -1;

/** Waits until the mailbox of the caller holds `count` messages, without taking any. */
const queued = (count: number): Promise<void> =>
  eventually(`${count} messages are queued`, async () => (await queueLength()) === count);

export async function s4_1_monitor_is_unidirectional(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [watcher, target] = [cast.near(), cast.puppet()];
  await ask(watcher, 'monitor', target);
  exit(watcher, 'gone');
  await death(watcher);
  await settle(target);
  assert.deepEqual(await ask(target, 'drain'), []);
  await cast.end();
}

export async function s4_1_the_watcher_survives_the_death(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const ref = monitor(target);
  exit(target, 'boom'); // the test process does not trap
  assert.equal(await downReason(ref), 'boom');
  await cast.end();
}

export async function s4_1_monitors_stack_n_monitors_n_downs(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const refs = Array.from({ length: 10 }, () => monitor(target));
  assert.equal(new Set(refs).size, 10);
  exit(target, 'once each');
  for (const ref of refs) assert.equal(await downReason(ref), 'once each');
  await nothing();
  await cast.end();
}

export async function s4_1_removing_one_of_several_leaves_the_others(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const [first, second, third] = [monitor(target), monitor(target), monitor(target)];
  demonitor(second);
  exit(target, 'two');
  assert.equal(await downReason(third), 'two');
  assert.equal(await downReason(first), 'two');
  await nothing();
  await cast.end();
}

export async function s4_1_monitor_is_one_shot(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const ref = monitor(target);
  exit(target, 'a');
  exit(target, 'b');
  assert.equal(await downReason(ref), 'a');
  assert.equal(demonitor(ref, { info: true }), false);
  await nothing();
  await cast.end();
}

export async function s4_1_many_watchers_of_one_process(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const watchers = Array.from({ length: 30 }, (_, i) => (i % 2 ? cast.near() : cast.puppet()));
  const refs = new Map<Pid, Ref>();
  for (const watcher of watchers) refs.set(watcher, await ask<Ref>(watcher, 'monitor', target));
  exit(target, { to: 'all' });
  for (const [watcher, ref] of refs) {
    const down = await ask<Down>(watcher, 'next');
    assert.deepEqual(down, { type: 'DOWN', ref, target, reason: { to: 'all' } });
  }
  await cast.end();
}

export async function s4_2_down_by_pid_names_the_pid(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const ref = monitor(target);
  exit(target, 'why');
  assert.deepEqual(await next(), { type: 'DOWN', ref, target, reason: 'why' });
  await cast.end();
}

export async function s4_2_down_by_name_names_name_and_node(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  await register('watched', target);
  const ref = monitor('watched');
  exit(target, 'why');
  const down = await take<Down>(isDown(ref), 'DOWN');
  const node = self().slice(1, self().indexOf('.'));
  assert.deepEqual(down, {
    type: 'DOWN',
    ref,
    target: { name: 'watched', node },
    reason: 'why',
  });
  await cast.end();
}

export async function s4_2_a_name_is_resolved_once(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [first, second] = [cast.puppet(), cast.puppet()];
  await register('moving', first);
  const ref = monitor('moving');
  await unregister('moving');
  await register('moving', second);
  exit(second, 'not watched');
  await death(second);
  await nothing(isDown(ref));
  exit(first, 'watched');
  assert.equal(await downReason(ref), 'watched');
  await cast.end();
}

export async function s4_2_a_tag_replaces_DOWN(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const ref = monitor(target, { tag: 'child_down' });
  exit(target, 'why');
  assert.deepEqual(await next(), { type: 'child_down', ref, target, reason: 'why' });
  await cast.end();
}

export async function s4_2_a_tag_replaces_DOWN_for_noproc_too(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  exit(target, 'kill');
  await death(target);
  const ref = monitor(target, { tag: 'late' });
  assert.deepEqual(await next(), { type: 'late', ref, target, reason: 'noproc' });
  await cast.end();
}

export async function s4_3_monitor_of_the_dead_is_noproc(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  exit(target, 'earlier');
  await death(target);
  assert.equal(await death(target), 'noproc');
  await cast.end();
}

export async function s4_3_monitor_of_an_unknown_name_is_noproc(_peer: number): Promise<void> {
  const ref = monitor('no such name');
  const down = await take<Down>(isDown(ref), 'DOWN');
  assert.equal(down.reason, 'noproc');
  assert.deepEqual((down.target as { name: string }).name, 'no such name');
}

export async function s4_3_monitor_of_a_pid_of_an_earlier_life_is_noproc(
  _peer: number,
): Promise<void> {
  const [, scheduler, serial] = self().slice(1, -1).split('.');
  const stranger = `<0.${scheduler}.${serial}>` as Pid; // another incarnation of the node
  assert.match(String(await death(stranger)), /^(noproc|noconnection)$/);
  const never = `<${self().slice(1, self().indexOf('.'))}.999.1>` as Pid; // no such scheduler life
  assert.equal(await death(never), 'noproc');
}

export async function s4_4_self_monitor_never_fires(_peer: number): Promise<void> {
  const ref = monitor(self());
  assert.equal(typeof ref, 'string');
  assert.deepEqual((await processInfo(self()))?.monitors, []);
  assert.equal(demonitor(ref), true);
  await nothing();
}

export async function s4_5_after_demonitor_no_down_can_be_added(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pacer = cast.puppet();
  const rounds = { demonitorFirst: 0, downFirst: 0 };
  for (let round = 0; round < 300; round++) {
    const target = cast.puppet();
    const ref = monitor(target);
    tell(target, 'exit1', round); // dies at about the same moment
    if (round % 3 === 0) await settle(pacer);
    if (demonitor(ref, { flush: true, info: true })) rounds.demonitorFirst += 1;
    else rounds.downFirst += 1;
    await death(target);
    await nothing(isDown(ref));
  }
  assert.ok(rounds.demonitorFirst > 0 && rounds.downFirst > 0, JSON.stringify(rounds));
  await cast.end();
}

export async function s4_5_demonitor_leaves_a_queued_down(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const ref = monitor(target);
  exit(target, 'queued');
  await queued(1);
  assert.equal(demonitor(ref), true);
  assert.equal(await downReason(ref), 'queued');
  await cast.end();
}

export async function s4_5_demonitor_flush_removes_a_queued_down(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  send(self(), 'before');
  const ref = monitor(target);
  exit(target, 'queued');
  await queued(2);
  send(self(), 'after');
  assert.equal(demonitor(ref, { flush: true }), true);
  assert.equal(await next(), 'before');
  assert.equal(await next(), 'after');
  await nothing();
  await cast.end();
}

export async function s4_5_demonitor_flush_removes_a_down_with_a_tag(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const ref = monitor(target, { tag: 'mine' });
  exit(target, 'queued');
  await queued(1);
  assert.equal(demonitor(ref, { flush: true }), true);
  await nothing();
  await cast.end();
}

/** The table of demonitor's options: monitor still active, DOWN queued, DOWN taken, never existed. */
export async function s4_5_demonitor_info_and_flush_table(peer: number): Promise<void> {
  const cast = new Cast(peer);
  for (const flush of [false, true]) {
    const active = cast.puppet();
    assert.equal(demonitor(monitor(active), { flush, info: true }), true, 'removed before firing');
    exit(active, 'unseen');
    await death(active);
    await nothing();

    const dead = cast.puppet();
    const fired = monitor(dead);
    exit(dead, 'queued');
    await queued(1);
    assert.equal(demonitor(fired, { flush, info: true }), false, 'a DOWN is in the queue');
    if (flush) await nothing();
    else assert.equal(await downReason(fired), 'queued');

    assert.equal(demonitor(fired, { flush, info: true }), false, 'already taken');
    assert.equal(demonitor(makeRef(), { flush, info: true }), false, 'never a monitor');
    for (const ref of [fired, makeRef()]) assert.equal(demonitor(ref, { flush }), true);
  }
  await cast.end();
}

export async function s4_5_demonitor_of_a_foreign_ref_has_no_effect(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [watcher, target] = [cast.near(), cast.puppet()];
  const theirs = await ask<Ref>(watcher, 'monitor', target);
  assert.equal(demonitor(theirs), true);
  assert.equal(demonitor(theirs, { info: true }), false);
  exit(target, 'still watched');
  assert.deepEqual(await ask(watcher, 'next'), {
    type: 'DOWN',
    ref: theirs,
    target,
    reason: 'still watched',
  });
  await cast.end();
}

export async function s4_5_demonitor_of_no_ref_is_badarg(_peer: number): Promise<void> {
  await raises('badarg', /demonitor.*expected.*got "x"/s, () => demonitor('x' as Ref));
  await raises('badarg', /demonitor/, () => demonitor(self() as unknown as Ref));
  await raises('badarg', /demonitor/, () =>
    demonitor(makeRef(), { flash: true } as unknown as { flush: boolean }),
  );
}

export async function s4_6_the_monitored_process_notices_nothing(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const ref = monitor(target);
  assert.deepEqual(await ask(target, 'drain'), []);
  assert.deepEqual((await processInfo(target))?.monitoredBy, [self()]);
  demonitor(ref);
  await settle(target);
  assert.deepEqual((await processInfo(target))?.monitoredBy, []);
  assert.deepEqual(await ask(target, 'drain'), []);
  await cast.end();
}

export async function s4_6_processInfo_lists_monitors(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const target = cast.puppet();
  const ref = monitor(target);
  assert.equal((await processInfo(self()))?.monitors.length, 1);
  demonitor(ref);
  assert.deepEqual((await processInfo(self()))?.monitors, []);
  await cast.end();
}

export async function endsWith(reason: unknown): Promise<void> {
  exit(reason);
}

export async function s4_6_spawnMonitor_gives_pid_and_ref(peer: number): Promise<void> {
  const near = spawnMonitor(endsWith, 'a');
  assert.deepEqual(await next(), { type: 'DOWN', ref: near.ref, target: near.pid, reason: 'a' });
  const far = spawnOpt({ scheduler: peer, monitor: true }, endsWith, 'b');
  assert.deepEqual(await next(), { type: 'DOWN', ref: far.ref, target: far.pid, reason: 'b' });
}
