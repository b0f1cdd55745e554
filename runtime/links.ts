/**
 * Links: symmetric, one per pair, with an id for each unlink so that both ends agree.
 *
 * Each side keeps {peer → 0 while active, else the id of the unlink under way}. The rules are those
 * of the distribution protocol, and the same within a scheduler and between two: that is what makes
 * simultaneous link and unlink from both ends converge.
 *
 * Source: OTP, ERTS User's Guide, "Distribution Protocol" › "Link Protocol"; SEMANTICS 2.3.
 */

import { context } from './context.js';
import { complete, finished, pendingTask, type Task } from './coroutine.js';
import { channelTo, deliver, holdOrDrop, isComing } from './delivery.js';
import { ProcessError } from './errors.js';
import type { Process } from './process.js';
import { request } from './requests.js';
import type { Scheduler } from './scheduler.js';
import * as signal from './signals.js';
import type { Exit, Pid } from './terms.js';

let unlinkIds = 0;

/**
 * Link the running process to `pid`.
 *
 * @returns a task: true at once for a process of this scheduler, else when its scheduler has answered
 */
export function link(scheduler: Scheduler, proc: Process, pid: Pid): Task<true> {
  proc.links ??= new Map();
  if (pid === proc.pid || proc.links.get(pid) === 0) return finished(true);
  if (context.tracer !== null) context.tracer.linked(proc, pid, 'link');
  const peer = scheduler.processes.find(pid);
  if (peer !== null) {
    proc.links.set(pid, 0);
    receiveLink(peer, proc.pid);
    return finished(true);
  }
  const channel = channelTo(scheduler, pid);
  if (channel === undefined && !isComing(scheduler, pid)) {
    linkFailed(scheduler, proc, pid);
    return finished(true);
  }
  proc.links.set(pid, 0);
  if (channel === undefined) {
    holdOrDrop(scheduler, signal.LINK, pid, proc.pid, null, null);
    return finished(true);
  }
  const outcome = pendingTask<true>(proc);
  request(scheduler, channel, pid, 'link', proc.pid, (alive) => {
    if (alive !== true && proc.links?.get(pid) === 0) {
      proc.links.delete(pid);
      try {
        linkFailed(scheduler, proc, pid);
      } catch (error) {
        complete(outcome as Task, error, true);
        return;
      }
    }
    complete(outcome as Task, true, false);
  });
  return outcome;
}

/** Nobody is there: an EXIT message for who traps, an error for who does not. */
function linkFailed(scheduler: Scheduler, proc: Process, pid: Pid): void {
  if (!proc.trapExit) throw new ProcessError('noproc', `link: there is no process ${pid}`);
  const message: Exit = { type: 'EXIT', from: pid, reason: 'noproc' };
  deliver(scheduler, proc, message);
}

/** The other side of a new link. An entry that exists, active or not, stays as it is. */
export function receiveLink(proc: Process, from: Pid): void {
  proc.links ??= new Map();
  if (proc.links.has(from)) return;
  proc.links.set(from, 0);
  if (context.tracer !== null) context.tracer.linked(proc, from, 'link');
}

/** After this, no new effect of the link can reach the running process. */
export function unlink(scheduler: Scheduler, proc: Process, pid: Pid): void {
  if (proc.links?.get(pid) !== 0) return;
  if (context.tracer !== null) context.tracer.linked(proc, pid, 'unlink');
  unlinkIds += 1;
  const id = unlinkIds;
  proc.links.set(pid, id);
  const channel = channelTo(scheduler, pid);
  if (channel !== undefined) channel.write(signal.UNLINK, pid, proc.pid, id, null);
  else if (!holdOrDrop(scheduler, signal.UNLINK, pid, proc.pid, id, null)) {
    receiveUnlink(scheduler, scheduler.processes.find(pid), pid, proc.pid, id);
  }
}

/** @param proc the process that is unlinked from; `null` if it is gone: it acknowledges all the same */
export function receiveUnlink(
  scheduler: Scheduler,
  proc: Process | null,
  pid: Pid,
  from: Pid,
  id: number,
): void {
  if (proc !== null && proc.links?.get(from) === 0) proc.links.delete(from);
  const channel = channelTo(scheduler, from);
  if (channel !== undefined) channel.write(signal.UNLINK_ACK, from, pid, id, null);
  else {
    const origin = scheduler.processes.find(from);
    if (origin !== null) receiveUnlinkAck(origin, pid, id);
  }
}

export function receiveUnlinkAck(proc: Process, from: Pid, id: number): void {
  if (proc.links?.get(from) === id) proc.links.delete(from);
}

/** The link part of a spawn: both ends exist before anyone can see the child. */
export function linkChild(parent: Process, childPid: Pid, child: Process | null): void {
  parent.links ??= new Map();
  parent.links.set(childPid, 0);
  if (context.tracer !== null) context.tracer.linked(parent, childPid, 'link');
  if (child !== null) receiveLink(child, parent.pid);
}
