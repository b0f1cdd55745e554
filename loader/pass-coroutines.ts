/**
 * Pass: async functions become coroutines.
 *
 *   async function f(a, b) { return a + await b }
 * becomes
 *   function f(a, b) { return $start(f$co(a, b)) }
 *   function* f$co(a, b) { let $m; return a + (($m = $await(b)) === $PARK ? $resumed(yield, 1054) : $m) }
 *
 * `f` keeps name, length, `this` and place; the generator is moved to module level, because a generator
 * function that is made anew for each call costs 3 µs in V8 (it gets a prototype and a hidden class of
 * its own at its first call). It stays inside where it cannot be moved (see `generator-place.ts`).
 *
 * esbuild could lower async functions itself; it is told not to, because its `__async` passes the
 * parameters by closure (which no pass can undo once a `var` repeats a parameter), runs default
 * values before there is anything to reject, and loses `this` for `super` in a nested async arrow.
 * `for await` is left to it, and gets the runtime's helper here.
 *
 * An async generator becomes a generator that says `$resumed(yield new $Await(x), 1054)` for `await x` and everything
 * else for `yield`; the runtime makes an async iterator of it.
 *
 * Invariants:
 *  1. Evaluating parameters never throws into the caller: it rejects the task.
 *  2. What a function takes from those around it (variables; an arrow also `this`, `arguments`,
 *     `new.target`, `super`) reaches its moved generator as `this` or as a leading parameter.
 *  3. Text that ends where an enclosing edit ends is not moved: the suffix of that edit would go with it.
 *
 * Source: ECMAScript, "Async Function Definitions", "Async Generator Function Definitions".
 */

import type { CodeKind } from './code-kind.js';
import { disposeHelper } from './dispose-helper.js';
import { UnsupportedSyntaxError } from './errors.js';
import { isLoop, type LoopNode } from './loop-shape.js';
import { describeFunction } from './lowered-function.js';
import { Reductions } from './pass-reductions.js';
import type { Binding, Reference } from './scopes.js';
import { type AnyNode, eachChild, type FunctionNode, isFunction } from './syntax.js';
import type { Pass, TransformContext } from './transform.js';
import { isPrimitive, YieldingCalls } from './yielding-calls.js';

/** What names mean at a place of the text, once the functions around it are lowered. */
export interface Lexical {
  readonly args: string;
  readonly newTarget: string;
  /** `super` is reached through the parameters `superNames`. */
  readonly superNamed: boolean;
  /** Where the innermost edit that appends text ends. */
  readonly end: number;
  /** Inside an async generator, where `yield` has another meaning. */
  readonly generator: boolean;
  /** In a twin, whose results are never taken over as promises would be. */
  readonly twin: boolean;
  /** How a check for reductions gives way there; `null` at module level, outside of any function. */
  readonly kind: CodeKind | null;
  /** Variables of functions around that a moved generator reaches through an object. */
  readonly accessors: ReadonlyMap<Binding, string>;
}

const PLAIN: Lexical = {
  args: 'arguments',
  newTarget: 'new.target',
  superNamed: false,
  end: -1,
  generator: false,
  twin: false,
  kind: null,
  accessors: new Map(),
};

/** Inside a function that has a `this` of its own. */
function ownThis({ accessors, end }: Lexical): Lexical {
  return { ...PLAIN, kind: 'plain', accessors, end };
}

type AwaitNode = Extract<AnyNode, { type: 'AwaitExpression' }>;

export const coroutines: Pass = (context) => new Coroutines(context).run();

class Coroutines {
  readonly #context: TransformContext;
  readonly #references: Map<AnyNode, Reference> = new Map();
  readonly #reductions: Reductions;
  readonly #yielding: YieldingCalls;
  /** Where lowered `for await` loops ask for their next value. */
  readonly #steps: Set<AnyNode> = new Set();
  #value: string | null = null;
  /** Statements around that have something to do when the function returns: `try`, `for … of`. */
  #guards = 0;
  #superRef: string | null = null;
  #dispose: string | null = null;

  constructor(context: TransformContext) {
    this.#context = context;
    for (const reference of context.scopes.references)
      this.#references.set(reference.node, reference);
    this.#yielding = new YieldingCalls(context, this.#references);
    this.#reductions = new Reductions(context, this.#yielding);
  }

