/**
 * Transform: the passes that turn esbuild's JavaScript into the code of a module.
 *
 * The text is parsed once; every pass reads the same tree and scopes and edits the same
 * `MagicString`, so the passes cost one map and no printing, and positions stay exact.
 *
 * Invariants:
 *  1. Tree and scopes describe the text before any edit; no pass sees another's output.
 *  2. A pass that takes text away calls `discard`, so that later passes do not count what was there
 *     as used.
 *  3. Generated calls that a stack could show stand on lines of their own: such lines have no
 *     mapping, which is how the stack of an error tells the user's frames from generated ones.
 */

import type { TraceMap } from '@jridgewell/trace-mapping';
import { decodedMappings, originalPositionFor } from '@jridgewell/trace-mapping';
import MagicString, { Bundle } from 'magic-string';
import { placeNumber } from '../runtime/async-frames.js';
import { codeFrame } from './code-frame.js';
import { type LoadError, type LoadErrorDetails, placed, type RelatedPlace } from './errors.js';
import { liftFunctions } from './lift.js';
import type { ModuleImport } from './module.js';
import { coroutines } from './pass-coroutines.js';
import { functionValues } from './pass-function-values.js';
import { exportsAndImports } from './pass-imports.js';
import { isolation } from './pass-isolation.js';
import { prelude } from './pass-prelude.js';
import { analyseScopes, type Binding, type Reference, type Scopes } from './scopes.js';
import { type AnyNode, type Program, parseProgram } from './syntax.js';
import { twinFunctions, type YieldingTwins } from './yielding-twins.js';

export type Pass = (context: TransformContext) => void;

/**
 * In this order. `functionValues` declares what `liftFunctions` lifted before.
 * Reductions (`pass-reductions.ts`) are counted by `coroutines` as it walks: their edits nest.
 */
const PASSES: readonly Pass[] = [exportsAndImports, isolation, functionValues, coroutines, prelude];

/** What `$rt` offers; see runtime/module-runtime.ts. */
export type RuntimeName =
  | 'start'
  | 'await'
  | 'PARK'
  | 'receive'
  | 'resumed'
  | 'async'
  | 'asyncGenerator'
  | 'forAwait'
  | 'iterationResult'
  | 'yieldStar'
  | 'Await'
  | 'context'
  | 'preempt'
  | 'pause'
  | 'lap'
  | 'pauseLap'
  | 'laps'
  | 'pauseLaps'
  | 'UNWIND'
  | 'living'
  | 'inParts'
  | 'inOneGo'
  | 'iterator'
  | 'coroutines'
  | 'twin'
  | 'twinOf'
  | 'twins'
  | 'boxed'
  | 'unboxed'
  | 'own'
  | 'ownAll';

export interface TransformInput {
  readonly moduleName: string;
  readonly file: string;
  readonly source: string;
  /** esbuild's output. */
  readonly code: string;
  /** Its map to `source`. */
  readonly map: TraceMap;
  /** What `liftFunctions` took out of the functions of the module. */
  readonly lifted?: Lifted;
  /** What `twinFunctions` appended. */
  readonly twins?: YieldingTwins;
}

/** The functions that became values, in code that has them at module level already. */
export interface Lifted {
  /** The name of the object that makes them. */
  readonly funs: string;
  /** Their declarations for `module.funs`, by number. */
  readonly declarations: readonly string[];
}

/** What an import gives: built-in functions, another module, or a package or built-in of Node. */
export interface ImportSource {
  readonly kind: 'tsvm' | 'module' | 'node';
  /** The module's name, or the specifier. */
  readonly name: string;
}

export interface Transformed {
  /** What was edited: not what was given, if functions were lifted. */
  readonly input: TransformInput;
  /** The text of the module, with its map to esbuild's output. */
  readonly output: MagicString | Bundle;
  readonly exports: readonly string[];
  readonly imports: readonly ModuleImport[];
}

/** Lifting and twins repeat and move text, so they come before the tree that the passes work on. */
export function transform(input: TransformInput): Transformed {
  const given = new TransformContext(input);
  const lifted = liftFunctions(given);
  const whole = lifted === null ? given : new TransformContext(lifted);
  const twinned = twinFunctions(whole);
  const context = twinned === null ? whole : new TransformContext(twinned);
  for (const pass of PASSES) pass(context);
  context.writeEnds();
  return context;
}

