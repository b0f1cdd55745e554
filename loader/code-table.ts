/**
 * Code table: the modules of one scheduler thread.
 *
 * Loading has two phases. `prepare` compiles and evaluates a version beside the current one; only
 * `commit` makes it current, `abort` forgets it. A module that is loaded for the first time fills its
 * (so far empty) table at `prepare`, so that the others of its set can be evaluated against it.
 *
 * Invariants:
 *  1. Until `commit`, nothing that runs sees a version that replaces another. While further modules
 *     of the same set are evaluated, and only then, the tables show the prepared ones.
 *  2. `prepare` that throws leaves everything as it was.
 *  3. At most one version is current; keeping and purging the old one is the next step's work, and
 *     its place is `commit`, where the current version goes out of the table.
 */

import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isModuleNamespaceObject } from 'node:util/types';
import { compileFunction } from 'node:vm';
import { declareExport, ExportFun, type FunVersion, funOf } from '../runtime/funs.js';
import { type LiftedFunction, ModuleFuns } from '../runtime/module-funs.js';
import { Constants, type Refusal } from './constants.js';
import {
  BuildFormatError,
  IsolationError,
  LoadError,
  MissingImportError,
  ModuleEvaluationError,
  ModuleSyntaxError,
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
import { SourcePositions, userPositionOf } from './source-positions.js';
import { resolveSpecifier } from './specifier.js';

/** What Node's `createRequire(file)` gives. */
export interface NodeRequire {
  (specifier: string): unknown;
  resolve(specifier: string): string;
}

export interface CodeTableOptions {
  /** `$rt`, see runtime/coroutine.ts. */
  readonly runtime: object;
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
  readonly values: ReadonlyMap<string, unknown>;
  readonly live: ReadonlyMap<string, () => unknown>;
  readonly stars: readonly { readonly table: ExportTable; readonly module: string | null }[];
}

interface Entry {
  readonly name: string;
  readonly table: ExportTable;
  current: Evaluated | null;
  prepared: Evaluated | null;
  /** The version before: its frames may still run, and throw. */
  oldVersion: string | null;
  /** The functions as values of the versions that are here, by version. */
  readonly funs: Map<string, ModuleFuns>;
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

export class CodeTable {
  readonly positions: SourcePositions = new SourcePositions();
  readonly #runtime: object;
  readonly #bifs: object;
  readonly #nodeRequire: CodeTableOptions['nodeRequire'];
  readonly #entries: Map<string, Entry> = new Map();
  readonly #esmViews: WeakMap<object, object> = new WeakMap();
  readonly #constants: Constants = new Constants();

  constructor(options: CodeTableOptions) {
    this.#runtime = options.runtime;
    // A plain frozen object: properties of a module namespace are slower to read.
    this.#bifs = Object.freeze({ ...options.bifs });
    this.#constants.leave(this.#bifs);
    this.#nodeRequire = options.nodeRequire;
  }

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

  /** An exported function of the current version. */
  lookup(module: string, name: string): AnyFunction | undefined {
    const entry = this.#entries.get(module);
    return entry?.current ? exportedFunction(entry.table, name) : undefined;
  }

  /** The module and export name by which another scheduler finds the function. */
  functionName(fn: unknown): { module: string; name: string } | undefined {
    const fun = typeof fn === 'function' ? funOf(fn as AnyFunction) : undefined;
    return fun instanceof ExportFun ? fun : undefined;
  }

  /** The functions as values of a version that is current, prepared or old here. */
  lookupFuns(module: string, version: string): FunVersion | undefined {
    return this.#entries.get(module)?.funs.get(version);
  }

  /**
   * First phase: compile and evaluate. Prepared again, the module replaces what was prepared.
   *
   * @throws LoadError; nothing has changed then
   */
  prepare(compiled: CompiledModule): void {
    if (compiled.format !== FORMAT_VERSION) {
      throw new BuildFormatError(
        `module ${compiled.name} has build format ${compiled.format}, this tsvm reads ${FORMAT_VERSION}`,
        { module: compiled.name, file: compiled.file, hint: 'build it again with this tsvm' },
      );
    }
    const entry = this.#entry(compiled.name);
    const hadMap = this.positions.has(scriptName(compiled.name, compiled.version));
    this.positions.add(compiled.name, compiled.version, compiled.file, compiled.map);
    const restore = this.#showPrepared(entry);
    let evaluated: Evaluated;
    try {
      evaluated = this.#evaluate(compiled);
    } catch (error) {
      const loadError = this.#errorOf(compiled, error);
      if (!hadMap) this.#forgetMap(entry, compiled.version);
      throw loadError;
    } finally {
      restore();
    }
    entry.prepared = evaluated;
    if (entry.current === null) this.#show(entry, evaluated);
  }

  /** Second phase: make what was prepared current. */
  commit(name: string, version: string): void {
    const entry = this.#entry(name);
    const { prepared } = entry;
    if (prepared?.compiled.version !== version) {
      throw new Error(`commit of ${name}@${version}, which is not prepared`);
    }
    const old = entry.current;
    entry.prepared = null;
    entry.current = prepared;
    this.#show(entry, prepared);
    this.#stubMissingImports(prepared.compiled);
    this.#refreshStarsOf(name);
    if (old === null || old.compiled.version === version) return;
    const { oldVersion } = entry;
    entry.oldVersion = old.compiled.version;
    if (oldVersion !== null) this.#forgetMap(entry, oldVersion);
  }

  /** Forget what was prepared. */
  abort(name: string): void {
    const entry = this.#entry(name);
    const { prepared } = entry;
    if (prepared === null) return;
    entry.prepared = null;
    if (entry.current === null) this.#stubAll(entry);
    this.#forgetMap(entry, prepared.compiled.version);
  }

  /** The module's file is gone: calls into it raise `undef` from now on. */
  remove(name: string): void {
    this.abort(name);
    const entry = this.#entry(name);
    if (entry.current === null) return;
    entry.current = null;
    this.#stubAll(entry);
    this.#refreshStarsOf(name);
  }

  #entry(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      const table = createTable();
      entry = { name, table, current: null, prepared: null, oldVersion: null, funs: new Map() };
      this.#constants.leave(entry.table);
      this.#entries.set(name, entry);
    }
    return entry;
  }

  #forgetMap(entry: Entry, version: string): void {
    const kept = [
      entry.current?.compiled.version,
      entry.prepared?.compiled.version,
      entry.oldVersion,
    ];
    if (kept.includes(version)) return;
    this.positions.remove(entry.name, version);
    forgetFuns(entry, version);
  }

  /** Let the tables show what is prepared, for the time of an evaluation. */
  #showPrepared(except: Entry): () => void {
    const shown: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry === except || entry.prepared === null || entry.current === null) continue;
      this.#show(entry, entry.prepared);
      shown.push(entry);
    }
    return () => {
      for (const entry of shown) this.#show(entry, entry.current as Evaluated);
    };
  }

  #evaluate(compiled: CompiledModule): Evaluated {
    const { name, version, code, file } = compiled;
    let getters: Record<string, () => unknown> = {};
    let liveNames: readonly string[] = [];
    const stars: { table: ExportTable; module: string | null }[] = [];
    const module: ModuleObject = {
      meta: moduleMeta(compiled),
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
        const funs = new ModuleFuns(name, version, lifted);
        this.#entry(name).funs.set(version, funs);
        return funs;
      },
    };
    const run = compileFunction(code, ['exports', 'require', 'module', '$rt'], {
      filename: scriptName(name, version),
    }) as (exports: object, require: unknown, module: ModuleObject, runtime: object) => void;
    run({}, this.#require(name, file), module, this.#runtime);
    const values = new Map<string, unknown>();
    const live = new Map<string, () => unknown>();
    for (const [key, get] of Object.entries(getters)) {
      if (liveNames.includes(key)) live.set(key, get);
      else {
        const value = get();
        values.set(key, value);
        if (typeof value === 'function') declareExport(value as AnyFunction, name, key);
      }
    }
    return { compiled, values, live, stars };
  }

  #require(from: string, file: string): unknown {
    let native: NodeRequire | null = null;
    const node = (): NodeRequire => {
      native ??= this.#nodeRequire(file);
      return native;
    };
    const require = (name: string): object => (name === 'tsvm' ? this.#bifs : this.table(name));
    return Object.assign(require, {
      esm: (specifier: string) => this.#esmView(node()(specifier)),
      import: (specifier: unknown) => this.#dynamicImport(from, String(specifier), node),
    });
  }

  async #dynamicImport(from: string, specifier: string, node: () => NodeRequire): Promise<object> {
    const resolved = resolveSpecifier(from, specifier);
    if (resolved.kind === 'tsvm') return this.#bifs;
    if (resolved.kind === 'node') {
      const path = node().resolve(specifier);
      return (await import(/^[./]|^\w:/.test(path) ? pathToFileURL(path).href : path)) as object;
    }
    const entry = resolved.kind === 'module' ? this.#entries.get(resolved.name) : undefined;
    if (!entry?.current) {
      throw new MissingImportError(`${from} imports "${specifier}", which is not loaded`, {
        module: from,
      });
    }
    return entry.table;
  }

  /** What `import` of a CommonJS or built-in module gives in Node: `default` is all of it. */
  #esmView(value: unknown): unknown {
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
      Object.defineProperty(view, 'default', { value, enumerable: true });
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
    for (const entry of this.#entries.values()) {
      if (seen.has(entry.name) || !entry.current?.stars.some(({ module }) => module === name))
        continue;
      this.#show(entry, entry.current);
      this.#refreshStarsOf(entry.name, seen);
    }
  }

  #errorOf(compiled: CompiledModule, error: unknown): LoadError {
    if (error instanceof LoadError) return error;
    const { name, version, file } = compiled;
    const found = userPositionOf(error);
    const message =
      error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
    const causeStack = error instanceof Error ? String(error.stack) : undefined;
    if (found === undefined) {
      const Kind = error instanceof SyntaxError ? ModuleSyntaxError : ModuleEvaluationError;
      return new Kind(`${name}@${version}: ${message}`, { module: name, file, causeStack });
    }
    const source = this.positions.source(found.script) ?? '';
    return new ModuleEvaluationError(
      `${name}@${version}: ${message}`,
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

/** A version is gone: its functions raise `badfun` from now on, wherever they are kept. */
function forgetFuns({ funs }: Entry, version: string): void {
  const found = funs.get(version);
  if (found === undefined) return;
  found.gone = true;
  funs.delete(version);
}

function moduleMeta({ name, version, file }: CompiledModule): Readonly<Record<string, string>> {
  const url = pathToFileURL(file).href;
  return Object.freeze({ url, filename: file, dirname: dirname(file), module: name, version });
}