  run(): void {
    for (const statement of this.#context.program.body) this.#visit(statement, PLAIN);
    this.#reductions.declareCoroutines();
    this.#yielding.declare();
  }

  #visit(node: AnyNode, lexical: Lexical): void {
    const outer = this.#guards;
    if (isFunction(node)) this.#guards = 0;
    else if (node.type === 'TryStatement' || node.type === 'ForOfStatement') this.#guards += 1;
    this.#visitNode(node, lexical);
    this.#guards = outer;
  }

  #visitNode(node: AnyNode, lexical: Lexical): void {
    if (isFunction(node)) {
      this.#visitFunction(node, lexical);
      return;
    }
    if (isLoop(node)) {
      this.#visitLoop(node, lexical, false);
      return;
    }
    switch (node.type) {
      case 'LabeledStatement':
        if (!isLoop(node.body)) break;
        this.#visitLoop(node.body, lexical, true);
        return;
      case 'PropertyDefinition':
        if (node.computed) this.#visit(node.key, lexical);
        if (node.value) this.#visit(node.value, ownThis(lexical));
        return;
      case 'CatchClause':
        this.#reductions.catchClause(node);
        eachChild(node, (child) => this.#visit(child, lexical));
        this.#reductions.endCatchClause(node);
        return;
      case 'TryStatement':
        if (!node.finalizer) break;
        this.#visit(node.block, lexical);
        if (node.handler) this.#visit(node.handler, lexical);
        this.#reductions.finallyBlock(node.finalizer);
        this.#visit(node.finalizer, lexical);
        this.#reductions.endFinallyBlock(node.finalizer);
        return;
      case 'StaticBlock':
        this.#reductions.staticBlock(node);
        for (const statement of node.body) this.#visit(statement, ownThis(lexical));
        return;
      case 'AwaitExpression':
        if (this.#steps.has(node)) this.#rewriteStep(node, lexical);
        else this.#rewriteAwait(node, { ...lexical, end: node.end }, false);
        return;
      case 'ExpressionStatement':
        if (node.expression.type === 'AwaitExpression') {
          const end = node.expression.end;
          this.#rewriteAwait(node.expression, { ...lexical, end }, true);
          return;
        }
        break;
      case 'ReturnStatement':
        if (this.#isTailAwait(node, lexical)) {
          this.#rewriteTail(node.argument as AwaitNode, lexical);
          return;
        }
        if (node.argument && lexical.generator) {
          this.#rewriteReturn(node.argument, lexical);
          return;
        }
        if (node.argument && lexical.twin && !isPrimitive(node.argument)) {
          this.#rewriteResult(node.argument, lexical);
          return;
        }
        break;
      case 'YieldExpression':
        if (node.delegate && node.argument && lexical.generator) {
          const star = this.#context.code.indexOf('*', node.start) + 1;
          this.#context.edits.appendLeft(star, ` ${this.#context.runtime('yieldStar')}(`);
          this.#visit(node.argument, { ...lexical, end: node.end });
          this.#context.edits.appendLeft(node.end, ')');
          return;
        }
        break;
      case 'Identifier':
        this.#rewriteIdentifier(node, lexical);
        return;
      case 'MetaProperty':
        if (node.meta.name === 'new' && lexical.newTarget !== PLAIN.newTarget) {
          this.#context.replace(node.start, node.end, lexical.newTarget);
        }
        return;
      case 'MemberExpression':
        if (node.object.type === 'Super' && lexical.superNamed) {
          this.#rewriteSuper(node, lexical);
          return;
        }
        break;
      case 'CallExpression':
        this.#visitCall(node, lexical);
        return;
      default:
    }
    eachChild(node, (child) => this.#visit(child, lexical));
  }

  #visitFunction(node: FunctionNode, outer: Lexical): void {
    const arrow = node.type === 'ArrowFunctionExpression';
    const twin = this.#yielding.isTwin(node);
    const lowered = node.async ? describeFunction(this.#context, node, outer, twin) : null;
    const needsValue =
      lowered !== null &&
      !node.generator &&
      (containsAwaitedValue(node) || this.#yielding.hasCall(node.body));
    lowered?.begin(needsValue ? this.#valueName() : null);
    const plain: Lexical = arrow
      ? { ...outer, generator: false, twin: false, kind: 'plain' }
      : ownThis(outer);
    const inner = lowered?.inner ?? plain;
    const after = this.#reductions.beginFunction(node, inner.kind ?? 'plain');
    // Nothing can wait there, nor yield.
    const inParams: Lexical = inner.kind === 'coroutine' ? { ...inner, kind: 'plain' } : inner;
    for (const param of node.params) this.#visit(param, inParams);
    const { body } = node;
    if (twin && body.type !== 'BlockStatement') this.#rewriteResult(body, inner);
    else this.#visit(body, after === '' ? inner : { ...inner, end: body.end });
    if (after !== '') this.#context.edits.appendLeft(body.end, after);
    this.#reductions.endFunction(node);
    lowered?.finish();
  }

  /** In an async generator the operand is awaited where it stands: what rejects is thrown there. */
  #rewriteReturn(argument: AnyNode, lexical: Lexical): void {
    const { edits } = this.#context;
    const [open, close] = this.#awaitInGenerator(argument);
    edits.appendLeft(argument.start, `${open}(`);
    this.#visit(argument, { ...lexical, end: argument.end });
    edits.appendLeft(argument.end, `)${close}`);
  }

  /** What a twin returns. */
  #rewriteResult(value: AnyNode, lexical: Lexical): void {
    const { edits } = this.#context;
    edits.appendLeft(value.start, `${this.#context.runtime('boxed')}((`);
    this.#visit(value, { ...lexical, end: value.end });
    edits.appendLeft(value.end, '))');
  }

  /** `await iter.next()` of a lowered `for await`, which does not look whether that is an object. */
  #rewriteStep(node: Extract<AnyNode, { type: 'AwaitExpression' }>, lexical: Lexical): void {
    const { edits } = this.#context;
    edits.appendLeft(node.start, `${this.#context.runtime('iterationResult')}(`);
    this.#rewriteAwait(node, { ...lexical, end: node.end }, false);
    edits.appendLeft(node.end, ')');
  }

  #visitLoop(node: LoopNode, lexical: Lexical, labelled: boolean): void {
    const { kind } = lexical;
    const after = this.#reductions.beginLoop(node, kind ?? 'plain', labelled, kind === null);
    const body = node.body as AnyNode;
    const step = forAwaitStep(node);
    if (step !== null) this.#steps.add(step);
    eachChild(node, (child) => {
      if (child !== body) this.#visit(child, lexical);
    });
    this.#visit(body, after === '' ? lexical : { ...lexical, end: body.end });
    if (after !== '') this.#context.edits.appendLeft(body.end, after);
  }

