/**
 * Copying a message inside one thread, with the semantics of the structured-clone algorithm.
 *
 * The result is what `structuredClone` gives, at a fraction of its cost for the small records and
 * tuples that messages are. What this file does not know how to copy, such as objects of the host,
 * goes to `structuredClone`: alone where it is a leaf, with its whole message where it is not.
 *
 * Invariants:
 *  1. The copy shares no mutable object with the original. Broken, processes are not isolated.
 *  2. References that are shared or cyclic in the original are so in the copy, and only those.
 *  3. Values marked by `freezeValue` are passed on by reference; the tables of modules too.
 *  4. An error leaves the value as it was, and names the place in it.
 *  5. A function that can be sent (`funs.ts`) is copied with what it captures; all others are refused.
 *
 * Where it differs from `structuredClone`, on purpose:
 *  - a SharedArrayBuffer, or a view of one, is refused: it would be shared;
 *  - an array loses its own named properties unless it is empty or the match of a regular expression
 *    (`index`, `groups`): V8 offers no way to ask for them below 60 ns, the price of three copies;
 *  - the fields of an object are read before its children are entered, which only getters can see;
 *  - frozen parts of a message that has to go to `structuredClone` whole are copied too;
 *  - an exotic object whose prototype was replaced by Object.prototype, and which was given enumerable
 *    properties, is taken for the plain object that it plays.
 *
 * Source: HTML standard, "Safe passing of structured data"; V8's value-serializer.cc for what the
 * standard leaves open. DESIGN §3.
 */
import { types } from 'node:util';
import { packFunctions, unpackFunctions } from './carried-functions.js';
import { DataCloneError, explain, refuseSharedMemory, viewedBuffer } from './clone-error.js';
import { copyExotic } from './copy-exotic.js';
import { Memo, UNUSUAL } from './copy-memo.js';
import { anyFrozen, isFrozenValue } from './frozen.js';
import { type AnyFunction, ExportFun, exportedFun, funOf } from './funs.js';
import { moduleOfTable } from './module-tables.js';
import { isProxyValue } from './proxies.js';
import { type CopyShape, generate, generateCopy, Shape, ShapeTrie } from './shape.js';

const { isArray } = Array;
const { isView } = ArrayBuffer;
const { defineProperty, getPrototypeOf, hasOwn, keys: ownKeys } = Object;
const arrayConstructor = Array;
const objectPrototype: object = Object.prototype;
const slice = Array.prototype.slice;
const brandOf = Object.prototype.toString;
const nativeClone = globalThis.structuredClone;

/** Above this, an array is looked at for holes before it is copied index by index. */
const DENSE_UNSEEN_MAX = 1024;
const DENSE_PROBES = 16;

/** V8's complaint about an error that is its own cause. */
const UNREADABLE = 'Unable to deserialize cloned data.';
/** Node's complaint about a port or file handle that can only be transferred. */
const MISSING_TRANSFER = 'ERR_MISSING_TRANSFERABLE_IN_TRANSFER_LIST';

class CopyRecord extends Shape {
  copy: CopyShape | undefined = undefined;
}

const shapes = new ShapeTrie((keys) => new CopyRecord(keys));

/** The memo of the copy under way, when it has one. */
let current: Memo | null = null;

function begin(): Memo {
  current = Memo.take();
  return current;
}

/**
 * Copy a message.
 *
 * @param root how the value is called in error texts
 * @throws DataCloneError when something in it cannot be copied: `message.items[3].cb is a function`
 * @throws what a getter of the value throws
 * Cost: 15–40 ns for small flat records and tuples, about 5 ns for each further field.
 */
export function copy(value: unknown, root = 'message'): unknown {
  if (typeof value !== 'object') {
    if (typeof value === 'symbol') throw explain(value, root, '');
    if (typeof value !== 'function') return value;
    if (funOf(value as AnyFunction) === undefined) throw explain(value, root, '');
    return copyWhole(value, root);
  }
  if (value === null) return null;
  if (isArray(value)) {
    const tuple = copyTuple(value);
    if (tuple !== undefined) return tuple;
  }
  return copyWhole(value, root);
}

