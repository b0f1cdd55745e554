/**
 * Lock globals: what every process of a thread reaches by a name stays what it is.
 *
 * `ses` freezes the intrinsics of the language, but neither the names that they are found under nor what
 * Node adds. So when a thread has started:
 *
 *  1. Every global is read-only, and there will be no further ones. Those that Node makes when they are
 *     first used are read-only from then on.
 *  2. The classes among them (URL, Buffer, AbortController …) and their prototypes cannot be changed,
 *     nor can the methods of `console` and `process`.
 *  3. `process.env` is a frozen copy.
 *
 * Properties are made read-only one by one rather than frozen together with their object: see
 * `element-safe-freeze.ts` for what a frozen object among the prototypes of a Buffer would cost.
 *
 * Not locked, because Node and packages need it: the listeners of `process`, `Error.prepareStackTrace`.
 */

import { layOut } from './element-safe-freeze.js';

/** What `ses` leaves there and nobody is to use. */
const LEFT_BY_SES: readonly string[] = [
  ...['lockdown', 'repairIntrinsics', 'Compartment', 'harden', 'getStackString'],
];

/** Where Node's own `fetch`, and packages that nearly every project has, register themselves. */
const REGISTRIES: readonly symbol[] = [
  ...['undici.globalDispatcher.1', 'undici.globalDispatcher.2', 'undici.globalOrigin.1'],
  ...['opentelemetry.js.api.1'],
].map((name) => Symbol.for(name));

/** What the native library of the tables puts there when it is loaded; see `db/store.ts`. */
const OF_TABLES: readonly string[] = ['__lmdb_read_callback', '__lmdb_envs__'];

/** Once per thread, before any module is evaluated. Cost: about 2 ms. */
export function lockGlobals(): void {
  for (const name of LEFT_BY_SES) Reflect.deleteProperty(globalThis, name);
  for (const key of Reflect.ownKeys(globalThis)) lockGlobal(key);
  for (const key of [...REGISTRIES, ...OF_TABLES]) {
    const open = { value: undefined, writable: true, enumerable: false, configurable: false };
    if (!Object.hasOwn(globalThis, key)) Object.defineProperty(globalThis, key, open);
  }
  Object.preventExtensions(globalThis);
  lockMethods(console);
  lockMethods(process);
  const env = Object.freeze({ ...process.env });
  Object.defineProperty(process, 'env', { value: env, writable: false, configurable: false });
}

function lockGlobal(key: PropertyKey): void {
  const found = Reflect.getOwnPropertyDescriptor(globalThis, key);
  if (found?.configurable !== true) return;
  if ('value' in found) lockAs(key, found.value, found.enumerable);
  else if (key === 'process' || key === 'Buffer') {
    lockAs(key, Reflect.get(globalThis, key), found.enumerable);
  } else if (found.get !== undefined) lockWhenUsed(key, found.get, found.enumerable);
}

function lockAs(key: PropertyKey, value: unknown, enumerable = false): void {
  lockValue(value);
  const locked = { value, writable: false, enumerable, configurable: false };
  Object.defineProperty(globalThis, key, locked);
}

/** To look is to load: a third of Node's globals would be loaded at the start of every thread. */
function lockWhenUsed(key: PropertyKey, load: () => unknown, enumerable = false): void {
  const get = (): unknown => {
    const value: unknown = Reflect.apply(load, globalThis, []);
    if (SINGLE.has(key) && typeof value === 'object' && value !== null) lockProperties(value);
    lockAs(key, value, enumerable);
    return value;
  };
  // Without a setter: to assign raises.
  Reflect.deleteProperty(globalThis, key);
  Object.defineProperty(globalThis, key, { get, enumerable, configurable: true });
}

/** A class with its prototype, a function, or a namespace such as Intl with its classes. */
function lockValue(value: unknown): void {
  if (value === globalThis || value === process || value === console) return;
  if (typeof value === 'function') lockFunction(value);
  else if (isNamespace(value)) {
    for (const key of Reflect.ownKeys(value)) {
      const part: unknown = Reflect.getOwnPropertyDescriptor(value, key)?.value;
      if (typeof part === 'function') lockFunction(part);
    }
    lockProperties(value);
  }
}

function lockFunction(value: object): void {
  if (Object.isFrozen(value)) return;
  const prototype: unknown = Reflect.getOwnPropertyDescriptor(value, 'prototype')?.value;
  lockProperties(value);
  if (typeof prototype !== 'object' || prototype === null || Object.isFrozen(prototype)) return;
  lockProperties(prototype);
  layOut(prototype);
}

function isNamespace(value: unknown): value is object {
  return value === Intl || value === Atomics || value === Reflect.get(globalThis, 'WebAssembly');
}

/** Objects that are there once, with methods that they inherit. */
const SINGLE: ReadonlySet<PropertyKey> = new Set(['performance', 'crypto', 'navigator']);

function lockProperties(value: object): void {
  for (const key of Reflect.ownKeys(value)) {
    const found = Reflect.getOwnPropertyDescriptor(value, key);
    if (found?.configurable !== true) continue;
    const locked =
      'value' in found ? { writable: false, configurable: false } : { configurable: false };
    Object.defineProperty(value, key, locked);
  }
  Object.preventExtensions(value);
}

/** Its own methods; what else it keeps there is Node's. */
function lockMethods(value: object): void {
  for (const key of Object.getOwnPropertyNames(value)) {
    const found = Reflect.getOwnPropertyDescriptor(value, key);
    if (found?.configurable !== true || typeof found.value !== 'function') continue;
    if (key.startsWith('_')) continue;
    Object.defineProperty(value, key, { writable: false, configurable: false });
  }
}
