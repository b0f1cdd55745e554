/**
 * Pass: drop those of esbuild's helpers that nothing uses any more.
 *
 * A helper is kept when text that is still there refers to it, or a helper that is kept does.
 */

import type { Binding } from './scopes.js';
import type { AnyNode } from './syntax.js';
import type { Pass, TransformContext } from './transform.js';

export const prelude: Pass = (context) => {
  const helpers = helperStatements(context);
  const needed = new Set<Binding>();
  for (const [binding, statement] of helpers) {
    if (isUsedOutside(context, binding, helpers)) keep(binding, statement, helpers, needed);
  }
  for (const [binding, { start, end }] of helpers) {
    if (!needed.has(binding)) context.removeLines(start, end);
  }
};

function helperStatements(context: TransformContext): Map<Binding, AnyNode> {
  const found = new Map<Binding, AnyNode>();
  for (const statement of context.program.body) {
    if (statement.end > context.preludeEnd) break;
    if (statement.type !== 'VariableDeclaration' || statement.kind !== 'var') continue;
    const [declarator] = statement.declarations;
    if (statement.declarations.length !== 1 || declarator?.id.type !== 'Identifier') continue;
    const binding = context.scopes.module.bindings.get(declarator.id.name);
    if (binding !== undefined && declarator.id.name.startsWith('__')) found.set(binding, statement);
  }
  return found;
}

function isUsedOutside(
  context: TransformContext,
  binding: Binding,
  helpers: ReadonlyMap<Binding, AnyNode>,
): boolean {
  return binding.references.some(({ node }, at) => {
    if (context.isDiscarded(binding.references[at] as Binding['references'][number])) return false;
    for (const { start, end } of helpers.values())
      if (node.start >= start && node.end <= end) return false;
    return true;
  });
}

function keep(
  binding: Binding,
  statement: AnyNode,
  helpers: ReadonlyMap<Binding, AnyNode>,
  needed: Set<Binding>,
): void {
  if (needed.has(binding)) return;
  needed.add(binding);
  for (const [other, otherStatement] of helpers) {
    const used = other.references.some(
      ({ node }) => node.start >= statement.start && node.end <= statement.end,
    );
    if (used) keep(other, otherStatement, helpers, needed);
  }
}
