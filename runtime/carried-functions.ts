/**
 * Carried functions: messages with functions in them on the ways where V8 does the copying (the lane
 * between schedulers, transfers, the host program, the dirty pool).
 *
 * V8 refuses functions, and copies what is in a module. So each function or module is replaced by an empty object, and what it is (module, version, number,
 * captured values) travels beside the message: as V8 keeps which objects are the same, the receiver
 * finds the empty objects again and puts functions in their places.
 *
 * Invariants:
 *  1. Nothing that a user sends can be taken for a function: only objects that are listed are replaced.
 *  2. The message of the sender is left as it is; containers on the way to a function are made anew.
 */
import { types } from 'node:util';
import { isOrdinary } from './copy-exotic.js';
import {
  type AnyFunction,
  ExportFun,
  exportedFun,
  type Fun,
  funName,
  funOf,
  receivedFun,
} from './funs.js';
import { moduleOfTable, tableOfModule } from './module-tables.js';

/** A value whose functions are taken out. Can be cloned by V8 as far as the rest of it can. */
export interface Packed {
  readonly value: unknown;
  readonly functions: readonly Carried[];
}

/** One function or module, and the object that stands for it. */
export interface Carried {
  readonly place: object;
  readonly module: string;
  /** A version and a number in it; or `null` and the name of an export, or `null` for the module itself. */
  readonly version: string | null;
  readonly which: number | string | null;
  readonly captures: readonly unknown[];
}

const { defineProperty, getPrototypeOf, keys: ownKeys } = Object;
const { isArray } = Array;
const objectPrototype: object = Object.prototype;

/** @returns `null` when there is no function in it that can be sent */
export function packFunctions(value: unknown): Packed | null {
  const packing = new Packing();
  const packed = packing.pack(value);
  return packing.functions.length === 0 ? null : { value: packed, functions: packing.functions };
}

/** As `packFunctions`; a value without functions is packed as it is. */
export function packed(value: unknown): Packed {
  return packFunctions(value) ?? { value, functions: [] };
}

/** The functions in a value by their names, for logs and reports. The rest is left as it is. */
export function withoutFunctions(value: unknown): unknown {
  const packing = new Packing();
  const packed = packing.pack(value);
  return packing.functions.length === 0 ? value : replaced(packed, packing.names);
}

/** Put the functions back. `packed` belongs to the caller alone: containers are changed in place. */
export function unpackFunctions({ value, functions }: Packed): unknown {
  if (functions.length === 0) return value;
  const waiting = new Map(functions.map((each) => [each.place, each]));
  const made = new Map<object, unknown>();
  // A function may capture others: those come first in the list.
  for (const { place, module, version, which, captures } of waiting.values()) {
    const fun =
      which === null
        ? tableOfModule(module)
        : version === null
          ? exportedFun(module, which as string)
          : receivedFun(module, version, which as number, replaced(captures, made) as unknown[]);
    made.set(place, fun);
  }
  return replaced(value, made);
}

class Packing {
  readonly functions: Carried[] = [];
  /** By their places. */
  readonly names: Map<object, string> = new Map();
  readonly #done = new Map<object, object>();

  pack(value: unknown): unknown {
    if (typeof value === 'function') {
      return this.#done.get(value) ?? this.#function(value as AnyFunction);
    }
    if (typeof value !== 'object' || value === null || types.isProxy(value)) return value;
    const known = this.#done.get(value);
    if (known !== undefined) return known;
    if (isArray(value)) return this.#fields(value, new Array(value.length));
    const module = moduleOfTable(value);
    if (module !== undefined) {
      const place = {};
      this.#done.set(value, place);
      this.names.set(place, module);
      this.functions.push({ place, module, version: null, which: null, captures: [] });
      return place;
    }
    if (types.isMap(value)) {
      const to = new Map<unknown, unknown>();
      this.#done.set(value, to);
      for (const [key, item] of value) to.set(this.pack(key), this.pack(item));
      return to;
    }
    if (types.isSet(value)) {
      const to = new Set<unknown>();
      this.#done.set(value, to);
      for (const item of value) to.add(this.pack(item));
      return to;
    }
    if (types.isNativeError(value) || ArrayBuffer.isView(value) || !isOrdinary(value)) return value;
    return this.#fields(value, {});
  }

  #fields(from: object, to: object): object {
    this.#done.set(from, to);
    for (const key of ownKeys(from)) {
      put(to, key, this.pack((from as Record<string, unknown>)[key]));
    }
    return to;
  }

  #function(value: AnyFunction): unknown {
    const fun: Fun | undefined = funOf(value);
    // V8 will refuse it, and the complaint names its place.
    if (fun === undefined) return value;
    const place = {};
    this.names.set(place, funName(fun));
    if (fun instanceof ExportFun) {
      this.#done.set(value, place);
      const { module, name } = fun;
      this.functions.push({ place, module, version: null, which: name, captures: [] });
      return place;
    }
    // Met again within its own captured values it stays a function, which V8 refuses.
    this.#done.set(value, value);
    const captures = fun.captures.map((captured) => this.pack(captured));
    this.#done.set(value, place);
    const { module, version } = fun.version;
    this.functions.push({ place, module, version, which: fun.index, captures });
    return place;
  }
}

/** Replace objects wherever they occur, in place. @returns the value, or what stands for it */
function replaced(value: unknown, by: ReadonlyMap<object, unknown>): unknown {
  const seen = new Set<object>();
  const visit = (item: unknown): unknown => {
    if (typeof item !== 'object' || item === null) return item;
    if (by.has(item)) return by.get(item);
    if (seen.has(item)) return item;
    seen.add(item);
    if (types.isMap(item)) {
      const entries = [...item];
      item.clear();
      for (const [key, each] of entries) item.set(visit(key), visit(each));
    } else if (types.isSet(item)) {
      const items = [...item];
      item.clear();
      for (const each of items) item.add(visit(each));
    } else if (isArray(item) || getPrototypeOf(item) === objectPrototype) {
      for (const key of ownKeys(item)) {
        const before = (item as Record<string, unknown>)[key];
        const after = visit(before);
        if (after !== before) put(item, key, after);
      }
    }
    return item;
  };
  return visit(value);
}

function put(to: object, key: string, value: unknown): void {
  defineProperty(to, key, { value, writable: true, enumerable: true, configurable: true });
}
