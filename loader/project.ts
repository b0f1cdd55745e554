/**
 * A project: the modules below one folder, as sources, as builds, or some of each.
 *
 * `room.ts` and `room.tsvm.js` for one module are an error: neither could be said to be the newer.
 */

import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { CompileCache, compilerIdentity } from './compile-cache.js';
import { type CompilePoolOptions, compileInThreads, POOL_FROM } from './compile-pool.js';
import {
  DuplicateModuleError,
  eachFault,
  LoadError,
  ModuleNameError,
  UnreadableError,
} from './errors.js';
import { refuseLibraryName } from './library-names.js';
import { checkSet } from './manifest.js';
import { type CompiledModule, isModuleName } from './module.js';
import { cachedModule, loadModuleFile, type ModuleFile, moduleFile } from './module-file.js';

/** Of a small project, compiled on this thread: so many are in esbuild's hands at once. */
const COMPILE_CONCURRENCY = 16;
/** Read from the cache between two turns of the event loop: about 5 ms. */
const READ_AT_ONCE = 32;

export interface Project {
  /** The modules folder, absolute. */
  readonly folder: string;
  /** Sorted by name. */
  readonly files: readonly ModuleFile[];
}

/**
 * @throws UnreadableError for a folder that cannot be read, DuplicateModuleError, ModuleNameError,
 *   ReservedNameError
 */
export async function scanProject(folder: string): Promise<Project> {
  const root = resolve(folder);
  const files = new Map<string, ModuleFile>();
  for (const path of await listFiles(root)) {
    const file = moduleFile(root, path);
    if (file === undefined) continue;
    if (!isModuleName(file.name)) {
      throw new ModuleNameError(`"${file.name}" is no module name`, {
        file: path,
        hint: 'a module name has at most 255 characters and no space, colon, @ or backslash at its start',
      });
    }
    refuseLibraryName(file.name, path);
    const other = files.get(file.name);
    if (other !== undefined) throw duplicateModule(file, other);
    files.set(file.name, file);
  }
  const sorted = [...files.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { folder: root, files: sorted };
}

export function duplicateModule(file: ModuleFile, other: ModuleFile): DuplicateModuleError {
  return new DuplicateModuleError(
    `two files hold module "${file.name}": ${other.path} and ${file.path}`,
    {
      file: file.path,
      module: file.name,
      hint: 'keep one; a folder of builds is best kept apart from the sources (tsvm build --out DIR)',
    },
  );
}

async function listFiles(folder: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UnreadableError(
      missing
        ? `there is no modules folder ${folder}`
        : `cannot read ${folder}: ${(error as Error).message}`,
      { file: folder },
    );
  }
  const nested = await Promise.all(
    entries.map((entry) => {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') return [];
      const path = join(folder, entry.name);
      return entry.isDirectory() ? listFiles(path) : [path];
    }),
  );
  return nested.flat();
}

export interface CompileProjectOptions {
  /** Folder of the compile cache; without one everything is compiled. */
  readonly cache?: string | undefined;
  /** So many of so many files are done. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface CompiledProject {
  readonly modules: readonly CompiledModule[];
  /** Of the files that do not compile, in the order of the names: all that is known of each; then of the set. */
  readonly errors: readonly LoadError[];
}

/**
 * All modules of a project; files with errors are reported together, not one per run. Builds beside a manifest
 * must be the set that it names.
 *
 * Cost: about 1.5 ms of a core per module, shared by the cores there are; 0.2 ms from the cache.
 */
export async function compileProject(
  project: Project,
  options: CompileProjectOptions = {},
): Promise<CompiledProject> {
  const { files, folder } = project;
  const kept =
    options.cache === undefined
      ? undefined
      : { folder: options.cache, compiler: compilerIdentity() };
  const onProgress = (done: number): void => options.onProgress?.(done, files.length);
  const cache = kept && new CompileCache(kept.folder, kept.compiler);
  const results =
    files.length < POOL_FROM
      ? await compileHere(project, cache, onProgress)
      : await compileMany(project, cache, { folder, cache: kept, onProgress });
  cache?.prune(files.length);
  const ofSet = await checkSet(folder, buildVersions(files, results));
  return {
    modules: results.filter((one): one is CompiledModule => !(one instanceof LoadError)),
    errors: [...results.filter((one) => one instanceof LoadError).flatMap(eachFault), ...ofSet],
  };
}

/** `null`: a build that does not read. Its own error says why. */
function buildVersions(
  files: readonly ModuleFile[],
  results: readonly (CompiledModule | LoadError)[],
): Map<string, string | null> {
  const versions = new Map<string, string | null>();
  for (const [at, { name, kind }] of files.entries()) {
    if (kind !== 'build') continue;
    const result = results[at] as CompiledModule | LoadError;
    versions.set(name, result instanceof LoadError ? null : result.version);
  }
  return versions;
}

/**
 * What the cache has is read here: threads take longer to start than all of it. As soon as a group of files
 * has nothing there, the rest is left to threads, for a cache that misses them all is of another compiler.
 */
async function compileMany(
  { folder, files }: Project,
  cache: CompileCache | undefined,
  options: CompilePoolOptions,
): Promise<(CompiledModule | LoadError)[]> {
  const results: (CompiledModule | LoadError | undefined)[] = new Array(files.length).fill(
    undefined,
  );
  let known = 0;
  for (let at = 0; cache !== undefined && at < files.length; at += READ_AT_ONCE) {
    const before = known;
    for (const [n, file] of files.slice(at, at + READ_AT_ONCE).entries()) {
      results[at + n] = cachedModule(file, cache);
      if (results[at + n] !== undefined) known += 1;
    }
    if (known === before) break;
    options.onProgress(known);
    await turn();
  }
  const missing = files.filter((_, at) => results[at] === undefined);
  if (missing.length > 0) {
    const onProgress = (done: number): void => options.onProgress(known + done);
    const compiled =
      missing.length < POOL_FROM
        ? await compileHere({ folder, files: missing }, cache, onProgress)
        : await compileInThreads(missing, { ...options, onProgress });
    let next = 0;
    for (const at of files.keys()) results[at] ??= compiled[next++] as CompiledModule | LoadError;
  }
  return results as (CompiledModule | LoadError)[];
}

async function compileHere(
  { folder, files }: Project,
  cache: CompileCache | undefined,
  onProgress: (done: number) => void,
): Promise<(CompiledModule | LoadError)[]> {
  const results: (CompiledModule | LoadError)[] = new Array(files.length);
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < files.length; at = next++) {
      const file = files[at] as ModuleFile;
      results[at] = await loadModuleFile(file, { folder, cache }).catch((error: unknown) => {
        if (error instanceof LoadError) return error;
        throw error;
      });
      onProgress(++done);
    }
  };
  await Promise.all(Array.from({ length: COMPILE_CONCURRENCY }, work));
  return results;
}
