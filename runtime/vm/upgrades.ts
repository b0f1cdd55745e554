/**
 * Upgrades: a set of builds takes the place of what runs, as one unit, and can be taken back as one.
 *
 * In order: all that the upgrade file names is looked up; the set is prepared on all schedulers; its
 * versions are compared with what the file says; the checks before; then the processes concerned stand
 * still, and the set becomes current with their states, in one go; then applications are restarted and
 * the checks afterwards are run, in the order of the file.
 *
 * Invariants:
 *  1. What is refused has touched nothing. What fails before the set is current has changed nothing.
 *  2. What fails afterwards is undone: code, states, removed modules and restarted applications.
 *  3. One upgrade or rollback is under way at a time.
 *
 * Source: OTP, `release_handler`, "Release Handling"; `release_handler:install_release/1`.
 */

import { join, resolve } from 'node:path';
import type { CodeServer, LoadReport } from '../../loader/code-server.js';
import { SetUpgradeError } from '../../loader/errors.js';
import { isLibraryName } from '../../loader/library-names.js';
import { readSet } from '../../loader/manifest.js';
import type { CompiledModule } from '../../loader/module.js';
import type { ChangeWishStep, ModuleFacts } from '../../loader/scheduler-code.js';
import {
  type CheckStep,
  type ModuleStep,
  type RestartStep,
  readUpgradeFile,
  stepProblems,
  translationOrder,
  UPGRADE_FILE,
  type UpgradeFile,
  UpgradeRefusedError,
  type VersionName,
} from '../../loader/upgrade-file.js';
import { inShort } from '../../loader/upgrade-words.js';
import type { Applications } from './application-restart.js';
import type { LoadCause } from './events.js';

/** What an upgrade does, as it does it. */
export interface UpgradeProgress {
  readonly step: 'prepare' | 'check' | 'rest' | 'load' | 'restart' | 'undo';
  /** In a few words. */
  readonly text: string;
  /** Since the upgrade began. */
  readonly ms: number;
}

export interface UpgradeOptions {
  readonly onProgress?: (progress: UpgradeProgress) => void;
}

/** What the watcher of a folder knows besides. */
export interface FolderChange {
  /** Modules that are not in the set any more; they go, whether the file says so or not. */
  readonly removed: readonly string[];
}

export interface UpgradedModule {
  readonly module: string;
  readonly what: 'added' | 'updated' | 'removed';
  /** Content hashes; null: it was, or is, not there. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface UpgradeReport {
  /** Where the builds came from; undefined for a rollback. */
  readonly folder: string | undefined;
  readonly modules: readonly UpgradedModule[];
  /** Processes whose state was translated. */
  readonly translated: number;
  readonly restarted: readonly string[];
  readonly ms: number;
}

/** An upgrade that failed, for who looks on. */
export interface UpgradeFailure {
  /** Where the builds came from. */
  readonly folder: string;
  /** What failed, and what became of it. */
  readonly message: string;
  /** Everything is as it was before. */
  readonly undone: boolean;
}

/** What the upgrades of a machine tell it. */
export interface UpgradeListener {
  readonly onLoad: (
    reports: readonly LoadReport[],
    removed: readonly string[],
    by: LoadCause,
  ) => void;
  readonly onUpgrade: (report: UpgradeReport) => void;
  readonly onFailure: (failure: UpgradeFailure) => void;
}

/** An upgrade that failed when the set was current already, and what became of it. */
export class UpgradeFailedError extends Error {
  override readonly name = 'UpgradeFailedError';
  /** Everything is as it was before. */
  readonly undone: boolean;

  constructor(message: string, undone: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.undone = undone;
  }
}

/** What it takes to go back. */
interface Undo {
  readonly folder: string;
  readonly load: number;
  /** The modules that were replaced or removed, as they were. */
  readonly before: readonly CompiledModule[];
  readonly added: readonly string[];
  /** What the upgrade made current: any other version since is somebody else's. */
  readonly made: ReadonlyMap<string, string>;
  readonly update: ReadonlyMap<string, unknown>;
  readonly order: ReadonlyMap<string, number>;
  readonly limits: UpgradeFile['limits'];
  readonly restarted: readonly string[];
}

/** What is to be done, once nothing speaks against it. */
interface Plan {
  readonly folder: string;
  readonly file: UpgradeFile | undefined;
  readonly set: readonly CompiledModule[];
  readonly remove: readonly string[];
  readonly update: ReadonlyMap<string, unknown>;
  readonly order: ReadonlyMap<string, number>;
  readonly checksBefore: readonly CheckStep[];
  readonly afterwards: readonly (CheckStep | RestartStep)[];
}

