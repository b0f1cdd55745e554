/**
 * Lift captures: what a function takes along when it becomes a value.
 *
 *  - variables, whose values are copied when the function is made;
 *  - *helpers*: functions local to the ones around it. Their text goes along, and what they capture;
 *  - *partners*: other functions made with `fn` that do not exist yet when it is made, because they
 *    call each other. They are made together with it.
 *
 * Invariants:
 *  1. A captured variable has, when the function is made, the last value that it will ever have. Broken,
 *     the copy and the original would say different things without anyone having said so.
 *  2. Each name means the same variable in the function, in what goes along, and where it is made:
 *     esbuild has given another name to each variable that hides one. Messages show the user's name.
 *
 * Refused, each with its place: variables that are assigned later, or have no value yet; `this` and its
 * kin of the function around; private names; direct `eval`; local classes.
 */

import { invariant } from '../runtime/errors.js';
import { CaptureError, type RelatedPlace } from './errors.js';
import { functionOf, type Site, type Sites } from './lift-sites.js';
import type { Binding, FunctionInfo, Reference } from './scopes.js';
import type { AnyNode, FunctionNode } from './syntax.js';
import type { TransformContext } from './transform.js';

export interface Captures {
  readonly values: readonly Binding[];
  /** Does anything of it refer to the variable that is declared as the function? */
  readonly self: boolean;
  readonly helpers: ReadonlyMap<Binding, FunctionNode>;
  readonly partners: ReadonlyMap<Binding, FunctionNode>;
}

export class CaptureAnalysis {
  readonly #context: TransformContext;
  readonly #sites: Sites;
  readonly #byPosition: readonly Reference[];

  constructor(context: TransformContext, sites: Sites) {
    this.#context = context;
    this.#sites = sites;
    this.#byPosition = [...context.scopes.references].sort((a, b) => a.node.start - b.node.start);
  }

  /** @throws CaptureError */
  capturesOf(site: Site): Captures {
    return new SiteAnalysis(this.#context, this.#sites, this.#byPosition, site).run();
  }
}

interface Write {
  readonly node: AnyNode;
  /** The function whose code assigns. */
  readonly owner: AnyNode | null;
}

class SiteAnalysis {
  readonly #context: TransformContext;
  readonly #sites: Sites;
  readonly #byPosition: readonly Reference[];
  readonly #site: Site;
  readonly #values: Set<Binding> = new Set();
  readonly #helpers: Map<Binding, FunctionNode> = new Map();
  readonly #partners: Map<Binding, FunctionNode> = new Map();
  /** What each name from outside means. */
  readonly #meanings: Map<string, Pick<Reference, 'binding'>> = new Map();

  constructor(
    context: TransformContext,
    sites: Sites,
    byPosition: readonly Reference[],
    site: Site,
  ) {
    this.#context = context;
    this.#sites = sites;
    this.#byPosition = byPosition;
    this.#site = site;
  }

  run(): Captures {
    this.#include(this.#site.fun);
    const { binding } = this.#site;
    return {
      values: [...this.#values],
      self: binding !== null && this.#meanings.get(binding.name)?.binding === binding,
      helpers: this.#helpers,
      partners: this.#partners,
    };
  }

  /** A function whose text goes along. */
  #include(fun: FunctionNode): void {
    this.#checkText(this.#context.scopes.functions.get(fun) as FunctionInfo);
    for (const reference of this.#outward(fun)) {
      this.#noteMeaning(reference);
      const { binding } = reference;
      if (binding === null || binding.scope.kind === 'module') continue;
      this.#capture(binding, reference);
    }
  }

