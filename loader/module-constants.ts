/**
 * Module constants: the statement at the end of a module that hands over what it holds, to be frozen.
 *
 *   module.constants({ join, LIMITS, Room }, { LIMITS: [12, 14] }, [import_pg.defaults]);
 *
 * First the values; then where those are declared of which an error may have to be reported; last what
 * the text takes from packages and globals, which belongs to others and must not be frozen with it.
 * Left out are imports, primitives, and what a pragma allows.
 */

import type { Faults } from './isolation-faults.js';
import type { Binding, Reference } from './scopes.js';
import { type AnyNode, isFunction } from './syntax.js';
import type { TransformContext } from './transform.js';

/** Values that need not be frozen, and names that are no objects. */
const HARMLESS: ReadonlySet<string> = new Set(['undefined', 'NaN', 'Infinity', 'arguments']);

export function constantsCall(context: TransformContext, faults: Faults): string {
  const names: string[] = [];
  const places: string[] = [];
  const taken = takenApart(context);
  for (const binding of context.scopes.module.bindings.values()) {
    if (!isConstant(context, binding) || faults.isExempt(binding)) continue;
    const { start } = binding.node;
    if (taken.some((pattern) => start >= pattern.start && start < pattern.end)) continue;
    names.push(binding.name);
    if (isCode(binding)) continue;
    const { line, column } = context.originalPlace(binding.node.start);
    places.push(`${JSON.stringify(binding.name)}: [${line}, ${column}]`);
  }
  if (names.length === 0) return '';
  const foreign = places.length === 0 ? [] : foreignValues(context);
  const parts = [`{ ${names.join(', ')} }`, `{ ${places.join(', ')} }`, `[${foreign.join(', ')}]`];
  return `module.constants(${parts.join(', ')});\n`;
}

function isConstant(context: TransformContext, binding: Binding): boolean {
  if (binding.node.start < context.preludeEnd || context.importBindings.has(binding)) return false;
  if (context.isDiscardedAt(binding.node.start) || context.isYieldingTwin(binding.node))
    return false;
  // What esbuild made of decorators and private names is out of reach of the module's own text.
  if (binding.kind === 'var' && !context.input.source.includes(binding.name)) return false;
  return binding.reassigned || !isPrimitive(binding.value);
}

function isCode({ kind, value, reassigned }: Binding): boolean {
  return kind === 'function' || (!reassigned && value !== null && isFunction(value));
}

function isPrimitive(value: AnyNode | null): boolean {
  switch (value?.type) {
    case 'Literal':
      return !value.regex;
    case 'TemplateLiteral':
    case 'UnaryExpression':
    case 'BinaryExpression':
      return true;
    default:
      return false;
  }
}

/** `const { promises } = fs`: parts of what belongs to others, some of them behind accessors. */
function takenApart({ program, importBindings, scopes }: TransformContext): AnyNode[] {
  const patterns: AnyNode[] = [];
  for (const statement of program.body) {
    if (statement.type !== 'VariableDeclaration') continue;
    for (const { id, init } of statement.declarations) {
      if (id.type === 'Identifier' || !init) continue;
      let root: AnyNode = init;
      while (root.type === 'MemberExpression') root = root.object;
      if (root.type !== 'Identifier') continue;
      const binding = scopes.module.bindings.get(root.name);
      if (binding === undefined || importBindings.has(binding)) patterns.push(id);
    }
  }
  return patterns;
}

/** What the code of the module takes from packages and globals by name, other than to call it. */
function foreignValues(context: TransformContext): string[] {
  const found = new Set<string>();
  for (const reference of context.scopes.references) {
    if (reference.scope.owner !== null || reference.scope.kind !== 'module') continue;
    if (reference.node.start < context.preludeEnd || context.isDiscarded(reference)) continue;
    if (!isForeign(context, reference)) continue;
    const text = chainText(context, reference.node);
    if (text !== undefined) found.add(text);
  }
  return [...found];
}

function isForeign(
  { importBindings }: TransformContext,
  { binding, node, write }: Reference,
): boolean {
  if (write) return false;
  if (binding !== null) return importBindings.has(binding);
  return node.name in globalThis && !HARMLESS.has(node.name);
}

/** `a.b.c` as it is written, read so that nothing is thrown; `undefined` if it is called. */
function chainText({ scopes: { parents } }: TransformContext, root: AnyNode): string | undefined {
  let text = (root as { name: string }).name;
  let node = root;
  let parent = parents.get(node);
  while (parent?.type === 'MemberExpression' && parent.object === node) {
    if (parent.computed || parent.property.type !== 'Identifier') return text;
    const above = parents.get(parent);
    // `list.map(…)` takes something of the list, which is what may not be frozen.
    if (above?.type === 'CallExpression' && above.callee === parent) return text;
    text += `?.${parent.property.name}`;
    node = parent;
    parent = above;
  }
  const called =
    (parent?.type === 'CallExpression' || parent?.type === 'NewExpression') &&
    parent.callee === node;
  return called || parent?.type === 'UnaryExpression' ? undefined : text;
}
