/** Tasks. Those of `startWith` run where the placement says. */
import assert from 'node:assert/strict';
import {
  exit,
  isAlive,
  monitor,
  type Pid,
  ProcessError,
  receive,
  self,
  send,
  sleep,
  spawnOpt,
  trapExit,
} from 'tsvm';
import { stop as stopServer } from 'tsvm/gen-server';
import * as task from 'tsvm/task';
import { downReason, nothing, take } from './support.js';

export async function square(n: number): Promise<number> {
  return n * n;
}

export async function after(ms: number, value: unknown): Promise<unknown> {
  await sleep(ms);
  return value;
}

export function crash(reason: unknown): never {
  exit(reason);
}

export async function stubborn(to: Pid): Promise<void> {
  trapExit(true);
  send(to, 'trapping');
  for (;;) await receive((message) => message === 'never');
}

/** Tells that it runs, then waits to be told to end. */
export async function held(to: Pid, value: number): Promise<number> {
  send(to, { type: 'begun', value, pid: self() });
  await receive((message) => message === 'end');
  send(to, { type: 'ended', value });
  return value;
}

interface Begun {
  readonly type: 'begun' | 'ended' | 'task';
  readonly value: number;
  readonly pid: Pid;
}
const told = (type: Begun['type']): Promise<Begun> =>
  take<Begun>((message) => (message as Begun)?.type === type, type);

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return (error as { reason?: unknown }).reason;
  }
  return assert.fail('it should have failed');
}

const at = (peer: number) => ({ scheduler: peer });

// ---- results ------------------------------------------------------------------------------------

export async function s1_result(peer: number): Promise<void> {
  trapExit(true);
  assert.equal(await task.result(task.startWith(at(peer), square, 7)), 49);
  assert.equal(await task.result(task.start(after, 0, undefined)), undefined);
  await nothing();
}

export async function s1_started_under(peer: number): Promise<void> {
  const supervisor = await task.startSupervisor(at(peer));
  const one = await task.startUnder(supervisor, square, 8);
  assert.equal(await task.result(one), 64);
  await nothing();
  await stopServer(supervisor as never);
}

export async function s1_result_is_awaited(peer: number): Promise<void> {
  const tasks = [30, 1].map((ms) => task.startWith(at(peer), after, ms, ms));
  assert.deepEqual(await task.results(tasks), [30, 1]);
  await nothing();
}

export async function s1_only_the_owner(peer: number): Promise<void> {
  const one = task.startWith(at(peer), square, 1);
  const { ref } = spawnOpt({ monitor: true, scheduler: peer }, waitFor, one);
  assert.equal(await downReason(ref), 'badarg');
  assert.equal(await task.result(one), 1);
}

export async function waitFor(one: task.Task): Promise<void> {
  try {
    await task.result(one);
  } catch (error) {
    if (error instanceof ProcessError) exit(error.reason);
  }
}

// ---- crashes ------------------------------------------------------------------------------------

export async function s2_linked_crash(peer: number): Promise<void> {
  const { ref } = spawnOpt({ monitor: true, scheduler: 1 }, ownerOfCrash, peer);
  assert.deepEqual(await downReason(ref), { odd: 1 });
}

export async function ownerOfCrash(peer: number): Promise<void> {
  await task.wait(task.startWith(at(peer), crash, { odd: 1 })).catch(() => {});
  await sleep(60_000);
}

export async function s2_linked_owner_ends(peer: number): Promise<void> {
  const owner = spawnOpt({ scheduler: 1 }, ownerOfHeld, self(), peer);
  const { pid } = await told('begun');
  const ref = monitor(pid);
  exit(owner, 'gone');
  assert.equal(await downReason(ref), 'gone');
}

export async function ownerOfHeld(to: Pid, peer: number): Promise<void> {
  await task.result(task.startWith(at(peer), held, to, 1), 60_000);
}

export async function s2_trapping_owner(peer: number): Promise<void> {
  trapExit(true);
  const one = task.startWith(at(peer), crash, 'odd');
  assert.deepEqual(await reasonOf(task.result(one)), { reason: 'odd', task: one.pid });
  await nothing();
}

export async function s2_supervised_crash(peer: number): Promise<void> {
  const supervisor = await task.startSupervisor(at(peer));
  const one = await task.startUnder(supervisor, crash, 'odd');
  assert.deepEqual(await task.wait(one), { ok: false, reason: 'odd' });
  await nothing();
  assert.equal(await task.result(await task.startUnder(supervisor, square, 3)), 9);
  await stopServer(supervisor as never);
}

export async function s2_supervised_owner_ends(peer: number): Promise<void> {
  const supervisor = await task.startSupervisor(at(peer));
  const { pid: owner, ref } = spawnOpt(
    { scheduler: 1, monitor: true },
    ownerUnder,
    self(),
    supervisor,
  );
  const { pid } = await told('begun');
  exit(owner, 'kill');
  assert.equal(await downReason(ref), 'killed');
  assert.equal(await isAlive(pid), true);
  send(pid, 'end');
  assert.equal((await told('ended')).value, 2);
  await stopServer(supervisor as never);
}

export async function ownerUnder(to: Pid, supervisor: task.TaskSupervisor): Promise<void> {
  await task.result(await task.startUnder(supervisor, held, to, 2), 60_000);
}

