/**
 * Code server: which version of each module is current on the whole machine.
 *
 * It lives on the main thread and loads sets of modules into all schedulers in two phases: prepared
 * everywhere, then committed everywhere; or, if one scheduler refuses one module, aborted everywhere.
 *
 * Invariants:
 *  1. Loads, removals and attachments are served one after the other, in the order of the calls.
 *     Broken, two loads of a module could be committed in different orders on two schedulers.
 *  2. When `load` returns, every scheduler has the set; when it throws, none has any of it.
 *  3. A scheduler that takes no part (it died meanwhile) is brought up by `attach` of its successor.
 *
 * The versions that were current become *old* here; keeping count of who runs them, and purging, come
 * with the next step: in `#commit`, before a third version comes in.
 *
 * Source: OTP, "code", `code:atomic_load/1` and "Code Replacement".
 */

import { performance } from 'node:perf_hooks';
import { isLoadErrorData, loadErrorFrom } from './errors.js';
import type { CompiledModule } from './module.js';
import { loadOrder } from './module-graph.js';
import type { SchedulerCode } from './scheduler-code.js';

/** About 10 ms of a scheduler's time. */
const PREPARED_AT_ONCE = 32;

export interface LoadReport {
  readonly module: string;
  readonly version: string;
  /** `false`: this version was current already, and nothing was done. */
  readonly changed: boolean;
  /** From the begin of the load of the set to its end. */
  readonly ms: number;
  readonly schedulers: number;
}

export interface CodeServerOptions {
  /** The schedulers that run now. */
  readonly schedulers: () => readonly SchedulerCode[];
}

export class CodeServer {
  readonly #schedulers: () => readonly SchedulerCode[];
  readonly #current: Map<string, CompiledModule> = new Map();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: CodeServerOptions) {
    this.#schedulers = options.schedulers;
  }

  /** The modules that are current, by name. */
  get current(): ReadonlyMap<string, CompiledModule> {
    return this.#current;
  }

  /**
   * Load a set of modules as one: all of it, on all schedulers, or nothing.
   *
   * @throws LoadError of the first module that does not load
   */
  load(modules: readonly CompiledModule[]): Promise<LoadReport[]> {
    return this.#serially(() => this.#load(modules));
  }

  /** Bring a scheduler that has just started up to the current set, before it runs anything. */
  attach(scheduler: SchedulerCode): Promise<void> {
    return this.#serially(async () => {
      const set = loadOrder([...this.#current.values()]);
      await withLoadErrors(() => prepareAll(scheduler, set));
      await withLoadErrors(() => commitAll(scheduler, set));
    });
  }

  /** The module's file is gone. Calls into it raise `undef`; what runs its code goes on. */
  remove(name: string): Promise<boolean> {
    return this.#serially(async () => {
      if (!this.#current.delete(name)) return false;
      await this.#onAll((scheduler) => scheduler.remove(name));
      return true;
    });
  }

  #serially<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #load(modules: readonly CompiledModule[]): Promise<LoadReport[]> {
    const begin = performance.now();
    // The last one of a name wins: builds that come faster than they load collapse to the newest.
    const given = new Map(modules.map((module) => [module.name, module]));
    const fresh = [...given.values()].filter(
      ({ name, version }) => this.#current.get(name)?.version !== version,
    );
    const set = loadOrder(fresh, (name) => this.#current.has(name) || given.has(name));
    const schedulers = set.length === 0 ? 0 : await this.#twoPhases(set);
    for (const module of set) this.#current.set(module.name, module);
    const ms = performance.now() - begin;
    const changed = new Set(set.map(({ name }) => name));
    return Array.from(given.values(), ({ name, version }) => ({
      module: name,
      version,
      changed: changed.has(name),
      ms,
      schedulers: changed.has(name) ? schedulers : 0,
    }));
  }

  async #twoPhases(set: readonly CompiledModule[]): Promise<number> {
    try {
      await this.#onAll((scheduler) => prepareAll(scheduler, set));
    } catch (error) {
      await this.#onAll((scheduler) => abortAll(scheduler, set));
      throw error;
    }
    return this.#onAll((scheduler) => commitAll(scheduler, set));
  }

  /**
   * On every scheduler at once; waits for all of them, also when one fails, so that the next step
   * finds none at work. What a scheduler that is gone by then said does not count.
   */
  async #onAll(action: (scheduler: SchedulerCode) => Promise<void>): Promise<number> {
    const schedulers = [...this.#schedulers()];
    const results = await Promise.allSettled(
      schedulers.map((scheduler) => withLoadErrors(() => action(scheduler))),
    );
    const alive = new Set(this.#schedulers());
    let count = 0;
    for (const [at, result] of results.entries()) {
      if (!alive.has(schedulers[at] as SchedulerCode)) continue;
      if (result.status === 'rejected') throw result.reason;
      count++;
    }
    return count;
  }
}

async function withLoadErrors(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    throw isLoadErrorData(error) ? loadErrorFrom(error) : error;
  }
}

/** In groups: a message for each module would cost more than the module, one for all would hold up the processes. */
async function prepareAll(scheduler: SchedulerCode, set: readonly CompiledModule[]): Promise<void> {
  for (let at = 0; at < set.length; at += PREPARED_AT_ONCE) {
    await scheduler.prepare(set.slice(at, at + PREPARED_AT_ONCE));
  }
}

async function commitAll(scheduler: SchedulerCode, set: readonly CompiledModule[]): Promise<void> {
  await scheduler.commit(set.map(({ name, version }) => ({ name, version })));
}

async function abortAll(scheduler: SchedulerCode, set: readonly CompiledModule[]): Promise<void> {
  await scheduler.abort(set.map(({ name }) => name));
}