/** The commonest message, a tuple of two or three scalars, needs neither a memo nor a `try`. */
function copyTuple(from: readonly unknown[]): unknown[] | undefined {
  const { length } = from;
  if (length !== 2 && length !== 3) return undefined;
  if (isProxyValue(from) || 'index' in from || 'groups' in from) return undefined;
  if (anyFrozen() && isFrozenValue(from)) return undefined;
  const a = from[0];
  const b = from[1];
  if (a === undefined || b === undefined || isReference(a) || isReference(b)) return undefined;
  if (length === 2) return [a, b];
  const c = from[2];
  return c === undefined || isReference(c) ? undefined : [a, b, c];
}

/** @param value an object, or a function that can be sent */
function copyWhole(value: object, root: string): unknown {
  // A getter may send a message of its own: the copies nest.
  const outer = current;
  current = null;
  try {
    return typeof value === 'object'
      ? copyObject(value, null)
      : copyFunction(value as AnyFunction, begin());
  } catch (error) {
    if (error !== UNUSUAL && !isStackOverflow(error)) throw error;
    return cloneByEngine(value, root);
  } finally {
    if (current !== null) (current as Memo).release();
    current = outer;
  }
}

/** The copy in progress was ended from outside; nothing of it counts. */
export function abandonCopy(): void {
  current = null;
}

/**
 * Copy a message and take the buffers in `transfer` from the sender instead of copying them.
 *
 * @throws DataCloneError as {@link copy} does; nothing is then transferred
 */
export function copyWithTransfer(
  value: unknown,
  transfer: readonly ArrayBuffer[],
  root = 'message',
): unknown {
  if (transfer.length === 0) return copy(value, root);
  refuseSharedMemory(value, root);
  return cloneByEngine(value, root, transfer);
}

/**
 * Make a term fit to be posted to another thread, where V8 clones it: refused is what {@link copy}
 * refuses, and getters are read once. Plain binary data is not copied twice.
 *
 * @param transfer when given, the term is posted as it is, with these buffers
 */
export function copyForLane(
  value: unknown,
  transfer?: readonly ArrayBuffer[],
  root = 'message',
): unknown {
  if (transfer !== undefined) {
    refuseSharedMemory(value, root);
    return value;
  }
  if (typeof value === 'string' || isPlainBinary(value)) return value;
  if (isArray(value) && !isProxyValue(value) && value.length <= 8) {
    // The commonest message with binary data: a tuple of it and a few scalars.
    const isSimple = (item: unknown): boolean => !isReference(item) || isPlainBinary(item);
    const items: readonly unknown[] = slice.call(value);
    if (ownKeys(value).length === items.length && items.every(isSimple)) return items;
  }
  return copy(value, root);
}

function isPlainBinary(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isView(value)) return !types.isSharedArrayBuffer(viewedBuffer(value));
  return types.isArrayBuffer(value);
}

/** The slow lane: V8 copies the whole message; its complaints are put into our words. */
function cloneByEngine(value: unknown, root: string, transfer?: readonly ArrayBuffer[]): unknown {
  const clone = (from: unknown): unknown =>
    transfer ? nativeClone(from, { transfer: [...transfer] }) : nativeClone(from);
  let result: unknown;
  try {
    result = clone(value);
  } catch (error) {
    const packed = isRefusal(error) ? packFunctions(value) : null;
    if (packed === null) throw engineError(error, value, root);
    try {
      result = unpackFunctions(clone(packed) as typeof packed);
    } catch (packedError) {
      throw engineError(packedError, value, root);
    }
  }
  refuseSharedMemory(result, root);
  return result;
}

/** Turn what V8's clone threw for `value` into what the sender is told. */
export function engineError(error: unknown, value: unknown, root: string): unknown {
  if (isStackOverflow(error)) return new DataCloneError(root, 'is nested too deeply to be copied');
  return isRefusal(error) ? explain(value, root, (error as Error).message) : error;
}

