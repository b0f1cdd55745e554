/**
 * trace: see what other processes do, from a process.
 *
 * What is seen comes as messages, by way of a process of its own, the tracer: it fetches from the machine
 * as fast as it can send on, and ends the trace when the process that asked has ended.
 *
 * Invariants:
 *  1. A trace is bounded by count, rate and time, and ends by itself.
 *  2. The process that asked and the tracer are not traced: each event would make the next.
 *
 * Source: OTP, `erlang:trace/3`, "Trace Messages Expected by the Tracer"; module `dbg`.
 */

import {
  type Down,
  exit,
  monitor,
  type Pid,
  receive,
  self,
  send,
  spawn,
  TIMEOUT,
  tracing,
} from 'tsvm';
import * as trace from './trace.js';

/** What to see of whom, and how much of it: as for `tsvm trace` and `vm.trace`. */
export interface TraceOptions {
  /**
   * Pids, registered names, modules, initial calls such as `chat/room.init`; `new`: what is spawned from now
   * on; `all`. All of them by default where calls are traced.
   */
  readonly who?: readonly string[];
  /** All but calls by default, and only these where calls are given and nobody is named. */
  readonly kinds?: readonly tracing.TraceKind[];
  /** Exported functions, as `module` or `module:function`. */
  readonly calls?: readonly string[];
  /** It ends after so many events, 1000 by default … */
  readonly count?: number;
  /** … or so many seconds, 60 by default. */
  readonly seconds?: number;
  /** Events that each scheduler passes on in a second, 500 by default; the others are counted. */
  readonly rate?: number;
}

/** A trace that is on, or was: a reference to it, which can be sent. */
export interface Trace {
  readonly tracer: Pid<never>;
  readonly id: number;
}

/** What the process that asked is sent. */
export type TraceMessage =
  | { readonly type: 'trace'; readonly tracer: Pid<never>; readonly event: tracing.TraceEvent }
  | TraceEnded;

export interface TraceEnded extends TraceSummary {
  readonly type: 'trace_end';
  readonly tracer: Pid<never>;
}

export interface TraceSummary {
  readonly why: tracing.TraceEnd;
  /** That were sent. */
  readonly events: number;
  /** That were not, as there were too many. */
  readonly dropped: number;
}

/**
 * Begin a trace: each event comes as a message `{type: 'trace', tracer, event}`, its end as
 * `{type: 'trace_end', tracer, why, events, dropped}`. `erlang:trace/3`.
 *
 * @throws for wrong options, with what was expected
 */
export async function start(options: TraceOptions): Promise<Trace> {
  const tracer = spawn(trace.run, self<TraceMessage>()) as Pid<Begun | Down>;
  try {
    const id = await tracing.begin(options, [self(), tracer]);
    send(tracer, { type: '$begun', id });
    return { tracer, id };
  } catch (thrown) {
    exit(tracer, 'kill');
    throw thrown;
  }
}

/**
 * End a trace that the calling process has begun; does nothing to one that has ended. What was on its way from a
 * scheduler at that moment is not told.
 */
export async function stop({ tracer, id }: Trace): Promise<TraceSummary> {
  const ref = monitor(tracer);
  await tracing.end(id);
  // The tracer ends when it has told its end: that comes before this.
  await receive((message: Down) => message?.type === 'DOWN' && message.ref === ref);
  const ended = await receive((message: TraceEnded) => isEndOf(message, tracer), 0);
  if (ended === TIMEOUT) return { why: 'stopped', events: 0, dropped: 0 };
  const { why, events, dropped } = ended;
  return { why, events, dropped };
}

/** Trace until it ends by count or time, and give all that was seen. */
export async function collect(
  options: TraceOptions,
): Promise<TraceSummary & { readonly seen: readonly tracing.TraceEvent[] }> {
  const { tracer } = await start(options);
  const seen: tracing.TraceEvent[] = [];
  for (;;) {
    const message = await receive(
      (each: TraceMessage) =>
        (each?.type === 'trace' || each?.type === 'trace_end') && each.tracer === tracer,
    );
    if (message.type === 'trace') seen.push(message.event);
    else return { why: message.why, events: message.events, dropped: message.dropped, seen };
  }
}

function isEndOf(message: TraceEnded, tracer: Pid<never>): boolean {
  return message?.type === 'trace_end' && message.tracer === tracer;
}

interface Begun {
  readonly type: '$begun';
  readonly id: number;
}

/** The tracer. */
export async function run(owner: Pid<TraceMessage>): Promise<void> {
  monitor(owner);
  const begun = await receive<Begun | Down>();
  if (begun.type === 'DOWN') return;
  const { id } = begun;
  const tracer = self<never>();
  let count = 0;
  for (;;) {
    const { events, dropped, over } = await tracing.next(id);
    for (const event of events) send(owner, { type: 'trace', tracer, event });
    count += events.length;
    if (over !== null) {
      send(owner, { type: 'trace_end', tracer, why: over, events: count, dropped });
      return;
    }
    const gone = await receive((message: Down) => message?.type === 'DOWN', 0);
    if (gone !== TIMEOUT) return await tracing.end(id);
  }
}
