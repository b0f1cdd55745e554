/**
 * Protocol between the main thread and the scheduler threads: the control plane.
 *
 * Each thread has two ports: by one the main thread asks for what `SchedulerControl` lists (`control.ts`), by
 * the other a scheduler for what `HostControl` lists (Comlink). Signals never go this way.
 */

import type { MessagePort } from 'node:worker_threads';
import type { Packed } from '../carried-functions.js';
import type { StorageBoot } from '../db/embedded-engine.js';
import type { CountedCrashes, CrashReport, FunctionName, HandledLine } from '../hosting.js';
import type { SpawnOptions } from '../spawn.js';
import type { TableBuffers } from '../tables/table-memory.js';
import type { Pid } from '../terms.js';
import type { TraceEvent } from '../trace-event.js';
import type { Outcome } from './outcome.js';

/** What threads share of tables. */
export interface SharedTables extends TableBuffers {
  readonly shapes: SharedArrayBuffer;
  readonly names: SharedArrayBuffer;
}

/** What a scheduler thread is started with. */
export interface SchedulerBoot {
  readonly node: string;
  readonly slot: number;
  readonly slots: number;
  readonly life: number;
  /** How long code may run without a check; 0: for ever. */
  readonly guardMs: number;
  /** Names of keys whose values do not leave the thread in a crash report. */
  readonly redact: readonly string[];
  readonly state: SharedArrayBuffer;
  readonly names: SharedArrayBuffer;
  readonly counterNames: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly tables: SharedTables;
  readonly control: MessagePort;
  readonly host: MessagePort;
  /** The commands of the code server; see code-inbox.ts. */
  readonly code: MessagePort;
}

/** One end of the channel between two schedulers. */
export interface ChannelEnd {
  readonly life: number;
  readonly slot: number;
  readonly outbound: SharedArrayBuffer;
  readonly inbound: SharedArrayBuffer;
}

/** What a process is started with: an export by its name, or a function that a process gave to the host. */
export type Entry = FunctionName | Packed;

export interface SchedulerFigures {
  readonly processes: number;
  readonly timers: number;
  readonly monitors: number;
  readonly aliases: number;
  readonly requests: number;
  readonly heapBytes: number;
}

/** What the main thread may ask of a scheduler; the answer may come later. */
export interface SchedulerControl {
  attach(end: ChannelEnd, lane: MessagePort): void;
  /** From now on processes may be placed here. */
  open(): void;
  schedulerDown(life: number, cause: string): void;
  spawn(entry: Entry, args: Packed, options: SpawnOptions): Outcome;
  /** As `spawn`; `exited` is to be asked for the pid that it gives. */
  spawnMonitor(entry: Entry, args: Packed, options: SpawnOptions): Outcome;
  /** The exit reason of a process that `spawnMonitor` started, when it has ended. */
  exited(pid: Pid): Packed;
  /** Run a function in a process of its own, and wait for it. */
  run(entry: Entry, args: Packed, options: SpawnOptions): Outcome;
  send(to: string, message: Packed): Outcome;
  call(to: string, request: Packed, timeoutMs: number | undefined): Outcome;
  /** Start a process that passes every message to `port` (a `Packed`), one at a time. */
  mailbox(port: MessagePort): Pid;
  /** End a process with this reason and wait until it is gone. */
  shutdown(pid: Pid, reason: unknown): void;
  figures(): SchedulerFigures;
  /** End every process. */
  killAll(reason: unknown): void;
  stop(): void;
}

export interface HostControl {
  /** @param dropped how many lines were not sent, by handler */
  logged(
    slot: number,
    life: number,
    lines: readonly HandledLine[],
    dropped: Readonly<Record<string, number>>,
  ): void;
  /** @param logged of each report, whether it is for the log, too */
  crashed(
    reports: readonly CrashReport[],
    logged: readonly boolean[],
    omitted: readonly CountedCrashes[],
  ): void;
  /** A report that came before is for the log, too. */
  crashLogged(report: CrashReport): void;
  /** @param dropped how many it is not shown, by trace */
  traced(
    events: readonly (readonly [trace: number, event: TraceEvent])[],
    dropped: readonly (readonly [trace: number, count: number])[],
  ): void;
  announced(url: string): void;
  /** @param work a function and its arguments, as a list of two */
  dirty(work: Packed): Promise<Outcome>;
  /** What a scheduler needs to reach the tables. */
  storage(life: number): Promise<StorageBoot>;
}

/** A new configuration of the log: what the main thread tells schedulers besides code. */
export const LOG_CONFIG = 'log_config';
/** A trace begins, and ends. */
export const TRACE_START = 'trace_start';
export const TRACE_STOP = 'trace_stop';
