/**
 * Trace events: what `tsvm trace` shows of a running machine, and what it can be asked for. Plain data.
 *
 * Source: OTP, `erlang:trace/3` (the flags), `dbg`; the limits: recon_trace.
 */

import type { Pid } from './terms.js';

export const TRACE_KINDS = ['receive', 'send', 'call', 'spawn', 'exit', 'link'] as const;
export type TraceKind = (typeof TRACE_KINDS)[number];

/** Whom a trace looks at. A process that any part of it means is traced. */
export interface TraceTargets {
  readonly all: boolean;
  /** Those that are spawned from now on. */
  readonly fresh: boolean;
  readonly pids: readonly Pid[];
  /** Registered names, modules, and initial calls such as `chat/room.init`. */
  readonly words: readonly string[];
}

/** Exported functions of a module; without `name` all of them. */
export interface CallPattern {
  readonly module: string;
  readonly name: string | null;
}

/** A trace, as schedulers are told of it. */
export interface TraceSpec {
  readonly id: number;
  readonly kinds: readonly TraceKind[];
  readonly targets: TraceTargets;
  readonly calls: readonly CallPattern[];
  /** Events that each scheduler passes on in a second; the others are counted. */
  readonly rate: number;
  /** Never traced: the process that is told, and who tells it. Each event would make the next. */
  readonly except: readonly Pid[];
}

interface Common {
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  readonly pid: Pid;
  readonly name: string | null;
  readonly scheduler: number;
}

export type TraceEvent = Common &
  (
    | { readonly type: 'receive'; readonly message: unknown; readonly mailbox: number }
    | { readonly type: 'send'; readonly to: string; readonly message: unknown }
    | { readonly type: 'call'; readonly fn: string; readonly args: readonly unknown[] }
    | {
        readonly type: 'return' | 'throw';
        readonly fn: string;
        readonly value: unknown;
        /** Since the call. */
        readonly ms: number;
      }
    | { readonly type: 'spawn'; readonly parent: Pid | null; readonly initialCall: string }
    | { readonly type: 'exit'; readonly reason: unknown }
    | { readonly type: 'link' | 'unlink'; readonly to: Pid }
  );

/** How a trace ended. */
export type TraceEnd = 'count' | 'time' | 'stopped';

/** What who fetches events is answered. */
export interface TraceBatch {
  readonly events: readonly TraceEvent[];
  /** Not shown since the beginning. */
  readonly dropped: number;
  /** Why it has ended; null while it goes on, or there are more events to fetch. */
  readonly over: TraceEnd | null;
}

/** What one event says besides who, where and when. */
export type TraceDetail = TraceEvent extends infer E
  ? E extends Common
    ? Omit<E, keyof Common>
    : never
  : never;
