/**
 * Functions as values: what makes a function fit to be sent, and what it becomes where it arrives.
 *
 * Two kinds of functions can be in a message:
 *  - one that a module exports: it is sent by name, and what arrives calls the current version;
 *  - one of a version of a module: an inline function that the compiler lifted, with copies of the
 *    variables it captures, or a function of the module's top level. It keeps running that version.
 * All others are closures over variables that another process must not reach, and are refused.
 *
 * Invariants:
 *  1. What a function is, is kept in a private field of the function (or in a weak map, for functions
 *     that others made): module code can neither read nor forge it. The field costs 15 ns where an entry
 *     of a weak map costs 600.
 *  2. No function object is shared by two processes unless it is frozen and captures nothing.
 *  3. A function of a version that this thread does not have (purged, or never loaded here, as on a
 *     scheduler that was replaced) can be received and sent on; calling it raises `badfun`.
 *
 * Source: OTP Reference Manual, "Fun Expressions", `erlang:fun_info/1`; SEMANTICS 8.2, 8.3.
 */

import { ProcessError } from './errors.js';
import { type TableSource, useTables } from './module-tables.js';

export type AnyFunction = (...args: never[]) => unknown;

/** The functions of one version of a module on this thread. */
export interface FunVersion {
  readonly module: string;
  readonly version: string;
  /** The function at `index` on its captured values, which it takes over. */
  make(index: number, captures: readonly unknown[]): AnyFunction;
  /** What the captured values are called in the source. */
  captureNames(index: number): readonly string[];
  /** What the function is called in crash reports. */
  label(index: number): string;
  /** One object for all functions that `make` gives for this index. */
  key(index: number): object;
}

/** The code of this thread, as functions that arrive need it. */
export interface FunCode extends TableSource {
  lookupFuns(module: string, version: string): FunVersion | undefined;
  /** The function that a name reaches now. */
  lookup(module: string, name: string): AnyFunction | undefined;
}

let code: FunCode | null = null;

/** Tell this thread where functions are found. A thread that never does, as the host's, has stubs. */
export function useFunCode(given: FunCode): void {
  code = given;
  useTables(given);
}

/** A function of one version of a module. */
export class VersionFun {
  readonly version: FunVersion;
  readonly index: number;
  readonly captures: readonly unknown[];
  /** Made for a spawn, of variables that are not copied yet: see `ModuleFuns.entry`. */
  readonly borrowed: boolean;

  constructor(
    version: FunVersion,
    index: number,
    captures: readonly unknown[],
    borrowed: boolean = false,
  ) {
    this.version = version;
    this.index = index;
    this.captures = captures;
    this.borrowed = borrowed;
  }
}

/** An exported function, by name. */
export class ExportFun {
  readonly module: string;
  readonly name: string;

  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }
}

export type Fun = VersionFun | ExportFun;

class Returned {
  constructor(target: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is how a private field gets on a function
    return target;
  }
}

class Stamp extends Returned {
  readonly #fun: Fun;

  private constructor(target: AnyFunction, fun: Fun) {
    super(target);
    this.#fun = fun;
  }

  static put<F extends AnyFunction>(target: F, fun: Fun): F {
    new Stamp(target, fun);
    return target;
  }

  static of(target: object): Fun | undefined {
    return #fun in target ? (target as Stamp).#fun : undefined;
  }
}

const sourceOf = Function.prototype.toString;

/** Functions as their module evaluated them. */
const origins = new WeakMap<object, Fun>();

/** Say what a function that was just made is. */
export function stampFun<F extends AnyFunction>(target: F, fun: Fun): F {
  return Stamp.put(target, fun);
}

/** What a function is that can be sent; `undefined` for a closure. Cost: some 10 ns. */
export function funOf(value: AnyFunction): Fun | undefined {
  return Stamp.of(value) ?? origins.get(value);
}

/** The same for what the compiler lifted, without a look at anything else. */
export function liftedFun(value: AnyFunction): VersionFun | undefined {
  const fun = Stamp.of(value);
  return fun instanceof VersionFun ? fun : undefined;
}

