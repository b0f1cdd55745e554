/**
 * Values that messages can be, for property tests, and a comparer that sees everything that
 * structured clone is meant to keep: identity of references, prototypes, holes, order of keys.
 */

import { types } from 'node:util';
import fc from 'fast-check';

/**
 * Where two values differ as results of a copy; `undefined` when nowhere.
 *
 * Two references in `a` must be the same object exactly when they are in `b`.
 */
export function difference(a: unknown, b: unknown): string | undefined {
  const left = new Map<object, object>();
  const right = new Map<object, object>();
  const pending: [unknown, unknown, string][] = [[a, b, '$']];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [x, y, path] = next;
    if (typeof x !== 'object' || x === null || typeof y !== 'object' || y === null) {
      if (!Object.is(x, y)) return `${path}: ${String(x)} is not ${String(y)}`;
      continue;
    }
    if (left.has(x) || right.has(y)) {
      if (left.get(x) !== y || right.get(y) !== x) return `${path}: identity differs`;
      continue;
    }
    left.set(x, y);
    right.set(y, x);
    const shallow = shallowDifference(x, y);
    if (shallow !== undefined) return `${path}: ${shallow}`;
    if (types.isMap(x)) pending.push([[...x], [...(y as typeof x)], `${path}<map>`]);
    if (types.isSet(x)) pending.push([[...x], [...(y as typeof x)], `${path}<set>`]);
    if (ArrayBuffer.isView(x)) {
      pending.push([x.buffer, (y as ArrayBufferView).buffer, `${path}.buffer`]);
      continue;
    }
    for (const key of Reflect.ownKeys(x)) {
      const p = Object.getOwnPropertyDescriptor(x, key);
      const q = Object.getOwnPropertyDescriptor(y, key);
      pending.push([p?.value, q?.value, `${path}.${String(key)}`]);
      for (const flag of ['writable', 'enumerable', 'configurable', 'get', 'set'] as const) {
        if (p?.[flag] !== q?.[flag]) return `${path}.${String(key)}: ${flag} differs`;
      }
    }
  }
  return undefined;
}

function shallowDifference(x: object, y: object): string | undefined {
  if (Object.getPrototypeOf(x) !== Object.getPrototypeOf(y)) return 'prototypes differ';
  if (Object.prototype.toString.call(x) !== Object.prototype.toString.call(y))
    return 'brands differ';
  if (types.isDate(x)) return Object.is(+x, +(y as Date)) ? undefined : 'dates differ';
  if (types.isRegExp(x)) return String(x) === String(y) ? undefined : 'expressions differ';
  if (types.isBoxedPrimitive(x)) {
    return Object.is(x.valueOf(), y.valueOf()) ? undefined : 'boxed values differ';
  }
  if (types.isAnyArrayBuffer(x)) {
    const [p, q] = [Buffer.from(x), Buffer.from(y as ArrayBuffer)];
    return p.equals(q) ? undefined : 'bytes differ';
  }
  if (ArrayBuffer.isView(x)) {
    const view = y as ArrayBufferView;
    const isSame = x.byteOffset === view.byteOffset && x.byteLength === view.byteLength;
    return isSame ? undefined : 'views differ';
  }
  const [p, q] = [Reflect.ownKeys(x).map(String), Reflect.ownKeys(y).map(String)];
  return p.join('\0') === q.join('\0') ? undefined : `keys [${p}] are not [${q}]`;
}

class Odd extends TypeError {
  extra = 1;
}

/** Keys that trip naive copiers, among ordinary ones. */
const keys = fc.oneof(
  fc.constantFrom('type', 'from', 'n', 'items', 'a', 'b', 'c', 'name'),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'length',
    '',
  ),
  fc.constantFrom('0', '7', '4294967295', '-1', '1.5', 'ключ', '\ud800', 'a-b'),
  fc.string({ maxLength: 8 }),
);

const scalars: fc.Arbitrary<unknown> = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(-0, 0, 1, -1, 2 ** 27, -(2 ** 27), 2 ** 27 - 1, 2 ** 31, 2 ** 53, Number.NaN),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ minLength: 40, maxLength: 90 }),
);

