/**
 * Library names: which modules are tsvm's own.
 *
 * Invariant: names below `tsvm/` are the library's alone. Only a build that is loaded by its path can
 * replace one of its modules; a project that holds such a name is refused.
 *
 * Source: OTP, module `code`, "Sticky Directories".
 */

import { ReservedNameError } from './errors.js';
import type { CompiledModule } from './module.js';

export const LIBRARY_PREFIX = 'tsvm/';

/** Where a code server finds the modules that come with tsvm. */
export interface ModuleSource {
  readonly names: readonly string[];
  read(name: string): Promise<CompiledModule>;
}

/** Is this the name of a module of the library, there or not? `tsvm` itself are the built-in functions. */
export function isLibraryName(name: string): boolean {
  return name.startsWith(LIBRARY_PREFIX) || name === 'tsvm';
}

/** `tsvm` and `tsvm/…` lead to the machine's own functions and library, whatever is in a folder. @throws ReservedNameError */
export function refuseLibraryName(name: string, file: string): void {
  if (!isLibraryName(name)) return;
  throw new ReservedNameError(`no module can be called "${name}": imports of it mean tsvm's own`, {
    module: name,
    file,
    hint: 'give the file, or its folder, another name',
  });
}
