/**
 * Machine: a whole tsvm, as a host program sees it. Main thread.
 *
 * Source: the shape of OTP's `erl` embedded in a program; `erl_call` for spawn, send and call.
 */

import { randomBytes } from 'node:crypto';
import { MessageChannel } from 'node:worker_threads';
import * as Comlink from 'comlink';
import * as bifs from '../../bif/index.js';
import { CodeServer, type LoadReport } from '../../loader/code-server.js';
import type { HotLoader } from '../../loader/hot-loader.js';
import type { CompiledModule } from '../../loader/module.js';
import { type CompileProjectOptions, compileProject, scanProject } from '../../loader/project.js';
import { homeOf } from '../address.js';
import { type Packed, packed, packFunctions, unpackFunctions } from '../carried-functions.js';
import type { Verified } from '../db/verify.js';
import type { FunctionName, HostRequest, LogRequest, TraceRequest } from '../hosting.js';
import { HEARD, HEARD_CRASHES, HEARD_LOGS } from '../shared-state.js';
import type { SpawnOptions } from '../spawn.js';
import type { Destination, MessageOf, Pid, SchedulerDownReason } from '../terms.js';
import type { TraceEvent } from '../trace-event.js';
import { applicationsOf } from './application-restart.js';
import { CrashStore } from './crash-store.js';
import { DirtyPool } from './dirty-pool.js';
import { VmEmitter, type VmEventName, type VmListener } from './events.js';
import { Frames } from './frames.js';
import { inTime } from './in-time.js';
import { LIBRARY } from './library.js';
import { LogControl } from './log-control.js';
import { logEvents, omittedText, onMachineEvents } from './logging.js';
import { type CheckedOptions, checkOptions, type VmOptions } from './options.js';
import { type Outcome, resultOf } from './outcome.js';
import type { Entry, HostControl } from './protocol.js';
import { collectStats, type VmStats } from './stats.js';
import { StorageHost } from './storage-host.js';
import { type SchedulerThread, Threads } from './threads.js';
import { type Trace, TraceControl, type TraceOptions } from './trace-control.js';
import { TraceDesk } from './trace-desk.js';
import { type UpgradeOptions, type UpgradeReport, Upgrades } from './upgrades.js';
import { VmCode } from './vm-code.js';

type AnyFunction = (...args: never[]) => unknown;

const SHUTDOWN_MS = 5000;

/**
 * Start a machine: scheduler threads, and the modules of a folder loaded on all of them.
 *
 * @throws VmOptionError for a wrong option; LoadError for modules that do not compile or load: nothing
 *   is left running then
 * Cost: about 150 ms, most of it the start of the threads.
 */
export async function startVm(options: VmOptions = {}): Promise<Vm> {
  const vm = new Vm(checkOptions(options));
  try {
    await boots.get(vm)?.();
  } catch (error) {
    await vm.stop();
    throw error;
  }
  return vm;
}

/** How to start a machine that was only made: for `startVm` alone. */
const boots = new WeakMap<Vm, () => Promise<void>>();

/** A module that is current. */
export interface LoadedModule {
  readonly name: string;
  readonly version: string;
  readonly exports: readonly string[];
  /** The user's source file. */
  readonly file: string;
}

interface SourceMap {
  readonly sourcesContent?: readonly string[];
}

/** A running machine. Made by `startVm`. */
export class Vm {
  /** The node's name: what every pid of this machine carries. */
  readonly node: string = freshNodeName();
  /** Number of schedulers. */
  readonly schedulers: number;
  /** Loading, purging, and which versions of modules there are. */
  readonly code: VmCode;
  /** The levels of the log, and what has become of its events. */
  readonly log: LogControl;
  readonly #options: CheckedOptions;
  readonly #events = new VmEmitter();
  readonly #traces = new TraceControl(() => this.#threads.running.map(({ code }) => code));
  readonly #traceDesk = new TraceDesk(this.#traces);
  readonly #threads: Threads;
  readonly #codeServer: CodeServer;
  readonly #upgrades: Upgrades;
  readonly #dirty: DirtyPool;
  readonly #storage: StorageHost;
  readonly #mailboxes = new Set<() => void>();
  #hotLoader: HotLoader | null = null;
  #crashes: CrashStore | null = null;
  #next = 0;
  #stopped: Promise<void> | null = null;

