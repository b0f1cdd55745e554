/**
 * A project: the modules below one folder, as sources, as builds, or some of each.
 *
 * `room.ts` and `room.tsvm.js` for one module are an error: neither could be said to be the newer.
 */

import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { BUILD_EXTENSION, readBuild } from './build-file.js';
import { compile } from './compile.js';
import { DuplicateModuleError, LoadError, ModuleNameError, UnreadableError } from './errors.js';
import { type CompiledModule, isModuleName } from './module.js';

export interface ModuleFile {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly kind: 'source' | 'build';
}

export interface Project {
  /** The modules folder, absolute. */
  readonly folder: string;
  /** Sorted by name. */
  readonly files: readonly ModuleFile[];
}

const SOURCE = /\.(?:ts|mts|js|mjs|tsx|jsx)$/;
const NO_MODULE = /\.d\.m?ts$|\.(?:test|spec)\.[^.]+$/;
/** Compiling many at once only fills memory: esbuild has its own threads, the passes run here. */
const COMPILE_CONCURRENCY = 16;

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

/**
 * @throws UnreadableError for a folder that cannot be read, DuplicateModuleError, ModuleNameError
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

/** Compile a source, or read a build. */
export async function loadModuleFile(file: ModuleFile, folder: string): Promise<CompiledModule> {
  if (file.kind === 'build') return readBuild({ path: file.path, root: folder });
  let source: string;
  try {
    source = await readFile(file.path, 'utf8');
  } catch (error) {
    throw new UnreadableError(`cannot read the module: ${(error as Error).message}`, {
      file: file.path,
      module: file.name,
    });
  }
  return compile(source, { name: file.name, file: file.path });
}

export interface CompiledProject {
  readonly modules: readonly CompiledModule[];
  /** One per file that does not compile, in the order of the names. */
  readonly errors: readonly LoadError[];
}

/** All modules of a project; files with errors are reported together, not one per run. */
export async function compileProject({ folder, files }: Project): Promise<CompiledProject> {
  const results: (CompiledModule | LoadError | undefined)[] = new Array(files.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < files.length; at = next++) {
      const file = files[at] as ModuleFile;
      results[at] = await loadModuleFile(file, folder).catch((error: unknown) => {
        if (error instanceof LoadError) return error;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: COMPILE_CONCURRENCY }, work));
  return {
    modules: results.filter(
      (one): one is CompiledModule => one !== undefined && !(one instanceof LoadError),
    ),
    errors: results.filter((one): one is LoadError => one instanceof LoadError),
  };
}
