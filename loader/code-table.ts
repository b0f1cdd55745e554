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

import { type CodeInstance, instanceOf } from '../runtime/code-instance.js';
import { describe } from '../runtime/errors.js';
import { declareExport, type FunVersion } from '../runtime/funs.js';
import type { CodeLookup, FunctionName, ModuleInfo } from '../runtime/hosting.js';
import type { LogOrigin } from '../runtime/log-config.js';
import { declareTable } from '../runtime/module-tables.js';
import type { Process } from '../runtime/process.js';
import type { CallPattern } from '../runtime/trace-event.js';
import type { CallHook } from '../runtime/tracing.js';
import { BuildFormatError, type LoadError, OnLoadError } from './errors.js';
import { type Evaluated, Evaluation, type EvaluationOptions, forget } from './evaluation.js';
import { evaluationError } from './evaluation-errors.js';
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
import { type AnyFunction, functionName, Instances } from './instances.js';
import { type CompiledModule, FORMAT_VERSION, scriptName } from './module.js';
import type { ModuleFacts, RunOutcome } from './scheduler-code.js';
import { callerIn, SourcePositions } from './source-positions.js';
import { isTraced, tracedExport } from './traced-calls.js';
import { LoadGate, waitingCall } from './waiting-call.js';

export interface ModuleVersion {
  readonly name: string;
  readonly version: string;
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

export class CodeTable implements CodeLookup {
  readonly positions: SourcePositions = new SourcePositions();
  /** Who runs which version. */
  readonly instances: Instances = new Instances((script) => this.#instanceOfScript(script));
  readonly #evaluation: Evaluation;
  readonly #entries: Map<string, Entry> = new Map();
  /** The entries that have something prepared. */
  readonly #prepared: Set<Entry> = new Set();
  /** The entries whose current version exports all that another module does. */
  readonly #starred: Set<Entry> = new Set();
  /** The calls that traces want to see. */
  #traced: { readonly patterns: readonly CallPattern[]; readonly hook: CallHook | null } = {
    patterns: [],
    hook: null,
  };

  constructor(options: EvaluationOptions) {
    this.#evaluation = new Evaluation(options, this, this.instances);
  }

  // ---- looking ------------------------------------------------------------------------------------

  /** The live export table of a module; empty as long as it has not been loaded. */
  table(name: string): ExportTable {
    return this.#entry(name).table;
  }

  /** The same once its first `onLoad` is through; undefined: it is not loaded. */
  async loaded(name: string): Promise<ExportTable | undefined> {
    const entry = this.#entries.get(name);
    if (entry?.gate) await entry.gate.opened;
    return entry?.current ? entry.table : undefined;
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

  functionName(fn: unknown): FunctionName | undefined {
    return functionName(fn);
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
    return this.instances.runsOld(proc, module);
  }

  /** Those that run what was prepared for a load. */
  runningPrepared(processes: Iterable<Process>, load: number): Process[] {
    const prepared = new Set(this.#preparedFor(load).map(({ prepared: { instance } }) => instance));
    return prepared.size === 0 ? [] : this.instances.running(processes, (one) => prepared.has(one));
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
      evaluated = this.#evaluation.evaluate(compiled, load);
    } catch (error) {
      const loadError = evaluationError(this.positions, compiled, error);
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
        return evaluationError(this.positions, compiled, outcome.error, OnLoadError, 'onLoad: ');
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
      this.#evaluation.leave(table);
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
      if (instance !== undefined) this.instances.add(wrapper as AnyFunction, instance);
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
}

/** The export that runs before its module becomes current. */
export const ON_LOAD = 'onLoad';
/** The export that says which version a module is; `-vsn` in Erlang. */
const VERSION = 'version';
/** The export that translates states. */
const CODE_CHANGE = 'codeChange';