function isRefusal(error: unknown): boolean {
  return (
    (error instanceof DOMException && error.name === 'DataCloneError') ||
    (error instanceof Error && error.message === UNREADABLE) ||
    (error instanceof TypeError && (error as NodeJS.ErrnoException).code === MISSING_TRANSFER)
  );
}

/** Did this thread run out of stack? */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded';
}

/** Copy something that is inside a message that has more than one object. */
function copyChild(value: unknown, memo: Memo): unknown {
  if (typeof value !== 'object') {
    if (typeof value === 'function') {
      return memo.get(value) ?? copyFunction(value as AnyFunction, memo);
    }
    if (typeof value === 'symbol') throw UNUSUAL;
    return value;
  }
  if (value === null) return null;
  return memo.get(value) ?? copyObject(value, memo);
}

/** The functions whose captured values are being copied: one that is met again captures itself. */
const opened: AnyFunction[] = [];
let functionsCopied = 0;

/** How many functions this thread has copied: it tells whether a copy that was just made holds any. */
export function functionCopies(): number {
  return functionsCopied;
}

function copyFunction(from: AnyFunction, memo: Memo): AnyFunction {
  const fun = funOf(from);
  if (fun === undefined || opened.includes(from)) throw UNUSUAL;
  functionsCopied += 1;
  let to: AnyFunction;
  if (fun instanceof ExportFun) to = exportedFun(fun.module, fun.name);
  else {
    opened.push(from);
    try {
      const captures = fun.captures.map((captured) => copyChild(captured, memo));
      to = fun.version.make(fun.index, captures);
    } finally {
      opened.pop();
    }
  }
  memo.add(from, to);
  return to;
}

/** @param memo null for a root, which nothing but its own children can refer to */
function copyObject(value: object, memo: Memo | null): unknown {
  if (anyFrozen() && isFrozenValue(value)) return value;
  if (isProxyValue(value)) throw UNUSUAL;
  if (isArray(value)) return copyArray(value, memo);
  // Enumerating a view would list every byte.
  if (isView(value)) return copyExotic(value, memo ?? begin(), copyChild);
  const shape = shapes.find(value);
  if (shape?.copy !== undefined) {
    const result = shape.copy(value, memo);
    if (result !== undefined) return result;
  }
  return copyUnfamiliar(value, shape, memo);
}

function copyUnfamiliar(value: object, shape: CopyRecord | undefined, memo: Memo | null): unknown {
  const isPlain =
    getPrototypeOf(value) === objectPrototype && brandOf.call(value) === '[object Object]';
  if (!isPlain) {
    if (moduleOfTable(value) !== undefined) return value;
    const copied = copyExotic(value, memo ?? begin(), copyChild);
    if (copied !== undefined) return copied;
    return copyProperties(value, memo ?? begin());
  }
  const learnt = shape ?? shapes.learn(value);
  if (learnt?.warm()) learnt.copy ??= generateCopy(learnt.keys, begin, copyChild);
  return copyRecord(value, memo);
}

/** A plain object whose shape is not worth code: its keys are data, or it is new. */
function copyRecord(from: object, memo: Memo | null): object {
  const to: Record<string, unknown> = {};
  let known = memo;
  known?.add(from, to);
  for (const key in from) {
    let value = (from as Record<string, unknown>)[key];
    if (isReference(value)) {
      if (known === null) {
        known = begin();
        known.add(from, to);
      }
      value = copyChild(value, known);
    }
    setField(to, key, value);
  }
  return to;
}

/** Own enumerable properties with string keys, in order, of an object that is not exotic. */
function copyProperties(from: object, memo: Memo): object {
  const to: Record<string, unknown> = {};
  memo.add(from, to);
  for (const key of ownKeys(from)) {
    // A getter before this one may have removed it.
    if (!hasOwn(from, key)) continue;
    setField(to, key, copyChild((from as Record<string, unknown>)[key], memo));
  }
  return to;
}

