/**
 * Trace control: begins and ends traces on all schedulers, and hands what they see to who asked. Main thread.
 *
 * Invariants:
 *  1. A trace ends by itself: after its time, after its number of events, and at the latest with the machine.
 *  2. After its end nothing of it is left on any scheduler, also not on one that joined meanwhile.
 *  3. Events that are not shown are counted: those over the rate, and those that nobody took in time.
 */

import type { CodeClient } from '../../loader/scheduler-code.js';
import { describe } from '../errors.js';
import type { Pid } from '../terms.js';
import {
  type CallPattern,
  TRACE_KINDS,
  type TraceEnd,
  type TraceEvent,
  type TraceKind,
  type TraceSpec,
} from '../trace-event.js';
import { TRACE_START, TRACE_STOP } from './protocol.js';

export interface TraceOptions {
  /**
   * Whom: pids, registered names, modules, initial calls such as `chat/room.init`; `new`: what is spawned from now
   * on; `all`. All of them by default where calls are traced, nobody otherwise.
   */
  readonly who?: readonly string[];
  /** What; all but calls by default, and only these where calls are given and nobody is named. */
  readonly kinds?: readonly TraceKind[];
  /** Exported functions, as `module` or `module:function`. */
  readonly calls?: readonly string[];
  /** It ends after so many events, 1000 by default. */
  readonly count?: number;
  /** It ends after so many seconds, 60 by default. */
  readonly seconds?: number;
  /** Events that each scheduler passes on in a second, 500 by default; the others are counted. */
  readonly rate?: number;
}

export type { TraceEnd };

export interface TraceSummary {
  readonly why: TraceEnd;
  readonly events: number;
  /** Events that were not shown, as there were too many. */
  readonly dropped: number;
}

/** A trace that is on, or was. */
export interface Trace {
  readonly ended: Promise<TraceSummary>;
  /** Does nothing if it has ended. */
  stop(): Promise<TraceSummary>;
  /** Events so far that were not shown. */
  readonly dropped: number;
}

/** A wrong option of a trace, and what it should have been. */
export class TraceOptionError extends TypeError {
  override readonly name = 'TraceOptionError';
}

const COUNT = 1000;
const SECONDS = 60;
const RATE = 500;
const TRACES_MAX = 16;

interface Active {
  readonly spec: TraceSpec;
  readonly listener: (event: TraceEvent) => void;
  readonly count: number;
  readonly end: (summary: TraceSummary) => void;
  readonly ended: Promise<TraceSummary>;
  events: number;
  dropped: number;
  timer: NodeJS.Timeout | undefined;
}

export class TraceControl {
  readonly #schedulers: () => readonly CodeClient[];
  readonly #active = new Map<number, Active>();
  #last = 0;

  constructor(schedulers: () => readonly CodeClient[]) {
    this.#schedulers = schedulers;
  }

