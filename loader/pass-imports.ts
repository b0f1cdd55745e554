/**
 * Pass: imports and exports.
 *
 * esbuild's CommonJS already reads `import_room.join` at every use, so an import needs no more than
 * that `import_room` is the live export table of the other module: then every call across modules
 * reaches current code. Exports are declared as getters, which the code table reads after the
 * module has been evaluated and copies into the table of the module.
 *
 *   import * as room from './room.js'      const room = require("chat/room")
 *   import ws from 'ws'                    const import_ws = require.esm("ws")
 *   export { a, b as c }                   module.define({ a: () => a, c: () => b }, [])
 *   export * from './more.js'              module.star(require("chat/more"), "chat/more")
 *   import('./late.js')                    require.import('./late.js')
 *
 * `define` gets beside the getters the names whose value changes by itself: re-exports, and `let`s
 * that are assigned. The table forwards those; the others it holds as plain values, which is faster.
 */

import { MissingImportError, UnsupportedSyntaxError } from './errors.js';
import { isLibraryName } from './library-names.js';
import type { Binding } from './scopes.js';
import { resolveSpecifier } from './specifier.js';
import { type AnyNode, eachChild, isFunction, keyName } from './syntax.js';
import type { Pass, TransformContext } from './transform.js';

type Call = Extract<AnyNode, { type: 'CallExpression' }>;

const ESM_ONLY =
  'a module uses import and export: write `export const x = …` and `import x from …`';

export const exportsAndImports: Pass = (context) => {
  const exportsObject = findExportsObject(context);
  for (const statement of context.program.body) rewriteStatement(context, statement, exportsObject);
  rewriteDynamicImports(context);
  refuseCommonJs(context);
};

function rewriteStatement(
  context: TransformContext,
  statement: AnyNode,
  exportsObject: string | null,
): void {
  if (statement.type === 'VariableDeclaration') rewriteRequire(context, statement, exportsObject);
  if (statement.type !== 'ExpressionStatement') return;
  const { expression } = statement;
  if (isHelperCall(expression, '__export')) rewriteExports(context, statement, expression);
  else if (isHelperCall(expression, '__reExport')) rewriteStar(context, statement, expression);
  else if (isRequire(expression)) rewriteRequireCall(context, expression, null);
  else if (isCommonJsExport(context, expression)) remove(context, statement);
}

/** `var import_x = require("x")`, `var x = __toESM(require("x"), 1)`, `var m_exports = {}`. */
function rewriteRequire(
  context: TransformContext,
  statement: Extract<AnyNode, { type: 'VariableDeclaration' }>,
  exportsObject: string | null,
): void {
  const [declarator] = statement.declarations;
  const init = declarator?.init;
  if (statement.kind !== 'var' || statement.declarations.length !== 1 || !init) return;
  if (declarator.id.type !== 'Identifier') return;
  const call = isHelperCall(init, '__toESM') ? init.arguments[0] : init;
  const binding = context.scopes.module.bindings.get(declarator.id.name);
  if (call === undefined || binding === undefined) return;
  if (isRequire(call)) {
    const text = rewriteRequireCall(context, call, binding);
    context.replace(statement.start, init.end, `const ${declarator.id.name} = ${text}`);
  } else if (declarator.id.name === exportsObject) remove(context, statement);
}

/** The text that stands for `require("…")`; the import is noted. */
function rewriteRequireCall(
  context: TransformContext,
  call: Call,
  binding: Binding | null,
): string {
  const argument = call.arguments[0] as { value: string; start: number };
  const specifier = argument.value;
  const { line, column } = context.originalPlace(argument.start);
  const resolved = resolveSpecifier(context.input.moduleName, specifier);
  const names = binding?.name.startsWith('import_') ? namesUsed(context, binding) : [];
  const module = resolved.kind === 'module' ? resolved.name : null;
  context.imports.push({ specifier, module, names, line, column });
  if (resolved.kind === 'outside') {
    throw context.errorAt(
      argument.start,
      MissingImportError,
      `"${specifier}" is outside the modules folder`,
      'move the file into the modules folder, or make it an npm package',
    );
  }
  if (resolved.kind === 'tsvm' && binding !== null) context.bifBindings.add(binding);
  if (binding !== null) {
    const name = resolved.kind === 'module' ? resolved.name : specifier;
    context.importBindings.set(binding, { kind: resolved.kind, name });
  }
  return requireText(
    resolved.kind === 'module' ? resolved.name : specifier,
    resolved.kind !== 'node',
  );
}

function requireText(name: string, own: boolean): string {
  return own ? `require(${JSON.stringify(name)})` : `require.esm(${JSON.stringify(name)})`;
}

function namesUsed(context: TransformContext, binding: Binding): string[] {
  const names = new Set<string>();
  for (const { node } of binding.references) {
    const parent = context.scopes.parents.get(node);
    if (parent?.type !== 'MemberExpression' || parent.object !== node) continue;
    const name = keyName(parent.property, parent.computed);
    if (name !== undefined) names.add(name);
  }
  return [...names];
}

