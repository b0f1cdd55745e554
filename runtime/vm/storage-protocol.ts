/**
 * Storage protocol: what the main thread asks of the storage thread. Plain messages; each request has one
 * answer.
 */

import type { MessagePort } from 'node:worker_threads';

/** What the storage thread is started with. */
export interface StorageThreadBoot {
  readonly cells: SharedArrayBuffer;
  readonly disc: string | null;
  readonly ram: string;
}

export type StorageRequest =
  | { readonly op: 'attach'; readonly life: number; readonly port: MessagePort }
  | { readonly op: 'detach'; readonly life: number }
  /** A copy of a moment, as a file; gives what verification says of it. `raw`: page by page, not verified. */
  | { readonly op: 'backup'; readonly file: string; readonly raw: boolean }
  /** Write the store anew, without what it does not need. */
  | { readonly op: 'compact' }
  | { readonly op: 'close' };

export interface StorageQuestion {
  readonly id: number;
  readonly request: StorageRequest;
}

export type StorageAnswer =
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly name: string;
      readonly message: string;
    }
  | { readonly type: 'warn'; readonly text: string };
