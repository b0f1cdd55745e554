/**
 * Reductions: the checks by which module code gives way, and can be ended.
 *
 *   function f(n) { … g(n) … }       a check before the first statement that calls something:
 *                                    if (--$context.budget < 0) $preempt();
 *   for (…) { … }                    a check in the loop, see `counted-loops.ts`
 *   function f(n) { … f(n - 1) … }   a twin, which has no check, in turn with it (`twins.ts`)
 *   catch (e) { … }                  catch (e) { if (e === $UNWIND) throw e; … }
 *   finally { … }                    finally { if ($living()) { … } }
 *
 * In a coroutine both checks can yield: `if (--$context.budget < 0 && $pause()) yield;`.
 *
 * Done while `pass-coroutines.ts` walks the tree: edits that end at the same place must nest as the
 * functions and loops do.
 *
 * Invariants:
 *  1. Every cycle of calls goes through a check (`call-graph.ts` says which functions have one). A
 *     function without a call needs none, nor one that calls such functions by name. What JavaScript calls
 *     unasked (accessors, `valueOf`, `next`, proxy traps …) has its check at the entry, and so have comparators
 *     (`comparators.ts`); a leaf made such by name (`{ get: f }`) is the one way around, and it ends in a stack
 *     overflow or in the guard.
 *  2. Checks stand on the user's line: a stack through one shows the call that ran.
 */

import { CallGraph } from './call-graph.js';
import { type CodeKind, yieldOf } from './code-kind.js';
import { findComparators } from './comparators.js';
import { CountedLoops } from './counted-loops.js';
import { isLoop, type LoopNode, LoopShapes } from './loop-shape.js';
import {
  type AnyNode,
  eachChild,
  type FunctionNode,
  isArithmetic,
  isFunction,
  keyName,
} from './syntax.js';
import type { TransformContext } from './transform.js';
import { Twins } from './twins.js';
import type { YieldingCalls } from './yielding-calls.js';

type CatchClause = Extract<AnyNode, { type: 'CatchClause' }>;
type Block = Extract<AnyNode, { type: 'BlockStatement' }>;

/** Methods that JavaScript calls without a call in the text. */
const CALLED_UNASKED: ReadonlySet<string> = new Set([
  ...['valueOf', 'toString', 'toJSON', 'next', 'return', 'throw', 'then', 'get', 'set', 'has'],
  ...['apply', 'construct', 'deleteProperty', 'defineProperty', 'getOwnPropertyDescriptor'],
  ...['getPrototypeOf', 'setPrototypeOf', 'isExtensible', 'preventExtensions', 'ownKeys'],
]);

export class Reductions {
  readonly #context: TransformContext;
  readonly #loops: CountedLoops;
  readonly #twins: Twins;
  readonly #yielding: YieldingCalls;
  #graph: CallGraph | null = null;
  #shapes: LoopShapes | null = null;
  #caught: string | null = null;
  #moduleCounts = false;
  #coroutines: ReadonlySet<string> | null = null;
  #comparators: ReadonlySet<AnyNode> | null = null;

  constructor(context: TransformContext, yielding: YieldingCalls) {
    this.#context = context;
    this.#loops = new CountedLoops(context);
    this.#twins = new Twins(context);
    this.#yielding = yielding;
  }