/** The object that stands for an entry function where something is remembered of it. */
export function entryKey(entry: AnyFunction): object {
  const fun = liftedFun(entry);
  return fun === undefined ? entry : fun.version.key(fun.index);
}

/** Note under which name a module exports a function. The first name that is noted counts. */
export function declareExport(value: AnyFunction, module: string, name: string): void {
  if (origins.get(value) instanceof ExportFun || isClass(value)) return;
  origins.set(value, new ExportFun(module, name));
}

/** Note that this is function `index` of a version: one of the module's top level. */
export function declareFun(value: AnyFunction, version: FunVersion, index: number): void {
  if (!origins.has(value)) origins.set(value, new VersionFun(version, index, []));
}

/** A class without its `new` is of no use, and its statics would be shared. */
function isClass(value: AnyFunction): boolean {
  return (
    Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false &&
    /^class\b/.test(sourceOf.call(value))
  );
}

const exportStubs = new Map<string, AnyFunction>();

/** A function that calls what `name` reaches at that moment. One for each name on this thread. */
export function exportedFun(module: string, name: string): AnyFunction {
  const id = `${module}\n${name}`;
  let stub = exportStubs.get(id);
  if (stub === undefined) {
    stub = stubOf(name, function exported(this: unknown, ...args: never[]): unknown {
      return Reflect.apply(reached(module, name), this, args);
    });
    exportStubs.set(id, Object.freeze(stampFun(stub, new ExportFun(module, name))));
  }
  return stub;
}

function reached(module: string, name: string): AnyFunction {
  if (code === null) throw notHere(`${module}.${name}`);
  const current = code.lookup(module, name);
  if (current === undefined) {
    throw new ProcessError('undef', `${module}.${name} is not an exported function`);
  }
  return current;
}

/** A function that arrived from another thread, with captured values that nobody else holds. */
export function receivedFun(
  module: string,
  version: string,
  index: number,
  captures: readonly unknown[],
): AnyFunction {
  const here = code?.lookupFuns(module, version) ?? new AbsentVersion(module, version);
  return here.make(index, captures);
}

/** A version that is not on this thread. */
class AbsentVersion implements FunVersion {
  readonly module: string;
  readonly version: string;

  constructor(module: string, version: string) {
    this.module = module;
    this.version = version;
  }

  make(index: number, captures: readonly unknown[]): AnyFunction {
    const { module, version } = this;
    const name = this.label(index);
    const stub = stubOf(name, function absent(this: unknown, ...args: never[]): unknown {
      if (code === null) throw notHere(`${name} of ${module}@${version}`);
      const found = code.lookupFuns(module, version);
      if (found === undefined) throw badfun(module, version, name);
      return Reflect.apply(found.make(index, captures), this, args);
    });
    return Object.freeze(stampFun(stub, new VersionFun(this, index, captures)));
  }

  captureNames(): readonly string[] {
    return [];
  }

  label(index: number): string {
    return `fun-${index}`;
  }

  key(): object {
    return this;
  }
}

/** What a function is called in reports: `room.join`, `room.start/fun-2`. */
export function funName(fun: Fun): string {
  if (fun instanceof ExportFun) return `${fun.module}.${fun.name}`;
  return `${fun.version.module}.${fun.version.label(fun.index)}`;
}

/** Give a function of the machine the name that a stack or an inspection shows. */
export function stubOf(
  name: string,
  call: (this: unknown, ...args: never[]) => unknown,
): AnyFunction {
  return Object.defineProperty(call as AnyFunction, 'name', { value: name });
}

export function badfun(module: string, version: string, label: string): ProcessError {
  return new ProcessError(
    'badfun',
    `${label} is a function of ${module}@${version}, a version that is no longer loaded: get the function anew from current code`,
  );
}

function notHere(what: string): Error {
  return new Error(
    `${what} runs in processes of the machine, not in the host program: pass it back with vm.run, vm.spawn or vm.send`,
  );
}

/** Nothing that two processes could share. */
export function isScalar(value: unknown): boolean {
  const kind = typeof value;
  return value === null || (kind !== 'object' && kind !== 'function' && kind !== 'symbol');
}
