/**
 * Evaluation: from the text of a compiled module to its values, on one scheduler.
 *
 * The text runs once, as the body of a function that is given `exports`, `require`, `module` and `$rt`
 * (see module.ts). Its constants are frozen, its functions are noted as its own, and its imports are
 * the live export tables of other modules.
 *
 * Invariant: an evaluation that throws has changed no table.
 */

import { isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isModuleNamespaceObject } from 'node:util/types';
import { compileFunction } from 'node:vm';
import { CodeInstance } from '../runtime/code-instance.js';
import { declareExport } from '../runtime/funs.js';
import { type LiftedFunction, ModuleFuns } from '../runtime/module-funs.js';
import { Constants } from './constants.js';
import { MissingImportError } from './errors.js';
import { isolationError } from './evaluation-errors.js';
import type { ExportTable } from './export-table.js';
import type { AnyFunction, Instances } from './instances.js';
import { type CompiledModule, scriptName } from './module.js';
import { resolveSpecifier } from './specifier.js';

/** What Node's `createRequire(file)` gives. */
export interface NodeRequire {
  (specifier: string): unknown;
  resolve(specifier: string): string;
}

export interface EvaluationOptions {
  /** `$rt` of an instance, see runtime/module-runtime.ts. */
  readonly runtimeFor: (instance: CodeInstance) => object;
  /** What `import … from 'tsvm'` gives. */
  readonly bifs: object;
  readonly nodeRequire: (fromFile: string) => NodeRequire;
}

/** The tables of the modules that a module imports. */
export interface ImportedTables {
  /** Also of a module that is not loaded. */
  table(name: string): ExportTable;
  /** When its first `onLoad` is through; undefined: it is not loaded. */
  loaded(name: string): Promise<ExportTable | undefined>;
}

/** A version of a module that was evaluated. */
export interface Evaluated {
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

export class Evaluation {
  readonly #runtimeFor: EvaluationOptions['runtimeFor'];
  readonly #bifs: object;
  readonly #nodeRequire: EvaluationOptions['nodeRequire'];
  readonly #tables: ImportedTables;
  readonly #instances: Instances;
  readonly #constants: Constants = new Constants();
  readonly #esmViews: WeakMap<object, object> = new WeakMap();

  constructor(options: EvaluationOptions, tables: ImportedTables, instances: Instances) {
    this.#runtimeFor = options.runtimeFor;
    this.#nodeRequire = options.nodeRequire;
    this.#tables = tables;
    this.#instances = instances;
    // A plain frozen object: properties of a module namespace are slower to read.
    this.#bifs = Object.freeze({ ...options.bifs });
    this.#constants.leave(this.#bifs);
    for (const each of Object.values(this.#bifs)) this.#leaveBif(each);
  }

  /** An export table is a constant of those that import it, and is changed by loads. */
  leave(table: ExportTable): void {
    this.#constants.leave(table);
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

  /**
   * Run the text of a module. What it exports is known to belong to it, and shown nowhere yet.
   *
   * @throws what the module throws, or IsolationError
   */
  evaluate(compiled: CompiledModule, load: number): Evaluated {
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
        this.#instances.addFuns(funs, instance);
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
        this.#instances.add(value as AnyFunction, instance);
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
    const require = (name: string): object =>
      name === 'tsvm' ? this.#bifs : this.#tables.table(name);
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
    const table = resolved.kind === 'module' ? await this.#tables.loaded(resolved.name) : undefined;
    if (table === undefined) {
      throw new MissingImportError(`${from} imports "${specifier}", which is not loaded`, {
        module: from,
      });
    }
    return table;
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
}

function isPlain(value: unknown): boolean {
  const prototype: unknown = typeof value === 'object' && Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function moduleMeta({ name, version, file }: CompiledModule): Readonly<Record<string, string>> {
  const url = pathToFileURL(file).href;
  return Object.freeze({ url, filename: file, dirname: dirname(file), module: name, version });
}

/** The instance is gone: its functions raise `badfun` from now on, wherever they are kept. */
export function forget({ instance, funs }: Evaluated): void {
  instance.state = 'purged';
  if (funs !== null) funs.gone = true;
}
