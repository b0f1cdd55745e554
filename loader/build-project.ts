/**
 * `tsvm build`: every module of a folder as a build file, and a manifest.
 *
 * The manifest is written last and names every build with its version, so that a machine that watches
 * the folder waits for the whole set and loads it as one (manifest.ts, set-gate.ts). It also names the upgrade
 * file of the set, which stands beside it.
 */

import { rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { buildPath, writeBuild, writeWhole } from './build-file.js';
import type { LoadError } from './errors.js';
import type { ModuleSource } from './library-names.js';
import { MANIFEST, type Manifest, readManifest } from './manifest.js';
import { FORMAT_VERSION } from './module.js';
import { loadOrder } from './module-graph.js';
import { type CompileProjectOptions, compileProject, scanProject } from './project.js';
import { UPGRADE_FILE, upgradeDigest } from './upgrade-file.js';

export interface BuildReport {
  /** Paths written, the manifest last. */
  readonly written: readonly string[];
  readonly modules: number;
  readonly errors: readonly LoadError[];
}

/**
 * Modules of the library are not part of a build: the machine that runs it brings its own.
 * Nothing is written if any module has an error: the builds of a set belong together.
 *
 * @throws LoadError for a folder that is no project, or an import of a module that does not exist
 */
export async function buildProject(
  options: {
    modules: string;
    out: string;
    library?: ModuleSource;
    /** The text of the upgrade file; without one there is none beside the builds afterwards. */
    upgrade?: string | undefined;
  } & CompileProjectOptions,
): Promise<BuildReport> {
  const out = resolve(options.out);
  const project = await scanProject(options.modules);
  const { modules, errors } = await compileProject(project, options);
  if (errors.length > 0) return { written: [], modules: modules.length, errors };
  const library = options.library?.names ?? [];
  loadOrder(modules, (name) => library.includes(name), library);
  const before = await readManifest(out);
  const written = await Promise.all(
    modules.map((module) => writeBuild(module, { out, modules: project.folder })),
  );
  const entries = modules.map(({ name, version }) => [
    name,
    { version, file: relative(out, buildPath(out, name)).replaceAll('\\', '/') },
  ]);
  const { upgrade } = options;
  const manifest: Manifest = {
    format: FORMAT_VERSION,
    modules: Object.fromEntries(entries),
    ...(upgrade === undefined ? {} : { upgrade: upgradeDigest(upgrade) }),
  };
  await removeStale(out, before, manifest);
  if (upgrade === undefined) await rm(join(out, UPGRADE_FILE), { force: true });
  else await writeWhole(join(out, UPGRADE_FILE), upgrade);
  const path = join(out, MANIFEST);
  await writeWhole(path, `${JSON.stringify(manifest, null, 2)}\n`);
  return { written: [...written, path], modules: modules.length, errors };
}

/** Builds of modules that are no more; only what an earlier build says it wrote. */
async function removeStale(
  out: string,
  before: Manifest | undefined,
  now: Manifest,
): Promise<void> {
  for (const name of Object.keys(before?.modules ?? {})) {
    if (!Object.hasOwn(now.modules, name)) await rm(buildPath(out, name), { force: true });
  }
}
