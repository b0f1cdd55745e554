/**
 * Initial values: what the text of a module tells about the value that a constant begins with.
 *
 * Only the forms that people write for constants are known; of the rest the end of the evaluation
 * judges, when the value is there (`constants.ts`).
 */

import { type AnyNode, keyName } from './syntax.js';

export type ValueKind =
  | 'array'
  | 'object'
  | 'Map'
  | 'Set'
  | 'Date'
  /** Cannot be made read-only. */
  | 'writable'
  /** A regular expression with a memory: flag `g` or `y`. */
  | 'stateful regexp'
  | 'class'
  | 'unknown';

export interface InitialValue {
  readonly kind: ValueKind;
  /** How to call it: `a WeakMap`, `a Uint8Array`. */
  readonly what: string;
  readonly node: AnyNode | null;
}

/** Methods that change what they are called on. */
const MUTATORS: Readonly<Partial<Record<ValueKind, ReadonlySet<string>>>> = {
  array: new Set([
    ...['push', 'pop', 'shift', 'unshift', 'splice', 'sort', 'reverse', 'fill', 'copyWithin'],
  ]),
  Map: new Set(['set', 'delete', 'clear']),
  Set: new Set(['add', 'delete', 'clear']),
};

const WRITABLE: ReadonlySet<string> = new Set([
  ...['WeakMap', 'WeakSet', 'WeakRef', 'FinalizationRegistry', 'ArrayBuffer', 'SharedArrayBuffer'],
  ...['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array'],
  ...['Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'DataView'],
  ...['EventTarget', 'AbortController', 'MessageChannel', 'BroadcastChannel', 'Worker'],
  ...['URL', 'URLSearchParams', 'Headers', 'FormData', 'Promise'],
]);

const BUFFER_MAKERS: ReadonlySet<string> = new Set([
  ...['from', 'alloc', 'allocUnsafe', 'allocUnsafeSlow', 'concat', 'of'],
]);

/** The identifiers of a module that mean a global. */
export type Globals = ReadonlySet<AnyNode>;

const UNKNOWN: InitialValue = { kind: 'unknown', what: '', node: null };

export function mutates(kind: ValueKind, method: string | undefined): boolean {
  if (method === undefined) return false;
  return kind === 'Date' ? /^set[A-Z]/.test(method) : MUTATORS[kind]?.has(method) === true;
}

/** @param node the initialiser, or the class declaration */
export function initialValue(node: AnyNode | null | undefined, globals: Globals): InitialValue {
  switch (node?.type) {
    case 'ArrayExpression':
      return { kind: 'array', what: 'an array', node };
    case 'ObjectExpression':
      return { kind: 'object', what: 'an object', node };
    case 'ClassDeclaration':
    case 'ClassExpression':
      return { kind: 'class', what: 'a class', node };
    case 'Literal':
      return /[gy]/.test(node.regex?.flags ?? '')
        ? { kind: 'stateful regexp', what: `a regular expression with /${node.regex?.flags}`, node }
        : UNKNOWN;
    case 'NewExpression':
      return ofConstructor(globalName(node.callee, globals), node);
    case 'CallExpression':
      return ofCall(node, globals);
    default:
      return UNKNOWN;
  }
}

function ofConstructor(
  name: string | undefined,
  node: Extract<AnyNode, { type: 'NewExpression' }>,
): InitialValue {
  if (name === undefined) return UNKNOWN;
  const what = `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
  if (WRITABLE.has(name)) return { kind: 'writable', what, node };
  if (name === 'Map' || name === 'Set' || name === 'Date') return { kind: name, what, node };
  if (name === 'Array') return { kind: 'array', what: 'an array', node };
  if (name !== 'RegExp') return UNKNOWN;
  const flags = node.arguments[1];
  const stateful = flags?.type === 'Literal' && /[gy]/.test(String(flags.value));
  return stateful
    ? { kind: 'stateful regexp', what: `a regular expression with flags ${flags.raw}`, node }
    : UNKNOWN;
}

function ofCall(
  node: Extract<AnyNode, { type: 'CallExpression' }>,
  globals: Globals,
): InitialValue {
  const { callee } = node;
  if (callee.type !== 'MemberExpression') return UNKNOWN;
  const owner = globalName(callee.object, globals);
  const method = keyName(callee.property, callee.computed) ?? '';
  if (owner === 'Buffer' && BUFFER_MAKERS.has(method)) {
    return { kind: 'writable', what: 'a Buffer', node };
  }
  if (owner === 'Array') return { kind: 'array', what: 'an array', node };
  if (owner !== 'Object' || !/^(?:freeze|seal|preventExtensions)$/.test(method)) return UNKNOWN;
  const [first] = node.arguments;
  return initialValue(first, globals);
}

/** The part of a literal, or the static field of a class, that a path of properties leads to. */
export function valueAt(
  value: InitialValue,
  path: readonly (string | undefined)[],
  globals: Globals,
): InitialValue {
  let found = value;
  for (const key of path) {
    if (key === undefined) return UNKNOWN;
    found = initialValue(memberOf(found.node, key), globals);
  }
  return found;
}

function memberOf(node: AnyNode | null, key: string): AnyNode | null | undefined {
  if (node?.type === 'ArrayExpression') return node.elements[Number(key)];
  if (node?.type === 'ObjectExpression') {
    for (const property of node.properties) {
      if (property.type === 'Property' && keyName(property.key, property.computed) === key)
        return property.value;
    }
  } else if (node?.type === 'ClassDeclaration' || node?.type === 'ClassExpression') {
    for (const member of node.body.body) {
      if (member.type !== 'PropertyDefinition' || !member.static) continue;
      if (keyName(member.key, member.computed) === key) return member.value;
    }
  }
  return undefined;
}

/** The parts of a constant's initialiser that can never be a constant. */
export function* writableParts(
  node: AnyNode | null | undefined,
  globals: Globals,
  nested = false,
): Generator<InitialValue> {
  const value = initialValue(node, globals);
  if (value.kind === 'writable' || (nested && value.kind === 'stateful regexp')) yield value;
  const { node: literal } = value;
  if (literal?.type === 'ArrayExpression') {
    for (const element of literal.elements) yield* writableParts(element, globals, true);
  } else if (literal?.type === 'ObjectExpression') {
    for (const property of literal.properties) {
      if (property.type === 'Property') yield* writableParts(property.value, globals, true);
    }
  } else if (value.kind === 'class' && literal !== null) {
    for (const member of (literal as Extract<AnyNode, { type: 'ClassExpression' }>).body.body) {
      if (member.type === 'PropertyDefinition' && member.static)
        yield* writableParts(member.value, globals, true);
    }
  }
}

/** The name of a global that an expression is; `undefined` for anything else. */
export function globalName(node: AnyNode, globals: Globals): string | undefined {
  return node.type === 'Identifier' && globals.has(node) ? node.name : undefined;
}
