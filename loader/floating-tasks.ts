/**
 * Floating tasks: calls of asynchronous functions whose result nobody looks at.
 *
 *   send(pid, 'hello');      // fine: it returns nothing to wait for
 *   sleep(1000);             // does not wait
 *   room.join(user);         // an async function: its failure is lost, it outlives its caller
 *
 * A task that is not awaited, returned, assigned or passed on runs on beside its caller, in the same
 * process, and its error belongs to nobody. `void f()` says that this is meant.
 *
 * What a call means is found by names, over all modules: functions and methods of the own class that are
 * `async`, what other modules export, the built-in functions, and Node's `…/promises`. Methods of
 * values are not followed, for which types would be needed.
 */

import { type LoadErrorDetails, placed } from './errors.js';
import { bindingOf } from './once.js';
import type { Binding, FunctionInfo } from './scopes.js';
import { type AnyNode, eachChild, isFunction, keyName } from './syntax.js';
import type { TransformContext } from './transform.js';

/** The built-in functions that give a promise. */
export const WAITING_BIFS: ReadonlySet<string> = new Set([
  ...['call', 'cancelTimer', 'dirty', 'hibernate', 'processes', 'processInfo', 'readTimer'],
  ...['isAlive', 'link', 'receive', 'register', 'sleep', 'unregister', 'yieldNow'],
]);

export interface FloatingTask extends LoadErrorDetails {
  readonly message: string;
}

interface Exported {
  /** A function of the module itself, and whether it is asynchronous. */
  readonly waits?: boolean;
  /** A name of another module. */
  readonly from?: { readonly module: string; readonly name: string };
}

interface ModuleNames {
  readonly exports: Map<string, Exported>;
  readonly stars: readonly string[];
}

/** @param modules all of a project: a call may lead to any of them */
export function floatingTasks(modules: readonly TransformContext[]): FloatingTask[] {
  const names = new Map(
    modules.map((context) => [context.input.moduleName, namesOf(context)] as const),
  );
  return modules.flatMap((context) => new Floating(context, names).find());
}

class Floating {
  readonly #context: TransformContext;
  readonly #names: ReadonlyMap<string, ModuleNames>;
  readonly #found: FloatingTask[] = [];
  #class: Extract<AnyNode, { type: 'ClassBody' }> | null = null;

  constructor(context: TransformContext, names: ReadonlyMap<string, ModuleNames>) {
    this.#context = context;
    this.#names = names;
  }

  find(): FloatingTask[] {
    for (const statement of this.#context.program.body) {
      if (statement.end > this.#context.preludeEnd) this.#visit(statement);
    }
    return this.#found;
  }

  #visit(node: AnyNode): void {
    if (node.type === 'ExpressionStatement') this.#unused(node.expression);
    if (node.type === 'CallExpression') this.#checkForEach(node);
    const outer = this.#class;
    if (node.type === 'ClassBody') this.#class = node;
    eachChild(node, (child) => this.#visit(child));
    this.#class = outer;
  }

  /** An expression whose value goes nowhere. */
  #unused(node: AnyNode): void {
    switch (node.type) {
      case 'CallExpression': {
        const name = this.#waitingName(node.callee);
        if (name !== undefined) {
          this.#add(
            node,
            `nobody waits for ${name}: its failure is lost, and it outlives its caller`,
          );
        }
        return;
      }
      case 'ChainExpression':
        this.#unused(node.expression);
        return;
      case 'LogicalExpression':
        this.#unused(node.right);
        return;
      case 'ConditionalExpression':
        this.#unused(node.consequent);
        this.#unused(node.alternate);
        return;
      case 'SequenceExpression':
        for (const each of node.expressions) this.#unused(each);
        return;
      default:
    }
  }

  #checkForEach({ callee, arguments: args }: Extract<AnyNode, { type: 'CallExpression' }>): void {
    if (callee.type !== 'MemberExpression') return;
    if (keyName(callee.property, callee.computed) !== 'forEach') return;
    const [first] = args;
    if (first !== undefined && isFunction(first) && first.async && !first.generator) {
      this.#add(first, 'forEach does not wait for an async function');
    }
  }

  /** How the called function is named, if it is one that gives a task. */
  #waitingName(callee: AnyNode): string | undefined {
    if (callee.type === 'SequenceExpression') {
      // esbuild writes `(0, import_room.join)(…)`.
      const last = callee.expressions.at(-1);
      return last && this.#waitingName(last);
    }
    if (isFunction(callee)) return callee.async && !callee.generator ? 'this function' : undefined;
    if (callee.type === 'Identifier') {
      const binding = this.#bindingOf(callee);
      return binding && isWaiting(this.#context, binding) ? callee.name : undefined;
    }
    if (callee.type !== 'MemberExpression') return undefined;
    const name = keyName(callee.property, callee.computed);
    if (name === undefined) return undefined;
    if (callee.object.type === 'ThisExpression') {
      const field = callee.property.type === 'PrivateIdentifier';
      return this.#isWaitingMethod(name, field) ? `this.${field ? '#' : ''}${name}` : undefined;
    }
    return this.#isWaitingImport(callee.object, name) ? name : undefined;
  }

  #isWaitingMethod(name: string, isPrivate: boolean): boolean {
    return (this.#class?.body ?? []).some((member) => {
      if (member.type !== 'MethodDefinition' || member.kind !== 'method') return false;
      if ((member.key.type === 'PrivateIdentifier') !== isPrivate) return false;
      const { async, generator } = member.value;
      return keyName(member.key, member.computed) === name && async && !generator;
    });
  }

  #isWaitingImport(object: AnyNode, name: string): boolean {
    let root = object;
    // `import_promises.default.readFile`.
    if (root.type === 'MemberExpression' && keyName(root.property, root.computed) === 'default') {
      root = root.object;
    }
    if (root.type !== 'Identifier') return false;
    const binding = this.#bindingOf(root);
    const source = binding && this.#context.importBindings.get(binding);
    if (source === undefined) return false;
    if (source.kind === 'tsvm') return WAITING_BIFS.has(name);
    if (source.kind === 'node') return /^(?:node:)?[a-z/]+\/promises$/.test(source.name);
    return this.#waits(source.name, name, new Set());
  }

  #waits(module: string, name: string, seen: Set<string>): boolean {
    const names = this.#names.get(module);
    if (names === undefined || seen.has(module)) return false;
    const found = names.exports.get(name);
    if (found?.from !== undefined) {
      const { from } = found;
      return this.#waits(from.module, from.name, new Set(seen).add(module));
    }
    if (found !== undefined) return found.waits === true;
    seen.add(module);
    return names.stars.some((star) => this.#waits(star, name, seen));
  }

  #bindingOf(node: AnyNode): Binding | undefined {
    const { references } = this.#context.scopes;
    return referenceMap(references).get(node)?.binding ?? undefined;
  }

  #add(node: AnyNode, message: string): void {
    const { file, source, moduleName: module } = this.#context.input;
    const place = { file, ...this.#context.originalPlace(node.start) };
    const hint =
      'await or return it, spawn a process for it, or write `void` before it if it is meant';
    this.#found.push({ message, ...placed(source, place, { module, hint }) });
  }
}

