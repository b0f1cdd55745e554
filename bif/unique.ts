/**
 * Unique values, shared counters, and the machine itself.
 *
 * Source: OTP, `erlang:make_ref/0`, `unique_integer/1`, module `counters`, `erlang:system_info/1`.
 */

import { context, runningScheduler } from '../runtime/context.js';
import { freezeValue } from '../runtime/frozen.js';
import type { Atomic, Counter } from '../runtime/shared-counters.js';
import type { Ref } from '../runtime/terms.js';
import { checkKeys, checkName } from './check.js';

export type { Atomic, Counter };

/** A reference that no other call on any scheduler, in any life of the machine, gives again. `erlang:make_ref/0`. */
export function makeRef(): Ref {
  context.budget -= 1;
  return runningScheduler('makeRef').makeRef();
}

export interface UniqueIntegerOptions {
  /** Greater than 0. */
  readonly positive?: boolean;
  /** Greater than every one made before, on any scheduler. */
  readonly monotonic?: boolean;
}

const UNIQUE_COUNTER = 'tsvm.unique_integer';

/** An integer that this machine does not give twice. `erlang:unique_integer/1`. */
export function uniqueInteger(options: UniqueIntegerOptions = {}): number {
  const scheduler = runningScheduler('uniqueInteger');
  checkKeys('uniqueInteger', options, ['positive', 'monotonic']);
  const count = scheduler.counters.counter(UNIQUE_COUNTER).add(1);
  return options.positive === true ? count : count - 2 ** 52;
}

/**
 * The shared counter of that name: one number, that all schedulers add to atomically, made at 0 by
 * the first who asks. Module `counters`. Cost of `add`: about 10 ns.
 */
export function counter(name: string): Counter {
  checkName('counter', name);
  return runningScheduler('counter').counters.counter(name);
}

/**
 * The atomic integer of that name: as a counter, and can be exchanged and compared. Module `atomics`.
 * A counter of the same name is another number. Cost: about 100 ns an operation; a counter is cheaper.
 */
export function atomic(name: string): Atomic {
  checkName('atomic', name);
  return runningScheduler('atomic').counters.atomic(name);
}

/** How many schedulers the machine has. `system_info(schedulers)`. */
export function schedulers(): number {
  return runningScheduler('schedulers').slots;
}

/** The slot, from 1, of the scheduler that runs the caller. `system_info(scheduler_id)`. */
export function thisScheduler(): number {
  return runningScheduler('thisScheduler').slot;
}

/** The name of this node, as pids carry it: fresh at each start of the machine. `erlang:node/0`. */
export function node(): string {
  return runningScheduler('node').node;
}

/**
 * A deeply frozen copy of a value of plain data. Frozen values are not copied again: a message shares
 * them, and another scheduler gets each only once.
 *
 * @throws DataCloneError for what cannot be frozen (Map, Set, Date, typed arrays …)
 */
export function freeze<T>(value: T): T {
  return freezeValue(value);
}
