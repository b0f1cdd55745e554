/** Compile thread: compiles modules one batch after the other. Run by `compile-pool.ts`. */

import { readFileSync } from 'node:fs';
import { CompileCache } from './compile-cache.js';
import { LoadError, type LoadErrorData } from './errors.js';
import type { CompiledModule } from './module.js';
import { loadModuleFile, type ModuleFile } from './module-file.js';

export interface CompileTask {
  readonly files: readonly ModuleFile[];
  readonly folder: string;
  readonly cache: { readonly folder: string; readonly compiler: string } | undefined;
}

/** One per file, in order. Errors as plain data: a clone would lose their class. */
export type CompileAnswer = readonly (CompiledModule | { readonly error: LoadErrorData })[];

let cache: CompileCache | undefined;

/** Piscina's task. The batch is in flight as a whole: while one module is edited here, esbuild has the others. */
export function run({ files, folder, cache: kept }: CompileTask): Promise<CompileAnswer> {
  if (kept !== undefined) cache ??= new CompileCache(kept.folder, kept.compiler);
  // Nothing else happens on this thread that a read could hold up.
  const read = (path: string): string => readFileSync(path, 'utf8');
  return Promise.all(
    files.map(async (file) => {
      try {
        return await loadModuleFile(file, { folder, cache, read });
      } catch (error) {
        if (error instanceof LoadError) return { error: error.toData() };
        throw error;
      }
    }),
  );
}
