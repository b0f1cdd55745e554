/**
 * Scopes: which declaration each identifier of a module means, and what each function captures.
 *
 * Invariants:
 *  1. Every identifier that is a reference is in exactly one `Reference`; one without a declaration
 *     has `binding` null (a global).
 *  2. `FunctionInfo.captures` holds the bindings outside the function, module level left out, that
 *     the function or anything inside it refers to. Empty means: the function may be moved to
 *     module level and still mean the same (as long as `this`, `arguments`, `new.target`, `super`
 *     and private names are seen to, which are recorded beside it).
 *  3. Parameters and body of a function share one scope, unless a parameter is more than a name: then
 *     the body has one of its own inside, because default values do not see its variables.
 *
 * Own code rather than eslint-scope: one walk gives references, captures and the uses of `this` and
 * its kin, at a quarter of the time per module, and start-up compiles every module of a project.
 *
 * Source: ECMAScript, "Scope Analysis", "FunctionDeclarationInstantiation".
 */

import {
  type AnyNode,
  eachChild,
  type FunctionNode,
  type Identifier,
  type Program,
} from './syntax.js';

export type BindingKind =
  | 'var'
  | 'let'
  | 'const'
  | 'function'
  | 'class'
  | 'param'
  | 'catch'
  /** The name of a function expression, or of a class, inside itself. */
  | 'own_name';

export interface Binding {
  readonly name: string;
  readonly kind: BindingKind;
  readonly scope: Scope;
  readonly node: AnyNode;
  readonly references: Reference[];
  /** Where its declaration ends; before that a `let`, `const` or `class` has no value. */
  readonly end: number;
  /** What a variable is declared with, or the class; `null` for what the text does not give. */
  value: AnyNode | null;
  /** Assigned anywhere but in its declaration. */
  reassigned: boolean;
}

export interface Reference {
  readonly node: Identifier;
  readonly scope: Scope;
  readonly write: boolean;
  /** The property of an object literal written `{ name }`: an edit must keep the key. */
  readonly shorthand: boolean;
  binding: Binding | null;
}

export type ScopeKind = 'module' | 'function' | 'block' | 'class' | 'own_name';

export class Scope {
  readonly kind: ScopeKind;
  readonly parent: Scope | null;
  readonly node: AnyNode;
  /** The function whose code this is; `null` at module level. */
  readonly owner: FunctionInfo | null;
  readonly bindings: Map<string, Binding> = new Map();

  constructor(kind: ScopeKind, parent: Scope | null, node: AnyNode, owner: FunctionInfo | null) {
    this.kind = kind;
    this.parent = parent;
    this.node = node;
    this.owner = owner;
  }
}

/** What one function, class field initialiser or static block uses from around it. */
export interface FunctionInfo {
  readonly node: FunctionNode | Extract<AnyNode, { type: 'PropertyDefinition' | 'StaticBlock' }>;
  readonly outer: FunctionInfo | null;
  /** Its `this`, `arguments`, `new.target` and `super` are those of the function around it. */
  readonly lexicalThis: boolean;
  /** The scope the function is declared in. */
  readonly home: Scope;
  /** The scope of its parameters and, where that is another, of its body. */
  readonly scopes: Scope[];
  readonly captures: Set<Binding>;
  readonly thisNodes: AnyNode[];
  readonly argumentsNodes: Reference[];
  readonly newTargetNodes: AnyNode[];
  /** The member expressions (or calls, for `super()`) whose object is `super`. */
  readonly superNodes: AnyNode[];
  /** Private names of classes around the function. */
  readonly privateClasses: Set<AnyNode>;
  directEval: boolean;
}

export interface Scopes {
  readonly module: Scope;
  readonly functions: ReadonlyMap<AnyNode, FunctionInfo>;
  readonly references: readonly Reference[];
  /** Every identifier in the text, declared or not: new names must avoid them. */
  readonly names: ReadonlySet<string>;
  /** The scope of each class: its own name and its private names are seen there. */
  readonly classes: ReadonlyMap<AnyNode, Scope>;
  /** The parent of each function and of each node that is a reference. */
  readonly parents: ReadonlyMap<AnyNode, AnyNode>;
}

