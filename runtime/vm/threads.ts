/**
 * Threads: the lives of the scheduler threads.
 *
 * Piscina runs the threads and replaces one that dies; this file gives each slot its next life. Main
 * thread only.
 *
 * Order of a death: the slot's LIFE cell is cleared (nobody places or waits there any more), its names
 * are freed, then every other scheduler is told: it reads what the dead one had published and breaks
 * its links and monitors. Order of a birth: all others are attached to the new life before it opens,
 * so a pid of it is never unknown.
 *
 * Invariant: births and deaths are handled one after the other.
 */

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { Piscina } from 'piscina';
import { CodeClient, type CodeEpoch } from '../../loader/scheduler-code.js';
import type { CodeOutcome, HostRequest } from '../hosting.js';
import { makePersistentTerms } from '../persistent-terms.js';
import { SharedCounters } from '../shared-counters.js';
import { SharedNames } from '../shared-names.js';
import { AWAKE, CODE_EPOCH, DOZING, LIFE, PROCESSES, SharedState, SLEEP } from '../shared-state.js';
import { abandonTables } from '../tables/owned-tables.js';
import { SharedShapes } from '../tables/shared-shapes.js';
import { TableMemory } from '../tables/table-memory.js';
import { Tables } from '../tables/tables.js';
import { ControlClient } from './control.js';
import type { ChannelEnd, HostControl, SchedulerBoot } from './protocol.js';
import { threadFile } from './thread-file.js';
import { Watchdog } from './watchdog.js';

/** The lock of shared tables shows this while the main thread is inside. */
const MAIN_LIFE = 2 ** 30;
/** As many names as tables, and room for the hash table. */
const TABLE_NAMES_MAX = 12_288;
const NAMES_MAX = 65_536;
const COUNTER_NAMES_MAX = 8192;
const RING_BYTES_FEW: number = 1024 * 1024;
const RING_BYTES_MANY: number = 256 * 1024;
const FEW_SCHEDULERS = 8;
/**
 * Space for short-lived messages between two minor collections; small ones promote garbage. V8 makes two
 * halves of 16 MB of it. Not more: that is the allowance with which Node stops a thread that reaches
 * its heap limit, and one collection that promotes more than that aborts the whole program.
 */
const YOUNG_GENERATION_MB = 48;

export interface SchedulerThread {
  readonly slot: number;
  readonly life: number;
  readonly control: ControlClient;
  /** What the code server asks of it. */
  readonly code: CodeClient;
}

interface Running extends SchedulerThread {
  /** It has the modules and takes processes. */
  open: boolean;
  /** By which the thread calls the main thread. */
  readonly host: MessagePort;
}

export interface ThreadsOptions {
  readonly node: string;
  readonly slots: number;
  readonly heapMb: number | undefined;
  readonly guardMs: number;
  readonly redact: readonly string[];
  /** Something held a scheduler and could not be ended. */
  readonly onStuck: (text: string) => void;
  /** What the threads may call. */
  readonly host: HostControl;
  /** Bring a new life up to the current code before it opens. */
  readonly equip: (thread: SchedulerThread) => Promise<void>;
  /** What a process asks of the code server, or of the log. */
  readonly onRequest: (request: HostRequest) => Promise<CodeOutcome>;
  /** Its locks are to be broken now: others may wait for them. */
  readonly onDead: (life: number) => void;
  readonly onDown: (slot: number, life: number, cause: string) => void;
  readonly onUp: (slot: number, life: number) => void;
}

export class Threads {
  readonly state: SharedState = new SharedState();
  readonly names: SharedNames = new SharedNames(MAIN_LIFE, { capacity: NAMES_MAX });
  readonly #counterNames = new SharedNames(MAIN_LIFE, { capacity: COUNTER_NAMES_MAX });
  readonly #counters = new SharedCounters(this.#counterNames);
  readonly #tableNames = new SharedNames(MAIN_LIFE, { capacity: TABLE_NAMES_MAX });
  readonly #tableShapes = new SharedShapes(MAIN_LIFE);
  readonly tables: Tables;
  readonly #options: ThreadsOptions;
  readonly #pool: Piscina;
  readonly #watchdog: Watchdog;
  readonly #running = new Map<number, Running>();
  #lives = 0;
  #stopping = false;
  #changes: Promise<unknown> = Promise.resolve();
  readonly #waiters: (() => void)[] = [];

