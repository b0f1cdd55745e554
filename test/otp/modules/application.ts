/** SEMANTICS §15: applications, statement by statement. Their workers run where the placement says. */
import assert from 'node:assert/strict';
import {
  exit,
  isAlive,
  monitor,
  type Pid,
  processInfo,
  self,
  send,
  spawn,
  spawnMonitor,
  whereis,
} from 'tsvm';
import * as applications from 'tsvm/application';
import {
  type ApplicationEvent,
  type ApplicationType,
  type Config,
  changeConfig,
  currentApplication,
  ensureAllStarted,
  getAllEnv,
  getEnv,
  load,
  loadedApplications,
  setEnv,
  start,
  startController,
  stop,
  stopAll,
  unload,
  unsetEnv,
  whichApplications,
} from 'tsvm/application';
import * as self_ from './application.js';
import { application as base } from './apps/base.app.js';
import type { Plan } from './apps/unit.js';
import { downReason, drain, eventually, nothing, take } from './support.js';

const CONTROLLER = 'tsvm.applications';

interface Report {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly as: string;
  readonly pid: Pid;
  readonly me: Pid;
  readonly leader: Pid;
  readonly application: string;
  readonly note: string;
  readonly phase: string;
  readonly argument: unknown;
  readonly change: unknown;
}

const report = (type: string): Promise<Report> =>
  take<Report>((message) => (message as Report)?.type === type, type);

const reportOf = (name: string, type: string): Promise<Report> =>
  take<Report>(
    (message) => (message as Report)?.type === type && (message as Report).name === name,
    `${type} of ${name}`,
  );

/** What was reported until now, as `type name id`. */
async function reported(): Promise<string[]> {
  const messages = (await drain()) as Report[];
  return messages.map(({ type, name, id }) => [type, name, id].filter(Boolean).join(' '));
}

/** Say what an application is to do; before it is loaded. */
async function plan(slot: number, name: string, more: Partial<Plan> = {}): Promise<void> {
  const value: Plan = { report: self(), slot, ...more };
  await setEnv(name, 'plan', value, { persistent: true });
}

/** An application that runs, and its workers. */
async function running(
  slot: number,
  name: string,
  more: Partial<Plan> = {},
  type: ApplicationType = 'temporary',
): Promise<{ readonly workers: readonly Pid[]; readonly master: Pid }> {
  await plan(slot, name, more);
  await start(name, type);
  const workers = [await reportOf(name, 'worker'), await reportOf(name, 'worker')];
  const { leader } = await reportOf(name, 'start');
  return { workers: workers.map(({ pid }) => pid), master: leader };
}

/** The reason that a start, or a stop, fails with. */
async function refusal(action: Promise<unknown>): Promise<unknown> {
  try {
    await action;
  } catch (thrown) {
    assert.ok(applications.isStartError(thrown), String(thrown));
    return thrown.reason;
  }
  return assert.fail('a StartError was expected');
}

const names = async (): Promise<string[]> => (await whichApplications()).map(({ name }) => name);

// ---- 15.1 what an application is ------------------------------------------------------------------

export async function s15_1_loaded_then_started(peer: number): Promise<void> {
  const info = await load('base');
  assert.equal(info.definedIn, 'apps/base.app');
  assert.equal(info.description, 'what others need');
  assert.deepEqual(info.registered, ['base.server']);
  assert.deepEqual(await names(), []);
  assert.deepEqual(
    (await loadedApplications()).map(({ name }) => name),
    ['base'],
  );
  assert.deepEqual(await refusal(load('base')), { kind: 'already_loaded', application: 'base' });
  await running(peer, 'base');
  assert.deepEqual(await names(), ['base']);
  assert.deepEqual(await refusal(unload(base)), { kind: 'running', application: 'base' });
  await stop(base);
  await unload(base);
  assert.deepEqual(await refusal(unload(base)), { kind: 'not_loaded', application: 'base' });
  await stopAll();
  await drain();
}

export async function s15_1_library(): Promise<void> {
  await start('library');
  const [info] = await whichApplications();
  assert.deepEqual([info?.name, info?.master], ['library', undefined]);
  await stop('library');
  assert.deepEqual(await names(), []);
  await stopAll();
}