  #visitCall(node: Extract<AnyNode, { type: 'CallExpression' }>, lexical: Lexical): void {
    if (node.callee.type === 'Super' && lexical.superNamed) {
      throw this.#context.errorAt(
        node.start,
        UnsupportedSyntaxError,
        'super() is called in an async arrow function',
        'call super() in the constructor itself',
      );
    }
    const twin = lexical.kind === 'coroutine' && this.#yielding.isCall(node);
    const after = twin ? this.#yielding.begin(node, this.#valueName()) : '';
    eachChild(node, (child) => this.#visit(child, lexical));
    if (after !== '') this.#context.edits.appendLeft(node.end, after);
  }

  #rewriteIdentifier(node: Extract<AnyNode, { type: 'Identifier' }>, lexical: Lexical): void {
    const reference = this.#references.get(node);
    if (reference === undefined) return;
    if (node.name === 'arguments') {
      if (reference.binding !== null || lexical.args === PLAIN.args) return;
      this.#context.replace(
        node.start,
        node.end,
        reference.shorthand ? `arguments: ${lexical.args}` : lexical.args,
      );
      return;
    }
    const { binding } = reference;
    if (binding === null) return;
    const access = lexical.accessors.get(binding);
    if (access !== undefined) this.#replaceByAccess(reference, access);
    const { preludeEnd } = this.#context;
    if (binding.node.start >= preludeEnd || node.start < preludeEnd) return;
    if (node.name === '__callDispose') {
      this.#context.replace(node.start, node.end, this.#disposeName());
      return;
    }
    if (node.name === '__forAwait') {
      this.#context.replace(node.start, node.end, this.#context.runtime('forAwait'));
    }
  }

  #replaceByAccess({ node, shorthand }: Reference, access: string): void {
    const parent = this.#context.scopes.parents.get(node);
    // A call of a property would give it a `this`.
    const called =
      (parent?.type === 'CallExpression' && parent.callee === node) ||
      (parent?.type === 'TaggedTemplateExpression' && parent.tag === node);
    const text = shorthand ? `${node.name}: ${access}` : called ? `(0, ${access})` : access;
    this.#context.replace(node.start, node.end, text);
  }

  /** What stands around the operand of an `await` in an async generator. */
  #awaitInGenerator(node: AnyNode): [open: string, close: string] {
    const made = `yield new ${this.#context.runtime('Await')}(`;
    const [open, close] = this.#context.resumption(node, made).split(made) as [string, string];
    return [open + made, `)${close}`];
  }

  /** `await x`: the value at once where it is there, else `yield`. */
  #rewriteAwait(node: AwaitNode, lexical: Lexical, discardsValue: boolean): void {
    const { edits } = this.#context;
    if (lexical.generator) {
      const [open, close] = this.#awaitInGenerator(node);
      edits.update(node.start, node.start + 'await'.length, open);
      this.#visit(node.argument, lexical);
      edits.appendLeft(node.end, close);
      return;
    }
    const park = this.#context.runtime('PARK');
    const resumed = this.#context.resumption(node);
    const receive = this.#receiveCall(node.argument);
    const direct = receive === null && this.#reductions.isDirectCall(node.argument);
    const tell = direct ? `${this.#context.runtime('context')}.awaited = true, ` : '';
    const open = direct ? '((' : '(';
    const call = receive === null ? `${this.#context.runtime('await')}${open}${tell}` : '';
    const keywordEnd = node.start + 'await'.length;
    edits.update(node.start, keywordEnd, discardsValue ? call : `((${this.#value} = ${call}`);
    if (receive === null) this.#visit(node.argument, lexical);
    else {
      this.#context.replace(receive.start, receive.open, this.#context.runtime('receive'));
      for (const argument of receive.arguments) this.#visit(argument, lexical);
    }
    const close = receive === null ? (direct ? '))' : ')') : '';
    edits.appendLeft(
      node.end,
      discardsValue
        ? `${close} === ${park} && ${resumed}`
        : `${close}) === ${park} ? ${resumed} : ${this.#value})`,
    );
  }

  /**
   * `return await f()` where nothing is left to do afterwards: the caller of the coroutine waits for `f` itself,
   * so a loop that goes on so does not grow, and its frame does not stay in the version that it came from.
   */
  #isTailAwait(node: AnyNode & { type: 'ReturnStatement' }, lexical: Lexical): boolean {
    const { argument } = node;
    if (lexical.kind !== 'coroutine' || argument?.type !== 'AwaitExpression') return false;
    // A line end after `return` would be the end of the statement.
    const between = this.#context.code.slice(argument.start, argument.argument.start);
    if (between.includes('\n') || this.#receiveCall(argument.argument) !== null) return false;
    return this.#guards === 0;
  }

  #rewriteTail({ start, end, argument }: AwaitNode, lexical: Lexical): void {
    const { edits } = this.#context;
    const direct = this.#reductions.isDirectCall(argument);
    const tell = `(${this.#context.runtime('context')}.awaited = true, `;
    if (direct) edits.update(start, start + 'await'.length, tell);
    else edits.remove(start, start + 'await'.length);
    this.#visit(argument, { ...lexical, end });
    if (direct) edits.appendLeft(end, ')');
  }

  /** `receive(…)` of `tsvm`: where the callee starts and its argument list opens. */
  #receiveCall(node: AnyNode): { start: number; open: number; arguments: AnyNode[] } | null {
    if (node.type !== 'CallExpression' || node.optional) return null;
    let { callee } = node as { callee: AnyNode };
    if (callee.type === 'SequenceExpression') {
      const [zero, member] = callee.expressions;
      if (callee.expressions.length !== 2 || zero?.type !== 'Literal' || member === undefined)
        return null;
      callee = member;
    }
    if (
      callee.type !== 'MemberExpression' ||
      callee.computed ||
      callee.object.type !== 'Identifier'
    )
      return null;
    if (callee.property.type !== 'Identifier' || callee.property.name !== 'receive') return null;
    const binding = this.#references.get(callee.object)?.binding;
    if (!binding || !this.#context.bifBindings.has(binding)) return null;
    const open = this.#context.code.indexOf('(', node.callee.end);
    return { start: node.start, open, arguments: node.arguments };
  }

  /** `super.x` inside a generator, where there is no `super`: by the closures of the wrapper. */
  #rewriteSuper(node: Extract<AnyNode, { type: 'MemberExpression' }>, lexical: Lexical): void {
    const { edits } = this.#context;
    const parent = this.#context.scopes.parents.get(node);
    const target = isAssignmentTarget(node, parent);
    const { get, set } = this.#context.superNames;
    const before = target ? `${this.#superReference()}(${get}, ${set}, ` : `${get}(`;
    const after = target ? ')._' : ')';
    if (node.computed) {
      this.#context.replace(node.start, node.property.start, before);
      this.#visit(node.property, lexical);
      edits.appendLeft(node.property.end, after);
      edits.remove(node.property.end, node.end);
    } else {
      const key = JSON.stringify((node.property as { name?: string }).name);
      this.#context.replace(node.start, node.end, `${before}${key}${after}`);
    }
    if (parent?.type === 'TaggedTemplateExpression' && parent.tag === node) {
      edits.appendLeft(node.end, '.bind(this)');
    }
    if (parent?.type !== 'CallExpression' || parent.callee !== node) return;
    const open = this.#context.code.indexOf('(', node.end);
    const comma = parent.arguments.length > 0 ? ', ' : '';
    edits.update(node.end, open + 1, `${parent.optional ? '?.' : '.'}call(this${comma}`);
  }

  #disposeName(): string {
    if (this.#dispose === null) {
      this.#dispose = this.#context.fresh('$dispose');
      this.#context.addHeader(disposeHelper(this.#dispose, (name) => this.#context.runtime(name)));
    }
    return this.#dispose;
  }

  #superReference(): string {
    if (this.#superRef === null) {
      this.#superRef = this.#context.fresh('$superRef');
      this.#context.addHeader(
        `const ${this.#superRef} = (get, set, key) => ({ get _() { return get(key); }, set _(value) { set(key, value); } });`,
      );
    }
    return this.#superRef;
  }

  #valueName(): string {
    this.#value ??= this.#context.fresh('$m');
    return this.#value;
  }
}

