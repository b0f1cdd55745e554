/** SEMANTICS §13: supervisors, statement by statement. The children run where the placement says. */
import assert from 'node:assert/strict';
import {
  type Exit,
  exit,
  isAlive,
  link,
  makeRef,
  monitor,
  type Pid,
  self,
  send,
  spawnLink,
  trapExit,
} from 'tsvm';
import { stop } from 'tsvm/gen-server';
import {
  type ChildOptions,
  child,
  countChildren,
  deleteChild,
  restartChild,
  type Supervisor,
  type SupervisorSpec,
  startChild,
  startLink,
  terminateChild,
  whichChildren,
} from 'tsvm/supervisor';
import * as sys from 'tsvm/sys';
import type { Plan } from './kid.js';
import * as kid from './kid.js';
import * as self_ from './supervisor.js';
import { downReason, drain, nothing, take } from './support.js';

interface Report {
  readonly type: string;
  readonly id: string;
  readonly pid: Pid;
  readonly starts: number;
  readonly reason: unknown;
}

const report = (type: string): Promise<Report> =>
  take<Report>((message) => (message as Report)?.type === type, type);

/** A maker of children that report to the caller. */
type Make = (id: string, options?: ChildOptions, plan?: Partial<Plan>) => ReturnType<typeof child>;

function maker(slot: number): Make {
  const base = { report: self(), slot, key: makeRef() as string };
  return (id, options, plan) => child(id, kid.start, [{ ...base, id, ...plan }], options);
}

/** A supervisor and the pids of its children, by id. */
interface Family {
  readonly sup: Supervisor;
  readonly pids: Readonly<Record<string, Pid>>;
}

async function family(spec: SupervisorSpec): Promise<Family> {
  trapExit(true);
  const sup = await startLink(spec);
  return { sup, pids: await starts(spec.children.length) };
}

/** The next so many starts, by id. */
async function starts(count: number): Promise<Record<string, Pid>> {
  const pids: Record<string, Pid> = {};
  for (let n = 0; n < count; n++) {
    const { id, pid } = await report('started');
    pids[id] = pid;
  }
  return pids;
}

async function stopIds(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push((await report('stopping')).id);
  return ids;
}

async function endOf({ sup }: Pick<Family, 'sup'>, reason: unknown = 'shutdown'): Promise<void> {
  const ended = await take<Exit>(
    (m) => (m as Exit)?.type === 'EXIT' && (m as Exit).from === sup,
    'EXIT',
  );
  assert.deepEqual(ended.reason, reason);
}

async function close(one: Family): Promise<void> {
  await stop(one.sup, 'shutdown');
  await endOf(one);
  await nothing((message) => (message as Report)?.type === 'started');
}

const die = (pid: Pid | undefined, reason: unknown = 'raise'): void =>
  send(pid as Pid, { die: reason });

async function startReason(spec: SupervisorSpec): Promise<unknown> {
  trapExit(true);
  try {
    await startLink(spec);
  } catch (error) {
    await report('EXIT');
    return (error as { reason?: unknown }).reason;
  }
  return assert.fail('it should have failed');
}

// ---- 13.1 start ---------------------------------------------------------------------------------

export async function s13_1_children_in_order(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({ children: [make('a'), make('b'), make('c')] });
  assert.deepEqual(Object.keys(one.pids), ['a', 'b', 'c']);
  const ids = (await whichChildren(one.sup)).map(({ id }) => id);
  assert.deepEqual(ids, ['c', 'b', 'a']);
  await close(one);
}

export async function s13_1_ignore(peer: number): Promise<void> {
  const make = maker(peer);
  trapExit(true);
  const sup = await startLink({
    children: [
      make('kept', {}, { ignores: [1] }),
      make('dropped', { restart: 'temporary' }, { ignores: [1] }),
    ],
  });
  const children = await whichChildren(sup);
  assert.deepEqual(
    children.map(({ id, pid }) => [id, pid]),
    [['kept', undefined]],
  );
  await close({ sup, pids: {} });
}

