/**
 * Host link: a scheduler thread's side of what it tells the main thread.
 *
 * Log lines and crash reports are collected and sent in batches, one batch under way at a time, so
 * that a storm of them costs a bounded amount of memory and never holds up a process. Crashes of which
 * enough was reported are counted, each with those that are equal to it: no count is lost.
 */

import type * as Comlink from 'comlink';
import { packed, withoutFunctions } from '../carried-functions.js';
import type { CrashReport, CrashSignature, EntryFunction, Host, LogEvent } from '../hosting.js';
import { CrashSampling, CrashTally } from './crash-sampling.js';
import { resultOf } from './outcome.js';
import type { HostControl } from './protocol.js';
import type { Redaction } from './redaction.js';

const WAITING_MAX = 1000;

/** What the link calls, as functions: each look at a Comlink remote would make a proxy. */
type Calls = Pick<Comlink.Remote<HostControl>, 'announced' | 'crashed' | 'dirty' | 'logged'>;

export class HostLink implements Host {
  readonly #remote: Calls;
  #logs: LogEvent[] = [];
  #crashes: CrashReport[] = [];
  #omitted = new CrashTally();
  readonly #sampling = new CrashSampling();
  readonly #redaction: Redaction;
  #sending = false;

  constructor(remote: Comlink.Remote<HostControl>, redaction: Redaction) {
    this.#redaction = redaction;
    const { announced, crashed, dirty, logged } = remote;
    this.#remote = { announced, crashed, dirty, logged };
  }

  log(event: LogEvent): void {
    if (this.#logs.length < WAITING_MAX) this.#logs.push(withoutFunctions(event) as LogEvent);
    this.#send();
  }

  crashed(signature: CrashSignature, report: () => CrashReport): void {
    const now = Date.now();
    if (this.#crashes.length < WAITING_MAX && this.#sampling.admits(signature, now)) {
      const plain = withoutFunctions(report()) as CrashReport;
      this.#crashes.push(this.#redaction.ofReport(plain));
    } else this.#omitted.add({ signature, count: 1, first: now, last: now });
    this.#send();
  }

  announce(url: string): void {
    this.#remote.announced(url).catch(() => {});
  }

  async dirty(fn: EntryFunction, args: readonly unknown[]): Promise<unknown> {
    return resultOf(await this.#remote.dirty(packed([fn, args])));
  }

  /** Everything said so far has reached the main thread. */
  async flush(): Promise<void> {
    while (this.#sending || this.#isWaiting) {
      this.#send();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  get #isWaiting(): boolean {
    return this.#logs.length > 0 || this.#crashes.length > 0 || this.#omitted.size > 0;
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
    const logs = this.#logs;
    const crashes = this.#crashes;
    const omitted = this.#omitted;
    this.#logs = [];
    this.#crashes = [];
    this.#omitted = new CrashTally();
    if (crashes.length > 0 || omitted.size > 0)
      await this.#remote.crashed(crashes, omitted.counted());
    if (logs.length > 0) await this.#remote.logged(logs);
    this.#sending = false;
    if (this.#isWaiting) this.#send();
  }
}