export async function s15_1_env_layers(): Promise<void> {
  const config: Config = { base: { host: 'file', level: 'high' } };
  await startController({ config: { file: config, arguments: { base: { level: 'now' } } } });
  await setEnv('base', 'level', 'before it is loaded');
  await setEnv('base', 'extra', 'kept');
  await setEnv('base', 'port', 9, { persistent: true });
  await load('base');
  const all: unknown = await getAllEnv(base);
  assert.deepEqual(all, { port: 9, host: 'file', level: 'now', extra: 'kept' });
  const host: string = await getEnv(base, 'host');
  assert.equal(host, 'file');
  assert.equal(await getEnv('base', 'nothing'), undefined);
  await setEnv(base, 'host', 'set');
  assert.equal(await getEnv(base, 'host'), 'set');
  await unsetEnv(base, 'host');
  assert.equal(await getEnv('base', 'host'), undefined);
  await unload(base);
  assert.equal(await getEnv('base', 'extra'), undefined);
  await load(base);
  assert.equal(await getEnv(base, 'port'), 9);
  assert.equal(await getEnv(base, 'host'), 'file');
  await stopAll();
}

export async function s15_1_included(peer: number): Promise<void> {
  await load('outer');
  assert.deepEqual((await loadedApplications()).map(({ name }) => name).sort(), ['inner', 'outer']);
  assert.equal(await getEnv('inner', 'depth'), 2);
  assert.deepEqual(await refusal(load('rival')), {
    kind: 'included_twice',
    application: 'inner',
    by: ['outer', 'rival'],
  });
  await running(peer, 'outer');
  assert.deepEqual(await names(), ['outer']);
  await stopAll();
  await drain();
}

export async function s15_1_all_or_nothing(): Promise<void> {
  assert.deepEqual(await refusal(load('half')), {
    kind: 'no_module',
    application: 'hollow',
    module: 'no-such-module',
  });
  assert.deepEqual(await refusal(load('loop-a')), {
    kind: 'inclusion_cycle',
    applications: ['loop-a', 'loop-b', 'loop-a'],
  });
  assert.deepEqual(await loadedApplications(), []);
  await stopAll();
}

export async function s15_1_not_what_it_should_be(): Promise<void> {
  const known = (await refusal(load('chess'))) as { kind: string; known: string[] };
  assert.equal(known.kind, 'unknown_application');
  assert.ok(known.known.includes('base'));
  assert.deepEqual(await refusal(load('twin')), {
    kind: 'defined_twice',
    application: 'twin',
    modules: ['apps/twin-too.app', 'apps/twin.app'],
  });
  assert.deepEqual(await refusal(load('hollow')), {
    kind: 'no_module',
    application: 'hollow',
    module: 'no-such-module',
  });
  await load(base);
  assert.deepEqual(await refusal(load('clash')), {
    kind: 'name_conflict',
    name: 'base.server',
    applications: ['base', 'clash'],
  });
  await stopAll();
}

export async function s15_1_definition_is_checked(): Promise<void> {
  const define = applications.defineApplication as (spec: unknown) => unknown;
  const bad: readonly [unknown, RegExp][] = [
    [{ version: '1' }, /name: expected a letter/],
    [{ name: 'a.b', version: '1' }, /name: expected a letter/],
    [{ name: 'a' }, /a: version: expected a text/],
    [{ name: 'a', version: '1', depends: [] }, /a: expected only name, .*got "depends"/],
    [{ name: 'a', version: '1', applications: ['a'] }, /others than itself, got "a"/],
    [{ name: 'a', version: '1', applications: ['b', 'b'] }, /each at most once, got "b"/],
    [{ name: 'a', version: '1', modules: 'b' }, /a: modules: expected a list of names/],
    [{ name: 'a', version: '1', env: 3 }, /a: env: expected an object, got 3/],
    [{ name: 'a', version: '1', module: {} }, /a: module: expected a module/],
    [{ name: 'a', version: '1', startPhases: ['x'] }, /a: startPhases: expected a list such as/],
  ];
  for (const [spec, text] of bad) assert.throws(() => define(spec), text);
}

