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

/** Works until told to stop. */
export async function worker(report: Pid): Promise<void> {
  send(report, thisScheduler());
  let stop = false;
  while (!stop) {
    await yieldNow();
    stop = (await receive((m) => m === 'stop', 0)) === 'stop';
  }
}

export async function s1_9_spawns_are_spread_over_all_schedulers(_peer: number): Promise<void> {
  const perScheduler = new Array<number>(schedulers() + 1).fill(0);
  const workers: Pid[] = [];
  for (let n = 0; n < 60; n++) {
    workers.push(spawn(worker, self()));
    const slot = (await next('slot')) as number;
    perScheduler[slot] = (perScheduler[slot] ?? 0) + 1;
  }
  for (const pid of workers) send(pid, 'stop');
  for (const pid of workers) await death(pid);
  const least = Math.min(...perScheduler.slice(1));
  assert.ok(least >= 60 / schedulers() / 3, `spawned per scheduler: ${perScheduler.slice(1)}`);
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
