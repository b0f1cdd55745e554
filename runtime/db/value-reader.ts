/** Value reader: the record in bytes that `value-writer.ts` has written; the format is told there. */

import { Tag } from './value-writer.js';
import { VIEWS } from './views.js';

/** Up to here text is put together from its units; of longer ones, Node cuts a piece. */
const SHORT = 24;

let bytes: Buffer = Buffer.alloc(0);
let at = 0;
let objects: unknown[] = [];

/** @throws RangeError for bytes that are no value */
export function readValue(from: Buffer, offset: number): unknown {
  bytes = from;
  at = offset;
  try {
    return take();
  } finally {
    objects = [];
  }
}

function take(): unknown {
  const tag = bytes[at++];
  switch (tag) {
    case Tag.UNDEFINED:
      return undefined;
    case Tag.NULL:
      return null;
    case Tag.TRUE:
      return true;
    case Tag.FALSE:
      return false;
    case Tag.INT: {
      const value = count();
      return (value >>> 1) ^ -(value & 1);
    }
    case Tag.DOUBLE:
      return double();
    case Tag.LATIN1:
      return latin1();
    case Tag.UTF16:
      return utf16();
    case Tag.BIGINT:
      return BigInt(text());
    case Tag.SEEN:
      return objects[count()];
    default:
      return takeObject(tag);
  }
}

function takeObject(tag: number | undefined): unknown {
  const number = objects.push(undefined) - 1;
  switch (tag) {
    case Tag.OBJECT:
      return fields(number);
    case Tag.ARRAY:
      return array(number);
    case Tag.MAP:
      return map(number);
    case Tag.SET: {
      const set = new Set();
      objects[number] = set;
      for (let left = count(); left > 0; left--) set.add(take());
      return set;
    }
    case Tag.DATE:
      return kept(number, new Date(double()));
    case Tag.BYTES:
      return kept(number, view());
    case Tag.REGEXP:
      return kept(number, new RegExp(text(), text()));
    case Tag.ERROR:
      return error(number);
    case Tag.BOXED:
      return kept(number, Object(take()));
    default:
      throw new RangeError(`no value begins with ${tag}`);
  }
}

function kept<T>(number: number, value: T): T {
  objects[number] = value;
  return value;
}

function fields(number: number): object {
  const object: Record<string, unknown> = {};
  objects[number] = object;
  for (let left = count(); left > 0; left--) {
    const name = text();
    const value = take();
    if (name === '__proto__') {
      const own = { value, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(object, name, own);
    } else object[name] = value;
  }
  return object;
}

function array(number: number): unknown[] {
  const length = count();
  const items: unknown[] = [];
  objects[number] = items;
  for (let index = 0; index < length; index++) {
    if (bytes[at] === Tag.HOLE) {
      at += 1;
      items.length = index + 1;
    } else items[index] = take();
  }
  return items;
}

function map(number: number): Map<unknown, unknown> {
  const entries = new Map();
  objects[number] = entries;
  for (let left = count(); left > 0; left--) {
    const key = take();
    entries.set(key, take());
  }
  return entries;
}

function view(): object {
  const index = bytes[at++] as number;
  const length = count();
  const buffer = new ArrayBuffer(length);
  new Uint8Array(buffer).set(bytes.subarray(at, at + length));
  at += length;
  const View = VIEWS[index];
  if (View === undefined) throw new RangeError(`no class of bytes has the number ${index}`);
  return index === 0 ? buffer : new View(buffer);
}

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  ...{ EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError },
};

function error(number: number): Error {
  const name = text();
  const message = text();
  const stack = text();
  const Class = ERRORS[name] ?? Error;
  const made = new Class(message);
  objects[number] = made;
  // Assigned, as it is an accessor in newer versions of V8.
  made.stack = stack;
  const cause = take();
  if (cause !== undefined) {
    Object.defineProperty(made, 'cause', { value: cause, writable: true, configurable: true });
  }
  return made;
}

function text(): string {
  return bytes[at++] === Tag.LATIN1 ? latin1() : utf16();
}

function latin1(): string {
  const length = count();
  const from = at;
  at += length;
  if (length > SHORT) return bytes.toString('latin1', from, at);
  let made = '';
  for (let index = from; index < at; index++) made += String.fromCharCode(bytes[index] as number);
  return made;
}

function utf16(): string {
  const length = count();
  const from = at;
  at += 2 * length;
  return bytes.toString('utf16le', from, at);
}

function double(): number {
  const value = bytes.readDoubleLE(at);
  at += 8;
  return value;
}

function count(): number {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const part = bytes[at++] as number;
    value |= (part & 127) << shift;
    if (part < 128 || shift > 28) return value >>> 0;
  }
}
