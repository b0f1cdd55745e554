/** §8: two versions of a module. The module under test comes as builds: each test has one of its own. */
import assert from 'node:assert/strict';
import {
  code,
  exit,
  isAlive,
  monitor,
  type Pid,
  receive,
  register,
  self,
  send,
  sleep,
  spawnOpt,
  unregister,
} from 'tsvm';
import { next as anyNext, eventually, thrownBy } from './support.js';

const next = async <M>(): Promise<M> => (await anyNext()) as M;

/** A module in several versions: what `V` says in each of its functions is the version's number. */
export interface Versions {
  readonly name: string;
  readonly builds: readonly string[];
}

type Entry = (...args: never[]) => unknown;

/** An exported function of the module under test, by its name: not known when this file is compiled. */
async function start(peer: number, module: string, name: string, ...args: unknown[]): Promise<Pid> {
  const target = (await import(`./${module}.js`)) as Record<string, Entry>;
  const entry = target[name] as (...given: unknown[]) => unknown;
  return spawnOpt({ scheduler: peer }, entry, ...args);
}

async function ask(pid: Pid, what: unknown = 'v'): Promise<unknown> {
  send(pid, { what, from: self() });
  return (await next<{ answer: unknown }>()).answer;
}

async function loadBuild({ builds }: Versions, at: number): Promise<void> {
  await code.loadBuilds(builds[at] as string);
}

/** What `fn` returns, or the tag of what it raises. */
function attempt(fn: () => unknown): unknown {
  try {
    return fn();
  } catch (error) {
    return (error as { reason?: unknown }).reason;
  }
}

async function stop(...pids: readonly Pid[]): Promise<void> {
  for (const pid of pids) {
    exit(pid, 'kill');
    await eventually('its end', async () => !(await isAlive(pid)));
  }
}

export async function s8_1_current_becomes_old(peer: number, versions: Versions): Promise<void> {
  const { name } = versions;
  await loadBuild(versions, 0);
  const stays = await start(peer, name, 'stay');
  assert.equal(await ask(stays), 1);
  assert.equal(code.checkOldCode(name), false);
  const { version: first } = code.moduleInfo(name) ?? {};
  await loadBuild(versions, 1);
  assert.equal(code.checkOldCode(name), true);
  assert.equal(code.moduleInfo(name)?.oldVersion, first);
  assert.equal(await ask(stays), 1);
  assert.equal(await code.checkProcessCode(stays, name), true);
  await stop(stays);
}

export async function s8_1_a_third_load_kills_what_runs_the_first(
  peer: number,
  versions: Versions,
): Promise<void> {
  const { name, builds } = versions;
  await loadBuild(versions, 0);
  const first = await start(peer, name, 'stay');
  assert.equal(await ask(first), 1);
  await loadBuild(versions, 1);
  const second = await start(peer, name, 'stay');
  assert.equal(await ask(second), 2);
  monitor(first);
  await ask(first);
  const [report] = await code.loadBuilds(builds[2] as string);
  assert.equal(report?.killed, 1);
  assert.equal((await next<{ reason: unknown }>()).reason, 'killed');
  assert.equal(await ask(second), 2);
  await stop(second);
}

export async function s8_2_qualified_calls_and_names_reach_current(
  peer: number,
  versions: Versions,
): Promise<void> {
  await loadBuild(versions, 0);
  const stays = await start(peer, versions.name, 'stay');
  const goes = await start(peer, versions.name, 'loop');
  assert.deepEqual([await ask(stays, 'qualified'), await ask(goes)], [1, 1]);
  await loadBuild(versions, 1);
  assert.equal(await ask(stays), 1);
  assert.equal(await ask(stays, 'qualified'), 2);
  // What it waits in is of the first version; its answer still is.
  assert.deepEqual([await ask(goes), await ask(goes), await ask(goes)], [1, 2, 2]);
  assert.equal(await code.checkProcessCode(goes, versions.name), false);
  assert.equal(await ask(await start(peer, versions.name, 'once')), 2);
  await stop(stays, goes);
}

