/**
 * Code server: which version of each module is current, and which is old, on the whole machine.
 *
 * It lives on the main thread and loads sets of modules into all schedulers in two phases: prepared
 * everywhere, then committed everywhere; or, if one scheduler refuses one module, aborted everywhere.
 * In between `onLoad` runs, once for the machine, on the first scheduler.
 *
 * Invariants:
 *  1. What happens to one module happens in the order of the calls; different modules do not wait for
 *     each other, but for imports that are just being loaded. Broken, two loads of a module could be
 *     committed in different orders on two schedulers.
 *  2. When `load` returns, every scheduler has the set; when it throws, none has any of it.
 *  3. Commits, removals and attachments are done one at a time. A scheduler that joins gets what is
 *     current then; what is prepared meanwhile, at its commit.
 *  4. Modules of the library are loaded before the set that first imports them, and are not reported.
 *  5. A load that makes a third version of a module ends the first: the processes that run it are
 *     killed, by the same command that commits; where they are many, most of them just before (sweeps.ts).
 *  6. Where a module has a `codeChange`, the processes that use it stand still from before the commit until
 *     after it; no scheduler joins meanwhile. If one state cannot be translated nothing is committed.
 *
 * Source: OTP, "code", `code:atomic_load/1`, `code:purge/1`, `code:soft_purge/1`; "Code Replacement".
 */

import { performance } from 'node:perf_hooks';
import { OnLoadError } from './errors.js';
import { isLibraryName, type ModuleSource, refuseLibraryName } from './library-names.js';
import type { CompiledModule } from './module.js';
import { loadOrder } from './module-graph.js';
import { ModuleLocks } from './module-locks.js';
import type {
  CheckFailure,
  CheckWish,
  CodeEpoch,
  ModuleFacts,
  SchedulerCode,
} from './scheduler-code.js';
import {
  changeStates,
  changeSteps,
  comeToRest,
  stillUsed,
  UPGRADE_LIMITS,
  type UpgradeLimits,
  type UpgradePlan,
} from './state-change.js';

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
  /** Processes that were killed because they still ran the version before the last one, of the whole set. */
  readonly killed: number;
  /** Processes whose state was translated by a `codeChange`, of the whole set. */
  readonly translated: number;
}

export interface CodeServerOptions {
  /** The schedulers that run now, in a lasting order. */
  readonly schedulers: () => readonly SchedulerCode[];
  readonly epoch: CodeEpoch;
  /** The modules that come with tsvm, loaded when something imports them. None without it. */
  readonly library?: ModuleSource;
  readonly limits?: UpgradeLimits;
}

export interface LoadOptions {
  /** The set may replace modules of the library. */
  readonly upgradesLibrary?: boolean;
  /** What is to be done besides, as one with the load. */
  readonly upgrade?: UpgradePlan;
}

/** Done with a load. */
interface Done {
  /** Per scheduler. */
  readonly killed: readonly number[];
  readonly translated: number;
}

/** What a load has done so far. */
interface Load {
  readonly id: number;
  readonly set: readonly CompiledModule[];
  readonly preparedOn: Set<SchedulerCode>;
}

const NO_LIBRARY: ModuleSource = {
  names: [],
  read: (name) => Promise.reject(new Error(`there is no library to read ${name} from`)),
};

export class CodeServer {
  readonly #schedulers: () => readonly SchedulerCode[];
  readonly #epoch: CodeEpoch;
  readonly #library: ModuleSource;
  /** The end of the last load of modules of the library: those go one after the other. */
  #libraryLoads: Promise<unknown> = Promise.resolve();
  readonly #current: Map<string, CompiledModule> = new Map();
  readonly #old: Map<string, CompiledModule> = new Map();
  readonly #locks = new ModuleLocks();
  #commits: Promise<unknown> = Promise.resolve();
  #loads = 0;
  readonly #limits: UpgradeLimits;

  constructor(options: CodeServerOptions) {
    this.#limits = options.limits ?? UPGRADE_LIMITS;
    this.#schedulers = options.schedulers;
    this.#epoch = options.epoch;
    this.#library = options.library ?? NO_LIBRARY;
  }

