/**
 * Trace requests: the machine's side of `tsvm trace`.
 *
 *   trace       begins one; the answer is its number. It ends with the connection, whatever else happens
 *   trace_next  what it has seen since, or nothing after some seconds; and how it ended, once it has
 *   trace_stop  ends it; the next `trace_next` says what was left
 *
 * Invariant: a client that does not ask for more costs the machine a bounded amount of memory: what it does
 * not fetch is counted as not shown.
 */

import type { TraceEvent } from '../runtime/trace-event.js';
import {
  type ControlConnection,
  ControlError,
  type ControlHandler,
  type ControlRequest,
} from '../runtime/vm/control-socket.js';
import type { Vm } from '../runtime/vm/machine.js';
import {
  type Trace,
  type TraceEnd,
  TraceOptionError,
  type TraceOptions,
} from '../runtime/vm/trace-control.js';

/** Events kept for a client. */
const WAITING_MAX = 2000;
/** Events of one answer: a line of the protocol is not to be endless. */
const ANSWER_MAX = 200;
/** How long a question for more waits; a request to stop waits for its turn behind it. */
const PATIENCE_MS = 1000;

/** The answer to `trace_next`. */
export interface TraceBatch {
  readonly events: readonly TraceEvent[];
  /** Not shown since the beginning. */
  readonly dropped: number;
  /** Why it has ended; null while it goes on, or there are more events to fetch. */
  readonly over: TraceEnd | null;
}

class Watch {
  readonly #events: TraceEvent[] = [];
  #lost = 0;
  #over: TraceEnd | null = null;
  #trace: Trace | null = null;
  #wake: () => void = () => {};

  async begin(vm: Vm, options: TraceOptions): Promise<void> {
    this.#trace = await vm.trace(options, (event) => this.#take(event));
    this.#trace.ended.then(({ why }) => {
      this.#over = why;
      this.#wake();
    });
  }

  #take(event: TraceEvent): void {
    if (this.#events.length >= WAITING_MAX) this.#lost += 1;
    else this.#events.push(inJson(event));
    this.#wake();
  }

  async next(): Promise<TraceBatch> {
    if (this.#events.length === 0 && this.#over === null) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const events = this.#events.splice(0, ANSWER_MAX);
    const dropped = (this.#trace?.dropped ?? 0) + this.#lost;
    return { events, dropped, over: this.#events.length === 0 ? this.#over : null };
  }

  async stop(): Promise<void> {
    await this.#trace?.stop();
  }
}

/** As it goes through the socket: JSON has no big integers. */
function inJson(event: TraceEvent): TraceEvent {
  const text = JSON.stringify(event, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  return JSON.parse(text) as TraceEvent;
}

/** The handlers of a machine's control socket. */
export function traceRequests(running: () => Vm): Readonly<Record<string, ControlHandler>> {
  const watches = new Map<number, Watch>();
  let last = 0;
  const watchOf = ({ trace }: ControlRequest): Watch => {
    const watch = watches.get(Number(trace));
    if (watch === undefined)
      throw new ControlError('failed', `there is no trace ${JSON.stringify(trace)}`);
    return watch;
  };
  return {
    async trace(
      { options }: ControlRequest,
      _progress: unknown,
      connection: ControlConnection,
    ): Promise<unknown> {
      if (typeof options !== 'object' || options === null)
        throw new ControlError('bad_request', 'expected "options": what to trace');
      const watch = new Watch();
      try {
        await watch.begin(running(), options as TraceOptions);
      } catch (error) {
        if (!(error instanceof TraceOptionError)) throw error;
        throw new ControlError('bad_request', error.message);
      }
      last += 1;
      const id = last;
      watches.set(id, watch);
      connection.onClose(() => {
        watches.delete(id);
        void watch.stop();
      });
      return { trace: id };
    },
    trace_next: (request: ControlRequest) => watchOf(request).next(),
    trace_stop: async (request: ControlRequest) => {
      await watchOf(request).stop();
      return {};
    },
  };
}
