/**
 * Dirty pool: the threads for work that computes long or blocks. A Piscina pool of its own, so that
 * such work never takes a scheduler's thread. Started with the first task.
 *
 * Source: OTP, `erl_nif`, "Dirty NIFs".
 */

import { Piscina } from 'piscina';
import type { CodeServer } from '../../loader/code-server.js';
import type { CompiledModule } from '../../loader/module.js';
import { loadOrder } from '../../loader/module-graph.js';
import type { Carried, Packed } from '../carried-functions.js';
import type { DirtyAnswer, DirtyTask } from './dirty-thread.js';
import { failed, type Outcome } from './outcome.js';
import { threadFile } from './thread-file.js';

export class DirtyPool {
  readonly #threads: number;
  readonly #code: CodeServer;
  #pool: Piscina<DirtyTask, DirtyAnswer> | null = null;

  constructor(threads: number, code: CodeServer) {
    this.#threads = threads;
    this.#code = code;
  }

  /** @param work a function and its arguments, as a list of two */
  async run(work: Packed): Promise<Outcome> {
    this.#pool ??= new Piscina<DirtyTask, DirtyAnswer>({
      filename: threadFile('dirty'),
      name: 'run',
      minThreads: 0,
      maxThreads: this.#threads,
      idleTimeout: 10_000,
    });
    const { current, old } = this.#code;
    const kept = work.functions.flatMap(({ module, version }) => {
      const found = old.get(module);
      return found?.version === version ? [found] : [];
    });
    const needed = [...new Set(kept), ...closure(current, work.functions)];
    const versions = needed.map(({ name, version }) => {
      return { name, version, current: current.get(name)?.version === version };
    });
    let code: readonly CompiledModule[] = [];
    for (;;) {
      const task: DirtyTask = { work, versions, code };
      const answer = await this.#pool.run(task).catch(lost);
      if (!('missing' in answer)) return answer;
      // Another thread may take the task next time, and lack more: send all of it then.
      code =
        code.length === 0 ? needed.filter(({ name }) => answer.missing.includes(name)) : needed;
    }
  }

  async stop(): Promise<void> {
    await this.#pool?.destroy();
    this.#pool = null;
  }
}

function lost(error: unknown): Outcome {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return failed({ kind: 'error', name, message, stack: stack ?? '' });
}

/** The modules of some functions and all they import, dependencies first. */
function closure(
  current: ReadonlyMap<string, CompiledModule>,
  functions: readonly Carried[],
): CompiledModule[] {
  const found = new Map<string, CompiledModule>();
  const visit = (name: string): void => {
    const module = current.get(name);
    if (module === undefined || found.has(name)) return;
    found.set(name, module);
    for (const { module: imported } of module.imports) if (imported !== null) visit(imported);
  };
  for (const { module } of functions) visit(module);
  return loadOrder([...found.values()], (name) => current.has(name));
}
