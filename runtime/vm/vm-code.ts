/**
 * Code of a machine, as its host program and its processes see it: loading, purging, who runs what.
 *
 * Source: OTP, "code".
 */

import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { parseBuild, readBuild } from '../../loader/build-file.js';
import type { CodeServer, LoadReport } from '../../loader/code-server.js';
import { LoadError, UnreadableError } from '../../loader/errors.js';
import { MANIFEST, readSet } from '../../loader/manifest.js';
import type { CompiledModule } from '../../loader/module.js';
import { loadModuleFile, moduleFile } from '../../loader/module-file.js';
import type { CodeOutcome, CodeRequest } from '../hosting.js';

/** A module that has a current or an old version. */
export interface ModuleVersions {
  readonly module: string;
  /** The version that calls reach; `null` when the module was deleted. */
  readonly version: string | null;
  /** The version before, as long as it has not been purged. */
  readonly oldVersion: string | null;
}

export class VmCode {
  readonly #server: CodeServer;
  readonly #folder: string | undefined;
  readonly #onLoad: (reports: readonly LoadReport[]) => void;

  constructor(
    server: CodeServer,
    folder: string | undefined,
    onLoad: (reports: readonly LoadReport[]) => void,
  ) {
    this.#server = server;
    this.#folder = folder;
    this.#onLoad = onLoad;
  }

  /**
   * Load builds or sources now, as one set: all on all schedulers, or nothing. A manifest, or a folder
   * with one, stands for all the builds that it names. A build of a module of tsvm's own library, which
   * only the package's build makes, replaces that module.
   * `code:atomic_load/1`.
   *
   * @throws LoadError
   */
  async load(...files: readonly string[]): Promise<readonly LoadReport[]> {
    const read = await Promise.all(files.map((file) => this.#read(resolve(file))));
    return this.#load(read.flat());
  }

  /** The same with the texts of build files. `code:load_binary/3`. @throws LoadError */
  loadBuilds(...builds: readonly string[]): Promise<readonly LoadReport[]> {
    return this.#load(builds.map((text) => parseBuild(text, { path: 'build in memory' })));
  }

  /**
   * Forget the old version of a module; processes that run it are killed. `code:purge/1`.
   *
   * @returns whether any were
   */
  purge(module: string): Promise<boolean> {
    return this.#server.purge(module);
  }

  /** The same, unless a process runs it: then nothing changes. `code:soft_purge/1`. @returns whether it is gone */
  softPurge(module: string): Promise<boolean> {
    return this.#server.softPurge(module);
  }

  /**
   * Make the current version of a module old: calls into it raise `undef`. `code:delete/1`.
   *
   * @returns `false` if there is none, or an old one was not purged
   */
  deleteModule(module: string): Promise<boolean> {
    return this.#server.delete(module);
  }

  /** Has the module an old version? `erlang:check_old_code/1`. */
  checkOldCode(module: string): boolean {
    return this.#server.old.has(module);
  }

  /** The modules that have a current or an old version. `code:all_loaded/0`. */
  loaded(): readonly ModuleVersions[] {
    const { current, old } = this.#server;
    return Array.from(new Set([...current.keys(), ...old.keys()]), (module) => ({
      module,
      version: current.get(module)?.version ?? null,
      oldVersion: old.get(module)?.version ?? null,
    }));
  }

  /** What a process asked for. */
  async serve(request: CodeRequest): Promise<CodeOutcome> {
    try {
      return { ok: true, value: await this.#serve(request) };
    } catch (error) {
      const data = error instanceof LoadError ? error.toData() : { message: String(error) };
      return { ok: false, error: data };
    }
  }

  #serve(request: CodeRequest): Promise<unknown> {
    switch (request.op) {
      case 'purge':
        return this.purge(request.module);
      case 'soft_purge':
        return this.softPurge(request.module);
      case 'delete':
        return this.deleteModule(request.module);
      case 'load':
        return this.load(...request.files);
      case 'load_builds':
        return this.loadBuilds(...request.builds);
    }
  }

  async #load(modules: readonly CompiledModule[]): Promise<readonly LoadReport[]> {
    const reports = await this.#server.load(modules, { upgradesLibrary: true });
    this.#onLoad(reports);
    return reports;
  }

  async #read(file: string): Promise<readonly CompiledModule[]> {
    if (basename(file) === MANIFEST || isFolder(file)) return readSet(file);
    const root = this.#folder;
    const found = root === undefined ? undefined : moduleFile(root, file);
    if (root !== undefined && found !== undefined)
      return [await loadModuleFile(found, { folder: root })];
    try {
      await readFile(file);
    } catch (error) {
      throw new UnreadableError(`cannot read the module: ${(error as Error).message}`, { file });
    }
    return [await readBuild({ path: file })];
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // What cannot be looked at is reported when it is read.
    return false;
  }
}
