/**
 * Reductions: the checks by which module code gives way, and can be ended.
 *
 *   function f(n) { … g(n) … }       a check before the first statement that calls something:
 *                                    if (--$context.budget < 0) $preempt();
 *   for (…) { … g(n) … }             a check in each loop's body; `$k` is a local of the function:
 *                                    if (($k = $k + 1 | 0) > 63) $k = $lap();
 *   for (let i = 0; i < n; i++) { }  where it calls nothing, a loop of parts around it:
 *                                    for (let i = 0; ;) {
 *                                      let $n = 0; const $e = 64 - $k << 2;
 *                                      for (; $n < $e && (i < n); $n = $n + 1 | 0, i++) { }
 *                                      if ($n < $e) { $k = $k + ($n >> 2) & 63; break; }
 *                                      $k = $laps($e);
 *                                    }
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
 *  2. Checks stand on the user's line: a stack through one shows the loop or call that ran.
 *  3. `$k` is counted in a local variable because a store to memory for each iteration costs a tight
 *     loop more than the loop itself. A part begins to count at 0, which V8 knows the range of.
 *  4. `$k` is from 0 to 63 wherever a loop begins; only between two parts of one loop may it be less,
 *     for parts that were seen to be fast are longer.
 */

import { LAP, SHORT_SHIFT } from '../runtime/preemption.js';
import { CallGraph } from './call-graph.js';
import { findComparators } from './comparators.js';
import { isArithmetic, isLoop, type LoopNode, shapeOf } from './loop-shape.js';
import { type AnyNode, eachChild, type FunctionNode, isFunction, keyName } from './syntax.js';
import type { TransformContext } from './transform.js';

/** What may stand in the place of a `yield` there. */
export type CodeKind = 'plain' | 'coroutine' | 'async_generator';

type CatchClause = Extract<AnyNode, { type: 'CatchClause' }>;
/** The loops that are run in parts. */
type DividedLoop = Extract<AnyNode, { type: 'ForStatement' | 'WhileStatement' }>;
type Block = Extract<AnyNode, { type: 'BlockStatement' }>;

/** Where a function's first iterations begin to count: short, as most loops are. */
const FIRST_COUNT = LAP - 16;

/** Methods that JavaScript calls without a call in the text. */
const CALLED_UNASKED: ReadonlySet<string> = new Set([
  ...['valueOf', 'toString', 'toJSON', 'next', 'return', 'throw', 'then', 'get', 'set', 'has'],
  ...['apply', 'construct', 'deleteProperty', 'defineProperty', 'getOwnPropertyDescriptor'],
  ...['getPrototypeOf', 'setPrototypeOf', 'isExtensible', 'preventExtensions', 'ownKeys'],
]);

export class Reductions {
  readonly #context: TransformContext;
  #graph: CallGraph | null = null;
  #counter: string | null = null;
  #part: readonly [part: string, end: string] | null = null;
  #caught: string | null = null;
  #moduleCounts = false;
  #coroutines: ReadonlySet<string> | null = null;
  #comparators: ReadonlySet<AnyNode> | null = null;

  constructor(context: TransformContext) {
    this.#context = context;
  }

