/**
 * Closure state: functions and classes that keep something changeable out of everybody's sight.
 *
 *   export function counter() { let n = 0; return () => ++n; }
 *
 * That is what processes may do: each call makes a counter of its own. A counter that a constant of a
 * module holds would be shared by all processes of a scheduler, and nothing about the function tells.
 * So the compiler leaves a comment in the text of such functions and classes, which V8 keeps:
 *
 *   (/*keeps n:1*\/) => ++n          class Counter {/*keeps #n:4*\/ … }
 *
 * and the end of a module's evaluation reads it from those that its constants hold (`constants.ts`).
 * Calls cost nothing for it.
 *
 * Not followed: state that a function reaches by way of an object it captures.
 */

import { effectOf } from './effects.js';
import { initialValue, mutates } from './initial-value.js';
import { bindingOf, type Once } from './once.js';
import type { Binding, FunctionInfo, Reference } from './scopes.js';
import { type AnyNode, eachChild, isFunction } from './syntax.js';
import type { TransformContext } from './transform.js';

type ClassNode = Extract<AnyNode, { type: 'ClassDeclaration' | 'ClassExpression' }>;

const MARK = /^[^(/]*\(\/\*keeps ([^:*]+):(\d+)\*\//;
const CLASS_MARK = /^class\b[^{/]*\{\/\*keeps ([^:*]+):(\d+)\*\//;

export interface KeptState {
  readonly name: string;
  /** Of the user's source. */
  readonly line: number;
}

/** What a function or class keeps, by its text. */
export function keptState(text: string): KeptState | null {
  const mark = (text.startsWith('class') ? CLASS_MARK : MARK).exec(text);
  return mark === null ? null : { name: mark[1] as string, line: Number(mark[2]) };
}

/** Mark the functions and classes of a module. */
export function markClosures(
  context: TransformContext,
  once: Once,
  globals: ReadonlySet<AnyNode>,
): void {
  const marked = new Map<FunctionInfo, Binding>();
  for (const reference of context.scopes.references) {
    const { binding } = reference;
    const home = binding?.scope.owner;
    if (!binding || !home || once.has(home) || reference.scope.owner === home) continue;
    if (changes(context, reference, binding.value, globals)) mark(reference, binding, marked);
  }
  if (marked.size > 0) markCallers(context, once, marked);
  for (const [{ node }, binding] of marked) {
    if (!isFunction(node)) continue;
    const text = comment(context, binding.name, binding.node.start);
    const at = parameters(context.code, node);
    if (node.async) context.marks.set(node, text);
    else if (at > 0) context.edits.appendLeft(at, text);
  }
  for (const node of context.scopes.classes.keys()) {
    const kept = privateState(node as ClassNode, globals);
    if (kept === null) continue;
    const at = (node as ClassNode).body.start + 1;
    context.edits.appendLeft(at, comment(context, kept.name, kept.start));
  }
}

function changes(
  { scopes }: TransformContext,
  reference: Reference,
  value: AnyNode | null | undefined,
  globals: ReadonlySet<AnyNode>,
): boolean {
  const effect = effectOf(reference, scopes);
  if (effect.kind === 'assigned' || effect.kind === 'changed') return true;
  if (effect.kind !== 'called' || effect.path.length > 0) return false;
  return mutates(initialValue(value, globals).kind, effect.method);
}

/** The functions between the use of a variable and the function that has it. */
function mark({ scope }: Reference, binding: Binding, marked: Map<FunctionInfo, Binding>): boolean {
  let fresh = false;
  for (let f = scope.owner; f !== null && f !== binding.scope.owner; f = f.outer) {
    if (marked.has(f)) continue;
    marked.set(f, binding);
    fresh = true;
  }
  return fresh;
}

/** Who captures a function that keeps something keeps it too. */
function markCallers(
  { scopes }: TransformContext,
  once: Once,
  marked: Map<FunctionInfo, Binding>,
): void {
  for (let grown = true; grown; ) {
    grown = false;
    for (const [info, state] of [...marked]) {
      const binding = bindingOf(scopes, info);
      const home = binding?.scope.owner;
      if (!binding || !home || once.has(home)) continue;
      for (const { scope } of binding.references) {
        for (let f = scope.owner; f !== null && f !== home; f = f.outer) {
          if (marked.has(f)) continue;
          marked.set(f, state);
          grown = true;
        }
      }
    }
  }
}

function comment(context: TransformContext, name: string, offset: number): string {
  return `/*keeps ${name}:${context.originalPlace(offset).line}*/`;
}

/** Where the parameters of a function begin; -1 where that is not the first parenthesis of its text. */
function parameters(code: string, node: AnyNode): number {
  const at = code.indexOf('(', node.start);
  return at >= 0 && at < node.end ? at + 1 : -1;
}

/** A private field that methods change; private names are out of reach of a freeze. */
export function privateState(
  node: ClassNode,
  globals: ReadonlySet<AnyNode>,
): { name: string; start: number } | null {
  const fields = new Map<string, AnyNode | null | undefined>();
  for (const member of node.body.body) {
    if (member.type === 'PropertyDefinition' && member.key.type === 'PrivateIdentifier')
      fields.set(member.key.name, member.value);
  }
  if (fields.size === 0) return null;
  for (const member of node.body.body) {
    if (member.type !== 'MethodDefinition' || member.kind === 'constructor') continue;
    const found = changedField(member.value, fields, globals);
    if (found !== null) return found;
  }
  return null;
}

function changedField(
  root: AnyNode,
  fields: ReadonlyMap<string, AnyNode | null | undefined>,
  globals: ReadonlySet<AnyNode>,
): { name: string; start: number } | null {
  let found: { name: string; start: number } | null = null;
  const fieldOf = (node: AnyNode): string | undefined => {
    let at = node;
    while (at.type === 'MemberExpression') {
      if (at.property.type === 'PrivateIdentifier') return at.property.name;
      at = at.object;
    }
    return undefined;
  };
  const note = (target: AnyNode): void => {
    const name = fieldOf(target);
    if (name !== undefined && fields.has(name)) found ??= { name: `#${name}`, start: target.start };
  };
  const visit = (node: AnyNode): void => {
    if (node.type === 'AssignmentExpression') note(node.left);
    else if (node.type === 'UpdateExpression') note(node.argument);
    else if (node.type === 'UnaryExpression' && node.operator === 'delete') note(node.argument);
    else if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression') {
      const { object, property } = node.callee;
      const method = property.type === 'Identifier' ? property.name : undefined;
      const name = object.type === 'MemberExpression' ? fieldOf(object) : undefined;
      const { kind } = initialValue(name === undefined ? null : fields.get(name), globals);
      if (mutates(kind, method)) note(object);
    }
    if (found === null) eachChild(node, visit);
  };
  visit(root);
  return found;
}
