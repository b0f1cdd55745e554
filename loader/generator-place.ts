/**
 * Where the generator of a coroutine goes, and how what it captures gets there.
 *
 * Invariant: a captured variable is passed by value only if it has got its value before the function
 * can be called and never gets another. All others are read through a closure of the wrapper, or, if
 * the function assigns them, through a `$Variable`, so that assignments on either side and "used before
 * its declaration" stay what they were. (An object literal with accessors costs ten times as much.)
 *
 * Source: ECMAScript, "Let and Const Declarations" (temporal dead zone); closure conversion is
 * Appel, "Compiling with Continuations", chapter 10.
 */

import type { Binding, FunctionInfo } from './scopes.js';
import type { AnyNode, FunctionNode } from './syntax.js';
import type { TransformContext } from './transform.js';

export type Place =
  /** At the end of the module. */
  | { readonly kind: 'module' }
  /** In a static block of a class at module level, where its private names can be seen. */
  | { readonly kind: 'static_block'; readonly class: AnyNode; readonly at: number }
  /** Beside the function declaration: the same scope, so nothing has to be passed. */
  | { readonly kind: 'beside' }
  /** Inside the wrapper: each call makes a closure. */
  | { readonly kind: 'inside' };

/**
 * @param enclosingEnd where the innermost edit around the function ends
 */
export function generatorPlace(
  context: TransformContext,
  node: FunctionNode,
  info: FunctionInfo,
  enclosingEnd: number,
): Place {
  const { scopes } = context;
  const declaration = node.type === 'FunctionDeclaration';
  if (declaration && info.home === scopes.module) return { kind: 'beside' };
  const stays: Place = { kind: declaration ? 'beside' : 'inside' };
  if (info.directEval || node.end === enclosingEnd) return stays;
  if (info.privateClasses.size === 0) return { kind: 'module' };
  const [owner, ...others] = info.privateClasses;
  if (owner === undefined || others.length > 0) return stays;
  if (scopes.classes.get(owner)?.parent !== scopes.module) return stays;
  const { body } = owner as { body: AnyNode };
  return { kind: 'static_block', class: owner, at: body.start + 1 };
}

export interface ConvertedCaptures {
  readonly byValue: readonly Binding[];
  /** Read by the function, assigned elsewhere. */
  readonly byRead: readonly Binding[];
  /** Assigned by the function. */
  readonly byVariable: readonly Binding[];
}

/** What has to be passed to the generator at its new place. */
export function convertedCaptures(
  node: FunctionNode,
  info: FunctionInfo,
  place: Place,
  context: TransformContext,
): ConvertedCaptures {
  const byValue: Binding[] = [];
  const byRead: Binding[] = [];
  const byVariable: Binding[] = [];
  if (place.kind === 'inside' || place.kind === 'beside') return { byValue, byRead, byVariable };
  const visible =
    place.kind === 'static_block' ? context.scopes.classes.get(place.class) : undefined;
  for (const binding of info.captures) {
    if (binding.scope === visible) continue;
    const taken = info.scopes.some(({ bindings }) => bindings.has(binding.name));
    if (!taken && isSettled(binding, node, info)) byValue.push(binding);
    else if (isAssignedIn(binding, node)) byVariable.push(binding);
    else byRead.push(binding);
  }
  return { byValue, byRead, byVariable };
}

function isAssignedIn({ references }: Binding, { start, end }: FunctionNode): boolean {
  return references.some(({ node, write }) => write && node.start >= start && node.end <= end);
}

/** Whether the variable has its one value whenever the function is called. */
function isSettled(binding: Binding, node: FunctionNode, info: FunctionInfo): boolean {
  if (binding.reassigned) return false;
  switch (binding.kind) {
    case 'function':
      return true;
    case 'own_name':
      return binding.scope.kind !== 'class' || isInMember(binding.scope.node, node);
    case 'param':
    case 'catch':
      return binding.end <= node.start;
    case 'let':
    case 'const':
    case 'class':
      return (
        binding.end <= node.start &&
        binding.scope.node.type !== 'SwitchStatement' &&
        !isInLoopOperand(binding.scope.node, node) &&
        !isHoisted(info, binding)
      );
    case 'var':
      return false;
  }
}

/** The variables of a `for (const x of …)` are there in what it walks, and have no value yet. */
function isInLoopOperand(loop: AnyNode, { start, end }: FunctionNode): boolean {
  if (loop.type !== 'ForOfStatement' && loop.type !== 'ForInStatement') return false;
  return start >= loop.right.start && end <= loop.right.end;
}

/** Where a class's own name has its value: not in its heritage, nor in computed keys. */
function isInMember(node: AnyNode, { start, end }: FunctionNode): boolean {
  const { body } = node as Extract<AnyNode, { type: 'ClassDeclaration' | 'ClassExpression' }>;
  return body.body.some((member) => {
    const code = member.type === 'StaticBlock' ? member : member.value;
    return code && start >= code.start && end <= code.end;
  });
}

/** A function declaration can be called before the statements above it have run. */
function isHoisted(info: FunctionInfo, binding: Binding): boolean {
  for (let f: FunctionInfo | null = info; f !== null && f !== binding.scope.owner; f = f.outer) {
    if (f.node.type === 'FunctionDeclaration') return true;
  }
  return false;
}