// ---- 15.2 start -----------------------------------------------------------------------------------

export async function s15_2_dependency_not_started(peer: number): Promise<void> {
  await plan(peer, 'top');
  assert.deepEqual(await refusal(start('top')), { kind: 'not_started', application: 'base' });
  const { workers } = await running(peer, 'base');
  assert.deepEqual(await refusal(start('top')), { kind: 'not_started', application: 'library' });
  await start('library');
  assert.deepEqual(await refusal(start('top')), { kind: 'not_started', application: 'extra' });
  await plan(peer, 'extra');
  await start('extra');
  const [first] = workers;
  const master = monitor((await whichApplications())[0]?.master as Pid);
  send(first as Pid, { die: 'crash' });
  await downReason(master);
  await eventually('base ends', async () => !(await names()).includes('base'));
  assert.deepEqual(await refusal(start('top')), { kind: 'not_running', application: 'base' });
  await start('base');
  await start('top');
  await stopAll();
  await drain();
}

export async function s15_2_already_started(peer: number): Promise<void> {
  await running(peer, 'base');
  assert.deepEqual(await refusal(start(base)), { kind: 'already_started', application: 'base' });
  await stopAll();
  await drain();
}

export async function s15_2_concurrent_starts(peer: number): Promise<void> {
  await plan(peer, 'base', { start: 'wait' });
  const asking = Array.from({ length: 5 }, () => spawnMonitor(self_.starter));
  const { me } = await report('start');
  send(me, 'go on');
  for (const { ref } of asking) assert.equal(await downReason(ref), 'normal');
  await nothing((message) => (message as Report)?.type === 'start');
  await stopAll();
  await plan(peer, 'base', { start: 'throw' });
  const failing = Array.from({ length: 5 }, () => spawnMonitor(self_.starter));
  for (const { ref } of failing) {
    const reason = (await downReason(ref)) as { kind: string };
    assert.equal(reason.kind, 'application_start_failed');
  }
  await stopAll();
  await drain();
}

export async function starter(): Promise<void> {
  await start('base');
}

export async function s15_2_master_leads(peer: number): Promise<void> {
  await plan(peer, 'base');
  await start(base);
  const { leader, me, as } = await report('start');
  assert.equal(leader, me);
  assert.equal(as, 'normal');
  for (const id of ['first', 'second']) {
    const worker = await report('worker');
    assert.deepEqual([worker.id, worker.leader, worker.application], [id, leader, 'base']);
  }
  assert.equal((await whichApplications())[0]?.master, leader);
  assert.equal((await processInfo(leader))?.label, 'application base');
  assert.equal(await currentApplication(), undefined);
  await stopAll();
  await drain();
}

export async function s15_2_start_fails(peer: number): Promise<void> {
  const failed = async (how: NonNullable<Plan['start']>): Promise<Record<string, unknown>> => {
    await plan(peer, 'base', { start: how, stray: true });
    const reason = (await refusal(start(base))) as Record<string, unknown>;
    assert.deepEqual([reason['kind'], reason['application']], ['application_start_failed', 'base']);
    assert.deepEqual(await names(), []);
    await stopAll();
    return reason['reason'] as Record<string, unknown>;
  };
  const thrown = await failed('throw');
  assert.deepEqual([thrown['kind'], thrown['message']], ['error', 'base cannot start']);
  assert.equal(await failed('exit'), 'unwilling');
  assert.equal(await failed('ignore'), 'ignore');
  assert.deepEqual(await failed('bad'), { kind: 'bad_return_value', value: 'undefined' });
  const { kind, reason } = (await failed('child fails')) as Record<string, Record<string, unknown>>;
  assert.equal(kind, 'shutdown');
  const { id, reason: inner } = reason as { id: string; reason: Record<string, unknown> };
  assert.equal(id, 'bad');
  assert.equal(inner['message'], 'this child cannot start');
  await drain();
}

