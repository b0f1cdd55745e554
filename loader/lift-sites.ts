/**
 * Lift sites: the places of a module where a function becomes a value that can be sent.
 *
 * These are the entry of `spawn` and its family, the function given to `dirty`, and what is given to
 * `fn`; there a function literal, or the name of a function that is local to another one. A choice
 * (`a ? f : g`, `f ?? g`) is looked through. Functions of the top level capture nothing and are no
 * concern of this file.
 *
 * One walk of the tree, which also notes what the analysis of captures needs and the scopes do not
 * hold: what names are declared as, `var`s with a value, and the nodes around each site.
 */

import type { Binding, Reference } from './scopes.js';
import { resolveSpecifier } from './specifier.js';
import {
  type AnyNode,
  eachChild,
  type FunctionNode,
  type Identifier,
  isFunction,
} from './syntax.js';
import type { TransformContext } from './transform.js';

interface Taking {
  /** Which argument is the function. */
  readonly at: number;
  /** It is copied by the built-in function itself. */
  readonly entry: boolean;
}

const TAKES_FUNCTION: ReadonlyMap<string, Taking> = new Map([
  ['spawn', { at: 0, entry: true }],
  ['spawnLink', { at: 0, entry: true }],
  ['spawnMonitor', { at: 0, entry: true }],
  ['spawnOpt', { at: 1, entry: true }],
  ['dirty', { at: 0, entry: true }],
  ['fn', { at: 0, entry: false }],
]);

export interface Site {
  /** What is replaced: the literal, or the name. */
  readonly node: FunctionNode | Identifier;
  readonly fun: FunctionNode;
  /** The variable that is declared as the function, or as `fn` of it. */
  readonly binding: Binding | null;
  readonly entry: boolean;
  /** A process runs it on a scheduler. */
  readonly spawned: boolean;
  /** The nodes around it, outermost first. */
  readonly around: readonly AnyNode[];
}

export interface Sites {
  readonly sites: readonly Site[];
  /** By the name in its declaration: the value a variable is declared with. */
  readonly values: ReadonlyMap<AnyNode, AnyNode>;
  /** By the name in its declaration: the site that is all of its value, as in `const f = fn(() => 1)`. */
  readonly siteOf: ReadonlyMap<AnyNode, Site>;
  /** Names in `var` declarations that get a value there, with the function they stand in. */
  readonly varWrites: readonly { readonly node: Identifier; readonly owner: AnyNode | null }[];
}

export function findSites(context: TransformContext): Sites {
  const bifs = bifBindings(context);
  return new Walk(context, bifs).finish();
}

/** The variables of the module that hold what `tsvm` exports. */
function bifBindings({ program, scopes, input }: TransformContext): ReadonlySet<Binding> {
  const found = new Set<Binding>();
  for (const statement of program.body) {
    if (statement.type !== 'VariableDeclaration') continue;
    for (const { id, init } of statement.declarations) {
      const specifier = requiredBy(init);
      if (specifier === undefined || id.type !== 'Identifier') continue;
      if (resolveSpecifier(input.moduleName, specifier).kind !== 'tsvm') continue;
      const binding = scopes.module.bindings.get(id.name);
      if (binding !== undefined) found.add(binding);
    }
  }
  return found;
}

/** `require("x")`, or the same in one of esbuild's helpers. */
function requiredBy(node: AnyNode | null | undefined): string | undefined {
  if (node?.type !== 'CallExpression' || node.callee.type !== 'Identifier') return undefined;
  const [argument] = node.arguments;
  if (node.callee.name === '__toESM') return requiredBy(argument);
  return node.callee.name === 'require' && argument?.type === 'Literal'
    ? String(argument.value)
    : undefined;
}

class Walk {
  readonly #bifs: ReadonlySet<Binding>;
  readonly #sites: Site[] = [];
  readonly #values = new Map<AnyNode, AnyNode>();
  readonly #siteOf = new Map<AnyNode, Site>();
  readonly #varWrites: { node: Identifier; owner: AnyNode | null }[] = [];
  readonly #references = new Map<AnyNode, Reference>();
  readonly #around: AnyNode[] = [];
  readonly #calls: { call: Call; around: readonly AnyNode[] }[] = [];
  /** By the name in its declaration. */
  readonly #bindings = new Map<AnyNode, Binding>();

