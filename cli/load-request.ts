/** Load request: the machine's side of `tsvm load`. */

import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BUILD_EXTENSION } from '../loader/build-file.js';
import type { LoadReport } from '../loader/code-server.js';
import { eachFault, LoadError } from '../loader/errors.js';
import { MANIFEST } from '../loader/manifest.js';
import { moduleFile } from '../loader/module-file.js';
import { ControlError } from '../runtime/vm/control-socket.js';
import type { Vm } from '../runtime/vm/machine.js';

/**
 * @param files as they came over the socket
 * @throws ControlError
 */
export async function loadFiles(
  vm: Vm,
  modules: string,
  files: unknown,
): Promise<readonly LoadReport[]> {
  if (
    !Array.isArray(files) ||
    files.length === 0 ||
    !files.every((file) => typeof file === 'string')
  ) {
    throw new ControlError(
      'bad_request',
      `expected "files": a list of paths, got ${JSON.stringify(files)}`,
    );
  }
  for (const file of files) {
    if (file.endsWith(BUILD_EXTENSION) || moduleFile(modules, file) !== undefined) continue;
    if (basename(file) === MANIFEST || existsSync(join(file, MANIFEST))) continue;
    throw new ControlError(
      'failed',
      `${file} is neither a build (*${BUILD_EXTENSION}), a folder of builds with a ${MANIFEST}, nor a source below the modules folder ${modules}`,
    );
  }
  try {
    return await vm.load(...files);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    const faults = eachFault(error).map((fault) => fault.toData());
    throw new ControlError('load_error', `not loaded: ${error.message}`, faults);
  }
}
