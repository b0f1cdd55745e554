/**
 * Run queue: the runnable processes of one scheduler, in three priorities.
 *
 * Intrusive lists through `Process.next`: no allocation. Equal priorities go round robin; high runs
 * before the others; low gets one turn for every `NORMAL_PER_LOW` turns of normal.
 *
 * Invariant: a process is on at most one list, and only while its status is FRESH or QUEUED.
 *
 * Source: OTP, `erlang:process_flag(priority, …)`.
 */

import { HIGH, NORMAL, type Process } from './process.js';

const NORMAL_PER_LOW = 8;

class List {
  head: Process | null = null;
  tail: Process | null = null;

  push(proc: Process): void {
    proc.next = null;
    if (this.tail === null) this.head = proc;
    else this.tail.next = proc;
    this.tail = proc;
  }

  shift(): Process | null {
    const proc = this.head;
    if (proc === null) return null;
    this.head = proc.next;
    if (this.head === null) this.tail = null;
    proc.next = null;
    return proc;
  }
}

export class RunQueue {
  readonly #low = new List();
  readonly #normal = new List();
  readonly #high = new List();
  #sinceLow = 0;
  /** Runnable processes, dead ones not yet dropped included. */
  length = 0;

  push(proc: Process): void {
    this.length += 1;
    if (proc.priority === NORMAL) this.#normal.push(proc);
    else if (proc.priority === HIGH) this.#high.push(proc);
    else this.#low.push(proc);
  }

  /** The next process to run, or `null`. */
  shift(): Process | null {
    if (this.length === 0) return null;
    this.length -= 1;
    if (this.#high.head !== null) return this.#high.shift();
    if (
      this.#low.head !== null &&
      (this.#normal.head === null || this.#sinceLow >= NORMAL_PER_LOW)
    ) {
      this.#sinceLow = 0;
      return this.#low.shift();
    }
    this.#sinceLow += 1;
    return this.#normal.shift();
  }
}