export async function s2_supervisor_ends(peer: number): Promise<void> {
  const supervisor = await task.startSupervisor(at(peer));
  const one = await task.startUnder(supervisor, held, self(), 1);
  await told('begun');
  await stopServer(supervisor as never);
  assert.deepEqual(await task.wait(one), { ok: false, reason: 'shutdown' });
  await nothing();
}

// ---- time-outs ----------------------------------------------------------------------------------

export async function s3_timeout(peer: number): Promise<void> {
  const one = task.startWith(at(peer), held, self(), 1);
  await told('begun');
  const ref = monitor(one.pid);
  assert.deepEqual(await reasonOf(task.result(one, 1)), { reason: 'timeout', task: one.pid });
  assert.equal(await downReason(ref), 'killed');
  await nothing();
}

export async function s3_wait(peer: number): Promise<void> {
  const one = task.startWith(at(peer), held, self(), 5);
  const { pid } = await told('begun');
  assert.equal(await task.wait(one, 0), 'running');
  send(pid, 'end');
  await told('ended');
  assert.deepEqual(await task.wait(one), { ok: true, value: 5 });
  await nothing();
}

export async function s3_stop(peer: number): Promise<void> {
  const one = task.startWith(at(peer), held, self(), 1);
  await told('begun');
  assert.equal(await task.stop(one), undefined);
  const other = task.startWith(at(peer), stubborn, self());
  await take((message) => message === 'trapping', 'trapping');
  assert.equal(await task.stop(other, 5), undefined);
  const done = task.startWith(at(peer), square, 4);
  const ref = monitor(done.pid);
  await downReason(ref);
  assert.deepEqual(await task.stop(done), { ok: true, value: 16 });
  await nothing();
}

export async function s3_one_of_several_fails(peer: number): Promise<void> {
  trapExit(true);
  const waiting = task.startWith(at(peer), held, self(), 1);
  await told('begun');
  const ref = monitor(waiting.pid);
  const failing = task.startWith(at(peer), crash, 'odd');
  const failed = await reasonOf(task.results([failing, waiting]));
  assert.deepEqual(failed, { reason: 'odd', task: failing.pid });
  assert.equal(await downReason(ref), 'killed');
  await nothing();
}

// ---- streams ------------------------------------------------------------------------------------

async function all<R>(stream: AsyncIterable<task.Outcome<R>>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const outcome of stream) found.push(outcome.ok ? outcome.value : outcome.reason);
  return found;
}

export async function sleeper(ms: number): Promise<number> {
  await sleep(ms);
  return ms;
}

export async function s4_stream_in_order(): Promise<void> {
  const options = { concurrencyMax: 3 };
  assert.deepEqual(await all(task.stream([30, 1, 15, 0], sleeper, options)), [30, 1, 15, 0]);
  assert.deepEqual(await all(task.stream([], sleeper)), []);
  await nothing();
  const owner = spawnOpt({ scheduler: 1 }, streamHeld, self(), 2);
  const first = [await told('begun'), await told('begun')];
  // Both places are taken: the third begins only when one of them ends.
  await nothing();
  const ref = monitor(owner);
  for (const { pid } of first) send(pid, 'end');
  send((await told('begun')).pid, 'end');
  assert.equal(await downReason(ref), 'normal');
  for (let left = 3; left > 0; left--) await told('ended');
}

export async function streamHeld(to: Pid, concurrencyMax: number): Promise<void> {
  const items = [1, 2, 3].map((value) => ({ to, value }));
  await all(task.stream(items, heldItem, { concurrencyMax, timeoutMs: 60_000 }));
}

export function heldItem({ to, value }: { to: Pid; value: number }): Promise<number> {
  return held(to, value);
}

export async function s4_stream_as_they_come(): Promise<void> {
  const options = { concurrencyMax: 2, ordered: false };
  assert.deepEqual(await all(task.stream([200, 1], sleeper, options)), [1, 200]);
  await nothing();
}

export async function oddly(n: number): Promise<number> {
  if (n === 1) exit('odd');
  if (n === 2) await sleep(60_000);
  return n;
}

export async function s4_stream_failures(peer: number): Promise<void> {
  const under = await task.startSupervisor(at(peer));
  for (const ordered of [true, false]) {
    const options = { concurrencyMax: 4, timeoutMs: 150, under, ordered };
    const found = await all(task.stream([0, 1, 2, 3], oddly, options));
    assert.deepEqual(
      ordered ? found : found.sort(),
      ordered ? [0, 'odd', 'timeout', 3] : [0, 3, 'odd', 'timeout'],
    );
  }
  await nothing();
  await stopServer(under as never);
}

function* endless(): Generator<number> {
  for (let n = 0; ; n++) yield n;
}

export async function s4_stream_left_early(): Promise<void> {
  const seen: number[] = [];
  for await (const outcome of task.stream(endless(), square, { concurrencyMax: 2 })) {
    if (!outcome.ok) assert.fail(String(outcome.reason));
    seen.push(outcome.value);
    if (seen.length === 4) break;
  }
  assert.deepEqual(seen, [0, 1, 4, 9]);
  await nothing();
}

export async function s4_stream_bad_limit(): Promise<void> {
  const reading = all(task.stream([1], square, { concurrencyMax: 0 }));
  assert.equal(await reasonOf(reading), 'badarg');
}