export async function s8_2_a_loop_by_tail_calls_does_not_keep_old_frames(
  peer: number,
  versions: Versions,
): Promise<void> {
  await loadBuild(versions, 0);
  const goes = await start(peer, versions.name, 'loop');
  for (const n of [1, 2]) {
    await loadBuild(versions, n);
    await ask(goes);
    assert.equal(await ask(goes), n + 1);
    assert.equal(await code.softPurge(versions.name), true);
  }
  assert.equal(await isAlive(goes), true);
  await stop(goes);
}

/** Every way in which a process can have a frame in old code. */
const FRAMES = [
  'stay',
  'awaitsAnother',
  'sleeps',
  'awaitsNative',
  'floats',
  'receivesTwice',
  'inGenerator',
  'inNested',
  'spins',
  'spinsBelow',
] as const;

export async function s8_3_every_kind_of_frame_counts(
  peer: number,
  versions: Versions,
): Promise<void> {
  const { name } = versions;
  await loadBuild(versions, 0);
  // Once, and before the first of them spins: then promises are not settled any more.
  const target = (await import(`./${name}.js`)) as Record<string, (report: Pid) => unknown>;
  const pids: Pid[] = [];
  for (const frame of FRAMES) {
    pids.push(spawnOpt({ scheduler: peer }, target[frame] as (report: Pid) => unknown, self()));
    assert.equal(await next(), frame);
  }
  await loadBuild(versions, 1);
  assert.equal(await code.softPurge(name), false);
  for (const [at, pid] of pids.entries()) {
    assert.equal(await code.checkProcessCode(pid, name), true, FRAMES[at]);
    monitor(pid);
    await isAlive(pid);
  }
  assert.equal(await code.purge(name), true);
  for (const _ of pids) assert.equal((await next<{ reason: unknown }>()).reason, 'killed');
}

/** It keeps functions, tasks and generators of the first version, and no frame. */
export async function keeper(module: string, report: Pid): Promise<void> {
  const target = (await import(`./${module}.js`)) as Record<string, Entry>;
  const closure = (target['closure'] as () => () => number)();
  const lifted = (target['lifted'] as () => () => number)();
  const exported = target['v'] as () => number;
  const generator = (target['generator'] as () => Generator<number>)();
  generator.next();
  send(report, 'keeps');
  for (;;) {
    const { from } = await receive<{ from: Pid }>();
    const kept = { closure: closure(), exported: exported(), generator: generator.next().value };
    const answer = { ...kept, lifted: String(attempt(lifted)) };
    send(from, { answer });
  }
}

export async function s8_3_a_function_that_is_held_is_no_frame(
  peer: number,
  versions: Versions,
): Promise<void> {
  const { name } = versions;
  await loadBuild(versions, 0);
  const keeps = spawnOpt({ scheduler: peer }, keeper, name, self());
  assert.equal(await next(), 'keeps');
  await loadBuild(versions, 1);
  assert.equal(await code.checkProcessCode(keeps, name), false);
  assert.equal(await code.softPurge(name), true);
  const answer = (await ask(keeps)) as Record<string, unknown>;
  // Of a closure JavaScript has no list: it goes on with its version. A function value is refused.
  assert.equal(answer['closure'], 1);
  assert.equal(answer['generator'], 2);
  assert.equal(answer['lifted'], 'badfun');
  await stop(keeps);
}

export async function s8_3_a_process_that_has_not_begun_counts(
  _peer: number,
  versions: Versions,
): Promise<void> {
  await loadBuild(versions, 0);
  await loadBuild(versions, 1);
  assert.equal(await code.checkProcessCode(self(), versions.name), false);
  const fresh = await start(1, versions.name, 'stay');
  assert.equal(await code.checkProcessCode(fresh, versions.name), false);
  await stop(fresh);
}

