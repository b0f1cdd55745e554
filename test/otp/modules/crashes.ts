/**
 * Ways to die (the head of SEMANTICS §3), and code that runs outside of the main line of a process:
 * floating tasks, native promises, callbacks.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import {
  dictionary,
  exit,
  isAlive,
  type Pid,
  ProcessError,
  receive,
  self,
  send,
  sleep,
  spawnOpt,
  trapExit,
  whereis,
  yieldNow,
} from 'tsvm';
import { Cast, downReason, exitReason, next, nothing, settle, thrownBy } from './support.js';

export type Crash = {
  readonly kind: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: string;
  readonly reason?: string;
  readonly value?: unknown;
  readonly cause?: Crash;
};

/** Runs `entry` on the peer and returns the reason of its death. */
async function reasonOf<A extends readonly unknown[]>(
  peer: number,
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Promise<unknown> {
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, entry, ...args);
  return downReason(ref);
}

export class TeapotError extends RangeError {
  override readonly name = 'TeapotError';
  readonly code = 'E_TEAPOT';
}

export async function raisesAnError(): Promise<void> {
  await yieldNow();
  throw new TeapotError('short and stout', { cause: new TypeError('no coffee') }); // LINE: raise
}

export async function s3_0_an_error_becomes_plain_data(peer: number): Promise<void> {
  const reason = (await reasonOf(peer, raisesAnError)) as Crash;
  assert.equal(Object.getPrototypeOf(reason), Object.prototype);
  assert.equal(reason.kind, 'error');
  assert.equal(reason.name, 'TeapotError');
  assert.equal(reason.message, 'short and stout');
  assert.equal(reason.code, 'E_TEAPOT');
  assert.equal(reason.cause?.kind, 'error');
  assert.equal(reason.cause?.message, 'no coffee');
}

/** For the vitest file, which knows the source: the stack of an error thrown after an await. */
export async function stackOfAnError(peer: number): Promise<string> {
  return ((await reasonOf(peer, outer)) as Crash).stack;
}

export async function outer(): Promise<void> {
  await yieldNow();
  await inner(); // LINE: outer
}

async function inner(): Promise<void> {
  await yieldNow();
  deepest();
}

function deepest(): never {
  throw new Error('from the deepest'); // LINE: deepest
}

export async function throwsAValue(value: unknown): Promise<void> {
  throw value;
}

export async function s3_0_an_uncaught_throw_is_nocatch(peer: number): Promise<void> {
  for (const value of ['text', 7, null, undefined, { tagged: ['data'] }]) {
    const reason = (await reasonOf(peer, throwsAValue, value)) as Crash;
    assert.equal(reason.kind, 'nocatch');
    assert.deepEqual(reason.value, value);
    assert.equal(typeof reason.stack, 'string');
  }
}

export async function throwsAFunction(): Promise<void> {
  throw () => 1;
}

export async function s3_0_a_throw_of_what_cannot_be_copied_is_nocatch_too(
  peer: number,
): Promise<void> {
  assert.equal(((await reasonOf(peer, throwsAFunction)) as Crash).kind, 'nocatch');
}

export async function throwsAWeirdError(): Promise<void> {
  const error = new Error('weird');
  Object.defineProperty(error, 'message', {
    get() {
      throw new Error('no message for you');
    },
  });
  Object.defineProperty(error, 'stack', { value: 5 });
  throw error;
}

export async function s3_0_an_error_that_resists_being_read_still_ends_only_its_process(
  peer: number,
): Promise<void> {
  const reason = (await reasonOf(peer, throwsAWeirdError)) as Crash;
  assert.equal(reason.kind, 'error');
}

export async function raisesBadarg(): Promise<void> {
  send('nobody has this name', 1);
}

export async function s3_0_a_BIF_error_keeps_its_tag(peer: number): Promise<void> {
  const reason = (await reasonOf(peer, raisesBadarg)) as Crash;
  assert.equal(reason.kind, 'error');
  assert.equal(reason.reason, 'badarg');
  assert.match(reason.message, /nobody has this name/);
  assert.match(reason.stack, /crashes\.ts/);
}

export async function exitsDeep(reason: unknown): Promise<void> {
  await yieldNow();
  await exitsDeeper(reason);
}

async function exitsDeeper(reason: unknown): Promise<never> {
  await yieldNow();
  exit(reason);
}

export async function s3_0_exit_from_deep_inside_has_the_bare_reason(peer: number): Promise<void> {
  for (const reason of ['done', { why: 1 }, undefined, new Map([[1, 2]])]) {
    assert.deepEqual(await reasonOf(peer, exitsDeep, reason), reason);
  }
}

