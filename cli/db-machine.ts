/**
 * The machine that `tsvm db` asks: the one that runs in the data folder, or one without modules that the
 * command runs for as long as it takes, with the same claim, so that `tsvm start` is refused meanwhile.
 */

import { ControlClient, ControlServer } from '../runtime/vm/control-socket.js';
import { DataFolder, findMachine } from '../runtime/vm/data-folder.js';
import { startVm } from '../runtime/vm/machine.js';
import { serveDb } from './db-requests.js';
import { tsvmVersion } from './version.js';

/** Something large is copied. */
const ANSWER_MS: number = 60 * 60 * 1000;

export interface DbMachine {
  /** Whether it was there before. */
  readonly isRunning: boolean;
  ask(action: string, fields?: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/** @throws what `use` throws */
export async function withDbMachine<T>(
  data: string,
  use: (machine: DbMachine) => Promise<T>,
): Promise<T> {
  const claim = await findMachine(data);
  if (claim === null) return await withOwnMachine(data, use);
  const client = await ControlClient.connect(claim.socket);
  try {
    return await use({
      isRunning: true,
      ask: (action, fields = {}) => client.ask('db', { action, ...fields }, ANSWER_MS),
    });
  } finally {
    client.close();
  }
}

async function withOwnMachine<T>(
  data: string,
  use: (machine: DbMachine) => Promise<T>,
): Promise<T> {
  return await withClaim(data, async () => {
    const vm = await startVm({ data, schedulers: 1, dirtyThreads: 1, logger: false });
    try {
      return await use({
        isRunning: false,
        ask: (action, fields = {}) => serveDb(vm, { action, ...fields }),
      });
    } finally {
      await vm.stop();
    }
  });
}

/** Be the only one who uses a data folder. @throws DataFolderInUseError */
export async function withClaim<T>(data: string, use: () => Promise<T>): Promise<T> {
  const folder = await DataFolder.open(data);
  const control = await ControlServer.listen(folder.socket, {});
  try {
    await folder.claim(tsvmVersion());
    return await use();
  } finally {
    control.close();
    folder.release();
  }
}
