/**
 * Exit signals: the table of SEMANTICS §3, one cell per call, and the rules below it.
 *
 * A cell says what a signal with one reason does to a process P, by the way it came (explicitly from
 * another process, explicitly from P itself, through a link) and by whether P traps exits.
 */
import assert from 'node:assert/strict';
import {
  exit,
  isAlive,
  link,
  monitor,
  type Pid,
  receive,
  self,
  send,
  spawnOpt,
  trapExit,
  unlink,
} from 'tsvm';
import {
  ask,
  Cast,
  death,
  downReason,
  exitReason,
  next,
  nothing,
  settle,
  tell,
} from './support.js';

export type Way = 'explicit' | 'self' | 'link';
export type Outcome = 'ignored' | 'message' | { readonly dies: unknown };

/** One cell of the table: what reaches P, and what must come of it. */
export async function cell(
  peer: number,
  way: Way,
  traps: boolean,
  reason: unknown,
  outcome: Outcome,
): Promise<void> {
  const cast = new Cast(peer);
  const p = cast.puppet();
  await ask(p, 'trapExit', traps);
  const ref = monitor(p);
  let from = p;
  if (way === 'explicit') {
    from = self();
    exit(p, reason);
  } else if (way === 'self') {
    tell(p, 'exit', p, reason);
  } else {
    from = cast.near(); // on the other scheduler when there are two
    await ask(from, 'link', p);
    if (reason === 'normal') tell(from, 'return');
    else tell(from, 'exit1', reason);
    await death(from);
  }
  if (typeof outcome === 'object') {
    assert.deepEqual(await downReason(ref), outcome.dies);
    // The answer to exit(self(), …) never came: no code of P ran after it.
    await nothing();
  } else {
    if (way === 'self') await next('answer of P, which survived');
    if (outcome === 'message') {
      assert.deepEqual(await ask(p, 'next'), { type: 'EXIT', from, reason });
    }
    assert.deepEqual(await ask(p, 'drain'), []);
    exit(p, 'kill');
    assert.equal(await downReason(ref), 'killed');
  }
  await cast.end();
}

export async function s3_1_returning_is_normal(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const p = cast.puppet();
  const ref = monitor(p);
  tell(p, 'return');
  assert.equal(await downReason(ref), 'normal');
  await cast.end();
}

/** Tries to survive its own exit signal. */
export async function clingsToLife(report: Pid, reason: unknown): Promise<void> {
  try {
    exit(self(), reason);
    send(report, 'went on');
  } catch {
    send(report, 'caught');
  } finally {
    send(report, 'finally');
  }
  await receive(() => false, 1);
  send(report, 'awaited');
}

export async function s3_2_exit_signal_to_oneself_cannot_be_caught(peer: number): Promise<void> {
  for (const reason of ['kill', 'normal', 'other']) {
    const { ref } = spawnOpt({ scheduler: peer, monitor: true }, clingsToLife, self(), reason);
    assert.equal(await downReason(ref), reason === 'kill' ? 'killed' : reason);
    await nothing();
  }
}

/** Catches its own exit(reason). */
export async function catchesExit(report: Pid): Promise<void> {
  try {
    exit('never mind');
  } catch (error) {
    send(report, { caught: (error as { reason?: unknown }).reason });
  }
  await receive((m) => m === 'end');
}

export async function s3_2_exit_of_one_argument_can_be_caught(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, catchesExit, self());
  assert.deepEqual(await next(), { caught: 'never mind' });
  send(pid, 'end');
  assert.equal(await downReason(ref), 'normal');
}

/** `finally` runs for exit(reason), and may send. */
export async function exitsWithFinally(report: Pid): Promise<void> {
  try {
    exit('leaving');
  } finally {
    send(report, 'cleaned');
  }
}

export async function s3_2_finally_runs_on_exit_of_one_argument(peer: number): Promise<void> {
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, exitsWithFinally, self());
  assert.equal(await next(), 'cleaned');
  assert.equal(await downReason(ref), 'leaving');
}

export async function s3_2_the_trap_flag_is_read_on_reception(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const p = cast.puppet();
  tell(p, 'trapExit', true); // in force when the exit signal arrives, as it is sent after the answer
  await next('answer to trapExit');
  exit(p, 'trapped');
  assert.deepEqual(await ask(p, 'drain'), [{ type: 'EXIT', from: self(), reason: 'trapped' }]);
  assert.equal(await ask(p, 'trapExit', false), true);
  const ref = monitor(p);
  exit(p, 'fatal');
  assert.equal(await downReason(ref), 'fatal');
  await cast.end();
}

export async function s3_3_kill_is_renamed_once(peer: number): Promise<void> {
  // P is killed; Q, linked to P, dies of the ordinary reason `killed`; R, trapping, sees `killed`.
  const cast = new Cast(peer);
  trapExit(true);
  const [p, q] = [cast.puppet(), cast.near()];
  await ask(q, 'link', p);
  await link(q);
  exit(p, 'kill');
  assert.equal(await exitReason(q), 'killed');
  await cast.end();
}

export async function s3_3_linked_death_by_reason_kill_is_ordinary(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const [p, q] = [cast.puppet(), cast.near()];
  await ask(q, 'link', p);
  await link(q);
  tell(p, 'exit1', 'kill');
  assert.equal(await exitReason(q), 'kill'); // not `killed`, and it could be trapped here
  await cast.end();
}

export async function s3_3_first_fatal_signal_wins(peer: number): Promise<void> {
  const cast = new Cast(peer);
  for (let round = 0; round < 100; round++) {
    const p = cast.puppet();
    const ref = monitor(p);
    exit(p, 'first');
    exit(p, 'second');
    exit(p, 'kill');
    assert.equal(await downReason(ref), 'first');
  }
  await cast.end();
}

export async function s3_3_signals_to_the_dead_return_true(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const p = cast.puppet();
  exit(p, 'kill');
  await death(p);
  assert.equal(exit(p, 'again'), true);
  assert.equal(exit(p, 'kill'), true);
  await nothing();
  await cast.end();
}

export async function s3_3_link_caused_signals_count_only_while_linked(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const [p, q] = [cast.puppet(), cast.near()];
  await ask(p, 'link', q);
  await ask(p, 'unlink', q);
  exit(q, 'unseen');
  await death(q);
  await settle(p);
  assert.equal(await isAlive(p), true);
  await cast.end();
}

export async function s3_3_explicit_and_link_caused_exits_look_alike(peer: number): Promise<void> {
  const cast = new Cast(peer);
  trapExit(true);
  const p = cast.puppet();
  await link(p);
  await ask(p, 'exit', self(), 'same');
  assert.deepEqual(await next(), { type: 'EXIT', from: p, reason: 'same' });
  exit(p, 'same');
  assert.deepEqual(await next(), { type: 'EXIT', from: p, reason: 'same' });
  unlink(p);
  await cast.end();
}

export async function s3_3_normal_from_another_is_ignored_by_all_but_trappers(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const p = cast.puppet();
  for (let n = 0; n < 10; n++) exit(p, 'normal');
  await settle(p);
  await cast.end();
}

export async function s3_3_exit_to_oneself_while_trapping_is_a_message(
  _peer: number,
): Promise<void> {
  trapExit(true);
  assert.equal(exit(self(), 'mine'), true);
  assert.deepEqual(await next(), { type: 'EXIT', from: self(), reason: 'mine' });
}
