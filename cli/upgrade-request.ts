/** Upgrade request: the machine's side of `tsvm upgrade` and `tsvm rollback`. */

import { eachFault, LoadError } from '../loader/errors.js';
import { UpgradeRefusedError } from '../loader/upgrade-file.js';
import { ControlError } from '../runtime/vm/control-socket.js';
import type { Vm } from '../runtime/vm/machine.js';
import type { UpgradeProgress, UpgradeReport } from '../runtime/vm/upgrades.js';

type Report = (progress: UpgradeProgress) => void;

/**
 * @param folder as it came over the socket
 * @throws ControlError
 */
export async function upgradeTo(vm: Vm, folder: unknown, report: Report): Promise<UpgradeReport> {
  if (typeof folder !== 'string' || folder === '') {
    throw new ControlError(
      'bad_request',
      `expected "folder": the path of a folder of builds, got ${JSON.stringify(folder)}`,
    );
  }
  return await inControlWords(() => vm.upgrade(folder, { onProgress: report }));
}

/** @throws ControlError */
export function rollBack(vm: Vm, report: Report): Promise<UpgradeReport> {
  return inControlWords(() => vm.rollback({ onProgress: report }));
}

async function inControlWords(action: () => Promise<UpgradeReport>): Promise<UpgradeReport> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof UpgradeRefusedError)
      throw new ControlError('refused', error.message, { problems: error.problems });
    if (!(error instanceof LoadError)) throw error;
    const faults = eachFault(error).map((fault) => fault.toData());
    throw new ControlError('load_error', `nothing has changed: ${error.message}`, faults);
  }
}
