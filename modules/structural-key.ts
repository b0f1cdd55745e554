/**
 * Structural keys: a text for each plain value, the same for values that are equal by structure.
 *
 * So a `Map` finds what was put in under another object of the same content, as keys of Erlang's tables
 * are found by `=:=`.
 *
 * Invariants:
 *  1. Two values have the same text if and only if they are equal: 1 and '1' are not, the order of
 *     properties does not count, the order in lists does.
 *  2. The text of a value is the same on every scheduler and in every run, so its hash can route.
 */

import { ProcessError } from 'tsvm';

/**
 * The text of a value: primitives, lists, plain objects, dates, maps, sets and bytes, nested as you like.
 *
 * @throws badarg for what has no content to compare (functions, symbols, class instances)
 * Cost: the size of the value; for a string next to nothing.
 */
export function keyText(value: unknown): string {
  // Nothing else begins with a quote, so the text of a string needs none at its end.
  return typeof value === 'string' ? `"${value}` : nested(value);
}

function nested(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      // -0 and 0 are one key, as they are in a Map.
      return `#${value}`;
    case 'bigint':
      return `n${value}`;
    case 'boolean':
      return value ? 't' : 'f';
    case 'undefined':
      return 'u';
    case 'object':
      return value === null ? '0' : composed(value);
    default:
      throw unusable(typeof value);
  }
}

function composed(value: object): string {
  if (Array.isArray(value)) return `[${value.map(nested).join()}]`;
  if (value instanceof Date) return `D${value.getTime()}`;
  if (value instanceof Map) {
    const entries = Array.from(value, ([key, each]) => `${nested(key)}:${nested(each)}`);
    return `M{${entries.sort().join()}}`;
  }
  if (value instanceof Set) return `S{${Array.from(value, nested).sort().join()}}`;
  if (value instanceof Uint8Array) return `B${value.join()}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    throw unusable(`a ${value.constructor?.name ?? 'class instance'}`);
  }
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${nested(each)}`).join()}}`;
}

function unusable(what: string): ProcessError {
  return new ProcessError(
    'badarg',
    `a key is compared by its content, which ${what} does not show`,
  );
}

/** Which of `count` parts the key with this text belongs to, from 0. FNV-1a, spread once more. `erlang:phash2/2`. */
export function partOf(text: string, count: number): number {
  if (count === 1) return 0;
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % count;
}
