/** hibernate(entry, ...args): the stack is dropped; the next message wakes the process in `entry` (§6). */
import assert from 'node:assert/strict';
import {
  dictionary,
  exit,
  hibernate,
  link,
  type Pid,
  processInfo,
  receive,
  self,
  send,
  spawnOpt,
  trapExit,
  unlink,
} from 'tsvm';
import {
  Cast,
  death,
  downReason,
  drain,
  eventually,
  exitReason,
  next,
  nothing,
  raises,
} from './support.js';

/** Reports what it finds after it was woken, then sleeps again. */
export async function awake(report: Pid, count: number): Promise<void> {
  send(report, { count, got: await drain(), kept: dictionary.get('kept'), self: self() });
  await hibernate(awake, report, count + 1);
}

export async function sleeper(report: Pid): Promise<void> {
  dictionary.put('kept', 'yes');
  try {
    await hibernate(awake, report, 1);
    send(report, 'after hibernate');
  } finally {
    send(report, 'finally');
  }
}

const asleep = (pid: Pid): Promise<void> =>
  eventually('it waits', async () => (await processInfo(pid))?.status === 'waiting');

export async function s6_9_a_message_wakes_it_in_the_entry(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(sleeper, self());
  await asleep(pid);
  await nothing();
  for (let count = 1; count <= 3; count++) {
    send(pid, { n: count });
    assert.deepEqual(await next(), { count, got: [{ n: count }], kept: 'yes', self: pid });
    await asleep(pid);
  }
  await cast.end();
}

export async function s6_9_with_a_message_already_there_it_wakes_at_once(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(sleeper, self());
  send(pid, 'early');
  assert.deepEqual(await next(), { count: 1, got: ['early'], kept: 'yes', self: pid });
  await cast.end();
}

export async function s6_9_the_old_stack_is_gone(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(sleeper, self());
  send(pid, 'wake');
  await next();
  exit(pid, 'kill');
  await death(pid);
  await nothing(); // neither what came after hibernate nor its finally ran
  await cast.end();
}

export async function s6_9_a_sleeping_process_is_linked_monitored_and_killed(
  peer: number,
): Promise<void> {
  trapExit(true);
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, sleeper, self());
  await asleep(pid);
  assert.equal(await link(pid), true);
  exit(pid, 'normal'); // ignored, and no message: it sleeps on
  assert.equal((await processInfo(pid))?.status, 'waiting');
  exit(pid, 'reason');
  assert.equal(await exitReason(pid), 'reason');
  assert.equal(await downReason(ref), 'reason');
}

/** Traps exits and sleeps. */
export async function trappingSleeper(report: Pid): Promise<void> {
  trapExit(true);
  await hibernate(awake, report, 1);
}

export async function s6_9_an_EXIT_message_wakes_it(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(trappingSleeper, self());
  await asleep(pid);
  exit(pid, 'hello');
  const { got } = (await next()) as { got: unknown };
  assert.deepEqual(got, [{ type: 'EXIT', from: self(), reason: 'hello' }]);
  await cast.end();
}

/** Hibernates from deep inside a call. */
export async function deepSleeper(report: Pid, depth: number): Promise<void> {
  if (depth > 0) {
    await deepSleeper(report, depth - 1);
    send(report, 'unwound');
  }
  await hibernate(lastWords, report);
}

/** Ends the process normally once it is woken. */
export async function lastWords(report: Pid): Promise<void> {
  send(report, await receive());
}

export async function s6_9_from_deep_in_a_call_and_ends_normally(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, deepSleeper, self(), 10);
  send(pid, 'wake');
  assert.equal(await next(), 'wake');
  assert.equal(await downReason(ref), 'normal');
  await nothing();
}

export async function s6_9_hibernate_of_no_function_raises_badarg(peer: number): Promise<void> {
  const cast = new Cast(peer);
  await raises('badarg', /hibernate.*expected.*function/s, () => hibernate('awake' as never));
  const other = cast.puppet();
  await link(other);
  unlink(other);
  await cast.end();
}