export function analyseScopes(program: Program): Scopes {
  return new Analysis(program).finish();
}

class Analysis implements Scopes {
  readonly module: Scope;
  readonly functions: Map<AnyNode, FunctionInfo> = new Map();
  readonly references: Reference[] = [];
  readonly names: Set<string> = new Set();
  readonly parents: Map<AnyNode, AnyNode> = new Map();
  readonly classes: Map<AnyNode, Scope> = new Map();
  #scope: Scope;
  #function: FunctionInfo | null = null;
  /** Where the declaration that is being visited ends. */
  #end = 0;
  #classes: { node: AnyNode; names: Set<string> }[] = [];

  constructor(program: Program) {
    this.module = new Scope('module', null, program, null);
    this.#scope = this.module;
    for (const statement of program.body) this.#visit(statement, program);
  }

  finish(): Scopes {
    for (const reference of this.references) this.#resolve(reference);
    return this;
  }

  #resolve(reference: Reference): void {
    const { name } = reference.node;
    let scope: Scope | null = reference.scope;
    while (scope !== null && !scope.bindings.has(name)) scope = scope.parent;
    if (scope === null) {
      if (name === 'arguments')
        noteLexical(reference.scope.owner, (f) => f.argumentsNodes.push(reference));
      if (name === 'eval')
        markEval(reference.scope.owner, this.parents.get(reference.node), reference.node);
      return;
    }
    const binding = scope.bindings.get(name) as Binding;
    reference.binding = binding;
    binding.references.push(reference);
    if (reference.write) binding.reassigned = true;
    if (scope.kind === 'module') return;
    for (let f = reference.scope.owner; f !== null && f !== scope.owner; f = f.outer)
      f.captures.add(binding);
    // A function's own scope belongs to it; the scope of its name lies outside.
  }

  #declare(pattern: AnyNode, kind: BindingKind, scope: Scope): void {
    switch (pattern.type) {
      case 'Identifier': {
        this.names.add(pattern.name);
        const known = scope.bindings.get(pattern.name);
        if (known === undefined) {
          const { name } = pattern;
          const end = Math.max(this.#end, pattern.end);
          const binding: Binding = {
            name,
            kind,
            scope,
            node: pattern,
            references: [],
            end,
            value: null,
            reassigned: false,
          };
          scope.bindings.set(name, binding);
        } else if (kind !== 'var') known.reassigned = true;
        return;
      }
      case 'AssignmentPattern':
        this.#declare(pattern.left, kind, scope);
        this.#visit(pattern.right, pattern);
        return;
      case 'RestElement':
        this.#declare(pattern.argument, kind, scope);
        return;
      case 'ArrayPattern':
        for (const element of pattern.elements)
          if (element !== null) this.#declare(element, kind, scope);
        return;
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') this.#declare(property.argument, kind, scope);
          else {
            if (property.computed) this.#visit(property.key, property);
            this.#declare(property.value, kind, scope);
          }
        }
        return;
      default:
        this.#assign(pattern, pattern);
    }
  }

  /** The target of an assignment. */
  #assign(target: AnyNode, parent: AnyNode, shorthand = false): void {
    switch (target.type) {
      case 'Identifier':
        this.#refer(target, parent, true, shorthand);
        return;
      case 'AssignmentPattern':
        this.#assign(target.left, target, shorthand);
        this.#visit(target.right, target);
        return;
      case 'RestElement':
        this.#assign(target.argument, target);
        return;
      case 'ArrayPattern':
        for (const element of target.elements) if (element !== null) this.#assign(element, target);
        return;
      case 'ObjectPattern':
        for (const property of target.properties) {
          if (property.type === 'RestElement') this.#assign(property.argument, target);
          else {
            if (property.computed) this.#visit(property.key, property);
            this.#assign(property.value, target, property.shorthand);
          }
        }
        return;
      default:
        this.#visit(target, parent);
    }
  }

  #refer(node: Identifier, parent: AnyNode, write: boolean, shorthand = false): void {
    this.names.add(node.name);
    this.parents.set(node, parent);
    this.references.push({ node, scope: this.#scope, write, shorthand, binding: null });
  }

  #within(scope: Scope, walk: () => void): void {
    const outer = this.#scope;
    this.#scope = scope;
    walk();
    this.#scope = outer;
  }

  #block(node: AnyNode, walk: () => void): void {
    this.#within(new Scope('block', this.#scope, node, this.#function), walk);
  }

  #visit(node: AnyNode, parent: AnyNode): void {
    switch (node.type) {
      case 'Identifier':
        this.#refer(node, parent, false);
        return;
      case 'VariableDeclaration': {
        const kind = node.kind === 'var' ? 'var' : node.kind === 'let' ? 'let' : 'const';
        const scope = kind === 'var' ? this.#varScope() : this.#scope;
        for (const { id, init, end } of node.declarations) {
          this.#end = end;
          this.#declare(id, kind, scope);
          if (init && id.type === 'Identifier') setValue(scope, id.name, init);
          if (init) this.#visit(init, node);
        }
        return;
      }
      case 'FunctionDeclaration':
        if (node.id !== null) this.#declare(node.id, 'function', this.#scope);
        this.#visitFunction(node, parent);
        return;
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        this.#visitFunction(node, parent);
        return;
      case 'ClassDeclaration':
      case 'ClassExpression':
        this.#visitClass(node, parent);
        return;
      case 'BlockStatement':
        this.#block(node, () => eachChild(node, (child) => this.#visit(child, node)));
        return;
      case 'SwitchStatement':
        this.#visit(node.discriminant, node);
        this.#block(node, () => {
          for (const branch of node.cases) eachChild(branch, (child) => this.#visit(child, branch));
        });
        return;
      case 'WhileStatement':
      case 'DoWhileStatement':
      case 'ForStatement':
        this.#block(node, () => eachChild(node, (child) => this.#visit(child, node)));
        return;
      case 'ForInStatement':
      case 'ForOfStatement':
        this.#block(node, () => {
          if (node.left.type === 'VariableDeclaration') this.#visit(node.left, node);
          else this.#assign(node.left, node);
          this.#visit(node.right, node);
          this.#visit(node.body, node);
        });
        return;
      case 'CatchClause':
        this.#block(node, () => {
          if (node.param) this.#declare(node.param, 'catch', this.#scope);
          this.#visit(node.body, node);
        });
        return;
      case 'AssignmentExpression':
        this.#assign(node.left, node);
        this.#visit(node.right, node);
        return;
      case 'UpdateExpression':
        this.#assign(node.argument, node);
        return;
      case 'MemberExpression':
        if (node.object.type === 'Super')
          noteLexical(this.#function, (f) => f.superNodes.push(node));
        this.parents.set(node, parent);
        this.#visit(node.object, node);
        if (node.computed || node.property.type === 'PrivateIdentifier')
          this.#visit(node.property, node);
        return;
      case 'CallExpression':
        if (node.callee.type === 'Super')
          noteLexical(this.#function, (f) => f.superNodes.push(node));
        this.parents.set(node, parent);
        eachChild(node, (child) => this.#visit(child, node));
        return;
      case 'Property':
        if (node.computed) this.#visit(node.key, node);
        if (node.shorthand && node.value.type === 'Identifier')
          this.#refer(node.value, node, false, true);
        else this.#visit(node.value, node);
        return;
      case 'LabeledStatement':
        this.#visit(node.body, node);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
        return;
      case 'MetaProperty':
        if (node.meta.name === 'new')
          noteLexical(this.#function, (f) => f.newTargetNodes.push(node));
        return;
      case 'ThisExpression':
        this.parents.set(node, parent);
        noteLexical(this.#function, (f) => f.thisNodes.push(node));
        return;
      case 'PrivateIdentifier':
        this.#privateName(node.name);
        return;
      default:
        this.parents.set(node, parent);
        eachChild(node, (child) => this.#visit(child, node));
    }
  }

  #varScope(): Scope {
    let scope = this.#scope;
    while (scope.kind !== 'module' && scope.kind !== 'function') scope = scope.parent as Scope;
    return scope;
  }

  #visitFunction(node: FunctionNode, parent: AnyNode): void {
    this.parents.set(node, parent);
    let home = this.#scope;
    if (node.type === 'FunctionExpression' && node.id) {
      home = new Scope('own_name', home, node, this.#function);
      this.#declare(node.id, 'own_name', home);
    }
    this.#enter(node, node.type === 'ArrowFunctionExpression', home, () => {
      for (const param of node.params) {
        this.#end = param.end;
        this.#declare(param, 'param', this.#scope);
      }
      const { body } = node;
      if (body.type !== 'BlockStatement') {
        this.#visit(body, node);
        return;
      }
      const visitBody = (): void => {
        for (const statement of body.body) this.#visit(statement, body);
      };
      if (node.params.every(({ type }) => type === 'Identifier')) visitBody();
      else {
        const scope = new Scope('function', this.#scope, body, this.#function);
        this.#function?.scopes.push(scope);
        this.#within(scope, visitBody);
      }
    });
  }

  #enter(node: FunctionInfo['node'], lexicalThis: boolean, home: Scope, walk: () => void): void {
    const info: FunctionInfo = {
      node,
      outer: this.#function,
      lexicalThis,
      home,
      scopes: [],
      captures: new Set(),
      thisNodes: [],
      argumentsNodes: [],
      newTargetNodes: [],
      superNodes: [],
      privateClasses: new Set(),
      directEval: false,
    };
    this.functions.set(node, info);
    this.#function = info;
    const scope = new Scope('function', home, node, info);
    info.scopes.push(scope);
    this.#within(scope, walk);
    this.#function = info.outer;
  }

  #visitClass(
    node: Extract<AnyNode, { type: 'ClassDeclaration' | 'ClassExpression' }>,
    parent: AnyNode,
  ): void {
    this.parents.set(node, parent);
    this.#end = node.end;
    if (node.type === 'ClassDeclaration' && node.id !== null)
      this.#declare(node.id, 'class', this.#scope);
    if (node.type === 'ClassDeclaration' && node.id) setValue(this.#scope, node.id.name, node);
    const scope = new Scope('class', this.#scope, node, this.#function);
    this.classes.set(node, scope);
    const names = new Set<string>();
    for (const { type, key } of node.body.body as { type: string; key?: AnyNode }[]) {
      if (type !== 'StaticBlock' && key?.type === 'PrivateIdentifier') names.add(key.name);
    }
    this.#within(scope, () => {
      if (node.id) {
        this.#declare(node.id, 'own_name', scope);
        setValue(scope, node.id.name, node);
      }
      if (node.superClass) this.#visit(node.superClass, node);
      this.#classes.push({ node, names });
      for (const member of node.body.body) this.#visitMember(member);
      this.#classes.pop();
    });
  }

  #visitMember(member: Extract<AnyNode, { type: 'ClassBody' }>['body'][number]): void {
    if (member.type === 'StaticBlock') {
      this.#enter(member, false, this.#scope, () => {
        for (const statement of member.body) this.#visit(statement, member);
      });
      return;
    }
    if (member.computed) this.#visit(member.key, member);
    const { value } = member;
    if (!value) return;
    if (member.type === 'MethodDefinition') this.#visit(value, member);
    else this.#enter(member, false, this.#scope, () => this.#visit(value, member));
  }

  #privateName(name: string): void {
    for (let at = this.#classes.length - 1; at >= 0; at--) {
      const found = this.#classes[at];
      if (!found?.names.has(name)) continue;
      for (let f = this.#function; f !== null && isInside(f.node, found.node); f = f.outer) {
        f.privateClasses.add(found.node);
      }
      return;
    }
  }
}

function setValue({ bindings }: Scope, name: string, value: AnyNode): void {
  const binding = bindings.get(name);
  if (binding !== undefined) binding.value ??= value;
}

function isInside(node: AnyNode, outer: AnyNode): boolean {
  return node.start >= outer.start && node.end <= outer.end;
}

/** Record a use in its function and, through arrows, in the function whose `this` it is. */
function noteLexical(from: FunctionInfo | null, note: (info: FunctionInfo) => void): void {
  for (let f = from; f !== null; f = f.outer) {
    note(f);
    if (!f.lexicalThis) return;
  }
}

function markEval(from: FunctionInfo | null, parent: AnyNode | undefined, node: Identifier): void {
  if (parent?.type !== 'CallExpression' || parent.callee !== node) return;
  for (let f = from; f !== null; f = f.outer) f.directEval = true;
}
