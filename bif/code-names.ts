/**
 * Names of code: by which name a function or a module is found.
 *
 * Source: OTP, `erlang:fun_info/2`.
 */

import { type AnyFunction, ExportFun, funOf } from '../runtime/funs.js';
import { moduleOfTable } from '../runtime/module-tables.js';

export interface ExportName {
  readonly module: string;
  /** `null`: the module itself. */
  readonly name: string | null;
}

/**
 * The name under which any scheduler finds a value: module and name of an exported function; the
 * module alone (`name: null`) for a module, as `import * as m` gives it. undefined for all else.
 */
export function exportName(value: unknown): ExportName | undefined {
  if (typeof value === 'function') {
    const fun = funOf(value as AnyFunction);
    return fun instanceof ExportFun ? { module: fun.module, name: fun.name } : undefined;
  }
  const module = typeof value === 'object' && value !== null ? moduleOfTable(value) : undefined;
  return module === undefined ? undefined : { module, name: null };
}
