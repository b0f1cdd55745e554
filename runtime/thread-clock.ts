/**
 * Thread clock: how long this thread had to wait for a processor.
 *
 * What a thread does in a given time says nothing on a machine where others run: the guard subtracts the
 * time in which the thread could have run and did not. Linux tells it (`/proc/thread-self/schedstat`:
 * nanoseconds on a processor, nanoseconds in its queue); elsewhere it counts as none.
 *
 * Source: Linux, "Scheduler Statistics".
 */

import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';

export class ThreadClock {
  #file: number | null;
  readonly #buffer: Buffer = Buffer.alloc(128);

  /** @param thread what `threadName` told in that thread */
  constructor(thread: string) {
    this.#file = opened(thread);
  }

  /** Milliseconds since the thread began in which it has waited for a processor. Cost: 5 µs. */
  waitedMs(): number {
    if (this.#file === null) return 0;
    try {
      const length = readSync(this.#file, this.#buffer, 0, this.#buffer.length, 0);
      const [, waited] = this.#buffer.toString('latin1', 0, length).split(' ');
      return Number(waited) / 1e6 || 0;
    } catch {
      return 0;
    }
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

/** By which other threads of the program find the clock of this one; empty where there is none. */
export function threadName(): string {
  try {
    return readlinkSync('/proc/thread-self');
  } catch {
    return '';
  }
}

function opened(thread: string): number | null {
  try {
    return thread === '' ? null : openSync(`/proc/${thread}/schedstat`, 'r');
  } catch {
    return null;
  }
}
