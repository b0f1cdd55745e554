/**
 * Code table: the modules of one scheduler thread, in at most two versions each.
 *
 * Loading has two phases. `prepare` compiles and evaluates a version beside the current one; only
 * `commit` makes it current, `abort` forgets it. A module that is loaded for the first time fills its
 * (so far empty) table at `prepare`, so that the others of its set can be evaluated against it.
 *
 * Invariants:
 *  1. Until `commit`, nothing that runs sees a version that replaces another. While further modules
 *     of the same load are evaluated, and only then, the tables show the prepared ones.
 *  2. `prepare` that throws leaves everything as it was.
 *  3. Of each module at most one version is current and one is old. Who commits a third has seen to it that
 *     no process runs the old one (`purge`); after that nothing here refers to it, so its memory is freed.
 *
 * Source: OTP Reference Manual, "Compilation and Code Loading" › "Code Replacement".
 */

import { isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isModuleNamespaceObject } from 'node:util/types';
import { compileFunction } from 'node:vm';
import { CodeInstance, instanceOf } from '../runtime/code-instance.js';
import { describe } from '../runtime/errors.js';
import {
  declareExport,
  ExportFun,
  exportedFun,
  type FunVersion,
  funOf,
  stubOf,
  VersionFun,
} from '../runtime/funs.js';
import type { CodeLookup, FunctionName, ModuleInfo } from '../runtime/hosting.js';
import type { LogOrigin } from '../runtime/log-config.js';
import { type LiftedFunction, ModuleFuns } from '../runtime/module-funs.js';
import { declareTable } from '../runtime/module-tables.js';
import { FRESH, type Process } from '../runtime/process.js';
import type { CallPattern } from '../runtime/trace-event.js';
import type { CallHook } from '../runtime/tracing.js';
import { lookAtUses, type Uses } from './code-uses.js';
import { Constants, type Refusal } from './constants.js';
import {
  BuildFormatError,
  IsolationError,
  LoadError,
  MissingImportError,
  ModuleEvaluationError,
  ModuleSyntaxError,
  OnLoadError,
  placed,
} from './errors.js';
import {
  createTable,
  type ExportTable,
  exportedFunction,
  exportedNames,
  hasName,
  setLive,
  setStub,
  setValue,
} from './export-table.js';
import { type CompiledModule, FORMAT_VERSION, scriptName } from './module.js';
import type { ModuleFacts, RunOutcome } from './scheduler-code.js';
import { callerIn, SourcePositions, userPositionOf } from './source-positions.js';
import { resolveSpecifier } from './specifier.js';
import { isTraced, tracedExport } from './traced-calls.js';
import { LoadGate, waitingCall } from './waiting-call.js';

/** What Node's `createRequire(file)` gives. */
export interface NodeRequire {
  (specifier: string): unknown;
  resolve(specifier: string): string;
}

export interface CodeTableOptions {
  /** `$rt` of an instance, see runtime/module-runtime.ts. */
  readonly runtimeFor: (instance: CodeInstance) => object;
  /** What `import … from 'tsvm'` gives. */
  readonly bifs: object;
  readonly nodeRequire: (fromFile: string) => NodeRequire;
}

export interface ModuleVersion {
  readonly name: string;
  readonly version: string;
}

type AnyFunction = (...args: never[]) => unknown;

interface Evaluated {
  readonly compiled: CompiledModule;
  readonly instance: CodeInstance;
  /** Its functions as values, if it has any. */
  readonly funs: ModuleFuns | null;
  /** The load that it was prepared for. */
  readonly load: number;
  readonly values: ReadonlyMap<string, unknown>;
  readonly live: ReadonlyMap<string, () => unknown>;
  readonly stars: readonly { readonly table: ExportTable; readonly module: string | null }[];
}

interface Entry {
  readonly name: string;
  readonly table: ExportTable;
  current: Evaluated | null;
  prepared: Evaluated | null;
  /** The version before, until it is purged. */
  old: Evaluated | null;
  /** Shut while calls have to wait for the first `onLoad`. */
  gate: LoadGate | null;
}

