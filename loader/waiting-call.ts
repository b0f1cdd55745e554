/**
 * Waiting calls: what calls of a module meet while its first `onLoad` runs.
 *
 * There is no version before that could serve them, and whether this one may is not known yet. So they
 * wait, and then go on to whatever the export table says: the function, or `undef` if the load failed.
 * A coroutine parks. Plain code cannot, so it waits where it stands, and others run on top of it.
 *
 * Source: OTP, "Compilation and Code Loading" › "Running a Function When a Module is Loaded".
 */

import { context } from '../runtime/context.js';
import {
  awaitValue,
  type Coroutine,
  complete,
  PARK,
  pendingTask,
  start,
  startsCoroutine,
  type Task,
} from '../runtime/coroutine.js';
import { ProcessError } from '../runtime/errors.js';
import { waitInPlace } from '../runtime/preemption.js';
import type { ExportTable } from './export-table.js';

/** Longer than this, plain code does not hold the stack of its scheduler. */
const PLAIN_WAIT_MS = 5000;

type AnyFunction = (...args: never[]) => unknown;

/** Shut while `onLoad` of a module runs for the first time. */
export class LoadGate {
  readonly opened: Promise<void>;
  #open = false;
  #waiting: Task[] = [];
  readonly #resolve: () => void;

  constructor() {
    let resolve: () => void = () => {};
    this.opened = new Promise((opened) => {
      resolve = opened;
    });
    this.#resolve = resolve;
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#resolve();
    for (const task of this.#waiting) complete(task, undefined, false);
    this.#waiting = [];
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** A task that is finished when the gate opens. */
  task(): Task {
    const task = pendingTask(context.process) as Task;
    this.#waiting.push(task);
    return task;
  }
}

/** What stands in the table of a module for `fn` until the gate opens. */
export function waitingCall(
  gate: LoadGate,
  module: string,
  table: ExportTable,
  key: string,
  fn: AnyFunction,
): AnyFunction {
  function* waitThenCall(self: unknown, args: never[]): Coroutine<unknown> {
    const waited = awaitValue(gate.task());
    if (waited === PARK) yield;
    return Reflect.apply(table[key] as AnyFunction, self, args);
  }
  const call = function (this: unknown, ...args: never[]): unknown {
    if (startsCoroutine(fn)) return start(waitThenCall(this, args));
    if (!waitInPlace(() => gate.isOpen, PLAIN_WAIT_MS)) {
      throw new ProcessError(
        'timeout',
        `${module}.${key} was called while onLoad of ${module} still ran, and waited ${PLAIN_WAIT_MS / 1000} s for it`,
      );
    }
    return Reflect.apply(table[key] as AnyFunction, this, args);
  };
  return Object.defineProperty(call, 'name', { value: fn.name });
}
