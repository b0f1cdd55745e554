/** SEMANTICS §1.10 and §15: group leaders, and the end of all that has one. */
import assert from 'node:assert/strict';
import {
  groupLeader,
  killGroup,
  type Pid,
  processes,
  processInfo,
  receive,
  self,
  send,
  setGroupLeader,
  spawn,
  spawnOpt,
  thisScheduler,
} from 'tsvm';
import { Cast, death, raises, take } from './support.js';

/** Starts one more process, says which, and waits; or ends at once. */
export async function parent(report: Pid, slot: number, stays: boolean): Promise<void> {
  send(report, { child: spawnOpt({ scheduler: slot }, waiter), leader: groupLeader() });
  if (stays) await receive();
}

export async function waiter(): Promise<void> {
  await receive();
}

/** Starts children on the other scheduler as fast as it can. */
export async function breeder(report: Pid, slot: number): Promise<void> {
  for (let n = 0; ; n++) {
    spawnOpt({ scheduler: slot }, waiter);
    if (n === 20) send(report, 'bred');
  }
}

interface Born {
  readonly child: Pid;
  readonly leader: Pid | undefined;
}

const born = (): Promise<Born> => take<Born>((m) => (m as Born)?.child !== undefined, 'a birth');

async function groupOf(leader: Pid): Promise<Pid[]> {
  const infos = await Promise.all((await processes()).map((pid) => processInfo(pid)));
  return infos.flatMap((info) => (info?.groupLeader === leader ? [info.pid] : []));
}

export async function s1_10_inherited(peer: number): Promise<void> {
  assert.equal(groupLeader(), undefined);
  setGroupLeader(self());
  const first = spawnOpt({ scheduler: peer }, parent, self(), thisScheduler(), true);
  const { child, leader } = await born();
  assert.equal(leader, self());
  assert.equal((await processInfo(child))?.groupLeader, self());
  assert.deepEqual((await groupOf(self())).sort(), [self(), first, child].sort());
  assert.equal(await killGroup(self()), 2);
}

export async function s15_4_orphans(peer: number): Promise<void> {
  setGroupLeader(self());
  const first = spawn(parent, self(), peer, false);
  const { child } = await born();
  await death(first);
  assert.equal(await killGroup(self()), 1);
  assert.equal(await processInfo(child), undefined);
}

export async function s15_4_under_way(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const stranger = cast.puppet();
  let killed = 0;
  for (let round = 0; round < 10; round++) {
    setGroupLeader(self());
    const leader = spawnOpt({ scheduler: peer }, led, self());
    const here = thisScheduler();
    send(leader, { slots: [here, peer] });
    for (let n = 0; n < 2; n++) await take((m) => m === 'bred', 'breeding');
    setGroupLeader(undefined);
    killed += await killGroup(leader);
    assert.deepEqual(await groupOf(leader), [leader]);
    const done = death(leader);
    send(leader, 'end');
    await done;
  }
  assert.ok(killed > 200, `${killed} were killed`);
  assert.notEqual(await processInfo(stranger), undefined);
  await cast.end();
}

/** A leader that has two processes breed on both schedulers. */
export async function led(report: Pid): Promise<void> {
  setGroupLeader(self());
  const { slots } = await receive<{ slots: number[] }>();
  const [here = 1, peer = 1] = slots;
  spawnOpt({ scheduler: here }, breeder, report, peer);
  spawnOpt({ scheduler: peer }, breeder, report, here);
  await receive();
}

export async function s15_4_not_oneself(): Promise<void> {
  setGroupLeader(spawn(waiter));
  await raises('badarg', /the caller, or the leader of another group/, () =>
    killGroup(groupLeader() as Pid),
  );
  const leader = groupLeader() as Pid;
  setGroupLeader(undefined);
  assert.equal(await killGroup(leader), 0);
  send(leader, 'end');
  await death(leader);
}