type References = TransformContext['scopes']['references'];
const maps: WeakMap<References, Map<AnyNode, References[number]>> = new WeakMap();

function referenceMap(references: References): Map<AnyNode, References[number]> {
  let map = maps.get(references);
  if (map === undefined) {
    map = new Map(references.map((reference) => [reference.node, reference]));
    maps.set(references, map);
  }
  return map;
}

function isWaiting({ scopes }: TransformContext, binding: Binding): boolean {
  if (binding.reassigned) return false;
  const { value } = binding;
  if (value !== null) return isFunction(value) && value.async && !value.generator;
  if (binding.kind !== 'function') return false;
  for (const info of scopes.functions.values()) {
    if (isDeclared(info) && bindingOf(scopes, info) === binding) {
      return info.node.async && !info.node.generator;
    }
  }
  return false;
}

function isDeclared(
  info: FunctionInfo,
): info is FunctionInfo & { node: Extract<AnyNode, { type: 'FunctionDeclaration' }> } {
  return info.node.type === 'FunctionDeclaration';
}

/** What a module exports, by the getters that esbuild writes. */
function namesOf(context: TransformContext): ModuleNames {
  const exports = new Map<string, Exported>();
  const stars: string[] = [];
  const { bindings } = context.scopes.module;
  for (const statement of context.program.body) {
    if (statement.type !== 'ExpressionStatement') continue;
    const { expression } = statement;
    if (expression.type !== 'CallExpression' || expression.callee.type !== 'Identifier') continue;
    const [, given] = expression.arguments;
    if (expression.callee.name === '__reExport') {
      const at = given?.type === 'CallExpression' ? given.arguments[0] : undefined;
      const specifier = at?.type === 'Literal' ? String(at.value) : '';
      const found = context.imports.find((one) => one.specifier === specifier);
      if (found?.module) stars.push(found.module);
    }
    if (expression.callee.name !== '__export' || given?.type !== 'ObjectExpression') continue;
    for (const property of given.properties) {
      if (property.type !== 'Property' || property.value.type !== 'ArrowFunctionExpression')
        continue;
      const name = keyName(property.key, property.computed) as string;
      exports.set(name, exportedOf(context, property.value.body, bindings));
    }
  }
  return { exports, stars };
}

function exportedOf(
  context: TransformContext,
  value: AnyNode,
  bindings: ReadonlyMap<string, Binding>,
): Exported {
  if (value.type === 'Identifier') {
    const binding = bindings.get(value.name);
    return { waits: binding !== undefined && isWaiting(context, binding) };
  }
  if (value.type !== 'MemberExpression' || value.object.type !== 'Identifier') return {};
  const binding = bindings.get(value.object.name);
  const source = binding && context.importBindings.get(binding);
  const name = keyName(value.property, value.computed);
  if (name === undefined || source === undefined) return {};
  if (source.kind === 'tsvm') return { waits: WAITING_BIFS.has(name) };
  return source.kind === 'module' ? { from: { module: source.name, name } } : {};
}
