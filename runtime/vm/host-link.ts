/**
 * Host link: a scheduler thread's side of what it tells the main thread.
 *
 * Crash reports are collected and sent in batches, one batch under way at a time, so that a storm of them
 * costs a bounded amount of memory and never holds up a process. Crashes of which enough was reported
 * are counted, each with those that are equal to it: no count is lost.
 *
 * Lines of the log are posted without waiting for an answer. How many are under way is told by two cells
 * of shared memory, so that plain code that logs sees it too; who logs sends no more than a handler
 * permits (`Logger`).
 */

import type * as Comlink from 'comlink';
import { packed, withoutFunctions } from '../carried-functions.js';
import type { StorageBoot } from '../db/embedded-engine.js';
import type { CrashReport, CrashSignature, EntryFunction, HandledLine, Host } from '../hosting.js';
import { LOGS_SENT, LOGS_TAKEN, type SharedState } from '../shared-state.js';
import type { TraceEvent } from '../trace-event.js';
import { CrashSampling, CrashTally } from './crash-sampling.js';
import { resultOf } from './outcome.js';
import type { HostControl } from './protocol.js';
import type { Redaction } from './redaction.js';

const WAITING_MAX = 1000;
/** Events of traces that wait to be sent. */
const EVENTS_MAX = 500;
/** So many lines go at once, also while the event loop has no turn. */
const LINES_AT_ONCE = 10;
/** A line that cannot be written in this time does not keep a machine from stopping. */
const FLUSH_MS = 2000;

/** What the link calls, as functions: each look at a Comlink remote would make a proxy. */
type Calls = Pick<
  Comlink.Remote<HostControl>,
  'announced' | 'crashed' | 'crashLogged' | 'dirty' | 'logged' | 'storage' | 'traced'
>;

export interface HostLinkOptions {
  readonly slot: number;
  readonly life: number;
  readonly state: SharedState;
  readonly redaction: Redaction;
}

export class HostLink implements Host {
  readonly #remote: Calls;
  readonly #options: HostLinkOptions;
  #lines: HandledLine[] = [];
  #linesSent = 0;
  #dropped: Record<string, number> = {};
  #areDropsWaiting = false;
  #crashes: CrashReport[] = [];
  /** Of each of them. */
  #logged: boolean[] = [];
  #omitted = new CrashTally();
  readonly #sampling = new CrashSampling();
  #sending = false;
  #events: [trace: number, event: TraceEvent][] = [];
  readonly #unseen = new Map<number, number>();
  #sendingEvents = false;
  /** Shows a crash report to the log; set by start-up. @returns whether the console is to show it */
  onCrash: (report: CrashReport) => boolean = () => true;

  constructor(remote: Comlink.Remote<HostControl>, options: HostLinkOptions) {
    this.#options = options;
    const { announced, crashed, crashLogged, dirty, logged, storage, traced } = remote;
    this.#remote = { announced, crashed, crashLogged, dirty, logged, storage, traced };
  }

  // ---- the log ------------------------------------------------------------------------------------

  log(line: HandledLine): void {
    const { redaction } = this.#options;
    const plain = withoutFunctions(line) as HandledLine;
    this.#lines.push(redaction.ofLine(plain));
    this.#countSent();
    if (this.#lines.length >= LINES_AT_ONCE) this.#postLines();
    else this.#send();
  }

  #countSent(): void {
    const { slot, state } = this.#options;
    this.#linesSent += 1;
    state.set(slot, LOGS_SENT, this.#linesSent | 0);
  }

  get logQueue(): number {
    const { slot, state } = this.#options;
    return (this.#linesSent - state.get(slot, LOGS_TAKEN)) | 0;
  }

  logDropped(handler: string): void {
    // The news of it counts as a line, so that who waits for all lines waits for it, too.
    if (!this.#areDropsWaiting) this.#countSent();
    this.#dropped[handler] = (this.#dropped[handler] ?? 0) + 1;
    this.#areDropsWaiting = true;
    this.#send();
  }

  #postLines(): void {
    const { slot, life } = this.#options;
    const lines = this.#lines;
    const dropped = this.#dropped;
    this.#lines = [];
    this.#dropped = {};
    this.#areDropsWaiting = false;
    this.#remote.logged(slot, life, lines, dropped).catch(() => {
      // The main thread is gone: nobody is left to tell.
    });
  }

