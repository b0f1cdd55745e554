/**
 * Set gate: holds builds of a watched folder back until all that its manifest names are there.
 *
 * Builds arrive one by one and the manifest before or after them: `tsvm build` writes it last, a copy in
 * the order of names somewhere in between. So what counts is what is there together: as soon as each build
 * that the manifest names is there in the version it names, all of them pass at once; until then none.
 * What keeps them is reported when nothing has come for a while, and the wait goes on.
 *
 * Invariants:
 *  1. Sources pass always, and builds by themselves where there is no manifest.
 *  2. What passes as a set is all there is from one set to the next, with the modules that are no more.
 *  3. A manifest that cannot be read leaves the one before in force.
 */

import { join } from 'node:path';
import type { LoadError } from './errors.js';
import {
  incompleteSet,
  MANIFEST,
  type Manifest,
  setFaults,
  strayBuild,
  strayBuilds,
} from './manifest.js';
import type { CompiledModule } from './module.js';
import { type ModuleFile, moduleFile } from './module-file.js';

export interface ManifestFile {
  readonly kind: 'manifest';
  readonly path: string;
}

/** What a file of the folder has become. */
export type ModuleOutcome =
  | { readonly file: ModuleFile; readonly module: CompiledModule }
  | { readonly file: ModuleFile; readonly failure: LoadError }
  | { readonly file: ModuleFile; readonly removed: true };

export type ManifestOutcome =
  | { readonly file: ManifestFile; readonly manifest: Manifest }
  | { readonly file: ManifestFile; readonly failure: LoadError }
  | { readonly file: ManifestFile; readonly removed: true };

export interface Passed {
  /** Each by itself. */
  readonly singles: readonly ModuleOutcome[];
  /** All or nothing. */
  readonly set: readonly ModuleOutcome[];
}

export interface SetGateOptions {
  /** The watched folder. */
  readonly folder: string;
  /** After so long without anything new, what keeps the set is reported. */
  readonly quietMs: number;
  /** Is something on its way still? Then the quiet time has not begun. */
  readonly isBusy: () => boolean;
  readonly onFault: (error: LoadError) => void;
}

/** The module or the manifest that a file holds, or `undefined` if it holds none. */
export function watchedFile(folder: string, path: string): ModuleFile | ManifestFile | undefined {
  return path === join(folder, MANIFEST) ? { kind: 'manifest', path } : moduleFile(folder, path);
}

export class SetGate {
  readonly #options: SetGateOptions;
  #manifest: Manifest | null = null;
  /** The builds that are there: version by name of the module; `null`: it cannot be read. */
  readonly #builds = new Map<string, string | null>();
  /** What has not passed yet, by name of the module. */
  readonly #held = new Map<string, ModuleOutcome>();
  /** The message of the fault that was reported last. */
  #reported = '';
  #timer: NodeJS.Timeout | null = null;

  constructor(options: SetGateOptions) {
    this.#options = options;
  }

  /** Is there a manifest that says which builds count? */
  get hasManifest(): boolean {
    return this.#manifest !== null;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** The manifest has come, or gone. What passes by that comes with the next `pass`. */
  takeManifest(outcome: ManifestOutcome): void {
    if ('manifest' in outcome) this.#manifest = outcome.manifest;
    else if ('removed' in outcome) this.#manifest = null;
    else this.#options.onFault(outcome.failure);
  }

  /** What may be loaded now of these outcomes, and of those that were held back. */
  pass(outcomes: readonly ModuleOutcome[]): Passed {
    const singles: ModuleOutcome[] = [];
    for (const outcome of outcomes) {
      // What is wrong with a build is said at once; that its set waits for it, later.
      if (outcome.file.kind === 'source' || 'failure' in outcome) singles.push(outcome);
      if (outcome.file.kind === 'build') this.#note(outcome);
    }
    if (this.#manifest === null) {
      singles.push(...this.#held.values());
      this.#held.clear();
      this.close();
      return { singles, set: [] };
    }
    const isWhole = setFaults(this.#manifest, this.#builds).length === 0;
    const set = isWhole ? this.#release(this.#manifest) : [];
    if (this.#fault() === null) {
      this.#reported = '';
      this.close();
    } else this.#wait();
    return { singles, set };
  }

  #note(outcome: ModuleOutcome): void {
    const { name } = outcome.file;
    if ('removed' in outcome) this.#builds.delete(name);
    else this.#builds.set(name, 'module' in outcome ? outcome.module.version : null);
    if ('failure' in outcome) this.#held.delete(name);
    else this.#held.set(name, outcome);
  }

  /** A build that the manifest does not name stays behind. */
  #release(manifest: Manifest): ModuleOutcome[] {
    const released: ModuleOutcome[] = [];
    for (const [name, outcome] of this.#held) {
      if (!Object.hasOwn(manifest.modules, name) && !('removed' in outcome)) continue;
      released.push(outcome);
      this.#held.delete(name);
    }
    return released;
  }

  #fault(): LoadError | null {
    const file = join(this.#options.folder, MANIFEST);
    if (this.#manifest === null) return null;
    const faults = setFaults(this.#manifest, this.#builds);
    if (faults.length > 0) return incompleteSet(file, faults);
    const stray = strayBuilds(this.#manifest, this.#builds);
    return stray.length > 0 ? strayBuild(file, stray) : null;
  }

  #wait(): void {
    this.close();
    this.#timer = setTimeout(() => {
      if (this.#options.isBusy()) return this.#wait();
      const fault = this.#fault();
      if (fault === null || fault.message === this.#reported) return;
      this.#reported = fault.message;
      this.#options.onFault(fault);
    }, this.#options.quietMs);
    this.#timer.unref();
  }
}
