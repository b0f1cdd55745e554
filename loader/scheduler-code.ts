/**
 * Scheduler code: what the code server on the main thread has a scheduler do.
 *
 * `SchedulerCode` is the main thread's view, `CodeClient` carries it over the port, and `codeHandler`
 * serves it on the scheduler; between the two is `runtime/code-inbox.ts`. Load errors travel as plain
 * data, because a clone of an `Error` keeps neither its class nor its fields.
 */

import type { MessagePort } from 'node:worker_threads';
import { abandonWhere } from '../runtime/abandon.js';
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
import { exitReasonOf } from '../runtime/crash.js';
import type { CodeOutcome, HostRequest } from '../runtime/hosting.js';
import { isUnwinding } from '../runtime/preemption.js';
import { presentable } from '../runtime/presentable.js';
import type { Process } from '../runtime/process.js';
import type { Scheduler } from '../runtime/scheduler.js';
import {
  type ChangeStep,
  type Changes,
  forgetStates,
  type Rest,
  Standstill,
  usersOf,
} from '../runtime/standstill.js';
import { Timer } from '../runtime/timers.js';
import type { CodeTable } from './code-table.js';
import { isLoadErrorData, LoadError, loadErrorFrom } from './errors.js';
import type { CompiledModule } from './module.js';
import { CROWDED, SWEPT_AT_ONCE, Sweeps } from './sweeps.js';

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
  /**
   * Where there are many processes: kill those that run the old version of the modules, in parts that let others
   * run in between. The commit, removal or purge that follows has little left to look at.
   *
   * @returns how many were killed
   */
  sweep(modules: readonly string[]): Promise<number>;
  /** Does any process run the old version? */
  runsOld(module: string): Promise<boolean>;
  /** Forget the old version. @returns how many processes were killed for it */
  purge(module: string): Promise<number>;
  /** Make the current version old. */
  remove(module: string): Promise<void>;
  /** Hold the processes that use some modules; see `runtime/standstill.ts`. May be asked again. */
  rest(load: number, modules: readonly string[], wish: RestWish): Promise<Rest>;
  /** Translate the states of those that stand still. */
  change(load: number, wish: ChangeWish): Promise<Changes>;
  /** Let them go on, with what was translated or as they were; `over`: there is no other round. */
  release(load: number, wish: ReleaseWish): Promise<void>;
  /** An upgrade is not to be undone any more. */
  forgetStates(load: number): Promise<void>;
  /** What modules say of themselves; of what is prepared for `load`, if it is given. */
  facts(modules: readonly string[], load: number | undefined): Promise<readonly ModuleFacts[]>;
  /** How many processes use a module. */
  users(module: string): Promise<number>;
  /**
   * Run an exported function in a process of its own, of the current version or else of what is prepared.
   *
   * @returns why it did not pass; null: it did
   */
  check(load: number | undefined, wish: CheckWish): Promise<CheckFailure | null>;
}

export interface CheckWish {
  readonly module: string;
  readonly fn: string;
  readonly limitMs: number;
}

export interface CheckFailure {
  readonly reason: unknown;
}

/** What only the evaluated module knows. */
export interface ModuleFacts {
  readonly module: string;
  /** Its export `version`, else its content's; undefined: it is not there. */
  readonly version: unknown;
  /** Its `codeChange` can translate a state for the version before. */
  readonly goesDown: boolean;
}

export interface RestWish {
  readonly rank: number;
  readonly closes: boolean;
  readonly stallMs: number;
}

export interface ChangeWish {
  /** All of them, whatever the wave. */
  readonly steps: readonly ChangeWishStep[];
  readonly wave: number;
  readonly limitMs: number;
}

/** A `ChangeStep` whose version each scheduler knows itself. */
export type ChangeWishStep = Omit<ChangeStep, 'version'>;

export interface ReleaseWish {
  readonly done: boolean;
  readonly undoable: boolean;
  readonly over: boolean;
}

/** The machine's processes, as far as code has to do with them. */
export interface ProcessesOfCode {
  all(): Iterable<Process>;
  kill(proc: Process): void;
  /** Run a function in a process of its own, and say how that went. */
  run(label: string, fn: () => unknown, ended: (outcome: RunOutcome) => void): Process | null;
  scheduler(): Scheduler;
}

/** How a process that was to run one function ended. */
export type RunOutcome =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown }
  /** By an exit signal, or by `exit`. */
  | { readonly kind: 'ended'; readonly reason: unknown };