const CHECK_MS = 10_000;
const NOT_WATCHED: FolderChange = { removed: [] };
const AGAIN = `the set is tried again when its ${UPGRADE_FILE} or a build is another one`;
/** How far back `rollback` can go. The builds are kept in memory. */
const UNDOS_MAX = 8;

export class Upgrades {
  readonly #server: CodeServer;
  readonly #applications: Applications;
  readonly #listener: UpgradeListener;
  readonly #undos: Undo[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(server: CodeServer, applications: Applications, listener: UpgradeListener) {
    this.#server = server;
    this.#applications = applications;
    this.#listener = listener;
  }

  /**
   * Put the set of builds of a folder in the place of what runs, by its upgrade file if it has one.
   *
   * @throws UpgradeRefusedError, LoadError: nothing has changed; UpgradeFailedError: see `undone`
   */
  upgrade(folder: string, options: UpgradeOptions = {}): Promise<UpgradeReport> {
    const from = resolve(folder);
    return this.#alone(async () => {
      try {
        return await this.#upgrade(from, options, NOT_WATCHED);
      } catch (error) {
        if (error instanceof UpgradeFailedError) {
          const { message, undone } = error;
          this.#listener.onFailure({ folder: from, message, undone });
        }
        throw error;
      }
    });
  }

  /**
   * The same for the set that came into the watched folder. A refusal is an error of loading there.
   *
   * @throws LoadError: nothing has changed, or it was undone, or the message says what was not
   */
  async follow(folder: string, change: FolderChange): Promise<void> {
    try {
      await this.#alone(() => this.#upgrade(resolve(folder), {}, change));
    } catch (error) {
      if (error instanceof UpgradeRefusedError) {
        const file = join(resolve(folder), UPGRADE_FILE);
        throw new SetUpgradeError(error.problems.join('; '), { file, hint: AGAIN });
      }
      if (error instanceof UpgradeFailedError)
        throw new SetUpgradeError(error.message, { hint: AGAIN });
      throw error;
    }
  }

  /**
   * Go back to what ran before the last upgrade, with the states as they are now.
   *
   * @throws UpgradeRefusedError: there is nothing to go back to, or no way; LoadError: nothing has changed
   */
  rollback(options: UpgradeOptions = {}): Promise<UpgradeReport> {
    return this.#alone(() => this.#rollback(options));
  }

  #alone<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => undefined);
    return result;
  }

  // ---- forward ------------------------------------------------------------------------------------

  async #upgrade(
    folder: string,
    options: UpgradeOptions,
    change: FolderChange,
  ): Promise<UpgradeReport> {
    const begin = performance.now();
    const say = speaker(options, begin);
    const plan = await this.#plan(folder, change);
    const { set, remove, update, order } = plan;
    const limits = plan.file?.limits ?? {};
    const was = new Map(this.#server.current);
    let load = 0;
    say('prepare', `${set.length} modules of ${folder}`);
    const reports = await this.#server.load(set, {
      upgrade: {
        update,
        order,
        remove,
        undoable: true,
        limits: standstillLimits(limits),
        prepared: async (id) => {
          load = id;
          await this.#checkVersions(plan, id);
          for (const check of plan.checksBefore) await this.#check(check, limits, say, id);
        },
        onRest: () => say('rest', 'the processes that use what changes stand still'),
      },
    });
    const changed = reports.filter((one) => one.changed);
    const [{ translated } = { translated: 0 }] = changed;
    say('load', `${changed.length} modules are current, ${translated} states translated`);
    this.#listener.onLoad(changed, remove, change === NOT_WATCHED ? 'upgrade' : 'files');
    const undo: Undo = {
      folder,
      load,
      before: [...changed.map(({ module }) => module), ...remove]
        .map((name) => was.get(name))
        .filter((one) => one !== undefined),
      added: changed.map(({ module }) => module).filter((name) => !was.has(name)),
      made: new Map(changed.map(({ module, version }) => [module, version])),
      update,
      order,
      limits,
      restarted: plan.afterwards.flatMap((step) =>
        step.kind === 'restart' ? [step.application] : [],
      ),
    };
    await this.#afterwards(plan, undo, say);
    await this.#server.forgetStates(load);
    if (changed.length > 0 || remove.length > 0) this.#remember(undo);
    const { restarted } = undo;
    return this.#told({
      folder,
      modules: modulesOf(was, this.#server.current, [...undo.made.keys(), ...remove]),
      translated,
      restarted,
      ms: performance.now() - begin,
    });
  }

  #told(report: UpgradeReport): UpgradeReport {
    if (report.modules.length + report.restarted.length > 0) this.#listener.onUpgrade(report);
    return report;
  }

  #remember(undo: Undo): void {
    this.#undos.push(undo);
    if (this.#undos.length > UNDOS_MAX) this.#undos.shift();
  }

  /** All that can be told without loading anything. @throws UpgradeRefusedError, LoadError */
  async #plan(folder: string, { removed }: FolderChange): Promise<Plan> {
    const file = await readUpgradeFile(folder);
    const set = await readSet(folder);
    const steps = file?.steps ?? [];
    const ground = {
      builds: new Map(set.map((module) => [module.name, module])),
      current: this.#server.current,
      applications: steps.some(({ kind }) => kind === 'restart')
        ? (await this.#applications.running()).map(({ name }) => name)
        : [],
    };
    const where = file?.path ?? folder;
    const problems = stepProblems(steps, ground);
    if (problems.length > 0) throw new UpgradeRefusedError(problems, where);
    const ofModules = steps.filter((step): step is ModuleStep => 'from' in step);
    const byStep = ofModules.filter(({ kind }) => kind === 'remove').map(({ module }) => module);
    const gone = removed.filter((name) => this.#server.current.has(name));
    const updates = ofModules.filter(({ kind }) => kind === 'update');
    const first = steps.findIndex(({ kind }) => kind !== 'check');
    const border = first < 0 ? steps.length : first;
    return {
      folder,
      file,
      set,
      remove: [...new Set([...byStep, ...gone])],
      update: new Map(updates.map(({ module, extra }) => [module, extra])),
      order: translationOrder(ofModules, where),
      checksBefore: steps.slice(0, border).filter((step) => step.kind === 'check'),
      afterwards: steps
        .slice(border)
        .filter((step) => step.kind === 'check' || step.kind === 'restart'),
    };
  }

  /** Everything is prepared and nothing has changed: are the versions those that the file names? */
  async #checkVersions({ file, folder }: Plan, load: number): Promise<void> {
    const steps = (file?.steps ?? []).filter((step): step is ModuleStep => 'from' in step);
    const names = steps.map(({ module }) => module);
    const [before, next] = [await this.#server.facts(names), await this.#server.facts(names, load)];
    const problems: string[] = [];
    for (const [at, { module, from, to }] of steps.entries()) {
      const [was, comes] = [before[at], next[at]];
      const hash = this.#server.current.get(module)?.version;
      if (from !== undefined && !from.some((one) => isVersion(one, was, hash))) {
        problems.push(
          `module "${module}" is of version ${json(was?.version)}, not ${from.map(json).join(' or ')}`,
        );
      }
      // What is current already is not prepared.
      const then = comes?.version === undefined ? was : comes;
      if (to !== undefined && !isVersion(to, then, undefined)) {
        problems.push(
          `the build of module "${module}" is of version ${json(then?.version)}, not ${json(to)}`,
        );
      }
    }
    if (problems.length > 0) throw new UpgradeRefusedError(problems, file?.path ?? folder);
  }

  // ---- what comes after the code ------------------------------------------------------------------

  async #afterwards(plan: Plan, undo: Undo, say: Say): Promise<void> {
    const restarted: string[] = [];
    try {
      for (const step of plan.afterwards) {
        if (step.kind === 'check') await this.#check(step, undo.limits, say);
        else {
          restarted.push(step.application);
          say('restart', step.application);
          await this.#applications.restart(step.application);
        }
      }
    } catch (error) {
      await this.#undoNow({ ...undo, restarted }, error, say);
    }
  }

  async #check(
    { module, fn }: CheckStep,
    { checkMs = CHECK_MS }: UpgradeFile['limits'],
    say: Say,
    load?: number,
  ): Promise<void> {
    say('check', `${module}:${fn}`);
    const failure = await this.#server.check({ module, fn, limitMs: checkMs }, load);
    if (failure === null) return;
    const message = `check ${module}:${fn} did not pass: ${inShort(failure.reason)}`;
    if (load !== undefined) throw new UpgradeRefusedError([message], UPGRADE_FILE);
    throw new Error(message, { cause: failure.reason });
  }

  /** @throws UpgradeFailedError, always */
  async #undoNow(undo: Undo, cause: unknown, say: Say): Promise<never> {
    const why = cause instanceof Error ? cause.message : String(cause);
    say('undo', why);
    try {
      for (const name of undo.restarted) await this.#applications.stop(name);
      await this.#goBack(undo, await this.#directions(undo, true), 'undo', say);
      for (const name of undo.restarted) await this.#applications.restart(name);
    } catch (error) {
      const then = error instanceof Error ? error.message : String(error);
      throw new UpgradeFailedError(`${why}; and it could not be undone: ${then}`, false, cause);
    }
    throw new UpgradeFailedError(`${why}; all is as it was before`, true, cause);
  }

  // ---- back ---------------------------------------------------------------------------------------

  async #rollback(options: UpgradeOptions): Promise<UpgradeReport> {
    const begin = performance.now();
    const say = speaker(options, begin);
    const undo = this.#undos.at(-1);
    if (undo === undefined) {
      throw new UpgradeRefusedError(
        ['nothing was upgraded since this machine was started'],
        'rollback',
      );
    }
    const was = new Map(this.#server.current);
    const directions = await this.#directions(undo, false);
    const { restarted } = undo;
    let translated = 0;
    try {
      // Their processes may use modules that go.
      for (const name of restarted) await this.#applications.stop(name);
      translated = await this.#goBack(undo, directions, 'rollback', say);
      this.#undos.pop();
    } finally {
      for (const name of restarted) {
        say('restart', name);
        await this.#applications.restart(name);
      }
    }
    const touched = [...undo.made.keys(), ...undo.before.map(({ name }) => name)];
    return this.#told({
      folder: undefined,
      modules: modulesOf(was, this.#server.current, [...new Set(touched)]),
      translated,
      restarted: undo.restarted,
      ms: performance.now() - begin,
    });
  }

  /** @returns how many states were translated */
  async #goBack(
    undo: Undo,
    directions: ReadonlyMap<string, ChangeWishStep['direction']>,
    by: 'undo' | 'rollback',
    say: Say,
  ): Promise<number> {
    const { before, added, update, order, limits } = undo;
    say('prepare', `${before.length} modules as they were before ${undo.folder}`);
    const reports = await this.#server.load(before, {
      upgrade: {
        update,
        order,
        remove: added,
        directions,
        limits: standstillLimits(limits),
        onRest: () => say('rest', 'the processes that use what changes stand still'),
      },
    });
    await this.#server.forgetStates(undo.load);
    const changed = reports.filter((one) => one.changed);
    this.#listener.onLoad(changed, added, by);
    return changed[0]?.translated ?? 0;
  }

  /**
   * How the states of each module get back.
   *
   * @param kept the states of before are there still
   * @throws UpgradeRefusedError: there is no way
   */
  async #directions(
    { before, made, folder }: Undo,
    kept: boolean,
  ): Promise<ReadonlyMap<string, ChangeWishStep['direction']>> {
    const { current } = this.#server;
    const directions = new Map<string, ChangeWishStep['direction']>();
    const problems: string[] = [];
    const facts = await this.#server.facts(before.map(({ name }) => name));
    for (const { module, goesDown } of facts) {
      const now = current.get(module);
      if (now === undefined) continue;
      if (made.get(module) !== now.version) {
        problems.push(`module "${module}" was loaded again since, as version ${now.version}`);
      }
      const translates = now.exports.includes('codeChange');
      directions.set(module, !translates || goesDown || !kept ? 'down' : 'back');
      if (translates && !goesDown && !kept) {
        problems.push(
          `module "${module}" has no way back: its codeChange is for the way up alone; export codeChange = { up, down }`,
        );
      }
    }
    if (problems.length > 0) throw new UpgradeRefusedError(problems, `rollback of ${folder}`);
    return directions;
  }
}

