/**
 * Call graph: which functions of a module must count their entry, so that every cycle of calls counts.
 *
 * A call is *closed* when the text tells whose function runs: one of this module that is never
 * assigned, or a private method of the class. Any other call is *open*: it may lead back to any function.
 *
 * Invariants:
 *  1. Who makes an open call counts; so does one function of each cycle of closed calls.
 *  2. Who calls something and is given away as a value counts, for native code may call it in a loop.
 *
 *  3. A call runs at most `UNCOUNTED_MAX` functions without a check: ten that each call the next twice
 *     would be a thousand.
 *
 * Of a cycle that function counts which the search comes back to, beginning at the functions that the
 * text has first.
 */

import type { Binding, Reference, Scopes } from './scopes.js';
import { type AnyNode, eachChild, type FunctionNode, isArithmetic, isFunction } from './syntax.js';

const UNCOUNTED_MAX = 64;

interface Calls {
  open: boolean;
  /** How often the text calls each. */
  readonly closed: Map<FunctionNode, number>;
  /** The functions that a call runs, this one and those below, up to the next check. */
  runs: number;
  /** Something else than a call refers to it, or nothing does by name. */
  given: boolean;
  counted: boolean;
  state: 'new' | 'on_path' | 'done';
}

type ClassNode = Extract<AnyNode, { type: 'ClassDeclaration' | 'ClassExpression' }>;

export class CallGraph {
  readonly #scopes: Scopes;
  readonly #bindings: Map<AnyNode, Binding> = new Map();
  readonly #named: Map<Binding, FunctionNode> = new Map();
  readonly #calls: Map<FunctionNode, Calls> = new Map();
  /** By the callees of closed calls. */
  readonly #callees: Map<AnyNode, FunctionNode> = new Map();
  /** The private methods of the classes around the place of the walk. */
  readonly #privates: Map<string, FunctionNode | null>[] = [];

  constructor(program: AnyNode, scopes: Scopes, isDiscarded: (reference: Reference) => boolean) {
    this.#scopes = scopes;
    for (const node of scopes.functions.keys()) if (isFunction(node)) this.#name(node);
    for (const reference of scopes.references) {
      const { binding, node } = reference;
      if (binding === null) continue;
      this.#bindings.set(node, binding);
      const named = this.#named.get(binding);
      if (named === undefined || isDiscarded(reference)) continue;
      const parent = scopes.parents.get(node);
      if (parent?.type !== 'CallExpression' || parent.callee !== node) this.#of(named).given = true;
    }
    this.#walk(program, null);
    for (const calls of this.#calls.values()) this.#search(calls);
  }

  /** Must the entry of this function be counted? */
  counts(node: FunctionNode): boolean {
    return this.#calls.get(node)?.counted === true;
  }

  /** The function that runs, where the text tells it. */
  calleeOf({ callee }: Extract<AnyNode, { type: 'CallExpression' }>): FunctionNode | undefined {
    return this.#callees.get(callee);
  }

  #of(node: FunctionNode): Calls {
    let calls = this.#calls.get(node);
    if (calls === undefined) {
      calls = {
        open: false,
        closed: new Map(),
        runs: 1,
        given: true,
        counted: false,
        state: 'new',
      };
      this.#calls.set(node, calls);
    }
    return calls;
  }