function rewriteExports(context: TransformContext, statement: AnyNode, call: Call): void {
  const getters = call.arguments[1];
  if (getters?.type !== 'ObjectExpression') return;
  const live: string[] = [];
  for (const property of getters.properties) {
    if (property.type !== 'Property' || property.value.type !== 'ArrowFunctionExpression') continue;
    const name = keyName(property.key, property.computed) as string;
    context.exports.push(name);
    const value = property.value.body;
    if (value.type === 'Identifier') context.exportedNames.add(value.name);
    if (value.type !== 'Identifier') live.push(name);
    else if (context.scopes.module.bindings.get(value.name)?.reassigned) live.push(name);
    else if (name === 'default') nameDefaultExport(context, value.name);
  }
  context.replace(statement.start, getters.start, 'module.define(');
  context.replace(getters.end, statement.end, `, ${JSON.stringify(live)});`);
}

/** `export default function () {}` has the name "default"; esbuild had to invent another. */
function nameDefaultExport(context: TransformContext, local: string): void {
  if (!local.endsWith('_default') || context.input.source.includes(local)) return;
  const value = declaredValue(context, local);
  if (value === undefined || !isAnonymousFunction(value)) return;
  context.addFooter(
    `Object.defineProperty(${local}, "name", { value: "default", configurable: true });\n`,
  );
}

function declaredValue(context: TransformContext, local: string): AnyNode | undefined {
  for (const statement of context.program.body) {
    if (statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration') {
      if (statement.id?.name === local) return statement;
    } else if (statement.type === 'VariableDeclaration') {
      const found = statement.declarations.find(
        ({ id }) => id.type === 'Identifier' && id.name === local,
      );
      if (found !== undefined) return found.init ?? undefined;
    }
  }
  return undefined;
}

function isAnonymousFunction(node: AnyNode): boolean {
  if (isFunction(node)) return true;
  if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') return false;
  return !node.body.body.some(
    (member) =>
      member.type !== 'StaticBlock' &&
      member.static &&
      keyName(member.key, member.computed) === 'name',
  );
}

function rewriteStar(context: TransformContext, statement: AnyNode, call: Call): void {
  const source = call.arguments[1];
  if (source === undefined || !isRequire(source)) return;
  const text = rewriteRequireCall(context, source, null);
  const module = context.imports.at(-1)?.module ?? null;
  context.replace(
    statement.start,
    statement.end,
    `module.star(${text}${module === null ? '' : `, ${JSON.stringify(module)}`});`,
  );
}

function rewriteDynamicImports(context: TransformContext): void {
  const visit = (node: AnyNode): void => {
    if (node.type === 'ImportExpression') {
      context.edits.update(node.start, node.start + 'import'.length, 'require.import');
      noteLibraryImport(context, node.source);
    }
    eachChild(node, visit);
  };
  if (context.code.includes('import(')) visit(context.program);
}

/** A module of the library is loaded when something imports it, so it must be known who does. */
function noteLibraryImport(context: TransformContext, source: AnyNode): void {
  const specifier = source.type === 'Literal' ? source.value : undefined;
  if (typeof specifier !== 'string') return;
  const resolved = resolveSpecifier(context.input.moduleName, specifier);
  if (resolved.kind !== 'module' || !isLibraryName(resolved.name)) return;
  const place = context.originalPlace(source.start);
  context.imports.push({ specifier, module: resolved.name, names: [], ...place });
}

function refuseCommonJs(context: TransformContext): void {
  for (const reference of context.scopes.references) {
    const { name, start } = reference.node;
    if (reference.binding !== null || context.isDiscarded(reference)) continue;
    if (name !== 'exports' && name !== 'require' && name !== 'module') continue;
    const parent = context.scopes.parents.get(reference.node);
    if (parent?.type === 'UnaryExpression') continue;
    if (name === 'module' && parent?.type === 'MemberExpression' && !parent.computed) {
      if (parent.property.type === 'Identifier' && parent.property.name === 'meta') continue;
    }
    throw context.errorAt(
      start,
      UnsupportedSyntaxError,
      `\`${name}\` is not defined in an ES module`,
      ESM_ONLY,
    );
  }
}

function remove(context: TransformContext, statement: AnyNode): void {
  context.discard(statement.start, statement.end);
  context.removeLines(statement.start, statement.end);
}

function isHelperCall(node: AnyNode, helper: string): node is Call {
  return (
    node.type === 'CallExpression' &&
    node.callee.type === 'Identifier' &&
    node.callee.name === helper
  );
}

function isRequire(node: AnyNode): node is Call {
  if (!isHelperCall(node, 'require')) return false;
  const [argument] = node.arguments;
  return argument?.type === 'Literal' && typeof argument.value === 'string';
}

/** The object that esbuild hangs the getters of the exports on. */
function findExportsObject(context: TransformContext): string | null {
  for (const statement of context.program.body) {
    if (statement.type !== 'ExpressionStatement') continue;
    const { expression } = statement;
    if (expression.type !== 'AssignmentExpression') continue;
    if (!isHelperCall(expression.right, '__toCommonJS')) continue;
    const [object] = expression.right.arguments;
    return object?.type === 'Identifier' ? object.name : null;
  }
  return null;
}

/** `module.exports = __toCommonJS(m_exports)` and `0 && (module.exports = { … })`. */
function isCommonJsExport(context: TransformContext, node: AnyNode): boolean {
  if (node.type === 'AssignmentExpression') return isHelperCall(node.right, '__toCommonJS');
  if (node.type !== 'LogicalExpression' || node.left.type !== 'Literal' || node.left.value !== 0)
    return false;
  return context.code.startsWith('0 && (module.exports = {', node.start);
}
