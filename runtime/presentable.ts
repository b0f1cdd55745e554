/**
 * Presentable: a value as a report shows it.
 *
 * The result can be cloned and is bounded in size, whatever it was made of: a report must never
 * fail, and must not be the heaviest thing in the system. Code is shown by its name.
 */

import { types } from 'node:util';
import { type AnyFunction, funName, funOf } from './funs.js';
import { moduleOfTable } from './module-tables.js';

const DEPTH_MAX = 8;
const ITEMS_MAX = 100;
const TEXT_MAX = 16_384;
/** Of one call: lists of lists of lists are cut as well. */
const ALL_ITEMS_MAX = 5000;
const ALL_TEXT_MAX = 131_072;
const CUT = '…';

export function presentable(value: unknown): unknown {
  return new Presenter().show(value, 0);
}

class Presenter {
  #items = ALL_ITEMS_MAX;
  #text = ALL_TEXT_MAX;

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
    const most = Math.min(TEXT_MAX, this.#text);
    this.#text -= Math.min(text.length, most);
    return text.length > most ? `${text.slice(0, most)}${CUT}` : text;
  }

  #object(value: object, depth: number): unknown {
    const module = moduleOfTable(value);
    if (module !== undefined) return module;
    if (types.isProxy(value)) return '(proxy)';
    if (depth >= DEPTH_MAX) return CUT;
    try {
      if (Array.isArray(value)) return this.#list(value, depth);
      if (types.isMap(value)) return { Map: this.#list(firstOf(value, value.size), depth) };
      if (types.isSet(value)) return { Set: this.#list(firstOf(value, value.size), depth) };
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
      if (at >= ITEMS_MAX || this.#items <= 0) {
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
      if (at >= ITEMS_MAX || this.#items <= 0) {
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
): { length: number; [at: number]: unknown } {
  const found: { length: number; [at: number]: unknown } = { length };
  let at = 0;
  for (const item of items) {
    if (at >= ITEMS_MAX) break;
    found[at++] = item;
  }
  return found;
}

function functionName(value: AnyFunction): string {
  const fun = funOf(value);
  return fun !== undefined ? funName(fun) : `function ${value.name || '(anonymous)'}`;
}
