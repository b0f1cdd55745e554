/**
 * Long runners: the processes whose plain code was too long for one slice lately.
 *
 * Their calls of functions with twins go to the twins (`twins.ts`), so that they can give way. A call of a
 * twin costs more than a plain one, so a process whose twins all come to their end at once is forgotten.
 * Entry functions are remembered too: a process that is spawned for each request has no past of its own.
 *
 * Invariant: nothing is looked up while no process of the scheduler runs long.
 */

import { entryKey } from './funs.js';
import type { Process } from './process.js';
import { SHORT_CALLS_MAX } from './twins.js';

export class LongRunners {
  /** How many short calls until it is forgotten. */
  readonly #credit: Map<Process, number> = new Map();
  readonly #entries: WeakSet<object> = new WeakSet();
  #anyEntry = false;

  has(proc: Process): boolean {
    return this.#credit.size > 0 && this.#credit.has(proc);
  }

  /** Is the entry function of this new process known to run long? */
  knowsEntry(proc: Process): boolean {
    return this.#anyEntry && this.#entries.has(entryKey(proc.entry));
  }

  add(proc: Process): void {
    this.#credit.set(proc, SHORT_CALLS_MAX);
  }

  addEntry(proc: Process): void {
    this.#entries.add(entryKey(proc.entry));
    this.#anyEntry = true;
  }

  /** A twin did not have to give way. */
  wasShort(proc: Process): void {
    if (this.#credit.size === 0) return;
    const credit = this.#credit.get(proc);
    if (credit === undefined) return;
    if (credit <= 1) this.#credit.delete(proc);
    else this.#credit.set(proc, credit - 1);
  }

  forget(proc: Process): void {
    if (this.#credit.size > 0) this.#credit.delete(proc);
  }
}
