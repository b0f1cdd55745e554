/**
 * Machine run: one life of an application's machine, from its start to its exit status.
 *
 * How it ends, and the status:
 *   stopped by a signal or by `tsvm stop`                  0
 *   the entry process ended with another reason than normal  1
 *   no process is left after the entry process returned      0, or 1 if one of them had crashed
 *   a second signal                                          128 + its number, at once
 * An entry function that starts things and returns is normal: the machine goes on without it.
 *
 * Invariant: whatever of data folder, socket, machine and signal handlers was there at the end of
 * `run` or when it failed is given back.
 */

import { constants } from 'node:os';
import { isLibraryName } from '../loader/library-names.js';
import { scanProject } from '../loader/project.js';
import { homeOf } from '../runtime/address.js';
import { isCrash } from '../runtime/crash-reason.js';
import type { Pid } from '../runtime/terms.js';
import { ControlError, ControlServer } from '../runtime/vm/control-socket.js';
import { DataFolder } from '../runtime/vm/data-folder.js';
import { startVm, type Vm } from '../runtime/vm/machine.js';
import { type Application, compileCacheOf } from './application.js';
import { closest } from './closest.js';
import { expose } from './exit-text.js';
import { Failure } from './failure.js';
import { loadFiles } from './load-request.js';
import { changeLevel } from './log-level.js';
import { narrate } from './narrate.js';
import type { Narrator } from './narrator.js';
import { ProgressLine } from './progress-line.js';
import type { MachineStatus } from './status.js';
import { shownPath } from './terminal.js';
import { tsvmVersion } from './version.js';

export interface RunOptions {
  readonly schedulers?: number | undefined;
  readonly guardMs?: number | undefined;
  readonly watch: boolean;
  readonly poll: boolean;
}

