/**
 * Storage thread: the one thread that writes to the stores. It is never terminated while it runs, as
 * that could take the whole program down in the middle of a native write; it ends when it is asked to.
 */

import { rmSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { CommitCells } from '../db/commit-cells.js';
import { type FromStorage, logFolder, storeFolder, type ToStorage } from '../db/embedded-engine.js';
import { recover } from '../db/recovery.js';
import { prepareDisc } from '../db/storage-files.js';
import { StorageWriter } from '../db/storage-writer.js';
import { Store } from '../db/store.js';
import type {
  StorageAnswer,
  StorageQuestion,
  StorageRequest,
  StorageThreadBoot,
} from './storage-protocol.js';

const host = parentPort as MessagePort;
const boot = workerData as StorageThreadBoot;
const cells: CommitCells = new CommitCells(boot.cells);
const ports: Map<number, MessagePort> = new Map();
const writer: StorageWriter = new StorageWriter(cells, {
  onWrite: () => {},
  onApplied: () => {},
  onProblem: saidOnce(),
});

function tell(answer: StorageAnswer): void {
  host.postMessage(answer);
}

function saidOnce(): (problem: string) => void {
  let last = '';
  return (problem) => {
    if (problem === last) return;
    last = problem;
    tell({ type: 'warn', text: `tables cannot be written to the disk: ${problem}` });
  };
}

async function start(): Promise<void> {
  if (boot.disc !== null) {
    const epoch = prepareDisc(boot.disc);
    while (cells.epoch < epoch) cells.nextEpoch();
    const store = new Store(storeFolder(boot.disc, epoch), true);
    const found = await recover(store, logFolder(boot.disc));
    if (found.torn !== null) {
      const { bytes, file, kept } = found.torn;
      const text = `the last ${bytes} bytes of ${file} were no whole commit, and are in ${kept} now`;
      tell({ type: 'warn', text });
    }
    cells.commit = found.commit;
    writer.add('disc', boot.disc, store, found.segment);
  }
  writer.add('ram', boot.ram, new Store(storeFolder(boot.ram, 0), false), 1);
}

async function answer(request: StorageRequest): Promise<unknown> {
  switch (request.op) {
    case 'attach':
      attach(request.life, request.port);
      return null;
    case 'detach':
      ports.get(request.life)?.close();
      ports.delete(request.life);
      return null;
    case 'close':
      await writer.close();
      for (const port of ports.values()) port.close();
      rmSync(boot.ram, { recursive: true, force: true });
      return null;
  }
}

function attach(life: number, port: MessagePort): void {
  ports.set(life, port);
  port.on('message', (message: ToStorage) => {
    if (message.type === 'wake') {
      writer.wake();
      return;
    }
    writer.sync(message.place, (result) => {
      const told: FromStorage =
        typeof result === 'string'
          ? { type: 'sync_failed', problem: result }
          : { type: 'synced', place: result };
      port.postMessage(told);
    });
  });
  // What was committed before the port was there.
  writer.wake();
}

host.on('message', async ({ id, request }: StorageQuestion) => {
  try {
    await ready;
    tell({ type: 'answer', id, value: await answer(request) });
  } catch (error) {
    const { name, message } = error as Error;
    tell({ type: 'failed', id, name, message });
  }
  if (request.op === 'close') host.close();
});
const ready: Promise<void> = start();
ready.catch(() => {});
