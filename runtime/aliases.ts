/**
 * Aliases: references that stand for a process until they are deactivated.
 *
 * | mode               | deactivated by                                                    |
 * | ------------------ | ----------------------------------------------------------------- |
 * | explicit_unalias   | `unalias` only                                                    |
 * | reply              | the first message received through it                             |
 * | demonitor          | `demonitor`, or the DOWN of its monitor                           |
 * | reply_demonitor    | the first message through it (which also removes the monitor), `demonitor` or DOWN |
 *
 * One that ends with its monitor is kept in the monitor (`Monitor.alias`), all others here.
 *
 * Invariant: an inactive alias is in no table, so a message to it is dropped on reception; it says
 * nothing to the sender.
 *
 * Source: OTP Reference Manual, "Processes" › "Process Aliases"; `erlang:alias/1`.
 */

import { serialOf } from './address.js';
import type { Process } from './process.js';
import type { Ref } from './terms.js';

export type AliasMode = 'explicit_unalias' | 'reply' | 'demonitor' | 'reply_demonitor';

export interface Alias {
  readonly ref: Ref;
  readonly owner: Process;
  readonly mode: AliasMode;
}

export class AliasTable {
  readonly #prefixLength: number;
  readonly #aliases = new Map<number, Alias>();

  /** @param refPrefix what every reference made on this scheduler begins with */
  constructor(refPrefix: string) {
    this.#prefixLength = refPrefix.length;
  }

  get count(): number {
    return this.#aliases.size;
  }

  activate(serial: number, alias: Alias): void {
    this.#aliases.set(serial, alias);
  }

  find(ref: string): Alias | undefined {
    return this.#aliases.get(serialOf(ref, this.#prefixLength));
  }

  /** @returns whether it was active */
  deactivate(ref: string): boolean {
    return this.#aliases.delete(serialOf(ref, this.#prefixLength));
  }
}
