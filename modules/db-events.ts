/**
 * Changes of tables as messages to a process.
 *
 * Source: OTP, module `mnesia`, `subscribe/1`; SEMANTICS 17.
 */

import { type Ref, storage } from 'tsvm';
import { attempts } from './db-transaction.js';
import type { Table } from './db-types.js';

/** `'detailed'`: with the record that was there before. */
export type EventDetail = storage.EventDetail;

interface EventHead {
  readonly type: 'table_event';
  /** What `subscribe` gave. */
  readonly ref: Ref;
  readonly table: string;
  /** The same in all changes of one transaction, and greater in those of later ones. */
  readonly commit: number;
}

type Before<R, D> = D extends 'detailed'
  ? {
      /** What was there before; nothing for a new record. */
      readonly before: R | undefined;
    }
  : unknown;

type EventOf<R, K, D> =
  | (EventHead & { readonly event: 'put'; readonly record: R } & Before<R, D>)
  | (EventHead & { readonly event: 'delete'; readonly key: K } & Before<R, D>)
  | (EventHead & {
      /** `migrate` has put records of another version, indexes or storage in place of those before. */
      readonly event: 'migrated';
      readonly version: number;
    })
  | (EventHead & {
      /** The table is no more; nothing follows. */
      readonly event: 'dropped';
    });

/** What a process receives that subscribed: `TableEvent<typeof accounts, 'detailed'>`. */
export type TableEvent<T, D extends EventDetail = 'simple'> =
  T extends Table<infer R, infer K, infer _I> ? EventOf<R, K, D> : never;

/**
 * Be told of the changes of a table: the calling process receives a `TableEvent` for each record that is put or
 * deleted by a commit after this has returned, by whomever. In the order of the commits, each when it is as
 * safe as the table: for what is on disk, when it is synced there. It ends with the process.
 *
 * @param detail `'detailed'` for the record that was there before
 * @returns what the messages carry as `ref`. Parks. `mnesia:subscribe({table, Tab, simple | detailed})`
 */
export async function subscribe(table: Table, detail: EventDetail = 'simple'): Promise<Ref> {
  // It is made if it must be, and is what the program says.
  await attempts((tx) => tx.range(table, { limit: 1 }), { retries: Number.POSITIVE_INFINITY });
  return await storage.subscribe(table, detail);
}

/** Be told no more. What is in the mailbox stays there. @returns whether there was such a subscription */
export function unsubscribe(ref: Ref): boolean {
  return storage.unsubscribe(ref);
}
