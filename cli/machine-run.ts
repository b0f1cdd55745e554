/**
 * Machine run: one life of an application's machine, from its start to its exit status.
 *
 * How it ends, and the status:
 *   stopped by a signal or by `tsvm stop`                  0
 *   the entry process ended with another reason than normal  1
 *   the application did not start, or one of them ended by itself  1
 *   no process is left after the entry process returned      0, or 1 if one of them had crashed
 *   a second signal                                          128 + its number, at once
 * An entry function that starts things and returns is normal: the machine goes on without it.
 *
 * Invariant: whatever of data folder, socket, machine and signal handlers was there at the end of
 * `run` or when it failed is given back.
 */

import { isLibraryName } from '../loader/library-names.js';
import { scanProject } from '../loader/project.js';
import { isOrderly } from '../modules/reasons.js';
import { homeOf } from '../runtime/address.js';
import { isCrash } from '../runtime/crash-reason.js';
import type { Pid } from '../runtime/terms.js';
import { ControlError, ControlServer } from '../runtime/vm/control-socket.js';
import { DataFolder } from '../runtime/vm/data-folder.js';
import { startVm, type Vm } from '../runtime/vm/machine.js';
import { type Application, compileCacheOf, runsText } from './application.js';
import { ApplicationRun } from './application-run.js';
import { type ReadConfig, readConfig, type Setting } from './configuration.js';
import { serveDb } from './db-requests.js';
import { checkEntry, wrongEntry } from './entry-check.js';
import { crashWithin, expose } from './exit-text.js';
import { Failure } from './failure.js';
import type { Heartbeat } from './heartbeat.js';
import { loadFiles } from './load-request.js';
import { changeLevel } from './log-level.js';
import { narrate } from './narrate.js';
import type { Narrator } from './narrator.js';
import { ProgressLine } from './progress-line.js';
import type { MachineStatus } from './status.js';
import { onStopSignals } from './stop-signals.js';
import { shownPath } from './terminal.js';
import { traceRequests } from './trace-requests.js';
import { rollBack, upgradeTo } from './upgrade-request.js';
import { tsvmVersion } from './version.js';

export interface RunOptions {
  readonly schedulers?: number | undefined;
  readonly guardMs?: number | undefined;
  readonly watch: boolean;
  readonly poll: boolean;
  /** A configuration file in place of the application's own. */
  readonly config?: string | undefined;
  readonly settings?: readonly Setting[] | undefined;
  readonly shutdownMs?: number | undefined;
  /** To the process above, which starts this one again. */
  readonly heartbeat?: Heartbeat | null;
}

/** How long the first process has to shut down in order: an entry, and applications one after the other. */
const SHUTDOWN_MS = { entry: 5000, application: 20_000 } as const;
/** So long a start may take before people are told that it has not come to its end. */
const SLOW_START_MS = 10_000;
const EMPTY_CHECK_MS = 500;
const STACKS_KEPT = 100;

