/**
 * Functions as values.
 *
 * Source: OTP Reference Manual, "Fun Expressions"; SEMANTICS 8.2, 8.3.
 */

import { badarg, ProcessError } from '../runtime/errors.js';
import { type AnyFunction, ExportFun, exportedFun, funOf, liftedFun } from '../runtime/funs.js';

/**
 * Make a function that can be sent, kept and called on any scheduler: `fun … end` of Erlang.
 *
 * An inline function takes along copies of the variables it captures, made now; one of the top level of
 * its module captures nothing. Both belong to the version of the module that made them, and go on running
 * its code. An exported function is called by its name, so in current code: `fun Module:Name/Arity`.
 *
 * @param f a function literal, or the name of a function of the module; the compiler does the rest
 * @returns a function with the same parameters and result
 * @throws DataCloneError when a captured variable cannot be copied: `captured config.cb is a function`
 */
export function fn<F extends (...args: never[]) => unknown>(f: F): F {
  if (typeof f !== 'function') throw badarg('fn: f', 'a function', f);
  const fun = funOf(f as AnyFunction);
  if (fun === undefined) {
    throw new ProcessError(
      'badarg',
      `fn: ${f.name || 'the function'} is a closure that was made elsewhere: write fn(…) around the function itself, where it is made`,
    );
  }
  if (fun instanceof ExportFun) return exportedFun(fun.module, fun.name) as F;
  return liftedFun(f as AnyFunction) === undefined ? (fun.version.make(fun.index, []) as F) : f;
}
