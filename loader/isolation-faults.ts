/**
 * Faults: what the isolation pass finds, with their places, less what a pragma allows.
 *
 * One fault for each variable: the first place is enough to act on, and the cure is the same for all.
 */

import type { LoadError, LoadErrorDetails } from './errors.js';
import { placed } from './errors.js';
import { Pragmas } from './pragma.js';
import type { Binding } from './scopes.js';
import type { AnyNode } from './syntax.js';
import type { TransformContext } from './transform.js';

interface Fault {
  readonly place: { readonly line: number; readonly column: number; readonly length?: number };
  readonly message: string;
  readonly hint: string;
}

const PRAGMA_HINT =
  'write `// @tsvm per-scheduler: why it may be shared` on the line before a declaration or statement';

export class Faults {
  readonly #context: TransformContext;
  readonly #pragmas: Pragmas;
  readonly #found: Fault[] = [];
  readonly #blamed: Set<Binding> = new Set();

  constructor(context: TransformContext) {
    this.#context = context;
    this.#pragmas = new Pragmas(context.input.source);
  }

  /** @param binding the variable at fault, if it is one of the module */
  add(at: AnyNode, message: string, hint: string, binding?: Binding): void {
    if (binding !== undefined && (this.#blamed.has(binding) || this.isExempt(binding))) return;
    if (this.#isAllowed(at.start)) return;
    if (binding !== undefined) this.#blamed.add(binding);
    const { line, column } = this.#context.originalPlace(at.start);
    this.#found.push({ place: { line, column }, message, hint });
  }

  /** Does a pragma stand before the declaration? */
  isExempt(binding: Binding): boolean {
    return this.#pragmas.any && this.#isAllowed(binding.node.start);
  }

  /** @throws the first fault, which holds the others as `more` */
  raise(Kind: new (message: string, details: LoadErrorDetails) => LoadError): void {
    this.#checkPragmas();
    if (this.#found.length === 0) return;
    const { file, source, moduleName: module } = this.#context.input;
    this.#found.sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
    const details = this.#found.map(({ place, message, hint }) => ({
      message,
      details: placed(source, { file, ...place }, { module, hint }),
    }));
    const [first, ...rest] = details as [(typeof details)[0], ...typeof details];
    const more = rest.map(({ message, details }) => new Kind(message, details).toData());
    throw new Kind(first.message, more.length === 0 ? first.details : { ...first.details, more });
  }

  /** On its own line, or before the statement of the module that it is in. */
  #isAllowed(offset: number): boolean {
    if (!this.#pragmas.any) return false;
    if (this.#pragmas.allows(this.#context.originalPlace(offset).line)) return true;
    const statement = this.#statementAt(offset);
    // Before a whole function it would hide what is in it; there it means a line inside.
    if (statement === undefined || statement.type === 'FunctionDeclaration') return false;
    return this.#pragmas.allows(this.#context.originalPlace(statement.start).line);
  }

  #statementAt(offset: number): AnyNode | undefined {
    return this.#context.program.body.find(({ start, end }) => start <= offset && offset < end);
  }

  #checkPragmas(): void {
    const { body } = this.#context.program;
    const lines = this.#pragmas.any
      ? new Set(body.map(({ start }) => this.#context.originalPlace(start).line))
      : new Set<number>();
    for (const { line, column, length, target, problem, used } of this.#pragmas.all) {
      const why = problem ?? (used || lines.has(target) ? null : 'this pragma allows nothing');
      if (why === null) continue;
      this.#found.push({ place: { line, column, length }, message: why, hint: PRAGMA_HINT });
    }
  }
}