  constructor(context: TransformContext, bifs: ReadonlySet<Binding>) {
    this.#bifs = bifs;
    if (bifs.size === 0) return;
    for (const reference of context.scopes.references) {
      this.#references.set(reference.node, reference);
      if (reference.binding) this.#bindings.set(reference.binding.node, reference.binding);
    }
    this.#visit(context.program);
    // Names are known only when all of the module has been seen.
    for (const { call, around } of this.#calls) this.#addSites(call, around);
  }

  finish(): Sites {
    this.#sites.sort((a, b) => a.node.start - b.node.start);
    return {
      sites: this.#sites,
      values: this.#values,
      siteOf: this.#siteOf,
      varWrites: this.#varWrites,
    };
  }

  #visit(node: AnyNode): void {
    if (node.type === 'VariableDeclarator' && node.init) this.#declare(node.id, node.init);
    if (node.type === 'FunctionDeclaration' && node.id) this.#values.set(node.id, node);
    if (node.type === 'ClassDeclaration' && node.id) this.#values.set(node.id, node);
    if (node.type === 'VariableDeclaration' && node.kind === 'var') this.#noteVar(node);
    if (node.type === 'CallExpression' && this.#calledBif(node) !== undefined) {
      this.#calls.push({ call: node, around: [...this.#around, node] });
    }
    this.#around.push(node);
    eachChild(node, (child) => this.#visit(child));
    this.#around.pop();
  }

  #declare(id: AnyNode, init: AnyNode): void {
    if (id.type === 'Identifier') this.#values.set(id, init);
  }

  #noteVar(node: Extract<AnyNode, { type: 'VariableDeclaration' }>): void {
    const parent = this.#around.at(-1);
    const isLoopHead = parent?.type === 'ForInStatement' || parent?.type === 'ForOfStatement';
    const owner = this.#around.findLast(isFunctionLike) ?? null;
    for (const { id, init } of node.declarations) {
      if (init || isLoopHead)
        for (const name of namesIn(id)) this.#varWrites.push({ node: name, owner });
    }
  }

  /** The name of the built-in function that is called: `(0, import_tsvm.spawn)(…)`, `tsvm.spawn(…)`. */
  #calledBif({ callee }: Call): string | undefined {
    const member = callee.type === 'SequenceExpression' ? callee.expressions.at(-1) : callee;
    if (member?.type !== 'MemberExpression' || member.computed) return undefined;
    if (member.property.type !== 'Identifier') return undefined;
    const binding = this.#references.get(member.object)?.binding;
    const { name } = member.property;
    return binding && this.#bifs.has(binding) && TAKES_FUNCTION.has(name) ? name : undefined;
  }

  #addSites(call: Call, around: readonly AnyNode[]): void {
    const name = this.#calledBif(call) as string;
    const { at, entry } = TAKES_FUNCTION.get(name) as Taking;
    const given = call.arguments.slice(0, at + 1);
    const argument = given[at];
    if (argument === undefined || given.some(({ type }) => type === 'SpreadElement')) return;
    const declarator = around.at(-2);
    const whole =
      !entry &&
      isFunction(argument) &&
      declarator?.type === 'VariableDeclarator' &&
      declarator.id.type === 'Identifier'
        ? declarator.id
        : null;
    for (const node of choices(argument)) {
      const site = this.#siteAt(node, { entry, spawned: entry && name !== 'dirty' }, around, whole);
      if (site === undefined) continue;
      this.#sites.push(site);
      if (whole !== null) this.#siteOf.set(whole, site);
    }
  }

  #siteAt(
    node: AnyNode,
    use: Pick<Site, 'entry' | 'spawned'>,
    around: readonly AnyNode[],
    declared: Identifier | null,
  ): Site | undefined {
    if (isFunction(node)) {
      // One that nobody refers to is not in the map, and is not needed.
      const binding = declared === null ? null : (this.#bindings.get(declared) ?? null);
      return { node, fun: node, binding, ...use, around };
    }
    if (node.type !== 'Identifier') return undefined;
    const binding = this.#references.get(node)?.binding;
    if (!binding || binding.scope.kind === 'module' || binding.reassigned) return undefined;
    const fun = functionOf(binding, this.#values);
    return fun === undefined ? undefined : { node, fun, binding, ...use, around };
  }
}

type Call = Extract<AnyNode, { type: 'CallExpression' }>;

function isFunctionLike(node: AnyNode): boolean {
  return isFunction(node) || node.type === 'PropertyDefinition' || node.type === 'StaticBlock';
}

function namesIn(pattern: AnyNode): Identifier[] {
  if (pattern.type === 'Identifier') return [pattern];
  const found: Identifier[] = [];
  eachChild(pattern, (child) => {
    if (child.type === 'Property') found.push(...namesIn(child.value));
    else if (child.type !== 'MemberExpression') found.push(...namesIn(child));
  });
  return found;
}

/** What an expression can be when it is evaluated, as far as its text shows. */
function choices(node: AnyNode): AnyNode[] {
  switch (node.type) {
    case 'ConditionalExpression':
      return [...choices(node.consequent), ...choices(node.alternate)];
    case 'LogicalExpression':
      return [...choices(node.left), ...choices(node.right)];
    case 'SequenceExpression':
      return choices(node.expressions.at(-1) as AnyNode);
    default:
      return [node];
  }
}

/** The function that a variable is declared as and stays. */
export function functionOf(
  { kind, node, scope }: Binding,
  values: ReadonlyMap<AnyNode, AnyNode>,
): FunctionNode | undefined {
  const value = kind === 'own_name' ? scope.node : values.get(node);
  if (value === undefined || kind === 'var' || !isFunction(value)) return undefined;
  return value;
}
