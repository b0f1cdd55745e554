/**
 * Code: which versions of modules there are, who runs them, loading and purging.
 *
 * What changes code is done by the code server on the main thread, for the whole machine; these functions
 * ask it and wait for the answer. What only looks is answered by this scheduler, which has seen every
 * change that the code server has reported.
 *
 * Source: OTP, "code"; ERTS, `erlang:check_process_code/2`, `erlang:check_old_code/1`.
 */

import { context, runningProcess, runningScheduler } from '../runtime/context.js';
import { complete, finished, pendingTask, type Task } from '../runtime/coroutine.js';
import { badarg } from '../runtime/errors.js';
import type { CodeRequest, ModuleInfo } from '../runtime/hosting.js';
import { tableOfModule } from '../runtime/module-tables.js';
import { request } from '../runtime/requests.js';
import type { Pid } from '../runtime/terms.js';
import { checkPid } from './check.js';

export type { ModuleInfo };

/** A module that was loaded, or was current already. */
export interface Loaded {
  readonly module: string;
  readonly version: string;
  /** `false`: this version was current already, and nothing was done. */
  readonly changed: boolean;
  readonly ms: number;
  readonly schedulers: number;
  /** Processes that were killed, as they ran the version before the one that became old; of the whole set. */
  readonly killed: number;
  /** Processes whose state was translated by a `codeChange`; of the whole set. */
  readonly translated: number;
}

/**
 * Load builds or sources as one set: all of them, on all schedulers, or none. `code:atomic_load/1`.
 *
 * @param files paths; a manifest, or a folder with one, stands for all the builds that it names
 * @returns what was loaded. Fails with a `LoadError`, whose `kind` says why. Parks.
 */
export function load(...files: string[]): Promise<readonly Loaded[]> {
  for (const file of files) checkText('code.load: file', 'a path', file);
  return ask('code.load', { op: 'load', files });
}

/** The same with the texts of build files, as `tsvm build` writes them. `code:load_binary/3`. */
export function loadBuilds(...builds: string[]): Promise<readonly Loaded[]> {
  for (const build of builds)
    checkText('code.loadBuilds: build', 'the text of a build file', build);
  return ask('code.loadBuilds', { op: 'load_builds', builds });
}

/**
 * Forget the old version of a module. Processes that run it are killed first, with reason `killed`; the caller
 * too, if it does. `code:purge/1`.
 *
 * @returns whether any process was killed. Parks.
 */
export function purge(module: string): Promise<boolean> {
  return change('purge', 'purge', module);
}

/**
 * Forget the old version of a module, if no process runs it. `code:soft_purge/1`.
 *
 * @returns `false` if a process runs it: then nothing has changed. Parks.
 */
export function softPurge(module: string): Promise<boolean> {
  return change('softPurge', 'soft_purge', module);
}

/**
 * Make the current version of a module old: calls into it raise `undef`, processes that run it go on.
 * `code:delete/1`.
 *
 * @returns `false` if there is no such module, or it has an old version that was not purged. Parks.
 */
export function deleteModule(module: string): Promise<boolean> {
  return change('deleteModule', 'delete', module);
}

/** The modules that have a current or an old version. `code:all_loaded/0`. */
export function loaded(): ModuleInfo[] {
  return [...runningScheduler('code.loaded').code.modules()];
}

/** One module; `undefined` if it has no version. `Module:module_info/0`. */
export function moduleInfo(module: string): ModuleInfo | undefined {
  checkText('code.moduleInfo: module', 'the name of a module', module);
  return runningScheduler('code.moduleInfo').code.moduleInfo(module);
}

/**
 * The live module of a name, as `import * as m` gives it: so what is named in data can be called. In Erlang a
 * module is its name: `Module:function(…)`. `undefined` if it is not loaded.
 */
export function namespace(module: string): Readonly<Record<string, unknown>> | undefined {
  checkText('code.namespace: module', 'the name of a module', module);
  const info = runningScheduler('code.namespace').code.moduleInfo(module);
  if (info === undefined || info.version === null) return undefined;
  return tableOfModule(module) as Readonly<Record<string, unknown>>;
}

/** Has the module an old version? `erlang:check_old_code/1`. */
export function checkOldCode(module: string): boolean {
  checkText('code.checkOldCode: module', 'the name of a module', module);
  const info = runningScheduler('code.checkOldCode').code.moduleInfo(module);
  return info !== undefined && info.oldVersion !== null;
}

/**
 * Does the process run old code of the module: is one of its frames in a version that is not current any
 * more? A function that it merely holds is no frame. `erlang:check_process_code/2`.
 *
 * @returns `false` also for a process that is gone. Parks, if the process is on another scheduler.
 */
export function checkProcessCode(pid: Pid<never>, module: string): Promise<boolean> {
  const proc = runningProcess('code.checkProcessCode');
  const scheduler = runningScheduler('code.checkProcessCode');
  checkPid('code.checkProcessCode', pid);
  checkText('code.checkProcessCode: module', 'the name of a module', module);
  const target = scheduler.processes.find(pid);
  const channel = target === null ? scheduler.channelTo(pid) : undefined;
  if (channel === undefined) {
    const runs = target !== null && scheduler.code.runsOld(target, module);
    return finished(runs) as Task<boolean> as unknown as Promise<boolean>;
  }
  const outcome = pendingTask<boolean>(proc);
  request(scheduler, channel, pid, 'runs_old', module, (runs) =>
    complete(outcome as Task, runs === true, false),
  );
  return outcome as unknown as Promise<boolean>;
}

function change(
  what: string,
  op: 'purge' | 'soft_purge' | 'delete',
  module: string,
): Promise<boolean> {
  checkText(`code.${what}: module`, 'the name of a module', module);
  return ask(`code.${what}`, { op, module });
}

function ask<T>(what: string, asked: CodeRequest): Promise<T> {
  const proc = runningProcess(what);
  const { codeInbox } = runningScheduler(what);
  if (codeInbox === null) throw badarg(what, 'a machine with a code server', 'none');
  context.budget -= 1;
  const outcome = pendingTask<T>(proc);
  codeInbox.ask(asked, (answer) => {
    const value = answer.ok ? answer.value : loadError(answer.error);
    complete(outcome as Task, value, !answer.ok);
  });
  return outcome as unknown as Promise<T>;
}

/** The error in the process that asked, with all that the code server said of it. */
function loadError(data: unknown): Error {
  const { message, ...details } = data as { readonly message: string };
  return Object.assign(new Error(message), details, { name: 'LoadError' });
}

function checkText(what: string, expected: string, text: unknown): void {
  if (typeof text !== 'string' || text === '') throw badarg(what, expected, text);
}
