/**
 * Module functions: `$funs` in compiled code, the functions that the compiler lifted out of one version
 * of a module.
 *
 *   spawn(async () => send(to, n), …)      spawn($funs.entry(0, [to, n]), …)
 *   fn((x) => x + n)                       fn($funs.value(1, [n]))
 *
 * with, at module level,
 *
 *   function $fun1(n) { return (x) => ($funs.gone && $funs.raise(1), x + n); }
 *
 * Invariants:
 *  1. A number means the same function in every evaluation of the same version.
 *  2. Captured values are copied when the function is made (`value`) or by the spawn it is made for
 *     (`entry`); from then on they belong to that function object alone.
 *  3. Once `gone`, every function of the version that is called raises `badfun`.
 *
 * Source: OTP, "Efficiency Guide" › "Functions" (funs carry a copy of their environment).
 */

import { DataCloneError, rerooted } from './clone-error.js';
import { copy } from './copy.js';
import { declareCoroutines } from './coroutine.js';
import {
  type AnyFunction,
  badfun,
  declareFun,
  type FunVersion,
  isScalar,
  stampFun,
  stubOf,
  VersionFun,
} from './funs.js';

/** One lifted function, as compiled code declares it. */
export interface LiftedFunction {
  /** Gives the function, or all of a group of functions that call each other. */
  readonly make: (...captures: readonly never[]) => AnyFunction | readonly AnyFunction[];
  /** Its position in its group; absent for one that stands alone. */
  readonly at?: number;
  readonly captures: readonly string[];
  /** Does it do nothing but start a coroutine? See `declareCoroutines`. */
  readonly coroutine: boolean;
  readonly label: string;
}

export class ModuleFuns implements FunVersion {
  readonly module: string;
  readonly version: string;
  /** Set when the version is purged. */
  gone = false;
  readonly #lifted: readonly LiftedFunction[];
  readonly #locals: AnyFunction[] = [];
  readonly #stubs: AnyFunction[] = [];

  constructor(module: string, version: string, lifted: readonly LiftedFunction[]) {
    this.module = module;
    this.version = version;
    this.#lifted = lifted;
    for (const each of lifted) if (each.coroutine) declareCoroutines(each);
  }

  /** Called by compiled code at the end of its evaluation: functions of the module's top level. */
  locals(...functions: AnyFunction[]): void {
    for (const each of functions) {
      declareFun(each, this, this.#lifted.length + this.#locals.length);
      this.#locals.push(each);
    }
  }

  /** Called by compiled code where a function becomes a value. @throws DataCloneError */
  value(index: number, captures: readonly unknown[]): AnyFunction {
    return this.make(index, captures.every(isScalar) ? captures : this.#copied(index, captures));
  }

  /** Called by compiled code where a function is the entry of a spawn, which copies it. */
  entry(index: number, captures: readonly unknown[]): AnyFunction {
    return this.#make(index, captures, true);
  }

  /** Called by lifted code whose version is gone. */
  raise(index: number): never {
    throw badfun(this.module, this.version, this.label(index));
  }

  make(index: number, captures: readonly unknown[]): AnyFunction {
    return this.#make(index, captures, false);
  }

  captureNames(index: number): readonly string[] {
    return this.#lifted[index]?.captures ?? [];
  }

  label(index: number): string {
    return this.#lifted[index]?.label ?? this.#local(index).name;
  }

  key(index: number): object {
    return this.#lifted[index] ?? this.#local(index);
  }

  #make(index: number, captures: readonly unknown[], borrowed: boolean): AnyFunction {
    const lifted = this.#lifted[index];
    if (lifted === undefined) return this.#stub(index);
    const made = lifted.make(...(captures as never[]));
    if (typeof made === 'function') {
      return stampFun(made, new VersionFun(this, index, captures, borrowed));
    }
    const at = lifted.at as number;
    for (const [place, each] of made.entries()) {
      stampFun(each, new VersionFun(this, index - at + place, captures, borrowed));
    }
    return made[at] as AnyFunction;
  }

  #local(index: number): AnyFunction {
    return this.#locals[index - this.#lifted.length] as AnyFunction;
  }

  /** A function of the top level as a value: it captures nothing, so all may have the same one. */
  #stub(index: number): AnyFunction {
    const known = this.#stubs[index];
    if (known !== undefined) return known;
    const target = this.#local(index);
    const module = this;
    const stub = stubOf(target.name, function local(this: unknown, ...args: never[]): unknown {
      if (module.gone) module.raise(index);
      return Reflect.apply(target, this, args);
    });
    stampFun(stub, new VersionFun(this, index, []));
    this.#stubs[index] = Object.freeze(stub);
    return stub;
  }

  #copied(index: number, captures: readonly unknown[]): readonly unknown[] {
    try {
      return copy(captures, 'captured') as unknown[];
    } catch (error) {
      if (!(error instanceof DataCloneError)) throw error;
      const [place, at] = /^captured\[(\d+)\]/.exec(error.path) ?? [];
      if (place === undefined) throw error;
      throw rerooted(error, place, `captured ${this.captureNames(index)[Number(at)]}`);
    }
  }
}
