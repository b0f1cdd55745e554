/**
 * Pass: a module keeps no state.
 *
 * A module is evaluated once on every scheduler. A variable that its functions change would be seen by
 * all processes of one scheduler and by none of another: neither shared nor isolated. So there is none:
 *
 *  1. What functions assign or change from around them, up to module level, is an error here.
 *  2. Everything that modules hold is deeply frozen when they have been evaluated; what cannot be
 *     frozen is an error then (`constants.ts`). The pass adds the list: `module.constants({ … })`.
 *  3. Globals, and what packages export, are not changed by modules at all.
 *
 * Code that runs only while the module is evaluated may build its constants as it likes (`once.ts`).
 * A pragma lets a resource of the scheduler through (`pragma.ts`). All faults of a module are
 * reported together.
 *
 * Source: DESIGN §2.4. In Erlang there is nothing to check: a module has no variables.
 */

import { markClosures } from './closure-state.js';
import { type Effect, effectOf, effectOn } from './effects.js';
import { IsolationError } from './errors.js';
import { initialValue, mutates, valueAt, writableParts } from './initial-value.js';
import { Faults } from './isolation-faults.js';
import { constantsCall } from './module-constants.js';
import { Once } from './once.js';
import type { Binding, Reference } from './scopes.js';
import type { AnyNode } from './syntax.js';
import type { Pass, TransformContext } from './transform.js';

const IN_A_PROCESS =
  'keep it in a process (a loop that gets it as an argument), in a table, or in a shared counter';
const PRAGMA = 'if it is a resource of each scheduler: `// @tsvm per-scheduler: why` before it';

/** Methods of `process` that change what all processes of the thread see. */
const PROCESS_CHANGERS: ReadonlySet<string> = new Set([
  ...['on', 'once', 'addListener', 'prependListener', 'prependOnceListener', 'off', 'emit'],
  ...['removeListener', 'removeAllListeners', 'setMaxListeners', 'chdir', 'umask', 'setuid'],
  ...['setgid', 'seteuid', 'setegid', 'setgroups', 'setUncaughtExceptionCaptureCallback'],
]);

/** Methods of texts that use a regular expression and leave its memory as it was. */
const LEAVES_REGEXP: ReadonlySet<string> = new Set(['matchAll', 'split']);
const LEAVES_GLOBAL: ReadonlySet<string> = new Set(['replace', 'replaceAll', 'match', 'search']);

export const isolation: Pass = (context) => new Isolation(context).run();

class Isolation {
  readonly #context: TransformContext;
  readonly #once: Once;
  readonly #faults: Faults;
  readonly #globals: Set<AnyNode> = new Set();

  constructor(context: TransformContext) {
    this.#context = context;
    this.#once = new Once(context.scopes);
    this.#faults = new Faults(context);
  }

  run(): void {
    const context = this.#context;
    const { references } = context.scopes;
    for (const { binding, node } of references) if (binding === null) this.#globals.add(node);
    for (const reference of references) {
      if (reference.node.start < context.preludeEnd || context.isDiscarded(reference)) continue;
      if (context.isYieldingTwin(reference.node)) continue;
      this.#check(reference);
    }
    for (const binding of context.scopes.module.bindings.values()) this.#checkDeclared(binding);
    this.#checkStaticMethods();
    this.#faults.raise(IsolationError);
    markClosures(context, this.#once, this.#globals);
    context.addFooter(constantsCall(context, this.#faults));
  }

  #check(reference: Reference): void {
    const { binding, scope } = reference;
    if (binding === null) this.#checkGlobal(reference);
    else if (this.#context.importBindings.has(binding)) this.#checkImported(reference, binding);
    else if (this.#once.has(binding.scope.owner) && !this.#once.has(scope.owner)) {
      this.#checkKept(reference, binding);
    }
  }

  /** A function that processes run uses what outlives the call. */
  #checkKept(reference: Reference, binding: Binding): void {
    const effect = effectOf(reference, this.#context.scopes);
    const { name } = binding;
    if (effect.kind === 'assigned') {
      const what = binding.scope.owner === null ? 'a variable of the module' : 'kept by a closure';
      this.#faults.add(
        effect.node,
        `"${name}" is ${what}, and this function assigns it: each scheduler would have one of its own, shared by all processes there`,
        `${IN_A_PROCESS}; ${PRAGMA}`,
        binding,
      );
      return;
    }
    const value = initialValue(binding.value, this.#globals);
    const found = valueAt(value, effect.path, this.#globals);
    if (effect.kind === 'changed' || mutates(found.kind, effect.method)) {
      const what = effect.kind === 'changed' ? '' : ` (${found.what})`;
      this.#faults.add(
        effect.node,
        `"${pathText(name, effect)}"${what} is the same for all processes of a scheduler, and this function changes it`,
        `${IN_A_PROCESS}; ${PRAGMA}`,
        binding,
      );
    } else if (value.kind === 'stateful regexp' && !this.#leavesRegExp(reference, value.what)) {
      this.#faults.add(
        effect.node,
        `"${name}" is ${value.what}, which remembers where its last search ended (lastIndex): processes would disturb each other`,
        `use text.matchAll(${name}) or text.replace(${name}, …), make one where it is used (new RegExp(${name})), or leave the flag out`,
        binding,
      );
    } else if (value.kind === 'writable' && binding.scope.owner !== null) {
      this.#addWritable(effect.node, name, value.what, binding);
    }
  }

  #checkGlobal(reference: Reference): void {
    const { name } = reference.node;
    if (name === 'arguments') return;
    const effect = effectOf(reference, this.#context.scopes);
    const changes = effect.kind === 'assigned' || effect.kind === 'changed';
    const changesProcess =
      effect.kind === 'called' &&
      name === 'process' &&
      effect.path.length === 0 &&
      PROCESS_CHANGERS.has(effect.method ?? '');
    if (!changes && !changesProcess) return;
    const text = pathText(name, effect, effect.method);
    this.#faults.add(
      effect.node,
      `"${text}" belongs to the whole scheduler thread: a module must not change it`,
      `${cureOfGlobal(text)}; ${PRAGMA}`,
    );
  }

  #checkImported(reference: Reference, binding: Binding): void {
    const effect = effectOf(reference, this.#context.scopes);
    if (effect.kind !== 'changed') return;
    const node = this.#context.importBindings.get(binding)?.kind === 'node';
    this.#faults.add(
      effect.node,
      node
        ? 'this changes what a package exports, for all processes of the scheduler'
        : 'this changes what another module exports, which is frozen',
      node ? `pass the setting with each call; ${PRAGMA}` : IN_A_PROCESS,
    );
  }

