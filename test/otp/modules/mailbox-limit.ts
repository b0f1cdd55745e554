/** Mailbox limits: a process that asked for one ends, or drops and counts, when it is overrun. */
import assert from 'node:assert/strict';
import {
  exit,
  monitor,
  type Pid,
  processInfo,
  receive,
  self,
  send,
  spawnOpt,
  yieldNow,
} from 'tsvm';
import { death, downReason, drain, next } from './support.js';

const LIMIT = 10;

/** Hands over its mailbox when told so. */
export async function slow(report: Pid): Promise<void> {
  for (;;) {
    const order = await receive((m) => m === 'empty' || m === 'stop');
    if (order === 'stop') return;
    send(report, await drain());
  }
}

export async function s1_4_kill_ends_the_overrun_process(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt(
    { scheduler: peer, monitor: true, mailbox: { limit: LIMIT, onFull: 'kill' } },
    slow,
    self(),
  );
  for (let n = 0; n < LIMIT; n++) send(pid, n);
  assert.equal((await processInfo(pid))?.messageQueueLength, LIMIT);
  send(pid, 'one too many');
  assert.equal(await downReason(ref), 'mailbox_limit');
}

export async function s1_4_drop_keeps_the_oldest_and_counts(peer: number): Promise<void> {
  const pid = spawnOpt(
    { scheduler: peer, mailbox: { limit: LIMIT, onFull: 'drop' } },
    slow,
    self(),
  );
  for (let n = 0; n < LIMIT + 25; n++) send(pid, n);
  const info = await processInfo(pid);
  assert.equal(info?.messageQueueLength, LIMIT);
  assert.equal(info?.dropped, 25);
  exit(pid, 'kill');
  assert.match(String(await death(pid)), /killed|noproc/);
}

export async function s1_4_there_is_room_again_after_a_receive(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt(
    { scheduler: peer, monitor: true, mailbox: { limit: LIMIT, onFull: 'drop' } },
    slow,
    self(),
  );
  for (let round = 0; round < 3; round++) {
    for (let n = 1; n < LIMIT; n++) send(pid, n);
    send(pid, 'empty');
    assert.deepEqual(await next(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  assert.equal((await processInfo(pid))?.dropped, 0);
  send(pid, 'stop');
  assert.equal(await downReason(ref), 'normal');
}

export async function s1_4_exit_signals_pass_a_full_mailbox(peer: number): Promise<void> {
  const pid = spawnOpt(
    { scheduler: peer, mailbox: { limit: LIMIT, onFull: 'drop' } },
    slow,
    self(),
  );
  for (let n = 0; n < LIMIT * 2; n++) send(pid, n);
  const ref = monitor(pid);
  exit(pid, 'shutdown');
  assert.equal(await downReason(ref), 'shutdown');
}

export async function s1_4_without_a_limit_nothing_is_dropped(peer: number): Promise<void> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, slow, self());
  for (let n = 0; n < 20_000; n++) send(pid, n);
  const info = await processInfo(pid);
  assert.equal(info?.messageQueueLength, 20_000);
  assert.equal(info?.dropped, 0);
  send(pid, 'stop');
  assert.equal(await downReason(ref), 'normal');
}

/** For the vitest file, which listens to the log: a mailbox that goes past 100,000 again and again. */
export async function hoarder(): Promise<void> {
  const fill = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      send(self(), n);
      if (n % 10_000 === 0) await yieldNow();
    }
  };
  await fill(100_050);
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < 100; n++) await receive();
    await fill(100);
  }
}
