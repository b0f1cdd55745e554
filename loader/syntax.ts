/**
 * The syntax tree the passes work on: ESTree as acorn gives it, plus what acorn's types leave out.
 *
 * The tree is that of esbuild's output, so only JavaScript up to the target is met here: no types,
 * no decorators, no `using`, no `for await`, no `async function*`.
 */

import { type AnyNode, type Node, type Program, parse } from 'acorn';

export type { AnyNode, Identifier, Program } from 'acorn';
export type FunctionNode = Extract<
  AnyNode,
  { type: 'FunctionDeclaration' | 'FunctionExpression' | 'ArrowFunctionExpression' }
>;

/**
 * @throws acorn's SyntaxError; as the input is esbuild's output this would be a bug of either
 */
export function parseProgram(code: string): Program {
  return parse(code, { ecmaVersion: 'latest', sourceType: 'module' });
}

export function isFunction(node: AnyNode): node is FunctionNode {
  return (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression'
  );
}

/** `Math.max` and its like call nothing of the user. */
export function isArithmetic(callee: AnyNode): boolean {
  return (
    callee.type === 'MemberExpression' &&
    !callee.computed &&
    callee.object.type === 'Identifier' &&
    callee.object.name === 'Math'
  );
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

/** The children of a node in source order of its properties. */
export function eachChild(node: AnyNode, visit: (child: AnyNode) => void): void {
  for (const key in node) {
    const value: unknown = (node as unknown as Record<string, unknown>)[key];
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) visit(item);
    } else if (isNode(value)) visit(value);
  }
}

/** The name of a property key that is written as a name or a string; `undefined` for others. */
export function keyName(key: AnyNode, computed: boolean): string | undefined {
  if (computed)
    return key.type === 'Literal' && typeof key.value === 'string' ? key.value : undefined;
  if (key.type === 'Identifier' || key.type === 'PrivateIdentifier') return key.name;
  return key.type === 'Literal' ? String(key.value) : undefined;
}
