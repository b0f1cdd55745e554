/**
 * Ports: names under which native resources (sockets, files, handles of npm packages) are handed from
 * one process to another on the same thread.
 *
 * A native object can neither be copied nor leave its thread. Its port, a string, can be sent; the
 * process that takes it over becomes its owner.
 *
 * Invariant: a port is taken at most once; until then the resource belongs to who handed it over.
 *
 * Source: OTP Reference Manual, "Ports"; `gen_tcp:controlling_process/2`.
 */

import { ProcessError } from './errors.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';

declare const portBrand: unique symbol;

/** The name of a native resource on its way from one process to another: `#Port<node.scheduler.serial>`. */
export type Port<R = unknown> = string & { readonly [portBrand]: R };

interface Handed {
  readonly resource: object;
  readonly from: Process;
}

export class PortTable {
  readonly #prefix: string;
  readonly #slot: number;
  readonly #handed = new Map<string, Handed>();
  #serial = 0;

  constructor(scheduler: Pick<Scheduler, 'node' | 'life' | 'slot'>) {
    this.#prefix = `#Port<${scheduler.node}.${scheduler.life}.`;
    this.#slot = scheduler.slot;
  }

  handOver(from: Process, resource: object): string {
    this.#serial += 1;
    const port = `${this.#prefix}${this.#serial}>`;
    this.#handed.set(port, { resource, from });
    return port;
  }

  /** @throws `badarg` when it lives on another scheduler, or is not there any more */
  take(port: string): object {
    const handed = this.#handed.get(port);
    if (handed === undefined) {
      const why = port.startsWith(this.#prefix)
        ? 'was taken already, or its process has ended'
        : `lives on another scheduler than this one (${this.#slot}): spawn its process there with spawnOpt({ scheduler })`;
      throw new ProcessError('badarg', `takeOver: ${port} ${why}`);
    }
    this.#handed.delete(port);
    const owned = handed.from.extra?.owned;
    const index = owned?.findIndex((each) => each.resource === handed.resource) ?? -1;
    if (index >= 0) owned?.splice(index, 1);
    return handed.resource;
  }

  /** The process that handed over is dead: what nobody took is gone. */
  forget(from: Process): void {
    for (const [port, handed] of this.#handed) if (handed.from === from) this.#handed.delete(port);
  }
}