  constructor(options: ThreadsOptions) {
    this.#options = options;
    this.tables = new Tables({
      node: options.node,
      life: MAIN_LIFE,
      memory: new TableMemory(),
      shapes: this.#tableShapes,
      names: this.#tableNames,
    });
    makePersistentTerms(this.tables);
    this.#watchdog = new Watchdog(this.state, options.guardMs, options.onStuck);
    this.#pool = new Piscina({
      filename: threadFile('scheduler'),
      name: 'run',
      minThreads: options.slots,
      maxThreads: options.slots,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      resourceLimits: {
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
        ...(options.heapMb === undefined ? {} : { maxOldGenerationSizeMb: options.heapMb }),
      },
    });
    // A thread that dies between tasks is replaced; its slot's own promise tells us what matters.
    this.#pool.on('error', () => {});
  }

  /** Tells all schedulers that the code server has posted something; who dozes is woken. */
  readonly codeEpoch: CodeEpoch = this.#makeCodeEpoch();

  #makeCodeEpoch(): CodeEpoch {
    const { state } = this;
    const { cells } = state;
    const epoch = state.at(0, CODE_EPOCH);
    return {
      get next() {
        return Atomics.load(cells, epoch) + 1;
      },
      publish: () => {
        Atomics.add(cells, epoch, 1);
        for (let slot = 1; slot <= this.#options.slots; slot++) {
          const cell = state.at(slot, SLEEP);
          // One that sleeps in its event loop is woken by the message itself.
          if (Atomics.compareExchange(cells, cell, DOZING, AWAKE) === DOZING)
            Atomics.notify(cells, cell);
        }
      },
    };
  }

  /** The schedulers that run now, by slot. */
  get running(): readonly SchedulerThread[] {
    return [...this.#running.values()].sort((a, b) => a.slot - b.slot);
  }

  /** The schedulers that take processes, by slot: not those that are just being replaced. */
  get opened(): readonly SchedulerThread[] {
    return this.running.filter((thread) => (thread as Running).open);
  }

  /** Resolves when a thread has opened since, or the machine stops. @throws when it has stopped */
  async nextOpened(): Promise<void> {
    if (this.#stopping) throw new Error('the machine is not running');
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #wakeWaiters(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  byLife(life: number): SchedulerThread | undefined {
    return this.running.find((thread) => thread.life === life);
  }

  async start(): Promise<void> {
    for (let slot = 1; slot <= this.#options.slots; slot++) this.#prepare(slot);
    for (const thread of this.#running.values()) await this.#join(thread);
    for (const thread of this.running) await this.#equip(thread as Running);
  }

  /** End all threads. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#watchdog.stop();
    this.#wakeWaiters();
    await this.#changes;
    await Promise.allSettled(this.running.map((thread) => thread.control.ask('stop')));
    await this.#pool.destroy();
    for (const thread of this.#running.values())
      closeAll(thread, new Error('the machine has stopped'));
    this.#running.clear();
  }

  /** Start a thread for a slot; it has no peers yet. */
  #prepare(slot: number): Running {
    this.#lives += 1;
    const life = this.#lives;
    const control = new MessageChannel();
    const host = new MessageChannel();
    const code = new MessageChannel();
    const boot: SchedulerBoot = {
      node: this.#options.node,
      slot,
      slots: this.#options.slots,
      life,
      guardMs: this.#options.guardMs,
      redact: this.#options.redact,
      state: this.state.buffer,
      names: this.names.buffer,
      counterNames: this.#counterNames.buffer,
      counters: this.#counters.buffer,
      tables: {
        ...this.tables.memory.buffers,
        shapes: this.#tableShapes.buffer,
        names: this.#tableNames.buffer,
      },
      control: control.port2,
      host: host.port2,
      code: code.port2,
    };
    Comlink.expose(this.#options.host, nodeEndpoint(host.port1));
    const thread: Running = {
      slot,
      life,
      control: new ControlClient(control.port1),
      code: new CodeClient(code.port1, this.codeEpoch, this.#options.onRequest, () =>
        this.state.get(slot, PROCESSES),
      ),
      open: false,
      host: host.port1,
    };
    this.#running.set(slot, thread);
    this.#pool.run(boot, { transferList: [control.port2, host.port2, code.port2] }).then(
      () => this.#ended(thread, 'the thread ended by itself'),
      (error: unknown) => this.#ended(thread, causeOf(error)),
    );
    return thread;
  }

  /** Give a new thread a channel to every other one. */
  async #join(thread: Running): Promise<void> {
    for (const other of this.#running.values()) {
      if (other.life >= thread.life) continue;
      const [here, there] = this.#channel(thread, other);
      const lane = new MessageChannel();
      try {
        await other.control.ask('attach', there, lane.port2);
      } catch {
        continue; // It is dead too, and its end is queued behind this.
      }
      await thread.control.ask('attach', here, lane.port1);
    }
  }

  #channel(a: Running, b: Running): [ChannelEnd, ChannelEnd] {
    const bytes = this.#options.slots <= FEW_SCHEDULERS ? RING_BYTES_FEW : RING_BYTES_MANY;
    const toB = new SharedArrayBuffer(bytes);
    const toA = new SharedArrayBuffer(bytes);
    return [
      { life: b.life, slot: b.slot, outbound: toB, inbound: toA },
      { life: a.life, slot: a.slot, outbound: toA, inbound: toB },
    ];
  }

  async #equip(thread: Running): Promise<void> {
    await this.#options.equip(thread);
    await this.#watchdog.watch(thread.slot, `<${this.#options.node}.${thread.life}.`);
    await thread.control.ask('open');
    thread.open = true;
    this.#wakeWaiters();
  }

  #ended(thread: Running, cause: string): void {
    if (this.#stopping) return;
    closeAll(thread, new Error(`scheduler ${thread.slot} died: ${cause}`, { cause }));
    this.#serially(async () => {
      this.#bury(thread);
      await Promise.allSettled(
        this.running.map((other) => other.control.ask('schedulerDown', thread.life, cause)),
      );
      this.#options.onDown(thread.slot, thread.life, cause);
      await this.#replace(thread.slot);
    });
  }

  #bury(thread: Running): void {
    const { slot, life } = thread;
    this.#running.delete(slot);
    this.#watchdog.forget(slot);
    if (this.state.get(slot, LIFE) === life) this.state.clear(slot);
    this.names.breakLock(life);
    this.#counterNames.breakLock(life);
    this.#options.onDead(life);
    this.tables.bury(slot, life);
    const lives = new Set(this.running.map((other) => other.life));
    abandonTables(this.tables, this.#options.node, life, lives);
    const prefix = `<${this.#options.node}.${life}.`;
    this.names.removeWhere((pid) => pid.startsWith(prefix));
  }

  async #replace(slot: number): Promise<void> {
    if (this.#stopping) return;
    const thread = this.#prepare(slot);
    try {
      await this.#join(thread);
      await this.#equip(thread);
      this.#options.onUp(slot, thread.life);
    } catch {
      // It died on the way up: its own end is queued behind this and tries again.
    }
  }

  #serially(action: () => Promise<void>): void {
    this.#changes = this.#changes.then(action, action);
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'the thread ran out of heap memory';
  return String(error.stack ?? error.message);
}

/** Whoever still waits for an answer of the thread gets this error. */
function closeAll({ control, code, host }: Running, error: Error): void {
  control.close(error);
  code.close(error);
  host.close();
}
