/**
 * Loop shape: what a loop's text tells about how it may be counted.
 *
 *   in_body   the check stands at the head of the body: any loop
 *   in_parts  the loop runs in parts with the check between them: one whose iterations are short for
 *             certain, as they hold no loop and call at most a few functions of this module that are
 *             short themselves
 *   none      a few iterations that call nothing: those of the loop around it are counted
 *
 * A check at the head of the body is a call that V8 must be ready for in each iteration: it keeps what
 * the loop computes in memory. Around an inner loop without a call it stays in registers.
 */

import type { CallGraph } from './call-graph.js';
import { type AnyNode, eachChild, type FunctionNode, isArithmetic, isFunction } from './syntax.js';

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
type ForOfStatement = Extract<AnyNode, { type: 'ForOfStatement' }>;

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

/** What a part may hold in calls for each iteration. */
const CALLS_MAX = 8;

export class LoopShapes {
  readonly #graph: CallGraph;
  readonly #callsOf: Map<FunctionNode, number> = new Map();

  constructor(graph: CallGraph) {
    this.#graph = graph;
  }

  shapeOf(node: LoopNode, labelled: boolean): LoopShape {
    const { type } = node;
    if (type === 'DoWhileStatement' || type === 'ForInStatement') return 'in_body';
    if (type === 'ForOfStatement') {
      // What is iterated is found once.
      const short = this.#calls(node.left) + this.#calls(node.body) <= CALLS_MAX;
      return short && !labelled && isDivisible(node) ? 'in_parts' : 'in_body';
    }
    const calls = this.#callsIn(node);
    if (calls > CALLS_MAX) return 'in_body';
    if (calls === 0 && type === 'ForStatement' && iterationsMax(node) <= ITERATIONS_FREE)
      return 'none';
    // `continue label` would go on with the next part, without the loop's own update.
    return labelled ? 'in_body' : 'in_parts';
  }

  /**
   * How many calls run for it, those of the called functions among them; infinite where it may take long, or
   * keep a binding of one iteration: by an unknown call, a loop, a function, a wait.
   */
  #calls(node: AnyNode): number {
    if (isLoop(node) || isFunction(node)) return Number.POSITIVE_INFINITY;
    switch (node.type) {
      case 'CallExpression':
        if (isArithmetic(node.callee)) break;
        return this.#callsBy(node) + sumOver(node.arguments, (child) => this.#calls(child));
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
        return Number.POSITIVE_INFINITY;
      default:
    }
    return this.#callsIn(node);
  }

  #callsIn(node: AnyNode): number {
    let calls = 0;
    eachChild(node, (child) => {
      calls += this.#calls(child);
    });
    return calls;
  }

  /** Of a function that the text tells, and which is on no cycle: those have a check. */
  #callsBy(call: Extract<AnyNode, { type: 'CallExpression' }>): number {
    const callee = this.#graph.calleeOf(call);
    if (callee === undefined || callee.async || callee.generator || this.#graph.counts(callee))
      return Number.POSITIVE_INFINITY;
    let calls = this.#callsOf.get(callee);
    if (calls === undefined) {
      calls = 1 + this.#callsIn(callee);
      this.#callsOf.set(callee, calls);
    }
    return calls;
  }
}

function sumOver(nodes: readonly AnyNode[], value: (node: AnyNode) => number): number {
  return nodes.reduce((sum, node) => sum + value(node), 0);
}

/** Whether what is iterated may be evaluated outside of the loop, and named in an error as V8 would. */
function isDivisible({ left, right }: ForOfStatement): boolean {
  const named = right.type === 'CallExpression' ? right.callee : right;
  if (!isPath(named)) return false;
  const names = new Set<string>();
  const collect = (node: AnyNode): void => {
    if (node.type === 'Identifier') names.add(node.name);
    eachChild(node, collect);
  };
  collect(right);
  const isDeclaredAgain = (node: AnyNode): boolean => {
    if (node.type === 'Identifier') return names.has(node.name);
    let found = false;
    eachChild(node, (child) => {
      found ||= isDeclaredAgain(child);
    });
    return found;
  };
  return !isDeclaredAgain(left);
}

/** `rows`, `this.rows`, `a.rows[i]`. */
function isPath(node: AnyNode): boolean {
  if (node.type === 'Identifier' || node.type === 'ThisExpression') return true;
  if (node.type !== 'MemberExpression' || !isPath(node.object)) return false;
  return !node.computed || node.property.type === 'Identifier';
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
