/**
 * Term order: a total order, equality and a hash over all values that can be sent.
 *
 * Keys of tables are compared by it, in memory and on disk. From least to greatest:
 *
 * | rank | values            | among each other                                                     |
 * | ---- | ----------------- | -------------------------------------------------------------------- |
 * | 0    | `undefined`       | equal; a hole of an array counts as `undefined`                       |
 * | 1    | `null`            | equal                                                                |
 * | 2    | booleans          | `false`, `true`                                                      |
 * | 3    | numbers           | `NaN`, then by value; `-0` equals `0`                                |
 * | 4    | bigints           | by value; no bigint equals a number                                  |
 * | 5    | strings           | by UTF-16 code units, as `<` does; so are pids, references and names  |
 * | 6    | Date              | invalid ones, then by time                                           |
 * | 7    | arrays            | item by item, a prefix before what it begins                         |
 * | 8    | objects           | number of keys, then the keys in order, then their values            |
 * | 9    | Map               | size, then the keys in order, then their values                      |
 * | 10   | Set               | size, then the items in order                                        |
 * | 11   | binary data       | kind of view, then byte by byte                                      |
 * | 12   | RegExp            | source, then flags                                                   |
 * | 13   | Error             | name, message, stack, cause                                          |
 * | 14   | boxed primitives  | by what they box                                                     |
 * | 15   | functions         | module, name; then version, number and captured values               |
 * | 16   | modules           | by name                                                              |
 *
 * Invariants:
 *  1. `compareTerms(a, b) === 0`, `equalTerms(a, b)`, and equal values having equal hashes are one
 *     notion. Broken, a row could be inserted and never found.
 *  2. The order of the keys of an object never counts, nor what inherits from where: what was copied
 *     once equals all its further copies.
 *
 * Arrays compare as OTP's lists, not as its tuples, which go by size first: so all keys that begin
 * with the same items lie together.
 *
 * Source: OTP Reference Manual, "Expressions" › "Term Comparisons"; SEMANTICS §16.
 */

import { types } from 'node:util';
import { ProcessError } from './errors.js';
import { type AnyFunction, ExportFun, funOf, type VersionFun } from './funs.js';
import { moduleOfTable } from './module-tables.js';

export const Rank = {
  UNDEFINED: 0,
  NULL: 1,
  BOOLEAN: 2,
  NUMBER: 3,
  BIGINT: 4,
  STRING: 5,
  DATE: 6,
  ARRAY: 7,
  OBJECT: 8,
  MAP: 9,
  SET: 10,
  BINARY: 11,
  REGEXP: 12,
  ERROR: 13,
  BOXED: 14,
  FUNCTION: 15,
  MODULE: 16,
} as const;

/** What is nested more deeply has no order: a value that contains itself would never end. */
export const ORDER_DEPTH_MAX = 512;

/** Kinds of binary data in the order in which they sort. Append only: stores on disk hold the numbers. */
const BINARY_KINDS = [
  'ArrayBuffer',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int8Array',
  'Uint16Array',
  'Int16Array',
  'Uint32Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
  'BigUint64Array',
  'BigInt64Array',
  'DataView',
  'Float16Array',
] as const;

const { isArray } = Array;
const { isView } = ArrayBuffer;
const { keys: ownKeys } = Object;
const typeOfView = Reflect.getOwnPropertyDescriptor(
  Reflect.getPrototypeOf(Uint8Array.prototype) as object,
  Symbol.toStringTag,
)?.get as () => string | undefined;

/** The rank of a value, see the table above. */
export function rankOf(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return Rank.NUMBER;
    case 'string':
      return Rank.STRING;
    case 'undefined':
      return Rank.UNDEFINED;
    case 'boolean':
      return Rank.BOOLEAN;
    case 'bigint':
      return Rank.BIGINT;
    case 'object':
      return value === null ? Rank.NULL : rankOfObject(value);
    case 'function':
      return Rank.FUNCTION;
    default:
      throw new ProcessError('badarg', 'a symbol has no order: it cannot be sent');
  }
}

function rankOfObject(value: object): number {
  if (isArray(value)) return Rank.ARRAY;
  if (isView(value) || types.isAnyArrayBuffer(value)) return Rank.BINARY;
  if (types.isDate(value)) return Rank.DATE;
  if (types.isMap(value)) return Rank.MAP;
  if (types.isSet(value)) return Rank.SET;
  if (types.isRegExp(value)) return Rank.REGEXP;
  if (types.isNativeError(value)) return Rank.ERROR;
  if (types.isBoxedPrimitive(value)) return Rank.BOXED;
  return moduleOfTable(value) === undefined ? Rank.OBJECT : Rank.MODULE;
}

