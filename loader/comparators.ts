/**
 * Comparators: functions that a sort or a replacement calls, written as its argument or given by name.
 *
 * Native code calls them millions of times before it returns, so their entry is counted even where they
 * call nothing themselves: a sort may take as long as it likes, and can be ended.
 */

import type { Scopes } from './scopes.js';
import { type AnyNode, keyName } from './syntax.js';

const CALLING: ReadonlySet<string> = new Set(['sort', 'toSorted', 'replace', 'replaceAll']);

export function findComparators({ functions, references, parents }: Scopes): ReadonlySet<AnyNode> {
  const found = new Set<AnyNode>();
  const declared = new Map<AnyNode, AnyNode>();
  for (const node of functions.keys()) {
    const parent = parents.get(node);
    if (isGiven(node, parent)) found.add(node);
    if (node.type === 'FunctionDeclaration' && node.id) declared.set(node.id, node);
    if (parent?.type !== 'VariableDeclaration') continue;
    for (const { id, init } of parent.declarations) if (init === node) declared.set(id, node);
  }
  for (const { node, binding } of references) {
    if (binding === null || !isGiven(node, parents.get(node))) continue;
    const named = declared.get(binding.node);
    if (named !== undefined) found.add(named);
  }
  return found;
}

function isGiven(node: AnyNode, parent: AnyNode | undefined): boolean {
  if (parent?.type !== 'CallExpression' || parent.callee.type !== 'MemberExpression') return false;
  const { property, computed } = parent.callee;
  const name = keyName(property, computed);
  return name !== undefined && CALLING.has(name) && parent.arguments.includes(node as never);
}
