/**
 * Hot loading: what the watcher finds goes to the code server.
 *
 * A module that could not be loaded (it imports one that is not there yet, say) is tried again with
 * each later batch until it, or a newer version of it, loads: the order in which files arrive
 * must not decide whether they are loaded. A set of builds that belong together is never split by that: it
 * is loaded whole, then what it no longer has is removed, or nothing of it happens. One that comes with an
 * upgrade file is an upgrade instead, and is tried again when that file is another one. Batches that come while one is being loaded are loaded as one
 * afterwards, with the newest of each module: who drops builds faster than they load waits for no backlog.
 */

import type { CodeServer, LoadReport } from './code-server.js';
import { LoadError } from './errors.js';
import type { CompiledModule } from './module.js';
import {
  isEmpty,
  ModuleWatcher,
  type SetChange,
  type WatchBatch,
  type WatchChange,
} from './watch.js';

export interface HotLoaderOptions {
  readonly folder: string;
  readonly server: CodeServer;
  readonly poll?: boolean;
  /** How long a set may stay incomplete before that is reported; the watcher's own time by default. */
  readonly setMs?: number;
  /**
   * Puts the set of the folder in the place of what runs, by its upgrade file, as one unit.
   *
   * @param removed modules that are not in the set any more
   * @throws LoadError
   */
  readonly upgrade: (removed: readonly string[]) => Promise<void>;
  /** After each load that changed something. */
  readonly onLoad: (reports: readonly LoadReport[]) => void;
  readonly onRemove: (module: string) => void;
  /** What was loaded before stays. */
  readonly onError: (error: LoadError) => void;
}

export class HotLoader {
  readonly #options: HotLoaderOptions;
  readonly #rejected: Map<string, CompiledModule> = new Map();
  /** The change to the set that could not be loaded. */
  #rejectedSet: SetChange = NO_SET;
  #watcher: ModuleWatcher | null = null;
  /** What came while a load was under way. */
  #waiting: WatchBatch | null = null;
  #loading: Promise<void> | null = null;

  /** Resolves when changes from then on are loaded. */
  static async start(options: HotLoaderOptions): Promise<HotLoader> {
    const loader = new HotLoader(options);
    const known = new Map(
      Array.from(options.server.current.values(), (one) => [one.name, one.version]),
    );
    loader.#watcher = await ModuleWatcher.start({
      folder: options.folder,
      known,
      ...(options.poll === undefined ? {} : { poll: options.poll }),
      ...(options.setMs === undefined ? {} : { setMs: options.setMs }),
      onBatch: (batch) => loader.#take(batch),
    });
    return loader;
  }

  private constructor(options: HotLoaderOptions) {
    this.#options = options;
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
    await this.#loading;
  }

  #take(batch: WatchBatch): void {
    this.#waiting = this.#waiting === null ? batch : merged(this.#waiting, batch);
    this.#loading ??= this.#work();
  }

  async #work(): Promise<void> {
    for (let batch = this.#waiting; batch !== null; batch = this.#waiting) {
      this.#waiting = null;
      await this.#apply(batch);
    }
    this.#loading = null;
  }

  async #apply(batch: WatchBatch): Promise<void> {
    const { changed, removed, failed } = batch;
    for (const error of failed) this.#options.onError(error);
    for (const { name } of changed) this.#rejected.delete(name);
    await this.#removeAll(removed);
    for (const name of removed) this.#rejected.delete(name);
    const set = mergedSet(this.#rejectedSet, batch.set);
    if (!set.upgrade) return await this.#load(changed, set, batch.set.changed.length > 0);
    const isNew = batch.set.changed.length > 0 || batch.set.upgrade;
    if (isNew && !isEmpty(set)) await this.#upgrade(set);
    else if (!isEmpty(set)) this.#rejectedSet = set;
    const pending = this.#rejectedSet;
    await this.#load(changed, NO_SET, false);
    this.#rejectedSet = pending;
  }

  /** Each of these modules by itself, and the set as one. */
  async #load(
    changed: readonly CompiledModule[],
    set: SetChange,
    isSetNew: boolean,
  ): Promise<void> {
    // A set that failed a moment ago is not helped by a removal alone.
    const isPending = set.changed.length > 0 && !isSetNew;
    this.#rejectedSet = isPending ? set : NO_SET;
    const units = [isSetNew ? set.changed : [], changed].filter((unit) => unit.length > 0);
    const all = [...this.#rejected.values(), ...set.changed, ...changed];
    if (units.length > 0 && all.length > (units[0] as readonly CompiledModule[]).length) {
      if ((await this.#tryLoad(all)) === null) {
        this.#rejectedSet = NO_SET;
        return this.#removeAll(set.removed);
      }
    }
    // What is wrong with one is not to hold up the other.
    for (const unit of units) {
      const error = await this.#tryLoad(unit);
      if (error === null) continue;
      if (unit === set.changed) this.#rejectedSet = set;
      else for (const module of unit) this.#rejected.set(module.name, module);
      this.#options.onError(error);
    }
    if (this.#rejectedSet === NO_SET) await this.#removeAll(set.removed);
  }

  async #upgrade(set: SetChange): Promise<void> {
    this.#rejectedSet = NO_SET;
    try {
      await this.#options.upgrade(set.removed);
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      this.#rejectedSet = set;
      this.#options.onError(error);
    }
  }

  async #removeAll(names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (await this.#options.server.remove(name)) this.#options.onRemove(name);
    }
  }

  async #tryLoad(set: readonly CompiledModule[]): Promise<LoadError | null> {
    try {
      const reports = await this.#options.server.load(set);
      for (const { name } of set) this.#rejected.delete(name);
      const changed = reports.filter((report) => report.changed);
      if (changed.length > 0) this.#options.onLoad(changed);
      return null;
    } catch (error) {
      if (error instanceof LoadError) return error;
      throw error;
    }
  }
}

const NO_SET: SetChange = { changed: [], removed: [], upgrade: false };

function merged(earlier: WatchBatch, later: WatchBatch): WatchBatch {
  return {
    ...mergedChange(earlier, later),
    set: mergedSet(earlier.set, later.set),
    failed: [...earlier.failed, ...later.failed],
  };
}

/** An upgrade file counts for the set that it came with, or that waits for another one. */
function mergedSet(earlier: SetChange, later: SetChange): SetChange {
  const upgrade = later.upgrade || (later.changed.length === 0 && earlier.upgrade);
  return { ...mergedChange(earlier, later), upgrade };
}

/** What `later` says of a module holds. */
function mergedChange(earlier: WatchChange, later: WatchChange): WatchChange {
  const named = new Set([...later.changed.map(({ name }) => name), ...later.removed]);
  return {
    changed: [...earlier.changed.filter(({ name }) => !named.has(name)), ...later.changed],
    removed: [...earlier.removed.filter((name) => !named.has(name)), ...later.removed],
  };
}
