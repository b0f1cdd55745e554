/**
 * The machine that `tsvm db` asks: the one that runs in the data folder, or one without modules that the
 * command runs for as long as it takes, with the same claim, so that `tsvm start` is refused meanwhile.
 */

import { databaseFolder } from '../runtime/db/storage-files.js';
import { ControlClient, ControlError, ControlServer } from '../runtime/vm/control-socket.js';
import { DataFolder, findMachine } from '../runtime/vm/data-folder.js';
import { startVm } from '../runtime/vm/machine.js';
import { serveDb } from './db-requests.js';
import { Failure } from './failure.js';
import { shownPath } from './terminal.js';
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
  if (claim === null) {
    await refuseHost(data);
    return await withOwnMachine(data, use);
  }
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

/** Be the only one who uses the tables of a folder. @throws DataFolderInUseError, Failure */
export async function withStopped<T>(data: string, use: () => Promise<T>): Promise<T> {
  await refuseHost(data);
  return await withClaim(data, () => withClaim(databaseFolder(data), use));
}

/** A program that embeds a machine has a claim on the tables, and no socket for commands. */
async function refuseHost(data: string): Promise<void> {
  const holder = await findMachine(databaseFolder(data));
  if (holder === null) return;
  throw new Failure(
    `the program with pid ${holder.pid} uses the tables in ${shownPath(databaseFolder(data))}, and is no machine of tsvm start`,
    {
      hint: 'end it; or let it do this itself: vm.backup, vm.compact, and the module tsvm/db-admin',
    },
  );
}

/** What another `tsvm db` is told that finds this one in the place of the machine. */
function isAtWork(): never {
  const text = `the tsvm db with pid ${process.pid} works on these tables: try again when it has ended`;
  throw new ControlError('not_ready', text);
}

async function withClaim<T>(data: string, use: () => Promise<T>): Promise<T> {
  const folder = await DataFolder.open(data);
  const control = await ControlServer.listen(folder.socket, { db: isAtWork });
  try {
    await folder.claim(tsvmVersion());
    return await use();
  } finally {
    control.close();
    folder.release();
  }
}
