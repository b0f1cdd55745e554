/**
 * Trace desk: the traces that processes have asked for. Main thread.
 *
 * Invariant: a trace whose process is gone is forgotten: it ends by its time, and what nobody has fetched
 * is thrown away a while after that.
 */

import type { CodeOutcome, TraceRequest } from '../hosting.js';
import type { TraceControl, TraceOptions } from './trace-control.js';
import { TraceWatch } from './trace-watch.js';

/** How long what a trace has seen is kept for its process when it has ended. */
const KEPT_MS = 30_000;

export class TraceDesk {
  readonly #traces: TraceControl;
  readonly #watches = new Map<number, TraceWatch>();
  #last = 0;

  constructor(traces: TraceControl) {
    this.#traces = traces;
  }

  /** What a process asked for. */
  async serve(request: TraceRequest): Promise<CodeOutcome> {
    try {
      return { ok: true, value: await this.#serve(request) };
    } catch (error) {
      return { ok: false, error: { message: (error as Error).message } };
    }
  }

  async #serve(request: TraceRequest): Promise<unknown> {
    if (request.op === 'trace_start') return await this.#start(request);
    const watch = this.#watches.get(request.trace);
    if (request.op === 'trace_stop') return await watch?.stop();
    const batch = (await watch?.next()) ?? { events: [], dropped: 0, over: 'stopped' };
    if (batch.over !== null) this.#watches.delete(request.trace);
    return batch;
  }

  async #start({
    options,
    except,
  }: Extract<TraceRequest, { readonly op: 'trace_start' }>): Promise<number> {
    const watch = new TraceWatch();
    await watch.begin((take) => this.#traces.start(options as TraceOptions, take, except));
    this.#last += 1;
    const id = this.#last;
    this.#watches.set(id, watch);
    void watch.ended?.then(() => setTimeout(() => this.#watches.delete(id), KEPT_MS).unref());
    return id;
  }
}
