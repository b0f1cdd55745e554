/** Where processes run: pinned ones where they were told, others on the scheduler with least to do. */
import assert from 'node:assert/strict';
import {
  exit,
  type Pid,
  receive,
  schedulers,
  self,
  send,
  spawn,
  spawnOpt,
  thisScheduler,
  yieldNow,
} from 'tsvm';
import { ask, Cast, death, next } from './support.js';

export async function s1_9_the_test_process_runs_on_the_first_scheduler(
  peer: number,
): Promise<void> {
  assert.equal(thisScheduler(), 1);
  assert.equal(schedulers(), peer); // one scheduler: peer is 1; two: the other one
}

export async function s1_9_pinned_processes_run_where_they_were_told(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  assert.equal(await ask(other, 'thisScheduler'), peer);
  const child = cast.adopt(await ask<Pid>(other, 'spawnPuppet', { scheduler: 1 }));
  assert.equal(await ask(child, 'thisScheduler'), 1);
  await cast.end();
}

/** Says where it is, and works until told to stop. */
export async function worker(report: Pid): Promise<void> {
  send(report, thisScheduler());
  let stop = false;
  while (!stop) {
    await yieldNow();
    stop = (await receive((m) => m === 'stop', 0)) === 'stop';
  }
}

/** Says where it is, and waits. */
export async function waiter(report: Pid): Promise<void> {
  send(report, thisScheduler());
  await receive((m) => m === 'stop');
}

async function assertSpread(pids: readonly Pid[], least: number): Promise<void> {
  const perScheduler = new Array<number>(schedulers()).fill(0);
  for (const _ of pids) {
    const slot = (await next('slot')) as number;
    perScheduler[slot - 1] = (perScheduler[slot - 1] ?? 0) + 1;
  }
  for (const pid of pids) send(pid, 'stop');
  for (const pid of pids) await death(pid);
  assert.ok(Math.min(...perScheduler) >= least, `spawned per scheduler: ${perScheduler}`);
}

export async function s1_9_a_burst_of_workers_is_spread(_peer: number): Promise<void> {
  const workers: Pid[] = Array.from({ length: 60 }, () => spawn(worker, self()));
  await assertSpread(workers, 60 / schedulers() / 3);
}

export async function s1_9_many_spawned_one_by_one_are_spread(_peer: number): Promise<void> {
  const waiters: Pid[] = [];
  for (let n = 0; n < 300; n++) {
    waiters.push(spawn(waiter, self()));
    await receive((m) => m === 'never', 1); // as a listener that accepts a connection now and then
  }
  await assertSpread(waiters, 300 / schedulers() / 3);
}

export async function s1_9_a_process_stays_where_it_is(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  const busy = Array.from({ length: 20 }, () => spawnOpt({ scheduler: peer }, worker, self()));
  for (let n = 0; n < 20; n++) {
    await next('slot');
    assert.equal(await ask(other, 'thisScheduler'), peer);
  }
  for (const pid of busy) {
    exit(pid, 'kill');
    await death(pid);
  }
  await cast.end();
}