export async function s15_2_start_is_killed(peer: number): Promise<void> {
  await plan(peer, 'base', { start: 'wait', stray: true });
  const { ref } = spawnMonitor(self_.starter);
  const { me } = await report('start');
  const { pid } = await report('stray');
  exit(me, 'kill');
  assert.deepEqual(await downReason(ref), {
    kind: 'application_start_failed',
    application: 'base',
    reason: 'killed',
  });
  assert.equal(await isAlive(pid), false);
  await stopAll();
}

export async function s15_2_start_limit(peer: number): Promise<void> {
  await plan(peer, 'late', { start: 'child hangs', stray: true });
  const reason = (await refusal(start('late'))) as { reason: { hanging: readonly object[] } };
  const { pid } = await report('hangs');
  const stray = (await report('stray')).pid;
  const { hanging, ...limit } = reason.reason;
  assert.deepEqual(limit, { kind: 'start_timeout', ms: 400 });
  assert.deepEqual(hanging.at(-1), {
    pid,
    child: 'slow',
    initialCall: 'apps/unit.hang',
    status: 'waiting',
  });
  assert.equal(hanging.length, 2);
  assert.deepEqual([await isAlive(pid), await isAlive(stray)], [false, false]);
  await drain();
  await stopAll();
}

export async function s15_2_phases(peer: number): Promise<void> {
  await plan(peer, 'inner');
  await running(peer, 'outer');
  const phases = [await report('phase'), await report('phase'), await report('phase')];
  assert.deepEqual(
    phases.map(({ phase, argument }) => [phase, argument]),
    [
      ['connect', 1],
      ['warm', undefined],
      ['warm', 'from the inner one'],
    ],
  );
  await stopAll();
  await drain();
}

export async function s15_2_phase_fails(peer: number): Promise<void> {
  await plan(peer, 'outer', { phaseFails: true, stray: true, state: 'x' });
  const reason = (await refusal(start('outer'))) as { reason: { message: string } };
  assert.equal(reason.reason.message, 'phase connect of outer fails');
  const { pid } = await report('stray');
  assert.equal(await isAlive(pid), false);
  const all = await reported();
  assert.deepEqual(
    all.slice(-3),
    ['worker ends second', 'worker ends first', 'stop outer'].map((each) =>
      each.replace('worker ends', 'worker ends outer'),
    ),
  );
  assert.deepEqual(await names(), []);
  await stopAll();
}

// ---- 15.3 ensureAllStarted ------------------------------------------------------------------------

export async function s15_3_in_order(peer: number): Promise<void> {
  for (const name of ['base', 'top', 'extra']) await plan(peer, name);
  assert.deepEqual(await ensureAllStarted('top'), ['base', 'library', 'extra', 'top']);
  assert.deepEqual(await names(), ['base', 'library', 'extra', 'top']);
  assert.deepEqual(await ensureAllStarted(['top', 'base']), []);
  await stopAll();
  await drain();
}

export async function s15_3_failure_stops_what_it_started(peer: number): Promise<void> {
  await start('library');
  await plan(peer, 'base');
  await plan(peer, 'extra');
  await plan(peer, 'top', { start: 'throw' });
  const reason = (await refusal(ensureAllStarted('top'))) as { application: string };
  assert.equal(reason.application, 'top');
  assert.deepEqual(await names(), ['library']);
  const stops = (await reported()).filter((each) => each.startsWith('stop '));
  assert.deepEqual(stops, ['stop extra', 'stop base']);
  await stopAll();
}

export async function s15_3_unknown(peer: number): Promise<void> {
  await plan(peer, 'base');
  const reason = (await refusal(ensureAllStarted(['base', 'needs-absent']))) as {
    kind: string;
    application: string;
  };
  assert.deepEqual([reason.kind, reason.application], ['unknown_application', 'absent']);
  assert.deepEqual(await names(), []);
  await stopAll();
  await drain();
}

export async function s15_3_cycle(): Promise<void> {
  assert.deepEqual(await refusal(ensureAllStarted('ring-a')), {
    kind: 'dependency_cycle',
    applications: ['ring-a', 'ring-b', 'ring-c', 'ring-a'],
  });
  assert.deepEqual(await refusal(start('ring-a')), { kind: 'not_started', application: 'ring-b' });
  await stopAll();
}