  /** The head of a function. @returns the text that `endFunction` must put after an expression body */
  beginFunction(node: FunctionNode, kind: CodeKind): string {
    if (!this.#isUsers(node)) return '';
    const { body } = node;
    const entry = this.#needsEntry(node);
    if (body.type !== 'BlockStatement') {
      if (!entry) return '';
      this.#context.edits.appendLeft(body.start, `(${this.#entryExpression(kind)}, `);
      return ')';
    }
    const declaration = hasLoop(body) ? ` let ${this.#counterName()} = ${FIRST_COUNT};` : '';
    const at = entry ? body.body.findIndex(mayCall) : -1;
    const statement = at > 0 ? body.body[at] : undefined;
    const check = entry ? this.#entryStatement(kind) : '';
    const first = statement === undefined ? `${declaration}${check && ` ${check}`}` : declaration;
    if (first !== '') this.#context.edits.appendLeft(body.start + 1, first);
    if (statement !== undefined) this.#context.edits.appendLeft(statement.start, `${check} `);
    return '';
  }

  /** A loop, before anything in it is visited. @returns the text to put after the body */
  beginLoop(node: LoopNode, kind: CodeKind, labelled: boolean, atModuleLevel: boolean): string {
    if (!this.#isUsers(node)) return '';
    const shape = shapeOf(node, labelled);
    if (shape === 'none') return '';
    if (atModuleLevel && !this.#moduleCounts) {
      this.#moduleCounts = true;
      this.#context.addHeader(`let ${this.#counterName()} = ${FIRST_COUNT};`);
    }
    return shape === 'in_parts'
      ? this.#divide(node as DividedLoop, kind)
      : this.#checkBody(node.body as AnyNode, kind);
  }

  /** A check at the head of the body. */
  #checkBody(body: AnyNode, kind: CodeKind): string {
    const count = this.#counterName();
    const { edits } = this.#context;
    const spent = `(${count} = ${count} + 1 | 0) > ${LAP - 1}`;
    const check =
      kind === 'plain'
        ? `if (${spent}) ${count} = ${this.#context.runtime('lap')}();`
        : `if (${spent} && (${count} = ${this.#context.runtime('pauseLap')}()) < 0) ${this.#yield(kind)};`;
    if (body.type === 'BlockStatement') {
      edits.appendLeft(body.start + 1, ` ${check}`);
      return '';
    }
    edits.appendLeft(body.start, `{ ${check} `);
    return ' }';
  }

  /** A loop of parts around the loop; what is written in the head stays where it stands. */
  #divide(node: DividedLoop, kind: CodeKind): string {
    const { code, edits } = this.#context;
    const count = this.#counterName();
    const [part, end] = this.#partNames();
    const close = code.lastIndexOf(')', node.body.start);
    const next = `${part} = ${part} + 1 | 0`;
    const begin = `) { let ${part} = 0; const ${end} = ${LAP} - ${count} << ${SHORT_SHIFT}; for (; ${part} < ${end}`;
    if (node.type === 'WhileStatement') {
      const open = code.indexOf('(', node.start) + 1;
      edits.update(node.start, open, `for (;;${begin} && (`);
      edits.appendRight(close, `); ${next}`);
    } else {
      const first = code.indexOf(';', node.init?.end ?? node.start) + 1;
      const second = code.indexOf(';', node.test?.end ?? first);
      edits.appendLeft(first, ` ;${begin}${node.test ? ' && (' : ''}`);
      if (node.test) edits.appendRight(second, ')');
      edits.appendLeft(second + 1, ` ${next}${node.update ? ',' : ''}`);
    }
    const rest = `if (${part} < ${end}) { ${count} = ${count} + (${part} >> ${SHORT_SHIFT}) & ${LAP - 1}; break; }`;
    if (kind === 'plain') {
      return ` ${rest} ${count} = ${this.#context.runtime('laps')}(${end}); }`;
    }
    const spent = `(${count} = ${this.#context.runtime('pauseLaps')}(${end})) === ${LAP}`;
    return ` ${rest} if (${spent}) { ${count} = 0; ${this.#yield(kind)}; } }`;
  }

  /** A static block is a function of its own. */
  staticBlock(node: Extract<AnyNode, { type: 'StaticBlock' }>): void {
    if (!this.#isUsers(node) || !hasLoop(node)) return;
    const at = this.#context.code.indexOf('{', node.start) + 1;
    this.#context.edits.appendLeft(at, ` let ${this.#counterName()} = ${FIRST_COUNT};`);
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
    this.#context.edits.append(`${this.#context.runtime(declare)}(${names.join(', ')});\n`);
  }

  *#moduleCoroutines(): Iterable<string> {
    const { bindings } = this.#context.scopes.module;
    const isSettled = (name: string): boolean => bindings.get(name)?.reassigned === false;
    for (const statement of this.#context.program.body) {
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
    const { program, scopes } = this.#context;
    this.#graph ??= new CallGraph(program, scopes, (reference) =>
      this.#context.isDiscarded(reference),
    );
    this.#comparators ??= findComparators(scopes);
    return this.#graph.counts(node) || this.#comparators.has(node) || this.#isCalledUnasked(node);
  }

  #isCalledUnasked(node: FunctionNode): boolean {
    const parent = this.#context.scopes.parents.get(node);
    if (parent?.type !== 'Property' && parent?.type !== 'MethodDefinition') return false;
    if (parent.kind === 'get' || parent.kind === 'set') return true;
    const name = keyName(parent.key, parent.computed);
    return name === undefined || CALLED_UNASKED.has(name);
  }

  #entryStatement(kind: CodeKind): string {
    const spent = this.#spent();
    return kind === 'plain'
      ? `if (${spent}) ${this.#context.runtime('preempt')}();`
      : `if (${spent} && ${this.#context.runtime('pause')}()) ${this.#yield(kind)};`;
  }

  #entryExpression(kind: CodeKind): string {
    const spent = this.#spent();
    return kind === 'plain'
      ? `${spent} && ${this.#context.runtime('preempt')}()`
      : `${spent} && ${this.#context.runtime('pause')}() && (${this.#yield(kind)})`;
  }

  #spent(): string {
    return `--${this.#context.runtime('context')}.budget < 0`;
  }

  #yield(kind: CodeKind): string {
    return kind === 'async_generator' ? `yield ${this.#context.runtime('PARK')}` : 'yield';
  }

  #partNames(): readonly [part: string, end: string] {
    this.#part ??= [this.#context.fresh('$n'), this.#context.fresh('$e')];
    return this.#part;
  }

  #counterName(): string {
    this.#counter ??= this.#context.fresh('$k');
    return this.#counter;
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
