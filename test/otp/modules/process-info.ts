/** processInfo, processes, labels: what can be seen of a process from outside. */
import assert from 'node:assert/strict';
import {
  dictionary,
  exit,
  link,
  makeRef,
  monitor,
  type Pid,
  processes,
  processInfo,
  receive,
  register,
  self,
  send,
  setLabel,
  spawnOpt,
  thisScheduler,
  unlink,
  unregister,
  yieldNow,
} from 'tsvm';
import { ask, Cast, death, downReason, raises, settle } from './support.js';

export async function s1_1_info_of_a_waiting_process(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet({ label: 'puppet', priority: 'low' });
  await ask(other, 'trapExit', true);
  await ask(other, 'put', 'key', { value: 1 });
  await register('informed', other);
  await link(other);
  const ref = monitor(other);
  const watched = await ask(other, 'monitor', self());
  send(other, 'unread');
  await settle(other); // it has looked at the message, and waits again

  const info = await processInfo(other);
  assert.ok(info !== undefined);
  assert.equal(info.pid, other);
  assert.equal(info.status, 'waiting');
  assert.equal(info.registeredName, 'informed');
  assert.equal(info.label, 'puppet');
  assert.equal(info.priority, 'low');
  assert.equal(info.trapExit, true);
  assert.equal(info.messageQueueLength, 1);
  assert.deepEqual(info.links, [self()]);
  assert.deepEqual(info.monitoredBy, [self()]);
  assert.equal(info.monitors.length, 1, `the puppet monitors once (${String(watched)})`);
  assert.deepEqual(info.dictionary, [['key', { value: 1 }]]);
  assert.equal(info.parent, self());
  assert.match(String(info.initialCall), /puppet/);

  unlink(other);
  await unregister('informed');
  exit(other, 'kill');
  assert.equal(await downReason(ref), 'killed');
  await cast.end();
}

export async function s1_1_info_of_oneself(_peer: number): Promise<void> {
  setLabel('the test process');
  const info = await processInfo(self());
  assert.equal(info?.pid, self());
  assert.equal(info?.label, 'the test process');
  assert.equal(info?.messageQueueLength, 0);
  assert.match(String(info?.initialCall), /s1_1_info_of_oneself/);
}

export async function s1_1_info_of_the_dead_is_undefined(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  exit(other, 'kill');
  await death(other);
  assert.equal(await processInfo(other), undefined);
  await cast.end();
}

export async function s1_1_info_is_ordered_after_earlier_signals(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  for (let n = 1; n <= 200; n++) {
    send(other, 'unread');
    assert.equal((await processInfo(other))?.messageQueueLength, n);
  }
  exit(other, 'kill');
  assert.equal(await processInfo(other), undefined);
  await cast.end();
}

export async function s1_1_info_is_a_copy(peer: number): Promise<void> {
  const cast = new Cast(peer);
  dictionary.put('list', [1]);
  const mine = await processInfo(self());
  const list = mine?.dictionary[0]?.[1] as number[] | undefined;
  assert.deepEqual(list, [1]);
  list?.push(2);
  assert.deepEqual(dictionary.get('list'), [1]);
  await cast.end();
}

export async function s1_1_processes_lists_all_schedulers(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [near, far] = [cast.near(), cast.puppet()];
  const all = await processes();
  for (const pid of [self(), near, far]) assert.ok(all.includes(pid), `${pid} is missing`);
  assert.equal(new Set(all).size, all.length);
  exit(far, 'kill');
  await death(far);
  assert.ok(!(await processes()).includes(far));
  await cast.end();
}

export async function s1_1_a_label_can_be_changed(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  assert.equal((await processInfo(other))?.label, undefined);
  await ask(other, 'setLabel', 'first');
  assert.equal((await processInfo(other))?.label, 'first');
  await ask(other, 'setLabel', 'second');
  assert.equal((await processInfo(other))?.label, 'second');
  await cast.end();
}

/** Yields without end. */
export async function busy(): Promise<never> {
  for (;;) await yieldNow();
}

export async function s1_1_a_running_process_shows_as_such(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, busy);
  const status = (await processInfo(pid))?.status;
  assert.ok(status === 'runnable' || status === 'running', status);
  exit(pid, 'kill');
  await downReason(ref);
}

export async function s1_1_the_scheduler_of_a_process_is_shown(peer: number): Promise<void> {
  const cast = new Cast(peer);
  assert.equal((await processInfo(cast.puppet()))?.scheduler, peer);
  assert.equal((await processInfo(self()))?.scheduler, thisScheduler());
  await cast.end();
}

export async function s1_1_bad_arguments_raise_badarg(_peer: number): Promise<void> {
  const ref = makeRef() as unknown as Pid;
  for (const bad of ['name' as Pid, ref, 5 as unknown as Pid, undefined as unknown as Pid]) {
    await raises('badarg', /processInfo.*expected.*pid/s, () => processInfo(bad));
  }
  await raises('badarg', /label is a function/, () => setLabel(() => 1));
}

/** Receives nothing of what it gets. */
export async function deaf(): Promise<void> {
  await receive((m) => m === 'stop');
}

export async function s1_1_a_long_mailbox_is_visible(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, deaf);
  for (let n = 0; n < 5000; n++) send(pid, n);
  assert.equal((await processInfo(pid))?.messageQueueLength, 5000);
  send(pid, 'stop');
  assert.equal(await downReason(ref), 'normal');
}
