/** spawn and its options: statements 1.10 and 2.5, and what issue-level options promise. */
import assert from 'node:assert/strict';
import {
  exit,
  isAlive,
  monitor,
  type Pid,
  priority,
  processInfo,
  receive,
  type SpawnOptions,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
  spawnOpt,
  thisScheduler,
  trapExit,
  whereis,
} from 'tsvm';
import { Cast, downReason, exitReason, next, nothing, puppet, raises } from './support.js';

/** Sends its arguments back. */
export async function echoArguments(report: Pid, ...args: unknown[]): Promise<void> {
  send(report, args);
}

/** A plain function, not async: a process that is over when it returns. */
export function plain(report: Pid): string {
  send(report, 'plain');
  return 'ignored';
}

export async function s1_10_arguments_arrive_in_order(peer: number): Promise<void> {
  const args = [1, 'two', [3], { four: 4 }, undefined, null, 7n, new Map([[1, new Set([2])]])];
  spawnOpt({ scheduler: peer }, echoArguments, self(), ...args);
  assert.deepEqual(await next(), args);
}

export async function s1_10_a_plain_function_can_be_spawned(peer: number): Promise<void> {
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, plain, self());
  assert.equal(await next(), 'plain');
  assert.equal(await downReason(ref), 'normal');
}

export async function s1_10_the_return_value_is_dropped(peer: number): Promise<void> {
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, returnsSomething);
  assert.equal(await downReason(ref), 'normal');
}

export async function returnsSomething(): Promise<{ big: number[] }> {
  return { big: [1, 2, 3] };
}

export async function s1_10_pids_are_never_reused(peer: number): Promise<void> {
  const pids = new Set<Pid>();
  for (let n = 0; n < 2000; n++) {
    const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, returnsSomething);
    pids.add(pid);
    await downReason(ref);
  }
  assert.equal(pids.size, 2000);
}

export async function s1_10_ten_thousand_children_report(peer: number): Promise<void> {
  for (let n = 0; n < 10_000; n++) {
    spawnOpt({ scheduler: n % 2 ? peer : thisScheduler() }, echoArguments, self(), n);
  }
  const seen = new Set<number>();
  for (let n = 0; n < 10_000; n++) seen.add(((await next()) as [number])[0]);
  assert.equal(seen.size, 10_000);
}

export async function s1_10_arguments_that_cannot_be_cloned_raise_in_the_parent(
  peer: number,
): Promise<void> {
  const bad = { items: [1, { cb: () => 1 }] };
  await raises('badarg', /items\[1\]\.cb is a function/, () =>
    spawnOpt({ scheduler: peer }, echoArguments, self(), bad),
  );
  await nothing();
}

export async function s1_10_bad_entries_raise_badarg(_peer: number): Promise<void> {
  const bad: unknown[] = ['name', undefined, {}, null];
  for (const entry of bad) {
    const fn = entry as () => void;
    await raises('badarg', /spawn: .*expected.*function/s, () => spawn(fn));
    await raises('badarg', /function/, () => spawnLink(fn));
    await raises('badarg', /function/, () => spawnMonitor(fn));
    await raises('badarg', /function/, () => spawnOpt({}, fn));
  }
}

export async function s2_5_option_link_links(peer: number): Promise<void> {
  trapExit(true);
  const pid = spawnOpt({ scheduler: peer, link: true }, puppet);
  assert.ok((await processInfo(pid))?.links.includes(self()));
  assert.ok((await processInfo(self()))?.links.includes(pid));
  exit(pid, 'done');
  assert.equal(await exitReason(pid), 'done');
}

export async function s2_5_options_link_and_monitor_together(peer: number): Promise<void> {
  trapExit(true);
  const { pid, ref } = spawnOpt({ scheduler: peer, link: true, monitor: true }, puppet);
  exit(pid, 'both');
  assert.equal(await exitReason(pid), 'both');
  assert.equal(await downReason(ref), 'both');
}

export async function reportScheduler(report: Pid): Promise<void> {
  send(report, thisScheduler());
}

export async function s2_5_option_scheduler_pins(peer: number): Promise<void> {
  for (let n = 0; n < 10; n++) {
    spawnOpt({ scheduler: peer }, reportScheduler, self());
    assert.equal(await next(), peer);
  }
}

export async function reportPriority(report: Pid): Promise<void> {
  send(report, priority('normal'));
}

export async function s2_5_option_priority_sets_it(peer: number): Promise<void> {
  for (const level of ['low', 'normal', 'high'] as const) {
    spawnOpt({ scheduler: peer, priority: level }, reportPriority, self());
    assert.equal(await next(), level);
  }
}

export async function reportName(report: Pid, name: string): Promise<void> {
  send(report, { named: whereis(name) === self() });
  await receive((m) => m === 'stop');
}

export async function s2_5_option_name_is_registered_from_the_first_instruction(
  peer: number,
): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const { pid, ref } = spawnOpt(
      { scheduler: peer, monitor: true, name: 'born_with' },
      reportName,
      self(),
      'born_with',
    );
    assert.deepEqual(await next(), { named: true }, `round ${round}`);
    assert.equal(whereis('born_with'), pid);
    send('born_with', 'stop');
    assert.equal(await downReason(ref), 'normal');
    assert.equal(whereis('born_with'), undefined);
  }
}

export async function s2_5_option_name_that_is_taken_raises_badarg(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const first = cast.puppet({ name: 'occupied' });
  assert.equal(await isAlive(first), true);
  await raises('badarg', /occupied/, () => spawnOpt({ scheduler: peer, name: 'occupied' }, puppet));
  assert.equal(whereis('occupied'), first);
  await cast.end();
}

export async function s2_5_option_label_is_shown(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.puppet({ label: 'the one with the label' });
  assert.equal((await processInfo(pid))?.label, 'the one with the label');
  await cast.end();
}

export async function s2_5_bad_options_raise_badarg(_peer: number): Promise<void> {
  const bad: unknown[] = [
    undefined,
    5,
    { scheduler: 0 },
    { scheduler: 99 },
    { scheduler: 1.5 },
    { scheduler: '1' },
    { priority: 'max' },
    { link: 'yes' },
    { monitor: 1 },
    { name: '' },
    { name: 5 },
    { mailbox: { limit: 0, onFull: 'kill' } },
    { mailbox: { limit: 10, onFull: 'explode' } },
    { mailbox: 10 },
    { unknownOption: true },
  ];
  for (const options of bad) {
    await raises('badarg', /spawnOpt.*expected.*got/s, () =>
      spawnOpt(options as SpawnOptions & { monitor?: false }, puppet),
    );
  }
}

/** A chain of generations: each spawns the next with a monitor, the last one exits. */
export async function generation(depth: number, slots: number[]): Promise<void> {
  if (depth === 0) exit('the end');
  const scheduler = slots[depth % slots.length] ?? 1;
  const { ref } = spawnOpt({ scheduler, monitor: true }, generation, depth - 1, slots);
  exit(await downReason(ref));
}

export async function s2_5_monitors_chain_through_fifty_generations(peer: number): Promise<void> {
  const slots = [thisScheduler(), peer];
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, generation, 50, slots);
  assert.equal(await downReason(ref), 'the end');
}

export async function s2_5_monitor_from_spawn_belongs_to_the_spawner(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, puppet);
  const again = monitor(pid);
  assert.notEqual(ref, again);
  exit(pid, 'both');
  assert.equal(await downReason(again), 'both');
  assert.equal(await downReason(ref), 'both');
}
