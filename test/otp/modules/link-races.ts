/**
 * Link and unlink from both ends at the same moment (statement 2.3): whatever crosses on the way, both
 * ends must end with the same opinion, and a death must reach exactly those who think they are linked.
 *
 * Two racers wait for the same instant of the system clock and act. The test counts the rounds in which
 * either came first, and those in which they were closer than a signal travels; without both it would
 * prove nothing, and fails.
 */
import assert from 'node:assert/strict';
import { hrtime } from 'node:process';
import {
  type Exit,
  exit,
  link,
  monitor,
  type Pid,
  processInfo,
  receive,
  self,
  send,
  spawnOpt,
  TIMEOUT,
  thisScheduler,
  trapExit,
  unlink,
  yieldNow,
} from 'tsvm';
import { death, downReason, exitReason, isExit, next, take, waitUntil } from './support.js';

const ROUNDS = 300;
/** As many more, on a busy machine, until the race has been seen. */
const ROUNDS_MAX = 3000;
/** From the start order to the instant of the race: both racers must have got it by then. */
const LEAD_NS = 300_000n;
/** Closer than this, the signals of both cross between two schedulers. */
const CROSSING_NS = 100_000n;

type Step = 'link' | 'unlink';
type Start = { readonly other: Pid; readonly at: bigint; readonly steps: readonly Step[] };
type Question = { readonly other: Pid; readonly due: boolean };
type Finish = { readonly by: Pid; readonly began: bigint };

const isOrder = (m: unknown): boolean => typeof (m as Partial<Start> | null)?.other === 'string';

/**
 * Traps exits. A start: at its instant links or unlinks, and reports when it began. A question: reports
 * the exits it has seen of the other end, after waiting for the one that is due.
 */
export async function racer(report: Pid): Promise<void> {
  trapExit(true);
  for (;;) {
    const order = await receive<Start | Question>(isOrder);
    if ('due' in order) {
      send(report, { seen: await exitsOf(order.other, order.due) });
      continue;
    }
    await waitUntil(order.at);
    const began = hrtime.bigint();
    for (const step of order.steps) {
      if (step === 'link') await link(order.other);
      else unlink(order.other);
    }
    send(report, { by: self(), began } satisfies Finish);
  }
}

async function exitsOf(other: Pid, due: boolean): Promise<unknown[]> {
  const seen: unknown[] = due ? [await exitReason(other)] : [];
  for (;;) {
    const message = await receive<Exit>(isExit(other), 0);
    if (message === TIMEOUT) return seen;
    seen.push(message.reason);
  }
}

interface Tally {
  aFirst: number;
  bFirst: number;
  crossed: number;
  linked: number;
  unlinked: number;
}

async function race(
  peer: number,
  before: 'linked' | 'unlinked',
  aSteps: readonly Step[],
  bSteps: readonly Step[],
): Promise<Tally> {
  const tally: Tally = { aFirst: 0, bFirst: 0, crossed: 0, linked: 0, unlinked: 0 };
  for (let round = 0; round < ROUNDS || !(raced(tally, peer) || round >= ROUNDS_MAX); round++) {
    const a = spawnOpt({ scheduler: thisScheduler() }, racer, self());
    const b = spawnOpt({ scheduler: peer }, racer, self());
    if (before === 'linked') await runTogether(a, b, ['link'], [], round);
    const [began, begun] = await runTogether(a, b, aSteps, bSteps, round);
    if (began < begun) tally.aFirst += 1;
    else tally.bFirst += 1;
    const apart = began < begun ? begun - began : began - begun;
    if (apart < CROSSING_NS) tally.crossed += 1;

    const linked = await agreed(a, b, round);
    tally[linked ? 'linked' : 'unlinked'] += 1;

    const ref = monitor(a);
    exit(a, 'kill');
    assert.equal(await downReason(ref), 'killed');
    send(b, { other: a, due: linked } satisfies Question);
    const { seen } = (await next('exits seen')) as { seen: unknown[] };
    assert.deepEqual(seen, linked ? ['killed'] : [], `round ${round}`);
    exit(b, 'kill');
    assert.match(String(await death(b)), /killed|noproc/);
  }
  return tally;
}

/** Both ends act in the same instant, give or take a jitter that varies who is first. */
async function runTogether(
  a: Pid,
  b: Pid,
  aSteps: readonly Step[],
  bSteps: readonly Step[],
  round: number,
): Promise<[bigint, bigint]> {
  const at = hrtime.bigint() + LEAD_NS;
  const jitter = BigInt((round % 9) - 4) * 20_000n;
  send(a, { other: b, at, steps: aSteps } satisfies Start);
  send(b, { other: a, at: at + jitter, steps: bSteps } satisfies Start);
  const times = new Map<Pid, bigint>();
  for (let done = 0; done < 2; done++) {
    const { by, began } = await take<Finish>(
      (m) => (m as Partial<Finish>).began !== undefined,
      'finish of a racer',
    );
    times.set(by, began);
  }
  return [times.get(a) as bigint, times.get(b) as bigint];
}

/** What both ends think of the link, once they are of one opinion. They must be, after finitely many signals. */
async function agreed(a: Pid, b: Pid, round: number): Promise<boolean> {
  for (let attempt = 0; ; attempt++) {
    const [atA, atB] = [await processInfo(a), await processInfo(b)];
    const [aHas, bHas] = [atA?.links.includes(b), atB?.links.includes(a)];
    if (aHas !== undefined && aHas === bHas) return aHas;
    assert.ok(attempt < 1000, `round ${round}: a linked ${aHas}, b linked ${bHas}`);
    await yieldNow();
  }
}

const raced = ({ aFirst, bFirst, crossed }: Tally, peer: number): boolean =>
  aFirst > 0 && bFirst > 0 && (crossed > 0 || peer === thisScheduler());

function assertRaced(tally: Tally, peer: number): void {
  assert.ok(raced(tally, peer), `the race never happened: ${JSON.stringify(tally)}`);
}

export async function s2_3_both_link(peer: number): Promise<void> {
  const tally = await race(peer, 'unlinked', ['link'], ['link']);
  assertRaced(tally, peer);
  assert.equal(tally.unlinked, 0);
}

export async function s2_3_both_unlink(peer: number): Promise<void> {
  const tally = await race(peer, 'linked', ['unlink'], ['unlink']);
  assertRaced(tally, peer);
  assert.equal(tally.linked, 0);
}

export async function s2_3_one_links_the_other_unlinks(peer: number): Promise<void> {
  const tally = await race(peer, 'unlinked', ['link'], ['unlink']);
  assertRaced(tally, peer);
  assert.ok(tally.linked > 0, `the unlink never came first: ${JSON.stringify(tally)}`);
}

export async function s2_3_linked_one_unlinks_the_other_links(peer: number): Promise<void> {
  const tally = await race(peer, 'linked', ['unlink'], ['link']);
  assertRaced(tally, peer);
}

export async function s2_3_both_unlink_and_link_again(peer: number): Promise<void> {
  const tally = await race(peer, 'linked', ['unlink', 'link'], ['unlink', 'link']);
  assertRaced(tally, peer);
}

export async function s2_3_both_link_and_unlink(peer: number): Promise<void> {
  const tally = await race(peer, 'unlinked', ['link', 'unlink'], ['link', 'unlink']);
  assertRaced(tally, peer);
}

export async function s2_3_one_relinks_while_the_other_unlinks_twice(peer: number): Promise<void> {
  const tally = await race(
    peer,
    'linked',
    ['unlink', 'link', 'unlink', 'link'],
    ['unlink', 'unlink'],
  );
  assertRaced(tally, peer);
}