export async function s13_1_first_failure(peer: number): Promise<void> {
  const make = maker(peer);
  const trap = { trap: 'report' } as const;
  const reason = (await startReason({
    children: [
      make('a', {}, trap),
      make('b', {}, trap),
      make('bad', {}, { fails: [1] }),
      make('d'),
    ],
  })) as { kind: string; reason: { kind: string; id: string; reason: { message: string } } };
  assert.equal(reason.kind, 'shutdown');
  assert.equal(reason.reason.kind, 'failed_to_start_child');
  assert.equal(reason.reason.id, 'bad');
  assert.equal(reason.reason.reason.message, 'start 1 of bad fails');
  assert.deepEqual(await stopIds(2), ['b', 'a']);
  await starts(2);
  await report('failed');
  await nothing();
}

export async function s13_1_bad_specifications(peer: number): Promise<void> {
  const make = maker(peer);
  const kinds = async (spec: SupervisorSpec): Promise<unknown[]> => {
    const { kind, field } = (await startReason(spec)) as { kind: string; field: string };
    return [kind, field];
  };
  assert.deepEqual(await kinds({ children: [make('a'), make('a')] }), ['start_spec', 'id']);
  assert.deepEqual(await kinds({ intensity: -1, children: [] }), ['supervisor_data', 'intensity']);
  assert.deepEqual(await kinds({ strategy: 'x' as never, children: [] }), [
    'supervisor_data',
    'strategy',
  ]);
  assert.deepEqual(await kinds({ strategy: 'simple_one_for_one', children: [] }), [
    'start_spec',
    'children',
  ]);
  const wrong = make('a', { shutdown: -1 });
  assert.deepEqual(await kinds({ children: [wrong] }), ['start_spec', 'a: shutdown']);
  await nothing();
}

export function init(spec: SupervisorSpec): SupervisorSpec | { ignore: true } {
  return spec.children.length === 0 ? { ignore: true } : spec;
}

export async function s13_1_start_limit(peer: number): Promise<void> {
  const make = maker(peer);
  const slow = make('slow', { startMs: 100 }, { hangs: [1] });
  const reason = await startReason({ children: [make('a'), slow] });
  assert.deepEqual(reason, {
    kind: 'shutdown',
    reason: {
      kind: 'failed_to_start_child',
      id: 'slow',
      reason: { kind: 'start_timeout', ms: 100 },
    },
  });
  assert.equal(await isAlive((await report('mute')).pid), false);
  await drain();

  // A restart that hangs is a failed attempt like any other.
  const children = [make('b', { startMs: 1500 }, { hangs: [2] })];
  const one = await family({ intensity: 5, children });
  die(one.pids['b']);
  assert.equal((await report('mute')).id, 'b');
  assert.ok((await report('started')).starts >= 3);
  await close(one);
}

export async function s13_1_callback_module(peer: number): Promise<void> {
  trapExit(true);
  const make = maker(peer);
  const sup = await startLink(self_, { children: [make('a')] }, { name: 'by_module' });
  assert.equal((await countChildren('by_module' as never)).active, 1);
  const one = { sup, pids: await starts(1) };
  await close(one);
  await assert.rejects(startLink(self_, { children: [] }), { reason: 'ignore' });
  await report('EXIT');
}

// ---- 13.2 a child ends --------------------------------------------------------------------------

export async function s13_2_permanent(peer: number): Promise<void> {
  const one = await family({ intensity: 9, children: [maker(peer)('a')] });
  let pid = one.pids['a'];
  for (const reason of ['normal', 'shutdown', 'raise', 'odd']) {
    die(pid, reason);
    ({ pid } = await report('started'));
  }
  await close(one);
}