  /** The references in a text to what is declared outside of it. */
  *#outward({ start, end }: AnyNode): Iterable<Reference> {
    const all = this.#byPosition;
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((all[middle] as Reference).node.start < start) low = middle + 1;
      else high = middle;
    }
    for (let at = low; at < all.length; at += 1) {
      const reference = all[at] as Reference;
      if (reference.node.start >= end) return;
      const declared = reference.binding?.node.start ?? -1;
      if (declared < start || declared >= end) yield reference;
    }
  }

  #capture(binding: Binding, reference: Reference): void {
    if (this.#values.has(binding) || this.#helpers.has(binding) || this.#partners.has(binding))
      return;
    if (binding === this.#site.binding && !binding.reassigned) return;
    const { siteOf, values } = this.#sites;
    const partner = siteOf.get(binding.node);
    if (partner !== undefined && !binding.reassigned && this.#isUnset(binding)) {
      this.#partners.set(binding, partner.fun);
      this.#include(partner.fun);
      return;
    }
    const helper = binding.reassigned ? undefined : functionOf(binding, values);
    if (helper !== undefined) {
      this.#helpers.set(binding, helper);
      this.#include(helper);
      return;
    }
    this.#checkValue(binding, reference);
    this.#values.add(binding);
  }

  // ---- what cannot be taken along ---------------------------------------------------------------

  #checkText(info: FunctionInfo): void {
    const { thisNodes, argumentsNodes, newTargetNodes, superNodes, lexicalThis } = info;
    const refuse = (node: AnyNode | undefined, what: string, hint: string): void => {
      if (node === undefined) return;
      throw this.#error(node, `a function that is sent cannot use ${what}`, hint);
    };
    if (lexicalThis) {
      const argument = 'give it what it needs as an argument, or in a variable of its own';
      const [at] = argumentsNodes;
      refuse(thisNodes[0], 'the `this` of the code around it', argument);
      refuse(at?.node, 'the `arguments` of the function around it', argument);
      refuse(newTargetNodes[0], 'the `new.target` of the function around it', argument);
      refuse(superNodes[0], '`super`', argument);
    }
    if (info.privateClasses.size > 0) {
      const hint =
        'an object that is copied loses its class: call a function of the module instead';
      refuse(info.node, 'private names of a class around it', hint);
    }
    if (info.directEval) refuse(info.node, 'eval', 'what it captures cannot be told from its text');
  }

  #checkValue(binding: Binding, reference: Reference): void {
    const declared = this.#sites.values.get(binding.node);
    const name = this.#context.sourceName(binding);
    const isClass =
      binding.kind === 'class' ||
      declared?.type === 'ClassExpression' ||
      binding.scope.kind === 'class' ||
      binding.scope.node.type === 'ClassExpression';
    if (isClass) {
      throw this.#error(
        reference.node,
        `a function that is sent captures the class "${name}"`,
        'declare the class at the top level of the module',
        { message: 'declared here', node: binding.node },
      );
    }
    if (this.#isUnset(binding)) {
      throw this.#error(
        reference.node,
        `"${name}" is captured before it has a value`,
        'captured variables are copied when the function is made; inside the process, self() is its pid',
        { message: 'it gets its value here', node: binding.node },
      );
    }
    const later = this.#laterAssignment(binding);
    if (later === undefined) return;
    const hint =
      'captured variables are copied when the function is made: keep the value in a const of its own, or send it in a message';
    if (this.#isInText(later)) {
      throw this.#error(
        later,
        `"${name}" is captured by a function that is sent, and assigned by it`,
        hint,
        { message: 'declared here', node: binding.node },
      );
    }
    throw this.#error(
      reference.node,
      `"${name}" is captured by a function that is sent, and assigned afterwards`,
      hint,
      { message: 'assigned here', node: later },
    );
  }

  /** In the function, or in what goes along? */
  #isInText(node: AnyNode): boolean {
    const texts = [this.#site.fun, ...this.#helpers.values(), ...this.#partners.values()];
    return texts.some((text) => contains(text, node));
  }

  /** Declared further down in the same code: not even named before its declaration has run. */
  #isUnset({ kind, scope, end }: Binding): boolean {
    if (kind !== 'let' && kind !== 'const' && kind !== 'class') return false;
    return end > this.#site.node.start && (scope.owner?.node ?? null) === this.#ownerOf(this.#site);
  }

  #ownerOf({ around }: Site): AnyNode | null {
    return around.findLast((node) => this.#context.scopes.functions.has(node)) ?? null;
  }

  /** An assignment that may happen when the function has been made. */
  #laterAssignment(binding: Binding): AnyNode | undefined {
    const owner = binding.scope.owner?.node ?? null;
    const writes: Write[] = binding.references
      .filter(({ write }) => write)
      .map(({ node, scope }) => ({ node, owner: scope.owner?.node ?? null }));
    for (const write of this.#sites.varWrites) {
      const isSame = write.owner === owner && write.node.name === binding.name;
      if (isSame && (binding.kind === 'var' || binding.kind === 'param')) writes.push(write);
    }
    if (writes.length === 0) return binding.reassigned ? binding.node : undefined;
    const made = this.#madeIn(owner);
    return writes.find(
      (write) => write.owner !== owner || !this.#isBefore(write.node, binding, made),
    )?.node;
  }

  /** The part of the binding's function in which the function is made: itself, or a function around it. */
  #madeIn(owner: AnyNode | null): AnyNode {
    const { around, node } = this.#site;
    const from = owner === null ? 0 : around.indexOf(owner) + 1;
    return around.slice(from).find((each) => this.#context.scopes.functions.has(each)) ?? node;
  }

  /** Does every run of the assignment come before the function is made, or belong to another variable? */
  #isBefore(write: AnyNode, binding: Binding, made: AnyNode): boolean {
    if (write.start >= made.start || made.type === 'FunctionDeclaration') return false;
    return !this.#site.around.some((node) => {
      if (node.start > write.start || node.end < write.end || !contains(node, made)) return false;
      // `x = fn(() => x)` is assigned when all of its right side is done.
      if (node.type === 'AssignmentExpression') return contains(node.left, write);
      if (!LOOPS.has(node.type)) return false;
      return binding.kind === 'var' || !contains(node, binding.node);
    });
  }

  // ---- names --------------------------------------------------------------------------------------

  #noteMeaning({ node, binding }: Reference): void {
    const known = this.#meanings.get(node.name);
    if (known === undefined) this.#meanings.set(node.name, { binding });
    else invariant(known.binding === binding, `esbuild left two variables called ${node.name}`);
  }

  #error(
    { start }: AnyNode,
    message: string,
    hint: string,
    related?: { readonly message: string; readonly node: AnyNode },
  ): CaptureError {
    const places: RelatedPlace[] =
      related === undefined ? [] : [this.#context.related(related.node.start, related.message)];
    return this.#context.errorAt(start, CaptureError, message, hint, places);
  }
}

const LOOPS: ReadonlySet<string> = new Set([
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
  'DoWhileStatement',
]);

function contains(outer: AnyNode, inner: AnyNode): boolean {
  return inner.start >= outer.start && inner.end <= outer.end;
}