/** The module as `transform` sees it, with its imports resolved: for checks that change nothing. */
export function readModule(input: TransformInput): TransformContext {
  const context = new TransformContext(input);
  exportsAndImports(context);
  return context;
}

export class TransformContext implements Transformed {
  readonly input: TransformInput;
  readonly code: string;
  readonly program: Program;
  readonly scopes: Scopes;
  readonly edits: MagicString;
  /** Copies of parts of the text, to go after everything else. */
  readonly copies: MagicString[] = [];
  readonly exports: string[] = [];
  readonly imports: ModuleImport[] = [];
  /** What the exports are called inside the module. */
  readonly exportedNames: Set<string> = new Set();
  /** The bindings that hold the built-in functions of `tsvm`. */
  readonly bifBindings: Set<Binding> = new Set();
  /** The bindings that hold what is imported, and where that comes from. */
  readonly importBindings: Map<Binding, ImportSource> = new Map();
  /** Comments that the wrappers of asynchronous functions begin their parameters with. */
  readonly marks: Map<AnyNode, string> = new Map();
  /** The generators of coroutines that are at module level, by name. */
  readonly moduleGenerators: string[] = [];
  /** esbuild's helpers end here; the module's own text begins. */
  readonly preludeEnd: number;
  readonly #discarded: { start: number; end: number }[] = [];
  readonly #taken: Set<string>;
  readonly #runtimeNames: Map<RuntimeName, string> = new Map();
  readonly #header: string[] = [];
  readonly #footer: string[] = [];
  readonly #sharedNames: Map<string, string> = new Map();
  #lineStarts: number[] | null = null;

  constructor(input: TransformInput) {
    this.input = input;
    this.code = input.code;
    this.program = parseProgram(input.code);
    this.scopes = analyseScopes(this.program);
    this.#taken = new Set(this.scopes.names);
    this.edits = new MagicString(input.code);
    this.preludeEnd = this.#findPreludeEnd();
  }

