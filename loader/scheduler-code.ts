/**
 * Scheduler code: how the code server on the main thread reaches the code table of a scheduler.
 *
 * The adapter throws load errors as plain data, because a control plane that clones an `Error`
 * (Comlink does) keeps only name, message and stack; the code server makes errors of them again.
 */

import type { CodeTable, ModuleVersion } from './code-table.js';
import { LoadError } from './errors.js';
import type { CompiledModule } from './module.js';

/** In practice a Comlink proxy. Calls to a scheduler that has died must reject, not hang. */
export interface SchedulerCode {
  /** In this order; the first that does not load ends it, and those before it stay prepared. */
  prepare(modules: readonly CompiledModule[]): Promise<void>;
  /** All in one go: nothing runs between the first and the last. */
  commit(versions: readonly ModuleVersion[]): Promise<void>;
  abort(names: readonly string[]): Promise<void>;
  remove(name: string): Promise<void>;
}

/** The scheduler's side: expose what this returns. */
export function schedulerCode(table: CodeTable): SchedulerCode {
  const attempt = async (action: () => void): Promise<void> => {
    try {
      action();
    } catch (error) {
      throw error instanceof LoadError ? error.toData() : error;
    }
  };
  return {
    prepare: (modules) =>
      attempt(() => {
        for (const module of modules) table.prepare(module);
      }),
    commit: (versions) =>
      attempt(() => {
        for (const { name, version } of versions) table.commit(name, version);
      }),
    abort: (names) =>
      attempt(() => {
        for (const name of names) table.abort(name);
      }),
    remove: (name) => attempt(() => table.remove(name)),
  };
}
