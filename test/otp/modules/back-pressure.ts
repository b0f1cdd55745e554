/**
 * A sender that overruns another scheduler is held back: neither its own heap nor the way between grows
 * without bound, and nothing is lost. Needs a peer on another scheduler.
 */
import assert from 'node:assert/strict';
import { hrtime } from 'node:process';
import { type Pid, processInfo, receive, self, send, spawnOpt, yieldNow } from 'tsvm';
import { Cast, downReason, next, settle, take } from './support.js';

/** Together far more than the way between two schedulers holds. */
const COUNT = 400_000;
/** A text that differs each time, so that no coding can shorten it. */
const payload = (n: number): string =>
  `${n} is a number, and this is what fills the rings: ${'x'.repeat(60)}`;
/** Below the limit of the guard, which would end it. */
const BLOCK_MS = 200;

type Item = { readonly n: number; readonly text: string };

/** Blocks its whole thread for a while, then takes everything and reports what it got. */
export async function blockedReceiver(report: Pid, count: number): Promise<void> {
  send(report, 'ready');
  await receive((m) => m === 'block');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCK_MS);
  const awake = hrtime.bigint();
  let ordered = true;
  for (let n = 0; n < count; n++) {
    const item = await receive<Item>();
    ordered &&= item.n === n;
  }
  send(report, { awake, ordered });
}

/** Sends everything, giving way now and then, and says when it was done. */
export async function politeSender(report: Pid, to: Pid, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    send(to, { n, text: payload(n) });
    if (n % 100 === 0) await yieldNow();
  }
  send(report, { done: hrtime.bigint() });
}

/** Sends everything without ever giving way. */
export async function rudeSender(report: Pid, to: Pid, count: number): Promise<void> {
  for (let n = 0; n < count; n++) send(to, { n, text: payload(n) });
  send(report, { done: hrtime.bigint() });
}

const hasKey =
  (key: string) =>
  (m: unknown): boolean =>
    typeof m === 'object' && m !== null && key in m;

async function overrun(
  peer: number,
  sender: (report: Pid, to: Pid, count: number) => Promise<void>,
  meanwhile: (busy: Pid) => Promise<void>,
): Promise<void> {
  const receiver = spawnOpt({ scheduler: peer, monitor: true }, blockedReceiver, self(), COUNT);
  assert.equal(await next(), 'ready');
  send(receiver.pid, 'block');
  const busy = spawnOpt({ scheduler: 1, monitor: true }, sender, self(), receiver.pid, COUNT);
  await meanwhile(busy.pid);
  const { done } = await take<{ done: bigint }>(hasKey('done'), 'report of the sender');
  const { awake, ordered } = await take<{ awake: bigint; ordered: boolean }>(
    hasKey('awake'),
    'report of the receiver',
  );
  assert.equal(ordered, true);
  assert.ok(done > awake, 'the sender was done while the receiver had not taken anything');
  assert.equal(await downReason(busy.ref), 'normal');
  assert.equal(await downReason(receiver.ref), 'normal');
}

export async function s1_11_a_sender_is_held_back_and_others_go_on(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const neighbour = cast.near();
  await overrun(peer, politeSender, async (busy) => {
    // The sender's scheduler is not blocked: only the sender is held back.
    const until = hrtime.bigint() + BigInt(BLOCK_MS / 2) * 1_000_000n;
    let trips = 0;
    while (hrtime.bigint() < until) {
      await settle(neighbour);
      trips += 1;
    }
    assert.ok(trips > 2, `${trips} round trips beside a sender that is held back`);
    assert.ok((await processInfo(busy)) !== undefined, 'the sender is not done');
  });
  await cast.end();
}

export async function s1_11_a_sender_that_never_awaits_loses_nothing(peer: number): Promise<void> {
  await overrun(peer, rudeSender, async () => {});
}
