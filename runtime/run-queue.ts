/**
 * Run queue: the runnable processes of one scheduler, in three priorities.
 *
 * Intrusive lists through `Process.next`: no allocation. Equal priorities go round robin; high runs
 * before the others; low gets one turn for every `NORMAL_PER_LOW` turns of normal. Of normal ones, those
 * that have *spent* their last slice to the end stand in a line of their own, which gets one turn for
 * `FRESH_PER_SPENT` of the others: who was just woken does not wait for a hundred that compute, and they
 * wait for a few short slices.
 *
 * Invariant: a process is on at most one list, and only while its status is FRESH or QUEUED.
 *
 * Source: OTP, `erlang:process_flag(priority, …)`.
 */

import { HIGH, NORMAL, type Process } from './process.js';

const NORMAL_PER_LOW = 8;
const FRESH_PER_SPENT = 8;

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
  readonly #spent = new List();
  #sinceLow = 0;
  #sinceSpent = 0;
  /** Runnable processes, dead ones not yet dropped included. */
  length = 0;

  push(proc: Process): void {
    this.length += 1;
    if (proc.priority === NORMAL) this.#normal.push(proc);
    else if (proc.priority === HIGH) this.#high.push(proc);
    else this.#low.push(proc);
  }

  /** Queue a process that would have gone on if it had not used up its slice. */
  pushSpent(proc: Process): void {
    if (proc.priority !== NORMAL) {
      this.push(proc);
      return;
    }
    this.length += 1;
    this.#spent.push(proc);
  }

  /** The next process to run, or `null`. */
  shift(): Process | null {
    if (this.length === 0) return null;
    this.length -= 1;
    if (this.#high.head !== null) return this.#high.shift();
    if (
      this.#low.head !== null &&
      (this.#sinceLow >= NORMAL_PER_LOW ||
        (this.#normal.head === null && this.#spent.head === null))
    ) {
      this.#sinceLow = 0;
      return this.#low.shift();
    }
    this.#sinceLow += 1;
    if (
      this.#spent.head !== null &&
      (this.#normal.head === null || this.#sinceSpent >= FRESH_PER_SPENT)
    ) {
      this.#sinceSpent = 0;
      return this.#spent.shift();
    }
    this.#sinceSpent += 1;
    return this.#normal.shift();
  }
}
