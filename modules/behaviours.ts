/**
 * What all behaviours do alike with their callback modules.
 *
 * Source: OTP, modules `gen`, `gen_server`, `gen_statem`, `gen_event`; SEMANTICS 10–12.
 */

import { exportName, ProcessError } from 'tsvm';

/** Errors are failures; any other value that is thrown is taken as returned, as in Erlang. */
export function isFailure(thrown: unknown): boolean {
  return thrown instanceof Error;
}

/** The name of a callback module, for reports. */
export function moduleName(module: object): string {
  return exportName(module)?.module ?? '(unknown)';
}

/** Callback modules go to the process by name, so nothing else will do. */
export function checkModule(behaviour: string, module: object): void {
  if (exportName(module)?.name === null) return;
  throw new ProcessError(
    'badarg',
    `${behaviour}: module: expected a module, as import * as mine from './mine.js' gives it`,
  );
}
