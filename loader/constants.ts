/**
 * Constants: what the modules of a scheduler hold, deeply frozen when a module has been evaluated.
 *
 *   arrays, plain objects, functions, classes with their prototypes, instances of the modules' own
 *   classes, errors                          frozen
 *   Map, Set, Date                           read-only: what changes them raises
 *   regular expressions                      as they are (`test` of a frozen one: 16 → 76 ns); with flag
 *                                            `g` or `y` only where the compiler has seen all uses
 *   values of the language that do nothing but answer (TextEncoder, Intl)   as they are
 *   anything else                            refused, with the way to it: `LIMITS.cache`
 *
 * Invariants:
 *  1. What belongs to Node or to a package is never frozen: it would break there. Known as such are
 *     what the module's text takes from them by name, and functions whose text is not the module's.
 *  2. A value is looked at once, also when several modules hold it.
 *  3. A module of which a constant is refused is not loaded. Parts frozen by then are its own.
 */

import { types } from 'node:util';
import { keptState } from './closure-state.js';

/** A constant that processes could share something by. */
export interface Refusal {
  /** How the module calls it: `LIMITS.cache`. */
  readonly path: string;
  /** The name of the module's that leads to it. */
  readonly name: string;
  readonly what: string;
}

export interface ModuleConstants {
  readonly values: Readonly<Record<string, unknown>>;
  /** What the module takes from Node and packages by name. */
  readonly foreign: readonly unknown[];
  /** The text of the module as V8 has it. */
  readonly code: string;
}

type AnyFunction = (...args: never[]) => unknown;

interface Item {
  readonly value: unknown;
  readonly path: string;
  /** A variable of the module itself: its text has been checked. */
  readonly top: boolean;
  /** The prototype that a function of the module gives to what it makes. */
  readonly prototype?: true;
}

const { defineProperty, freeze, getPrototypeOf } = Object;
const sourceOf = Function.prototype.toString;
const errorPrototypes: ReadonlySet<unknown> = new Set(
  [
    ...[Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError],
    AggregateError,
  ].map((each) => each.prototype),
);

export class Constants {
  /** Frozen, or looked at and found to be harmless. */
  readonly #known: WeakSet<object> = new WeakSet();

  /** @param harmless shared by all modules and not to be frozen here: tables, built-in functions */
  constructor(harmless: readonly object[] = []) {
    for (const each of harmless) this.#known.add(each);
  }

  /** Never to be frozen by the way of a module. */
  leave(value: object): void {
    this.#known.add(value);
  }

  /**
   * Freeze what a module holds.
   *
   * @returns the first constant that cannot be one, or `null`
   * Cost: about 1 µs for each object and function that was not known.
   */
  freeze({ values, foreign, code }: ModuleConstants): Refusal | null {
    for (const each of foreign) this.#leaveForeign(each);
    for (const name of Object.keys(values)) {
      const found = this.#freezeOne(name, values[name], code);
      if (found !== null) return { ...found, name };
    }
    return null;
  }

  /** What `{ ...defaults }` copies belongs to others too. */
  #leaveForeign(value: unknown): void {
    if (!isObject(value) || this.#known.has(value)) return;
    this.#known.add(value);
    if (typeof value === 'function' || types.isProxy(value)) return;
    for (const key of Reflect.ownKeys(value)) {
      const part: unknown = Reflect.getOwnPropertyDescriptor(value, key)?.value;
      if (isObject(part)) this.#known.add(part);
    }
  }

