/**
 * Twins: a function that calls itself gets a copy, and the two call each other.
 *
 *   function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) }
 * becomes
 *   function fib(n) { …check… return n < 2 ? n : fib$twin(n - 1) + fib$twin(n - 2) }
 *   function fib$twin(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) }
 *
 * V8 never inlines a function in itself, but the one in the other. So recursion that does little else takes
 * half the time, of the untransformed function too.
 *
 * Invariants:
 *  1. Nobody but the function calls its twin, so each cycle of calls through the twin passes the function,
 *     where the check is.
 *  2. The twin is never seen: not as a value, and in stacks it has name and lines of the function.
 *  3. Nothing in the text of the function has an identity of its own: no function, class or template object.
 */

import type { Binding } from './scopes.js';
import { type AnyNode, eachChild, type FunctionNode, type Identifier } from './syntax.js';
import type { TransformContext } from './transform.js';

/** Longer functions V8 does not inline. */
const LENGTH_MAX = 500;

interface Twin {
  readonly binding: Binding;
  /** The calls by which it calls itself. */
  readonly calls: readonly Identifier[];
}

export class Twins {
  readonly #context: TransformContext;
  readonly #found: Map<FunctionNode, Twin | null> = new Map();

  constructor(context: TransformContext) {
    this.#context = context;
  }

  /** Does this function get a twin? */
  has(node: FunctionNode): boolean {
    return this.#find(node) !== null;
  }

  /** Copy the text as it is now, and let the function call the copy. */
  copy(node: FunctionNode): void {
    const twin = this.#find(node);
    if (twin === null) return;
    const { edits, copies } = this.#context;
    const name = this.#context.fresh(`${twin.binding.name}$twin`);
    const text = edits.snip(node.start, node.end);
    const { body } = node;
    if (node.type === 'ArrowFunctionExpression') {
      const arrow = this.#context.code.lastIndexOf('=>', body.start);
      const block = body.type === 'BlockStatement';
      text.update(arrow, arrow + '=>'.length, block ? '' : '{ return');
      text.prepend(`function ${name}`).append(block ? '' : '; }');
    } else if (node.id) {
      text.update(node.id.start, node.id.end, name);
    } else {
      text.appendLeft(node.start + 'function'.length, ` ${name}`);
    }
    copies.push(text.append('\n'));
    for (const { start, end } of twin.calls) edits.update(start, end, name);
  }

  #find(node: FunctionNode): Twin | null {
    let twin = this.#found.get(node);
    if (twin === undefined) {
      twin = this.#look(node);
      this.#found.set(node, twin);
    }
    return twin;
  }

  #look(node: FunctionNode): Twin | null {
    if (node.async || node.generator || node.end - node.start > LENGTH_MAX) return null;
    const binding = this.#moduleBinding(node);
    if (binding === undefined || binding.reassigned) return null;
    const { parents } = this.#context.scopes;
    const calls: Identifier[] = [];
    for (const reference of binding.references) {
      const { start, end } = reference.node;
      if (start < node.start || end > node.end || this.#context.isDiscarded(reference)) continue;
      const parent = parents.get(reference.node);
      if (parent?.type === 'CallExpression' && parent.callee === reference.node)
        calls.push(reference.node);
    }
    return calls.length > 0 && canBeCopied(node) ? { binding, calls } : null;
  }

  /** The name at module level that always means this function. */
  #moduleBinding(node: FunctionNode): Binding | undefined {
    const { module, parents } = this.#context.scopes;
    const parent = parents.get(node);
    let id: AnyNode | null | undefined = null;
    if (node.type === 'FunctionDeclaration') id = node.id;
    else if (parent?.type === 'VariableDeclaration' && parent.kind === 'const') {
      if (node.type === 'FunctionExpression' && node.id) return undefined;
      id = parent.declarations.find(({ init }) => init === node)?.id;
    }
    if (id?.type !== 'Identifier') return undefined;
    const binding = module.bindings.get(id.name);
    return binding?.node === id ? binding : undefined;
  }
}

function canBeCopied(node: FunctionNode): boolean {
  let can = true;
  const visit = (child: AnyNode): void => {
    can &&= !hasIdentity(child);
    if (can) eachChild(child, visit);
  };
  eachChild(node, visit);
  return can;
}

/** What means something else in a copy, or is edited by moving text. */
function hasIdentity(node: AnyNode): boolean {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ClassDeclaration':
    case 'ClassExpression':
    case 'TaggedTemplateExpression':
    case 'ThisExpression':
    case 'MetaProperty':
    case 'TryStatement':
    case 'ForOfStatement':
      return true;
    case 'Identifier':
      return node.name === 'arguments';
    default:
      return false;
  }
}
