/**
 * DataCloneError: a value that may not be sent, and where in the message it sits.
 *
 * The copier and the encoder only find out *that* something cannot be copied; neither keeps a path
 * while it works, because that would cost every good message something. After a failure the walk
 * in this file looks for the culprit again and names it: `message.items[3].cb is a function`.
 *
 * Invariants:
 *  1. The walk runs no code of the user: it reads descriptors, calls no getter and enters no proxy.
 *     Broken, explaining an error could change the value or throw another error.
 *  2. What it refuses is exactly what the structured-clone algorithm refuses, and shared memory.
 *
 * Source: HTML standard, "Safe passing of structured data" › StructuredSerializeInternal.
 */
import { types } from 'node:util';
import { type AnyFunction, type Fun, funOf, VersionFun } from './funs.js';

/** A value that cannot be copied into a message. The message names the place: `message.a[3]`. */
export class DataCloneError extends Error {
  override readonly name = 'DataCloneError';
  /** What a built-in function raises for a wrong argument. */
  readonly reason = 'badarg';
  /** Where the culprit is, as the sender would write it: `message.items[3].cb`. */
  readonly path: string;

  constructor(path: string, complaint: string) {
    super(`${path} ${complaint}`);
    this.path = path;
  }
}

/**
 * The same error for a caller who does not know how the machine wrapped his value.
 *
 * @param from the path of the value in what was sent, as `message[2]`
 * @param to what the caller calls it, as `arguments`
 * @returns any other error as it is
 */
export function rerooted(error: unknown, from: string, to: string): unknown {
  if (!(error instanceof DataCloneError) || !error.path.startsWith(from)) return error;
  const complaint = error.message.slice(error.path.length + 1);
  return new DataCloneError(to + error.path.slice(from.length), complaint);
}

interface Culprit {
  readonly path: string;
  readonly complaint: string;
}

interface Step {
  readonly value: unknown;
  readonly parent: Step | undefined;
  /** How the parent leads here: `.key`, `[3]`, `.get("key")`. */
  readonly label: string;
}

/** Tags of what the algorithm refuses and util.types does not know. */
const REFUSED_TAGS: ReadonlyMap<string, string> = new Map([
  ['[object WeakRef]', 'is a WeakRef'],
  ['[object FinalizationRegistry]', 'is a FinalizationRegistry'],
  ['[object WebAssembly.Memory]', 'is a WebAssembly.Memory'],
  ['[object WebAssembly.Instance]', 'is a WebAssembly.Instance'],
  ['[object WebAssembly.Table]', 'is a WebAssembly.Table'],
  ['[object WebAssembly.Global]', 'is a WebAssembly.Global'],
  ['[object MessagePort]', 'is a MessagePort'],
]);

const brandOf = Object.prototype.toString;
const ownKeys = Object.keys;
const getOwn = Object.getOwnPropertyDescriptor;
const mapForEach = Map.prototype.forEach;
const setForEach = Set.prototype.forEach;
const bufferOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  'buffer',
)?.get as (this: unknown) => ArrayBufferLike;
const dataViewBufferOf = Object.getOwnPropertyDescriptor(DataView.prototype, 'buffer')?.get as (
  this: unknown,
) => ArrayBufferLike;
const nativeClone = globalThis.structuredClone;

/** The memory a view looks at, whatever was done to the view's prototype. */
export function viewedBuffer(view: ArrayBufferView): ArrayBufferLike {
  return (types.isDataView(view) ? dataViewBufferOf : bufferOf).call(view);
}

/**
 * Why `value` itself, without its children, cannot be copied.
 *
 * @returns the end of a sentence whose subject is the path; `undefined` when nothing is known
 *   against the value
 */
export function complaintAbout(value: unknown): string | undefined {
  if (typeof value === 'function') {
    if (types.isProxy(value)) return 'is a proxy';
    return funOf(value as AnyFunction) === undefined ? 'is a function' : undefined;
  }
  if (typeof value === 'symbol') return 'is a symbol';
  if (typeof value !== 'object' || value === null) return undefined;
  if (types.isProxy(value)) return 'is a proxy';
  if (types.isSharedArrayBuffer(value)) {
    return 'is a SharedArrayBuffer: processes share no memory, send a copy';
  }
  if (ArrayBuffer.isView(value)) {
    const buffer = viewedBuffer(value);
    if (types.isSharedArrayBuffer(buffer)) {
      return 'looks into a SharedArrayBuffer: processes share no memory, send a copy';
    }
    return complaintAbout(buffer) === undefined ? undefined : 'looks into a detached ArrayBuffer';
  }
  if (types.isArrayBuffer(value)) {
    return isDetached(value as ArrayBuffer) ? 'is a detached ArrayBuffer' : undefined;
  }
  if (types.isPromise(value)) return 'is a promise: await it and send its value';
  if (types.isWeakMap(value)) return 'is a WeakMap';
  if (types.isWeakSet(value)) return 'is a WeakSet';
  if (types.isGeneratorObject(value)) return 'is a generator';
  if (types.isMapIterator(value) || types.isSetIterator(value)) return 'is an iterator';
  if (types.isArgumentsObject(value)) return 'is an arguments object: send [...arguments]';
  if (types.isModuleNamespaceObject(value)) return 'is a module';
  if (types.isSymbolObject(value)) return 'is a symbol';
  // Reading the tag of an ordinary object could run a getter.
  if (getOwn(value, Symbol.toStringTag) !== undefined) return undefined;
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto === null || proto === Object.prototype || Array.isArray(value)) return undefined;
  const tag = getOwn(proto as object, Symbol.toStringTag);
  return tag !== undefined && 'value' in tag
    ? REFUSED_TAGS.get(`[object ${tag.value}]`)
    : undefined;
}

