/** dirty(fn, ...args): work that blocks runs in a pool of other threads while the process waits. */
import assert from 'node:assert/strict';
import { threadId } from 'node:worker_threads';
import { dirty, exit, type Pid, receive, self, send, spawnOpt, TIMEOUT, trapExit } from 'tsvm';
import { Cast, downReason, nothing, raises, settle, thrownBy } from './support.js';

/** Blocks its thread. */
export function block(ms: number): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return ms;
}

export function addAll(...terms: number[]): number {
  return terms.reduce((sum, term) => sum + term, 0);
}

export async function slowly(value: unknown): Promise<unknown> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return value;
}

export function whereAmI(): number {
  return threadId;
}

export function fails(text: string): never {
  throw new RangeError(text);
}

export function failsWithCode(): never {
  throw Object.assign(new Error('with a code'), { code: 'E_SOME' });
}

export function changes(list: number[]): number[] {
  list.push(99);
  return list;
}

export async function s3_4_result_of_a_dirty_call(_peer: number): Promise<void> {
  assert.equal(await dirty(addAll, 1, 2, 3), 6);
  assert.deepEqual(await dirty(slowly, { deep: [new Map([[1, 2n]])] }), {
    deep: [new Map([[1, 2n]])],
  });
}

export async function s3_4_runs_on_another_thread(_peer: number): Promise<void> {
  assert.notEqual(await dirty(whereAmI), threadId);
}

export async function s3_4_arguments_and_results_are_copied(_peer: number): Promise<void> {
  const list = [1];
  assert.deepEqual(await dirty(changes, list), [1, 99]);
  assert.deepEqual(list, [1]);
}

export async function s3_4_others_run_while_a_dirty_call_blocks(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const caller = spawnOpt({ scheduler: peer, monitor: true }, callsBlock, self(), 300);
  let trips = 0;
  let done = false;
  while (!done) {
    await settle(other);
    trips += 1;
    done = await isDone();
  }
  assert.ok(trips > 20, `${trips} round trips in 300 ms`);
  assert.equal(await downReason(caller.ref), 'normal');
  await cast.end();
}

const isDone = async (): Promise<boolean> => (await receive((m) => m === 300, 0)) !== TIMEOUT;

export async function callsBlock(report: Pid, ms: number): Promise<void> {
  send(report, await dirty(block, ms));
}

export async function s3_4_an_error_is_raised_in_the_caller(_peer: number): Promise<void> {
  const error = await thrownBy(() => dirty(fails, 'too far'));
  assert.equal(error.name, 'RangeError');
  assert.equal(error.message, 'too far');
  assert.match(String(error.stack), /dirty\.ts/);
  const coded = (await thrownBy(() => dirty(failsWithCode))) as Error & { code?: string };
  assert.equal(coded.code, 'E_SOME');
}

export async function s3_4_self_is_known_after_a_dirty_call(_peer: number): Promise<void> {
  const before = self();
  await dirty(addAll, 1);
  assert.equal(self(), before);
}

export async function s3_4_killed_while_a_dirty_call_runs(peer: number): Promise<void> {
  trapExit(true);
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, callsBlock, self(), 200);
  exit(pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
  assert.equal(await dirty(addAll, 2, 2), 4, 'the pool still works');
  await nothing();
}

export async function s3_4_many_calls_at_once(_peer: number): Promise<void> {
  const calls = Array.from({ length: 40 }, (_, n) => dirty(addAll, n, 1));
  assert.deepEqual(
    await Promise.all(calls),
    Array.from({ length: 40 }, (_, n) => n + 1),
  );
}

export async function s3_4_bad_arguments_raise(_peer: number): Promise<void> {
  await raises('badarg', /dirty.*expected.*function/s, () => dirty('name' as never));
  const closures = [() => 1]; // a closure: no other thread can find it
  await raises('badarg', /function of a module/, () => dirty(closures[0] as () => number));
  await raises('badarg', /is a function/, () => dirty(slowly, () => 1));
  await nothing();
}
