/**
 * Log writer: one handler's end on the main thread, where its lines are written and counted.
 *
 * Invariant: each line that came is written, or counted as flushed or over the burst; and what was
 * dropped by who logged is added. What is not written is said once a second, in the handler's own log.
 *
 * Source: OTP Kernel User's Guide, "Logging" › "Protecting the Handler from Overload".
 */

import type { LogLine } from '../hosting.js';
import type { LogProtection } from '../log-config.js';

/** How often it says what was lost. */
const REPORT_MS = 1000;

export interface WriterStatistics {
  written: number;
  dropped: number;
  flushed: number;
  overBurst: number;
}

/** Where lines go; `written` is called when the line is out, or lost. */
export type Sink = (line: LogLine, written: () => void) => void;

export class LogWriter {
  readonly statistics: WriterStatistics = { written: 0, dropped: 0, flushed: 0, overBurst: 0 };
  readonly #sink: Sink;
  readonly #now: () => number;
  protection: LogProtection;
  #windowBegan = 0;
  #inWindow = 0;
  #said = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(sink: Sink, protection: LogProtection, now: () => number = () => performance.now()) {
    this.#sink = sink;
    this.protection = protection;
    this.#now = now;
  }

  /** @param waiting lines that wait behind this one, of the same scheduler */
  write(line: LogLine, waiting: number, written: () => void): void {
    const { statistics, protection } = this;
    if (waiting >= protection.flushAbove) {
      statistics.flushed += 1;
      this.#lost();
      written();
    } else if (this.#isOverBurst()) {
      statistics.overBurst += 1;
      this.#lost();
      written();
    } else {
      statistics.written += 1;
      this.#sink(line, written);
    }
  }

  /** So many were not sent. */
  dropped(count: number): void {
    this.statistics.dropped += count;
    this.#lost();
  }

  /** Say what was lost and not said yet. */
  report(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { dropped, flushed, overBurst } = this.statistics;
    const lost = dropped + flushed + overBurst;
    if (lost === this.#said) return;
    const text = `logger: ${lost - this.#said} events were not written, as too many came at once`;
    this.#said = lost;
    const fields = { dropped, flushed, overBurst };
    this.#sink(
      { level: 'warning', text, pid: null, time: Date.now(), fields, domain: ['otp'] },
      () => {},
    );
  }

  #isOverBurst(): boolean {
    const { burst } = this.protection;
    if (burst === null) return false;
    const now = this.#now();
    if (now - this.#windowBegan >= burst.windowMs) {
      this.#windowBegan = now;
      this.#inWindow = 0;
    }
    this.#inWindow += 1;
    return this.#inWindow > burst.count;
  }

  #lost(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.report();
    }, REPORT_MS);
    this.#timer.unref();
  }
}
