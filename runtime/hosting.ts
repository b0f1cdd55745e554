/**
 * Hosting: what a scheduler needs of the layers above it.
 *
 * `runtime/` is the bottom layer; the loader and the start-up code implement these interfaces and
 * hand them in.
 */

import type { StorageBoot } from './db/embedded-engine.js';
import type { FunVersion } from './funs.js';
import type { LogOrigin } from './log-config.js';
import type { LogLevel } from './log-level.js';
import type { Process } from './process.js';
import type { Pid } from './terms.js';
import type { CallPattern, TraceEvent } from './trace-event.js';
import type { CallHook } from './tracing.js';

export type EntryFunction = (...args: never[]) => unknown;

/** A function as other schedulers can find it. */
export interface FunctionName {
  readonly module: string;
  readonly name: string;
}

/** A module as this scheduler has it. */
export interface ModuleInfo {
  readonly module: string;
  /** The version that calls reach; `null` when the module was deleted. */
  readonly version: string | null;
  /** The version before, as long as it has not been purged. */
  readonly oldVersion: string | null;
  /** The names of what the current version exports. */
  readonly exports: readonly string[];
  /** The source file. */
  readonly file: string;
}

/** What a process can ask of the code server. The answers are plain data. */
export type CodeRequest =
  | { readonly op: 'purge' | 'soft_purge' | 'delete'; readonly module: string }
  | { readonly op: 'load'; readonly files: readonly string[] }
  /** The texts of build files. */
  | { readonly op: 'load_builds'; readonly builds: readonly string[] };

/** `error` is the data of a load error. */
export type CodeOutcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

/** The code server's table on this scheduler. */
export interface CodeLookup {
  /** Under which name a function is exported; `undefined` for one that is not. */
  functionName(fn: EntryFunction): FunctionName | undefined;
  /** The function that name reaches now. */
  lookup(module: string, name: string): EntryFunction | undefined;
  /** The functions of a version that is current, prepared or old. */
  lookupFuns(module: string, version: string): FunVersion | undefined;
  /** The modules that have a current or an old version here. */
  modules(): readonly ModuleInfo[];
  moduleInfo(module: string): ModuleInfo | undefined;
  /** Is a frame of the process in a version of the module that is not current any more? */
  runsOld(proc: Process, module: string): boolean;
  /** Tell the hook of calls of these functions, and of no others any more. */
  traceCalls(patterns: readonly CallPattern[], hook: CallHook): void;
  /** Where in a module the code stands that runs now, if it does. Cost: some microseconds. */
  caller(): LogOrigin | undefined;
}

/** An event of the log as it is written. */
export interface LogLine {
  readonly level: LogLevel;
  readonly text: string;
  readonly pid: Pid | null;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** What the report and the metadata of the event have besides. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Where it was logged, if by a module. */
  readonly module?: string;
  readonly function?: string | undefined;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly domain?: readonly string[];
}

/** A line, and the handler that writes it. */
export interface HandledLine extends LogLine {
  readonly handler: string;
}

/** What a process can ask of who keeps the configuration of the log. */
export type LogRequest =
  /** To take the place of a version of it. The configuration is a `Packed`. */
  | { readonly op: 'log_configure'; readonly base: number; readonly config: unknown }
  /** Something has failed: a whole handler, or a filter of it, or a primary one. */
  | {
      readonly op: 'log_take_out';
      readonly handler: string | null;
      readonly filter: string | null;
    }
  | { readonly op: 'log_flush' | 'log_statistics' };

/** What a process can ask of who keeps the traces. */
export type TraceRequest =
  /** The answer is its number. The options are checked by who takes them. */
  | { readonly op: 'trace_start'; readonly options: unknown; readonly except: readonly Pid[] }
  /** The answer is a `TraceBatch`, at once or when there is something to tell. */
  | { readonly op: 'trace_next' | 'trace_stop'; readonly trace: number };

export type HostRequest = CodeRequest | LogRequest | TraceRequest;

/** What a report shows of a process that was linked with the one that crashed. */
export interface Neighbour {
  readonly pid: Pid;
  readonly name: string | null;
  readonly initialCall: string;
  readonly ancestors: readonly unknown[];
  readonly messageQueueLength: number;
  readonly links: readonly Pid[];
  readonly reductions: number;
}

/** What equal crashes have in common. */
export interface CrashSignature {
  /** `RangeError`, `ProcessError badarg`, `throw string`, `exit timeout`. */
  readonly reasonClass: string;
  /** `file:line:column`; what the process ran, where the reason has no stack. */
  readonly place: string;
}

/** Crashes without a report, as more came than can be reported: how many, and when (ms since 1970). */
export interface CountedCrashes {
  readonly signature: CrashSignature;
  readonly count: number;
  readonly first: number;
  readonly last: number;
}

/** Why a process ended by a failure: enough for a post-mortem. */
export interface CrashReport {
  readonly time: number;
  readonly signature: CrashSignature;
  /** The callback module of a server, else that of the initial call. */
  readonly module: string | null;
  readonly version: string | null;
  readonly pid: Pid;
  readonly scheduler: number;
  readonly initialCall: string;
  readonly name: string | null;
  readonly label: unknown;
  readonly parent: Pid | null;
  /** A `CrashReason` for an error; for a process of `tsvm/proc-lib`, also what `exit` was given. */
  readonly reason: unknown;
  /** Who started it, and who started that, as `tsvm/proc-lib` keeps them: names where there are any. */
  readonly ancestors: readonly unknown[];
  readonly trapExit: boolean;
  /** What the process said of itself with `crashDetails`: a server's state and last message. */
  readonly details: Readonly<Record<string, unknown>> | null;
  /** Processes of the same scheduler, reached through links, that go down with it. */
  readonly neighbours: readonly Neighbour[];
  readonly messageQueueLength: number;
  readonly messages: readonly unknown[];
  /** The first of them. */
  readonly links: readonly Pid[];
  readonly linkCount: number;
  readonly dictionary: readonly (readonly [unknown, unknown])[];
  readonly reductions: number;
}

/**
 * Tells when a process has changed one of the few intrinsics that cannot be frozen, and puts it back.
 *
 * @param all look at all of them, not only at the likeliest
 * @returns what was changed, or `null`
 */
export type TamperCheck = (all: boolean) => string | null;

/** Where code stands that an interrupt came upon. */
export interface Standing {
  /** Its frames, in the user's lines; without the interrupt's own. */
  readonly stack: string;
  /** Whether its innermost frame is one of the machine's. */
  readonly inMachine: boolean;
}

/** The main thread, as a scheduler sees it. */
export interface Host {
  log(line: HandledLine): void;
  /** Lines that were given to `log` and are not written yet. */
  readonly logQueue: number;
  /** A line was not given to `log`, as too many wait. */
  logDropped(handler: string): void;
  /** A crash report has passed the filters of the log late. */
  crashLogged(report: CrashReport): void;
  /** @param report makes the report; not called where crashes are only counted */
  crashed(signature: CrashSignature, report: () => CrashReport): void;
  /** Something that a trace wants to see. */
  traced(trace: number, event: TraceEvent): void;
  /** Something that it is not shown, as there is too much. */
  traceDropped(trace: number): void;
  /** An address the application listens on. */
  announce(url: string): void;
  /** The way to the tables. @throws where there are none */
  storage(): PromiseLike<StorageBoot>;
  /** Run a function that can be sent in the dirty pool. The arguments are copies. */
  dirty(fn: EntryFunction, args: readonly unknown[]): PromiseLike<unknown>;
}