  /** The head of a function. @returns the text that `endFunction` must put after an expression body */
  beginFunction(node: FunctionNode, kind: CodeKind): string {
    if (!this.#isUsers(node)) return '';
    const { body } = node;
    if (body.type === 'BlockStatement' && hasLoop(body)) {
      this.#context.edits.appendLeft(body.start + 1, ` ${this.#loops.declaration}`);
    }
    if (!this.#needsEntry(node) || this.#twins.has(node)) return '';
    return this.#checkEntry(node, this.#spent(1), kind, 'appendLeft');
  }

  /** After all of the function was visited: its twin is a copy without the check. */
  endFunction(node: FunctionNode): void {
    if (!this.#isUsers(node) || !this.#twins.has(node)) return;
    this.#twins.copy(node);
    const after = this.#checkEntry(node, this.#spent(2), 'plain', 'prependLeft');
    if (after !== '') this.#context.edits.appendLeft(node.body.end, after);
  }

  /** @param insert how: what is inside was edited already, or is not yet */
  #checkEntry(
    { body }: FunctionNode,
    spent: string,
    kind: CodeKind,
    insert: 'appendLeft' | 'prependLeft',
  ): string {
    const { edits } = this.#context;
    if (body.type !== 'BlockStatement') {
      edits[insert](body.start, `(${this.#entryExpression(spent, kind)}, `);
      return ')';
    }
    const at = body.body.findIndex(mayCall);
    const statement = at > 0 ? body.body[at] : undefined;
    const check = this.#entryStatement(spent, kind);
    if (statement === undefined) edits.appendLeft(body.start + 1, ` ${check}`);
    else edits[insert](statement.start, `${check} `);
    return '';
  }

  /** A loop, before anything in it is visited. @returns the text to put after the body */
  beginLoop(node: LoopNode, kind: CodeKind, labelled: boolean, atModuleLevel: boolean): string {
    if (!this.#isUsers(node)) return '';
    this.#shapes ??= new LoopShapes(this.#callGraph());
    const shape = this.#shapes.shapeOf(node, labelled);
    if (shape !== 'none' && atModuleLevel && !this.#moduleCounts) {
      this.#moduleCounts = true;
      this.#context.addHeader(this.#loops.declaration);
    }
    return this.#loops.begin(node, shape, kind);
  }

  /** A static block is a function of its own. */
  staticBlock(node: Extract<AnyNode, { type: 'StaticBlock' }>): void {
    if (!this.#isUsers(node) || !hasLoop(node)) return;
    const at = this.#context.code.indexOf('{', node.start) + 1;
    this.#context.edits.appendLeft(at, ` ${this.#loops.declaration}`);
  }

  /** What unwinds a dead process is not the user's to catch. */
  catchClause(node: CatchClause): void {
    if (!this.#isUsers(node)) return;
    const { edits } = this.#context;
    const unwind = this.#context.runtime('UNWIND');
    const { param, body } = node;
    const inside = body.start + 1;
    if (param?.type === 'Identifier') {
      edits.appendLeft(inside, ` if (${param.name} === ${unwind}) throw ${param.name};`);
      return;
    }
    this.#caught ??= this.#context.fresh('$e');
    const name = this.#caught;
    const check = ` if (${name} === ${unwind}) throw ${name};`;
    if (!param) {
      edits.appendLeft(node.start + 'catch'.length, ` (${name})`);
      edits.appendLeft(inside, check);
      return;
    }
    edits.appendLeft(param.start, name);
    edits.appendLeft(inside, `${check} let `);
    edits.move(param.start, param.end, inside);
  }

  /** After the parameter's own edits. */
  endCatchClause({ param, start }: CatchClause): void {
    if (!param || param.type === 'Identifier' || start < this.#context.preludeEnd) return;
    this.#context.edits.appendLeft(param.end, ` = ${this.#caught};`);
  }

  /** A `finally` runs for the living only. */
  finallyBlock(node: Block): void {
    if (!this.#isUsers(node) || node.body.length === 0) return;
    const { edits } = this.#context;
    edits.appendLeft(node.start + 1, ` if (${this.#context.runtime('living')}()) {`);
  }

  endFinallyBlock(node: Block): void {
    if (!this.#isUsers(node) || node.body.length === 0) return;
    this.#context.edits.appendLeft(node.end - 1, '} ');
  }

  /** Tell the runtime which functions are nothing but coroutines: as an entry they may yield at once. */
  declareCoroutines(): void {
    this.#append('coroutines', [...this.#moduleCoroutines()]);
    this.#append('ownAll', this.#context.moduleGenerators);
  }

  #append(declare: 'coroutines' | 'ownAll', names: readonly string[]): void {
    if (names.length === 0) return;
    this.#context.addFooter(`${this.#context.runtime(declare)}(${names.join(', ')});\n`);
  }

  *#moduleCoroutines(): Iterable<string> {
    const { bindings } = this.#context.scopes.module;
    const isSettled = (name: string): boolean => bindings.get(name)?.reassigned === false;
    for (const statement of this.#context.program.body) {
      if (this.#context.isYieldingTwin(statement)) return;
      if (statement.type === 'FunctionDeclaration') {
        if (isLowered(statement) && isSettled(statement.id.name)) yield statement.id.name;
      } else if (statement.type === 'VariableDeclaration') {
        for (const { id, init } of statement.declarations) {
          if (id.type !== 'Identifier' || !init || !isSettled(id.name)) continue;
          if (isFunction(init) && isLowered(init)) yield id.name;
        }
      }
    }
  }

  /**
   * A call of a coroutine of this module, as the operand of `await`: it may pause before its first await,
   * as its caller waits for it anyway. No call may come between the flag and the start of the coroutine.
   */
  isDirectCall(node: AnyNode): boolean {
    if (node.type !== 'CallExpression' || node.optional || node.callee.type !== 'Identifier')
      return false;
    if (node.arguments.some(mayCall)) return false;
    const { callee } = node;
    this.#coroutines ??= new Set(this.#moduleCoroutines());
    if (!this.#coroutines.has(callee.name)) return false;
    const binding = this.#context.scopes.module.bindings.get(callee.name);
    return binding?.references.some((reference) => reference.node === callee) === true;
  }

  #isUsers({ start }: AnyNode): boolean {
    return start >= this.#context.preludeEnd;
  }

  #needsEntry(node: FunctionNode): boolean {
    this.#comparators ??= findComparators(this.#context.scopes);
    // The calls of a yielding twin are those of its function, and so are their cycles.
    const called = this.#yielding.functionOf(node) ?? node;
    return (
      this.#callGraph().counts(called) || this.#comparators.has(node) || this.#isCalledUnasked(node)
    );
  }

  #callGraph(): CallGraph {
    const { program, scopes } = this.#context;
    this.#graph ??= new CallGraph(program, scopes, (reference) =>
      this.#context.isDiscarded(reference),
    );
    return this.#graph;
  }

  #isCalledUnasked(node: FunctionNode): boolean {
    const parent = this.#context.scopes.parents.get(node);
    if (parent?.type !== 'Property' && parent?.type !== 'MethodDefinition') return false;
    if (parent.kind === 'get' || parent.kind === 'set') return true;
    const name = keyName(parent.key, parent.computed);
    return name === undefined || CALLED_UNASKED.has(name);
  }

  #entryStatement(spent: string, kind: CodeKind): string {
    return kind === 'plain'
      ? `if (${spent}) ${this.#context.runtime('preempt')}();`
      : `if (${spent} && ${this.#context.runtime('pause')}()) ${this.#yield(kind)};`;
  }

  #entryExpression(spent: string, kind: CodeKind): string {
    return kind === 'plain'
      ? `${spent} && ${this.#context.runtime('preempt')}()`
      : `${spent} && ${this.#context.runtime('pause')}() && (${this.#yield(kind)})`;
  }

  /** Of functions with a twin every second call is counted. */
  #spent(reductions: 1 | 2): string {
    const budget = `${this.#context.runtime('context')}.budget`;
    return reductions === 1 ? `--${budget} < 0` : `(${budget} -= ${reductions}) < 0`;
  }

  #yield(kind: CodeKind): string {
    return yieldOf(kind, this.#context);
  }
}

function isLowered(node: FunctionNode): boolean {
  return node.async && !node.generator;
}

/** Whether the code itself, not a function inside it, has a loop. */
function hasLoop(node: AnyNode): boolean {
  let found = false;
  const visit = (child: AnyNode): void => {
    if (found || isFunction(child) || child.type === 'StaticBlock') return;
    if (isLoop(child)) found = true;
    else eachChild(child, visit);
  };
  eachChild(node, visit);
  return found;
}

/** Whether running the code, not a function inside it, may call something. */
function mayCall(node: AnyNode): boolean {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return false;
    case 'CallExpression':
      if (!isArithmetic(node.callee)) return true;
      break;
    case 'NewExpression':
    case 'TaggedTemplateExpression':
    case 'ImportExpression':
    case 'ClassDeclaration':
    case 'ClassExpression':
      return true;
    case 'YieldExpression':
      if (node.delegate) return true;
      break;
    default:
  }
  let found = false;
  eachChild(node, (child) => {
    found ||= mayCall(child);
  });
  return found;
}
