/**
 * Pass: async functions become coroutines.
 *
 *   async function f(a, b) { return a + await b }
 * becomes
 *   function f(a, b) { return $start(f$co(a, b)) }
 *   function* f$co(a, b) { let $m; return a + (($m = $await(b)) === $PARK ? yield : $m) }
 *
 * `f` keeps name, length, `this` and place; the generator is moved to where no closure has to be made
 * for it at each call (see `generatorPlace`), or stays inside when it cannot be moved.
 *
 * esbuild could lower async functions itself; it is told not to, because its `__async` passes the
 * parameters by closure (which no pass can undo once a `var` repeats a parameter), runs default
 * values before there is anything to reject, and loses `this` for `super` in a nested async arrow.
 * Async generators and `for await` are left to it; here they only get the runtime's helpers.
 *
 * Invariants:
 *  1. Evaluating parameters never throws into the caller: it rejects the task.
 *  2. What an arrow takes from the function around it (`this`, `arguments`, `new.target`, `super`)
 *     reaches its generator as `this` or as a leading parameter.
 *  3. Text that ends where an enclosing edit ends is not moved: the suffix of that edit would go with it.
 *
 * Source: ECMAScript, "Async Function Definitions", "AsyncFunctionStart".
 */

import { disposeHelper } from './dispose-helper.js';
import { UnsupportedSyntaxError } from './errors.js';
import { describeFunction, inferName } from './lowered-function.js';
import type { Reference } from './scopes.js';
import { type AnyNode, eachChild, type FunctionNode, isFunction } from './syntax.js';
import type { Pass, RuntimeName, TransformContext } from './transform.js';

/** What names mean at a place of the text, once the functions around it are lowered. */
export interface Lexical {
  readonly args: string;
  readonly newTarget: string;
  /** `super` is reached through the parameters `superNames`. */
  readonly superNamed: boolean;
  /** Where the innermost edit that appends text ends. */
  readonly end: number;
}

const PLAIN: Lexical = { args: 'arguments', newTarget: 'new.target', superNamed: false, end: -1 };

const HELPERS: Readonly<Record<string, RuntimeName>> = {
  __asyncGenerator: 'asyncGenerator',
  __await: 'Await',
  __forAwait: 'forAwait',
  __yieldStar: 'yieldStar',
};

export const coroutines: Pass = (context) => new Coroutines(context).run();

class Coroutines {
  readonly #context: TransformContext;
  readonly #references: Map<AnyNode, Reference> = new Map();
  /** The function whose code is being visited. */
  #name = 'anonymous';
  #value: string | null = null;
  #superRef: string | null = null;
  #dispose: string | null = null;

  constructor(context: TransformContext) {
    this.#context = context;
    for (const reference of context.scopes.references)
      this.#references.set(reference.node, reference);
  }

  run(): void {
    for (const statement of this.#context.program.body) this.#visit(statement, PLAIN);
  }

  #visit(node: AnyNode, lexical: Lexical): void {
    if (isFunction(node)) {
      this.#visitFunction(node, lexical);
      return;
    }
    switch (node.type) {
      case 'PropertyDefinition':
      case 'StaticBlock':
        eachChild(node, (child) => this.#visit(child, PLAIN));
        return;
      case 'AwaitExpression':
        this.#rewriteAwait(node, { ...lexical, end: node.end }, false);
        return;
      case 'ExpressionStatement':
        if (node.expression.type === 'AwaitExpression') {
          const end = node.expression.end;
          this.#rewriteAwait(node.expression, { ...lexical, end }, true);
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
    const outerName = this.#name;
    const lowered = node.async ? describeFunction(this.#context, node, outer) : null;
    this.#name = lowered?.name ?? inferName(this.#context, node);
    lowered?.begin(containsAwaitedValue(node) ? this.#valueName() : null);
    const inner = lowered?.inner ?? (arrow ? outer : { ...PLAIN, end: outer.end });
    for (const param of node.params) this.#visit(param, inner);
    this.#visit(node.body, inner);
    lowered?.finish();
    this.#name = outerName;
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
    const body = node.arguments[2];
    if (
      body?.type === 'FunctionExpression' &&
      body.generator &&
      !body.id &&
      this.#isHelper(node.callee)
    ) {
      const at = this.#context.code.indexOf('*', body.start) + 1;
      this.#context.edits.appendLeft(at, ` ${this.#context.fresh(`${this.#name}$co`)}`);
    }
    eachChild(node, (child) => this.#visit(child, lexical));
  }

  #isHelper(node: AnyNode): boolean {
    return node.type === 'Identifier' && Object.hasOwn(HELPERS, node.name);
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
    if (binding === null || binding.node.start >= this.#context.preludeEnd) return;
    if (node.start < this.#context.preludeEnd) return;
    if (node.name === '__callDispose') {
      this.#context.replace(node.start, node.end, this.#disposeName());
      return;
    }
    const helper = Object.hasOwn(HELPERS, node.name) ? HELPERS[node.name] : undefined;
    if (helper !== undefined) {
      this.#context.replace(node.start, node.end, this.#context.runtime(helper));
    }
  }

  /** `await x`: the value at once where it is there, else `yield`. */
  #rewriteAwait(
    node: Extract<AnyNode, { type: 'AwaitExpression' }>,
    lexical: Lexical,
    discardsValue: boolean,
  ): void {
    const { edits } = this.#context;
    const park = this.#context.runtime('PARK');
    const receive = this.#receiveCall(node.argument);
    const call = receive === null ? `${this.#context.runtime('await')}(` : '';
    const keywordEnd = node.start + 'await'.length;
    edits.update(node.start, keywordEnd, discardsValue ? call : `((${this.#value} = ${call}`);
    if (receive === null) this.#visit(node.argument, lexical);
    else {
      this.#context.replace(receive.start, receive.open, this.#context.runtime('receive'));
      for (const argument of receive.arguments) this.#visit(argument, lexical);
    }
    const close = receive === null ? ')' : '';
    edits.appendLeft(
      node.end,
      discardsValue
        ? `${close} === ${park} && (yield)`
        : `${close}) === ${park} ? yield : ${this.#value})`,
    );
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
