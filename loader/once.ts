/**
 * Once: which functions run only while their module is evaluated.
 *
 * What such a function changes is as good as written at module level: it is done before any process
 * runs. Known are the code of the module itself, static blocks and fields of its classes, functions
 * called where they are written, functions given to `forEach` and its like, and functions with a name
 * that nothing but such code calls. Of anything else it is assumed that processes may run it.
 */

import type { Binding, FunctionInfo, Scope, Scopes } from './scopes.js';
import { type AnyNode, isFunction } from './syntax.js';

/** Methods of the language that call what they are given before they return, and do not keep it. */
const CALLS_AT_ONCE: ReadonlySet<string> = new Set([
  ...['forEach', 'map', 'filter', 'reduce', 'reduceRight', 'flatMap', 'some', 'every', 'find'],
  ...['findIndex', 'findLast', 'findLastIndex', 'sort', 'toSorted', 'from', 'groupBy'],
  ...['replace', 'replaceAll'],
]);

export class Once {
  readonly #scopes: Scopes;
  readonly #known: Map<FunctionInfo, boolean> = new Map();

  constructor(scopes: Scopes) {
    this.#scopes = scopes;
  }

  /** @param info `null` for the code of the module itself */
  has(info: FunctionInfo | null): boolean {
    if (info === null) return true;
    let once = this.#known.get(info);
    if (once === undefined) {
      // Functions that call each other in a circle are not followed: processes may run them.
      this.#known.set(info, false);
      once = this.#find(info);
      this.#known.set(info, once);
    }
    return once;
  }

  #find(info: FunctionInfo): boolean {
    const { node } = info;
    if (!isFunction(node)) {
      return (node.type === 'StaticBlock' || node.static) && this.has(info.outer);
    }
    if (node.async || node.generator) return false;
    const binding = bindingOf(this.#scopes, info);
    if (binding !== undefined) return this.#onlyCalledOnce(binding);
    const call = this.#scopes.parents.get(node);
    if (call?.type !== 'CallExpression' || !this.has(info.outer)) return false;
    return call.callee === node || (isDirect(call.arguments, node) && callsAtOnce(call.callee));
  }

  #onlyCalledOnce({ references, node, reassigned }: Binding): boolean {
    if (reassigned || references.length === 0) return false;
    return references.every((reference) => {
      const { owner } = reference.scope;
      // A function that calls itself is called by whoever called it.
      for (let f = owner; f !== null; f = f.outer)
        if (isNamedBy(this.#scopes, f, node)) return true;
      const call = this.#scopes.parents.get(reference.node);
      return call?.type === 'CallExpression' && call.callee === reference.node && this.has(owner);
    });
  }
}

/** The variable that a function is declared as, or is the first and only value of. */
export function bindingOf(scopes: Scopes, { node, home }: FunctionInfo): Binding | undefined {
  if (node.type === 'FunctionDeclaration') return lookUp(home, node.id?.name);
  const parent = scopes.parents.get(node);
  if (parent?.type !== 'VariableDeclaration') return undefined;
  const declarator = parent.declarations.find(({ init }) => init === node);
  return declarator?.id.type === 'Identifier' ? lookUp(home, declarator.id.name) : undefined;
}

function lookUp(from: Scope, name: string | undefined): Binding | undefined {
  if (name === undefined) return undefined;
  let scope: Scope | null = from;
  while (scope !== null && !scope.bindings.has(name)) scope = scope.parent;
  return scope?.bindings.get(name);
}

function isNamedBy(scopes: Scopes, info: FunctionInfo, name: AnyNode): boolean {
  return bindingOf(scopes, info)?.node === name;
}

function isDirect(nodes: readonly AnyNode[], node: AnyNode): boolean {
  return nodes.includes(node);
}

function callsAtOnce(callee: AnyNode): boolean {
  return (
    callee.type === 'MemberExpression' &&
    callee.property.type === 'Identifier' &&
    CALLS_AT_ONCE.has(callee.property.name)
  );
}