type Say = (step: UpgradeProgress['step'], text: string) => void;

function speaker({ onProgress }: UpgradeOptions, begin: number): Say {
  return (step, text) => onProgress?.({ step, text, ms: performance.now() - begin });
}

function standstillLimits({ restMs, codeChangeMs }: UpgradeFile['limits']): {
  restMs?: number;
  codeChangeMs?: number;
} {
  return {
    ...(restMs === undefined ? {} : { restMs }),
    ...(codeChangeMs === undefined ? {} : { codeChangeMs }),
  };
}

/** A version as modules say it, or the beginning of the hash of their content. */
function isVersion(
  named: VersionName,
  facts: ModuleFacts | undefined,
  hash: string | undefined,
): boolean {
  return facts?.version === named || (hash !== undefined && hash === named);
}

function modulesOf(
  was: ReadonlyMap<string, CompiledModule>,
  is: ReadonlyMap<string, CompiledModule>,
  names: readonly string[],
): UpgradedModule[] {
  return names
    .filter((name) => !isLibraryName(name))
    .sort()
    .map((module) => {
      const from = was.get(module)?.version ?? null;
      const to = is.get(module)?.version ?? null;
      return {
        module,
        what: from === null ? 'added' : to === null ? 'removed' : 'updated',
        from,
        to,
      };
    });
}

function json(value: unknown): string {
  return JSON.stringify(value) ?? 'none';
}
