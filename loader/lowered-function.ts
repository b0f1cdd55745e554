/**
 * One async function on its way to a coroutine: what its wrapper says, what its generator is called
 * and where the generator goes.
 */

import { convertedCaptures, generatorPlace, type Place } from './generator-place.js';
import type { Lexical } from './pass-coroutines.js';
import type { Binding, FunctionInfo } from './scopes.js';
import { type AnyNode, type FunctionNode, keyName } from './syntax.js';
import type { TransformContext } from './transform.js';

export interface LoweredFunction {
  readonly name: string;
  /** What names mean inside. */
  readonly inner: Lexical;
  /** Edits of the head; before those of the body. */
  begin(valueName: string | null): void;
  /** Edits of the tail, and the move; after those of the body. */
  finish(): void;
}

export function describeFunction(
  context: TransformContext,
  node: FunctionNode,
  outer: Lexical,
  twin: boolean,
): LoweredFunction {
  return new Lowering(context, node, outer, twin);
}

class Lowering implements LoweredFunction {
  readonly name: string;
  readonly inner: Lexical;
  readonly #context: TransformContext;
  readonly #node: FunctionNode;
  readonly #outer: Lexical;
  readonly #info: FunctionInfo;
  readonly #arrow: boolean;
  readonly #place: Place;
  readonly #generator: string;
  /** Leading parameters of the generator, and what the wrapper passes for them. */
  readonly #extras: { readonly name: string; readonly value: string }[] = [];
  #suffix = '';