const leaves: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 8, arbitrary: scalars },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: false }) },
  { weight: 1, arbitrary: fc.constantFrom(/a/g, /[b]+/iu, /\//y) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 9 }) },
  { weight: 1, arbitrary: fc.constantFrom(...views()) },
  { weight: 1, arbitrary: fc.constantFrom(...boxed()) },
  { weight: 1, arbitrary: fc.constantFrom(...errors()) },
);

function views(): unknown[] {
  const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]).buffer;
  return [
    buffer,
    new ArrayBuffer(0),
    new Uint8Array(buffer),
    new Uint8ClampedArray(buffer, 3),
    new Int8Array(buffer, 1, 2),
    new Int16Array(buffer, 2, 3),
    new Uint16Array(buffer),
    new Int32Array(buffer, 4, 1),
    new Uint32Array(buffer),
    new Float32Array(buffer),
    new Float64Array(buffer, 8),
    new BigInt64Array(buffer),
    new BigUint64Array(buffer),
    new DataView(buffer, 5, 6),
    Buffer.alloc(5, 'x'),
  ];
}

function boxed(): unknown[] {
  return [new String('boxed'), new Number(-0), new Boolean(false), Object(12n)];
}

function errors(): unknown[] {
  const named = new Error('renamed');
  named.name = 'RangeError';
  return [
    new Error('plain'),
    new RangeError('with cause', { cause: { deep: [1] } }),
    new Odd('subclass'),
    new AggregateError([new Error('one')], 'many'),
    named,
  ];
}

class Point {
  x: unknown;
  #hidden = 1;
  constructor(x: unknown) {
    this.x = x;
  }
  get hidden(): number {
    return this.#hidden;
  }
}

class List extends Array<unknown> {}

/** One node of a graph: what it is made of, and where else it points. */
interface Sketch {
  readonly kind: number;
  readonly entries: readonly (readonly [string, unknown])[];
  readonly links: readonly (readonly [string, number])[];
}

const sketches = fc.array(
  fc.record({
    kind: fc.nat(11),
    entries: fc.array(fc.tuple(keys, leaves), { maxLength: 6 }),
    links: fc.array(fc.tuple(keys, fc.nat(20)), { maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 14 },
);

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function emptyNode(kind: number): object {
  switch (kind) {
    case 0:
    case 1:
      return [];
    case 2:
      return new Map();
    case 3:
      return new Set();
    case 4:
      return Object.create(null) as object;
    case 5:
      return new Point(1);
    case 6:
      return new List();
    default:
      return {};
  }
}

/** Build the graph; every node is reachable from the first, links make it shared and cyclic. */
function build(plan: readonly Sketch[]): unknown {
  const nodes = plan.map((sketch) => emptyNode(sketch.kind));
  for (const [index, sketch] of plan.entries()) {
    const node = nodes[index] as object;
    const next = nodes[index + 1];
    const links: (readonly [string, unknown])[] = sketch.links.map(
      ([key, to]) => [key, nodes[to % nodes.length]] as const,
    );
    if (next !== undefined) links.push([`next${sketch.kind}`, next]);
    for (const [key, value] of [...sketch.entries, ...links]) {
      if (node instanceof Map) node.set(sketch.kind % 2 === 0 ? key : value, value);
      else if (node instanceof Set) node.add(value);
      else if (Array.isArray(node)) {
        if (key.length === 1) node.length += 1;
        node.push(value);
      } else define(node, key, value);
    }
    if (sketch.kind === 7) Object.defineProperty(node, 'hidden', { value: 1, enumerable: false });
    if (sketch.kind === 8) (node as Record<symbol, unknown>)[Symbol('lost')] = 1;
    if (sketch.kind === 9) Object.defineProperty(node, 'lazy', { get: () => 5, enumerable: true });
    if (sketch.kind === 10) Object.seal(node);
  }
  return nodes[0];
}

/** Anything that structured clone accepts, with sharing and cycles. */
export const messages: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 1, arbitrary: leaves },
  { weight: 2, arbitrary: fc.object({ withBigInt: true, withDate: true, withSparseArray: true }) },
  { weight: 6, arbitrary: sketches.map(build) },
);

/** Small plain messages, as programs send them. */
export const records: fc.Arbitrary<unknown> = fc.oneof(
  fc.array(scalars, { maxLength: 6 }),
  fc.record({ type: fc.constantFrom('add', 'get'), by: fc.integer(), from: fc.string() }),
  fc.dictionary(keys, scalars, { maxKeys: 6 }),
);
