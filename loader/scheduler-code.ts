/**
 * Scheduler code: what the code server on the main thread has a scheduler do.
 *
 * `SchedulerCode` is the main thread's view, `CodeClient` carries it over the port, and `codeHandler`
 * serves it on the scheduler; between the two is `runtime/code-inbox.ts`. Load errors travel as plain
 * data, because a clone of an `Error` keeps neither its class nor its fields.
 */

import type { MessagePort } from 'node:worker_threads';
import {
  ANSWER,
  type CodeAnswer,
  type CodeAsked,
  type CodeCommand,
  type CodeHandler,
  type CodeResult,
  LATER,
} from '../runtime/code-inbox.js';

import { context } from '../runtime/context.js';
import type { CodeOutcome, CodeRequest } from '../runtime/hosting.js';
import type { Process } from '../runtime/process.js';
import type { CodeTable } from './code-table.js';
import { isLoadErrorData, LoadError, loadErrorFrom } from './errors.js';
import type { CompiledModule } from './module.js';

/** One scheduler. Calls to one that has died reject. */
export interface SchedulerCode {
  /** In this order; the first that does not load ends it, and those before it stay prepared. */
  prepare(load: number, modules: readonly CompiledModule[]): Promise<void>;
  /** Let calls of those modules that have no version yet wait. @returns the modules with an `onLoad` */
  hooks(load: number): Promise<readonly string[]>;
  hold(load: number, modules: readonly string[]): Promise<void>;
  /** Run `onLoad` in a process of its own. @throws OnLoadError */
  runHook(load: number, module: string): Promise<void>;
  /** The `onLoad` of a module is through, that of others may not be. */
  admit(load: number, module: string): Promise<void>;
  /**
   * Make the load current from `epoch` on. Processes that still run the version before the current one are killed.
   *
   * @returns how many were
   */
  commit(load: number, epoch: number): Promise<number>;
  /** Forget the load; processes that run its code are killed. */
  abort(load: number): Promise<void>;
  /** Does any process run the old version? */
  runsOld(module: string): Promise<boolean>;
  /** Forget the old version. @returns how many processes were killed for it */
  purge(module: string): Promise<number>;
  /** Make the current version old. */
  remove(module: string): Promise<void>;
}

/** The machine's processes, as far as code has to do with them. */
export interface ProcessesOfCode {
  all(): Iterable<Process>;
  kill(proc: Process): void;
  /** Run a function in a process of its own, and say how that went. */
  run(label: string, fn: () => unknown, ended: (outcome: RunOutcome) => void): void;
}

/** How a process that was to run one function ended. */
export type RunOutcome =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown }
  /** By an exit signal, or by `exit`. */
  | { readonly kind: 'ended'; readonly reason: unknown };

/** The scheduler's side: what its inbox calls. */
export function codeHandler(table: CodeTable, processes: ProcessesOfCode): CodeHandler {
  const killAll = (found: readonly Process[], module?: string): number => {
    for (const proc of found) processes.kill(proc);
    if (module !== undefined) for (const proc of processes.all()) table.releaseEntry(proc, module);
    context.scheduler?.followUp();
    return found.length;
  };
  const killOld = (module: string): number =>
    table.moduleInfo(module)?.oldVersion == null
      ? 0
      : killAll(table.runningOld(processes.all(), module), module);
  const served: Served = {
    prepare(load, modules) {
      for (const module of modules) table.prepare(module, load);
    },
    hooks: (load) => table.hooksOf(load),
    hold: (load, modules) => table.hold(load, modules),
    admit: (load, module) => table.admit(load, module),
    commit(load) {
      let killed = 0;
      for (const module of table.modulesOf(load)) killed += killOld(module);
      table.commitLoad(load);
      return killed;
    },
    abort(load) {
      killAll(table.runningPrepared(processes.all(), load));
      table.abortLoad(load);
    },
    runsOld: (module) => table.runningOld(processes.all(), module).length > 0,
    purge(module) {
      const killed = killOld(module);
      table.purge(module);
      return killed;
    },
    remove(module) {
      killOld(module);
      table.remove(module);
    },
  };
  const runHook = (
    load: number,
    module: string,
    answer: (result: CodeResult) => void,
  ): typeof LATER | undefined => {
    const hook = table.hook(load, module);
    if (hook === undefined) return undefined;
    processes.run(`${module}.onLoad`, hook as () => unknown, (outcome) => {
      const error = table.hookError(load, module, outcome);
      answer(
        error === null ? { ok: true, value: undefined } : { ok: false, error: error.toData() },
      );
    });
    return LATER;
  };
  return (op, args, answer) => {
    if (op === 'runHook') return runHook(...(args as [number, string]), answer);
    const action = served[op as keyof Served] as (...given: readonly unknown[]) => unknown;
    try {
      return action(...args);
    } catch (error) {
      throw error instanceof LoadError ? error.toData() : error;
    }
  };
}

