/**
 * Harden: the realm of a thread, before any module is evaluated.
 *
 * `ses` freezes the intrinsics, so that no process can poison `Array.prototype` for another. This
 * file must be the first import of a thread's entry: what is loaded later finds the frozen realm.
 */

import 'ses';

declare const lockdown: (options: Readonly<Record<string, string>>) => void;

lockdown({
  // Stacks stay readable: the machine maps them to the user's TypeScript lines.
  errorTaming: 'unsafe',
  stackFiltering: 'verbose',
  // npm packages assign `toString` and the like to their own objects; that must go on working.
  overrideTaming: 'severe',
  consoleTaming: 'unsafe',
  localeTaming: 'unsafe',
  domainTaming: 'unsafe',
  evalTaming: 'unsafeEval',
  regExpTaming: 'unsafe',
  // Otherwise ses would answer an uncaught error with process.exit, and hide the error.
  errorTrapping: 'none',
  unhandledRejectionTrapping: 'none',
  reporting: 'none',
});

/** What `process.exit` does in a process of the machine: ends that process alone. */
export function guardProcessExit(exitProcess: (code: number) => never): void {
  const forbid = (code?: string | number | null): never => exitProcess(Number(code ?? 0));
  Object.defineProperty(process, 'exit', { value: forbid, writable: false, configurable: false });
  Object.defineProperty(process, 'reallyExit', {
    value: forbid,
    writable: false,
    configurable: false,
  });
  Object.defineProperty(process, 'abort', { value: forbid, writable: false, configurable: false });
}
