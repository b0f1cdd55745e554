/**
 * The process dictionary: values that belong to the calling process. They are not copied: nobody else
 * can reach them.
 *
 * Source: OTP, `erlang:get/1`, `put/2`, `erase/1`, `get_keys/0`.
 */

import { runningProcess } from '../runtime/context.js';

export interface Dictionary {
  /** The value under `key`, undefined without one. `erlang:get/1` */
  get(key: unknown): unknown;
  /** Set a value. @returns the one before. `erlang:put/2` */
  put(key: unknown, value: unknown): unknown;
  /** Remove a key. @returns its value. `erlang:erase/1` */
  erase(key: unknown): unknown;
  keys(): unknown[];
  entries(): [unknown, unknown][];
}

export const dictionary: Dictionary = {
  get: (key) => runningProcess('dictionary.get').extra?.dictionary?.get(key),
  put(key, value) {
    const extra = runningProcess('dictionary.put').more();
    extra.dictionary ??= new Map();
    const before = extra.dictionary.get(key);
    extra.dictionary.set(key, value);
    return before;
  },
  erase(key) {
    const entries = runningProcess('dictionary.erase').extra?.dictionary;
    const before = entries?.get(key);
    entries?.delete(key);
    return before;
  },
  keys: () => [...(runningProcess('dictionary.keys').extra?.dictionary?.keys() ?? [])],
  entries: () => [...(runningProcess('dictionary.entries').extra?.dictionary?.entries() ?? [])],
};