export async function s8_4_soft_purge_and_purge(peer: number, versions: Versions): Promise<void> {
  const { name } = versions;
  assert.equal(await code.softPurge(name), true);
  assert.equal(await code.purge(name), false);
  await loadBuild(versions, 0);
  const stays = await start(peer, name, 'stay');
  await ask(stays);
  await loadBuild(versions, 1);
  assert.equal(await code.softPurge(name), false);
  assert.equal(code.checkOldCode(name), true);
  assert.equal(await isAlive(stays), true);
  monitor(stays);
  await ask(stays);
  assert.equal(await code.purge(name), true);
  assert.equal(await isAlive(stays), false);
  assert.equal((await next<{ reason: unknown }>()).reason, 'killed');
  assert.equal(code.checkOldCode(name), false);
  assert.equal(await code.purge(name), false);
}

export async function s8_4_delete(peer: number, versions: Versions): Promise<void> {
  const { name } = versions;
  assert.equal(await code.deleteModule(name), false);
  await loadBuild(versions, 0);
  const stays = await start(peer, name, 'stay');
  await ask(stays);
  assert.equal(await code.deleteModule(name), true);
  assert.equal(code.moduleInfo(name)?.version, null);
  assert.equal(await ask(stays), 1);
  assert.equal(await ask(stays, 'qualified'), 'undef');
  // The old version is in the way of a new one, as any is.
  const [report] = await code.loadBuilds(versions.builds[1] as string);
  assert.equal(report?.killed, 1);
  assert.equal(await isAlive(stays), false);
  await loadBuild(versions, 2);
  assert.equal(code.checkOldCode(name), true);
  assert.equal(await code.deleteModule(name), false);
}

/** It runs the old version itself: nobody is left to hear the answer. */
export async function s8_4_a_process_that_purges_itself_is_killed(
  peer: number,
  versions: Versions,
): Promise<void> {
  await loadBuild(versions, 0);
  const purges = await start(peer, versions.name, 'purgesItself', versions.name);
  monitor(purges);
  await ask(purges);
  await loadBuild(versions, 1);
  send(purges, { what: 'purge', from: self() });
  assert.equal((await next<{ reason: unknown }>()).reason, 'killed');
}

export async function s8_5_on_load_runs_before_the_version_is_current(
  peer: number,
  versions: Versions,
): Promise<void> {
  const { name } = versions;
  await loadBuild(versions, 0);
  const goes = await start(peer, name, 'loop');
  const loading = load(versions, 3);
  const { hook, from } = await next<{ hook: string; from: Pid }>();
  assert.equal(hook, 'runs');
  assert.equal(await ask(goes), 1);
  assert.equal(await ask(await start(peer, name, 'once')), 1);
  send(from, 'ok');
  await loading;
  await ask(goes);
  assert.equal(await ask(goes), 4);
  assert.equal(await isAlive(from), false);
  await stop(goes);
}

/** Load a version whose `onLoad` asks the process that is registered as `code_test`. */
async function load(versions: Versions, at: number): Promise<unknown> {
  await register('code_test', self());
  try {
    return await code.loadBuilds(versions.builds[at] as string);
  } catch (error) {
    return error;
  } finally {
    await unregister('code_test');
  }
}

export async function s8_5_a_refusal_leaves_all_as_it_was(
  peer: number,
  versions: Versions,
): Promise<void> {
  const { name } = versions;
  for (const answer of ['no', 'throw', 'exit']) {
    await loadBuild(versions, 0);
    await loadBuild(versions, 1);
    await code.purge(name);
    const before = code.moduleInfo(name);
    const goes = await start(peer, name, 'loop');
    const loading = load(versions, 3);
    const { from } = await next<{ from: Pid }>();
    send(from, 'spawn');
    const { child } = await next<{ child: Pid }>();
    assert.equal(await isAlive(child), true);
    send(from, answer);
    const error = (await loading) as { kind?: string; message?: string };
    assert.equal(error.kind, 'on_load', String(error.message));
    assert.deepEqual(code.moduleInfo(name), before);
    assert.equal(await isAlive(child), false);
    assert.equal(await isAlive(from), false);
    assert.equal(await ask(goes), 2);
    assert.equal(code.checkOldCode(name), false);
    await stop(goes);
  }
}

