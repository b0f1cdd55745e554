/**
 * Persistent terms: values that are written seldom and read everywhere, without a copy.
 *
 * Source: OTP, module `persistent_term`.
 */

import { context, runningScheduler } from '../runtime/context.js';
import { badarg } from '../runtime/errors.js';

export interface PersistentTerm {
  /**
   * Set a value for the whole machine, for as long as it runs. What is kept is a deeply frozen copy, as
   * `freeze` makes it. `persistent_term:put/2`.
   *
   * @throws DataCloneError for what cannot be frozen
   */
  put(key: unknown, value: unknown): void;
  /**
   * The value, frozen: the same object at each call on this scheduler until it is put anew.
   * `persistent_term:get/1,2`.
   *
   * @param otherwise what to give when there is none; without it that raises `badarg`
   */
  get<T = unknown>(key: unknown, ...otherwise: readonly T[]): T;
  /** @returns whether there was one. `persistent_term:erase/1` */
  erase(key: unknown): boolean;
  /** How many there are, and their memory. `persistent_term:info/0` */
  info(): { readonly count: number; readonly memoryBytes: number };
}

export const persistentTerm: PersistentTerm = {
  put(key, value) {
    checkKey('persistentTerm.put', key);
    runningScheduler('persistentTerm.put').persistentTerms.put(key, value);
  },
  get<T>(key: unknown, ...otherwise: readonly T[]): T {
    checkKey('persistentTerm.get', key);
    context.budget -= 1;
    const found = runningScheduler('persistentTerm.get').persistentTerms.get(key);
    if (found !== undefined) return found.value as T;
    if (otherwise.length > 0) return otherwise[0] as T;
    throw badarg('persistentTerm.get: key', 'a key that was put', key);
  },
  erase(key) {
    checkKey('persistentTerm.erase', key);
    return runningScheduler('persistentTerm.erase').persistentTerms.erase(key);
  },
  info: () => runningScheduler('persistentTerm.info').persistentTerms.info(),
};

function checkKey(what: string, key: unknown): void {
  if (key === undefined) throw badarg(`${what}: key`, 'a key', key);
}
