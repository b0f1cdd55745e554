/**
 * Frozen values: plain data that nobody can change any more and that is therefore shared instead
 * of copied.
 *
 * `freezeValue` (the `freeze` BIF) copies what it is given, freezes the copy at every depth and
 * marks every node of it. A copier that meets a marked node passes it on by reference; the codec
 * sends it once per direction.
 *
 * Invariants:
 *  1. A marked node is an ordinary array or an ordinary object with data properties only, frozen,
 *     and all objects it refers to are marked, or belong to code that was exported. Broken, processes would share mutable state.
 *  2. Marks are never taken away.
 *
 * Only objects and arrays can be frozen: `Object.freeze` of a Map, Set, Date or typed array leaves
 * its contents writable, so those are refused rather than half protected.
 *
 * Source: DESIGN §3; `persistent_term` and literals are the counterpart in OTP.
 */
import { types } from 'node:util';
import { DataCloneError } from './clone-error.js';
import { type AnyFunction, ExportFun, exportedFun, funOf } from './funs.js';
import { moduleOfTable } from './module-tables.js';

const marked = new WeakSet<object>();
const objectPrototype: unknown = Object.prototype;
const { freeze, getPrototypeOf, keys: ownKeys } = Object;
const { isArray } = Array;

let marksExist = false;

/** Is there any marked value in this thread at all? Spares the others the look-up. */
export function anyFrozen(): boolean {
  return marksExist;
}

/** Was this object frozen by {@link freezeValue} (at any depth)? Cost: one hash look-up. */
export function isFrozenValue(value: object): boolean {
  return marksExist && marked.has(value);
}

/**
 * Mark a value deeply that is known to be an ordinary tree of plain data of our own, for example
 * one that was just decoded or copied.
 *
 * @param value plain data that nobody else holds; it is frozen in place
 */
export function markFrozen(value: object): void {
  marksExist = true;
  const pending: object[] = [value];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (marked.has(node)) continue;
    freeze(node);
    marked.add(node);
    for (const key of ownKeys(node)) {
      const child: unknown = (node as Record<string, unknown>)[key];
      const isNode = typeof child === 'object' && child !== null;
      if (isNode && moduleOfTable(child) === undefined) pending.push(child);
    }
  }
}

/** The names of what is refused, for the error text. */
function kindOf(value: object): string | undefined {
  if (types.isProxy(value)) return 'a proxy';
  if (isArray(value)) return undefined;
  if (types.isMap(value)) return 'a Map';
  if (types.isSet(value)) return 'a Set';
  if (types.isDate(value)) return 'a Date';
  if (types.isRegExp(value)) return 'a RegExp';
  if (types.isNativeError(value)) return 'an Error';
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return 'binary data';
  if (types.isBoxedPrimitive(value)) return 'a boxed primitive';
  const proto: unknown = getPrototypeOf(value);
  if (types.isArgumentsObject(value)) return 'an arguments object';
  if (proto === objectPrototype || proto === null) return undefined;
  return 'an instance of a class';
}

/**
 * The `freeze` BIF: an immutable copy of plain data that messages share instead of copying.
 *
 * Frozen parts of the argument are kept as they are, so freezing a frozen value costs nothing.
 *
 * @param value primitives, plain objects and arrays at any depth, also shared or cyclic
 * @param root how the value is called in error texts
 * @returns the frozen copy; primitives and frozen values are returned as they are
 * @throws DataCloneError with the path, when something in it cannot be frozen; nothing is changed
 * Cost: one pass over the value.
 */
export function freezeValue<T>(value: T, root = 'value'): T {
  if (typeof value === 'object' && value !== null && isFrozenValue(value)) return value;
  const copies = new Map<object, object>();
  const result = freezableCopy(value, root, copies);
  // Marked only when the whole copy exists: an error half way must leave no mark behind.
  marksExist ||= copies.size > 0;
  for (const node of copies.values()) {
    freeze(node);
    marked.add(node);
  }
  return result as T;
}

function freezableCopy(top: unknown, root: string, copies: Map<object, object>): unknown {
  const pending: { from: object; to: object; path: string }[] = [];
  const visit = (value: unknown, path: string): unknown => {
    if (typeof value === 'function') {
      const fun = funOf(value as AnyFunction);
      if (fun instanceof ExportFun) return exportedFun(fun.module, fun.name);
    }
    if (typeof value === 'function' || typeof value === 'symbol') {
      throw new DataCloneError(path, `is a ${typeof value}: only plain data can be frozen`);
    }
    if (typeof value !== 'object' || value === null || isFrozenValue(value)) return value;
    const known = copies.get(value);
    if (known !== undefined) return known;
    if (moduleOfTable(value) !== undefined) return value;
    const kind = kindOf(value);
    if (kind !== undefined) {
      throw new DataCloneError(path, `is ${kind}: only plain objects and arrays can be frozen`);
    }
    const to: object = isArray(value) ? new Array(value.length) : {};
    copies.set(value, to);
    pending.push({ from: value, to, path });
    return to;
  };
  const result = visit(top, root);
  for (let job = pending.pop(); job !== undefined; job = pending.pop()) {
    for (const key of ownKeys(job.from)) {
      const item: unknown = (job.from as Record<string, unknown>)[key];
      const path = isArray(job.from) ? `${job.path}[${key}]` : `${job.path}.${key}`;
      Object.defineProperty(job.to, key, {
        value: visit(item, path),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }
  return result;
}