export class MachineRun {
  readonly #app: Application;
  readonly #options: RunOptions;
  readonly #narrator: Narrator;
  readonly #since = new Date();
  readonly #addresses: string[] = [];
  readonly #end: (status: number) => void;
  readonly #ended: Promise<number>;
  #vm: Vm | null = null;
  /** `null` where the machine begins with a function. */
  #applications: ApplicationRun | null = null;
  #entry: Pid | null = null;
  #entryState: 'not started' | 'running' | 'returned' | 'ended' = 'not started';
  #crashes = 0;
  /** Stacks of the last crashes: what was reported already. */
  readonly #stacks: string[] = [];
  #stopBy: string | null = null;
  #stopping: Promise<void> | null = null;
  #emptyTimer: NodeJS.Timeout | undefined;
  #slowTimer: NodeJS.Timeout | undefined;

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
    const forgetSignals = onStopSignals((signal) => this.#stopAsked(signal));
    this.#options.heartbeat?.onGone(() => this.#stopAsked('the heart is gone'));
    let data: DataFolder | null = null;
    let control: ControlServer | null = null;
    const release = (): void => data?.release();
    process.once('exit', release);
    try {
      data = await DataFolder.open(this.#app.data);
      control = await ControlServer.listen(data.socket, {
        status: () => this.#status(),
        stop: () => this.#stopAsked('tsvm stop'),
        ...traceRequests(() => this.#running()),
        log_level: (request) => changeLevel(this.#running().log, request),
        db: (request) => serveDb(this.#running(), request),
        load: ({ files }) => loadFiles(this.#running(), this.#app.modules, files),
        upgrade: ({ folder }, report) => upgradeTo(this.#running(), folder, report),
        rollback: (_request, report) => rollBack(this.#running(), report),
      });
      await data.claim(tsvmVersion());
      await this.#start(data);
      return await this.#ended;
    } finally {
      clearTimeout(this.#emptyTimer);
      clearTimeout(this.#slowTimer);
      await this.#vm?.stop();
      control?.close();
      release();
      process.off('exit', release);
      forgetSignals();
    }
  }

  async #start(data: DataFolder): Promise<void> {
    const { modules, env, folder, runs, log, redact } = this.#app;
    const { schedulers, guardMs, watch, poll } = this.#options;
    await checkModules(modules);
    const config = this.#readConfiguration();
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
    this.#options.heartbeat?.watch(vm);
    if (runs.kind === 'entry') checkEntry(vm, this.#app.file, runs);
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
    const { pid, exited } = await this.#spawnFirst(vm, config);
    this.#entry = pid;
    this.#entryState = 'running';
    if (runs.kind === 'entry') {
      narrator.say({ event: 'entry', entry: runsText(runs), process: pid });
      this.#options.heartbeat?.up();
    } else this.#slowTimer = setTimeout(() => void this.#sayIfSlow(), SLOW_START_MS);
    if (this.#stopBy !== null) void this.#stop(this.#stopBy);
    exited.then((reason) => this.#entryEnded(pid, reason));
  }

  async #spawnFirst(vm: Vm, config: ReadConfig): Promise<{ pid: Pid; exited: Promise<unknown> }> {
    const { runs, file } = this.#app;
    if (runs.kind === 'application') {
      const { settings = [] } = this.#options;
      const onReady = (): void => this.#options.heartbeat?.up();
      const options = { name: runs.name, file, config, settings, onReady };
      this.#applications = new ApplicationRun(vm, this.#narrator, options);
      return await this.#applications.start();
    }
    const { module, fn } = runs;
    try {
      return await vm.spawnMonitor(module, fn);
    } catch (error) {
      if ((error as { reason?: unknown }).reason !== 'undef') throw error;
      throw wrongEntry(file, `${fn} of module ${module} is not a function`);
    }
  }

  /** Read before anything is started; an entry function asks for what it wants by itself: nobody would read it. */
  #readConfiguration(): ReadConfig {
    const { config: file = this.#app.config, settings = [] } = this.#options;
    if (this.#app.runs.kind === 'application')
      return { file, values: file === undefined ? {} : readConfig(file) };
    if (file === undefined && settings.length === 0) return { file, values: {} };
    throw new Failure(
      'a configuration is for applications, and this machine begins with a function',
      {
        hint: `say "application" in place of "entry" in ${shownPath(this.#app.file)}`,
      },
    );
  }

  async #sayIfSlow(): Promise<void> {
    const applications = this.#applications as ApplicationRun;
    const isOver = (): boolean => applications.isReady || this.#stopping !== null;
    if (isOver()) return;
    const waitsFor = await applications.hanging();
    if (isOver()) return;
    const { starting } = applications;
    this.#narrator.say({
      event: 'slow_start',
      applications: starting,
      waitsFor,
      ms: SLOW_START_MS,
    });
  }

  #entryEnded(pid: Pid, reason: unknown): void {
    const isApplication = this.#applications !== null;
    this.#entryState = reason === 'normal' && !isApplication ? 'returned' : 'ended';
    if (this.#stopping !== null) return;
    if (this.#entryState === 'returned') {
      this.#endWhenEmpty(0);
      return;
    }
    const vm = this.#running();
    if (isApplication && isOrderly(reason)) {
      this.#narrator.say({ event: 'stopping', by: 'the applications were stopped' });
      this.#stopping = this.#stopVm().then(() => this.#end(0));
      return;
    }
    this.#stopping = this.#stopVm().then(() => {
      // Now all that the schedulers had to tell has come.
      const crash = crashWithin(reason);
      const reported = isCrash(crash) && this.#stacks.includes(crash.stack);
      const exposed = expose(reason, (file) => vm.sourceOf(file));
      const entry = runsText(this.#app.runs);
      const event = isApplication ? 'application_end' : 'entry_end';
      this.#narrator.say({ event, entry, process: pid, reported, reason, ...exposed });
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

  /** Stop in order; one that is just starting stops when it has started. */
  #stopAsked(by: string): { pid: number; withinMs: number } {
    if (this.#stopBy === null && this.#stopping === null) {
      this.#stopBy = by;
      this.#narrator.say({ event: 'stopping', by });
      if (this.#entry !== null) void this.#stop(by);
    }
    return { pid: process.pid, withinMs: this.#shutdownMs };
  }

  get #shutdownMs(): number {
    const { runs, shutdownMs } = this.#app;
    return this.#options.shutdownMs ?? shutdownMs ?? SHUTDOWN_MS[runs.kind];
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
      const ms = this.#shutdownMs;
      const inTime = await vm.shutdown(entry, 'shutdown', ms);
      const applications = this.#applications?.running.map(({ name }) => name) ?? [];
      if (!inTime) this.#narrator.say({ event: 'late', process: entry, ms, applications });
    }
    await this.#stopVm();
    this.#end(0);
  }

  /** When all that there was to tell of applications was told. */
  async #stopVm(): Promise<void> {
    this.#options.heartbeat?.watch(null);
    await this.#applications?.over();
    await this.#running().stop();
  }

  // ---- what is asked of it ------------------------------------------------------------------------

  async #status(): Promise<MachineStatus> {
    const vm = this.#running();
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
        entry: runsText(this.#app.runs),
        process: this.#entry,
        running: this.#entryState === 'running',
      },
      applications: this.#applications?.running ?? [],
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