/** The scheduler's side: what its inbox calls. */
export function codeHandler(table: CodeTable, processes: ProcessesOfCode): CodeHandler {
  const sweeps = new Sweeps(processes.all, processes.scheduler);
  const hasOld = (module: string): boolean => table.moduleInfo(module)?.oldVersion != null;
  const killAll = (found: readonly Process[]): number => {
    for (const proc of found) processes.kill(proc);
    context.scheduler?.followUp();
    return found.length;
  };
  const killAmong = (among: readonly Process[], module: string): number => {
    const killed = killAll(table.instances.runningOld(among, module));
    for (const proc of among) table.instances.releaseEntry(proc, module);
    return killed;
  };
  const killOld = (module: string): number =>
    hasOld(module) ? killAmong([...sweeps.end(module)], module) : 0;
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
      leavePrepared(table, processes, load);
      const running = table.runningPrepared(processes.all(), load);
      killAll(running.filter((proc) => !isUnwinding(proc)));
      table.abortLoad(load);
    },
    sweepPart(module, kills) {
      const part = hasOld(module) ? sweeps.next(module) : [];
      const found = kills
        ? killAmong(part, module)
        : Number(table.instances.anyRunsOld(part, module));
      return { found, isLast: part.length < SWEPT_AT_ONCE };
    },
    runsOld: (module) => hasOld(module) && table.instances.anyRunsOld(sweeps.end(module), module),
    purge(module) {
      const killed = killOld(module);
      table.purge(module);
      return killed;
    },
    remove(module) {
      killOld(module);
      table.remove(module);
    },
    forgetStates: (load) => forgetStates(processes.scheduler(), load),
    facts: (modules, load) => modules.map((module) => table.factsOf(module, load)),
    users: (module) => usersOf(processes.scheduler(), module),
  };
  const standing = standstillHandler(table, processes);
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
    if (isStandstillOp(op)) {
      standing[op](args, (value) => answer({ ok: true, value }));
      return LATER;
    }
    const action = served[op as keyof Served] as (...given: readonly unknown[]) => unknown;
    try {
      return action(...args);
    } catch (error) {
      throw error instanceof LoadError ? error.toData() : error;
    }
  };
}

type StandstillOp = 'rest' | 'change' | 'release' | 'check';
type StandstillHandler = Readonly<
  Record<StandstillOp, (args: readonly unknown[], answer: (value: unknown) => void) => void>
>;

function isStandstillOp(op: string): op is StandstillOp {
  return op === 'rest' || op === 'change' || op === 'release' || op === 'check';
}

/** What takes as long as processes take. */
function standstillHandler(table: CodeTable, processes: ProcessesOfCode): StandstillHandler {
  let current: { readonly load: number; readonly standstill: Standstill } | null = null;
  let hide: (() => void) | null = null;
  const begun = (load: number, modules: readonly string[]): Standstill => {
    if (current?.load === load) return current.standstill;
    const show = (next: boolean): void => {
      hide?.();
      hide = next ? table.showNext(load) : null;
    };
    const standstill = new Standstill(processes.scheduler(), { upgrade: load, modules, show });
    current = { load, standstill };
    return standstill;
  };
  return {
    rest(args, answer) {
      const [load, modules, { rank, closes, stallMs }] = args as [number, string[], RestWish];
      begun(load, modules).rest(rank, closes, stallMs, answer);
    },
    change(args, answer) {
      const [load, { steps, wave, limitMs }] = args as [number, ChangeWish];
      const whole = steps.map(({ module, direction, extra, wave: own }) => {
        // Up, the state is of the version that is current still; down, it is to be of the one that comes.
        const { version } = table.factsOf(module, direction === 'up' ? undefined : load);
        return { module, direction, extra, version, wave: own };
      });
      const modules = steps.map(({ module }) => module);
      begun(load, modules).change(whole, wave, limitMs, answer);
    },
    release(args, answer) {
      const [load, { done, undoable, over }] = args as [number, ReleaseWish];
      const standstill = begun(load, []);
      standstill.release(done, undoable, () => {
        if (over && current?.standstill === standstill) {
          standstill.end();
          current = null;
        }
        answer(undefined);
      });
    },
    check(args, answer) {
      const [load, wish] = args as [number | undefined, CheckWish];
      runCheck(table, processes, load, wish, answer);
    },
  };
}