export async function catchesAll(report: Pid): Promise<void> {
  try {
    throw new Error('caught');
  } catch (error) {
    send(report, (error as Error).message);
  }
}

export async function s3_0_a_caught_error_harms_nobody(peer: number): Promise<void> {
  assert.equal(await reasonOf(peer, catchesAll, self()), 'normal');
  assert.equal(await next(), 'caught');
}

/** A plain function that throws at once. */
export function plainThrows(): never {
  throw new SyntaxError('plain');
}

export async function s3_0_a_plain_entry_that_throws(peer: number): Promise<void> {
  const reason = (await reasonOf(peer, plainThrows)) as Crash;
  assert.equal(reason.name, 'SyntaxError');
}

async function failsLater(): Promise<never> {
  await yieldNow();
  throw new RangeError('nobody waits for this');
}

/** Starts a task that nobody awaits, and waits for something else. */
export async function floats(): Promise<void> {
  void failsLater();
  await receive(() => false);
}

export async function s3_1_an_error_in_a_floating_task_ends_the_process(
  peer: number,
): Promise<void> {
  const reason = (await reasonOf(peer, floats)) as Crash;
  assert.equal(reason.name, 'RangeError');
  assert.equal(reason.message, 'nobody waits for this');
}

async function failsAtOnce(): Promise<never> {
  throw new RangeError('at once');
}

export async function floatsAtOnce(): Promise<void> {
  void failsAtOnce();
  await receive(() => false);
}

export async function s3_1_an_error_at_once_in_a_floating_task_ends_the_process(
  peer: number,
): Promise<void> {
  assert.equal(((await reasonOf(peer, floatsAtOnce)) as Crash).message, 'at once');
}

/** Awaits a task that failed before it is awaited. */
export async function awaitsLate(report: Pid): Promise<void> {
  const task = failsAtOnce();
  try {
    await task;
  } catch (error) {
    send(report, (error as Error).message);
  }
}

export async function s3_1_a_task_that_failed_before_it_is_awaited_is_caught(
  peer: number,
): Promise<void> {
  assert.equal(await reasonOf(peer, awaitsLate, self()), 'normal');
  assert.equal(await next(), 'at once');
}

export async function exitsInAFloatingTask(): Promise<void> {
  void exitsDeep('by a task');
  await receive(() => false);
}

export async function s3_1_exit_in_a_floating_task_ends_the_process(peer: number): Promise<void> {
  assert.equal(await reasonOf(peer, exitsInAFloatingTask), 'by a task');
}

/** Returns while a task of its own still waits. */
export async function returnsBeforeItsTask(report: Pid): Promise<void> {
  void (async () => {
    await receive((m) => m === 'never');
    send(report, 'too late');
  })();
}

export async function s3_1_a_process_ends_with_its_entry_tasks_or_not(peer: number): Promise<void> {
  assert.equal(await reasonOf(peer, returnsBeforeItsTask, self()), 'normal');
  await nothing();
}

export async function s3_2_a_native_promise_keeps_the_process(peer: number): Promise<void> {
  assert.equal(await reasonOf(peer, awaitsNative, self()), 'normal');
  const { pids, same, kept, text } = (await next()) as Record<string, unknown>;
  assert.equal(pids, 1, 'self() was another after an await');
  assert.equal(same, true);
  assert.equal(kept, 'mine');
  assert.equal(text, true);
}

export async function awaitsNative(report: Pid): Promise<void> {
  dictionary.put('key', 'mine');
  const me = self();
  const seen = new Set<Pid>([me]);
  const read = await readFile('/etc/hosts', 'utf8').catch(() => '');
  seen.add(self());
  await new Promise((resolve) => setTimeout(resolve, 2));
  seen.add(self());
  await Promise.all([
    sleep(1),
    new Promise((resolve) => setImmediate(resolve)),
    readFile('/etc/hosts'),
  ]);
  seen.add(self());
  await Promise.race([sleep(1), sleep(50)]);
  seen.add(self());
  send(report, {
    pids: seen.size,
    same: self() === me,
    kept: dictionary.get('key'),
    text: typeof read === 'string',
  });
}

export async function s3_2_many_processes_await_native_promises_at_once(
  peer: number,
): Promise<void> {
  for (let n = 0; n < 50; n++) spawnOpt({ scheduler: peer }, readsAndReports, self(), n);
  const seen = new Set<number>();
  for (let n = 0; n < 50; n++) seen.add((await next()) as number);
  assert.equal(seen.size, 50);
}

