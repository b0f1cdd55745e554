/**
 * Scheduler code: how the code server on the main thread reaches the code table of a scheduler.
 *
 * The adapter throws load errors as plain data, because a control plane that clones an `Error`
 * (Comlink does) keeps only name, message and stack; the code server makes errors of them again.
 */

import type { CodeTable } from './code-table.js';
import { LoadError } from './errors.js';
import type { CompiledModule } from './module.js';

/** In practice a Comlink proxy. Calls to a scheduler that has died must reject, not hang. */
export interface SchedulerCode {
  prepare(module: CompiledModule): Promise<void>;
  commit(name: string, version: string): Promise<void>;
  abort(name: string): Promise<void>;
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
    prepare: (module) => attempt(() => table.prepare(module)),
    commit: (name, version) => attempt(() => table.commit(name, version)),
    abort: (name) => attempt(() => table.abort(name)),
    remove: (name) => attempt(() => table.remove(name)),
  };
}
