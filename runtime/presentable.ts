/**
 * Presentable: a value as a report shows it.
 *
 * The result can be cloned and is bounded in size, whatever it was made of: a report must never
 * fail, and must not be the heaviest thing in the system. Code is shown by its name.
 */

import { types } from 'node:util';
import { type AnyFunction, funName, funOf } from './funs.js';
import { moduleOfTable } from './module-tables.js';

const CUT = '…';

/** How much of a value is shown. */
export interface Bounds {
  readonly depth: number;
  readonly items: number;
  readonly text: number;
  /** Of one call: lists of lists of lists are cut as well. */
  readonly allItems: number;
  readonly allText: number;
}

const BOUNDS: Bounds = {
  depth: 8,
  items: 100,
  text: 16_384,
  allItems: 5000,
  allText: 131_072,
};

export function presentable(value: unknown, bounds: Bounds = BOUNDS): unknown {
  return new Presenter(bounds).show(value, 0);
}

class Presenter {
  readonly #bounds: Bounds;
  #items: number;
  #text: number;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    this.#items = bounds.allItems;
    this.#text = bounds.allText;
  }

  show(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        return this.#shownText(value);
      case 'symbol':
        return this.#shownText(String(value));
      case 'function':
        return functionName(value as AnyFunction);
      case 'object':
        return value === null ? null : this.#object(value, depth);
      default:
        return value;
    }
  }

  #shownText(text: string): string {
    const most = Math.min(this.#bounds.text, this.#text);
    this.#text -= Math.min(text.length, most);
    return text.length > most ? `${text.slice(0, most)}${CUT}` : text;
  }

  #object(value: object, depth: number): unknown {
    const module = moduleOfTable(value);
    if (module !== undefined) return module;
    if (types.isProxy(value)) return '(proxy)';
    if (depth >= this.#bounds.depth) return CUT;
    try {
      if (Array.isArray(value)) return this.#list(value, depth);
      if (types.isMap(value))
        return { Map: this.#list(firstOf(value, value.size, this.#bounds.items), depth) };
      if (types.isSet(value))
        return { Set: this.#list(firstOf(value, value.size, this.#bounds.items), depth) };
      if (types.isDate(value)) return new Date(value.getTime());
      if (types.isNativeError(value)) return this.#shownText(`${value.name}: ${value.message}`);
      if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
        return `(${value.byteLength} bytes)`;
      }
      return this.#record(value, depth);
    } catch {
      // A getter of the user's threw.
      return '(unreadable)';
    }
  }

  #list(
    items: { readonly length: number; readonly [at: number]: unknown },
    depth: number,
  ): unknown[] {
    const shown: unknown[] = [];
    for (let at = 0; at < items.length; at++) {
      if (at >= this.#bounds.items || this.#items <= 0) {
        shown.push(`${CUT} ${items.length - at} more`);
        break;
      }
      this.#items -= 1;
      shown.push(this.show(items[at], depth + 1));
    }
    return shown;
  }

  #record(value: object, depth: number): Record<string, unknown> {
    const keys = Object.keys(value);
    const shown: [string, unknown][] = [];
    for (const [at, key] of keys.entries()) {
      if (at >= this.#bounds.items || this.#items <= 0) {
        shown.push([CUT, `${keys.length - at} more`]);
        break;
      }
      this.#items -= 1;
      const name = this.#shownText(key);
      shown.push([name, this.show((value as Record<string, unknown>)[key], depth + 1)]);
    }
    return Object.fromEntries(shown);
  }
}

/** The items that are shown, in a list that says how many there are. */
function firstOf(
  items: Iterable<unknown>,
  length: number,
  most: number,
): { length: number; [at: number]: unknown } {
  const found: { length: number; [at: number]: unknown } = { length };
  let at = 0;
  for (const item of items) {
    if (at >= most) break;
    found[at++] = item;
  }
  return found;
}

function functionName(value: AnyFunction): string {
  const fun = funOf(value);
  return fun !== undefined ? funName(fun) : `function ${value.name || '(anonymous)'}`;
}