export async function s13_2_transient(peer: number): Promise<void> {
  const orderly = ['normal', 'shutdown', { kind: 'shutdown', reason: 1 }];
  const make = maker(peer);
  const one = await family({
    intensity: 9,
    children: ['0', '1', '2', '3'].map((id) => make(id, { restart: 'transient' })),
  });
  for (const [at, reason] of orderly.entries()) {
    const ref = monitor(one.pids[at] as Pid);
    die(one.pids[at], reason);
    await downReason(ref);
  }
  die(one.pids['3'], 'odd');
  assert.equal((await report('started')).id, '3');
  const children = await whichChildren(one.sup);
  assert.deepEqual(
    children.map(({ pid }) => typeof pid),
    ['string', 'undefined', 'undefined', 'undefined'],
  );
  await close(one);
}

export async function s13_2_temporary(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({
    children: [make('a', { restart: 'temporary' }), make('b', { restart: 'temporary' })],
  });
  for (const [id, reason] of [
    ['a', 'normal'],
    ['b', 'odd'],
  ] as const) {
    const ref = monitor(one.pids[id] as Pid);
    die(one.pids[id], reason);
    await downReason(ref);
  }
  assert.deepEqual(await whichChildren(one.sup), []);
  await close(one);
}

export async function s13_2_strangers(peer: number): Promise<void> {
  const one = await family({ children: [maker(peer)('a')] });
  const ref = monitor(one.sup);
  const stranger = spawnLink(linkAndDie, one.sup);
  await take(
    (m) => (m as Exit)?.type === 'EXIT' && (m as Exit).from === stranger,
    'EXIT of the stranger',
  );
  assert.equal((await countChildren(one.sup)).active, 1);
  await close(one);
  await downReason(ref);
}

export async function linkAndDie(sup: Supervisor): Promise<void> {
  await link(sup);
  exit('stranger');
}

// ---- 13.3 intensity -----------------------------------------------------------------------------

export async function s13_3_intensity_allows_n(peer: number): Promise<void> {
  const make = maker(peer);
  const trap = { trap: 'report' } as const;
  const one = await family({
    intensity: 2,
    periodS: 60,
    children: [make('a', {}, trap), make('b')],
  });
  let pid = one.pids['b'];
  for (let n = 0; n < 2; n++) {
    die(pid);
    ({ pid } = await report('started'));
  }
  die(pid);
  assert.deepEqual(await stopIds(1), ['a']);
  await endOf(one);
  await nothing();
}

export async function s13_3_intensity_zero(peer: number): Promise<void> {
  const one = await family({ intensity: 0, children: [maker(peer)('a')] });
  die(one.pids['a'], 'normal');
  await endOf(one);
}

export async function s13_3_a_round_counts_once(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({
    strategy: 'one_for_all',
    intensity: 1,
    periodS: 60,
    children: [make('a'), make('b'), make('c')],
  });
  die(one.pids['a']);
  const { c } = await starts(3);
  die(c);
  await endOf(one);
}

export async function s13_3_failed_attempts_count(peer: number): Promise<void> {
  const one = await family({
    intensity: 3,
    periodS: 60,
    children: [maker(peer)('a', {}, { fails: [2, 3, 4, 5, 6] })],
  });
  die(one.pids['a']);
  for (const attempt of [2, 3, 4]) assert.equal((await report('failed')).starts, attempt);
  await endOf(one);
  await nothing();
}

// ---- 13.4 restart -------------------------------------------------------------------------------

export async function s13_4_one_for_one(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({ children: [make('a'), make('b')] });
  die(one.pids['a']);
  assert.equal((await report('started')).id, 'a');
  assert.equal(await isAlive(one.pids['b'] as Pid), true);
  await close(one);
}