/** What `module` is in module code; see module.ts. */
interface ModuleObject {
  readonly meta: Readonly<Record<string, string>>;
  define(getters: Record<string, () => unknown>, live: readonly string[]): void;
  star(table: ExportTable, module?: string): void;
  constants(
    values: Readonly<Record<string, unknown>>,
    places: Readonly<Record<string, readonly [line: number, column: number]>>,
    foreign: readonly unknown[],
  ): void;
  funs(lifted: readonly LiftedFunction[]): ModuleFuns;
}

export class CodeTable implements CodeLookup {
  readonly positions: SourcePositions = new SourcePositions();
  readonly #runtimeFor: CodeTableOptions['runtimeFor'];
  readonly #bifs: object;
  readonly #nodeRequire: CodeTableOptions['nodeRequire'];
  readonly #entries: Map<string, Entry> = new Map();
  /** The entries that have something prepared. */
  readonly #prepared: Set<Entry> = new Set();
  /** The entries whose current version exports all that another module does. */
  readonly #starred: Set<Entry> = new Set();
  /** The instances that exported functions belong to, and those that lifted ones do. */
  readonly #instances: WeakMap<object, CodeInstance> = new WeakMap();
  readonly #funInstances: WeakMap<FunVersion, CodeInstance> = new WeakMap();
  readonly #esmViews: WeakMap<object, object> = new WeakMap();
  readonly #constants: Constants = new Constants();
  /** The calls that traces want to see. */
  #traced: { readonly patterns: readonly CallPattern[]; readonly hook: CallHook | null } = {
    patterns: [],
    hook: null,
  };

  constructor(options: CodeTableOptions) {
    this.#runtimeFor = options.runtimeFor;
    // A plain frozen object: properties of a module namespace are slower to read.
    this.#bifs = Object.freeze({ ...options.bifs });
    this.#constants.leave(this.#bifs);
    for (const each of Object.values(this.#bifs)) this.#leaveBif(each);
    this.#nodeRequire = options.nodeRequire;
  }

  /** Modules hold the very functions of the machine, and the classes of its errors. */
  #leaveBif(value: unknown): void {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return;
    this.#constants.leave(value);
    // A namespace such as `code` is read-only already.
    if (isModuleNamespaceObject(value)) {
      for (const each of Object.values(value)) this.#leaveBif(each);
      return;
    }
    const prototype: unknown = typeof value === 'function' && value.prototype;
    if (typeof prototype === 'object' && prototype !== null) Object.freeze(prototype);
    Object.freeze(value);
  }

  // ---- looking ------------------------------------------------------------------------------------

  /** The live export table of a module; empty as long as it has not been loaded. */
  table(name: string): ExportTable {
    return this.#entry(name).table;
  }

  /** The current version of each module. */
  get versions(): ModuleVersion[] {
    const found: ModuleVersion[] = [];
    for (const { name, current } of this.#entries.values()) {
      if (current !== null) found.push({ name, version: current.compiled.version });
    }
    return found;
  }

  /** An exported function of the current version; of one whose first `onLoad` runs, a call that waits. */
  lookup(module: string, name: string): AnyFunction | undefined {
    const entry = this.#entries.get(module);
    return entry && (entry.current ?? entry.gate) !== null
      ? exportedFunction(entry.table, name)
      : undefined;
  }

  /** The module and export name by which another scheduler finds the function. */
  functionName(fn: unknown): FunctionName | undefined {
    const fun = typeof fn === 'function' ? funOf(fn as AnyFunction) : undefined;
    return fun instanceof ExportFun ? fun : undefined;
  }

  /** The functions as values of a version that is current, prepared or old here. */
  lookupFuns(module: string, version: string): FunVersion | undefined {
    return this.#instanceOf(module, version)?.funs ?? undefined;
  }

  modules(): ModuleInfo[] {
    const found: ModuleInfo[] = [];
    for (const name of this.#entries.keys()) {
      const info = this.moduleInfo(name);
      if (info !== undefined) found.push(info);
    }
    return found;
  }

  caller(): LogOrigin | undefined {
    return callerIn(this.positions);
  }

  moduleInfo(module: string): ModuleInfo | undefined {
    const { current = null, old = null } = this.#entries.get(module) ?? {};
    const shown = current ?? old;
    if (shown === null) return undefined;
    return {
      module,
      version: current?.compiled.version ?? null,
      oldVersion: old?.compiled.version ?? null,
      exports: current === null ? [] : [...current.compiled.exports],
      file: shown.compiled.file,
    };
  }

  #instanceOf(module: string, version: string): Evaluated | undefined {
    const { current = null, prepared = null, old = null } = this.#entries.get(module) ?? {};
    for (const one of [current, prepared, old])
      if (one !== null && one.compiled.version === version) return one;
    return undefined;
  }

  /** What the evaluated module says of itself. `load`: of what is prepared for it, else of what is current. */
  factsOf(module: string, load?: number): ModuleFacts {
    const { current = null, prepared = null } = this.#entries.get(module) ?? {};
    const meant = load === undefined ? current : prepared?.load === load ? prepared : null;
    if (meant === null) return { module, version: undefined, goesDown: false };
    const said = meant.values.get(VERSION);
    const isSaid = typeof said === 'string' || typeof said === 'number';
    const change = meant.values.get(CODE_CHANGE) as { readonly down?: unknown } | undefined;
    return {
      module,
      version: isSaid ? said : meant.compiled.version,
      goesDown: typeof change === 'object' && typeof change.down === 'function',
    };
  }

  // ---- who runs what ------------------------------------------------------------------------------

  runsOld(proc: Process, module: string): boolean {
    return this.#uses().runs(proc, (one) => one.module === module && one.isPast);
  }

  /** Those of the processes whose frames are in a version of the module that is not current any more. */
  runningOld(processes: Iterable<Process>, module: string): Process[] {
    return this.#running(processes, (one) => one.module === module && one.isPast);
  }

  /** Does any of them? Stops at the first. */
  anyRunsOld(processes: Iterable<Process>, module: string): boolean {
    const uses = this.#uses();
    for (const proc of processes)
      if (uses.runs(proc, (one) => one.module === module && one.isPast)) return true;
    return false;
  }

  /** Those that run what was prepared for a load. */
  runningPrepared(processes: Iterable<Process>, load: number): Process[] {
    const prepared = new Set(this.#preparedFor(load).map(({ prepared: { instance } }) => instance));
    return prepared.size === 0 ? [] : this.#running(processes, (one) => prepared.has(one));
  }

  /** Does a generator belong to what is prepared for a load? null: nothing is. */
  isPrepared(load: number): ((generator: object) => boolean) | null {
    const prepared = new Set(this.#preparedFor(load).map(({ prepared: { instance } }) => instance));
    if (prepared.size === 0) return null;
    return (generator) => {
      const instance = instanceOf(generator);
      return instance !== undefined && prepared.has(instance);
    };
  }

  /**
   * Processes are known by the function they were started with, wherever they have got to. Of a version that
   * goes, only its name is kept: the function would keep the whole version in memory.
   */
  releaseEntry(proc: Process, module: string): void {
    if (proc.status === FRESH) return;
    const instance = this.#instanceOfEntry(proc.entry);
    if (instance === undefined || instance.module !== module || !instance.isPast) return;
    const known = this.functionName(proc.entry);
    const { name } = proc.entry;
    proc.entry =
      known === undefined ? stubOf(name, () => {}) : exportedFun(known.module, known.name);
  }

  #running(processes: Iterable<Process>, isMeant: (instance: CodeInstance) => boolean): Process[] {
    const uses = this.#uses();
    const found: Process[] = [];
    for (const proc of processes) if (uses.runs(proc, isMeant)) found.push(proc);
    return found;
  }

  #uses(): Uses {
    return lookAtUses(
      (fn) => this.#instanceOfEntry(fn as AnyFunction),
      (script) => this.#instanceOfScript(script),
    );
  }

  #instanceOfEntry(fn: AnyFunction): CodeInstance | undefined {
    const fun = funOf(fn);
    return fun instanceof VersionFun
      ? this.#funInstances.get(fun.version)
      : this.#instances.get(fn);
  }

  #instanceOfScript(script: string): CodeInstance | undefined {
    for (const { current, old, prepared } of this.#entries.values()) {
      for (const one of [current, old, prepared]) {
        if (one !== null && scriptName(one.compiled.name, one.compiled.version) === script)
          return one.instance;
      }
    }
    return undefined;
  }

  // ---- loading ------------------------------------------------------------------------------------

  /**
   * First phase: compile and evaluate. Prepared again, the module replaces what was prepared.
   *
   * @throws LoadError; nothing has changed then
   */
  prepare(compiled: CompiledModule, load: number = 0): void {
    if (compiled.format !== FORMAT_VERSION) {
      throw new BuildFormatError(
        `module ${compiled.name} has build format ${compiled.format}, this tsvm reads ${FORMAT_VERSION}`,
        { module: compiled.name, file: compiled.file, hint: 'build it again with this tsvm' },
      );
    }
    const entry = this.#entry(compiled.name);
    const hadMap = this.positions.has(scriptName(compiled.name, compiled.version));
    this.positions.add(compiled.name, compiled.version, compiled.file, compiled.map);
    const restore = this.#showPrepared(entry, load);
    let evaluated: Evaluated;
    try {
      evaluated = this.#evaluate(compiled, load);
    } catch (error) {
      const loadError = this.#errorOf(compiled, error);
      if (!hadMap) this.#forgetMap(entry, compiled.version);
      throw loadError;
    } finally {
      restore();
    }
    entry.prepared = evaluated;
    this.#prepared.add(entry);
    if (entry.current === null) this.#show(entry, evaluated);
  }

  /** The modules of a load that have something to do before they become current. */
  hooksOf(load: number): string[] {
    return this.#preparedFor(load)
      .filter(({ prepared }) => typeof prepared.values.get(ON_LOAD) === 'function')
      .map(({ entry }) => entry.name);
  }

  /** The modules that are prepared for a load, in that order. */
  modulesOf(load: number): string[] {
    return this.#preparedFor(load).map(({ entry }) => entry.name);
  }

  /** A function that the version that is prepared for a load exports. */
  hook(load: number, name: string, key: string = ON_LOAD): AnyFunction | undefined {
    const { prepared } = this.#entry(name);
    const found = prepared?.load === load ? prepared.values.get(key) : undefined;
    return typeof found === 'function' ? (found as AnyFunction) : undefined;
  }

  /** Why a load ends here, as its `onLoad` ended so; `null` if it need not. */
  hookError(load: number, name: string, outcome: RunOutcome): LoadError | null {
    const { prepared } = this.#entry(name);
    if (prepared?.load !== load) return null;
    const { compiled } = prepared;
    const { version, file } = compiled;
    switch (outcome.kind) {
      case 'threw':
        return this.#errorOf(compiled, outcome.error, OnLoadError, 'onLoad: ');
      case 'ended':
        return new OnLoadError(`${name}@${version}: onLoad ended: ${describe(outcome.reason)}`, {
          module: name,
          file,
        });
      case 'returned': {
        if (outcome.value === undefined || outcome.value === 'ok') return null;
        const message = `${name}@${version}: onLoad returned ${describe(outcome.value)}`;
        const hint = "it must return 'ok' or nothing; anything else refuses the load";
        return new OnLoadError(message, { module: name, file, hint });
      }
    }
  }

  /** Let the tables show what is prepared for a load. @returns how to show what is current again */
  showNext(load: number): () => void {
    return this.#showPrepared(null, load);
  }

  /** Let calls of modules that have no version yet wait until `admit`, `commit` or `abort`. */
  hold(load: number, names: readonly string[]): void {
    for (const { entry, prepared } of this.#preparedFor(load)) {
      if (entry.current !== null || entry.gate !== null || !names.includes(entry.name)) continue;
      const gate = new LoadGate();
      entry.gate = gate;
      for (const [key, value] of prepared.values) {
        if (typeof value !== 'function') continue;
        const call = waitingCall(gate, entry.name, entry.table, key, value as AnyFunction);
        declareExport(call, entry.name, key);
        setValue(entry.table, key, call);
      }
    }
  }

  /** The `onLoad` of this module is through; the others of its load may call it. */
  admit(load: number, name: string): void {
    const entry = this.#entry(name);
    if (entry.prepared?.load !== load || entry.gate === null) return;
    this.#show(entry, entry.prepared);
    this.#openGate(entry);
  }

  /** Second phase: make what was prepared for a load current, all of it at once. */
  commitLoad(load: number): void {
    for (const { entry, prepared } of this.#preparedFor(load)) this.#commit(entry, prepared);
  }

  /** The same for one module of whatever load. */
  commit(name: string, version: string): void {
    const entry = this.#entry(name);
    const { prepared } = entry;
    if (prepared?.compiled.version !== version) {
      throw new Error(`commit of ${name}@${version}, which is not prepared`);
    }
    this.#commit(entry, prepared);
  }

  #commit(entry: Entry, prepared: Evaluated): void {
    this.purge(entry.name);
    this.#retire(entry);
    entry.prepared = null;
    this.#prepared.delete(entry);
    entry.current = prepared;
    prepared.instance.state = 'current';
    if (prepared.stars.length > 0) this.#starred.add(entry);
    this.#show(entry, prepared);
    this.#openGate(entry);
    this.#stubMissingImports(prepared.compiled);
    this.#refreshStarsOf(entry.name);
  }

  /** Forget what was prepared for a load. */
  abortLoad(load: number): void {
    for (const { entry } of this.#preparedFor(load)) this.abort(entry.name);
  }

  /** Forget what was prepared. */
  abort(name: string): void {
    const entry = this.#entry(name);
    const { prepared } = entry;
    if (prepared === null) return;
    entry.prepared = null;
    this.#prepared.delete(entry);
    forget(prepared);
    if (entry.current === null) this.#stubAll(entry);
    this.#openGate(entry);
    this.#forgetMap(entry, prepared.compiled.version);
  }

  /** The current version becomes old: calls into the module raise `undef` from now on. */
  remove(name: string): void {
    const entry = this.#entry(name);
    if (entry.current === null) return;
    this.purge(name);
    this.#retire(entry);
    this.#stubAll(entry);
    this.#refreshStarsOf(name);
  }

  /** Forget the old version. The caller has ended the processes that run it. */
  purge(name: string): void {
    const entry = this.#entry(name);
    const { old } = entry;
    if (old === null) return;
    entry.old = null;
    forget(old);
    this.#forgetMap(entry, old.compiled.version);
  }

  #retire(entry: Entry): void {
    const { current } = entry;
    if (current === null) return;
    current.instance.state = 'old';
    entry.old = current;
    entry.current = null;
    this.#starred.delete(entry);
  }

  #openGate(entry: Entry): void {
    const { gate } = entry;
    entry.gate = null;
    gate?.open();
  }

  #preparedFor(load: number): { entry: Entry; prepared: Evaluated }[] {
    const found: { entry: Entry; prepared: Evaluated }[] = [];
    for (const entry of this.#prepared) {
      const { prepared } = entry;
      if (prepared?.load === load) found.push({ entry, prepared });
    }
    return found;
  }

  #entry(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      const table = createTable();
      this.#constants.leave(table);
      entry = { name, table, current: null, prepared: null, old: null, gate: null };
      this.#entries.set(name, entry);
      declareTable(entry.table, name);
    }
    return entry;
  }

  #forgetMap({ name, current, prepared, old }: Entry, version: string): void {
    const kept = [current, prepared, old].some((one) => one?.compiled.version === version);
    if (!kept) this.positions.remove(name, version);
  }

  /** Let the tables show what is prepared for the same load, for the time of an evaluation. */
  #showPrepared(except: Entry | null, load: number): () => void {
    const shown: Entry[] = [];
    for (const entry of this.#prepared) {
      const { prepared, current } = entry;
      if (entry === except || current === null || prepared?.load !== load) continue;
      this.#show(entry, prepared);
      shown.push(entry);
    }
    return () => {
      for (const entry of shown) this.#show(entry, entry.current as Evaluated);
    };
  }

  #evaluate(compiled: CompiledModule, load: number): Evaluated {
    const { name, version, code, file } = compiled;
    const instance = new CodeInstance(name, version);
    let getters: Record<string, () => unknown> = {};
    let liveNames: readonly string[] = [];
    let funs: ModuleFuns | null = null;
    const stars: { table: ExportTable; module: string | null }[] = [];
    let meta: ModuleObject['meta'] | null = null;
    const module: ModuleObject = {
      get meta() {
        meta ??= moduleMeta(compiled);
        return meta;
      },
      define(given, live) {
        getters = given;
        liveNames = live;
      },
      star(table, from) {
        stars.push({ table, module: from ?? null });
      },
      constants: (values, places, foreign) => {
        const refusal = this.#constants.freeze({ values, foreign, code });
        if (refusal !== null) throw isolationError(compiled, refusal, places[refusal.name]);
      },
      funs: (lifted) => {
        funs = new ModuleFuns(name, version, lifted);
        this.#funInstances.set(funs, instance);
        return funs;
      },
    };
    const run = compileFunction(code, ['exports', 'require', 'module', '$rt'], {
      filename: scriptName(name, version),
    }) as (exports: object, require: unknown, module: ModuleObject, runtime: object) => void;
    run({}, this.#require(name, file), module, this.#runtimeFor(instance));
    const values = new Map<string, unknown>();
    const live = new Map<string, () => unknown>();
    for (const [key, get] of Object.entries(getters)) {
      if (liveNames.includes(key)) live.set(key, get);
      else {
        const value = get();
        values.set(key, value);
        if (typeof value !== 'function') continue;
        declareExport(value as AnyFunction, name, key);
        if (!this.#instances.has(value)) this.#instances.set(value, instance);
      }
    }
    return { compiled, instance, load, values, live, stars, funs };
  }

  #require(from: string, file: string): unknown {
    let native: NodeRequire | null = null;
    const node = (): NodeRequire => {
      native ??= this.#nodeRequire(file);
      return native;
    };
    const require = (name: string): object => (name === 'tsvm' ? this.#bifs : this.table(name));
    return Object.assign(require, {
      esm: (specifier: string) => this.#esmView(node()(specifier), isBuiltin(specifier)),
      import: (specifier: unknown) => this.#dynamicImport(from, String(specifier), node),
    });
  }

  async #dynamicImport(from: string, specifier: string, node: () => NodeRequire): Promise<object> {
    const resolved = resolveSpecifier(from, specifier);
    if (resolved.kind === 'tsvm') return this.#bifs;
    if (resolved.kind === 'node') {
      // `require` knows no file URLs; `import` does.
      const path = specifier.startsWith('file:') ? specifier : node().resolve(specifier);
      return (await import(/^[./]|^\w:/.test(path) ? pathToFileURL(path).href : path)) as object;
    }
    const entry = resolved.kind === 'module' ? this.#entries.get(resolved.name) : undefined;
    if (entry?.gate) await entry.gate.opened;
    if (!entry?.current) {
      throw new MissingImportError(`${from} imports "${specifier}", which is not loaded`, {
        module: from,
      });
    }
    return entry.table;
  }

  /**
   * What `import` of a CommonJS or built-in module gives in Node: `default` is all of it. Of a built-in
   * module of Node it is the view itself, so that nobody changes `fs` for the whole thread.
   */
  #esmView(value: unknown, builtin: boolean): unknown {
    const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
    if (!isObject) return { default: value };
    if (isModuleNamespaceObject(value)) return value;
    let view = this.#esmViews.get(value as object);
    if (view === undefined) {
      view = {};
      for (const key of Object.getOwnPropertyNames(value)) {
        if (key === 'default') continue;
        const get = (): unknown => (value as Record<string, unknown>)[key];
        Object.defineProperty(view, key, { get, enumerable: true });
      }
      const all = builtin && isPlain(value) ? view : value;
      Object.defineProperty(view, 'default', { value: all, enumerable: true });
      Object.freeze(view);
      this.#esmViews.set(value as object, view);
    }
    return view;
  }

  /** Make the table of a module say what a version exports. */
  #show(entry: Entry, { values, live, stars }: Evaluated): void {
    const { table, name } = entry;
    const gone = new Set(exportedNames(table));
    for (const [key, value] of values) {
      setValue(table, key, value);
      gone.delete(key);
    }
    for (const [key, get] of live) {
      setLive(table, key, get);
      gone.delete(key);
    }
    for (const star of stars) {
      for (const key of exportedNames(star.table)) {
        if (key === 'default' || values.has(key) || live.has(key)) continue;
        setLive(table, key, () => star.table[key]);
        gone.delete(key);
      }
    }
    for (const key of gone) setStub(table, name, key);
    this.#trace(entry);
  }

  /** Put wrappers in the place of what is traced. */
  #trace({ name, table, current, prepared }: Entry): void {
    const { patterns, hook } = this.#traced;
    if (hook === null || !patterns.some(({ module }) => module === name)) return;
    for (const key of exportedNames(table)) {
      const { value } = Object.getOwnPropertyDescriptor(table, key) ?? {};
      if (value === undefined || !isTraced(patterns, name, key)) continue;
      const wrapper = tracedExport(`${name}.${key}`, value, hook);
      if (wrapper === value) continue;
      setValue(table, key, wrapper);
      if (typeof wrapper !== 'function') continue;
      declareExport(wrapper as AnyFunction, name, key);
      const instance = (current ?? prepared)?.instance;
      if (instance !== undefined) this.#instances.set(wrapper, instance);
    }
  }

  traceCalls(patterns: readonly CallPattern[], hook: CallHook): void {
    const before = this.#traced.patterns;
    this.#traced = { patterns, hook: patterns.length === 0 ? null : hook };
    const changed = new Set([...before, ...patterns].map(({ module }) => module));
    for (const name of changed) {
      const entry = this.#entries.get(name);
      if (entry?.current) this.#show(entry, entry.current);
    }
  }

  #stubAll({ table, name }: Entry): void {
    for (const key of exportedNames(table)) setStub(table, name, key);
  }

  /** A call of a name that was never there is `undef` too, not a TypeError. */
  #stubMissingImports({ imports }: CompiledModule): void {
    for (const { module, names } of imports) {
      if (module === null) continue;
      const table = this.table(module);
      for (const name of names) if (!hasName(table, name)) setStub(table, module, name);
    }
  }

  #refreshStarsOf(name: string, seen: Set<string> = new Set()): void {
    seen.add(name);
    for (const entry of this.#starred) {
      if (seen.has(entry.name) || !entry.current?.stars.some(({ module }) => module === name))
        continue;
      this.#show(entry, entry.current);
      this.#refreshStarsOf(entry.name, seen);
    }
  }

  #errorOf(
    compiled: CompiledModule,
    error: unknown,
    Kind: typeof OnLoadError | typeof ModuleEvaluationError = ModuleEvaluationError,
    what: string = '',
  ): LoadError {
    if (error instanceof LoadError) return error;
    const { name, version, file } = compiled;
    const found = userPositionOf(error);
    const message =
      error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
    const causeStack = error instanceof Error ? String(error.stack) : undefined;
    if (found === undefined) {
      const isSyntax = Kind === ModuleEvaluationError && error instanceof SyntaxError;
      const Plain = isSyntax ? ModuleSyntaxError : Kind;
      return new Plain(`${name}@${version}: ${what}${message}`, { module: name, file, causeStack });
    }
    const source = this.positions.source(found.script) ?? '';
    return new Kind(
      `${name}@${version}: ${what}${message}`,
      placed(source, found.position, { module: name, causeStack }),
    );
  }
}

