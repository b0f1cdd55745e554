/**
 * Stand-in scheduler: one process that gives way at every check, without a machine around it. What it waits
 * for (native promises) goes on by itself; what yields is resumed in a microtask.
 */

import { context } from '../../runtime/context.js';
import {
  type Coroutine,
  FORWARDED,
  resumeReady,
  start,
  type Task,
} from '../../runtime/coroutine.js';
import { Process, RUNNING } from '../../runtime/process.js';
import type { Scheduler } from '../../runtime/scheduler.js';

export class StandInScheduler {
  /** How often the process was preempted, or resumed after it had yielded. */
  preemptions = 0;
  readonly #proc: Process = runningProcess();
  readonly #budget: number;
  readonly #twins: number;
  readonly #scheduler = {
    slice: 0,
    wake: () => queueMicrotask(() => this.#step()),
    charge: () => {
      this.preemptions += 1;
      context.budget = this.#budget;
    },
    hasWork: () => false,
    serveHost: () => {},
    nativeWaitBegins: () => {},
    nativeWaitEnds: () => {},
    taskFailed: () => {},
    preempted: new Map(),
    beat: () => {},
  };

  /** @param budget of each slice @param twins what `context.twins` is in them */
  constructor(budget: number, twins: number) {
    this.#budget = budget;
    this.#twins = twins;
  }

  /** Start a coroutine in the process, and wait until it is done. */
  run(make: () => Coroutine<unknown>): Promise<unknown> {
    let task: Task | undefined;
    this.#slice(() => {
      task = start(make()) as Task;
    });
    return settled(task as Task);
  }

  #slice(action: () => void): void {
    context.scheduler = this.#scheduler as unknown as Scheduler;
    context.process = this.#proc;
    context.budget = this.#budget;
    context.twins = this.#twins;
    context.owesPause = false;
    this.#scheduler.slice += 1;
    action();
    context.process = null;
  }

  #step(): void {
    while (this.#proc.ready !== null) {
      this.preemptions += 1;
      this.#slice(() => resumeReady(this.#proc));
    }
  }
}

/** A process that runs, as far as code in it can tell. */
export function runningProcess(): Process {
  const proc = new Process(null, 0, 0, null, null, () => {}, []);
  proc.status = RUNNING;
  return proc;
}

/** Look without waiting for it as a promise, which would run in the process. */
function settled(returned: Task): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let task = returned;
    const look = (): void => {
      while (task.state === FORWARDED) task = task.value as Task;
      if (task.state === 1) resolve(task.value);
      else if (task.state === 2 || task.state === 3) reject(task.value);
      else setImmediate(look);
    };
    look();
  });
}
