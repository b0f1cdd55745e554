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
 *  4. A set whose manifest names an upgrade file passes with that very file. One that a manifest does not
 *     name counts for one set: it stays behind in the folder, and is not meant for the sets after that.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadError } from './errors.js';
import {
  incompleteSet,
  MANIFEST,
  type Manifest,
  parseManifest,
  setFaults,
  strayBuild,
  strayBuilds,
} from './manifest.js';
import type { CompiledModule } from './module.js';
import { type ModuleFile, moduleFile } from './module-file.js';
import { UPGRADE_FILE, upgradeDigest } from './upgrade-file.js';

export interface ManifestFile {
  readonly kind: 'manifest';
  readonly path: string;
}

/** The upgrade file beside the manifest. */
export interface StepsFile {
  readonly kind: 'upgrade';
  readonly path: string;
}

export type WatchedFile = ModuleFile | ManifestFile | StepsFile;

/** What a file of the folder has become. */
export type ModuleOutcome =
  | { readonly file: ModuleFile; readonly module: CompiledModule }
  | { readonly file: ModuleFile; readonly failure: LoadError }
  | { readonly file: ModuleFile; readonly removed: true };

export type ManifestOutcome =
  | { readonly file: ManifestFile; readonly manifest: Manifest }
  | { readonly file: ManifestFile; readonly failure: LoadError }
  | { readonly file: ManifestFile; readonly removed: true };

export type StepsOutcome =
  | { readonly file: StepsFile; readonly text: string }
  | { readonly file: StepsFile; readonly failure: LoadError }
  | { readonly file: StepsFile; readonly removed: true };

export type WatchedOutcome = ModuleOutcome | ManifestOutcome | StepsOutcome;

export interface Passed {
  /** Each by itself. */
  readonly singles: readonly ModuleOutcome[];
  /** All or nothing. */
  readonly set: readonly ModuleOutcome[];
  /** A set that is to be loaded by its upgrade file; null: there is none, or it is the set of before. */
  readonly upgrade: SetUpgrade | null;
}

export interface SetUpgrade {
  /** What the set before had and this one has not. Their files may be there still. */
  readonly removed: readonly string[];
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

/** What a file of the folder has to do with its modules, or `undefined` if it has nothing. */
export function watchedFile(folder: string, path: string): WatchedFile | undefined {
  if (path === join(folder, MANIFEST)) return { kind: 'manifest', path };
  if (path === join(folder, UPGRADE_FILE)) return { kind: 'upgrade', path };
  return moduleFile(folder, path);
}

export class SetGate {
  readonly #options: SetGateOptions;
  #manifest: Manifest | null = null;
  /** That of the last set that has passed, or was there at the beginning. */
  #passed: Manifest | null;
  /** The text of the upgrade file that is there. */
  #steps: string | null = null;
  /** That of the one that a set has passed with, or that was there at the beginning. */
  #spentSteps: string | null;
  /** The builds that are there: version by name of the module; `null`: it cannot be read. */
  readonly #builds = new Map<string, string | null>();
  /** What has not passed yet, by name of the module. */
  readonly #held = new Map<string, ModuleOutcome>();
  /** The message of the fault that was reported last. */
  #reported = '';
  #timer: NodeJS.Timeout | null = null;

  constructor(options: SetGateOptions) {
    this.#options = options;
    this.#passed = manifestIn(options.folder);
    this.#spentSteps = textIn(options.folder, UPGRADE_FILE);
  }

  /** Is there a manifest that says which builds count? */
  get hasManifest(): boolean {
    return this.#manifest !== null;
  }

  /** Was there an upgrade file at the last look? */
  get hasSteps(): boolean {
    return this.#steps !== null;
  }

  /** Is the set that is there, or that waits for another upgrade file, an upgrade by the one that is there? */
  get goesBySteps(): boolean {
    if (this.#steps === null || this.#manifest === null) return false;
    return this.#manifest.upgrade !== undefined || this.#steps !== this.#spentSteps;
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

  takeSteps(outcome: StepsOutcome): void {
    if ('text' in outcome) this.#steps = outcome.text;
    else if ('removed' in outcome) this.#steps = null;
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
      return { singles, set: [], upgrade: null };
    }
    const isWhole = this.#faults(this.#manifest).length === 0;
    const upgrade = isWhole ? this.#upgradeTo(this.#manifest) : null;
    const set = isWhole ? this.#release(this.#manifest) : [];
    if (this.#fault() === null) {
      this.#reported = '';
      this.close();
    } else this.#wait();
    return { singles, set, upgrade };
  }

  #upgradeTo(manifest: Manifest): SetUpgrade | null {
    const upgrade = this.#isAnother(manifest) && this.goesBySteps;
    const before = Object.keys(this.#passed?.modules ?? {});
    this.#passed = manifest;
    if (!upgrade) return null;
    this.#spentSteps = this.#steps;
    return { removed: before.filter((name) => !Object.hasOwn(manifest.modules, name)) };
  }

  /** Is it another set than the one before? */
  #isAnother({ modules }: Manifest): boolean {
    if (this.#passed === null) return this.#held.size > 0;
    const before = this.#passed.modules;
    const names = Object.keys(modules);
    if (names.length !== Object.keys(before).length) return true;
    return names.some((name) => before[name]?.version !== modules[name]?.version);
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

  #faults(manifest: Manifest): readonly string[] {
    const faults = setFaults(manifest, this.#builds);
    const { upgrade } = manifest;
    // With nothing to load, nobody needs the file any more.
    if (upgrade === undefined || !this.#isAnother(manifest)) return faults;
    if (this.#steps === null) return [...faults, `${UPGRADE_FILE} is missing`];
    if (upgradeDigest(this.#steps) === upgrade) return faults;
    return [...faults, `${UPGRADE_FILE} is not the one that was built with it`];
  }

  #fault(): LoadError | null {
    const file = join(this.#options.folder, MANIFEST);
    if (this.#manifest === null) return null;
    const faults = this.#faults(this.#manifest);
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

function manifestIn(folder: string): Manifest | null {
  const text = textIn(folder, MANIFEST);
  try {
    return text === null ? null : parseManifest(text, MANIFEST);
  } catch {
    // The machine has not started with it; what is wrong is said when it is looked at.
    return null;
  }
}

function textIn(folder: string, name: string): string | null {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch {
    return null;
  }
}
