/**
 * Manifest: which builds belong together, as `tsvm build` writes it beside them.
 *
 * Invariants:
 *  1. It is written last and names every build of the set with its version: who sees it and finds each
 *     build as it says has all of one build, and nothing of another.
 *  2. In a folder with a manifest a build counts only as part of that set. Half of one `tsvm build` and
 *     half of another may well load, and then fail in the middle of the night.
 *  3. A build's place follows from its module's name, never from what the manifest says about files.
 */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BUILD_EXTENSION, buildPath, readBuild } from './build-file.js';
import {
  BuildFormatError,
  CorruptBuildError,
  IncompleteSetError,
  LoadError,
  UnreadableError,
} from './errors.js';
import { refuseLibraryName } from './library-names.js';
import { type CompiledModule, FORMAT_VERSION, isModuleName } from './module.js';

export const MANIFEST = 'tsvm.manifest.json';

export interface Manifest {
  readonly format: number;
  readonly modules: Readonly<Record<string, { readonly version: string; readonly file: string }>>;
  /** The digest of the upgrade file that was built with the set, if there was one. */
  readonly upgrade?: string;
}

/** In a message of one line; the rest is counted. */
const FAULTS_SHOWN = 4;
/** Builds of a set that are read at once. */
const READ_AT_ONCE = 16;

/** The manifest of a folder of builds, if it has a readable one. */
export async function readManifest(out: string): Promise<Manifest | undefined> {
  try {
    return await manifestAt(join(out, MANIFEST));
  } catch {
    // No manifest, or one of something else: then there is nothing to go by.
    return undefined;
  }
}

/** @throws UnreadableError, CorruptBuildError (no manifest, or cut off), BuildFormatError (another tsvm's) */
export async function manifestAt(file: string): Promise<Manifest> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UnreadableError(`cannot read the manifest: ${(error as Error).message}`, {
      file,
      hint: `a folder of builds has a ${MANIFEST}; tsvm build writes it`,
    });
  }
  return parseManifest(text, file);
}

/** @throws CorruptBuildError, BuildFormatError */
export function parseManifest(text: string, file: string): Manifest {
  const manifest = parsed(text);
  if (typeof manifest?.format !== 'number' || typeof manifest.modules !== 'object') {
    throw new CorruptBuildError('the manifest is cut off or damaged', { file, hint: REBUILD });
  }
  if (manifest.format !== FORMAT_VERSION) {
    throw new BuildFormatError(
      `a manifest of build format ${manifest.format}, this tsvm reads format ${FORMAT_VERSION}`,
      { file, hint: 'build the set with the tsvm that is to run it' },
    );
  }
  if (manifest.upgrade !== undefined && typeof manifest.upgrade !== 'string')
    throw new CorruptBuildError('the manifest has a damaged "upgrade"', { file, hint: REBUILD });
  for (const [name, entry] of Object.entries(manifest.modules ?? {})) {
    if (!isModuleName(name) || typeof entry?.version !== 'string') {
      throw new CorruptBuildError(`the manifest has a damaged entry: ${JSON.stringify(name)}`, {
        file,
        hint: REBUILD,
      });
    }
  }
  return manifest;
}

const REBUILD = 'build the set again: tsvm build';

function parsed(json: string): Manifest | null {
  try {
    return JSON.parse(json) as Manifest | null;
  } catch {
    // Cut off and not JSON are the same to the user.
    return null;
  }
}

/**
 * What keeps the builds of a folder from being the set that its manifest names; none: they are.
 *
 * @param builds what is there: the version of each build by name of its module; `null`: one that cannot be read
 */
export function setFaults(
  manifest: Manifest,
  builds: ReadonlyMap<string, string | null>,
): readonly string[] {
  const faults: string[] = [];
  for (const [name, { version }] of Object.entries(manifest.modules)) {
    const there = builds.get(name);
    if (there === version) continue;
    const file = `${name}${BUILD_EXTENSION}`;
    if (there === undefined) faults.push(`${file} is missing`);
    else if (there === null) faults.push(`${file} cannot be read`);
    else faults.push(`${file} is version ${there}, the manifest names ${version}`);
  }
  return faults;
}

/** Builds that are there, and not in the manifest. */
export function strayBuilds(
  manifest: Manifest,
  builds: ReadonlyMap<string, string | null>,
): readonly string[] {
  return [...builds.keys()].filter((name) => !Object.hasOwn(manifest.modules, name));
}

/** @param faults what `setFaults` found */
export function incompleteSet(file: string, faults: readonly string[]): IncompleteSetError {
  const more = faults.length - FAULTS_SHOWN;
  const shown = faults.slice(0, FAULTS_SHOWN).join('; ');
  return new IncompleteSetError(
    `the set of builds is not whole: ${shown}${more > 0 ? `; and ${more} more` : ''}`,
    {
      file,
      hint: `copy all that one tsvm build wrote, its ${MANIFEST} too; tsvm load takes a build by itself`,
    },
  );
}

/** @param stray what `strayBuilds` found */
export function strayBuild(file: string, stray: readonly string[]): IncompleteSetError {
  const more = stray.length - FAULTS_SHOWN;
  const shown = stray.slice(0, FAULTS_SHOWN).map((name) => `${name}${BUILD_EXTENSION}`);
  return new IncompleteSetError(
    `not part of the set of builds: ${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`,
    {
      file,
      module: stray.length === 1 ? stray[0] : undefined,
      hint: `delete what no longer belongs there, or copy the ${MANIFEST} that names it`,
    },
  );
}

/** The set that a folder or a manifest leads to. @throws LoadError of the first build that is not as it should be */
export async function readSet(path: string): Promise<readonly CompiledModule[]> {
  const file = basename(path) === MANIFEST ? path : join(path, MANIFEST);
  const root = dirname(file);
  const manifest = await manifestAt(file);
  const names = Object.keys(manifest.modules);
  const modules: CompiledModule[] = [];
  const builds = new Map<string, string>();
  for (let at = 0; at < names.length; at += READ_AT_ONCE) {
    const group = names.slice(at, at + READ_AT_ONCE);
    for (const module of await Promise.all(group.map((name) => readOf(root, name)))) {
      if (module === undefined) continue;
      modules.push(module);
      builds.set(module.name, module.version);
    }
  }
  const faults = setFaults(manifest, builds);
  if (faults.length > 0) throw incompleteSet(file, faults);
  return modules;
}

/** `undefined`: it is not there. */
async function readOf(root: string, name: string): Promise<CompiledModule | undefined> {
  const path = buildPath(root, name);
  refuseLibraryName(name, path);
  try {
    return await readBuild({ path, root });
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

/** Is the project's folder one of builds, and are they the set that its manifest names? */
export async function checkSet(
  folder: string,
  builds: ReadonlyMap<string, string | null>,
): Promise<readonly LoadError[]> {
  const file = join(folder, MANIFEST);
  // Builds without a manifest stand each for itself.
  if (!existsSync(file)) return [];
  try {
    const manifest = await manifestAt(file);
    const faults = setFaults(manifest, builds);
    if (faults.length > 0) return [incompleteSet(file, faults)];
    const stray = strayBuilds(manifest, builds);
    return stray.length > 0 ? [strayBuild(file, stray)] : [];
  } catch (error) {
    if (error instanceof LoadError) return [error];
    throw error;
  }
}
