/**
 * Host link: a scheduler thread's side of what it tells the main thread.
 *
 * Log lines and crash reports are collected and sent in batches, one batch under way at a time, so
 * that a storm of them costs a bounded amount of memory and never holds up a process. What does not
 * fit is counted.
 */

import type * as Comlink from 'comlink';
import { packed, withoutFunctions } from '../carried-functions.js';
import type { CrashReport, EntryFunction, Host, LogEvent } from '../hosting.js';
import { resultOf } from './outcome.js';
import type { HostControl } from './protocol.js';

const WAITING_MAX = 1000;

/** What the link calls, as functions: each look at a Comlink remote would make a proxy. */
type Calls = Pick<Comlink.Remote<HostControl>, 'announced' | 'crashed' | 'dirty' | 'logged'>;

export class HostLink implements Host {
  readonly #remote: Calls;
  #logs: LogEvent[] = [];
  #crashes: CrashReport[] = [];
  #omitted = 0;
  #sending = false;

  constructor(remote: Comlink.Remote<HostControl>) {
    const { announced, crashed, dirty, logged } = remote;
    this.#remote = { announced, crashed, dirty, logged };
  }

  log(event: LogEvent): void {
    if (this.#logs.length < WAITING_MAX) this.#logs.push(withoutFunctions(event) as LogEvent);
    this.#send();
  }

  crashed(report: CrashReport): void {
    if (this.#crashes.length < WAITING_MAX) {
      this.#crashes.push(withoutFunctions(report) as CrashReport);
    } else this.#omitted += 1;
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
    while (this.#sending || this.#logs.length > 0 || this.#crashes.length > 0) {
      this.#send();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
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
    this.#omitted = 0;
    if (crashes.length > 0) await this.#remote.crashed(crashes, omitted);
    if (logs.length > 0) await this.#remote.logged(logs);
    this.#sending = false;
    if (this.#logs.length > 0 || this.#crashes.length > 0) this.#send();
  }
}