export async function s13_4_rest_for_one(peer: number): Promise<void> {
  const make = maker(peer);
  const trap = { trap: 'report' } as const;
  const one = await family({
    strategy: 'rest_for_one',
    children: ['a', 'b', 'c', 'd'].map((id) => make(id, {}, trap)),
  });
  die(one.pids['b']);
  assert.deepEqual(Object.keys(await starts(3)), ['b', 'c', 'd']);
  assert.deepEqual(await stopIds(2), ['d', 'c']);
  assert.equal(await isAlive(one.pids['a'] as Pid), true);
  await stop(one.sup, 'shutdown');
  assert.deepEqual(await stopIds(4), ['d', 'c', 'b', 'a']);
  await endOf(one);
}

export async function s13_4_one_for_all(peer: number): Promise<void> {
  const make = maker(peer);
  const trap = { trap: 'report' } as const;
  const one = await family({
    strategy: 'one_for_all',
    children: [
      make('a', {}, trap),
      make('b'),
      make('gone', { restart: 'temporary' }, trap),
      make('d', {}, trap),
    ],
  });
  die(one.pids['b']);
  assert.deepEqual(Object.keys(await starts(3)), ['a', 'b', 'd']);
  assert.deepEqual(await stopIds(3), ['d', 'gone', 'a']);
  await stop(one.sup, 'shutdown');
  await stopIds(2);
  await endOf(one);
}

export async function s13_4_try_again(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({
    intensity: 1000,
    periodS: 1,
    children: [make('a', {}, { fails: [2, 3, 4] }), make('b')],
  });
  die(one.pids['a']);
  await report('failed');
  // Requests are served between the attempts.
  assert.equal((await countChildren(one.sup)).specs, 2);
  assert.equal((await report('started')).starts, 5);
  await close(one);
  await report('failed');
  await report('failed');
}

export async function s13_4_group_retry(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({
    strategy: 'one_for_all',
    intensity: 5,
    children: [make('a'), make('b', {}, { fails: [2] }), make('c')],
  });
  die(one.pids['c']);
  assert.deepEqual(Object.keys(await starts(1)), ['a']);
  await report('failed');
  assert.deepEqual(Object.keys(await starts(3)), ['a', 'b', 'c']);
  await close(one);
}

export async function s13_4_ignore_on_restart(peer: number): Promise<void> {
  const one = await family({ children: [maker(peer)('a', {}, { ignores: [2] })] });
  const ref = monitor(one.pids['a'] as Pid);
  die(one.pids['a']);
  await downReason(ref);
  const [found] = await whichChildren(one.sup);
  assert.deepEqual([found?.id, found?.pid], ['a', undefined]);
  await close(one);
}

// ---- 13.5 stop ----------------------------------------------------------------------------------

export async function s13_5_brutal_kill(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({
    children: [make('a', { shutdown: 'brutal_kill' }, { trap: 'report' })],
  });
  const ref = monitor(one.pids['a'] as Pid);
  assert.equal(await terminateChild(one.sup, 'a'), 'ok');
  assert.equal(await downReason(ref), 'killed');
  await nothing();
  await close(one);
}

export async function s13_5_time_then_kill(peer: number): Promise<void> {
  const one = await family({ children: [maker(peer)('a', { shutdown: 10 }, { trap: 'hang' })] });
  const ref = monitor(one.pids['a'] as Pid);
  assert.equal(await terminateChild(one.sup, 'a'), 'ok');
  assert.deepEqual(await stopIds(1), ['a']);
  assert.equal(await downReason(ref), 'killed');
  await close(one);
}

export async function s13_5_unlinked_child(peer: number): Promise<void> {
  const one = await family({ children: [maker(peer)('a')] });
  const ref = monitor(one.pids['a'] as Pid);
  assert.equal(await terminateChild(one.sup, 'a'), 'ok');
  assert.equal(await downReason(ref), 'shutdown');
  await close(one);
}

