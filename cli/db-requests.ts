/**
 * What a machine does for `tsvm db`: asked over its control socket, or by the command itself, which starts a
 * machine without modules where none runs.
 */

import { readFile } from 'node:fs/promises';
import { ControlError, type ControlRequest } from '../runtime/vm/control-socket.js';
import type { Vm } from '../runtime/vm/machine.js';

/** @throws ControlError for a request that is none, or that fails */
export async function serveDb(vm: Vm, request: ControlRequest): Promise<unknown> {
  try {
    return await answer(vm, request);
  } catch (error) {
    if (error instanceof ControlError) throw error;
    throw new ControlError('failed', error instanceof Error ? error.message : String(error));
  }
}

async function answer(vm: Vm, request: ControlRequest): Promise<unknown> {
  const { action, table, key = null, limit, info, file } = request;
  const admin = (fn: string, ...args: unknown[]): Promise<unknown> =>
    vm.run('tsvm/db-admin', fn, args);
  switch (action) {
    case 'tables':
      return await admin('tables');
    case 'get':
      return await admin('get', table, key);
    case 'page':
      return await admin('page', table, key, limit);
    case 'make':
      return await admin('make', info);
    case 'put':
      return await admin('put', table, await recordsOf(request));
    case 'backup':
      return await vm.backup(String(file), { raw: request['raw'] === true });
    case 'compact':
      return await vm.compact();
    default:
      throw new ControlError('bad_request', `db: there is no action ${JSON.stringify(action)}`);
  }
}

/** What does not fit into a request is in a file of the same user. */
async function recordsOf({ records, file }: ControlRequest): Promise<unknown> {
  return file === undefined ? records : JSON.parse(await readFile(String(file), 'utf8'));
}