// ---- 15.4 stop ------------------------------------------------------------------------------------

export async function s15_4_in_order(peer: number): Promise<void> {
  const { master } = await running(peer, 'base', { state: 'mine', stray: true });
  const { pid } = await report('stray');
  const ref = monitor(pid);
  await stop(base);
  assert.equal((await report('prepStop')).note, 'mine');
  assert.equal((await report('stop')).note, 'mine, prepared');
  assert.equal(await downReason(ref), 'killed');
  assert.deepEqual(await reported(), ['worker ends base second', 'worker ends base first']);
  assert.equal(await isAlive(master), false);
  assert.deepEqual(await refusal(stop(base)), { kind: 'not_started', application: 'base' });
  await stopAll();
}

export async function s15_4_callbacks_that_fail(peer: number): Promise<void> {
  await running(peer, 'base', { state: 'mine', prepStopFails: true, stopFails: true });
  await stop(base);
  assert.equal((await report('stop')).note, 'mine');
  await stopAll();
  await drain();
}

export async function s15_4_dependants_go_on(peer: number): Promise<void> {
  for (const name of ['base', 'top', 'extra']) await plan(peer, name);
  await ensureAllStarted('top');
  await stop('base');
  assert.deepEqual(await names(), ['library', 'extra', 'top']);
  await stopAll();
  await drain();
}

export async function s15_4_temporary(peer: number): Promise<void> {
  await startController({ report: self() });
  const { workers, master } = await running(peer, 'base', { state: 'mine', stray: true });
  const ref = monitor(master);
  const { pid } = await report('stray');
  send(workers[0] as Pid, { die: 'crash' });
  assert.equal(await downReason(ref), 'normal');
  assert.equal(await isAlive(pid), false);
  assert.equal((await report('prepStop')).note, 'mine');
  assert.equal((await report('stop')).note, 'mine, prepared');
  // The supervisor has given up; its reason is the application's.
  const isEnd = (message: unknown): boolean => (message as ApplicationEvent)?.event === 'ended';
  const { reason, ...end } = await take<{ reason: unknown }>(isEnd, 'the end');
  assert.deepEqual(end, { event: 'ended', application: 'base', applicationType: 'temporary' });
  assert.equal(reason, 'shutdown');
  assert.deepEqual(await names(), []);
  await start(base);
  await stopAll();
  await drain();
}

export async function s15_4_transient(peer: number): Promise<void> {
  for (const name of ['extra', 'top']) await plan(peer, name);
  await start('extra', 'permanent');
  const { master } = await running(peer, 'base', {}, 'transient');
  const ref = monitor(CONTROLLER);
  const info = await processInfo(master);
  // Its end is 'normal' only if the top process says so: a supervisor is told to.
  const top = info?.monitors[0] as Pid;
  exit(top, 'kill');
  assert.deepEqual(await downReason(ref), {
    kind: 'shutdown',
    reason: { kind: 'application_terminated', application: 'base', reason: 'killed' },
  });
  assert.ok((await reported()).includes('stop extra'));
}

export async function s15_4_transient_normal(peer: number): Promise<void> {
  await startController({ report: self() });
  await plan(peer, 'extra');
  await start('extra', 'permanent');
  await plan(peer, 'base', { start: 'plain' });
  await start(base, 'transient');
  const { pid } = await report('plain');
  send(pid, 'end');
  const isEnd = (message: unknown): boolean => (message as ApplicationEvent)?.event === 'ended';
  assert.equal((await take<{ reason: unknown }>(isEnd, 'the end')).reason, 'normal');
  assert.deepEqual(await names(), ['extra']);
  await stopAll();
  await drain();
}