  /** A name that occurs nowhere in the module, as close to `base` as can be. */
  fresh(base: string): string {
    let name = base;
    for (let n = 2; this.#taken.has(name); n++) name = `${base}${n}`;
    this.#taken.add(name);
    return name;
  }

  /** Parameters that carry `super`, `arguments` and `new.target` of an outer function into a generator. */
  get superNames(): { get: string; set: string } {
    return { get: this.#shared('$superGet'), set: this.#shared('$superSet') };
  }

  get argumentsName(): string {
    return this.#shared('$arguments');
  }

  /** The parameter by which a moved generator reaches a variable of a function around it. */
  captureName(variable: string): string {
    return this.#shared(`$${variable}`);
  }

  /** A variable of another function as an object: `_` reads and assigns it. */
  get variableClass(): string {
    const known = this.#sharedNames.has('$Variable');
    const name = this.#shared('$Variable');
    if (!known) {
      this.addHeader(
        `class ${name} { constructor(get, set) { this.get = get; this.set = set; } get _() { return this.get(); } set _(value) { this.set(value); } }`,
      );
    }
    return name;
  }

  get newTargetName(): string {
    return this.#shared('$newTarget');
  }

  /** The name of a wrapper's parameter. */
  parameterName(at: number | 'rest'): string {
    return this.#shared(`$${at}`);
  }

  /** A fresh name that means the same thing wherever the module needs it. */
  #shared(base: string): string {
    let name = this.#sharedNames.get(base);
    if (name === undefined) {
      name = this.fresh(base);
      this.#sharedNames.set(base, name);
    }
    return name;
  }

  /** The local name of a function of `$rt`. */
  runtime(name: RuntimeName): string {
    let local = this.#runtimeNames.get(name);
    if (local === undefined) {
      local = this.fresh(`$${name}`);
      this.#runtimeNames.set(name, local);
    }
    return local;
  }

  /** The expression that gives what a parked coroutine goes on with; it fails at the place of `node`. */
  resumption({ start }: AnyNode, yields: string = 'yield'): string {
    const { line, column } = this.originalPlace(start);
    return `${this.runtime('resumed')}(${yields}, ${placeNumber(line, column)})`;
  }

  /** A statement to go before everything else. */
  addHeader(statement: string): void {
    this.#header.push(statement);
  }

  /** Whole lines to go after everything else. */
  addFooter(lines: string): void {
    this.#footer.push(lines);
  }

  /** Replace text whose references thereby vanish. */
  replace(start: number, end: number, text: string): void {
    this.discard(start, end);
    this.edits.update(start, end, text);
  }

  /** Remove a statement together with the end of its line and a line of comment before it. */
  removeLines(start: number, end: number): void {
    const comment = /(?:^|\n)\/\/[^\n]*\n$/.exec(this.code.slice(Math.max(0, start - 200), start));
    const from = comment === null ? start : start - comment[0].trimStart().length;
    this.edits.remove(from, this.code[end] === '\n' ? end + 1 : end);
  }

  /** Is it in the text of yielding twins, which repeats what stands before it? */
  isYieldingTwin({ start }: AnyNode): boolean {
    return this.input.twins !== undefined && start >= this.input.twins.start;
  }

  discard(start: number, end: number): void {
    this.#discarded.push({ start, end });
  }

  isDiscarded(reference: Reference): boolean {
    return this.isDiscardedAt(reference.node.start);
  }

  isDiscardedAt(start: number): boolean {
    return this.#discarded.some((range) => start >= range.start && start < range.end);
  }

  /** Line and column (both from 1) in the user's source of an offset in esbuild's output. */
  originalPlace(offset: number): { line: number; column: number } {
    const { line, column } = this.#lineColumn(offset);
    const found = originalPositionFor(this.input.map, { line, column });
    return found.line === null
      ? { line: 1, column: 1 }
      : { line: found.line, column: found.column + 1 };
  }

  /** An error at an offset in esbuild's output. */
  errorAt<E extends LoadError>(
    offset: number,
    Kind: new (message: string, details: LoadErrorDetails) => E,
    message: string,
    hint?: string,
    related?: readonly RelatedPlace[],
  ): E {
    const { file, source, moduleName } = this.input;
    const place = { file, ...this.originalPlace(offset) };
    return new Kind(message, placed(source, place, { module: moduleName, hint, related }));
  }

  /** What the user calls a variable: esbuild gives another name to one that hides another. */
  sourceName({ node, name }: Binding): string {
    const { line, column } = this.originalPlace(node.start);
    const text = this.input.source.split('\n', line)[line - 1] ?? '';
    return /^[\p{ID_Start}$_][\p{ID_Continue}$]*/u.exec(text.slice(column - 1))?.[0] ?? name;
  }

  /** Another place of an error. */
  related(offset: number, message: string): RelatedPlace {
    const { line, column } = this.originalPlace(offset);
    return { message, line, column, frame: codeFrame(this.input.source, line, column, {}) };
  }

  /** After `writeEnds`: what the passes made of the text, and the copies behind it. */
  get output(): MagicString | Bundle {
    if (this.copies.length === 0) return this.edits;
    const bundle = new Bundle({ separator: '' });
    for (const content of [this.edits, ...this.copies])
      bundle.addSource({ filename: 'esbuild.js', content });
    return bundle;
  }

  /** What goes before and after everything else, when all passes are done. */
  writeEnds(): void {
    const lines = [...this.#header];
    if (this.#runtimeNames.size > 0) {
      const parts = Array.from(this.#runtimeNames, ([name, local]) => `${name}: ${local}`);
      lines.unshift(`const { ${parts.join(', ')} } = $rt;`);
    }
    this.edits.append(this.#footer.join(''));
    // A module that has a `$rt` of its own gets a block, in which that name may be declared again.
    if (this.scopes.module.bindings.has('$rt')) {
      lines.push('{');
      (this.copies.at(-1) ?? this.edits).append('}\n');
    }
    lines.unshift("'use strict';");
    this.edits.prepend(`${lines.join('\n')}\n`);
  }

  /** Helpers come first and have no mapping; what the user wrote has one. */
  #findPreludeEnd(): number {
    const segments = decodedMappings(this.input.map);
    const line = segments.findIndex((list) => list.length > 0);
    this.#lineStarts ??= lineStarts(this.code);
    const start = this.#lineStarts[line];
    return start === undefined ? this.code.length : start + (segments[line]?.[0]?.[0] ?? 0);
  }

  #lineColumn(offset: number): { line: number; column: number } {
    this.#lineStarts ??= lineStarts(this.code);
    const starts = this.#lineStarts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] as number) };
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
