/**
 * Copying what is neither a plain object nor an array: collections, dates, errors, binary data,
 * instances of classes, objects of the host.
 *
 * Invariants:
 *  1. What a thing is, is asked of V8 (`util.types`), never of its prototype, which users can change.
 *  2. A leaf, that is a thing that refers to nothing else, may be cloned alone by V8.
 *
 * Source: V8's value-serializer.cc, `ValueSerializer::WriteJSReceiver`.
 */
import { types } from 'node:util';
import { complaintAbout, viewedBuffer } from './clone-error.js';
import { type Memo, UNUSUAL } from './copy-memo.js';

const {
  defineProperty,
  getOwnPropertyDescriptor,
  getOwnPropertyDescriptors,
  getPrototypeOf,
  hasOwn,
} = Object;
const objectPrototype: object = Object.prototype;
const nativeClone = globalThis.structuredClone;
const NativeMap = Map;
const NativeSet = Set;
const NativeDate = Date;
const mapForEach = Map.prototype.forEach;
const setForEach = Set.prototype.forEach;
const getTime = Date.prototype.getTime;

type CopyChild = (value: unknown, memo: Memo) => unknown;

/**
 * Copy an object that may be anything but a proxy, an array or a marked value.
 *
 * @returns `undefined` when it is an ordinary object (an instance of a class, or one without
 *   prototype) of which the caller copies the properties
 * @throws UNUSUAL when only V8 can say what it is
 */
export function copyExotic(value: object, memo: Memo, copyChild: CopyChild): object | undefined {
  if (types.isMap(value)) return copyMap(value, memo, copyChild);
  if (types.isSet(value)) return copySet(value, memo, copyChild);
  if (types.isDate(value)) return remember(value, new NativeDate(getTime.call(value)), memo);
  if (ArrayBuffer.isView(value)) return copyView(value, memo, copyChild);
  if (types.isAnyArrayBuffer(value)) return copyBuffer(value, memo);
  if (types.isNativeError(value)) return copyError(value, memo, copyChild);
  if (types.isRegExp(value) || types.isBoxedPrimitive(value)) return cloneLeaf(value, memo);
  if (!isOrdinary(value)) throw UNUSUAL;
  return undefined;
}

function remember<T extends object>(from: object, to: T, memo: Memo): T {
  memo.add(from, to);
  return to;
}

function cloneLeaf(value: object, memo: Memo): object {
  let clone: object;
  try {
    clone = nativeClone(value);
  } catch {
    throw UNUSUAL;
  }
  return remember(value, clone, memo);
}

/** The entries are taken first: a getter inside them could change the map meanwhile. */
function copyMap(from: ReadonlyMap<unknown, unknown>, memo: Memo, copyChild: CopyChild): object {
  const to = remember(from, new NativeMap<unknown, unknown>(), memo);
  const entries: unknown[] = [];
  mapForEach.call(from, (value: unknown, key: unknown) => {
    entries.push(key, value);
  });
  for (let index = 0; index < entries.length; index += 2) {
    const key = copyChild(entries[index], memo);
    to.set(key, copyChild(entries[index + 1], memo));
  }
  return to;
}

function copySet(from: ReadonlySet<unknown>, memo: Memo, copyChild: CopyChild): object {
  const to = remember(from, new NativeSet<unknown>(), memo);
  const items: unknown[] = [];
  setForEach.call(from, (item: unknown) => {
    items.push(item);
  });
  for (const item of items) to.add(copyChild(item, memo));
  return to;
}

/** V8 copies class, message and stack, each in its own way; the cause may refer to the message. */
function copyError(from: Error, memo: Memo, copyChild: CopyChild): object {
  const to = cloneLeaf(from, memo);
  const cause = getOwnPropertyDescriptor(from, 'cause');
  if (cause !== undefined && hasOwn(to, 'cause')) {
    if (!('value' in cause)) throw UNUSUAL;
    const property = getOwnPropertyDescriptor(to, 'cause');
    defineProperty(to, 'cause', { ...property, value: copyChild(cause.value, memo) });
  }
  return to;
}