/** Calls the module under test from outside of it. */
export async function caller(module: string, report: Pid): Promise<void> {
  const target = (await import(`./${module}.js`)) as {
    v(): number;
    vAsync(): Promise<number>;
  };
  send(report, 'knows it');
  const { what, from } = await receive<{ what: string; from: Pid }>();
  send(from, { answer: what === 'plain' ? target.v() : await target.vAsync() });
}

export async function s8_5_callers_wait_for_the_first_on_load(
  peer: number,
  versions: Versions,
): Promise<void> {
  const { name } = versions;
  await loadBuild(versions, 0);
  const callers = [
    spawnOpt({ scheduler: peer }, caller, name, self()),
    spawnOpt({ scheduler: 1 }, caller, name, self()),
  ];
  for (const _ of callers) assert.equal(await next(), 'knows it');
  await code.deleteModule(name);
  const loading = load(versions, 3);
  const { from } = await next<{ from: Pid }>();
  // The coroutine parks, the plain function waits where it stands; nobody else is held up.
  for (const [at, pid] of callers.entries())
    send(pid, { what: at === 0 ? 'plain' : 'async', from: self() });
  await sleep(20);
  send(from, 'ok');
  await loading;
  const answers = [await next<{ answer: unknown }>(), await next<{ answer: unknown }>()];
  assert.deepEqual(
    answers.map(({ answer }) => answer),
    [4, 4],
  );
  await stop(...callers);
}

export async function s8_5_loads_of_one_module_queue_others_go_on(
  _peer: number,
  versions: Versions,
  other: Versions,
): Promise<void> {
  const { name } = versions;
  const first = load(versions, 3);
  const { from } = await next<{ from: Pid }>();
  const second = code.loadBuilds(versions.builds[1] as string);
  await loadBuild(other, 0);
  assert.notEqual(code.moduleInfo(other.name)?.version, undefined);
  assert.equal(code.moduleInfo(name), undefined);
  send(from, 'ok');
  await first;
  await second;
  const target = (await import(`./${name}.js`)) as Record<string, () => unknown>;
  assert.equal(target['v']?.(), 2);
  assert.notEqual(code.moduleInfo(name)?.oldVersion, null);
}

export async function s8_6_missing_function_is_undef(
  _peer: number,
  versions: Versions,
): Promise<void> {
  await loadBuild(versions, 0);
  const target = (await import(`./${versions.name}.js`)) as Record<string, () => unknown>;
  const gone = target['onlyInTheFirst'] as () => unknown;
  assert.equal(gone(), 1);
  await loadBuild(versions, 1);
  assert.equal(
    attempt(() => target['onlyInTheFirst']?.()),
    'undef',
  );
}

async function kindOf(loading: Promise<unknown>): Promise<unknown> {
  try {
    return await loading;
  } catch (error) {
    return (error as { kind?: unknown }).kind;
  }
}

export async function s8_6_a_bad_build_leaves_the_current_one(
  _peer: number,
  versions: Versions,
): Promise<void> {
  await loadBuild(versions, 0);
  const before = code.moduleInfo(versions.name);
  const build = versions.builds[1] as string;
  const bad = [build.slice(0, -80), build.replace('const', 'canst'), 'nothing'];
  for (const text of bad) assert.equal(await kindOf(code.loadBuilds(text)), 'corrupt_build');
  assert.equal(await kindOf(code.load('/nowhere/at-all.tsvm.js')), 'unreadable');
  assert.equal((await thrownBy(() => code.loadBuilds(''))).name, 'ProcessError');
  assert.deepEqual(code.moduleInfo(versions.name), before);
}

/** Goes on in `hibernate` by its name, so there is no frame. */
export async function s8_2_hibernation_goes_on_in_current_code(
  peer: number,
  versions: Versions,
): Promise<void> {
  await loadBuild(versions, 0);
  const sleeps = await start(peer, versions.name, 'hibernates');
  await ask(sleeps);
  await loadBuild(versions, 1);
  assert.equal(await code.softPurge(versions.name), true);
  assert.equal(await ask(sleeps), 2);
  await stop(sleeps);
}

/** A coroutine of another module, for one of the module under test to wait for. */
export async function waits(): Promise<unknown> {
  return await receive<unknown>((message) => message === 'never');
}

export async function drains(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values);
}