  // ---- crashes ------------------------------------------------------------------------------------

  crashed(signature: CrashSignature, report: () => CrashReport): void {
    const now = Date.now();
    if (this.#crashes.length < WAITING_MAX && this.#sampling.admits(signature, now)) {
      const plain = withoutFunctions(report()) as CrashReport;
      const redacted = this.#options.redaction.ofReport(plain);
      this.#crashes.push(redacted);
      this.#logged.push(this.onCrash(redacted));
    } else this.#omitted.add({ signature, count: 1, first: now, last: now });
    this.#send();
  }

  crashLogged(report: CrashReport): void {
    this.#remote.crashLogged(report).catch(() => {});
  }

  // ---- traces -------------------------------------------------------------------------------------

  traced(trace: number, event: TraceEvent): void {
    if (this.#events.length >= EVENTS_MAX) {
      this.traceDropped(trace);
      return;
    }
    const plain = withoutFunctions(event) as TraceEvent;
    this.#events.push([trace, this.#options.redaction.ofTraced(plain)]);
    this.#sendEvents();
  }

  traceDropped(trace: number): void {
    this.#unseen.set(trace, (this.#unseen.get(trace) ?? 0) + 1);
    this.#sendEvents();
  }

  /** One batch is under way at a time, so a main thread that is busy is not made busier. */
  #sendEvents(): void {
    if (this.#sendingEvents) return;
    this.#sendingEvents = true;
    setImmediate(() => {
      const events = this.#events;
      const unseen = [...this.#unseen];
      this.#events = [];
      this.#unseen.clear();
      const goOn = (): void => {
        this.#sendingEvents = false;
        if (this.#events.length > 0 || this.#unseen.size > 0) this.#sendEvents();
      };
      this.#remote.traced(events, unseen).then(goOn, goOn);
    });
  }

  // ---- the rest -----------------------------------------------------------------------------------

  announce(url: string): void {
    this.#remote.announced(url).catch(() => {});
  }

  async dirty(fn: EntryFunction, args: readonly unknown[]): Promise<unknown> {
    return resultOf(await this.#remote.dirty(packed([fn, args])));
  }

  async storage(): Promise<StorageBoot> {
    return (await this.#remote.storage(this.#options.life)) as StorageBoot;
  }

  /** Everything said so far has reached the main thread, and the lines of the log are written. */
  async flush(): Promise<void> {
    const late = Date.now() + FLUSH_MS;
    while (this.#sending || this.#isWaiting || (this.logQueue > 0 && Date.now() < late)) {
      this.#send();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  get #isWaiting(): boolean {
    return this.#areLinesWaiting || this.#crashes.length > 0 || this.#omitted.size > 0;
  }

  get #areLinesWaiting(): boolean {
    return this.#lines.length > 0 || this.#areDropsWaiting;
  }

  #send(): void {
    if (this.#sending) return;
    this.#sending = true;
    // After the slice that said it, so that one batch takes all of it.
    setImmediate(() => {
      this.#sendNow().catch(() => {
        // The main thread is gone: nobody is left to tell.
        this.#sending = false;
      });
    });
  }

  async #sendNow(): Promise<void> {
    if (this.#areLinesWaiting) this.#postLines();
    const crashes = this.#crashes;
    const logged = this.#logged;
    const omitted = this.#omitted;
    this.#crashes = [];
    this.#logged = [];
    this.#omitted = new CrashTally();
    if (crashes.length > 0 || omitted.size > 0)
      await this.#remote.crashed(crashes, logged, omitted.counted());
    this.#sending = false;
    if (this.#isWaiting) this.#send();
  }
}
