/**
 * Tracing: what this scheduler sees for the traces that are on.
 *
 * `context.tracer` is null while there is none: that is all that a send or a spawn looks at then. Calls are
 * seen by putting wrappers into the export tables of the traced modules, so code that is not traced costs
 * nothing at all.
 *
 * Invariants:
 *  1. A trace changes nothing of what it sees: values are shown by bounded copies, errors pass, and nobody
 *     who is traced ever waits.
 *  2. What passes on is bounded by a rate and by what the main thread takes; the rest is counted.
 *
 * Source: OTP, `erlang:trace/3`; recon_trace for the limits.
 */

import { context } from './context.js';
import type { Host } from './hosting.js';
import { initialCall } from './initial-call.js';
import { presentable } from './presentable.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { Pid } from './terms.js';
import type { CallPattern, TraceDetail, TraceEvent, TraceKind, TraceSpec } from './trace-event.js';

/**
 * What a wrapper of a function tells of one call of it.
 *
 * @returns what is to be told of the end of the call; null if nobody wants to know of this one
 */
export type CallHook = (fn: string, args: readonly unknown[]) => CallEnd | null;
export type CallEnd = (value: unknown, failed: boolean) => void;

const RATE_WINDOW_MS = 1000;
/** Bounds of a value that is shown. */
const SHOWN = { depth: 5, items: 20, text: 500, allItems: 200, allText: 4000 };

interface ActiveTrace {
  readonly spec: TraceSpec;
  readonly kinds: ReadonlySet<TraceKind>;
  readonly pids: ReadonlySet<string>;
  readonly words: ReadonlySet<string>;
  readonly except: ReadonlySet<string>;
  /** Spawned since it began, if it wants those. */
  readonly fresh: WeakSet<Process>;
  windowBegan: number;
  inWindow: number;
}

export class Tracer {
  readonly #scheduler: Scheduler;
  readonly #host: Host;
  readonly #traces = new Map<number, ActiveTrace>();
  /** An event is being made: what that does is not traced. */
  #busy = false;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#host = scheduler.host;
  }

  start(spec: TraceSpec): void {
    this.#traces.set(spec.id, {
      spec,
      kinds: new Set(spec.kinds),
      pids: new Set(spec.targets.pids),
      words: new Set(spec.targets.words),
      except: new Set(spec.except),
      fresh: new WeakSet(),
      windowBegan: 0,
      inWindow: 0,
    });
    this.#apply();
  }

  stop(id: number): void {
    if (this.#traces.delete(id)) this.#apply();
  }

  #apply(): void {
    const traces = [...this.#traces.values()];
    context.tracer = traces.length === 0 ? null : this;
    const patterns: CallPattern[] = traces.flatMap(({ spec }) => [...spec.calls]);
    this.#scheduler.code.traceCalls(patterns, (fn, args) => this.#called(fn, args));
  }

  // ---- what is seen -------------------------------------------------------------------------------

  received(proc: Process, message: unknown): void {
    this.#see('receive', proc, () => ({
      type: 'receive',
      message: shown(message),
      mailbox: proc.mailbox?.length ?? 0,
    }));
  }

  sent(proc: Process, to: string, message: unknown): void {
    this.#see('send', proc, () => ({ type: 'send', to, message: shown(message) }));
  }

  spawned(proc: Process): void {
    for (const { spec, fresh } of this.#traces.values()) if (spec.targets.fresh) fresh.add(proc);
    const { parent } = proc;
    this.#see('spawn', proc, () => ({ type: 'spawn', parent, initialCall: initialCall(proc) }));
  }

  exited(proc: Process, reason: unknown): void {
    this.#see('exit', proc, () => ({ type: 'exit', reason: shown(reason) }));
  }

  linked(proc: Process, to: Pid, type: 'link' | 'unlink'): void {
    this.#see('link', proc, () => ({ type, to }));
  }

  #called(fn: string, args: readonly unknown[]): CallEnd | null {
    const proc = context.process;
    if (proc === null || this.#busy) return null;
    const wanted = [...this.#traces.values()].filter((trace) => isCallOf(trace, fn));
    const passing = wanted.filter((trace) => isTarget(trace, proc) && this.#passes(trace));
    if (passing.length === 0) return null;
    const begun = performance.now();
    this.#tell(passing, proc, () => ({ type: 'call', fn, args: shown(args) as unknown[] }));
    return (value, failed) => {
      const ms = performance.now() - begun;
      const type = failed ? 'throw' : 'return';
      // The end of a call that was shown is shown, whatever the rate is by now.
      this.#tell(passing, proc, () => ({ type, fn, value: shown(value), ms }));
    };
  }

  #see(kind: TraceKind, proc: Process, detail: () => TraceDetail): void {
    if (this.#busy) return;
    let passing: ActiveTrace[] | null = null;
    for (const trace of this.#traces.values()) {
      if (!trace.kinds.has(kind) || !isTarget(trace, proc) || !this.#passes(trace)) continue;
      passing ??= [];
      passing.push(trace);
    }
    if (passing !== null) this.#tell(passing, proc, detail);
  }

  /** Below the rate? What is not is counted. */
  #passes(trace: ActiveTrace): boolean {
    const now = performance.now();
    if (now - trace.windowBegan >= RATE_WINDOW_MS) {
      trace.windowBegan = now;
      trace.inWindow = 0;
    }
    trace.inWindow += 1;
    if (trace.inWindow <= trace.spec.rate) return true;
    this.#host.traceDropped(trace.spec.id);
    return false;
  }

  #tell(traces: readonly ActiveTrace[], proc: Process, detail: () => TraceDetail): void {
    this.#busy = true;
    try {
      const event = {
        time: performance.timeOrigin + performance.now(),
        pid: proc.pid,
        name: proc.extra?.name ?? null,
        scheduler: this.#scheduler.slot,
        ...detail(),
      } as TraceEvent;
      for (const { spec } of traces) this.#host.traced(spec.id, event);
    } finally {
      this.#busy = false;
    }
  }
}

function isTarget({ spec, pids, words, except, fresh }: ActiveTrace, proc: Process): boolean {
  if (except.size > 0 && except.has(proc.pid)) return false;
  if (spec.targets.all) return true;
  if (spec.targets.fresh && fresh.has(proc)) return true;
  if (pids.size > 0 && pids.has(proc.pid)) return true;
  if (words.size === 0) return false;
  const name = proc.extra?.name;
  if (typeof name === 'string' && words.has(name)) return true;
  const call = initialCall(proc);
  if (words.has(call)) return true;
  const end = call.lastIndexOf('.');
  return end > 0 && words.has(call.slice(0, end));
}

function isCallOf({ spec, kinds }: ActiveTrace, fn: string): boolean {
  if (!kinds.has('call')) return false;
  return spec.calls.some(({ module, name }) => {
    if (!fn.startsWith(`${module}.`)) return false;
    const called = fn.slice(module.length + 1);
    return name === null || called === name || called.startsWith(`${name}.`);
  });
}

function shown(value: unknown): unknown {
  return presentable(value, SHOWN);
}