  /** Note the binding that always means this function. */
  #name(node: FunctionNode): void {
    const calls = this.#of(node);
    const home = this.#scopes.functions.get(node)?.home;
    const id = node.type === 'FunctionDeclaration' ? node.id : this.#constantOf(node);
    if (id === null || id === undefined) return;
    let scope = home ?? null;
    while (scope !== null && !scope.bindings.has(id.name)) scope = scope.parent;
    const binding = scope?.bindings.get(id.name);
    if (binding === undefined || binding.node !== id || binding.reassigned) return;
    this.#named.set(binding, node);
    calls.given = false;
  }

  #constantOf(node: FunctionNode): Extract<AnyNode, { type: 'Identifier' }> | null {
    const parent = this.#scopes.parents.get(node);
    if (parent?.type !== 'VariableDeclaration' || parent.kind !== 'const') return null;
    const id = parent.declarations.find(({ init }) => init === node)?.id;
    return id?.type === 'Identifier' ? id : null;
  }

  #walk(node: AnyNode, within: Calls | null): void {
    let calls = within;
    switch (node.type) {
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        calls = this.#of(node);
        break;
      case 'ClassDeclaration':
      case 'ClassExpression':
        if (calls !== null) calls.open = true;
        this.#privates.push(this.#privateMethods(node));
        eachChild(node, (child) => this.#walk(child, calls));
        this.#privates.pop();
        return;
      case 'PropertyDefinition':
        if (node.value) this.#walk(node.value, null);
        if (node.computed) this.#walk(node.key, calls);
        return;
      case 'StaticBlock':
        calls = null;
        break;
      case 'CallExpression':
        if (this.#call(node.callee, calls)) {
          for (const argument of node.arguments) this.#walk(argument, calls);
          return;
        }
        break;
      case 'MemberExpression':
        this.#givePrivate(node);
        break;
      case 'YieldExpression':
        if (node.delegate && calls !== null) calls.open = true;
        break;
      case 'NewExpression':
      case 'TaggedTemplateExpression':
      case 'ImportExpression':
        if (calls !== null) calls.open = true;
        break;
      default:
    }
    eachChild(node, (child) => this.#walk(child, calls));
  }

  /** @returns whether nothing of the callee needs a look any more */
  #call(callee: AnyNode, calls: Calls | null): boolean {
    if (isArithmetic(callee)) return true;
    const binding = callee.type === 'Identifier' ? this.#bindings.get(callee) : undefined;
    const named = binding === undefined ? undefined : this.#named.get(binding);
    const method = named ?? this.#privateMethod(callee);
    if (method === undefined) {
      if (calls !== null) calls.open = true;
      return false;
    }
    calls?.closed.set(method, (calls.closed.get(method) ?? 0) + 1);
    this.#callees.set(callee, method);
    return true;
  }

  /** `this.#method` of a class around; no other class can have that very name. */
  #privateMethod(callee: AnyNode): FunctionNode | undefined {
    if (callee.type !== 'MemberExpression' || callee.property.type !== 'PrivateIdentifier')
      return undefined;
    if (callee.object.type !== 'ThisExpression') return undefined;
    return this.#private(callee.property.name) ?? undefined;
  }

  #givePrivate(node: Extract<AnyNode, { type: 'MemberExpression' }>): void {
    if (node.property.type !== 'PrivateIdentifier') return;
    const method = this.#private(node.property.name);
    if (method) this.#of(method).given = true;
  }

  #private(name: string): FunctionNode | null | undefined {
    for (let at = this.#privates.length - 1; at >= 0; at--) {
      const found = this.#privates[at]?.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #privateMethods(node: ClassNode): Map<string, FunctionNode | null> {
    const methods = new Map<string, FunctionNode | null>();
    for (const member of node.body.body) {
      if (member.type === 'StaticBlock' || member.key.type !== 'PrivateIdentifier') continue;
      const method =
        member.type === 'MethodDefinition' && member.kind === 'method' ? member.value : null;
      methods.set(member.key.name, method);
      if (method !== null) this.#of(method).given = false;
    }
    return methods;
  }

  #search(calls: Calls): void {
    if (calls.state !== 'new') return;
    if (calls.open || (calls.given && calls.closed.size > 0)) {
      calls.counted = true;
      calls.state = 'done';
      return;
    }
    calls.state = 'on_path';
    for (const [callee, times] of calls.closed) {
      const next = this.#of(callee);
      if (next.state === 'on_path') next.counted = true;
      else this.#search(next);
      calls.runs += next.counted ? 0 : times * next.runs;
    }
    if (calls.runs > UNCOUNTED_MAX) calls.counted = true;
    calls.state = 'done';
  }
}
