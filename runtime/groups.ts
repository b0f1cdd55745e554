/**
 * Groups: the processes that descend from one leader, and the end of all of them.
 *
 * Every process is in the group of the one that started it, until it says otherwise. So all that an
 * application has started is found, also what is linked to nothing and whose parents are dead.
 *
 * Invariant: when every scheduler has answered `kill_group`, no process of the group lives, and none
 * will: a spawn that was under way to another scheduler finds the group among the ended ones there.
 *
 * Source: OTP, `erlang:group_leader/0,2`; `application_master`, which ends what has it as group leader.
 */

import { terminate } from './lifecycle.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { Pid } from './terms.js';

/** A spawn is under way for less than it takes to end so many groups. */
const ENDED_MAX = 1000;

/** End the processes of a group on this scheduler, but for the leader itself. @returns how many there were */
export function killGroup(scheduler: Scheduler, leader: Pid): number {
  const { endedGroups } = scheduler;
  endedGroups.add(leader);
  if (endedGroups.size > ENDED_MAX) endedGroups.delete(endedGroups.values().next().value as Pid);
  const members = [...scheduler.processes.all()].filter((proc) => isMember(proc, leader));
  for (const proc of members) terminate(scheduler, proc, 'killed');
  return members.length;
}

/** A process that another scheduler has started is here: does its group still exist? */
export function buryStillborn(scheduler: Scheduler, proc: Process): void {
  const { group } = proc;
  if (group !== null && scheduler.endedGroups.has(group)) terminate(scheduler, proc, 'killed');
}

function isMember(proc: Process, leader: Pid): boolean {
  return proc.group === leader && proc.pid !== leader;
}
