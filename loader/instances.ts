/**
 * Instances: which version of which module a function, and with it a process, belongs to.
 *
 * A process runs a version if one of its frames does, or if it was started with one of its functions and
 * has not begun (code-uses.ts).
 *
 * Source: OTP, "code", `check_process_code`, `check_old_code`.
 */

import type { CodeInstance } from '../runtime/code-instance.js';
import {
  ExportFun,
  exportedFun,
  type FunVersion,
  funOf,
  stubOf,
  VersionFun,
} from '../runtime/funs.js';
import type { FunctionName } from '../runtime/hosting.js';
import { FRESH, type Process } from '../runtime/process.js';
import { lookAtUses, type Uses } from './code-uses.js';

export type AnyFunction = (...args: never[]) => unknown;

/** The module and export name by which another scheduler finds the function. */
export function functionName(fn: unknown): FunctionName | undefined {
  const fun = typeof fn === 'function' ? funOf(fn as AnyFunction) : undefined;
  return fun instanceof ExportFun ? fun : undefined;
}

export class Instances {
  /** Of exported functions. */
  readonly #ofFunction: WeakMap<object, CodeInstance> = new WeakMap();
  /** Of lifted ones, by the functions as values of their version. */
  readonly #ofFuns: WeakMap<FunVersion, CodeInstance> = new WeakMap();
  readonly #ofScript: (script: string) => CodeInstance | undefined;

  /** @param ofScript by the name of the script that a frame is in */
  constructor(ofScript: (script: string) => CodeInstance | undefined) {
    this.#ofScript = ofScript;
  }

  /** A function that is exported again belongs to the module that has it first. */
  add(fn: AnyFunction, instance: CodeInstance): void {
    if (!this.#ofFunction.has(fn)) this.#ofFunction.set(fn, instance);
  }

  addFuns(funs: FunVersion, instance: CodeInstance): void {
    this.#ofFuns.set(funs, instance);
  }

  /** Is a frame of the process in a version of the module that is not current any more? */
  runsOld(proc: Process, module: string): boolean {
    return this.#uses().runs(proc, (one) => one.module === module && one.isPast);
  }

  /** Those of the processes whose frames are in a version of the module that is not current any more. */
  runningOld(processes: Iterable<Process>, module: string): Process[] {
    return this.running(processes, (one) => one.module === module && one.isPast);
  }

  /** Does any of them? Stops at the first. */
  anyRunsOld(processes: Iterable<Process>, module: string): boolean {
    const uses = this.#uses();
    for (const proc of processes)
      if (uses.runs(proc, (one) => one.module === module && one.isPast)) return true;
    return false;
  }

  /**
   * Processes are known by the function they were started with, wherever they have got to. Of a version that
   * goes, only its name is kept: the function would keep the whole version in memory.
   */
  releaseEntry(proc: Process, module: string): void {
    if (proc.status === FRESH) return;
    const instance = this.#ofEntry(proc.entry);
    if (instance === undefined || instance.module !== module || !instance.isPast) return;
    const known = functionName(proc.entry);
    const { name } = proc.entry;
    proc.entry =
      known === undefined ? stubOf(name, () => {}) : exportedFun(known.module, known.name);
  }

  /** Those that have a frame in, or were started with a function of, a version that is meant. */
  running(processes: Iterable<Process>, isMeant: (instance: CodeInstance) => boolean): Process[] {
    const uses = this.#uses();
    const found: Process[] = [];
    for (const proc of processes) if (uses.runs(proc, isMeant)) found.push(proc);
    return found;
  }

  #uses(): Uses {
    return lookAtUses((fn) => this.#ofEntry(fn as AnyFunction), this.#ofScript);
  }

  #ofEntry(fn: AnyFunction): CodeInstance | undefined {
    const fun = funOf(fn);
    return fun instanceof VersionFun ? this.#ofFuns.get(fun.version) : this.#ofFunction.get(fn);
  }
}
