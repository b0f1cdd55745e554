/**
 * Storage host: the main thread's hand on the storage thread. Started when the first process uses a table.
 *
 * Two machines never write to one folder: its owner is found out by the same claim as that of a data
 * folder, also where a host program starts the machine; see `data-folder.ts`.
 */

import { mkdirSync } from 'node:fs';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { CommitCells } from '../db/commit-cells.js';
import type { StorageBoot } from '../db/embedded-engine.js';
import { databaseFolder, makeRam, StorageError } from '../db/storage-files.js';
import type { Verified } from '../db/verify.js';
import { ControlServer } from './control-socket.js';
import { DataFolder } from './data-folder.js';
import type {
  StorageAnswer,
  StorageQuestion,
  StorageRequest,
  StorageThreadBoot,
} from './storage-protocol.js';
import { threadFile } from './thread-file.js';

export interface StorageHostOptions {
  /** The data folder of the machine. */
  readonly data: string | undefined;
  readonly warn: (text: string) => void;
}

interface Asked {
  readonly done: (value: unknown) => void;
  readonly failed: (error: Error) => void;
}

export class StorageHost {
  readonly #options: StorageHostOptions;
  readonly #cells = new CommitCells();
  readonly #asked = new Map<number, Asked>();
  #questions = 0;
  #starting: Promise<void> | null = null;
  #worker: Worker | null = null;
  #ram = '';
  #claim: DataFolder | null = null;
  #control: ControlServer | null = null;
  #closed = false;
  /** Why there is no storage thread any more. */
  #failure: StorageError | null = null;

  constructor(options: StorageHostOptions) {
    this.#options = options;
  }

  /** Is there a storage thread? */
  get isStarted(): boolean {
    return this.#worker !== null;
  }

  /**
   * What a scheduler needs to reach the tables.
   *
   * @throws StorageError, DataFolderError
   */
  async attach(life: number): Promise<StorageBoot> {
    await this.#ready();
    const { port1, port2 } = new MessageChannel();
    await this.ask({ op: 'attach', life, port: port1 }, [port1]);
    return { cells: this.#cells.buffer, disc: this.#disc, ram: this.#ram, port: port2 };
  }

  /** A copy of the tables on disc at one moment, as a file, without holding anybody up. */
  async backup(file: string, raw: boolean): Promise<Verified> {
    await this.#ready();
    return (await this.ask({ op: 'backup', file, raw })) as Verified;
  }

  /** Write the store anew without what it does not need; nobody is held up. @returns its sizes in bytes */
  async compact(): Promise<{ readonly before: number; readonly after: number }> {
    await this.#ready();
    return (await this.ask({ op: 'compact' })) as { before: number; after: number };
  }

  async #ready(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    this.#starting ??= this.#start();
    try {
      await this.#starting;
    } catch (error) {
      this.#starting = null;
      throw error;
    }
  }

  /** A scheduler thread has died. */
  detach(life: number): void {
    if (this.#worker === null) return;
    this.#cells.breakLock(life);
    this.ask({ op: 'detach', life }).catch(() => {});
  }

  async ask(request: StorageRequest, transfer: readonly MessagePort[] = []): Promise<unknown> {
    const worker = this.#worker;
    if (worker === null) {
      throw this.#failure ?? new Error('no process of this machine has used a table');
    }
    this.#questions += 1;
    const id = this.#questions;
    const answer = new Promise((done, failed) => this.#asked.set(id, { done, failed }));
    worker.postMessage({ id, request } satisfies StorageQuestion, [...transfer]);
    return await answer;
  }

  /** Everything committed is in the store, and synced, when it resolves. The schedulers have ended before. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#starting?.catch(() => {});
    const worker = this.#worker;
    if (worker !== null) {
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      await this.ask({ op: 'close' }).catch(() => {});
      await ended;
      this.#worker = null;
    }
    this.#giveUp();
  }

  get #disc(): string | null {
    const { data } = this.#options;
    return data === undefined ? null : databaseFolder(data);
  }

  async #start(): Promise<void> {
    if (this.#closed) throw new Error('the machine is stopping');
    try {
      await this.#claimFolder();
      this.#ram = makeRam();
      const workerData: StorageThreadBoot = {
        cells: this.#cells.buffer,
        disc: this.#disc,
        ram: this.#ram,
      };
      const worker = new Worker(new URL(threadFile('storage')), { workerData });
      worker.on('message', (answer: StorageAnswer) => this.#told(answer));
      worker.on('error', (error) => this.#ended(error));
      worker.on('exit', () => {
        this.#worker = null;
        this.#ended(new Error('the storage thread has ended'));
      });
      // It ends with the machine, and does not keep the program.
      worker.unref();
      this.#worker = worker;
    } catch (error) {
      this.#giveUp();
      throw error;
    }
  }

  async #claimFolder(): Promise<void> {
    const folder = this.#disc;
    if (folder === null) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const claim = await DataFolder.open(folder);
    this.#control = await ControlServer.listen(claim.socket, {});
    this.#claim = claim;
    await claim.claim('');
  }

  #giveUp(): void {
    this.#control?.close();
    this.#claim?.release();
    this.#control = null;
    this.#claim = null;
  }

  #told(answer: StorageAnswer): void {
    if (answer.type === 'warn') {
      this.#options.warn(answer.text);
      return;
    }
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    if (answer.type === 'answer') asked?.done(answer.value);
    else asked?.failed(named(answer.name, answer.message));
  }

  #ended(error: Error): void {
    for (const { failed } of this.#asked.values()) failed(error);
    this.#asked.clear();
    if (this.#closed || this.#cells.stopped !== null) return;
    this.#cells.stopped = 'disk_failed';
    this.#failure = new StorageError(
      'unusable',
      `tables cannot be written until the machine is started again: the storage thread has died: ${error.message}`,
    );
    this.#options.warn(this.#failure.message);
  }
}

function named(name: string, message: string): Error {
  return name === 'DamageError' ? new StorageError('damaged', message) : new Error(message);
}
