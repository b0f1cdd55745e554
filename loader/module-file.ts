/**
 * Module file: which module a file holds, and what comes of it: a source is compiled, a build is read.
 *
 * The compiler is loaded with the first source that has to be compiled: a machine that starts from
 * builds or from the cache does without it.
 */

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { BUILD_EXTENSION, readBuild } from './build-file.js';
import type { CompileCache } from './compile-cache.js';
import { UnreadableError } from './errors.js';
import { refuseLibraryName } from './library-names.js';
import type { CompiledModule } from './module.js';

export interface ModuleFile {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly kind: 'source' | 'build';
}

const SOURCE = /\.(?:ts|mts|js|mjs|tsx|jsx)$/;
const NO_MODULE = /\.d\.m?ts$|\.(?:test|spec)\.[^.]+$/;

/** The module a file holds, or `undefined` if it holds none. */
export function moduleFile(folder: string, path: string): ModuleFile | undefined {
  const below = relative(folder, path).replaceAll('\\', '/');
  if (
    below.startsWith('../') ||
    below.split('/').some((part) => part.startsWith('.') || part === 'node_modules')
  ) {
    return undefined;
  }
  if (below.endsWith(BUILD_EXTENSION)) {
    return { name: below.slice(0, -BUILD_EXTENSION.length), path, kind: 'build' };
  }
  if (!SOURCE.test(below) || NO_MODULE.test(below)) return undefined;
  return { name: below.replace(SOURCE, ''), path, kind: 'source' };
}

export interface LoadFileOptions {
  /** The modules folder. */
  readonly folder: string;
  readonly cache?: CompileCache | undefined;
  /** How to read a source; asynchronously by default. */
  readonly read?: (path: string) => string | Promise<string>;
}

/** What the cache has for a source; `undefined` also for one that cannot be read. */
export function cachedModule(
  { name, path, kind }: ModuleFile,
  cache: CompileCache,
): CompiledModule | undefined {
  if (kind === 'build') return undefined;
  try {
    return cache.read({ name, file: path, source: readFileSync(path, 'utf8') });
  } catch {
    // Whoever compiles it says what is wrong.
    return undefined;
  }
}

/** Compile a source, or read a build. @throws LoadError */
export async function loadModuleFile(
  file: ModuleFile,
  { folder, cache, read = (path) => readFile(path, 'utf8') }: LoadFileOptions,
): Promise<CompiledModule> {
  const { name, path } = file;
  refuseLibraryName(name, path);
  if (file.kind === 'build') return readBuild({ path, root: folder });
  let source: string;
  try {
    source = await read(path);
  } catch (error) {
    const { message } = error as Error;
    throw new UnreadableError(`cannot read the module: ${message}`, { file: path, module: name });
  }
  const known = cache?.read({ name, file: path, source });
  if (known !== undefined) return known;
  const { compile } = await import('./compile.js');
  const compiled = await compile(source, { name, file: path });
  cache?.write(compiled, source);
  return compiled;
}
