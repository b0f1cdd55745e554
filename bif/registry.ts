/**
 * Registered names.
 *
 * Source: OTP, `erlang:register/2`, `unregister/1`, `whereis/1`, `registered/0`.
 */

import { runningProcess, runningScheduler } from '../runtime/context.js';
import type { Task } from '../runtime/coroutine.js';
import * as naming from '../runtime/naming.js';
import type { Pid } from '../runtime/terms.js';
import { checkName, checkPid } from './check.js';

/**
 * Give a process a name, atomically over all schedulers. `erlang:register/2`.
 *
 * @returns true; fails with `badarg` for a name that is taken or not allowed, a process that has a name
 *   already, or one that is dead. At once for a process of the caller's scheduler
 */
export function register(name: string, pid: Pid<never>): Promise<true> {
  const proc = runningProcess('register');
  checkName('register', name);
  checkPid('register', pid);
  const scheduler = runningScheduler('register');
  return naming.register(
    scheduler,
    proc,
    name,
    pid as unknown as Pid,
  ) as Task<true> as unknown as Promise<true>;
}

/** Take a name away again. `erlang:unregister/1`. @returns true; fails with `badarg` when nobody has it */
export function unregister(name: string): Promise<true> {
  const proc = runningProcess('unregister');
  checkName('unregister', name);
  const scheduler = runningScheduler('unregister');
  return naming.unregister(scheduler, proc, name) as Task<true> as unknown as Promise<true>;
}

/** Who has this name? `erlang:whereis/1`. Cost: about 20 ns. */
export function whereis<M = unknown>(name: string): Pid<M> | undefined {
  checkName('whereis', name);
  return runningScheduler('whereis').names.get(name) as Pid<M> | undefined;
}

/** All registered names, on all schedulers. `erlang:registered/0`. */
export function registered(): string[] {
  return runningScheduler('registered').names.names();
}
