/**
 * Yielding calls: how coroutine code calls functions that have twins, as edits of `pass-coroutines.ts`.
 *
 *   spin(a)                  of this module
 *     (($m = ($context.twins > 0 ? spin$tw : spin)(a)) === $PARK ? $unboxed($resumed(yield, 1027)) : $m)
 *   (0, import_sums.spin)(a) of another one
 *     the same, with (0, $context.twins > 0 ? $twinOf(import_sums.spin) : import_sums.spin)
 *
 * While nothing runs long that is the plain call, and one look at a field.
 *
 * Invariants:
 *  1. The arguments stand there once, and are evaluated after the choice as after a name.
 *  2. There is no `this` to lose: functions that use it have no twins, and namespaces are left alone.
 */

import type { Binding, Reference } from './scopes.js';
import { type AnyNode, eachChild, type FunctionNode, isFunction } from './syntax.js';
import type { TransformContext } from './transform.js';

type Call = Extract<AnyNode, { type: 'CallExpression' }>;

export class YieldingCalls {
  readonly #context: TransformContext;
  readonly #bindingOf: (node: AnyNode) => Binding | null | undefined;
  /** The functions of the module by their twins. */
  readonly #functions: Map<AnyNode, FunctionNode> = new Map();

  constructor(context: TransformContext, references: ReadonlyMap<AnyNode, Reference>) {
    this.#context = context;
    this.#bindingOf = (node) => references.get(node)?.binding;
    const { twins } = context.input;
    if (twins === undefined) return;
    const named = new Map<string, FunctionNode>();
    for (const [name, node] of moduleFunctions(context.program)) named.set(name, node);
    for (const [name, twin] of twins.names) {
      this.#functions.set(named.get(twin) as FunctionNode, named.get(name) as FunctionNode);
    }
  }

  /** The function that this one is the twin of. */
  functionOf(node: FunctionNode): FunctionNode | undefined {
    return this.#functions.get(node);
  }

  isTwin(node: AnyNode): boolean {
    return this.#functions.has(node);
  }

  /** May the function called have a twin? In coroutine code the call is then one of two. */
  isCall(node: AnyNode): node is Call {
    if (node.type !== 'CallExpression' || node.optional) return false;
    return this.#twinName(node) !== undefined || this.#importedMember(node) !== undefined;
  }

  /** Whether the code itself, not a function inside it, has such a call. */
  hasCall(node: AnyNode): boolean {
    let found = this.isCall(node);
    eachChild(node, (child) => {
      found ||= !isFunction(child) && this.hasCall(child);
    });
    return found;
  }

  /** Before what is inside is visited. @returns the text to put after the call */
  begin(node: Call, valueName: string): string {
    const { edits, code } = this.#context;
    const runtime = (name: 'context' | 'twinOf' | 'PARK' | 'unboxed'): string =>
      this.#context.runtime(name);
    edits.appendLeft(node.start, `((${valueName} = `);
    const wanted = `${runtime('context')}.twins > 0`;
    const twin = this.#twinName(node);
    if (twin !== undefined) {
      edits.appendLeft(node.callee.start, `(${wanted} ? ${twin} : `);
      edits.appendLeft(node.callee.end, ')');
    } else {
      const { start, end } = this.#importedMember(node) as AnyNode;
      const found = `${runtime('twinOf')}(${code.slice(start, end)})`;
      edits.appendLeft(start, `${wanted} ? ${found} : `);
    }
    return `) === ${runtime('PARK')} ? ${runtime('unboxed')}(${this.#context.resumption(node)}) : ${valueName})`;
  }

  /** Tell the runtime which functions have twins that are found by their value. */
  declare(): void {
    const { twins } = this.#context.input;
    if (twins === undefined || twins.values.length === 0) return;
    const pairs = twins.values.map((name) => `${name}, ${twins.names.get(name)}`);
    this.#context.addFooter(`${this.#context.runtime('twins')}(${pairs.join(', ')});\n`);
  }

  #twinName({ callee }: Call): string | undefined {
    const { input, scopes } = this.#context;
    if (callee.type !== 'Identifier' || input.twins === undefined) return undefined;
    const twin = input.twins.names.get(callee.name);
    return twin !== undefined && this.#bindingOf(callee)?.scope === scopes.module
      ? twin
      : undefined;
  }

  /**
   * `import_sums.spin` of `(0, import_sums.spin)(a)`, where that is a module. What is awaited is left out: it is a
   * coroutine, as a rule.
   */
  #importedMember(node: Call): AnyNode | undefined {
    if (node.callee.type !== 'SequenceExpression') return undefined;
    const [zero, member] = node.callee.expressions;
    if (zero?.type !== 'Literal' || member?.type !== 'MemberExpression' || member.computed)
      return undefined;
    const binding = this.#bindingOf(member.object);
    const { importBindings, scopes } = this.#context;
    if (!binding || importBindings.get(binding)?.kind !== 'module') return undefined;
    return scopes.parents.get(node)?.type === 'AwaitExpression' ? undefined : member;
  }
}

function* moduleFunctions(program: {
  readonly body: readonly AnyNode[];
}): Iterable<[string, FunctionNode]> {
  for (const statement of program.body) {
    if (statement.type === 'FunctionDeclaration' && statement.id)
      yield [statement.id.name, statement];
    if (statement.type !== 'VariableDeclaration') continue;
    for (const { id, init } of statement.declarations)
      if (id.type === 'Identifier' && init && isFunction(init)) yield [id.name, init];
  }
}

/** Values of which the text says that they are no objects. */
export function isPrimitive(node: AnyNode): boolean {
  switch (node.type) {
    case 'Literal':
      return !node.regex;
    case 'BinaryExpression':
    case 'UnaryExpression':
    case 'UpdateExpression':
    case 'TemplateLiteral':
      return true;
    default:
      return false;
  }
}
