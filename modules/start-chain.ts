/**
 * Start chain: what a start that does not come to its end is waiting for.
 *
 * Who waits in `start` or `startLink` of `proc-lib` says in its dictionary for whom. So a start can be
 * followed from outside, from the process that was asked for it to the one that hangs.
 */

import { type Pid, processInfo } from 'tsvm';
import { CHILD, INITIAL_CALL, STARTING } from './proc-lib.js';
import type { StartStep } from './start-steps.js';

/** A chain is as deep as a tree of supervisors; this ends it where pids go round. */
const DEPTH_MAX = 100;

/** What the start that this process waits for is waiting for in turn: the last one hangs. */
export async function startChain(from: Pid): Promise<readonly StartStep[]> {
  const steps: StartStep[] = [];
  let info = await processInfo(from);
  while (info !== undefined && steps.length < DEPTH_MAX) {
    const dictionary = new Map(info.dictionary);
    const pid = dictionary.get(STARTING) as Pid | undefined;
    if (pid === undefined) break;
    info = await processInfo(pid);
    if (info === undefined) break;
    const called = new Map(info.dictionary).get(INITIAL_CALL);
    steps.push({
      pid,
      child: dictionary.get(CHILD) as string | undefined,
      initialCall: typeof called === 'string' ? called : info.initialCall,
      status: info.status,
    });
  }
  return steps;
}
