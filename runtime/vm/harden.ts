/**
 * Harden: the realm of a thread, before any module is evaluated.
 *
 * `ses` freezes the intrinsics, so that no process can poison `Array.prototype` for another. This
 * file must be the first import of a thread's entry: what is loaded later finds the frozen realm.
 */

// The order counts: ses takes the functions of Object as it finds them.
// biome-ignore-start assist/source/organizeImports: see above
import './watch-proxies.js';
import { NativeError } from '../native-error.js';
import { layOutAgain, restoreObject } from './element-safe-freeze.js';
import 'ses';
import { types } from 'node:util';
// biome-ignore-end assist/source/organizeImports: see above

declare const lockdown: (options: Readonly<Record<string, string>>) => void;

restoreObject();

const takeStack = NativeError.captureStackTrace;
const hardened: unknown[] = [];

/**
 * The `Error` of the hardened realm takes the stack of each new error a second time, which is a quarter
 * of what an error costs. The first one is right: V8 leaves out the frames down to the constructor.
 */
NativeError.captureStackTrace = function captureStackTrace(error: object, below?: unknown): void {
  if (hardened.includes(below) && types.isNativeError(error)) return;
  Reflect.apply(takeStack, this, [error, below]);
};

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

NativeError.captureStackTrace = takeStack;
hardened.push(Error, Error.prototype.constructor);

layOutAgain();

/**
 * What `process.exit` does in a process of the machine: ends that process alone.
 *
 * Node itself calls it in a thread that ends by an uncaught error, and must get through: what is thrown
 * there brings down the whole program.
 */
export function guardProcessExit(exitProcess: (code: number) => never): void {
  for (const name of ['exit', 'reallyExit', 'abort']) {
    const original: unknown = Reflect.get(process, name);
    const guarded = (code?: string | number | null): never => {
      if ((process as { _exiting?: boolean })._exiting === true && typeof original === 'function') {
        return original.call(process, code) as never;
      }
      return exitProcess(Number(code ?? 0));
    };
    Object.defineProperty(process, name, { value: guarded, writable: false, configurable: false });
  }
}