  constructor(options: CheckedOptions) {
    this.#options = options;
    this.schedulers = options.schedulers;
    this.log = new LogControl({
      config: options.log,
      state: () => this.#threads.state,
      slots: options.schedulers,
      schedulers: () => this.#threads.running.map(({ code }) => code),
      onConsole: (line) => this.#events.emit('log', line),
      onChange: () => this.#tellHeard(),
    });
    if (options.logger !== false) logEvents(this.#events, options.logger);
    this.#storage = new StorageHost({ data: options.data, warn: (text) => this.#warn(text) });
    this.#threads = new Threads({
      node: this.node,
      slots: options.schedulers,
      heapMb: options.schedulerHeapMb,
      guardMs: options.guardMs,
      redact: options.redact,
      onStuck: (text) => this.#warn(text),
      host: this.#host(),
      equip: async ({ code }) => {
        await this.log.attach(code);
        await this.#traces.attach(code);
        await this.#codeServer.attach(code);
      },
      onRequest: (request) => {
        if (isLogRequest(request)) return this.log.serve(request);
        return isTraceRequest(request) ? this.#traceDesk.serve(request) : this.code.serve(request);
      },
      onDead: (life) => this.#storage.detach(life),
      onDown: (slot, life, cause) => this.#events.emit('schedulerDown', { slot, life, cause }),
      onUp: (slot, life) => this.#events.emit('schedulerUp', { slot, life }),
    });
    this.#codeServer = new CodeServer({
      schedulers: () => this.#threads.running.map(({ code }) => code),
      epoch: this.#threads.codeEpoch,
      library: LIBRARY,
      limits: options.upgrade,
    });
    this.#dirty = new DirtyPool(options.dirtyThreads, this.#codeServer);
    this.code = new VmCode(this.#codeServer, options.modules, (reports) =>
      this.#events.emit('load', { reports, removed: [], by: 'files' }),
    );
    onMachineEvents(this.#events, (level, text) => this.log.say(level, text));
    this.#upgrades = new Upgrades(
      this.#codeServer,
      applicationsOf(
        (module, name, args) => this.run(module, name, args),
        (name) => this.#threads.names.get(name) !== undefined,
      ),
      {
        onLoad: (reports, removed, by) => this.#events.emit('load', { reports, removed, by }),
        onUpgrade: (report) => this.#events.emit('upgrade', report),
        onFailure: (failure) => this.#events.emit('upgradeFailed', failure),
      },
    );
    this.#events.onChange = () => this.#tellHeard();
    this.#tellHeard();
    boots.set(this, () => this.#boot());
  }

  /** What nobody listens to is not sent by the schedulers. */
  #tellHeard(): void {
    const logs = this.#events.isHeard('log') ? HEARD_LOGS : 0;
    const heard =
      this.#options.data !== undefined ||
      this.#events.isHeard('crash') ||
      this.#events.isHeard('crashLogged') ||
      this.log.wantsCrashes ||
      this.#events.isHeard('crashesOmitted');
    this.#threads.state.set(0, HEARD, logs | (heard ? HEARD_CRASHES : 0));
  }

  async #boot(): Promise<void> {
    const { modules, watch, cache, onProgress, data } = this.#options;
    if (data !== undefined) this.#crashes = await this.#openCrashes(data);
    // Threads start while the modules compile.
    const [compiled] = await Promise.all([
      modules === undefined ? [] : compileAll(modules, { cache, onProgress }),
      this.#threads.start(),
      this.log.open(),
    ]);
    await this.#codeServer.load(compiled);
    if (watch && modules !== undefined) await this.#watch(modules);
    // When who started the machine has had an opportunity to listen.
    setImmediate(() => this.#sayRepairs());
  }

  async #openCrashes(data: string): Promise<CrashStore> {
    const frames = new Frames((file) => this.sourceOf(file));
    this.#events.on('load', () => frames.forget());
    return await CrashStore.open({
      data,
      node: this.node,
      frameOf: (place) => frames.at(place),
      onProblem: (text) => this.#warn(text),
    });
  }

  #sayRepairs(): void {
    for (const { file, bytes, kept } of this.#crashes?.repairs ?? []) {
      this.#warn(
        `crash store: the last ${bytes} bytes of ${file} were no whole report, and are in ${kept} now`,
      );
    }
  }

  #warn(text: string): void {
    this.log.say('warning', text);
    if (!this.log.isShown('warning')) return;
    this.#events.emit('log', { level: 'warning', text, pid: null, time: Date.now() });
  }

  // ---- processes ----------------------------------------------------------------------------------

  /**
   * Start a process: an exported function of a module, by name, or a self-contained function of the
   * host program (its text is compiled; it sees the built-in functions of `tsvm`, and nothing of the
   * host), or a function that a process gave to the host. Without `scheduler` in the options the schedulers take turns.
   */
  spawn<M = unknown>(
    module: string,
    name: string,
    args?: readonly unknown[],
    options?: SpawnOptions,
  ): Promise<Pid<M>>;
  spawn<M, A extends readonly unknown[]>(
    fn: (...args: A) => unknown,
    args?: A,
    options?: SpawnOptions,
  ): Promise<Pid<M>>;
  async spawn(...given: unknown[]): Promise<Pid> {
    const { entry, args, options } = await this.#entry(given);
    const thread = await this.#pick(options);
    return resultOf(
      await thread.control.ask('spawn', entry, args, { ...options, scheduler: thread.slot }),
    ) as Pid;
  }

  /**
   * Start an exported function as a process; `exited` is its exit reason when it has ended, however
   * soon that is. `erlang:spawn_monitor/3`.
   */
  async spawnMonitor<M = unknown>(
    module: string,
    name: string,
    args: readonly unknown[] = [],
    options: SpawnOptions = {},
  ): Promise<{ readonly pid: Pid<M>; readonly exited: Promise<unknown> }> {
    await this.#codeServer.require(module);
    const thread = await this.#pick(options);
    const pinned = { ...options, scheduler: thread.slot };
    const entry = { module, name };
    const given = packed([...args]);
    const pid = resultOf(await thread.control.ask('spawnMonitor', entry, given, pinned)) as Pid;
    const exited = thread.control.ask('exited', pid).then(
      unpackFunctions,
      ({ cause }: Error): SchedulerDownReason => ({
        kind: 'scheduler_down',
        scheduler: thread.slot,
        cause: String(cause),
      }),
    );
    return { pid: pid as Pid<M>, exited };
  }

  /**
   * Run a function in a process of its own and give what it returns.
   *
   * @throws UserError with the exit reason, if it ends in any other way than by returning
   */
  run<R = unknown>(
    module: string,
    name: string,
    args?: readonly unknown[],
    options?: SpawnOptions,
  ): Promise<R>;
  run<A extends readonly unknown[], R>(
    fn: (...args: A) => R,
    args?: A,
    options?: SpawnOptions,
  ): Promise<Awaited<R>>;
  async run(...given: unknown[]): Promise<unknown> {
    const { entry, args, options } = await this.#entry(given);
    const thread = await this.#pick(options);
    const pinned = { ...options, scheduler: thread.slot };
    return resultOf(await thread.control.ask('run', entry, args, pinned));
  }

  /** Send a message to a pid, alias or name. */
  async send<D extends Destination>(to: D, message: MessageOf<D>): Promise<void> {
    const { control } = await this.#homeOf(to);
    resultOf(await control.ask('send', to, packed(message)));
  }

  /** Ask a process that answers with `reply`, and wait, 5 s by default. */
  async call<R = unknown>(to: Destination, request: unknown, timeoutMs?: number): Promise<R> {
    const thread = await this.#homeOf(to);
    return resultOf(await thread.control.ask('call', to, packed(request), timeoutMs)) as R;
  }

  /**
   * A process whose messages come to `handler`, in order, one at a time: the next one when the
   * promise that it may return has settled.
   */
  async mailbox<M = unknown>(handler: (message: M) => unknown): Promise<Pid<M>> {
    const thread = await this.#pick({});
    const { port1, port2 } = new MessageChannel();
    port1.on('message', async (message: Packed) => {
      try {
        await handler(unpackFunctions(message) as M);
      } finally {
        port1.postMessage(null);
      }
    });
    const close = (): void => port1.close();
    port1.once('close', () => this.#mailboxes.delete(close));
    this.#mailboxes.add(close);
    return (await thread.control.ask('mailbox', port2)) as Pid<M>;
  }

  /** End a process with a reason and wait until it is gone. @returns whether it was in time */
  async shutdown(
    pid: Pid<never>,
    reason: unknown = 'shutdown',
    timeoutMs: number = SHUTDOWN_MS,
  ): Promise<boolean> {
    const thread = this.#threads.byLife(homeOf(pid, this.node));
    if (thread === undefined) return true;
    const gone = thread.control.ask('shutdown', pid as unknown as Pid, reason);
    return inTime(
      gone.then(() => true),
      timeoutMs,
      false,
    );
  }

  // ---- code ---------------------------------------------------------------------------------------

  /** The same as `code.load`. @throws LoadError */
  async load(...files: readonly string[]): Promise<readonly LoadReport[]> {
    return this.code.load(...files);
  }

  /**
   * Put a set of builds in the place of what runs, as one unit: modules, the states of their processes,
   * applications, as the `tsvm.upgrade.json` of the folder says. See docs/upgrades.md.
   *
   * @throws UpgradeRefusedError, LoadError: nothing has changed; UpgradeFailedError: see its `undone`
   */
  upgrade(folder: string, options?: UpgradeOptions): Promise<UpgradeReport> {
    return this.#upgrades.upgrade(folder, options);
  }

  /**
   * Go back to what ran before the last `upgrade`. @throws UpgradeRefusedError: there is nothing to go back
   * to, or no way; LoadError: nothing has changed
   */
  rollback(options?: UpgradeOptions): Promise<UpgradeReport> {
    return this.#upgrades.rollback(options);
  }

  /** The loaded modules, their versions and what they export. */
  get modules(): readonly LoadedModule[] {
    const loaded = this.#codeServer.current.values();
    return Array.from(loaded, ({ name, version, exports, file }) => ({
      name,
      version,
      exports,
      file,
    }));
  }

  /** The text of a loaded module's source file, as it was compiled. */
  sourceOf(file: string): string | undefined {
    for (const module of this.#codeServer.current.values()) {
      if (module.file === file) return (JSON.parse(module.map) as SourceMap).sourcesContent?.[0];
    }
    return undefined;
  }

  // ---- the machine --------------------------------------------------------------------------------

  /** Listen to what happens in the machine. @returns a function that stops listening */
  on<E extends VmEventName>(event: E, listener: VmListener<E>): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * See what processes do: messages, calls, spawns, exits, links. The trace ends by itself, by default
   * after a minute or a thousand events.
   *
   * @param listener called for each event; one that throws ends the trace
   * @throws TraceOptionError
   */
  trace(options: TraceOptions, listener: (event: TraceEvent) => void): Promise<Trace> {
    return this.#traces.start(options, listener);
  }

  /** Figures of the machine and of each scheduler. */
  stats(): Promise<VmStats> {
    return collectStats(this.#threads, this.#codeServer);
  }

  /**
   * Copy the tables on disc, as they are at one moment, to a file, while everything goes on. The copy is
   * verified; with `raw` it is not, and also has what the tables do not need any more, page by page: for who
   * looks for damage. `mnesia:backup/1`; `tsvm db restore` brings it back.
   */
  backup(file: string, { raw = false }: { readonly raw?: boolean } = {}): Promise<Verified> {
    return this.#storage.backup(file, raw);
  }

  /** Write the store of the tables anew without what it does not need. @returns its sizes in bytes */
  compact(): Promise<{ readonly before: number; readonly after: number }> {
    return this.#storage.compact();
  }

  /** End every process, then the threads. Nothing is left behind. May be called more than once. */
  stop(reason: unknown = 'shutdown'): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  async #stop(reason: unknown): Promise<void> {
    await this.#hotLoader?.close();
    await this.#traces.close();
    await Promise.allSettled(
      this.#threads.running.map(({ control }) => control.ask('killAll', reason)),
    );
    await this.#threads.stop();
    await this.#dirty.stop();
    await this.#storage.close();
    await this.log.close();
    this.#crashes?.close();
    for (const close of this.#mailboxes) close();
  }

  // ---- inside -------------------------------------------------------------------------------------

  #host(): HostControl {
    return {
      logged: (slot, life, lines, dropped) => this.log.logged(slot, life, lines, dropped),
      crashed: (reports, logged, counted) => {
        this.#crashes?.add(reports, counted);
        for (const [at, report] of reports.entries()) {
          this.#events.emit('crash', report);
          if (logged[at] === true) this.#events.emit('crashLogged', report);
        }
        const omitted = counted.reduce((sum, { count }) => sum + count, 0);
        if (omitted > 0) {
          this.log.say('error', omittedText(omitted));
          this.#events.emit('crashesOmitted', omitted);
        }
      },
      traced: (events, dropped) => this.#traces.take(events, dropped),
      crashLogged: (report) => this.#events.emit('crashLogged', report),
      announced: (url) => this.#events.emit('announce', url),
      dirty: (work): Promise<Outcome> => this.#dirty.run(work),
      storage: async (life) => {
        const boot = await this.#storage.attach(life);
        return Comlink.transfer(boot, [boot.port]);
      },
    };
  }

  /** The arguments of `spawn` and `run` in one shape; a function of the host is loaded first. */
  async #entry(given: unknown[]): Promise<{ entry: Entry; args: Packed; options: SpawnOptions }> {
    if (typeof given[0] !== 'function') {
      const [module, name, args, options] = given as [string, string, unknown[]?, SpawnOptions?];
      await this.#codeServer.require(module);
      const entry = { module, name };
      return { entry, args: packed([...(args ?? [])]), options: options ?? {} };
    }
    const [fn, args, options] = given as [AnyFunction, unknown[]?, SpawnOptions?];
    // A function that a process gave to the host is one of a module already.
    const entry = packFunctions(fn) ?? (await this.#loaded(fn));
    return { entry, args: packed([...(args ?? [])]), options: options ?? {} };
  }

  async #loaded(fn: AnyFunction): Promise<FunctionName> {
    const { compileFunction, HOST_EXPORT } = await import('../../loader/compile-function.js');
    const compiled = await compileFunction(fn.toString(), { bifs: BIF_NAMES });
    await this.#codeServer.load([compiled]);
    return { module: compiled.name, name: HOST_EXPORT };
  }

  /** The thread for a new process. One that is being replaced is waited for: it has no modules yet. */
  async #pick({ scheduler }: SpawnOptions): Promise<SchedulerThread> {
    if (scheduler !== undefined && !(scheduler >= 1 && scheduler <= this.schedulers)) {
      throw new Error(`there is no scheduler ${scheduler}, only 1 to ${this.schedulers}`);
    }
    for (;;) {
      const { opened } = this.#threads;
      const found =
        scheduler === undefined
          ? opened[this.#next++ % Math.max(1, opened.length)]
          : opened.find(({ slot }) => slot === scheduler);
      if (found !== undefined && this.#stopped === null) return found;
      await this.#threads.nextOpened();
    }
  }

  async #homeOf(address: string): Promise<SchedulerThread> {
    const thread = this.#threads.byLife(homeOf(address, this.node));
    return thread ?? (await this.#pick({}));
  }

  /** What changes in the modules folder is loaded; what does not load is reported and changes nothing. */
  async #watch(folder: string): Promise<void> {
    const { HotLoader } = await import('../../loader/hot-loader.js');
    this.#hotLoader = await HotLoader.start({
      folder,
      server: this.#codeServer,
      poll: this.#options.poll,
      upgrade: (removed) => this.#upgrades.follow(folder, { removed }),
      onLoad: (reports) => this.#events.emit('load', { reports, removed: [], by: 'files' }),
      onRemove: (module) =>
        this.#events.emit('load', { reports: [], removed: [module], by: 'files' }),
      onError: (error) => this.#events.emit('loadError', error),
    });
  }
}

const BIF_NAMES: ReadonlySet<string> = new Set(Object.keys(bifs));

/** All modules of a folder; every file that does not compile is in the error. */
async function compileAll(
  folder: string,
  options: CompileProjectOptions,
): Promise<readonly CompiledModule[]> {
  const { modules, errors } = await compileProject(await scanProject(folder), options);
  const [first] = errors;
  if (first === undefined) return modules;
  if (errors.length === 1) throw first;
  throw new AggregateError(errors, errors.map((error) => error.format()).join('\n\n'));
}

function isLogRequest(request: HostRequest): request is LogRequest {
  return request.op.startsWith('log_');
}

function isTraceRequest(request: HostRequest): request is TraceRequest {
  return request.op.startsWith('trace_');
}

/** Time first, so that names of later starts sort behind; then chance, for two starts in one second. */
function freshNodeName(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(36);
  return `${seconds}${(randomBytes(2).readUInt16LE() % 1296).toString(36).padStart(2, '0')}`;
}