function isolationError(
  { name: module, file, map }: CompiledModule,
  { path, what }: Refusal,
  place: readonly [number, number] | undefined,
): IsolationError {
  const [source = ''] = (JSON.parse(map) as { sourcesContent?: string[] }).sourcesContent ?? [];
  const where = place === undefined ? { file } : { file, line: place[0], column: place[1] };
  return new IsolationError(
    `"${path}" is ${what}: all processes of a scheduler would share it`,
    placed(source, where, {
      module,
      hint: 'keep it in a process, in a table, or in a shared counter; if it is a resource of each scheduler: `// @tsvm per-scheduler: why` before it',
    }),
  );
}

/** The instance is gone: its functions raise `badfun` from now on, wherever they are kept. */
function forget({ instance, funs }: Evaluated): void {
  instance.state = 'purged';
  if (funs !== null) funs.gone = true;
}

/** The export that runs before its module becomes current. */
export const ON_LOAD = 'onLoad';
/** The export that says which version a module is; `-vsn` in Erlang. */
const VERSION = 'version';
/** The export that translates states. */
const CODE_CHANGE = 'codeChange';

function isPlain(value: unknown): boolean {
  const prototype: unknown = typeof value === 'object' && Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function moduleMeta({ name, version, file }: CompiledModule): Readonly<Record<string, string>> {
  const url = pathToFileURL(file).href;
  return Object.freeze({ url, filename: file, dirname: dirname(file), module: name, version });
}
