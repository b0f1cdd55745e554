/**
 * The graph of modules: in which order a set is loaded, and whether all it imports is there.
 */

import { type LoadErrorDetails, MissingImportError, placed } from './errors.js';
import { isLibraryName } from './library-names.js';
import type { CompiledModule, ModuleImport } from './module.js';

/**
 * Dependencies first. In a cycle the module whose name sorts first is reached first, so the one it
 * imports is evaluated before it; the order is the same on every machine.
 *
 * @param isKnown whether a module outside of the set is loaded already
 * @param library the names of the modules that come with tsvm
 * @throws MissingImportError with the line of the import
 */
export function loadOrder(
  modules: readonly CompiledModule[],
  isKnown: (name: string) => boolean = () => false,
  library: readonly string[] = [],
): CompiledModule[] {
  const byName = new Map(modules.map((module) => [module.name, module]));
  for (const module of modules) {
    for (const one of module.imports) {
      if (one.module !== null && !byName.has(one.module) && !isKnown(one.module)) {
        throw missingImport(module, one, [...byName.keys()], library);
      }
    }
  }
  const order: CompiledModule[] = [];
  const seen = new Set<string>();
  for (const name of [...byName.keys()].sort()) walk(name, byName, seen, order);
  return order;
}

/** Depth first without recursion: a chain of imports may be longer than the stack. */
function walk(
  root: string,
  byName: ReadonlyMap<string, CompiledModule>,
  seen: Set<string>,
  order: CompiledModule[],
): void {
  const stack: { module: CompiledModule; next: number }[] = [];
  const enter = (name: string | null): void => {
    const module = name === null || seen.has(name) ? undefined : byName.get(name);
    if (module === undefined) return;
    seen.add(module.name);
    stack.push({ module, next: 0 });
  };
  enter(root);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.module.imports[top.next++];
    if (next !== undefined) enter(next.module);
    else {
      order.push(top.module);
      stack.pop();
    }
  }
}

function missingImport(
  { name, file, map }: CompiledModule,
  { specifier, module, line, column }: ModuleImport,
  names: readonly string[],
  library: readonly string[],
): MissingImportError {
  const { sourcesContent } = JSON.parse(map) as { sourcesContent?: (string | null)[] };
  const last = module?.split('/').at(-1);
  const near = [...names, ...library].find((other) => other.split('/').at(-1) === last);
  const hint = near === undefined ? libraryHint(specifier, library) : `there is a module "${near}"`;
  const place = { file, line, column, length: specifier.length + 2 };
  const rest: LoadErrorDetails = { module: name, hint };
  return new MissingImportError(
    `module "${module}" does not exist; ${name} imports it as "${specifier}"`,
    placed(sourcesContent?.[0] ?? '', place, rest),
  );
}

function libraryHint(specifier: string, library: readonly string[]): string | undefined {
  if (specifier === 'tsvm/vm') return 'tsvm/vm is for host programs; modules import from "tsvm"';
  if (!isLibraryName(specifier)) return undefined;
  return `the library has ${library.length === 0 ? 'no modules' : library.join(', ')}`;
}
