/** Processes and their signals: statements 1.3 to 1.6, 1.8 and 1.10, one exported function each. */
import assert from 'node:assert/strict';
import {
  alias,
  dictionary,
  exit,
  isAlive,
  link,
  monitor,
  type Pid,
  priority,
  processInfo,
  receive,
  self,
  send,
  sendAfter,
  spawn,
  spawnMonitor,
  spawnOpt,
  trapExit,
  unalias,
  yieldNow,
} from 'tsvm';
import {
  ask,
  Cast,
  death,
  downReason,
  exitReason,
  next,
  nothing,
  raises,
  settle,
} from './support.js';

/** Never receives and never ends by itself. */
export async function endless(): Promise<never> {
  for (;;) await yieldNow();
}

export async function s1_3_endless_loop_is_killed(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, endless);
  exit(pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
}

export async function s1_3_endless_loop_dies_from_an_ordinary_exit_signal(
  peer: number,
): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, endless);
  exit(pid, 'enough');
  assert.equal(await downReason(ref), 'enough');
}

export async function s1_3_endless_loop_is_linked_and_monitored(peer: number): Promise<void> {
  trapExit(true);
  const pid = spawnOpt({ scheduler: peer }, endless);
  assert.equal(await link(pid), true);
  const ref = monitor(pid);
  exit(pid, 'seen');
  assert.equal(await downReason(ref), 'seen');
  assert.equal(await exitReason(pid), 'seen');
}

export async function s1_3_endless_loop_dies_with_a_linked_process(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = spawnOpt({ scheduler: peer }, endless);
  const ref = monitor(pid);
  const other = cast.puppet();
  await ask(other, 'link', pid);
  exit(other, 'both');
  assert.equal(await downReason(ref), 'both');
  await cast.end();
}

export async function s1_3_endless_loop_is_inspected(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, endless);
  for (let n = 0; n < 3; n++) send(pid, n);
  const info = await processInfo(pid);
  assert.equal(info?.messageQueueLength, 3);
  assert.equal(await isAlive(pid), true);
  exit(pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
}

export async function s1_3_messages_queue_while_the_receiver_is_busy(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, busyThenDrain, self());
  for (let n = 0; n < 10; n++) send(pid, n);
  send(pid, 'stop');
  assert.deepEqual(await next(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(await downReason(ref), 'normal');
}

export async function busyThenDrain(report: Pid): Promise<void> {
  for (let n = 0; n < 100; n++) await yieldNow();
  await receive((m) => m === 'stop');
  const got: unknown[] = [];
  for (let n = 0; n < 10; n++) got.push(await receive());
  send(report, got);
}

export async function s1_4_messages_go_to_the_end_of_the_mailbox(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  send(self(), 'first');
  await ask(other, 'send', self(), 'second');
  send(self(), 'third');
  for (const expected of ['first', 'second', 'third']) assert.equal(await next(), expected);
  await cast.end();
}

export async function s1_4_messages_to_the_dead_are_dropped(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  exit(other, 'kill');
  await death(other);
  send(other, 'anyone?');
  await nothing();
  await cast.end();
}

/** Replies with what its argument looks like to it. */
export async function tellArgument(report: Pid, argument: { list: number[] }): Promise<void> {
  const before = JSON.stringify(argument);
  argument.list.push(99); // its own copy: the parent must not see this
  send(report, before);
}

export async function s1_5_spawn_arguments_are_copied(peer: number): Promise<void> {
  const argument = { list: [1, 2] };
  spawnOpt({ scheduler: peer }, tellArgument, self(), argument);
  argument.list.push(3); // after the spawn: the child must not see this
  assert.equal(await next(), '{"list":[1,2]}');
  assert.deepEqual(argument, { list: [1, 2, 3] });
}

export async function s1_5_messages_are_copied_even_to_oneself(_peer: number): Promise<void> {
  const message = { list: [1] };
  send(self(), message);
  message.list.push(2);
  const got = await receive<{ list: number[] }>();
  assert.deepEqual(got, { list: [1] });
  assert.notEqual(got, message);
}

export async function s1_5_exit_reasons_are_copied(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const ref = monitor(other);
  const reason = { why: ['x'] };
  exit(other, reason);
  reason.why.push('y');
  assert.deepEqual(await downReason(ref), { why: ['x'] });
  await cast.end();
}

export async function s1_5_each_watcher_gets_its_own_copy_of_a_reason(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, endless);
  const again = monitor(pid);
  exit(pid, { list: [1] });
  const first = (await downReason(ref)) as { list: number[] };
  first.list.push(2);
  assert.deepEqual(await downReason(again), { list: [1] });
}