  #freezeOne(name: string, first: unknown, code: string): Omit<Refusal, 'name'> | null {
    const pending: Item[] = [{ value: first, path: name, top: true }];
    for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
      const { value, path } = item;
      if (!isObject(value) || this.#known.has(value)) continue;
      this.#known.add(value);
      const what = this.#harden(value, item, code, pending);
      if (what !== null) return { path, what };
    }
    return null;
  }

  /** @returns why it cannot be a constant, or `null` */
  #harden(value: object, item: Item, code: string, pending: Item[]): string | null {
    if (types.isProxy(value)) return 'a proxy';
    if (item.prototype === true) {
      this.#freezeParts(value, item, pending);
      return null;
    }
    if (typeof value === 'function') {
      const text = sourceOf.call(value);
      if (!code.includes(text)) return null;
      // A class that keeps something does so in its instances.
      const kept = text.startsWith('class') ? null : keptState(text);
      if (kept !== null) return `a function that keeps "${kept.name}" (line ${kept.line})`;
      const prototype: unknown = Reflect.getOwnPropertyDescriptor(value, 'prototype')?.value;
      const path = `${item.path}.prototype`;
      this.#freezeParts(value, item, pending);
      if (isObject(prototype))
        pending.push({ value: prototype, path, top: false, prototype: true });
      return null;
    }
    if (types.isMap(value)) {
      for (const [key, each] of value) pushAll(pending, item.path, [key, each]);
      readOnly(value, ['set', 'delete', 'clear']);
    } else if (types.isSet(value)) {
      pushAll(pending, item.path, value);
      readOnly(value, ['add', 'delete', 'clear']);
    } else if (types.isDate(value)) {
      readOnly(value, dateSetters());
    } else if (types.isRegExp(value)) {
      const stateful = value.global || value.sticky;
      return stateful && !item.top ? `a regular expression with flags "${value.flags}"` : null;
    } else {
      const what = this.#kindOf(value, code);
      if (what !== null) return what === HARMLESS ? null : what;
      this.#freezeParts(value, item, pending);
    }
    return null;
  }

  /** `null` for what can be frozen. */
  #kindOf(value: object, code: string): string | null {
    if (Array.isArray(value) || types.isBoxedPrimitive(value)) return null;
    if (types.isNativeError(value) || types.isArgumentsObject(value)) return null;
    for (const [is, what] of REFUSED) if (is(value)) return what;
    for (
      let at: object | null = getPrototypeOf(value);
      at !== null && at !== Object.prototype && !errorPrototypes.has(at);
      at = getPrototypeOf(at)
    ) {
      const made: unknown = Reflect.getOwnPropertyDescriptor(at, 'constructor')?.value;
      if (typeof made !== 'function') return this.#known.has(at) ? null : 'an object of others';
      const text = sourceOf.call(made);
      const kept = keptState(text);
      if (kept !== null) {
        return `an instance of ${made.name}, which keeps "${kept.name}" (line ${kept.line})`;
      }
      if (this.#known.has(made) || code.includes(text)) continue;
      return isStateless(made) ? HARMLESS : `an instance of ${made.name || 'a class'} of others`;
    }
    return null;
  }

  #freezeParts(value: object, { path }: Item, pending: Item[]): void {
    for (const key of Reflect.ownKeys(value)) {
      const found = Reflect.getOwnPropertyDescriptor(value, key);
      const at = typeof key === 'symbol' ? `${path}[${String(key)}]` : pathTo(path, key, value);
      pushAll(pending, at, [found?.value, found?.get, found?.set]);
    }
    freeze(value);
  }
}

const HARMLESS = 'harmless';

/** What has contents that no freeze reaches. */
const REFUSED: readonly (readonly [(value: unknown) => boolean, string])[] = [
  [ArrayBuffer.isView, 'binary data'],
  [types.isAnyArrayBuffer, 'binary data'],
  [types.isWeakMap, 'a WeakMap'],
  [types.isWeakSet, 'a WeakSet'],
  [types.isPromise, 'a promise'],
  [types.isGeneratorObject, 'a generator that runs'],
  [types.isMapIterator, 'an iterator'],
  [types.isSetIterator, 'an iterator'],
  [types.isModuleNamespaceObject, HARMLESS],
];

/** They answer from what they were made with. */
function isStateless(made: unknown): boolean {
  if (made === TextEncoder) return true;
  return Object.values(Object.getOwnPropertyDescriptors(Intl)).some(({ value }) => value === made);
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function pushAll(pending: Item[], path: string, values: Iterable<unknown>): void {
  for (const value of values) if (isObject(value)) pending.push({ value, path, top: false });
}

function pathTo(path: string, key: string, value: object): string {
  if (Array.isArray(value)) return `${path}[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
    ? `${path}.${key}`
    : `${path}[${JSON.stringify(key)}]`;
}

function dateSetters(): string[] {
  return Object.getOwnPropertyNames(Date.prototype).filter((name) => name.startsWith('set'));
}

/** Hide the methods that change it behind ones that raise. */
function readOnly(value: object, methods: readonly string[]): void {
  const refuse: AnyFunction = () => {
    throw new TypeError('a constant of a module is read-only: copy it to change it');
  };
  for (const name of methods) defineProperty(value, name, { value: freeze(refuse) });
  freeze(value);
}