/**
 * Find the first thing in `value` that cannot be copied.
 *
 * @param reason what the failing copier said; used when the walk finds nothing, which happens when
 *   a getter returned the culprit
 */
export function explain(value: unknown, root: string, reason: string): DataCloneError {
  const culprit = findCulprit(value, root, true);
  if (culprit !== undefined) return new DataCloneError(culprit.path, culprit.complaint);
  return new DataCloneError(root, `cannot be copied: ${reason}`);
}

/** Throw if shared memory is reachable from `value`, which must be free of getters (a clone is). */
export function refuseSharedMemory(value: unknown, root: string): void {
  const culprit = findCulprit(value, root, false);
  if (culprit !== undefined) throw new DataCloneError(culprit.path, culprit.complaint);
}

/** Breadth first, so that the path named is a shortest one, and so that depth costs no stack. */
function findCulprit(value: unknown, root: string, probe: boolean): Culprit | undefined {
  const seen = new Set<unknown>();
  const queue: Step[] = [{ value, parent: undefined, label: root }];
  for (let head = 0; head < queue.length; head += 1) {
    const step = queue[head] as Step;
    const complaint = complaintAbout(step.value);
    if (complaint !== undefined) return { path: pathOf(step), complaint };
    if (typeof step.value === 'function') {
      if (isInside(step)) return { path: pathOf(step), complaint: CAPTURES_ITSELF };
      expandFunction(step, queue);
      continue;
    }
    if (typeof step.value !== 'object' || step.value === null || seen.has(step.value)) continue;
    seen.add(step.value);
    if (!expand(step, queue) && probe && !isCloneable(step.value)) {
      return {
        path: pathOf(step),
        complaint: `is ${describe(step.value)}, which cannot be copied`,
      };
    }
  }
  return undefined;
}

const CAPTURES_ITSELF = 'is the function that captures it: a function cannot be copied into itself';

/** Is this function one of the things that lead to it? */
function isInside({ value, parent }: Step): boolean {
  for (let at = parent; at !== undefined; at = at.parent) if (at.value === value) return true;
  return false;
}

/** Queue what a function captures. */
function expandFunction(step: Step, queue: Step[]): void {
  const fun = funOf(step.value as AnyFunction) as Fun;
  if (!(fun instanceof VersionFun)) return;
  const names = fun.version.captureNames(fun.index);
  for (const [index, value] of fun.captures.entries()) {
    queue.push({ value, parent: step, label: `, captured ${names[index] ?? index}` });
  }
}

/** Queue the children of an object. @returns false when the value has none that we can see. */
function expand(step: Step, queue: Step[]): boolean {
  const value = step.value as object;
  const push = (child: unknown, label: string): void => {
    if (
      (typeof child === 'object' && child !== null) ||
      typeof child === 'function' ||
      complaintAbout(child) !== undefined
    ) {
      queue.push({ value: child, parent: step, label });
    }
  };
  if (types.isMap(value)) {
    let index = 0;
    mapForEach.call(value, (item: unknown, key: unknown) => {
      push(key, `.keys()[${index}]`);
      push(item, `.get(${typeof key === 'object' ? `keys()[${index}]` : JSON.stringify(key)})`);
      index += 1;
    });
    return true;
  }
  if (types.isSet(value)) {
    let index = 0;
    setForEach.call(value, (item: unknown) => {
      push(item, `.values()[${index}]`);
      index += 1;
    });
    return true;
  }
  if (types.isNativeError(value)) {
    const cause = getOwn(value, 'cause');
    if (cause !== undefined && 'value' in cause) push(cause.value, '.cause');
    return true;
  }
  if (isLeaf(value)) return true;
  let children = 0;
  for (const key of ownKeys(value)) {
    const property = getOwn(value, key);
    if (property === undefined || !('value' in property)) continue;
    children += 1;
    push(property.value, labelOf(value, key));
  }
  return children > 0;
}

function isLeaf(value: object): boolean {
  return (
    ArrayBuffer.isView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isBoxedPrimitive(value)
  );
}

/** An object without visible children is host data or empty: only V8 can say. */
function isCloneable(value: object): boolean {
  try {
    nativeClone(value);
    return true;
  } catch {
    return false;
  }
}

/** Detached buffers have no length, but neither have empty ones: a view tells them apart. */
function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function describe(value: object): string {
  const tag = brandOf.call(value).slice(8, -1);
  return tag === 'Object' ? 'an object of the host' : `a ${tag}`;
}

function labelOf(parent: object, key: string): string {
  if (Array.isArray(parent) && /^\d+$/.test(key)) return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
    ? `.${key}`
    : `[${JSON.stringify(key)}]`;
}

function pathOf(step: Step): string {
  const labels: string[] = [];
  for (let at: Step | undefined = step; at !== undefined; at = at.parent) labels.push(at.label);
  return labels.reverse().join('');
}