/**
 * @returns a negative number when `a` comes before `b`, 0 when they are equal, else a positive one
 * @throws badarg for symbols, functions that cannot be sent, and values that contain themselves
 */
export function compareTerms(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  return compare(a, b, 0);
}

/** Structural equality: is `compareTerms(a, b)` zero? */
export function equalTerms(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === typeof b && compareTerms(a, b) === 0);
}

function compareNumbers(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  // At least one is NaN, the least of all.
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
}

function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function compare(a: unknown, b: unknown, depth: number): number {
  if (a === b && typeof a !== 'object') return 0;
  const rank = rankOf(a);
  const difference = rank - rankOf(b);
  if (difference !== 0) return difference;
  if (depth > ORDER_DEPTH_MAX) throw tooDeep();
  switch (rank) {
    case Rank.NUMBER:
      return compareNumbers(a as number, b as number);
    case Rank.STRING:
      return compareStrings(a as string, b as string);
    case Rank.BOOLEAN:
      return Number(a) - Number(b);
    case Rank.BIGINT:
      return (a as bigint) < (b as bigint) ? -1 : 1;
    case Rank.DATE:
      return compareNumbers((a as Date).getTime(), (b as Date).getTime());
    case Rank.ARRAY:
      return compareItems(a as unknown[], b as unknown[], depth);
    case Rank.OBJECT:
      return compareFields(a as Fields, b as Fields, depth);
    case Rank.MAP:
      return compareMaps(a as Map<unknown, unknown>, b as Map<unknown, unknown>, depth);
    case Rank.SET:
      return compareSets(a as Set<unknown>, b as Set<unknown>, depth);
    case Rank.BINARY:
      return compareBinaries(a as object, b as object);
    case Rank.UNDEFINED:
    case Rank.NULL:
      return 0;
    default:
      return compareItems(partsOf(rank, a), partsOf(rank, b), depth);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function tooDeep(): ProcessError {
  return new ProcessError(
    'badarg',
    `a value nested more than ${ORDER_DEPTH_MAX} deep has no order (does it contain itself?)`,
  );
}

function compareItems(a: readonly unknown[], b: readonly unknown[], depth: number): number {
  const count = Math.min(a.length, b.length);
  for (let index = 0; index < count; index += 1) {
    const difference = compare(a[index], b[index], depth + 1);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The keys of an object as the order counts them. */
export function sortedKeys(value: object): string[] {
  return ownKeys(value).sort(compareStrings);
}

function compareFields(a: Fields, b: Fields, depth: number): number {
  const left = sortedKeys(a);
  const right = sortedKeys(b);
  if (left.length !== right.length) return left.length - right.length;
  for (let index = 0; index < left.length; index += 1) {
    const difference = compareStrings(left[index] as string, right[index] as string);
    if (difference !== 0) return difference;
  }
  for (const key of left) {
    const difference = compare(a[key], b[key], depth + 1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Entries of a Map by key, items of a Set: as the order counts them. */
export function sortedEntries(map: ReadonlyMap<unknown, unknown>, depth = 0): [unknown, unknown][] {
  return [...map].sort((left, right) => compare(left[0], right[0], depth + 1));
}

export function sortedItems(set: ReadonlySet<unknown>, depth = 0): unknown[] {
  return [...set].sort((left, right) => compare(left, right, depth + 1));
}

function compareMaps(
  a: ReadonlyMap<unknown, unknown>,
  b: ReadonlyMap<unknown, unknown>,
  depth: number,
): number {
  if (a.size !== b.size) return a.size - b.size;
  const left = sortedEntries(a, depth);
  const right = sortedEntries(b, depth);
  const keys = (entries: [unknown, unknown][]): unknown[] => entries.map(([key]) => key);
  const values = (entries: [unknown, unknown][]): unknown[] => entries.map(([, value]) => value);
  const difference = compareItems(keys(left), keys(right), depth);
  return difference !== 0 ? difference : compareItems(values(left), values(right), depth);
}

function compareSets(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>, depth: number): number {
  if (a.size !== b.size) return a.size - b.size;
  return compareItems(sortedItems(a, depth), sortedItems(b, depth), depth);
}

/** The kind of binary data, a number that never changes its meaning, and its bytes. */
export function binaryParts(value: object): { readonly kind: number; readonly bytes: Uint8Array } {
  if (!isView(value)) return { kind: 0, bytes: new Uint8Array(value as ArrayBuffer) };
  const name = typeOfView.call(value) ?? 'DataView';
  return {
    kind: (BINARY_KINDS as readonly string[]).indexOf(name),
    bytes: new Uint8Array(value.buffer, value.byteOffset, value.byteLength),
  };
}

/** Binary data of a kind that {@link binaryParts} told, on these bytes (which it takes over). */
export function binaryOf(kind: number, bytes: Uint8Array<ArrayBuffer>): object {
  const name = BINARY_KINDS[kind] as (typeof BINARY_KINDS)[number];
  if (name === 'ArrayBuffer')
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  if (name === 'Uint8Array') return bytes;
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const View = (globalThis as unknown as Record<string, new (buffer: ArrayBuffer) => object>)[name];
  if (View === undefined) throw new ProcessError('badarg', `this Node has no ${name}`);
  return new View(buffer);
}

function compareBinaries(a: object, b: object): number {
  const left = binaryParts(a);
  const right = binaryParts(b);
  if (left.kind !== right.kind) return left.kind - right.kind;
  const count = Math.min(left.bytes.length, right.bytes.length);
  for (let index = 0; index < count; index += 1) {
    const difference = (left.bytes[index] as number) - (right.bytes[index] as number);
    if (difference !== 0) return difference;
  }
  return left.bytes.length - right.bytes.length;
}

/** Everything that counts in a value of one of the rare ranks, as a list. */
export function partsOf(rank: number, value: unknown): readonly unknown[] {
  if (rank === Rank.REGEXP) return [(value as RegExp).source, (value as RegExp).flags];
  if (rank === Rank.ERROR) {
    const { name, message, stack, cause } = value as Error;
    return [String(name), String(message), stack, cause];
  }
  if (rank === Rank.BOXED) return [(value as object).valueOf()];
  if (rank === Rank.MODULE) return [moduleOfTable(value as object)];
  const fun = funOf(value as AnyFunction);
  if (fun === undefined) {
    throw new ProcessError('badarg', 'this function has no order: it cannot be sent');
  }
  if (fun instanceof ExportFun) return [fun.module, fun.name];
  const { version, index, captures } = fun as VersionFun;
  return [version.module, null, version.version, index, captures];
}

/** One number in two views, to hash doubles. */
const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

/** Spread the bits of an integer; different integers stay different. */
export function mix(int: number): number {
  let hash = Math.imul(int ^ (int >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return hash ^ (hash >>> 15);
}

function hashString(text: string): number {
  let hash = 0x811c9dc5 ^ text.length;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash);
}

/**
 * A hash of 32 bits, the same for equal values on all threads and in all versions of one machine.
 *
 * @throws as {@link compareTerms}
 */
export function hashTerm(value: unknown): number {
  return hash(value, 0);
}

function hash(value: unknown, depth: number): number {
  if (typeof value === 'number') return hashNumber(value);
  if (typeof value === 'string') return hashString(value);
  const rank = rankOf(value);
  if (depth > ORDER_DEPTH_MAX) throw tooDeep();
  switch (rank) {
    case Rank.UNDEFINED:
    case Rank.NULL:
      return mix(rank + 0x5bd1);
    case Rank.BOOLEAN:
      return mix(value === true ? 0x7a31 : 0x7a32);
    case Rank.BIGINT:
      return hashString((value as bigint).toString(16)) ^ rank;
    case Rank.DATE:
      return hashNumber((value as Date).getTime()) ^ rank;
    case Rank.ARRAY:
      return hashItems(value as unknown[], rank, depth);
    case Rank.OBJECT: {
      const keys = sortedKeys(value as object);
      const values = keys.map((key) => (value as Fields)[key]);
      return hashItems(values, hashItems(keys, rank, depth), depth);
    }
    case Rank.MAP: {
      const entries = sortedEntries(value as Map<unknown, unknown>, depth);
      return hashItems(entries, rank, depth);
    }
    case Rank.SET:
      return hashItems(sortedItems(value as Set<unknown>, depth), rank, depth);
    case Rank.BINARY: {
      const { kind, bytes } = binaryParts(value as object);
      let result = kind ^ rank;
      for (const byte of bytes) result = Math.imul(result ^ byte, 0x01000193);
      return mix(result);
    }
    default:
      return hashItems(partsOf(rank, value), rank, depth);
  }
}

function hashNumber(value: number): number {
  const int = value | 0;
  if (int === value) return mix(int);
  double[0] = Number.isNaN(value) ? Number.NaN : value;
  return mix(Math.imul(halves[0] as number, 31) ^ (halves[1] as number));
}

function hashItems(items: readonly unknown[], seed: number, depth: number): number {
  let result = seed + items.length;
  for (let index = 0; index < items.length; index += 1) {
    result = (Math.imul(result, 0x01000193) + hash(items[index], depth + 1)) | 0;
  }
  return mix(result);
}
