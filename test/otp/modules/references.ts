/** References, unique integers and the clocks. */
import assert from 'node:assert/strict';
import {
  makeRef,
  monotonicTime,
  type Pid,
  receive,
  self,
  send,
  spawnOpt,
  systemTime,
  thisScheduler,
  uniqueInteger,
} from 'tsvm';
import { next, raises } from './support.js';

const COUNT = 20_000;

/** Makes many of one kind and sends them. */
export async function maker(report: Pid, kind: 'ref' | 'integer' | 'positive'): Promise<void> {
  const make = {
    ref: (): unknown => makeRef(),
    integer: (): unknown => uniqueInteger(),
    positive: (): unknown => uniqueInteger({ positive: true }),
  }[kind];
  send(
    report,
    Array.from({ length: COUNT }, () => make()),
  );
}

async function manyOf(peer: number, kind: 'ref' | 'integer' | 'positive'): Promise<unknown[]> {
  const makers = [thisScheduler(), peer, peer];
  for (const slot of makers) spawnOpt({ scheduler: slot }, maker, self(), kind);
  const all: unknown[] = [];
  for (const _ of makers) all.push(...((await next()) as unknown[]));
  return all;
}

export async function s1_1_refs_are_unique_over_all_schedulers(peer: number): Promise<void> {
  const refs = await manyOf(peer, 'ref');
  assert.equal(new Set(refs).size, 3 * COUNT);
  for (const ref of refs.slice(0, 10)) assert.match(String(ref), /^#Ref<[a-z0-9]+\.\d+\.\d+>$/);
}

export async function s1_1_unique_integers_are_unique_over_all_schedulers(
  peer: number,
): Promise<void> {
  for (const kind of ['integer', 'positive'] as const) {
    const numbers = (await manyOf(peer, kind)) as number[];
    assert.equal(new Set(numbers).size, 3 * COUNT);
    assert.ok(numbers.every((n) => Number.isSafeInteger(n)));
    if (kind === 'positive') assert.ok(numbers.every((n) => n > 0));
  }
}

/** Takes one monotonic integer for each message, and passes it back. */
export async function monotone(report: Pid): Promise<void> {
  while ((await receive()) !== 'stop') send(report, uniqueInteger({ monotonic: true }));
}

export async function s1_1_monotonic_integers_grow_over_all_schedulers(
  peer: number,
): Promise<void> {
  const other = spawnOpt({ scheduler: peer }, monotone, self());
  let last = uniqueInteger({ monotonic: true });
  for (let n = 0; n < 500; n++) {
    send(other, 'one');
    const theirs = (await next()) as number; // made after ours, as it was caused by it
    const mine = uniqueInteger({ monotonic: true });
    assert.ok(theirs > last && mine > theirs, `${last}, ${theirs}, ${mine}`);
    last = mine;
  }
  send(other, 'stop');
}

/** Reads the monotonic clock for each message. */
export async function clock(report: Pid): Promise<void> {
  while ((await receive()) !== 'stop') send(report, monotonicTime('nanosecond'));
}

export async function s1_1_monotonic_time_never_goes_back_between_schedulers(
  peer: number,
): Promise<void> {
  const other = spawnOpt({ scheduler: peer }, clock, self());
  let last = monotonicTime('nanosecond');
  for (let n = 0; n < 500; n++) {
    send(other, 'tick');
    const theirs = (await next()) as typeof last;
    const mine = monotonicTime('nanosecond');
    assert.ok(theirs >= last && mine >= theirs, `${last}, ${theirs}, ${mine}`);
    last = mine;
  }
  send(other, 'stop');
}

export async function s1_1_times_come_in_the_unit_asked_for(_peer: number): Promise<void> {
  const scales = { second: 1e-3, millisecond: 1, microsecond: 1e3, nanosecond: 1e6 } as const;
  for (const [unit, scale] of Object.entries(scales) as [keyof typeof scales, number][]) {
    const [before, time, after] = [Date.now(), Number(systemTime(unit)) / scale, Date.now()];
    assert.ok(time >= before - 1001 && time <= after + 1001, `${unit}: ${before} ${time} ${after}`);
    const first = Number(monotonicTime(unit));
    assert.ok(Number(monotonicTime(unit)) >= first);
  }
  assert.ok(Math.abs(systemTime() - Date.now()) < 1000, 'the default is milliseconds');
  await raises('badarg', /unit.*fortnight/s, () => systemTime('fortnight' as 'second'));
  await raises('badarg', /unit/, () => monotonicTime(7 as unknown as 'second'));
}

export async function s1_1_pids_and_refs_name_their_home(peer: number): Promise<void> {
  const [node, life] = self().slice(1, -1).split('.');
  assert.ok(makeRef().startsWith(`#Ref<${node}.${life}.`));
  const child = spawnOpt({ scheduler: peer }, maker, self(), 'ref');
  assert.ok(child.startsWith(`<${node}.`));
  const refs = (await next()) as string[];
  assert.ok(refs[0]?.startsWith(`#Ref<${node}.${child.split('.')[1]}.`));
}
