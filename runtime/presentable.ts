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

export function presentable(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      return value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}…` : value;
    case 'symbol':
      return String(value);
    case 'function':
      return functionName(value as AnyFunction);
    case 'object':
      return value === null ? null : presentableObject(value, depth);
    default:
      return value;
  }
}

function functionName(value: AnyFunction): string {
  const fun = funOf(value);
  return fun !== undefined ? funName(fun) : `function ${value.name || '(anonymous)'}`;
}

function presentableObject(value: object, depth: number): unknown {
  const module = moduleOfTable(value);
  if (module !== undefined) return module;
  if (types.isProxy(value)) return '(proxy)';
  if (depth >= DEPTH_MAX) return '…';
  try {
    if (Array.isArray(value)) return list(value, depth);
    if (types.isMap(value)) return { Map: list([...value.entries()], depth) };
    if (types.isSet(value)) return { Set: list([...value], depth) };
    if (types.isDate(value)) return new Date(value.getTime());
    if (types.isNativeError(value)) return `${value.name}: ${value.message}`;
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
      return `(${value.byteLength} bytes)`;
    }
    return record(value, depth);
  } catch {
    // A getter of the user's threw.
    return '(unreadable)';
  }
}

function list(items: readonly unknown[], depth: number): unknown[] {
  const shown = items.slice(0, ITEMS_MAX).map((item) => presentable(item, depth + 1));
  if (items.length > ITEMS_MAX) shown.push(`… ${items.length - ITEMS_MAX} more`);
  return shown;
}

function record(value: object, depth: number): Record<string, unknown> {
  const keys = Object.keys(value);
  const shown: [string, unknown][] = keys
    .slice(0, ITEMS_MAX)
    .map((key) => [key, presentable((value as Record<string, unknown>)[key], depth + 1)]);
  if (keys.length > ITEMS_MAX) shown.push(['…', `${keys.length - ITEMS_MAX} more`]);
  return Object.fromEntries(shown);
}