/** Assigning to a name that a frozen prototype has would throw, and `__proto__` is a setter. */
function setField(to: Record<string, unknown>, key: string, value: unknown): void {
  if (key in objectPrototype) {
    defineProperty(to, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    to[key] = value;
  }
}

function isReference(value: unknown): boolean {
  return typeof value === 'object'
    ? value !== null
    : typeof value === 'function' || typeof value === 'symbol';
}

function copyArray(from: readonly unknown[], memo: Memo | null): unknown[] {
  const length = from.length;
  if ('index' in from || 'groups' in from) return copySparse(from, memo ?? begin());
  if (length === 2) {
    const [a, b] = [from[0], from[1]];
    if (a !== undefined && b !== undefined) {
      const to: unknown[] = [a, b];
      if (isReference(a) || isReference(b)) {
        const known = memo ?? begin();
        known.add(from, to);
        to[0] = copyChild(a, known);
        to[1] = copyChild(b, known);
      } else if (memo !== null) memo.add(from, to);
      return to;
    }
  } else if (length === 3) {
    const [a, b, c] = [from[0], from[1], from[2]];
    if (a !== undefined && b !== undefined && c !== undefined) {
      const to: unknown[] = [a, b, c];
      if (isReference(a) || isReference(b) || isReference(c)) {
        const known = memo ?? begin();
        known.add(from, to);
        to[0] = copyChild(a, known);
        to[1] = copyChild(b, known);
        to[2] = copyChild(c, known);
      } else if (memo !== null) memo.add(from, to);
      return to;
    }
  }
  if (length === 0) {
    // Nothing but named properties can be enumerated here, so asking is cheap.
    for (const _ in from) return copySparse(from, memo ?? begin());
    const to: unknown[] = [];
    memo?.add(from, to);
    return to;
  }
  // A subclass, or a sparse array of any length, goes by its keys.
  if (from.constructor !== arrayConstructor || (length > DENSE_UNSEEN_MAX && looksSparse(from))) {
    return copySparse(from, memo ?? begin());
  }
  return copyDense(from, memo);
}

type FindReference = (array: readonly unknown[]) => number;

/** Generated twice, so that arrays of numbers do not slow the reading of others, nor they them. */
function generateFindReference(): FindReference {
  return generate<FindReference>(
    {},
    `return function firstReference(array) {
      let index = 0;
      for (; index < array.length; index += 1) {
        const item = array[index];
        if (typeof item === 'object' ? item !== null : typeof item === 'function' || typeof item === 'symbol') break;
      }
      return index;
    };`,
  );
}

const firstReferenceAfterNumbers: FindReference = generateFindReference();
const firstReference: FindReference = generateFindReference();

function copyDense(from: readonly unknown[], memo: Memo | null): unknown[] {
  const to: unknown[] = slice.call(from);
  let known = memo;
  known?.add(from, to);
  let index = typeof to[0] === 'number' ? firstReferenceAfterNumbers(to) : firstReference(to);
  for (; index < to.length; index += 1) {
    const item = to[index];
    if (isReference(item)) {
      if (known === null) {
        known = begin();
        known.add(from, to);
      }
      to[index] = copyChild(item, known);
    }
  }
  return to;
}

function looksSparse(array: readonly unknown[]): boolean {
  const stride = (array.length - 1) / DENSE_PROBES;
  for (let probe = 0; probe <= DENSE_PROBES; probe += 1) {
    const index = Math.floor(probe * stride);
    if (array[index] === undefined && !(index in array)) return true;
  }
  return false;
}

/** By own keys: exact for every array, and too slow for most. */
function copySparse(from: readonly unknown[], memo: Memo): unknown[] {
  const to: unknown[] = [];
  to.length = from.length;
  memo.add(from, to);
  for (const key of ownKeys(from)) {
    if (!hasOwn(from, key)) continue;
    const value = copyChild((from as unknown as Record<string, unknown>)[key], memo);
    if (key in to) {
      defineProperty(to, key, { value, writable: true, enumerable: true, configurable: true });
    } else {
      (to as unknown as Record<string, unknown>)[key] = value;
    }
  }
  return to;
}
