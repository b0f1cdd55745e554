/**
 * Element-safe freeze: what `ses` freezes the intrinsics with.
 *
 * `Object.freeze` gives an object frozen *elements*, even when it has none. With such an object in the
 * prototype chain V8 no longer stores array elements in line, anywhere in the thread. Measured for one
 * indexed store, Node 20: 0.5 → 65 ns in a typed array, 1 → 11 ns in an array; the encoder became six
 * times slower. So the prototypes of arrays and typed arrays, and `Object.prototype`, are hardened
 * property by property instead: read-only, not configurable, not extensible.
 *
 * A few of their properties V8 must not even see redefined: it drops the fast path of `slice`, `map`
 * or iteration for the whole thread (`slice`: 12 → 840 ns). Those few stay writable, and
 * `tamperedIntrinsic` tells when one was changed, and puts it back. The scheduler asks for those of
 * arrays after each slice, and ends the process that did it; for all of them after each turn, when it
 * can no longer tell who it was, and says so in the log.
 *
 * `ses` takes `Object.freeze` when it is loaded: this file must be imported before it, and
 * `restoreObject` called after.
 */

const nativeFreeze = Object.freeze;
const nativeDefineProperty = Object.defineProperty;

const typedArray = Object.getPrototypeOf(Int8Array) as { readonly prototype: object };
const concreteArrays = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
].map((each) => each.prototype as object);

/** Objects in the prototype chains of arrays and typed arrays. */
const chain: ReadonlySet<unknown> = new Set([
  Object.prototype,
  Array.prototype,
  typedArray.prototype,
  ...concreteArrays,
  // Node's own: `ses` reaches it from the intrinsics (a store into a Buffer: 1 → 67 ns).
  Buffer.prototype,
]);

interface Watched {
  readonly owner: object;
  readonly key: PropertyKey;
  readonly value: unknown;
}

const watched: Watched[] = [];

function watch(owner: object, key: PropertyKey): void {
  watched.push({ owner, key, value: Reflect.get(owner, key) });
}

watch(Array.prototype, 'constructor');
watch(Array.prototype, Symbol.iterator);
watch(typedArray.prototype, 'constructor');
watch(typedArray.prototype, Symbol.iterator);
for (const prototype of concreteArrays) watch(prototype, 'constructor');

const isWatched = (owner: object, key: PropertyKey): boolean =>
  watched.some((each) => each.owner === owner && each.key === key);

function freeze<T>(value: T): T {
  if (!chain.has(value)) return nativeFreeze(value);
  const owner = value as object;
  for (const key of Reflect.ownKeys(owner)) {
    const descriptor = Reflect.getOwnPropertyDescriptor(owner, key);
    if (descriptor?.configurable !== true || isWatched(owner, key)) continue;
    const readOnly =
      'value' in descriptor ? { writable: false, configurable: false } : { configurable: false };
    nativeDefineProperty(owner, key, readOnly);
  }
  return Object.preventExtensions(owner) as T;
}

/**
 * `ses` turns some inherited properties into accessors, so that old packages may assign to a property of
 * the same name in their own objects. Nobody assigns to these, and as accessors they are slow: `push`
 * twice, spreading an array seven times.
 */
const iteratorPrototype = Object.getPrototypeOf(
  Object.getPrototypeOf([][Symbol.iterator]()),
) as object;
const neverAccessors: ReadonlySet<unknown> = new Set([
  Array.prototype,
  typedArray.prototype,
  Map.prototype,
  Set.prototype,
  iteratorPrototype,
]);

function defineProperty<T>(owner: T, key: PropertyKey, descriptor: PropertyDescriptor): T {
  if (neverAccessors.has(owner) && ('get' in descriptor || 'set' in descriptor)) return owner;
  return nativeDefineProperty(owner, key, descriptor) as T;
}

Object.freeze = freeze as typeof Object.freeze;
Object.defineProperty = defineProperty as typeof Object.defineProperty;

export function restoreObject(): void {
  Object.freeze = nativeFreeze;
  Object.defineProperty = nativeDefineProperty;
}

/**
 * After the lockdown: redefining many properties has turned the prototypes into dictionaries, in which
 * every method call is a hash look-up. Being made the prototype of a function makes V8 lay an object out
 * in fields again (`for … of` over three elements: 45 → 5 ns; ten `charCodeAt`: 184 → 23 ns).
 */
export function layOutAgain(): void {
  const generator = Object.getPrototypeOf(function* () {}) as { readonly prototype: object };
  const functions: readonly { readonly prototype?: unknown }[] = [
    ...[Object, Array, Map, Set, WeakMap, WeakSet, String, Number, Boolean, BigInt, Symbol],
    ...[Promise, RegExp, Function, Date, Error, TypeError, RangeError, ArrayBuffer, DataView],
  ];
  const objects: unknown[] = [
    ...chain,
    iteratorPrototype,
    generator.prototype,
    ...[[], new Map(), new Set(), ''].map((each) => Object.getPrototypeOf(each[Symbol.iterator]())),
    ...functions,
    ...functions.map((each) => each.prototype),
    ...[Math, JSON, Reflect, Atomics],
  ];
  for (const object of objects) layOut(object);
}

/** V8 lays an object out when it is found to be a prototype in look-ups, and is made one again after. */
export function layOut(object: unknown): void {
  function Carrier(): void {}
  Carrier.prototype = object;
  const instance = Reflect.construct(Carrier, []) as { readonly absent?: unknown };
  for (let lookUp = 0; lookUp < LOOK_UPS; lookUp++) void instance.absent;
  Carrier.prototype = {};
  Carrier.prototype = object;
  Reflect.construct(Carrier, []);
}

/** Enough for V8 to look the property up by an inline cache. */
const LOOK_UPS = 20;

const array: { constructor: unknown; [Symbol.iterator]: unknown } = Array.prototype;
const arrayConstructor = array.constructor;
const arrayIterator = array[Symbol.iterator];

/**
 * Has one of the properties that stay writable been changed? It is put back.
 *
 * @param all look at all of them, not only at those of arrays
 * @returns the name of the property, or `null`
 * Cost: two loads; 15 with `all`.
 */
export function tamperedIntrinsic(all: boolean): string | null {
  if (array.constructor === arrayConstructor && array[Symbol.iterator] === arrayIterator && !all) {
    return null;
  }
  for (const { owner, key, value } of watched) {
    const descriptor = Reflect.getOwnPropertyDescriptor(owner, key);
    if (descriptor !== undefined && 'value' in descriptor && descriptor.value === value) continue;
    Object.defineProperty(owner, key, {
      value,
      writable: true,
      enumerable: false,
      configurable: true,
    });
    return `${(value as { name?: string }).name ?? 'array'} of an intrinsic (${String(key)})`;
  }
  return null;
}
