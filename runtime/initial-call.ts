/** Initial call: what a process runs, by name, and which version of which module that is. */

import { funName, funOf, VersionFun } from './funs.js';
import type { CodeLookup } from './hosting.js';
import type { Process } from './process.js';

/** Where `tsvm/proc-lib` keeps it in the dictionary of a process, as OTP does. */
const INITIAL_CALL = '$initial_call';

/** `module.function` of the entry, or the function's own name where it is a closure. */
export function initialCall(proc: Process): string {
  const own = proc.extra?.dictionary?.get(INITIAL_CALL);
  if (typeof own === 'string') return own;
  const fun = funOf(proc.entry);
  if (fun !== undefined) return funName(fun);
  return proc.entry.name === '' ? '(anonymous)' : proc.entry.name;
}

/** A module and its version, where it is loaded. */
export interface RunModule {
  readonly module: string | null;
  readonly version: string | null;
}

/**
 * The module that a process is an instance of: the callback module of a server, else the one of its
 * initial call. An inline function stays with the version that made it, all others are current.
 */
export function moduleOf(proc: Process, code: CodeLookup): RunModule {
  const told = proc.extra?.crashDetails?.['module'];
  const own = proc.extra?.dictionary?.get(INITIAL_CALL);
  const fun = funOf(proc.entry);
  if (typeof told !== 'string' && typeof own !== 'string') {
    if (fun instanceof VersionFun)
      return { module: fun.version.module, version: fun.version.version };
    if (fun === undefined) return { module: null, version: null };
  }
  const named =
    typeof own === 'string' ? own.slice(0, Math.max(0, own.lastIndexOf('.'))) : undefined;
  const module = typeof told === 'string' ? told : (named ?? (fun as { module: string }).module);
  if (module === '') return { module: null, version: null };
  return { module, version: code.moduleInfo(module)?.version ?? null };
}
