/**
 * The library: the modules that come with tsvm, `tsvm/gen-server` and the others.
 *
 * They are modules like the user's, and are loaded like them, but come from the package and not from
 * a folder of the application: the package's build compiles them once. Where the package is a
 * checkout, a source that is newer than its build is compiled instead.
 */

import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUILD_EXTENSION, readBuild, writeBuild } from './build-file.js';
import { type ModuleSource, LIBRARY_PREFIX as PREFIX } from './library-names.js';
import { type CompiledModule, sha256 } from './module.js';

const SOURCE_EXTENSION = '.ts';

export interface LibraryPlaces {
  /** Folder of the builds; they are in `tsvm/` below it. */
  readonly builds: string;
  /** Folder of the sources, if there is one. */
  readonly sources: string;
}

export class Library implements ModuleSource {
  readonly names: readonly string[];
  readonly #places: LibraryPlaces;

  constructor(places: LibraryPlaces) {
    this.#places = places;
    const sources = filesIn(places.sources, SOURCE_EXTENSION);
    const names =
      sources.length > 0 ? sources : filesIn(join(places.builds, PREFIX), BUILD_EXTENSION);
    this.names = names.map((name) => PREFIX + name).sort();
  }

  /** The build, unless there is a source that is newer. */
  async read(name: string): Promise<CompiledModule> {
    const { builds, sources } = this.#places;
    const path = join(builds, `${name}${BUILD_EXTENSION}`);
    const file = this.#sourceOf(name);
    if (!existsSync(sources)) return readBuild({ path, root: builds });
    const source = await readFile(file, 'utf8');
    const built = await readBuild({ path, root: builds }).catch(() => undefined);
    if (built?.sourceHash === sha256(source)) return built;
    const { compile } = await import('./compile.js');
    return compile(source, { name, file });
  }

  /** Compile all of it: the last step of the package's build. @returns the paths written */
  async build(): Promise<string[]> {
    const { compile } = await import('./compile.js');
    return Promise.all(
      this.names.map(async (name) => {
        const file = this.#sourceOf(name);
        const module = await compile(await readFile(file, 'utf8'), { name, file });
        return writeBuild(module, { out: this.#places.builds, modules: this.#places.sources });
      }),
    );
  }

  #sourceOf(name: string): string {
    return join(this.#places.sources, `${name.slice(PREFIX.length)}${SOURCE_EXTENSION}`);
  }
}

/** The names of the files with that extension; none where there is no such folder. */
function filesIn(folder: string, extension: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(extension))
    .map((name) => name.slice(0, -extension.length));
}
