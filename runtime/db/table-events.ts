/**
 * Table events: the changes of a table as messages to the process that subscribed.
 *
 * They come from the feed of the storage thread, in the order of the commits; see `change-feed.ts`. The process
 * owns its subscription, so it ends with the process.
 *
 * Invariant: after `close`, or the death of the process, no message is added.
 *
 * Source: OTP, module `mnesia`, `subscribe({table, Tab, simple | detailed})`.
 */

import { context } from '../context.js';
import { deliver } from '../delivery.js';
import { DEAD, type Process } from '../process.js';
import type { Scheduler } from '../scheduler.js';
import type { Ref } from '../terms.js';
import type { FeedChange } from './change-feed.js';
import { sideOf, type TableDefinition } from './definition.js';
import type { StorageEngine } from './engine.js';
import { keyOf, type Tables } from './tables.js';
import { decodeValue } from './value-bytes.js';

/** `detailed`: with the record that was there before. */
export type EventDetail = 'simple' | 'detailed';

export class TableEvents {
  readonly ref: Ref;
  readonly #scheduler: Scheduler;
  readonly #proc: Process;
  readonly #definition: TableDefinition;
  readonly #detail: EventDetail;
  /** The key fields; `migrate` may change them. */
  #key: string | readonly string[];
  #end: (() => void) | null = null;
  #closed = false;

  constructor(
    scheduler: Scheduler,
    proc: Process,
    definition: TableDefinition,
    detail: EventDetail,
  ) {
    this.ref = scheduler.makeRef();
    this.#scheduler = scheduler;
    this.#proc = proc;
    this.#definition = definition;
    this.#detail = detail;
    this.#key = definition.key;
  }

  /** Resolves when every later commit is told. The table is there. */
  async open(engine: StorageEngine, tables: Tables): Promise<void> {
    const { name, storage } = this.#definition;
    const spaceNow = (): number | null => {
      const found = tables.find(name, sideOf(storage));
      return 'entry' in found ? found.entry.space : null;
    };
    for (;;) {
      const space = spaceNow();
      if (space === null) throw new Error(`table ${name} was dropped`);
      const watch = { table: name, space, detailed: this.#detail === 'detailed' };
      const end = await engine.watch(watch, (change) => this.#told(change));
      if (this.#closed) return end();
      this.#end = end;
      // It moved before it was watched, or the move is told.
      if (spaceNow() === space) return;
      end();
      this.#end = null;
    }
  }

  close(): void {
    this.#closed = true;
    this.#end?.();
    this.#end = null;
  }

  #told(change: FeedChange): void {
    const scheduler = this.#scheduler;
    const proc = this.#proc;
    if (this.#closed || proc.status === DEAD) return;
    const outer = context.process;
    // What is decoded is this process's.
    context.process = proc;
    try {
      deliver(scheduler, proc, this.#message(change));
    } finally {
      context.process = outer;
      scheduler.followUp();
    }
  }

  #message(change: FeedChange): object {
    const { commit } = change;
    const head = { type: 'table_event', ref: this.ref, table: this.#definition.name, commit };
    if (change.event === 'dropped') return { ...head, event: 'dropped' };
    if (change.event === 'migrated') {
      this.#key = change.key;
      return { ...head, event: 'migrated', version: change.version };
    }
    const { value, before } = change;
    const old = before === null ? undefined : (decodeValue(asBuffer(before)) as object);
    const detail = this.#detail === 'detailed' ? { before: old } : {};
    if (value === null) {
      const key = keyOf({ name: this.#definition.name, key: this.#key }, old as object);
      return { ...head, event: 'delete', key, ...detail };
    }
    return { ...head, event: 'put', record: decodeValue(asBuffer(value)), ...detail };
  }
}

/** Ports make plain arrays of buffers. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
