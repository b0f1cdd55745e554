/**
 * Hot loading: what the watcher finds goes to the code server.
 *
 * A module that could not be loaded (it imports one that is not there yet, say) is tried again with
 * each later batch until it, or a newer version of it, loads: the order in which files arrive
 * must not decide whether they are loaded. Batches that come while one is being loaded are loaded as one
 * afterwards, with the newest of each module: who drops builds faster than they load waits for no backlog.
 */

import type { CodeServer, LoadReport } from './code-server.js';
import { LoadError } from './errors.js';
import type { CompiledModule } from './module.js';
import { ModuleWatcher, type WatchBatch } from './watch.js';

export interface HotLoaderOptions {
  readonly folder: string;
  readonly server: CodeServer;
  readonly poll?: boolean;
  /** After each load that changed something. */
  readonly onLoad: (reports: readonly LoadReport[]) => void;
  readonly onRemove: (module: string) => void;
  /** What was loaded before stays. */
  readonly onError: (error: LoadError) => void;
}

export class HotLoader {
  readonly #options: HotLoaderOptions;
  readonly #rejected: Map<string, CompiledModule> = new Map();
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

  async #apply({ changed, removed, failed }: WatchBatch): Promise<void> {
    const { server, onRemove, onError } = this.#options;
    for (const error of failed) onError(error);
    for (const { name } of changed) this.#rejected.delete(name);
    for (const name of removed) {
      this.#rejected.delete(name);
      if (await server.remove(name)) onRemove(name);
    }
    if (changed.length === 0) return;
    const retried = [...this.#rejected.values()];
    if (retried.length > 0 && (await this.#tryLoad([...retried, ...changed])) === null) return;
    const error = await this.#tryLoad(changed);
    if (error === null) return;
    for (const module of changed) this.#rejected.set(module.name, module);
    onError(error);
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

/** What `later` says of a module holds. */
function merged(earlier: WatchBatch, later: WatchBatch): WatchBatch {
  const named = new Set([...later.changed.map(({ name }) => name), ...later.removed]);
  return {
    changed: [...earlier.changed.filter(({ name }) => !named.has(name)), ...later.changed],
    removed: [...earlier.removed.filter((name) => !named.has(name)), ...later.removed],
    failed: [...earlier.failed, ...later.failed],
  };
}