export async function s13_5_simple_all_at_once(peer: number): Promise<void> {
  trapExit(true);
  const make = maker(peer);
  const template = make('kid', { restart: 'temporary', shutdown: 200 }, { trap: 'hang' });
  const sup = await startLink({ strategy: 'simple_one_for_one', children: [template] });
  for (const name of ['x', 'y', 'z']) await startChild(sup, [name]);
  const pids = await starts(3);
  const refs = Object.values(pids).map((pid) => monitor(pid));
  await stop(sup, 'shutdown');
  assert.equal((await stopIds(3)).length, 3);
  for (const ref of refs) assert.equal(await downReason(ref), 'killed');
  await endOf({ sup });
}

// ---- 13.6 the supervisor ends -------------------------------------------------------------------

export async function s13_6_killed(peer: number): Promise<void> {
  const one = await family({ children: [maker(peer)('a')] });
  const ref = monitor(one.pids['a'] as Pid);
  exit(one.sup, 'kill');
  assert.equal(await downReason(ref), 'killed');
  await endOf(one, 'killed');
}

export async function s13_6_stopped(peer: number): Promise<void> {
  const one = await family({ children: [maker(peer)('a')] });
  const ref = monitor(one.pids['a'] as Pid);
  await stop(one.sup, 'normal');
  assert.equal(await downReason(ref), 'shutdown');
  await endOf(one, 'normal');
}

export async function s13_6_nested(peer: number): Promise<void> {
  const make = maker(peer);
  const inner = child('inner', startInner, [{ intensity: 0, children: [make('a')] }], {
    type: 'supervisor',
  });
  trapExit(true);
  const sup = await startLink({ children: [inner] });
  const { a } = await starts(1);
  const [before] = await whichChildren(sup);
  die(a);
  await starts(1);
  const [after] = await whichChildren(sup);
  assert.notEqual(before?.pid, after?.pid);
  assert.equal((await countChildren(sup)).supervisors, 1);
  await close({ sup, pids: {} });
}

export function startInner(spec: SupervisorSpec): Promise<Supervisor> {
  return startLink(spec);
}

// ---- 13.7 automatic shutdown --------------------------------------------------------------------

const significant = (restart: 'transient' | 'temporary'): ChildOptions => ({
  restart,
  significant: true,
});

export async function s13_7_any(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({
    autoShutdown: 'any_significant',
    children: [make('a', significant('transient')), make('b')],
  });
  die(one.pids['a'], 'raise');
  const { a } = await starts(1);
  die(a, 'normal');
  await endOf(one);
}

export async function s13_7_all(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({
    autoShutdown: 'all_significant',
    children: [make('a', significant('transient')), make('b', significant('temporary')), make('c')],
  });
  const ref = monitor(one.pids['a'] as Pid);
  die(one.pids['a'], 'normal');
  await downReason(ref);
  assert.equal((await countChildren(one.sup)).active, 2);
  die(one.pids['b'], 'odd');
  await endOf(one);
}

export async function s13_7_not_when_terminated(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({
    autoShutdown: 'any_significant',
    children: [make('a', significant('transient'))],
  });
  assert.equal(await terminateChild(one.sup, 'a'), 'ok');
  assert.equal((await countChildren(one.sup)).active, 0);
  await close(one);
}

export async function s13_7_bad_combinations(peer: number): Promise<void> {
  const wrong = maker(peer)('a', { restart: 'permanent', significant: true } as never);
  for (const autoShutdown of ['never', 'any_significant'] as const) {
    const reason = (await startReason({ autoShutdown, children: [wrong] })) as { field: string };
    assert.equal(reason.field, 'a: significant');
  }
}

// ---- 13.8 the functions -------------------------------------------------------------------------

