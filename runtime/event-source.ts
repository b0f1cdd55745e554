/**
 * Event source: events of a Node emitter as messages to a process, with demand.
 *
 * The process says how many events it takes (`once`, a number, or all). When the demand is used up
 * a source that can be paused (streams, sockets, WebSockets) is paused; what still comes is kept in
 * a bounded queue, and once that is full it is dropped and counted: the process is told with the
 * next event. So no source, however fast, floods a mailbox. Events that end a source ('close', 'end',
 * 'error', …) need no demand, but stay in order.
 *
 * Invariants:
 *  1. Messages come in the order of the events.
 *  2. After `close`, or the death of the process, no listener of this source is left on the emitter.
 *
 * Source: OTP, `inet:setopts/2`, option `{active, once | N | true}`.
 */

import { context } from './context.js';
import { copy } from './copy.js';
import { exitReasonOf, reportCrash } from './crash.js';
import { isCrash } from './crash-reason.js';
import { deliver } from './delivery.js';
import { terminate } from './lifecycle.js';
import { DEAD, type Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { Ref } from './terms.js';

/** The part of Node's EventEmitter, and of streams, that is used. */
export interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
  pause?(): unknown;
  resume?(): unknown;
}

/** How many events a process takes: one, so many, or all that come. */
export type Demand = 'once' | number | true;

/** What the process receives for an event. */
export interface EventMessage<Tag extends string = 'event'> {
  readonly type: Tag;
  readonly ref: Ref;
  readonly event: string;
  /** The arguments of the event, as `map` made them. */
  readonly args: readonly unknown[];
  /** Events dropped since the last message, because nobody took them. */
  readonly dropped: number;
}

export type MapArgs = (args: readonly unknown[], event: string) => readonly unknown[];

const ENDINGS: ReadonlySet<string> = new Set(['close', 'end', 'error', 'finish', 'aborted']);
export const BUFFER_MAX = 1024;

interface Waiting {
  readonly event: string;
  readonly args: readonly unknown[];
}

export class EventSource {
  readonly ref: Ref;
  readonly #scheduler: Scheduler;
  readonly #proc: Process;
  readonly #emitter: Emitter;
  readonly #tag: string;
  readonly #map: MapArgs | undefined;
  readonly #listeners: (readonly [string, (...args: unknown[]) => void])[] = [];
  #demand: number;
  #waiting: Waiting[] = [];
  #dropped = 0;
  #paused = false;
  #closed = false;

  constructor(
    scheduler: Scheduler,
    proc: Process,
    emitter: Emitter,
    events: readonly string[],
    demand: Demand,
    tag: string,
    map: MapArgs | undefined,
  ) {
    this.ref = scheduler.makeRef();
    this.#scheduler = scheduler;
    this.#proc = proc;
    this.#emitter = emitter;
    this.#tag = tag;
    this.#map = map;
    this.#demand = demandOf(demand);
    for (const event of events) {
      const listener = (...args: unknown[]): void => this.#came(event, args);
      this.#listeners.push([event, listener]);
      emitter.on(event, listener);
    }
    if (this.#demand === 0) this.#pause();
  }

  /** Take so many more events. */
  active(demand: Demand): void {
    this.#demand = demand === true ? Number.POSITIVE_INFINITY : this.#demand + demandOf(demand);
    this.#drain();
    if (this.#demand > 0 && this.#paused && !this.#closed) {
      this.#paused = false;
      this.#emitter.resume?.();
    }
  }

  /** No more messages; the emitter is left to its owner. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    for (const [event, listener] of this.#listeners) {
      this.#emitter.off(event, listener);
    }
  }

  #came(event: string, args: readonly unknown[]): void {
    if (this.#proc.status === DEAD || this.#closed) return;
    if (this.#waiting.length >= BUFFER_MAX && !ENDINGS.has(event)) this.#dropped += 1;
    else this.#waiting.push({ event, args });
    this.#drain();
  }

  #drain(): void {
    while (!this.#closed) {
      const [first] = this.#waiting;
      if (first === undefined) break;
      const ends = ENDINGS.has(first.event);
      if (this.#demand <= 0 && !ends) break;
      this.#waiting.shift();
      if (!ends) this.#demand -= 1;
      this.#deliver(first);
    }
    if (this.#demand <= 0) this.#pause();
  }

  #pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#emitter.pause?.();
  }

  #deliver({ event, args }: Waiting): void {
    const scheduler = this.#scheduler;
    const proc = this.#proc;
    const dropped = this.#dropped;
    this.#dropped = 0;
    const outer = context.process;
    context.process = proc;
    try {
      const mapped = this.#map === undefined ? args : this.#map(args, event);
      const message = {
        type: this.#tag,
        ref: this.ref,
        event,
        args: copy(mapped, 'args'),
        dropped,
      };
      deliver(scheduler, proc, message);
    } catch (error) {
      const reason = exitReasonOf(error);
      if (isCrash(reason)) reportCrash(scheduler, proc, reason);
      terminate(scheduler, proc, reason);
    } finally {
      context.process = outer;
    }
    scheduler.followUp();
  }
}

function demandOf(demand: Demand): number {
  if (demand === true) return Number.POSITIVE_INFINITY;
  return demand === 'once' ? 1 : demand;
}