  /** @param except never traced. @throws TraceOptionError */
  async start(
    options: TraceOptions,
    listener: (event: TraceEvent) => void,
    except: readonly Pid[] = [],
  ): Promise<Trace> {
    const { count, seconds, ...asked } = checked(options);
    if (this.#active.size >= TRACES_MAX)
      throw new TraceOptionError(`there are ${TRACES_MAX} traces already`);
    this.#last += 1;
    const spec: TraceSpec = { id: this.#last, ...asked, except };
    let end: Active['end'] = () => {};
    const ended = new Promise<TraceSummary>((resolve) => {
      end = resolve;
    });
    const active: Active = {
      spec,
      listener,
      count,
      end,
      ended,
      events: 0,
      dropped: 0,
      timer: undefined,
    };
    this.#active.set(spec.id, active);
    await this.#tell(TRACE_START, spec);
    if (this.#active.has(spec.id)) {
      active.timer = setTimeout(() => void this.#stop(spec.id, 'time'), seconds * 1000);
      active.timer.unref();
    }
    return {
      ended,
      stop: () => this.#stop(spec.id, 'stopped') ?? ended,
      get dropped() {
        return active.dropped;
      },
    };
  }

  /** A scheduler that joins. */
  async attach(code: CodeClient): Promise<void> {
    for (const { spec } of this.#active.values()) await code.tell(TRACE_START, spec);
  }

  /** What a scheduler has seen. */
  take(
    events: readonly (readonly [trace: number, event: TraceEvent])[],
    dropped: readonly (readonly [trace: number, count: number])[],
  ): void {
    for (const [id, count] of dropped) {
      const active = this.#active.get(id);
      if (active !== undefined) active.dropped += count;
    }
    for (const [id, event] of events) {
      const active = this.#active.get(id);
      if (active === undefined) continue;
      active.events += 1;
      try {
        active.listener(event);
      } catch {
        // Who cannot take events gets no more of them.
        void this.#stop(id, 'stopped');
      }
      if (active.events >= active.count) void this.#stop(id, 'count');
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#active.keys()].map((id) => this.#stop(id, 'stopped')));
  }

  #stop(id: number, why: TraceEnd): Promise<TraceSummary> | undefined {
    const active = this.#active.get(id);
    if (active === undefined) return undefined;
    this.#active.delete(id);
    clearTimeout(active.timer);
    this.#tell(TRACE_STOP, id).then(() => {
      const { events, dropped } = active;
      active.end({ why, events, dropped });
    });
    return active.ended;
  }

  /** One that dies meanwhile is told at its next birth. */
  async #tell(op: string, value: unknown): Promise<void> {
    await Promise.allSettled(this.#schedulers().map((code) => code.tell(op, value)));
  }
}

const KEYS = ['who', 'kinds', 'calls', 'count', 'seconds', 'rate'];

function checked(
  options: TraceOptions,
): Omit<TraceSpec, 'id' | 'except'> & { count: number; seconds: number } {
  for (const key of Object.keys(options))
    if (!KEYS.includes(key)) throw wrong('options', `only ${KEYS.join(', ')}`, key);
  const { who, calls: called = [], count = COUNT, seconds = SECONDS, rate = RATE } = options;
  whole('count', count, 1_000_000);
  whole('rate', rate, 1_000_000);
  if (!(seconds > 0 && seconds <= 86_400)) throw wrong('seconds', 'a number up to 86400', seconds);
  texts('who', who ?? []);
  texts('calls', called);
  const calls = called.map(patternOf);
  if (who === undefined && calls.length === 0)
    throw wrong('who', 'pids, names, modules, "new" or "all"', 'nobody');
  const kinds = options.kinds ?? kindsOf(who, calls);
  if (kinds.includes('call') && calls.length === 0)
    throw wrong('calls', 'functions, as the kind call is asked for', 'none');
  for (const kind of kinds)
    if (!TRACE_KINDS.includes(kind)) throw wrong('kinds', `of ${TRACE_KINDS.join(', ')}`, kind);
  const words = who ?? ['all'];
  const targets = {
    all: words.includes('all'),
    fresh: words.includes('new'),
    pids: words.filter((word) => word.startsWith('<')) as string[] as Pid[],
    words: words
      .filter((word) => !word.startsWith('<') && word !== 'all' && word !== 'new')
      .map((word) => word.replace(':', '.')),
  };
  return { kinds, targets, calls, rate, count, seconds };
}

/** Calls alone where only they are named; else all that there is to see. */
function kindsOf(
  who: readonly string[] | undefined,
  calls: readonly CallPattern[],
): readonly TraceKind[] {
  if (who === undefined) return ['call'];
  return TRACE_KINDS.filter((kind) => kind !== 'call' || calls.length > 0);
}

/** `module`, `module:function`, `module:handleCall.sell`. */
function patternOf(text: string): CallPattern {
  const [module = '', name, ...more] = text.split(':');
  if (module === '' || name === '' || more.length > 0)
    throw wrong('calls', 'module or module:function', text);
  return { module, name: name === undefined || name === '*' ? null : name };
}

function whole(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw wrong(name, `a whole number from 1 to ${most}`, value);
}

function texts(name: string, value: readonly string[]): void {
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string' && each !== ''))
    throw wrong(name, 'a list of texts', value);
}

function wrong(name: string, expected: string, came: unknown): TraceOptionError {
  return new TraceOptionError(`trace: ${name}: expected ${expected}, got ${describe(came)}`);
}
