/**
 * Traced calls: wrappers around the exported functions of a module, for as long as a trace wants to see them.
 *
 * A wrapper stands in the export table, so it sees the calls that go through it: of other modules and of
 * behaviours. Calls within the module are not seen, as in OTP without the flag `local`. A call of an async
 * function ends when its task does; to see that, another generator drives the one of the task.
 */

import { standsFor } from '../runtime/code-instance.js';
import { type Coroutine, DONE, FAILED, Task } from '../runtime/coroutine.js';
import type { CallPattern } from '../runtime/trace-event.js';
import type { CallEnd, CallHook } from '../runtime/tracing.js';

type AnyFunction = (...args: never[]) => unknown;

/** Does a trace want to see calls of this export? */
export function isTraced(patterns: readonly CallPattern[], module: string, name: string): boolean {
  return patterns.some((one) => one.module === module && (one.name ?? name).split('.')[0] === name);
}

/**
 * What stands for an export while it is traced: a function, or the handlers of a behaviour, an object
 * of functions. Anything else is left as it is.
 */
export function tracedExport(fn: string, value: unknown, hook: CallHook): unknown {
  if (typeof value === 'function')
    return isClass(value as AnyFunction) ? value : traced(fn, value as AnyFunction, hook);
  if (!isHandlers(value)) return value;
  const entries = Object.entries(value);
  return Object.freeze(
    Object.fromEntries(entries.map(([key, each]) => [key, traced(`${fn}.${key}`, each, hook)])),
  );
}

function traced(fn: string, original: AnyFunction, hook: CallHook): AnyFunction {
  const wrapper = function (this: unknown, ...args: never[]): unknown {
    const end = hook(fn, args);
    if (end === null) return Reflect.apply(original, this, args);
    let result: unknown;
    try {
      result = Reflect.apply(original, this, args);
    } catch (error) {
      end(error, true);
      throw error;
    }
    if (result instanceof Task) watch(result, end);
    else end(result, false);
    return result;
  };
  Object.defineProperty(wrapper, 'name', { value: original.name });
  Object.defineProperty(wrapper, 'length', { value: original.length });
  return wrapper as AnyFunction;
}

function watch(task: Task, end: CallEnd): void {
  const { generator } = task;
  if (task.state === DONE || task.state === FAILED) end(task.value, task.state === FAILED);
  else if (generator === null) end('(a task that is not done)', false);
  else {
    const driver = driving(generator, end);
    standsFor(driver, generator);
    driver.next();
    task.generator = driver;
  }
}

/** Goes on with a generator that is parked, as the engine would. */
function* driving(inner: Coroutine<unknown>, end: CallEnd): Coroutine<unknown> {
  let given: unknown;
  let failed = false;
  for (;;) {
    try {
      given = yield;
      failed = false;
    } catch (error) {
      given = error;
      failed = true;
    }
    let step: IteratorResult<unknown, unknown>;
    try {
      step = failed ? inner.throw(given) : inner.next(given);
    } catch (error) {
      end(error, true);
      throw error;
    }
    if (step.done === true) {
      const { value } = step;
      end(value instanceof Task ? '(the result of another task)' : value, false);
      return value;
    }
  }
}

function isHandlers(value: unknown): value is Readonly<Record<string, AnyFunction>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const values = Object.values(value);
  return values.length > 0 && values.every((each) => typeof each === 'function');
}

function isClass(fn: AnyFunction): boolean {
  return /^class\b/.test(Function.prototype.toString.call(fn));
}
