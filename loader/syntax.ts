/**
 * The syntax tree the passes work on: ESTree with `start` and `end`, as meriyah gives it and acorn's types
 * describe it. Node for node and place for place the two give the same (`syntax.test.ts` compares them);
 * meriyah takes 60 % of the time where its code has not been optimized yet, which is all of a start.
 *
 * The tree is that of esbuild's output, so only JavaScript up to the target is met here: no types,
 * no decorators, no `using`, no `for await`, no `async function*`.
 */

import type { AnyNode, Program } from 'acorn';
import { type Options, parse } from 'meriyah';

export type { AnyNode, Identifier, Program } from 'acorn';
export type FunctionNode = Extract<
  AnyNode,
  { type: 'FunctionDeclaration' | 'FunctionExpression' | 'ArrowFunctionExpression' }
>;

/**
 * @throws SyntaxFault, or RangeError for what is nested too deeply
 */
export function parseProgram(code: string): Program {
  // V8 knows its own regular expressions best, and reads the code anyway.
  return parse(code, PARSER_OPTIONS) as unknown as Program;
}

const PARSER_OPTIONS: Options = { module: true, ranges: true, raw: true, validateRegex: false };

/** What `parseProgram` throws for code that is none. */
export interface SyntaxFault extends SyntaxError {
  /** Without the place. */
  readonly description: string;
  /** Line from 1, column from 0. */
  readonly loc: { readonly start: { readonly line: number; readonly column: number } };
}

export function isSyntaxFault(error: unknown): error is SyntaxFault {
  return error instanceof SyntaxError && 'loc' in error && 'description' in error;
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

/**
 * The properties that hold children, in the order that a tree has them. A table, because `for … in` over
 * every property of every node was a tenth of the compiler's time; leaves are not even looked at.
 */
const CHILDREN: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    ArrayExpression: 'elements',
    ArrayPattern: 'elements',
    ArrowFunctionExpression: 'id params body',
    AssignmentExpression: 'left right',
    AssignmentPattern: 'left right',
    AwaitExpression: 'argument',
    BinaryExpression: 'left right',
    BlockStatement: 'body',
    BreakStatement: 'label',
    CallExpression: 'callee arguments',
    CatchClause: 'param body',
    ChainExpression: 'expression',
    ClassBody: 'body',
    ClassDeclaration: 'id superClass body',
    ClassExpression: 'id superClass body',
    ConditionalExpression: 'test consequent alternate',
    ContinueStatement: 'label',
    DebuggerStatement: '',
    DoWhileStatement: 'body test',
    EmptyStatement: '',
    ExportAllDeclaration: 'exported source attributes',
    ExportDefaultDeclaration: 'declaration',
    ExportNamedDeclaration: 'declaration specifiers source attributes',
    ExportSpecifier: 'local exported',
    ExpressionStatement: 'expression',
    ForInStatement: 'left right body',
    ForOfStatement: 'left right body',
    ForStatement: 'init test update body',
    FunctionDeclaration: 'id params body',
    FunctionExpression: 'id params body',
    Identifier: '',
    IfStatement: 'test consequent alternate',
    ImportAttribute: 'key value',
    ImportDeclaration: 'specifiers source attributes',
    ImportDefaultSpecifier: 'local',
    ImportExpression: 'source options',
    ImportNamespaceSpecifier: 'local',
    ImportSpecifier: 'imported local',
    LabeledStatement: 'body label',
    Literal: '',
    LogicalExpression: 'left right',
    MemberExpression: 'object property',
    MetaProperty: 'meta property',
    MethodDefinition: 'key value',
    NewExpression: 'callee arguments',
    ObjectExpression: 'properties',
    ObjectPattern: 'properties',
    ParenthesizedExpression: 'expression',
    PrivateIdentifier: '',
    Program: 'body',
    Property: 'key value',
    PropertyDefinition: 'key value',
    RestElement: 'argument',
    ReturnStatement: 'argument',
    SequenceExpression: 'expressions',
    SpreadElement: 'argument',
    StaticBlock: 'body',
    Super: '',
    SwitchCase: 'consequent test',
    SwitchStatement: 'discriminant cases',
    TaggedTemplateExpression: 'tag quasi',
    TemplateElement: '',
    TemplateLiteral: 'expressions quasis',
    ThisExpression: '',
    ThrowStatement: 'argument',
    TryStatement: 'block handler finalizer',
    UnaryExpression: 'argument',
    UpdateExpression: 'argument',
    VariableDeclaration: 'declarations',
    VariableDeclarator: 'id init',
    WhileStatement: 'test body',
    WithStatement: 'object body',
    YieldExpression: 'argument',
  }).map(([type, keys]) => [type, keys === '' ? [] : keys.split(' ')]),
);

type Child = AnyNode | null | undefined | readonly (AnyNode | null)[];

/** The children of a node. @throws for a type that ECMAScript does not have */
export function eachChild(node: AnyNode, visit: (child: AnyNode) => void): void {
  const keys = CHILDREN.get(node.type);
  if (keys === undefined) throw new Error(`the tree has an unknown node: ${node.type}`);
  for (let at = 0; at < keys.length; at++) {
    const child = (node as unknown as Record<string, Child>)[keys[at] as string];
    if (child === null || child === undefined) continue;
    if (!Array.isArray(child)) visit(child as AnyNode);
    else for (const item of child as readonly (AnyNode | null)[]) if (item !== null) visit(item);
  }
}

/** The name of a property key that is written as a name or a string; `undefined` for others. */
export function keyName(key: AnyNode, computed: boolean): string | undefined {
  if (computed)
    return key.type === 'Literal' && typeof key.value === 'string' ? key.value : undefined;
  if (key.type === 'Identifier' || key.type === 'PrivateIdentifier') return key.name;
  return key.type === 'Literal' ? String(key.value) : undefined;
}