export async function s1_5_timer_payloads_are_copied_when_set(_peer: number): Promise<void> {
  const payload = { list: [1] };
  sendAfter(5, self(), payload);
  payload.list.push(2);
  assert.deepEqual(await next(), { list: [1] });
}

export async function s1_6_send_to_an_unregistered_name_raises_badarg(
  _peer: number,
): Promise<void> {
  await raises('badarg', /no process is registered as "nobody_here"/, () =>
    send('nobody_here', 'x'),
  );
}

export async function s1_6_send_to_a_dead_pid_or_alias_succeeds(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const theirs = await ask<Pid>(other, 'alias');
  const mine = alias();
  exit(other, 'kill');
  await death(other);
  unalias(mine);
  send(other, 'x');
  send(theirs, 'x');
  send(mine, 'x');
  await nothing();
  await cast.end();
}

export async function s1_8_isAlive_after_kill_is_false_always(peer: number): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const pid = spawnOpt({ scheduler: peer }, endless);
    exit(pid, 'kill');
    assert.equal(await isAlive(pid), false, `round ${round}`);
  }
}

export async function s1_8_isAlive_after_any_fatal_signal_is_false(peer: number): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const pid = spawnOpt({ scheduler: peer }, endless);
    assert.equal(await isAlive(pid), true);
    exit(pid, 'shutdown');
    assert.equal(await isAlive(pid), false, `round ${round}`);
  }
}

export async function s1_8_isAlive_of_oneself_is_true(_peer: number): Promise<void> {
  assert.equal(await isAlive(self()), true);
}

export async function s1_8_isAlive_right_after_spawn_is_true(peer: number): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, endless);
    assert.equal(await isAlive(pid), true);
    exit(pid, 'kill');
    await downReason(ref);
    assert.equal(await isAlive(pid), false);
  }
}

export async function s1_9_equal_processes_take_turns(peer: number): Promise<void> {
  // Two endless loops on one scheduler: both get ahead, and so does a third that wants little.
  const loops = [1, 2].map(() => spawnOpt({ scheduler: peer, monitor: true }, endless));
  const cast = new Cast(peer);
  const third = cast.puppet();
  for (let n = 0; n < 20; n++) await settle(third);
  for (const { pid, ref } of loops) {
    exit(pid, 'kill');
    await downReason(ref);
  }
  await cast.end();
}

/** What a new process finds. */
export async function reportDefaults(report: Pid): Promise<void> {
  send(report, {
    trapped: trapExit(false),
    priority: priority('normal'),
    keys: dictionary.keys(),
    parent: (await processInfo(self()))?.parent,
  });
}

export async function s1_10_defaults_of_a_new_process(peer: number): Promise<void> {
  trapExit(true);
  priority('high');
  dictionary.put('mine', 1);
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, reportDefaults, self());
  assert.deepEqual(await next(), {
    trapped: false,
    priority: 'normal',
    keys: [],
    parent: self(),
  });
  assert.equal(await downReason(ref), 'normal');
}

export async function selfIs(report: Pid): Promise<void> {
  send(report, self());
}

export async function s1_10_self_is_the_pid_that_spawn_returned(peer: number): Promise<void> {
  const remote = spawnOpt({ scheduler: peer }, selfIs, self());
  assert.equal(await next(), remote);
  const near = spawn(selfIs, self());
  assert.equal(await next(), near);
  const { pid, ref } = spawnMonitor(selfIs, self());
  assert.equal(await next(), pid);
  assert.equal(await downReason(ref), 'normal');
  assert.equal(new Set([self(), remote, near, pid]).size, 4);
}