  /** The modules that are current, by name. */
  get current(): ReadonlyMap<string, CompiledModule> {
    return this.#current;
  }

  /** The old versions that have not been purged, by name of the module. */
  get old(): ReadonlyMap<string, CompiledModule> {
    return this.#old;
  }

  /**
   * Load a set of modules as one: all of it, on all schedulers, or nothing.
   *
   * @throws LoadError of the first module that does not load
   */
  load(modules: readonly CompiledModule[], options: LoadOptions = {}): Promise<LoadReport[]> {
    // The last one of a name wins: builds that come faster than they load collapse to the newest.
    const given = new Map(modules.map((module) => [module.name, module]));
    const imports = modules.flatMap((module) => module.imports.map((one) => one.module ?? ''));
    const begin = performance.now();
    const ofLibrary = modules.find(({ name }) => isLibraryName(name));
    if (ofLibrary !== undefined && options.upgradesLibrary !== true) {
      const refuse = async (): Promise<never[]> => {
        refuseLibraryName(ofLibrary.name, ofLibrary.file);
        return [];
      };
      return refuse();
    }
    // Who waits for the library holds no module that an earlier load could wait for.
    const ready = this.#libraryFor(imports, ofLibrary !== undefined);
    const { upgrade = {} } = options;
    const touched = [...given.keys(), ...(upgrade.remove ?? [])];
    const result = this.#locks.run(touched, imports, async () => {
      await ready;
      return this.#load(given, begin, upgrade);
    });
    if (ofLibrary !== undefined) this.#libraryLoads = result.catch(() => undefined);
    return result;
  }

  /** Load a module of the library, unless it is loaded. Nothing happens for any other name. */
  async require(name: string): Promise<void> {
    await this.#libraryFor([name], false);
  }

  /** Bring a scheduler that has just started up to the current set, before it runs anything. */
  attach(scheduler: SchedulerCode): Promise<void> {
    return this.#alone(async () => {
      const load = this.#begin(loadOrder([...this.#current.values()]));
      await prepare(load, scheduler);
      const committed = scheduler.commit(load.id, this.#epoch.next);
      this.#epoch.publish();
      await committed;
    });
  }

  /**
   * Make the current version of a module old: calls into it raise `undef`, what runs its code goes on.
   *
   * @returns `false` if it has none, or has an old one that was not purged
   */
  delete(name: string): Promise<boolean> {
    return this.#locks.run([name], [], () =>
      this.#alone(async () => {
        if (isLibraryName(name) || !this.#current.has(name) || this.#old.has(name)) return false;
        await this.#remove(name);
        return true;
      }),
    );
  }

  /** The module's file is gone: as `delete`, but an old version is purged first. */
  remove(name: string): Promise<boolean> {
    return this.#locks.run([name], [], () =>
      this.#alone(async () => {
        if (isLibraryName(name) || !this.#current.has(name)) return false;
        await this.#remove(name);
        return true;
      }),
    );
  }

  /** Forget the old version of a module; processes that run it are killed. @returns whether there were any */
  purge(name: string): Promise<boolean> {
    return this.#locks.run([name], [], async () => (await this.#purge(name)) > 0);
  }

  /** The same, but only if no process runs it. @returns whether the module is without an old version now */
  softPurge(name: string): Promise<boolean> {
    return this.#locks.run([name], [], async () => {
      if (!this.#old.has(name)) return true;
      const running = await this.#onAll((scheduler) => scheduler.runsOld(name));
      if (running.includes(true)) return false;
      await this.#purge(name);
      return true;
    });
  }

  /** What modules say of themselves; of what is prepared for `load`, if it is given. */
  facts(modules: readonly string[], load?: number): Promise<readonly ModuleFacts[]> {
    return this.#first().facts(modules, load);
  }

  /** Run a check; of what is prepared for `load`, where nothing else has it. @returns why it did not pass, or null */
  check(wish: CheckWish, load?: number): Promise<CheckFailure | null> {
    return this.#first().check(load, wish);
  }

  /** A load that was made `undoable` stays. */
  async forgetStates(load: number): Promise<void> {
    await this.#onAll((scheduler) => scheduler.forgetStates(load));
  }

  /** Load those of the names that are modules of the library, with all that they import. */
  #libraryFor(names: readonly string[], wait: boolean): Promise<unknown> | undefined {
    const isMissing = (name: string): boolean =>
      this.#library.names.includes(name) && !this.#current.has(name);
    const missing = names.filter(isMissing);
    if (missing.length === 0) return wait ? this.#libraryLoads : undefined;
    const loaded = this.#libraryLoads.then(async () => {
      const found = new Map<string, CompiledModule>();
      for (let name = missing.pop(); name !== undefined; name = missing.pop()) {
        if (found.has(name) || !isMissing(name)) continue;
        const module = await this.#library.read(name);
        found.set(name, module);
        missing.push(...module.imports.map((one) => one.module ?? ''));
      }
      await this.#load(found, performance.now(), {});
    });
    this.#libraryLoads = loaded.catch(() => undefined);
    return loaded;
  }

  async #load(
    given: ReadonlyMap<string, CompiledModule>,
    begin: number,
    plan: UpgradePlan,
  ): Promise<LoadReport[]> {
    const fresh = [...given.values()].filter(
      ({ name, version }) => this.#current.get(name)?.version !== version,
    );
    const load = this.#begin(
      loadOrder(fresh, (name) => this.#current.has(name) || given.has(name), this.#library.names),
    );
    let done: Done = { killed: [], translated: 0 };
    if (load.set.length > 0 || (plan.remove ?? []).length > 0) {
      try {
        await this.#prepare(load);
        await plan.prepared?.(load.id);
        done = await this.#alone(() => this.#replace(load, plan));
      } catch (error) {
        await this.#onAll((scheduler) => scheduler.abort(load.id));
        throw error;
      }
    }
    const ms = performance.now() - begin;
    const changed = new Set(load.set.map(({ name }) => name));
    const { killed, translated } = done;
    return Array.from(given.values(), ({ name, version }) => ({
      module: name,
      version,
      changed: changed.has(name),
      ms,
      schedulers: changed.has(name) ? killed.length : 0,
      killed: killed.reduce((sum, one) => sum + one, 0),
      translated,
    }));
  }

  /** Make a prepared load current: with the states of the processes that use it, where it has a `codeChange`. */
  async #replace(load: Load, plan: UpgradePlan): Promise<Done> {
    const steps = changeSteps(load.set, this.#current, plan);
    if (steps.length === 0) return { killed: await this.#exchange(load, plan), translated: 0 };
    const modules = steps.map(({ module }) => module);
    const { restMs, codeChangeMs } = { ...this.#limits, ...plan.limits };
    const onAll = <T>(action: (scheduler: SchedulerCode) => Promise<T>): Promise<T[]> =>
      this.#onAll(action);
    let isDone = false;
    try {
      // The hooks are through: a translation may call what is new in the set.
      for (const { name } of load.set) {
        if (!this.#current.has(name)) await onAll((scheduler) => scheduler.admit(load.id, name));
      }
      await comeToRest(onAll, load.id, modules, restMs);
      plan.onRest?.();
      const translated = await changeStates(onAll, load.id, steps, codeChangeMs);
      const killed = await this.#exchange(load, plan);
      isDone = true;
      return { killed, translated };
    } catch (error) {
      await onAll((scheduler) => scheduler.abort(load.id));
      throw error;
    } finally {
      const wish = { done: isDone, undoable: plan.undoable === true, over: true };
      await onAll((scheduler) => scheduler.release(load.id, wish));
    }
  }

  async #exchange(load: Load, { remove = [] }: UpgradePlan): Promise<number[]> {
    for (const name of remove) {
      const users = await this.#onAll((scheduler) => scheduler.users(name));
      const count = users.reduce((sum, one) => sum + one, 0);
      if (count > 0) throw stillUsed(name, count);
    }
    const killed = await this.#commit(load);
    for (const name of remove) if (this.#current.has(name)) await this.#remove(name);
    return killed;
  }

  #first(): SchedulerCode {
    const [first] = this.#schedulers();
    if (first === undefined) throw new Error('no scheduler is running');
    return first;
  }

  #begin(set: readonly CompiledModule[]): Load {
    this.#loads += 1;
    return { id: this.#loads, set, preparedOn: new Set() };
  }

  async #prepare(load: Load): Promise<void> {
    await this.#onAll((scheduler) => prepare(load, scheduler));
    const withHook = load.set.filter(({ exports }) => exports.includes('onLoad'));
    if (withHook.length === 0) return;
    const [first] = this.#schedulers();
    if (first === undefined) {
      throw new OnLoadError('no scheduler is running that onLoad could run on', {
        module: withHook[0]?.name,
      });
    }
    const waiting = load.set.map(({ name }) => name);
    await this.#onAll((scheduler) => scheduler.hold(load.id, waiting));
    for (const name of await first.hooks(load.id)) {
      await first.runHook(load.id, name);
      await this.#onAll((scheduler) => scheduler.admit(load.id, name));
    }
  }

  /** @returns how many processes each scheduler killed */
  async #commit(load: Load): Promise<number[]> {
    if (load.set.length === 0) return [];
    // Those that have joined since.
    await this.#onAll((scheduler) =>
      load.preparedOn.has(scheduler) ? Promise.resolve() : prepare(load, scheduler),
    );
    const purged = load.set.map(({ name }) => name).filter((name) => this.#old.has(name));
    const swept = purged.length === 0 ? [] : await this.#onAll((one) => one.sweep(purged));
    const killed = await this.#onAll(
      (scheduler) => scheduler.commit(load.id, this.#epoch.next),
      () => this.#epoch.publish(),
    );
    for (const [at, count] of swept.entries()) killed[at] = (killed[at] ?? 0) + count;
    for (const module of load.set) {
      const before = this.#current.get(module.name);
      if (before === undefined) this.#old.delete(module.name);
      else this.#old.set(module.name, before);
      this.#current.set(module.name, module);
    }
    return killed;
  }

  async #remove(name: string): Promise<void> {
    await this.#onAll((scheduler) => scheduler.remove(name));
    this.#old.set(name, this.#current.get(name) as CompiledModule);
    this.#current.delete(name);
  }

  async #purge(name: string): Promise<number> {
    if (!this.#old.has(name)) return 0;
    const killed = await this.#onAll((scheduler) => scheduler.purge(name));
    this.#old.delete(name);
    return killed.reduce((sum, one) => sum + one, 0);
  }

  #alone<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#commits.then(action);
    this.#commits = result.catch(() => undefined);
    return result;
  }

  /**
   * On every scheduler at once; waits for all of them, also when one fails, so that the next step
   * finds none at work. What a scheduler that is gone by then said does not count.
   */
  async #onAll<T>(
    action: (scheduler: SchedulerCode) => Promise<T>,
    asked: () => void = () => {},
  ): Promise<T[]> {
    const schedulers = [...this.#schedulers()];
    const answers = schedulers.map(action);
    asked();
    const results = await Promise.allSettled(answers);
    const alive = new Set(this.#schedulers());
    const values: T[] = [];
    for (const [at, result] of results.entries()) {
      if (!alive.has(schedulers[at] as SchedulerCode)) continue;
      if (result.status === 'rejected') throw result.reason;
      values.push(result.value);
    }
    return values;
  }
}

async function prepare(load: Load, scheduler: SchedulerCode): Promise<void> {
  // In groups: a message for each module would cost more than the module, one for all would hold up the processes.
  for (let at = 0; at < load.set.length; at += PREPARED_AT_ONCE) {
    await scheduler.prepare(load.id, load.set.slice(at, at + PREPARED_AT_ONCE));
  }
  load.preparedOn.add(scheduler);
}