export async function s15_4_permanent(peer: number): Promise<void> {
  for (const name of ['extra', 'top']) await plan(peer, name);
  await start('library', 'permanent');
  await start('extra', 'permanent');
  const { workers } = await running(peer, 'base', {}, 'permanent');
  await start('top', 'permanent');
  await drain();
  const ref = monitor(CONTROLLER);
  send(workers[0] as Pid, { die: 'crash' });
  assert.deepEqual(await downReason(ref), {
    kind: 'shutdown',
    reason: { kind: 'application_terminated', application: 'base', reason: 'shutdown' },
  });
  const stops = (await reported()).filter((each) => each.startsWith('stop '));
  assert.deepEqual(stops, ['stop base', 'stop top', 'stop extra']);
  assert.equal(whereis(CONTROLLER), undefined);
}

export async function s15_4_master_killed(peer: number): Promise<void> {
  const { master, workers } = await running(peer, 'base', { stray: true });
  const { pid } = await report('stray');
  const ref = monitor(pid);
  exit(master, 'kill');
  assert.equal(await downReason(ref), 'killed');
  await eventually('base is no more', async () => (await names()).length === 0);
  for (const each of workers) assert.equal(await isAlive(each), false);
  await stopAll();
  await drain();
}

// ---- 15.5 the end of all --------------------------------------------------------------------------

export async function s15_5_reverse_order(peer: number): Promise<void> {
  for (const name of ['base', 'top', 'extra']) await plan(peer, name);
  await ensureAllStarted('top');
  await drain();
  await stopAll();
  assert.deepEqual(
    (await reported()).filter((each) => each.startsWith('stop ')),
    ['stop top', 'stop extra', 'stop base'],
  );
  assert.equal(whereis(CONTROLLER), undefined);
}

export async function s15_5_while_one_starts(peer: number): Promise<void> {
  await running(peer, 'base');
  await plan(peer, 'extra', { start: 'wait' });
  const { ref } = spawnMonitor(self_.starterOfExtra);
  await report('start');
  await stopAll();
  const reason = (await downReason(ref)) as { reason: unknown };
  assert.equal(reason.reason, 'killed');
  const all = await reported();
  assert.ok(all.includes('prepStop base') && all.includes('stop base'), String(all));
}

export async function starterOfExtra(): Promise<void> {
  await start('extra');
}

export async function s15_5_controller_killed(peer: number): Promise<void> {
  const { master } = await running(peer, 'base');
  const ref = monitor(master);
  exit(whereis(CONTROLLER) as Pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
  const all = await reported();
  assert.deepEqual(all, ['worker ends base second', 'worker ends base first']);
  await stopAll();
}

// ---- 15.6 a changed configuration -----------------------------------------------------------------

export async function s15_6_config_change(peer: number): Promise<void> {
  await plan(peer, 'extra');
  await plan(peer, 'base');
  await startController({}).catch(() => {});
  await start('extra');
  await start(base);
  await setEnv(base, 'host', 'set by hand');
  await drain();
  const [changed, ...others] = await changeConfig({ base: { port: 2, shade: 'dark' } });
  assert.deepEqual(others, []);
  const change = { changed: { port: 2, host: 'spec' }, added: { shade: 'dark' }, removed: [] };
  assert.deepEqual(changed, { application: 'base', change, failure: undefined });
  assert.deepEqual((await report('configChange')).change, change);
  assert.equal(await getEnv(base, 'port'), 2);
  assert.deepEqual(await changeConfig(), []);
  const [back] = await changeConfig({});
  assert.deepEqual(back?.change.removed, ['shade']);
  await stopAll();
  await drain();
}

export async function s15_6_config_change_fails(peer: number): Promise<void> {
  await running(peer, 'base', { configChangeFails: true });
  const [changed] = await changeConfig({ base: { port: 2 } });
  const { message } = (changed?.failure ?? {}) as { message?: string };
  assert.equal(message, 'configChange fails');
  assert.deepEqual(await names(), ['base']);
  await stopAll();
  await drain();
}

export async function s15_1_from_many(): Promise<void> {
  // The controller is started by whoever asks first, also if several ask at once.
  const asking = Array.from({ length: 20 }, () => spawn(self_.asker, self()));
  for (const _ of asking) await take((message) => message === 'asked', 'an answer');
  await stopAll();
}

export async function asker(parent: Pid): Promise<void> {
  await whichApplications();
  send(parent, 'asked');
}