export async function s13_8_start_child(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({ children: [make('a')] });
  const pid = one.pids['a'];
  const reasonOf = (id: string, plan?: Partial<Plan>): Promise<unknown> =>
    startChild(one.sup, make(id, {}, plan)).catch((error: { reason: unknown }) => error.reason);
  assert.deepEqual(await reasonOf('a'), { kind: 'already_started', pid });
  await terminateChild(one.sup, 'a');
  assert.equal(await reasonOf('a'), 'already_present');
  const failure = (await reasonOf('bad', { fails: [1] })) as { message: string };
  assert.equal(failure.message, 'start 1 of bad fails');
  await report('failed');
  const { pid: added } = await startChild(one.sup, make('b'));
  assert.equal((await report('started')).pid, added);
  assert.deepEqual(
    (await whichChildren(one.sup)).map(({ id }) => id),
    ['b', 'a'],
  );
  await close(one);
}

export async function s13_8_terminate_restart_delete(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({ children: [make('a'), make('t', { restart: 'temporary' })] });
  const { sup } = one;
  await assert.rejects(restartChild(sup, 'a'), { reason: 'running' });
  await assert.rejects(restartChild(sup, 'nobody'), { reason: 'not_found' });
  assert.equal(await deleteChild(sup, 'a'), 'running');
  assert.equal(await deleteChild(sup, 'nobody'), 'not_found');
  assert.equal(await terminateChild(sup, 'nobody'), 'not_found');
  assert.equal(await terminateChild(sup, 'a'), 'ok');
  assert.equal(await terminateChild(sup, 'a'), 'ok');
  await restartChild(sup, 'a');
  await starts(1);
  assert.equal(await terminateChild(sup, 'a'), 'ok');
  assert.equal(await deleteChild(sup, 'a'), 'ok');
  assert.equal(await terminateChild(sup, 't'), 'ok');
  assert.deepEqual(await whichChildren(sup), []);
  await close(one);
}

export async function s13_8_terminate_cancels_restarting(peer: number): Promise<void> {
  const fails = Array.from({ length: 100_000 }, (_, n) => n + 2);
  const one = await family({ intensity: 1e9, children: [maker(peer)('a', {}, { fails })] });
  die(one.pids['a']);
  await report('failed');
  await assert.rejects(restartChild(one.sup, 'a'), { reason: 'restarting' });
  assert.equal(await terminateChild(one.sup, 'a'), 'ok');
  const [found] = await whichChildren(one.sup);
  assert.equal(found?.pid, undefined);
  await close(one);
  await drain();
}

export async function s13_8_simple_one_for_one(peer: number): Promise<void> {
  trapExit(true);
  const template = maker(peer)('kid', { restart: 'transient' });
  const sup = await startLink({
    strategy: 'simple_one_for_one',
    children: [template],
    intensity: 5,
  });
  const { pid } = await startChild(sup, ['x']);
  assert.equal((await report('started')).id, 'x');
  die(pid);
  const again = await report('started');
  assert.equal(again.id, 'x');
  assert.deepEqual(
    (await whichChildren(sup)).map((one) => [one.id, one.pid]),
    [[undefined, again.pid]],
  );
  const counts = { specs: 1, active: 1, supervisors: 0, workers: 1 };
  assert.deepEqual(await countChildren(sup), counts);
  assert.equal(await deleteChild(sup, 'x'), 'simple_one_for_one');
  assert.equal(await terminateChild(sup, 'x'), 'simple_one_for_one');
  await assert.rejects(restartChild(sup, 'x'), { reason: 'simple_one_for_one' });
  assert.equal(await terminateChild(sup, self()), 'not_found');
  assert.equal(await terminateChild(sup, pid as Pid), 'ok');
  assert.equal(await terminateChild(sup, again.pid), 'ok');
  assert.equal((await countChildren(sup)).active, 0);
  await close({ sup, pids: {} });
}

// ---- 13.9 and 13.10 -----------------------------------------------------------------------------

export async function s13_9_code_change(peer: number): Promise<void> {
  const make = maker(peer);
  const one = await family({ children: [make('a')] });
  await sys.suspend(one.sup);
  await sys.changeCode(one.sup, self_, 'old', null);
  await sys.resume(one.sup);
  assert.equal((await whichChildren(one.sup))[0]?.pid, one.pids['a']);
  await close(one);
}