/** @param answer is given a `CheckFailure`, or null */
function runCheck(
  table: CodeTable,
  processes: ProcessesOfCode,
  load: number | undefined,
  { module, fn, limitMs }: CheckWish,
  answer: (failure: CheckFailure | null) => void,
): void {
  const found =
    table.lookup(module, fn) ?? (load === undefined ? undefined : table.hook(load, module, fn));
  if (found === undefined) {
    answer({ reason: 'undef' });
    return;
  }
  let late = false;
  const { timers } = processes.scheduler();
  const proc = processes.run(`${module}.${fn}`, found as () => unknown, (outcome) => {
    timers.cancel(timer);
    answer(late ? { reason: { kind: 'timeout', limitMs } } : checkFailure(outcome));
  });
  const end = (): void => {
    late = true;
    if (proc !== null) processes.kill(proc);
    processes.scheduler().followUp();
  };
  const timer = new Timer(processes.scheduler().now() + limitMs, end, null);
  timers.start(timer);
}

function checkFailure(outcome: RunOutcome): CheckFailure | null {
  if (outcome.kind === 'ended') return { reason: outcome.reason };
  if (outcome.kind === 'threw') return { reason: exitReasonOf(outcome.error) };
  const { value } = outcome;
  if (value === undefined || value === true || value === 'ok') return null;
  return { reason: presentable(value) };
}

/** What a translation that failed has left waiting in code that will not be current goes, its process stays. */
function leavePrepared(table: CodeTable, processes: ProcessesOfCode, load: number): void {
  const isPrepared = table.isPrepared(load);
  if (isPrepared === null) return;
  for (const proc of processes.all()) {
    if (proc.extra?.standing == null) continue;
    abandonWhere(
      processes.scheduler(),
      proc,
      ({ generator }) => generator !== null && isPrepared(generator),
    );
  }
}

/** The operations that are done at once. */
type Served = {
  readonly [Op in Exclude<keyof SchedulerCode, 'runHook' | 'sweep' | StandstillOp>]: (
    ...args: Parameters<SchedulerCode[Op]>
  ) => Awaited<ReturnType<SchedulerCode[Op]>>;
} & { readonly sweepPart: (module: string, kills: boolean) => SweptPart };

interface SweptPart {
  /** How many were killed; or 1 if one was found, where none is to be killed. */
  readonly found: number;
  readonly isLast: boolean;
}

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
  readonly #processes: () => number;
  #lastId = 0;
  #dead: Error | null = null;

  /**
   * @param serve what processes of the scheduler ask of the code server
   * @param processes about how many the scheduler has
   */
  constructor(
    port: MessagePort,
    epoch: CodeEpoch,
    serve: (request: HostRequest) => Promise<CodeOutcome>,
    processes: () => number,
  ) {
    this.#port = port;
    this.#epoch = epoch;
    this.#processes = processes;
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

  /** Something else that the scheduler takes by this way, so that no plain code keeps it out. */
  tell(op: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#ask(op, args);
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

  async sweep(modules: readonly string[]): Promise<number> {
    let killed = 0;
    for (const module of modules) killed += await this.#sweep(module, true);
    return killed;
  }

  async runsOld(module: string): Promise<boolean> {
    await this.#sweep(module, false);
    return this.#ask('runsOld', [module]);
  }

  async purge(module: string): Promise<number> {
    return (await this.#sweep(module, true)) + (await this.#ask<number>('purge', [module]));
  }

  async remove(module: string): Promise<void> {
    await this.#sweep(module, true);
    return this.#ask('remove', [module]);
  }

  /** @returns how many were killed; where none is to be, it ends at the first that is found */
  async #sweep(module: string, kills: boolean): Promise<number> {
    if (this.#processes() < CROWDED) return 0;
    let found = 0;
    for (;;) {
      const part = await this.#ask<SweptPart>('sweepPart', [module, kills]);
      found += part.found;
      if (part.isLast || (!kills && found > 0)) return found;
    }
  }

  rest(load: number, modules: readonly string[], wish: RestWish): Promise<Rest> {
    return this.#ask('rest', [load, modules, wish]);
  }

  change(load: number, wish: ChangeWish): Promise<Changes> {
    return this.#ask('change', [load, wish]);
  }

  release(load: number, wish: ReleaseWish): Promise<void> {
    return this.#ask('release', [load, wish]);
  }

  forgetStates(load: number): Promise<void> {
    return this.#ask('forgetStates', [load]);
  }

  facts(modules: readonly string[], load: number | undefined): Promise<readonly ModuleFacts[]> {
    return this.#ask('facts', [modules, load]);
  }

  users(module: string): Promise<number> {
    return this.#ask('users', [module]);
  }

  check(load: number | undefined, wish: CheckWish): Promise<CheckFailure | null> {
    return this.#ask('check', [load, wish]);
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