export async function readsAndReports(report: Pid, n: number): Promise<void> {
  const me = self();
  dictionary.put('n', n);
  for (let i = 0; i < 5; i++) {
    await readFile('/etc/hosts');
    assert.equal(self(), me);
  }
  send(report, dictionary.get('n'));
}

export async function s3_2_a_rejected_native_promise_raises(peer: number): Promise<void> {
  const error = (await thrownBy(() => readFile('/no/such/file'))) as Error & { code?: string };
  assert.equal(error.code, 'ENOENT');
  const reason = (await reasonOf(peer, readsNothing)) as Crash;
  assert.equal(reason.code, 'ENOENT');
  assert.equal(reason.kind, 'error');
}

export async function readsNothing(): Promise<void> {
  await readFile('/no/such/file');
}

/** Waits for a promise that settles only after the process is dead. */
export async function waitsForever(report: Pid, ms: number): Promise<void> {
  send(report, 'waiting');
  await new Promise((resolve) => setTimeout(resolve, ms));
  send(report, 'survived');
}

export async function s3_2_killed_while_awaiting_a_native_promise(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, waitsForever, self(), 30);
  assert.equal(await next(), 'waiting');
  exit(pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
  await sleep(60); // its timer fires meanwhile, for nobody
  await nothing();
  assert.equal(await isAlive(pid), false);
}

export async function s3_2_messages_come_while_a_native_promise_is_awaited(
  peer: number,
): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, readsThenReceives, self());
  for (let n = 0; n < 5; n++) send(pid, n);
  assert.deepEqual(await next(), [0, 1, 2, 3, 4]);
  assert.equal(await downReason(ref), 'normal');
}

export async function readsThenReceives(report: Pid): Promise<void> {
  await readFile('/etc/hosts');
  const got: unknown[] = [];
  for (let n = 0; n < 5; n++) got.push(await receive());
  send(report, got);
}

export async function s3_2_tasks_work_where_promises_work(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const double = async (n: number): Promise<number> => {
    await yieldNow();
    return n * 2;
  };
  assert.deepEqual(await Promise.all([double(1), double(2), 3]), [2, 4, 3]);
  assert.equal(await Promise.race([sleep(1000), double(4)]), 8);
  assert.equal(await Promise.any([failsLater(), double(5)]), 10);
  const settled = await Promise.allSettled([failsLater(), double(6)]);
  assert.deepEqual(
    settled.map((one) => one.status),
    ['rejected', 'fulfilled'],
  );
  assert.equal(await double(7).then((n) => n + 1), 15);
  assert.equal(await failsLater().catch((error: Error) => error.name), 'RangeError');
  let ran = false;
  await double(8).finally(() => {
    ran = true;
  });
  assert.ok(ran);
  await settle(other);
  await cast.end();
}

/** Throws in a callback of a native promise that it awaits. */
export async function throwsInThen(): Promise<void> {
  await readFile('/etc/hosts').then(() => {
    throw new RangeError('in then');
  });
}

export async function s3_2_an_error_in_then_reaches_the_process_that_awaits(
  peer: number,
): Promise<void> {
  assert.equal(((await reasonOf(peer, throwsInThen)) as Crash).message, 'in then');
}

export async function s3_3_a_crash_reaches_links_with_its_reason(peer: number): Promise<void> {
  trapExit(true);
  const pid = spawnOpt({ scheduler: peer, link: true }, raisesAnError);
  const reason = (await exitReason(pid)) as Crash;
  assert.equal(reason.message, 'short and stout');
  assert.match(reason.stack, /crashes\.ts:\d+/);
}

export async function s3_3_process_exit_ends_only_the_calling_process(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const neighbour = cast.puppet();
  for (const code of [undefined, 0, 1, 42]) {
    const { kind, reason, message } = (await reasonOf(peer, callsProcessExit, code)) as Crash;
    assert.deepEqual([kind, reason], ['error', 'process_exit']);
    assert.ok(message.includes(`process.exit(${code ?? 0}) was called`), message);
  }
  await settle(neighbour);
  await cast.end();
}

export async function callsProcessExit(code: number | undefined): Promise<void> {
  process.exit(code);
}

export async function s3_3_ProcessError_is_an_Error_with_a_reason(_peer: number): Promise<void> {
  const error = await thrownBy(() => whereis(5 as unknown as string));
  assert.ok(error instanceof ProcessError && error instanceof Error);
  assert.equal(error.reason, 'badarg');
}
