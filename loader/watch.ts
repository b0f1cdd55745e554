/**
 * Watch: what changes in a modules folder, as batches of modules that are ready to load.
 *
 * Events of the file system only say where to look. What counts is the state of the files: a source
 * is read when its size, times and inode have stood still for `settleMs`; a build as soon as its
 * digest is right. A file that does not compile may be half a copy, so it gets `graceMs` to change
 * before its error is reported. A removal counts when the file stays away for `removeMs`, because
 * editors replace files by removing and renaming.
 *
 * Invariants:
 *  1. A half-written file is never in a batch: sources wait, builds need their digest.
 *  2. A module is reported when its content differs from what was reported last, not when it was
 *     touched: reading or rewriting the same content makes no noise.
 *  3. Builds beside a manifest are reported when they are the set that it names (set-gate.ts), with its
 *     upgrade file if it has one.
 *  4. A folder that vanishes removes no module: a deploy that replaces the folder would else take the
 *     application away for a moment. When it is back, it is compared as a whole.
 */

import { existsSync, type Stats, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type FSWatcher, watch as watchFiles } from 'chokidar';
import { eachFault, LoadError, UnreadableError } from './errors.js';
import { MANIFEST, manifestAt } from './manifest.js';
import type { CompiledModule } from './module.js';
import { loadModuleFile, type ModuleFile } from './module-file.js';
import { duplicateModule, scanProject } from './project.js';
import {
  type ManifestOutcome,
  type ModuleOutcome,
  SetGate,
  type StepsOutcome,
  type WatchedFile,
  type WatchedOutcome,
  watchedFile,
} from './set-gate.js';
import { UPGRADE_FILE } from './upgrade-file.js';

export interface WatchChange {
  /** New or changed, compiled. */
  readonly changed: readonly CompiledModule[];
  /** Names of modules whose file is gone. */
  readonly removed: readonly string[];
}

export interface SetChange extends WatchChange {
  /** It is to be loaded by the upgrade file beside it; without modules: that file is another one now. */
  readonly upgrade: boolean;
}

export interface WatchBatch extends WatchChange {
  /** Builds that belong together: all of this, or nothing. */
  readonly set: SetChange;
  /** Files that changed and do not load; what was loaded of them before stays. */
  readonly failed: readonly LoadError[];
}

export interface WatchOptions {
  readonly folder: string;
  /** What is loaded already: name to version. */
  readonly known: ReadonlyMap<string, string>;
  readonly onBatch: (batch: WatchBatch) => void;
  /** For file systems without events (containers, network drives). */
  readonly poll?: boolean;
  readonly settleMs?: number;
  readonly graceMs?: number;
  readonly removeMs?: number;
  /** How long a set of builds may stay incomplete with nothing new coming before that is reported. */
  readonly setMs?: number;
}

const SETTLE_MS = 40;
const GRACE_MS = 400;
const REMOVE_MS = 200;
const SET_MS = 2_000;
const POLL_MS = 100;
const ROOT_CHECK_MS = 250;
/** Quiet for so long, a folder that had events is compared as a whole. */
const COMPARE_MS = 150;
/** After a replaced folder is back, its files may still be coming. */
const ROOT_GRACE_MS = 2_000;

export class ModuleWatcher {
  readonly #folder: string;
  readonly #options: Required<Omit<WatchOptions, 'folder' | 'known'>>;
  /** Content last reported: name to version, or to the message of the error. */
  readonly #reported: Map<string, string>;
  readonly #paths: Map<string, ModuleFile> = new Map();
  /** Files that are looked at now, by path. */
  readonly #settling: Map<string, Promise<void>> = new Map();
  /** What the files were like when they were last settled. */
  readonly #states: Map<string, string> = new Map();
  readonly #again: Set<string> = new Set();
  /** How many of them may be ready soon; the batch waits for those. */
  #unsettled = 0;
  #ready: ModuleOutcome[] = [];
  readonly #gate: SetGate;
  /** What is wrong with the folder as a whole, as it was reported. */
  #fault: LoadError | null = null;
  /** The manifest has changed since the last batch. */
  #manifestTaken = false;
  /** So has the upgrade file. */
  #stepsTaken = false;
  #watcher: FSWatcher | null = null;
  #compareTimer: NodeJS.Timeout | null = null;
  #rootTimer: NodeJS.Timeout | null = null;
  #rootInode: number | null = null;
  #closed = false;
  #removeMs: number;