  constructor(context: TransformContext, node: FunctionNode, outer: Lexical, twin: boolean) {
    const info = context.scopes.functions.get(node) as FunctionInfo;
    this.#context = context;
    this.#node = node;
    this.#outer = outer;
    this.#info = info;
    this.#arrow = node.type === 'ArrowFunctionExpression';
    this.name = inferName(context, node);
    this.#generator = context.fresh(`${this.name}$co`);
    this.#place = generatorPlace(context, node, info, outer.end);
    if (this.#isAtModuleLevel(info)) context.moduleGenerators.push(this.#generator);
    const accessors = this.#lexicalCaptures();
    const args = this.#lexicalArguments();
    const newTarget = this.#lexicalNewTarget();
    const superNamed = this.#lexicalSuper();
    this.inner = {
      args,
      newTarget,
      superNamed,
      end: node.end,
      generator: node.generator === true,
      twin,
      kind: node.generator ? 'async_generator' : 'coroutine',
      accessors,
    };
  }

  /** Captured variables become leading parameters; the map says how the others are reached. */
  #lexicalCaptures(): Map<Binding, string> {
    const context = this.#context;
    const accessors = new Map(this.#outer.accessors);
    const captures = convertedCaptures(this.#node, this.#info, this.#place, context);
    const outerText = (binding: Binding): string =>
      this.#outer.accessors.get(binding) ?? binding.name;
    for (const binding of captures.byValue) {
      this.#extras.push({ name: binding.name, value: outerText(binding) });
      accessors.delete(binding);
    }
    for (const binding of captures.byRead) {
      const name = context.captureName(binding.name);
      this.#extras.push({ name, value: `() => ${outerText(binding)}` });
      // In parentheses, for `new x.y()`.
      accessors.set(binding, `(${name}())`);
    }
    for (const binding of captures.byVariable) {
      const name = context.captureName(binding.name);
      const text = outerText(binding);
      const value = `new ${context.variableClass}(() => ${text}, ($v) => { ${text} = $v; })`;
      this.#extras.push({ name, value });
      accessors.set(binding, `${name}._`);
    }
    return accessors;
  }

  /** Then one call at the end of the module says whose generators it makes; else each wrapper does. */
  #isAtModuleLevel(info: FunctionInfo): boolean {
    const { kind } = this.#place;
    if (kind === 'beside') return info.home === this.#context.scopes.module;
    return kind !== 'inside';
  }

  #lexicalArguments(): string {
    const used = this.#info.argumentsNodes.length > 0;
    // Extras come first, so `arguments` of the generator would hold them too.
    const extras = this.#extras.length > 0 || this.#info.superNodes.length > 0;
    const needsName = used && (this.#arrow || extras);
    if (!needsName) return this.#arrow ? this.#outer.args : 'arguments';
    const name = this.#context.argumentsName;
    this.#extras.push({ name, value: this.#arrow ? this.#outer.args : 'arguments' });
    return name;
  }

  #lexicalNewTarget(): string {
    if (!this.#arrow) return 'new.target';
    if (this.#info.newTargetNodes.length === 0) return this.#outer.newTarget;
    // Outside of functions (a class field) it is a syntax error, which esbuild has reported.
    const name = this.#context.newTargetName;
    this.#extras.push({ name, value: this.#outer.newTarget });
    return name;
  }

  #lexicalSuper(): boolean {
    if (this.#info.superNodes.length === 0) return this.#arrow && this.#outer.superNamed;
    const { get, set } = this.#context.superNames;
    const named = this.#arrow && this.#outer.superNamed;
    this.#extras.push(
      { name: get, value: named ? get : '(key) => super[key]' },
      { name: set, value: named ? set : '(key, value) => { super[key] = value; }' },
    );
    return true;
  }

  begin(valueName: string | null): void {
    const { edits } = this.#context;
    const node = this.#node;
    const open = this.#openParen();
    const { before, after } = this.#wrapper();
    const inside = this.#place.kind === 'inside';
    const static_ = this.#place.kind === 'static_block';
    const head = `${static_ ? `static { ${this.#generator} = ` : ''}function* ${this.#generator}`;
    if (static_) this.#context.addHeader(`let ${this.#generator};`);

    edits.appendLeft(node.start, inside ? before : before + after);
    if (open === node.start) edits.prependRight(node.start, head);
    else edits.update(node.start, open, head);
    this.#removeAsyncKeyword();
    if (this.#extras.length > 0) {
      const names = this.#extras.map(({ name }) => name).join(', ');
      edits.appendLeft(open + 1, node.params.length > 0 ? `${names}, ` : names);
    }
    this.#suffix = inside ? after : static_ ? '; }\n' : '\n';
    this.#openBody(valueName === null ? '' : ` let ${valueName};`, open);
  }

  finish(): void {
    const { edits, code } = this.#context;
    const { start, end } = this.#node;
    edits.appendLeft(end, this.#suffix);
    if (this.#place.kind === 'module') edits.move(start, end, code.length);
    else if (this.#place.kind === 'static_block') edits.move(start, end, this.#place.at);
  }

  #openParen(): number {
    const node = this.#node;
    if (node.type !== 'ArrowFunctionExpression' && node.id)
      return this.#context.code.indexOf('(', node.id.end);
    return this.#context.code.indexOf('(', node.start);
  }

  #openBody(declaration: string, open: number): void {
    const { edits, code } = this.#context;
    const { body, params } = this.#node;
    if (!this.#arrow) {
      edits.appendLeft(body.start + 1, declaration);
      return;
    }
    const from = params.at(-1)?.end ?? open + 1;
    const close = code.indexOf(')', from) + 1;
    const arrowEnd = code.indexOf('=>', close) + 2;
    if (body.type === 'BlockStatement') {
      edits.remove(close, arrowEnd);
      edits.appendLeft(body.start + 1, declaration);
    } else {
      edits.update(close, arrowEnd, ` {${declaration} return (`);
      this.#suffix = `); }${this.#suffix}`;
    }
  }

  #removeAsyncKeyword(): void {
    const node = this.#node;
    if (node.type !== 'FunctionExpression' || this.#context.code[node.start] !== '(') return;
    const member = this.#context.scopes.parents.get(node) as { start: number; key: AnyNode };
    const text = this.#context.code.slice(member.start, member.key.start);
    const at = member.start + text.lastIndexOf('async');
    const star = node.generator ? text.lastIndexOf('*') + 1 : 0;
    this.#context.edits.remove(at, Math.max(at + 'async'.length, member.start + star));
  }

  /**
   * The text around the generator. A call stands at the start of a line of its own, which has no
   * mapping, so that the wrapper's frame does not show in stacks.
   */
  #wrapper(): { before: string; after: string } {
    const call = this.#call();
    const node = this.#node;
    const params = (this.#context.marks.get(node) ?? '') + call.params;
    if (this.#arrow) return { before: `(${params}) =>\n${call.before}`, after: `${call.after}\n` };
    const keyword =
      this.#context.code[node.start] === '('
        ? ''
        : `function ${node.type !== 'ArrowFunctionExpression' && node.id ? node.id.name : ''}`;
    const end = node.type === 'FunctionDeclaration' ? '}\n' : '}';
    return {
      before: `${keyword}(${params}) {\nreturn ${call.before}`,
      after: `${call.after};\n${end}`,
    };
  }

  /** The wrapper's parameters and the call, split where the generator goes if it stays inside. */
  #call(): { params: string; before: string; after: string } {
    const inside = this.#place.kind === 'inside';
    const nested = !this.#isAtModuleLevel(this.#info);
    const own = nested ? `${this.#context.runtime('own')}(` : '';
    const target = inside ? own : nested ? `${own}${this.#generator})` : this.#generator;
    if (this.inner.twin) return this.#twinCall(target);
    const run = this.inner.generator ? 'asyncGenerator' : 'async';
    const info = this.#info;
    const usesThis = info.thisNodes.length > 0 || info.superNodes.length > 0;
    const self = usesThis ? 'this' : 'void 0';
    const passed = this.#extras.map(({ value }) => value);
    const usesArguments =
      !this.#arrow && info.argumentsNodes.length > 0 && this.inner.args === 'arguments';
    const simple = usesArguments || this.inner.generator ? null : simpleParams(this.#node.params);
    if (simple !== null) {
      const values = [...passed, ...simple.values];
      const start = `${this.#context.runtime('start')}(`;
      const given = usesThis
        ? `.call(${['this', ...values].join(', ')})`
        : `(${values.join(', ')})`;
      return inside
        ? { params: simple.params, before: `${start}${own}`, after: `)${given})` }
        : { params: simple.params, before: `${start}${target}${given}`, after: ')' };
    }
    const { params, args } = this.#allArguments();
    const list = passed.length === 0 ? args : `[${[...passed, `...${args}`].join(', ')}]`;
    return {
      params,
      before: `${this.#context.runtime(run)}(${self}, ${list}, ${target}`,
      after: inside ? '))' : ')',
    };
  }

  /** What its parameters throw goes to the caller, as of a plain function. */
  #twinCall(target: string): { params: string; before: string; after: string } {
    const simple = simpleParams(this.#node.params);
    const rest = `...${this.#context.parameterName('rest')}`;
    const before = `${this.#context.runtime('twin')}(${target}(${simple?.values.join(', ') ?? rest})`;
    return { params: simple?.params ?? rest, before, after: ')' };
  }

  /** Parameters that give the wrapper the same `length`, and all arguments as a list. */
  #allArguments(): { params: string; args: string } {
    const { params } = this.#node;
    const plain = params.findIndex(
      (p) => p.type === 'AssignmentPattern' || p.type === 'RestElement',
    );
    const length = plain === -1 ? params.length : plain;
    const names = Array.from({ length }, (_, at) => this.#context.parameterName(at));
    if (!this.#arrow) return { params: names.join(', '), args: 'arguments' };
    const rest = this.#context.parameterName('rest');
    return {
      params: [...names, `...${rest}`].join(', '),
      args: names.length === 0 ? rest : `[${[...names, `...${rest}`].join(', ')}]`,
    };
  }
}

/**
 * Parameters that cannot throw when they are evaluated, so that the generator can be called outside
 * of the task: names, names with a constant default, a rest name. `null` for any other list.
 */
function simpleParams(params: readonly AnyNode[]): { params: string; values: string[] } | null {
  const names: string[] = [];
  const values: string[] = [];
  for (const param of params) {
    if (param.type === 'Identifier') {
      names.push(param.name);
      values.push(param.name);
    } else if (param.type === 'RestElement' && param.argument.type === 'Identifier') {
      names.push(`...${param.argument.name}`);
      values.push(`...${param.argument.name}`);
    } else if (
      param.type === 'AssignmentPattern' &&
      param.left.type === 'Identifier' &&
      isConstant(param.right)
    ) {
      // The default itself is the generator's; here it only keeps `length` what it was.
      names.push(`${param.left.name} = void 0`);
      values.push(param.left.name);
    } else return null;
  }
  return { params: names.join(', '), values };
}

function isConstant(node: AnyNode): boolean {
  switch (node.type) {
    case 'Literal':
      return true;
    case 'UnaryExpression':
      return ['-', '!', 'void'].includes(node.operator) && isConstant(node.argument);
    case 'TemplateLiteral':
      return node.expressions.length === 0;
    case 'ArrayExpression':
      return node.elements.length === 0;
    case 'ObjectExpression':
      return node.properties.length === 0;
    default:
      return false;
  }
}

/** The name JavaScript gives the function, as far as the text shows it. */
function inferName(context: TransformContext, node: FunctionNode): string {
  if (node.type !== 'ArrowFunctionExpression' && node.id) return node.id.name;
  return identifierFrom(nameFromParent(context, node)) ?? 'anonymous';
}

function nameFromParent(context: TransformContext, node: FunctionNode): string | undefined {
  const parent = context.scopes.parents.get(node);
  switch (parent?.type) {
    case 'VariableDeclaration': {
      const declarator = parent.declarations.find(({ init }) => init === node);
      return declarator?.id.type === 'Identifier' ? declarator.id.name : undefined;
    }
    case 'AssignmentExpression':
    case 'AssignmentPattern':
      return parent.right === node && parent.left.type === 'Identifier'
        ? parent.left.name
        : undefined;
    case 'Property':
    case 'MethodDefinition':
    case 'PropertyDefinition':
      return keyName(parent.key, parent.computed);
    default:
      return undefined;
  }
}

function identifierFrom(name: string | undefined): string | undefined {
  return name !== undefined && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)
    ? name
    : undefined;
}
