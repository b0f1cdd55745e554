/**
 * Loop shape: what a loop's text tells about how it may be counted.
 *
 *   in_body   the check stands at the head of the body: any loop
 *   in_parts  the loop runs in parts with the check between them: one whose iterations are short for
 *             certain, as they call nothing and hold no loop
 *   none      a few iterations that are short for certain: those of the loop around it are counted
 *
 * A check at the head of the body is a call that V8 must be ready for in each iteration: it keeps what
 * the loop computes in memory. Around an inner loop without a call it stays in registers.
 */

import { type AnyNode, eachChild, isFunction } from './syntax.js';

export type LoopNode = Extract<
  AnyNode,
  {
    type:
      | 'ForStatement'
      | 'ForInStatement'
      | 'ForOfStatement'
      | 'WhileStatement'
      | 'DoWhileStatement';
  }
>;

type ForStatement = Extract<AnyNode, { type: 'ForStatement' }>;

export type LoopShape = 'in_body' | 'in_parts' | 'none';

/** Iterations of a short loop that need no count. */
const ITERATIONS_FREE = 16;

export function isLoop(node: AnyNode): node is LoopNode {
  switch (node.type) {
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
      return true;
    default:
      return false;
  }
}

export function shapeOf(node: LoopNode, labelled: boolean): LoopShape {
  if (node.type !== 'ForStatement' && node.type !== 'WhileStatement') return 'in_body';
  let short = true;
  eachChild(node, (child) => {
    short &&= isShort(child);
  });
  if (!short) return 'in_body';
  if (node.type === 'ForStatement' && iterationsMax(node) <= ITERATIONS_FREE) return 'none';
  // `continue label` would go on with the next part, without the loop's own update.
  return labelled ? 'in_body' : 'in_parts';
}

/** Nothing in it can take long, or keep a binding of one iteration: no call, loop, function, wait. */
function isShort(node: AnyNode): boolean {
  if (isLoop(node) || isFunction(node)) return false;
  switch (node.type) {
    case 'CallExpression':
      if (!isArithmetic(node.callee)) return false;
      break;
    case 'NewExpression':
    case 'TaggedTemplateExpression':
    case 'ImportExpression':
    case 'ClassDeclaration':
    case 'ClassExpression':
    case 'SpreadElement':
    case 'ArrayPattern':
    case 'RestElement':
    case 'YieldExpression':
    case 'AwaitExpression':
    case 'TryStatement':
    case 'WithStatement':
      return false;
    default:
  }
  let short = true;
  eachChild(node, (child) => {
    short &&= isShort(child);
  });
  return short;
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

/** How often `for (let i = 0; i < 4; i++)` can run, where nothing but its head changes `i`. */
function iterationsMax({ init, test, update, body }: ForStatement): number {
  const unknown = Number.POSITIVE_INFINITY;
  if (init?.type !== 'VariableDeclaration' || init.kind !== 'let') return unknown;
  const [declarator] = init.declarations;
  if (init.declarations.length !== 1 || declarator?.id.type !== 'Identifier') return unknown;
  const { name } = declarator.id;
  const from = declarator.init && integer(declarator.init);
  if (typeof from !== 'number') return unknown;
  if (test?.type !== 'BinaryExpression' || !isNamed(test.left, name)) return unknown;
  const to = integer(test.right);
  if (to === null || update?.type !== 'UpdateExpression' || !isNamed(update.argument, name))
    return unknown;
  if (assigns(body, name)) return unknown;
  const up = update.operator === '++';
  if (up ? test.operator === '<' : test.operator === '>') return Math.abs(to - from);
  if (up ? test.operator === '<=' : test.operator === '>=') return Math.abs(to - from) + 1;
  return unknown;
}

function assigns(node: AnyNode, name: string): boolean {
  if (node.type === 'UpdateExpression' && isNamed(node.argument, name)) return true;
  if (node.type === 'AssignmentExpression') {
    const { type } = node.left;
    if (type === 'ObjectPattern' || type === 'ArrayPattern' || isNamed(node.left, name))
      return true;
  }
  let found = false;
  eachChild(node, (child) => {
    found ||= assigns(child, name);
  });
  return found;
}

function integer(node: AnyNode): number | null {
  if (node.type !== 'Literal' || !Number.isSafeInteger(node.value)) return null;
  return node.value as number;
}

function isNamed(node: AnyNode, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}
