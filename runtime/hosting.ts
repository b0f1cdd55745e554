/**
 * Hosting: what a scheduler needs of the layers above it.
 *
 * `runtime/` is the bottom layer; the loader and the start-up code implement these interfaces and
 * hand them in.
 */

import type { FunVersion } from './funs.js';
import type { CrashReason, Pid } from './terms.js';

export type EntryFunction = (...args: never[]) => unknown;

/** A function as other schedulers can find it. */
export interface FunctionName {
  readonly module: string;
  readonly name: string;
}

/** The code server's table on this scheduler. */
export interface CodeLookup {
  /** Under which name a function is exported; `undefined` for one that is not. */
  functionName(fn: EntryFunction): FunctionName | undefined;
  /** The function that name reaches now. */
  lookup(module: string, name: string): EntryFunction | undefined;
  /** The functions of a version that is current, prepared or old. */
  lookupFuns(module: string, version: string): FunVersion | undefined;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface LogEvent {
  readonly level: LogLevel;
  readonly text: string;
  readonly pid: Pid | null;
  readonly time: number;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Why a process ended by an error: enough for a post-mortem. */
export interface CrashReport {
  readonly time: number;
  readonly pid: Pid;
  readonly scheduler: number;
  readonly initialCall: string;
  readonly name: string | null;
  readonly label: unknown;
  readonly parent: Pid | null;
  readonly reason: CrashReason;
  readonly messageQueueLength: number;
  readonly messages: readonly unknown[];
  readonly links: readonly Pid[];
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

/** The main thread, as a scheduler sees it. */
export interface Host {
  log(event: LogEvent): void;
  crashed(report: CrashReport): void;
  /** An address the application listens on. */
  announce(url: string): void;
  /** Run a function that can be sent in the dirty pool. The arguments are copies. */
  dirty(fn: EntryFunction, args: readonly unknown[]): PromiseLike<unknown>;
}