/** The operations that are done at once. */
type Served = {
  readonly [Op in Exclude<keyof SchedulerCode, 'runHook'>]: (
    ...args: Parameters<SchedulerCode[Op]>
  ) => Awaited<ReturnType<SchedulerCode[Op]>>;
};

/** The number of what was posted to any scheduler; see `runtime/code-inbox.ts`. */
export interface CodeEpoch {
  /** What `publish` will make it. */
  readonly next: number;
  /** Let all schedulers look into their ports. */
  publish(): void;
}

/** The main thread's side. */
export class CodeClient implements SchedulerCode {
  readonly #port: MessagePort;
  readonly #epoch: CodeEpoch;
  readonly #waiting: Map<number, { resolve(value: never): void; reject(error: unknown): void }> =
    new Map();
  #lastId = 0;
  #dead: Error | null = null;

  /** @param serve what processes of the scheduler ask of the code server */
  constructor(
    port: MessagePort,
    epoch: CodeEpoch,
    serve: (request: CodeRequest) => Promise<CodeOutcome>,
  ) {
    this.#port = port;
    this.#epoch = epoch;
    port.on('message', (message: CodeAnswer | CodeAsked) => {
      if ('asked' in message) {
        const { asked, request } = message;
        serve(request).then((outcome) => {
          if (this.#dead === null) void this.#ask(ANSWER, [asked, outcome]);
        });
      } else this.#take(message);
    });
  }

  /** The thread is gone: nothing will be answered any more. */
  close(cause: Error): void {
    this.#dead = cause;
    this.#port.close();
    for (const { reject } of this.#waiting.values()) reject(cause);
    this.#waiting.clear();
  }

  prepare(load: number, modules: readonly CompiledModule[]): Promise<void> {
    return this.#ask('prepare', [load, modules]);
  }

  hooks(load: number): Promise<readonly string[]> {
    return this.#ask('hooks', [load]);
  }

  hold(load: number, modules: readonly string[]): Promise<void> {
    return this.#ask('hold', [load, modules]);
  }

  runHook(load: number, module: string): Promise<void> {
    return this.#ask('runHook', [load, module]);
  }

  admit(load: number, module: string): Promise<void> {
    return this.#ask('admit', [load, module]);
  }

  commit(load: number, epoch: number): Promise<number> {
    return this.#post('commit', [load], epoch);
  }

  abort(load: number): Promise<void> {
    return this.#ask('abort', [load]);
  }

  runsOld(module: string): Promise<boolean> {
    return this.#ask('runsOld', [module]);
  }

  purge(module: string): Promise<number> {
    return this.#ask('purge', [module]);
  }

  remove(module: string): Promise<void> {
    return this.#ask('remove', [module]);
  }

  #ask<T>(op: string, args: readonly unknown[]): Promise<T> {
    const answer = this.#post<T>(op, args, 0);
    this.#epoch.publish();
    return answer;
  }

  #post<T>(op: string, args: readonly unknown[], epoch: number): Promise<T> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    this.#lastId += 1;
    const command: CodeCommand = { id: this.#lastId, op, args, epoch };
    return new Promise((resolve, reject) => {
      this.#waiting.set(command.id, { resolve, reject });
      this.#port.postMessage(command);
    });
  }

  #take(answer: CodeAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) waiting?.resolve(answer.value as never);
    else
      waiting?.reject(isLoadErrorData(answer.error) ? loadErrorFrom(answer.error) : answer.error);
  }
}