/**
 * The `await` in the head of a `for await` as esbuild lowers it:
 *   for (var iter = __forAwait(x), more, temp, error; more = !(temp = await iter.next()).done; more = false)
 */
function forAwaitStep(node: AnyNode): AnyNode | null {
  if (node.type !== 'ForStatement' || node.init?.type !== 'VariableDeclaration') return null;
  const init = node.init.declarations[0]?.init;
  if (init?.type !== 'CallExpression' || init.callee.type !== 'Identifier') return null;
  if (init.callee.name !== '__forAwait' || !node.test) return null;
  let found: AnyNode | null = null;
  const visit = (child: AnyNode): void => {
    if (child.type === 'AwaitExpression') found = child;
    else eachChild(child, visit);
  };
  visit(node.test);
  return found;
}

/** Whether the function itself, not one inside it, uses the value of an `await`. */
function containsAwaitedValue(node: AnyNode): boolean {
  let found = false;
  const visit = (child: AnyNode): void => {
    if (found || isFunction(child)) return;
    if (child.type === 'ExpressionStatement' && child.expression.type === 'AwaitExpression') {
      visit(child.expression.argument);
    } else if (child.type === 'AwaitExpression') found = true;
    else eachChild(child, visit);
  };
  eachChild(node, visit);
  return found;
}

function isAssignmentTarget(node: AnyNode, parent: AnyNode | undefined): boolean {
  switch (parent?.type) {
    case 'AssignmentExpression':
    case 'AssignmentPattern':
    case 'ForInStatement':
    case 'ForOfStatement':
      return parent.left === node;
    case 'UpdateExpression':
    case 'ArrayPattern':
    case 'ObjectPattern':
    case 'RestElement':
      return true;
    default:
      return false;
  }
}