  /** Resolves when changes from then on are seen. */
  static async start(options: WatchOptions): Promise<ModuleWatcher> {
    const watcher = new ModuleWatcher(options);
    await watcher.#open();
    return watcher;
  }

  private constructor(options: WatchOptions) {
    this.#folder = resolve(options.folder);
    this.#reported = new Map(options.known);
    this.#options = {
      onBatch: options.onBatch,
      poll: options.poll ?? false,
      settleMs: options.settleMs ?? SETTLE_MS,
      graceMs: options.graceMs ?? GRACE_MS,
      removeMs: options.removeMs ?? REMOVE_MS,
      setMs: options.setMs ?? SET_MS,
    };
    this.#gate = new SetGate({
      folder: this.#folder,
      quietMs: this.#options.setMs,
      isBusy: () => this.#settling.size > 0,
      onFault: (error) => this.#fail(error),
    });
    this.#removeMs = this.#options.removeMs;
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#rootTimer !== null) clearInterval(this.#rootTimer);
    if (this.#compareTimer !== null) clearTimeout(this.#compareTimer);
    this.#gate.close();
    await this.#watcher?.close();
    await Promise.all(this.#settling.values());
  }

  async #open(): Promise<void> {
    await this.#watchRoot();
    await this.#compareAll();
    this.#rootTimer = setInterval(() => void this.#checkRoot(), ROOT_CHECK_MS);
    this.#rootTimer.unref();
  }

  async #watchRoot(): Promise<void> {
    this.#rootInode = inodeOf(this.#folder);
    const watcher = watchFiles(this.#folder, {
      ignoreInitial: true,
      usePolling: this.#options.poll,
      interval: POLL_MS,
      atomic: false,
      ignored: (path, stats) =>
        stats?.isFile() === true && watchedFile(this.#folder, path) === undefined,
    });
    this.#watcher = watcher;
    watcher.on('all', (_event, path) => this.#noteEvent(path));
    // chokidar merges events that come within milliseconds; what is underneath tells of each.
    watcher.on('raw', (_event, path, details) => {
      const { watchedPath } = details as { watchedPath?: string };
      if (watchedPath === undefined || typeof path !== 'string') return;
      this.#noteEvent(watchedPath.endsWith(path) ? watchedPath : join(watchedPath, path));
    });
    // An error of the watcher itself (a folder that vanished under it) is seen by the root check.
    watcher.on('error', () => undefined);
    await new Promise<void>((ready) => {
      watcher.once('ready', () => ready());
    });
  }

  /**
   * Events say that something happened, not all that did: files of a new folder may be written before
   * anybody watches it. So the whole folder is compared once it has been quiet for a moment.
   */
  #noteEvent(path: string): void {
    this.#touch(path);
    if (this.#closed) return;
    if (this.#compareTimer === null) {
      this.#compareTimer = setTimeout(() => {
        this.#compareTimer = null;
        void this.#compareAll(true);
      }, COMPARE_MS);
    } else this.#compareTimer.refresh();
  }

  /** Reopen when the folder is another one than the one that is watched. */
  async #checkRoot(): Promise<void> {
    if (this.#closed) return;
    const inode = inodeOf(this.#folder);
    if (inode === this.#rootInode || inode === null) {
      if (inode === null) this.#rootInode = null;
      return;
    }
    this.#rootInode = inode;
    await this.#watcher?.close();
    if (this.#closed) return;
    this.#removeMs = ROOT_GRACE_MS;
    await this.#watchRoot();
    await this.#compareAll();
  }

  /** Look at every file there is and at every one there was; `changed`: only at those that changed. */
  async #compareAll(changed = false): Promise<void> {
    const before = [...this.#paths.values()];
    let found: readonly ModuleFile[] = [];
    let fault: LoadError | null = null;
    try {
      found = (await scanProject(this.#folder)).files;
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      if (!(error instanceof UnreadableError)) fault = error;
    }
    if (fault !== null && fault.message !== this.#fault?.message) this.#fail(fault);
    this.#fault = fault;
    for (const file of found) if (!this.#paths.has(file.name)) this.#paths.set(file.name, file);
    const paths = new Set([...before, ...found].map(({ path }) => path));
    const manifest = join(this.#folder, MANIFEST);
    if (this.#gate.hasManifest || existsSync(manifest)) paths.add(manifest);
    const steps = join(this.#folder, UPGRADE_FILE);
    if (this.#gate.hasSteps || existsSync(steps)) paths.add(steps);
    for (const path of paths) {
      if (!changed || stateOf(path) !== this.#states.get(path)) this.#touch(path);
    }
  }

  #touch(path: string): void {
    const full = resolve(path);
    const file = watchedFile(this.#folder, full);
    if (this.#closed || file === undefined) return;
    if (this.#settling.has(full)) {
      // It is looked at already; once more afterwards, in case that look came before this change.
      this.#again.add(full);
      return;
    }
    this.#unsettled++;
    let counted = true;
    const countOff = (): void => {
      if (counted) this.#unsettled--;
      counted = false;
    };
    const settled = this.#settle(file, countOff).then((outcome) => {
      countOff();
      this.#settling.delete(full);
      if (outcome !== null) this.#take(outcome);
      this.#flush();
      if (this.#again.delete(full)) this.#touch(full);
    });
    this.#settling.set(full, settled);
  }

  /**
   * Wait until the file stands still, and load it. `null`: nothing to report.
   *
   * @param countOff the others of the batch need not wait for a file that is gone or may stay broken
   */
  async #settle(file: WatchedFile, countOff: () => void): Promise<WatchedOutcome | null> {
    const { path } = file;
    let failure: LoadError | null = null;
    let failedAt = 0;
    let state = stateOf(path);
    let since = Date.now();
    if (state === '' && !this.#isKnown(file)) return null;
    while (!this.#closed) {
      // Builds and manifests say themselves whether they are whole.
      const saysItself = file.kind === 'build' || file.kind === 'manifest';
      const stable = saysItself || Date.now() - since >= this.#options.settleMs;
      if (state !== '' && stable && failure === null) {
        const outcome = await this.#load(file);
        const now = stateOf(path);
        if (now === state && !(outcome instanceof LoadError)) {
          this.#states.set(path, state);
          return outcome;
        }
        if (outcome instanceof LoadError) failure = outcome;
        failedAt = Date.now();
      }
      if (state === '' || failure !== null) {
        countOff();
        this.#flush();
      }
      await delay(this.#options.settleMs);
      const now = stateOf(path);
      if (now !== state) {
        state = now;
        since = Date.now();
        failure = null;
      } else if (state === '' && Date.now() - since >= this.#removeMs) {
        if (inodeOf(this.#folder) === null) return null;
        this.#states.delete(path);
        return outcomeOf(file, { removed: true });
      } else if (failure !== null && Date.now() - failedAt >= this.#options.graceMs) {
        this.#states.set(path, state);
        return outcomeOf(file, { failure });
      }
    }
    return null;
  }

  #isKnown(file: WatchedFile): boolean {
    if (file.kind === 'manifest') return this.#gate.hasManifest;
    if (file.kind === 'upgrade') return this.#gate.hasSteps;
    return this.#paths.get(file.name)?.path === file.path;
  }

  async #load(file: WatchedFile): Promise<WatchedOutcome | LoadError> {
    try {
      if (file.kind === 'manifest') return { file, manifest: await manifestAt(file.path) };
      if (file.kind === 'upgrade') return { file, text: await textOf(file.path) };
      return { file, module: await loadModuleFile(file, { folder: this.#folder }) };
    } catch (error) {
      if (error instanceof LoadError) return error;
      throw error;
    }
  }

  #take(outcome: WatchedOutcome): void {
    switch (outcome.file.kind) {
      case 'manifest':
        this.#gate.takeManifest(outcome as ManifestOutcome);
        this.#manifestTaken = true;
        break;
      case 'upgrade':
        this.#gate.takeSteps(outcome as StepsOutcome);
        this.#stepsTaken = true;
        break;
      default:
        this.#ready.push(outcome as ModuleOutcome);
    }
  }

  /** Files that changed together are reported together. */
  #flush(): void {
    const isAnything = this.#ready.length > 0 || this.#manifestTaken || this.#stepsTaken;
    if (this.#unsettled > 0 || !isAnything) return;
    const { singles, set, upgrade } = this.#gate.pass(this.#ready);
    this.#ready = [];
    const areStepsNew = this.#stepsTaken;
    this.#manifestTaken = false;
    this.#stepsTaken = false;
    if (this.#settling.size === 0) this.#removeMs = this.#options.removeMs;
    const failed: LoadError[] = [];
    const alone = this.#changeOf(singles, failed);
    const together = this.#changeOf(set, failed);
    const change: SetChange = {
      changed: together.changed,
      removed: upgrade === null ? together.removed : upgrade.removed,
      upgrade: upgrade !== null || (areStepsNew && this.#gate.goesBySteps),
    };
    const isNothing = isEmpty(alone) && isEmpty(change) && !change.upgrade;
    if (this.#closed || (isNothing && failed.length === 0)) return;
    this.#options.onBatch({ ...alone, set: change, failed });
  }

  #fail(error: LoadError): void {
    if (this.#closed) return;
    this.#options.onBatch({ ...NOTHING, set: NO_SET, failed: eachFault(error) });
  }

  /** What is new in the outcomes, and noted as reported. */
  #changeOf(outcomes: readonly ModuleOutcome[], failed: LoadError[]): WatchChange {
    const changed: CompiledModule[] = [];
    const removed: string[] = [];
    for (const outcome of outcomes) {
      const { file } = outcome;
      const holder = this.#paths.get(file.name);
      if ('removed' in outcome) {
        if (holder !== undefined && holder.path !== file.path) continue;
        this.#paths.delete(file.name);
        this.#reported.delete(file.path);
        if (this.#reported.delete(file.name)) removed.push(file.name);
        continue;
      }
      const content = 'module' in outcome ? outcome.module.version : failureText(outcome.failure);
      if (holder !== undefined && holder.path !== file.path && inodeOf(holder.path) !== null) {
        const error = duplicateModule(file, holder);
        if (this.#reported.get(file.path) !== error.message) failed.push(error);
        this.#reported.set(file.path, error.message);
        continue;
      }
      this.#paths.set(file.name, file);
      if (this.#reported.get(file.name) === content) continue;
      this.#reported.set(file.name, content);
      if ('module' in outcome) changed.push(outcome.module);
      else if (outcome.failure.message !== this.#fault?.message)
        failed.push(...eachFault(outcome.failure));
    }
    return { changed, removed };
  }
}

const NOTHING: WatchChange = { changed: [], removed: [] };
const NO_SET: SetChange = { ...NOTHING, upgrade: false };

/** Nothing has changed. */
export function isEmpty({ changed, removed }: WatchChange): boolean {
  return changed.length + removed.length === 0;
}

/** The compiler does not see by itself that the unions agree. */
function outcomeOf(
  file: WatchedFile,
  what: { readonly failure: LoadError } | { readonly removed: true },
): WatchedOutcome {
  return { file, ...what } as WatchedOutcome;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UnreadableError(`cannot read the upgrade file: ${(error as Error).message}`, {
      file: path,
    });
  }
}

function failureText(failure: LoadError): string {
  return eachFault(failure)
    .map((fault) => fault.format())
    .join('\n');
}

/** What changes whenever the file does; empty if there is none. */
function stateOf(path: string): string {
  let stats: Stats;
  try {
    // By a call: through the pool of threads a new build would wait behind busy schedulers.
    stats = statSync(path);
  } catch {
    // Gone, or about to be renamed into place.
    return '';
  }
  return stats.isFile() ? `${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}` : '';
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}
