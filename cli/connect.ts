/** Connect: the running machine of a folder, for the commands that ask it. */

import { resolve } from 'node:path';
import { ControlClient } from '../runtime/vm/control-socket.js';
import { type Claim, findMachine } from '../runtime/vm/data-folder.js';
import { dataFolderOf } from './application.js';
import { Failure } from './failure.js';
import { shownPath } from './terminal.js';

export interface Connection {
  readonly client: ControlClient;
  readonly claim: Claim;
}

/** @throws Failure when no machine runs there */
export async function connectTo(dir: string, data: string | undefined): Promise<Connection> {
  const folder = data === undefined ? dataFolderOf(dir) : resolve(data);
  const claim = await findMachine(folder);
  if (claim === null) {
    const where = data === undefined ? resolve(dir) : folder;
    throw new Failure(`no machine runs in ${where}`, {
      hint: `start one with tsvm start${dir === '.' ? '' : ` ${shownPath(resolve(dir))}`}${data === undefined ? '' : ` --data ${data}`}`,
    });
  }
  return { client: await ControlClient.connect(claim.socket), claim };
}