/** How long the entry process has to shut down in order. */
const SHUTDOWN_MS = 5000;
/** A key press can reach a process twice, from the terminal and from npm; so soon it is one. */
const SAME_SIGNAL_MS = 100;
const EMPTY_CHECK_MS = 500;
const NAMES_SHOWN = 12;
const STACKS_KEPT = 100;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export class MachineRun {
  readonly #app: Application;
  readonly #options: RunOptions;
  readonly #narrator: Narrator;
  readonly #since = new Date();
  readonly #addresses: string[] = [];
  readonly #end: (status: number) => void;
  readonly #ended: Promise<number>;
  #vm: Vm | null = null;
  #entry: Pid | null = null;
  #entryState: 'not started' | 'running' | 'returned' | 'ended' = 'not started';
  #crashes = 0;
  /** Stacks of the last crashes: what was reported already. */
  readonly #stacks: string[] = [];
  #stopBy: string | null = null;
  #stopping: Promise<void> | null = null;
  #emptyTimer: NodeJS.Timeout | undefined;

  constructor(app: Application, options: RunOptions, narrator: Narrator) {
    this.#app = app;
    this.#options = options;
    this.#narrator = narrator;
    let end: (status: number) => void = () => {};
    this.#ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#end = end;
  }

  /**
   * @returns the exit status
   * @throws what kept the machine from starting; see `Failure.from`
   */
  async run(): Promise<number> {
    const forgetSignals = this.#onSignals();
    let data: DataFolder | null = null;
    let control: ControlServer | null = null;
    const release = (): void => data?.release();
    process.once('exit', release);
    try {
      data = await DataFolder.open(this.#app.data);
      control = await ControlServer.listen(data.socket, {
        status: () => this.#status(),
        stop: () => this.#stopAsked('tsvm stop'),
        log_level: (request) => changeLevel(this.#running().log, request),
        load: ({ files }) => loadFiles(this.#running(), this.#app.modules, files),
      });
      await data.claim(tsvmVersion());
      await this.#start(data);
      return await this.#ended;
    } finally {
      clearTimeout(this.#emptyTimer);
      await this.#vm?.stop();
      control?.close();
      release();
      process.off('exit', release);
      forgetSignals();
    }
  }

  async #start(data: DataFolder): Promise<void> {
    const { modules, env, folder, entry, log, redact } = this.#app;
    const { schedulers, guardMs, watch, poll } = this.#options;
    await checkModules(modules);
    // The scheduler threads begin with a copy of these.
    for (const [name, value] of Object.entries(env)) process.env[name] ??= value;
    const begin = performance.now();
    const progress = new ProgressLine('compiling');
    const vm = await startVm({
      modules,
      cache: compileCacheOf(data.path),
      data: data.path,
      redact,
      log,
      onProgress: progress.update,
      watch,
      poll,
      logger: false,
      ...(schedulers === undefined ? {} : { schedulers }),
      ...(guardMs === undefined ? {} : { guardMs }),
    }).finally(() => progress.end());
    const ms = performance.now() - begin;
    this.#vm = vm;
    checkEntry(vm, this.#app);
    const narrator = this.#narrator;
    narrate(vm, narrator, {
      isEntryOn: (life) =>
        this.#entry !== null &&
        this.#entryState !== 'returned' &&
        homeOf(this.#entry, vm.node) === life,
    });
    vm.on('announce', (url) => this.#addresses.push(url));
    vm.on('crash', ({ reason }) => {
      this.#crashes += 1;
      if (isCrash(reason)) this.#stacks.push(reason.stack);
      if (this.#stacks.length > STACKS_KEPT) this.#stacks.shift();
    });
    vm.on('crashesOmitted', (count) => {
      this.#crashes += count;
    });
    narrator.say({
      event: 'start',
      version: tsvmVersion(),
      nodeVersion: process.versions.node,
      node: vm.node,
      pid: process.pid,
      schedulers: vm.schedulers,
      folder,
      data: data.path,
    });
    const loaded = vm.modules
      .filter(({ name }) => !isLibraryName(name))
      .map(({ name, version }) => ({ name, version }));
    narrator.say({ event: 'modules', folder: modules, watched: watch, ms, modules: loaded });
    if (this.#stopBy !== null) return this.#stop(this.#stopBy);
    const { pid, exited } = await this.#spawnEntry(vm);
    this.#entry = pid;
    this.#entryState = 'running';
    narrator.say({ event: 'entry', entry: `${entry.module}:${entry.fn}`, process: pid });
    if (this.#stopBy !== null) void this.#stop(this.#stopBy);
    exited.then((reason) => this.#entryEnded(pid, reason));
  }

  async #spawnEntry(vm: Vm): Promise<{ pid: Pid; exited: Promise<unknown> }> {
    const { module, fn } = this.#app.entry;
    try {
      return await vm.spawnMonitor(module, fn);
    } catch (error) {
      if ((error as { reason?: unknown }).reason !== 'undef') throw error;
      throw this.#wrongEntry(`${fn} of module ${module} is not a function`);
    }
  }

  #wrongEntry(what: string): Failure {
    return new Failure(`${shownPath(this.#app.file)}: "entry": ${what}`);
  }

  #entryEnded(pid: Pid, reason: unknown): void {
    this.#entryState = reason === 'normal' ? 'returned' : 'ended';
    if (this.#stopping !== null) return;
    if (reason === 'normal') {
      this.#endWhenEmpty(0);
      return;
    }
    const vm = this.#running();
    this.#stopping = vm.stop().then(() => {
      // Now all that the schedulers had to tell has come.
      const reported = isCrash(reason) && this.#stacks.includes(reason.stack);
      const { module, fn } = this.#app.entry;
      this.#narrator.say({
        event: 'entry_end',
        entry: `${module}:${fn}`,
        process: pid,
        reported,
        reason,
        ...expose(reason, (file) => vm.sourceOf(file)),
      });
      this.#end(1);
    });
  }

  /** Nothing can ever happen in a machine without a process. Looked at twice: one may be on its way. */
  #endWhenEmpty(seenEmpty: number): void {
    this.#emptyTimer = setTimeout(
      async () => {
        const { processes } = await this.#running().stats();
        if (this.#stopping !== null) return;
        if (processes > 0 || seenEmpty === 0) {
          this.#endWhenEmpty(processes > 0 ? 0 : 1);
          return;
        }
        const crashed = this.#crashes === 0 ? '' : `, and ${this.#crashes} crashed`;
        this.#narrator.say({ event: 'stopping', by: `no process is left${crashed}` });
        this.#stopping = this.#running().stop();
        await this.#stopping;
        this.#end(this.#crashes === 0 ? 0 : 1);
      },
      seenEmpty === 0 ? EMPTY_CHECK_MS : 50,
    );
  }

  // ---- stopping -----------------------------------------------------------------------------------

  #onSignals(): () => void {
    let first = 0;
    const listeners = SIGNALS.map((signal) => {
      const listener = (): void => {
        if (first === 0) {
          first = performance.now();
          this.#stopAsked(signal);
        } else if (performance.now() - first > SAME_SIGNAL_MS) {
          process.exit(128 + constants.signals[signal]);
        }
      };
      process.on(signal, listener);
      return () => process.off(signal, listener);
    });
    return () => {
      for (const forget of listeners) forget();
    };
  }

  /** Stop in order; one that is just starting stops when it has started. */
  #stopAsked(by: string): { pid: number } {
    if (this.#stopBy === null && this.#stopping === null) {
      this.#stopBy = by;
      this.#narrator.say({ event: 'stopping', by });
      if (this.#entry !== null) void this.#stop(by);
    }
    return { pid: process.pid };
  }

  #stop(by: string): Promise<void> {
    this.#stopBy = by;
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  async #stopInOrder(): Promise<void> {
    const vm = this.#running();
    const entry = this.#entry;
    if (entry !== null && this.#entryState === 'running') {
      const inTime = await vm.shutdown(entry, 'shutdown', SHUTDOWN_MS);
      if (!inTime) this.#narrator.say({ event: 'late', process: entry, ms: SHUTDOWN_MS });
    }
    await vm.stop();
    this.#end(0);
  }

  // ---- what is asked of it ------------------------------------------------------------------------

  async #status(): Promise<MachineStatus> {
    const vm = this.#running();
    const { module, fn } = this.#app.entry;
    return {
      version: tsvmVersion(),
      nodeVersion: process.versions.node,
      node: vm.node,
      pid: process.pid,
      since: this.#since.toISOString(),
      uptimeMs: Date.now() - this.#since.getTime(),
      folder: this.#app.folder,
      modulesFolder: this.#app.modules,
      watched: this.#options.watch,
      entry: {
        entry: `${module}:${fn}`,
        process: this.#entry,
        running: this.#entryState === 'running',
      },
      addresses: this.#addresses,
      crashes: this.#crashes,
      modules: vm.modules.map(({ name, version }) => ({ name, version })),
      memoryBytes: process.memoryUsage().rss,
      ...(({ processes, names, schedulers }) => ({ processes, names, schedulers }))(
        await vm.stats(),
      ),
    };
  }

  #running(): Vm {
    if (this.#vm !== null) return this.#vm;
    throw new ControlError('not_ready', 'the machine is still starting');
  }
}

async function checkModules(modules: string): Promise<void> {
  const { files } = await scanProject(modules);
  if (files.length > 0) return;
  throw new Failure(`there is no module in ${modules}`, {
    hint: 'a module is a TypeScript file there, or a build of one (tsvm build)',
  });
}

/** @throws Failure that names what there is */
function checkEntry(vm: Vm, { file, entry }: Application): void {
  const { modules } = vm;
  const found = modules.find(({ name }) => name === entry.module);
  const wrong = (what: string, word: string, names: readonly string[]): Failure => {
    const meant = closest(word, names);
    const listed = [...names].sort().slice(0, NAMES_SHOWN).join(', ');
    const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
    return new Failure(`${shownPath(file)}: "entry": ${what}`, {
      hint:
        meant === undefined
          ? `there ${names.length === 1 ? 'is' : 'are'} ${listed || 'none'}${more}`
          : `did you mean ${meant}?`,
    });
  };
  if (found === undefined) {
    throw wrong(
      `there is no module ${entry.module}`,
      entry.module,
      modules.map(({ name }) => name),
    );
  }
  if (!found.exports.includes(entry.fn)) {
    throw wrong(`module ${entry.module} exports no ${entry.fn}`, entry.fn, found.exports);
  }
}
