/**
 * Compile a function that a host program gives as a value: `vm.spawn(async () => …)`.
 *
 * Its text (`fn.toString()`) becomes an anonymous module `host/<hash>` that exports `run`. The function
 * must be self-contained: the BIFs of `tsvm` are in scope by name, nothing else of the host is.
 *
 * A host's compiler may have rewritten the names of its imports (`tsvm_1.receive` of tsc,
 * `import_tsvm.receive` of esbuild, `__vi_import_0__.receive` of vitest): a free name of which only
 * BIFs are used, as its properties, is taken for the namespace of `tsvm`.
 */

import { compile } from './compile.js';
import { FreeNameError, type LoadErrorDetails, placed, UnsupportedSyntaxError } from './errors.js';
import { type CompiledModule, sha256 } from './module.js';
import { analyseScopes, type Reference, type Scopes } from './scopes.js';
import { type AnyNode, type Program, parseProgram } from './syntax.js';

/** The export that holds the function. */
export const HOST_EXPORT = 'run';

export interface CompileFunctionOptions {
  /** The names that `tsvm` exports. */
  readonly bifs: ReadonlySet<string>;
  /** What to show as its file in stacks. */
  readonly file?: string;
}

/**
 * @throws FreeNameError naming what the function uses from around it; UnsupportedSyntaxError for
 *   native functions, bound functions and classes; LoadError of `compile`
 */
export async function compileFunction(
  fnSource: string,
  options: CompileFunctionOptions,
): Promise<CompiledModule> {
  const name = `host/${sha256(fnSource).slice(0, 16)}`;
  const file = options.file ?? `${name}.js`;
  const expression = asExpression(fnSource, file);
  const { named, namespaces } = imports(
    expression.scopes,
    fnSource,
    file,
    options.bifs,
    expression.offset,
  );
  // On one line, and the function on the same, so that lines stay those of the function's text.
  const lines = [
    named.length > 0 ? `import { ${named.join(', ')} } from 'tsvm';` : '',
    ...namespaces.map((local) => `import * as ${local} from 'tsvm';`),
    `export const ${HOST_EXPORT} = ${expression.text};`,
  ];
  return compile(lines.join(' '), { name, file: file.endsWith('.js') ? file : `${file}.js` });
}

interface FunctionText {
  /** An expression whose value is the function. */
  readonly text: string;
  readonly scopes: Scopes;
  /** Where the function's text begins in what was parsed. */
  readonly offset: number;
}

function asExpression(source: string, file: string): FunctionText {
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    throw unsupported('a native or bound function has no text that could be sent', file);
  }
  const plain = tryParse(`(${source})`);
  if (plain !== null) {
    const node = onlyExpression(plain);
    if (node?.type === 'ClassExpression') throw unsupported('a class is no function to run', file);
    if (node?.type === 'FunctionExpression' || node?.type === 'ArrowFunctionExpression') {
      return { text: `(${source})`, scopes: analyseScopes(plain), offset: 1 };
    }
  }
  // A method prints without the word "function".
  const method = tryParse(`({ ${source} })`);
  const property = method === null ? undefined : onlyProperty(method);
  if (method === null || property === undefined) {
    throw unsupported('this is not the text of a function', file);
  }
  const key = property.computed ? null : property.key;
  if (key === null) throw unsupported('a method with a computed name cannot be sent', file);
  const access = key.type === 'Identifier' ? key.name : String((key as { value?: unknown }).value);
  const text = `({ ${source} })[${JSON.stringify(access)}]`;
  return { text, scopes: analyseScopes(method), offset: 3 };
}

function tryParse(text: string): Program | null {
  try {
    return parseProgram(text);
  } catch {
    // Not of this form; the caller tries the next one.
    return null;
  }
}

function onlyExpression({ body }: Program): AnyNode | undefined {
  const [statement] = body;
  return body.length === 1 && statement?.type === 'ExpressionStatement'
    ? statement.expression
    : undefined;
}

function onlyProperty(program: Program): Extract<AnyNode, { type: 'Property' }> | undefined {
  const node = onlyExpression(program);
  if (node?.type !== 'ObjectExpression' || node.properties.length !== 1) return undefined;
  const [property] = node.properties;
  return property?.type === 'Property' && property.method ? property : undefined;
}

function imports(
  scopes: Scopes,
  source: string,
  file: string,
  bifs: ReadonlySet<string>,
  offset: number,
): { named: string[]; namespaces: string[] } {
  const free = new Map<string, Reference[]>();
  for (const reference of scopes.references) {
    const { name } = reference.node;
    if (reference.binding !== null || name === 'arguments' || isGlobal(name)) continue;
    free.set(name, [...(free.get(name) ?? []), reference]);
  }
  const named: string[] = [];
  const namespaces: string[] = [];
  const unknown: Reference[] = [];
  for (const [name, references] of free) {
    if (bifs.has(name)) named.push(name);
    else if (references.every((reference) => isBifAccess(scopes, reference, bifs)))
      namespaces.push(name);
    else unknown.push(references[0] as Reference);
  }
  const [first] = unknown;
  if (first !== undefined) throw freeNames(unknown, first, source, file, offset);
  return { named, namespaces };
}

function isBifAccess(scopes: Scopes, { node }: Reference, bifs: ReadonlySet<string>): boolean {
  const parent = scopes.parents.get(node);
  return (
    parent?.type === 'MemberExpression' &&
    parent.object === node &&
    !parent.computed &&
    parent.property.type === 'Identifier' &&
    bifs.has(parent.property.name)
  );
}

/** Globals of the machine's threads are those of any Node thread. */
function isGlobal(name: string): boolean {
  return name in globalThis || name === 'undefined';
}

function freeNames(
  unknown: readonly Reference[],
  { node }: Reference,
  source: string,
  file: string,
  offset: number,
): FreeNameError {
  const names = unknown.map((reference) => `"${reference.node.name}"`).join(', ');
  const before = source.slice(0, Math.max(0, node.start - offset)).split('\n');
  const place = {
    file,
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    length: node.name.length,
  };
  const rest: LoadErrorDetails = {
    hint: 'pass values as arguments, or export the function from a module and spawn it by name',
  };
  return new FreeNameError(
    `the function uses ${names} from around it, which a process cannot see`,
    placed(source, place, rest),
  );
}

function unsupported(message: string, file: string): UnsupportedSyntaxError {
  return new UnsupportedSyntaxError(message, {
    file,
    hint: 'give a function or arrow function written in JavaScript',
  });
}
