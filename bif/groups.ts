/**
 * Groups: which processes belong together because one of them led to all the others.
 *
 * Source: OTP, `erlang:group_leader/0,2`. There it also says where output goes; here it does not.
 */

import { context, runningProcess, runningScheduler } from '../runtime/context.js';
import {
  awaitValue,
  type Coroutine,
  complete,
  PARK,
  pendingTask,
  start,
  type Task,
} from '../runtime/coroutine.js';
import { badarg } from '../runtime/errors.js';
import { killGroup as killHere } from '../runtime/groups.js';
import { request } from '../runtime/requests.js';
import type { Pid } from '../runtime/terms.js';
import { checkPid } from './check.js';

/**
 * The leader of the caller's group: within an application, its master. `erlang:group_leader/0`.
 *
 * @returns `undefined` where nobody has said who leads
 */
export function groupLeader(): Pid | undefined {
  return runningProcess('groupLeader').group ?? undefined;
}

/** From now on the caller, and what it starts, is in the group of `leader`; `undefined`: in none. `erlang:group_leader/2`. */
export function setGroupLeader(leader: Pid<never> | undefined): void {
  const proc = runningProcess('setGroupLeader');
  if (leader !== undefined) checkPid('setGroupLeader', leader);
  proc.group = (leader as Pid | undefined) ?? null;
}

/**
 * Kill every process of a group, on all schedulers, but for the leader itself; also those that are
 * being started at this moment on another scheduler. The group is not to be used any more.
 *
 * @param leader of a group that the caller leads, or is not in
 * @returns how many there were. Parks.
 */
export function killGroup(leader: Pid<never>): Promise<number> {
  checkPid('killGroup', leader);
  const proc = runningProcess('killGroup');
  if (proc.group === (leader as Pid) && proc.pid !== leader) {
    throw badarg('killGroup: leader', 'the caller, or the leader of another group', leader);
  }
  return start(killEverywhere(leader as Pid)) as Task<number> as unknown as Promise<number>;
}

function* killEverywhere(leader: Pid): Coroutine<number> {
  const proc = runningProcess('killGroup');
  const scheduler = runningScheduler('killGroup');
  context.budget -= 1;
  let killed = killHere(scheduler, leader);
  const answers = Array.from(scheduler.channels.values(), (channel) => {
    const outcome = pendingTask<number | undefined>(proc);
    request(scheduler, channel, '', 'kill_group', leader, (count) =>
      complete(outcome as Task, count, false),
    );
    return outcome;
  });
  for (const answer of answers) {
    const awaited = awaitValue(answer);
    killed += ((awaited === PARK ? yield : awaited) as number | undefined) ?? 0;
  }
  return killed;
}
