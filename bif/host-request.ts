/** Host request: a question of the calling process to the main thread, and its answer. */

import { context, runningProcess, runningScheduler } from '../runtime/context.js';
import { complete, pendingTask, type Task } from '../runtime/coroutine.js';
import { badarg, ProcessError } from '../runtime/errors.js';
import type { HostRequest } from '../runtime/hosting.js';

/** Parks until it is answered. @throws what the main thread says is wrong, as `badarg` */
export function askHost<T>(what: string, request: HostRequest): Promise<T> {
  const proc = runningProcess(what);
  const { codeInbox } = runningScheduler(what);
  if (codeInbox === null) throw badarg(what, 'a machine with a main thread', 'none');
  context.budget -= 1;
  const outcome = pendingTask<T>(proc);
  codeInbox.ask(request, (answer) => {
    const value = answer.ok ? answer.value : new ProcessError('badarg', messageOf(answer.error));
    complete(outcome as Task, value, !answer.ok);
  });
  return outcome as unknown as Promise<T>;
}

function messageOf(error: unknown): string {
  return String((error as { readonly message?: unknown } | null)?.message ?? error);
}