  /** Constants that can never be frozen. */
  #checkDeclared(binding: Binding): void {
    const { node, value, name } = binding;
    if (node.start < this.#context.preludeEnd || this.#context.importBindings.has(binding)) return;
    for (const part of writableParts(value, this.#globals)) {
      if (part.kind === 'writable') this.#addWritable(part.node ?? node, name, part.what, binding);
      else {
        this.#faults.add(
          part.node ?? node,
          `${part.what} in a constant remembers where its last search ended (lastIndex)`,
          `give it a name of its own and use text.matchAll(…), or leave the flag out; ${PRAGMA}`,
          binding,
        );
      }
    }
    const outside = this.#outsideInstance(value);
    if (outside !== undefined) {
      this.#faults.add(
        outside,
        `"${name}" is an object of a package: all processes of a scheduler would share it`,
        `make it in the process that uses it and \`own\` it; ${PRAGMA}`,
        binding,
      );
    }
  }

  #addWritable(at: AnyNode, name: string, what: string, binding: Binding): void {
    const cure = /Array|Buffer|DataView/.test(what)
      ? 'make it in the function that uses it, or keep the text or the numbers it is made of'
      : IN_A_PROCESS;
    this.#faults.add(
      at,
      `"${name}" holds ${what}, which nothing can make read-only: processes would share it`,
      `${cure}; ${PRAGMA}`,
      binding,
    );
  }

  /** `new Pool()` where Pool is imported from a package. */
  #outsideInstance(value: AnyNode | null): AnyNode | undefined {
    if (value?.type !== 'NewExpression') return undefined;
    let root: AnyNode = value.callee;
    while (root.type === 'MemberExpression') root = root.object;
    if (root.type !== 'Identifier') return undefined;
    const binding = this.#context.scopes.module.bindings.get(root.name);
    const from = binding && this.#context.importBindings.get(binding);
    return from?.kind === 'node' && !isStateless(value.callee) ? value : undefined;
  }

  /** `this` in static methods and accessors is the class, which is a constant. */
  #checkStaticMethods(): void {
    const { classes, functions, parents } = this.#context.scopes;
    for (const [node, { owner }] of classes) {
      if (!this.#once.has(owner)) continue;
      const { body } = (node as Extract<AnyNode, { type: 'ClassDeclaration' }>).body;
      for (const member of body) {
        if (member.type !== 'MethodDefinition' || !member.static) continue;
        for (const self of functions.get(member.value)?.thisNodes ?? []) {
          const effect = effectOn(self, parents);
          const found = valueAt({ kind: 'class', what: '', node }, effect.path, this.#globals);
          if (effect.kind !== 'changed' && !mutates(found.kind, effect.method)) continue;
          this.#faults.add(
            effect.node,
            `a static field is the same for all processes of a scheduler, and this method changes it`,
            `${IN_A_PROCESS}; ${PRAGMA}`,
          );
        }
      }
    }
  }

  #leavesRegExp({ node }: Reference, what: string): boolean {
    const parent = this.#context.scopes.parents.get(node);
    if (parent?.type === 'MemberExpression') {
      const { property } = parent;
      return property.type === 'Identifier' && /^(?:source|flags)$/.test(property.name);
    }
    if (parent?.type === 'NewExpression') {
      return parent.callee.type === 'Identifier' && parent.callee.name === 'RegExp';
    }
    if (parent?.type !== 'CallExpression' || parent.arguments[0] !== node) return false;
    const { callee } = parent;
    if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return false;
    const { name } = callee.property;
    return LEAVES_REGEXP.has(name) || (LEAVES_GLOBAL.has(name) && !/\/\w*y|'\w*y/.test(what));
  }
}

function pathText(name: string, { path, kind }: Effect, method?: string): string {
  const shown = kind === 'called' && method !== undefined ? [...path, method] : path;
  return [name, ...shown.map((key) => key ?? '…')].join('.');
}

/** Encoders keep nothing between two calls. */
function isStateless(callee: AnyNode): boolean {
  return (
    callee.type === 'MemberExpression' &&
    callee.property.type === 'Identifier' &&
    callee.property.name === 'TextEncoder'
  );
}

function cureOfGlobal(name: string): string {
  if (name.startsWith('process.env'))
    return 'say it in "env" of tsvm.json, or pass it as an argument';
  if (name.startsWith('process.on')) return 'turn events into messages with `forward`';
  return 'export it from a module, or keep it in a process';
}