function copyBuffer(from: ArrayBufferLike, memo: Memo): object {
  const isResizable = (from as { readonly resizable?: boolean }).resizable === true;
  if (types.isSharedArrayBuffer(from)) throw UNUSUAL;
  if (isResizable || from.byteLength === 0) return cloneLeaf(from, memo);
  const to = new Uint8Array(from.byteLength);
  to.set(new Uint8Array(from));
  return remember(from, to.buffer, memo);
}

const typedArrayPrototype: object = getPrototypeOf(Uint8Array.prototype);

function getterOf(prototype: object, name: string | symbol): (this: unknown) => unknown {
  return getOwnPropertyDescriptor(prototype, name)?.get as (this: unknown) => unknown;
}

// Read through the intrinsic getters: an own property of the view could say anything.
const typedArrayName = getterOf(typedArrayPrototype, Symbol.toStringTag);
const typedArrayOffset = getterOf(typedArrayPrototype, 'byteOffset');
const typedArrayLength = getterOf(typedArrayPrototype, 'length');
const dataViewOffset = getterOf(DataView.prototype, 'byteOffset');
const dataViewLength = getterOf(DataView.prototype, 'byteLength');

type ViewConstructor = new (buffer: unknown, byteOffset: unknown, length: unknown) => object;

const viewConstructors: ReadonlyMap<unknown, ViewConstructor> = new Map(
  [
    'Int8Array',
    'Uint8Array',
    'Uint8ClampedArray',
    'Int16Array',
    'Uint16Array',
    'Int32Array',
    'Uint32Array',
    'Float16Array',
    'Float32Array',
    'Float64Array',
    'BigInt64Array',
    'BigUint64Array',
  ].flatMap((name) => {
    const found = (globalThis as Record<string, unknown>)[name];
    return found === undefined ? [] : [[name, found as ViewConstructor] as const];
  }),
);
const NativeDataView = DataView as unknown as ViewConstructor;

/** The whole buffer is copied, once for all views of it in the message, as V8 does. */
function copyView(view: ArrayBufferView, memo: Memo, copyChild: CopyChild): object {
  const source = viewedBuffer(view);
  // Only V8 knows whether a view of a resizable buffer follows its length.
  if ((source as { readonly resizable?: boolean }).resizable === true) throw UNUSUAL;
  const buffer = copyChild(source, memo);
  if (types.isDataView(view)) {
    return remember(
      view,
      new NativeDataView(buffer, dataViewOffset.call(view), dataViewLength.call(view)),
      memo,
    );
  }
  const View = viewConstructors.get(typedArrayName.call(view));
  if (View === undefined) throw UNUSUAL;
  return remember(
    view,
    new View(buffer, typedArrayOffset.call(view), typedArrayLength.call(view)),
    memo,
  );
}

/** Things with hidden contents that the algorithm knows. */
function hasBrand(value: object): boolean {
  return (
    types.isMap(value) ||
    types.isSet(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    types.isBoxedPrimitive(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value)
  );
}

/** Per prototype: do V8 and Node copy its instances as plain objects? */
const ordinaryPrototypes = new WeakMap<object, boolean>();

/**
 * Is this an object that the algorithm reduces to its properties, rather than one that Node clones
 * in a way of its own (Blob, KeyObject, …)? That cannot be asked, so the first instance of each
 * class is cloned by V8 and the verdict kept for the class.
 */
export function isOrdinary(value: object): boolean {
  const prototype: object | null = getPrototypeOf(value);
  if (complaintAbout(value) !== undefined || hasBrand(value)) return false;
  if (prototype === null || prototype === objectPrototype) return !types.isExternal(value);
  const known = ordinaryPrototypes.get(prototype);
  if (known !== undefined) return known;
  for (const property of Object.values(getOwnPropertyDescriptors(value))) {
    // The trial would call the getter once too often.
    if (property.get !== undefined) return false;
  }
  let verdict: boolean;
  try {
    verdict = getPrototypeOf(nativeClone(value)) === objectPrototype;
  } catch {
    return false;
  }
  ordinaryPrototypes.set(prototype, verdict);
  return verdict;
}
