/**
 * Shape: the own keys of a plain object, in order, with code generated for exactly these keys.
 *
 * Messages are few shapes many times over. A trie that is walked with `for-in` finds the shape of
 * an object for about two nanoseconds a key, and a function generated for the shape reads and
 * writes its fields by monomorphic access, where a loop over `Object.keys` is megamorphic.
 *
 * Invariants:
 *  1. A key in the trie is not an array index, so it keeps its place in the order of keys.
 *  2. The number of nodes is bounded; when it is reached the trie starts afresh. Broken, objects
 *     that are used as dictionaries would fill the heap with functions.
 *  3. `Object.prototype` has no enumerable property (the realm is hardened), so that `for-in`
 *     over an object that inherits from it gives own keys only.
 *  4. Generated code is text made of JSON-quoted keys only; no value ever becomes code.
 */

/** Code that is generated for a shape is compiled after it was seen this often. */
const WARM_UP = 4;
const KEYS_MAX = 40;
const KEY_LENGTH_MAX = 128;
const CHILDREN_MAX = 64;
const NODES_MAX = 8192;

/** `typeof` says that it is no plain value and must be looked at. */
const IS_REFERENCE = (name: string): string =>
  `(typeof ${name} === 'object' ? ${name} !== null : ` +
  `typeof ${name} === 'function' || typeof ${name} === 'symbol')`;

/** Copies one kind of thing into a message; the state of one copy is `M`. */
export type CopyChild<M> = (value: unknown, memo: M) => unknown;
export type BeginMemo<M> = () => M & { add(from: object, to: object): void };

/**
 * @returns the copy of `from`; `undefined` when `from` does not inherit from `Object.prototype`
 */
export type CopyShape = (from: object, memo: unknown) => object | undefined;

export class Shape {
  readonly keys: readonly string[];
  #seen = 0;

  constructor(keys: readonly string[]) {
    this.keys = keys;
  }

  /** Called for each object until it says true: now generating code pays. */
  warm(): boolean {
    this.#seen += 1;
    return this.#seen >= WARM_UP;
  }
}

class TrieNode<S> {
  readonly key: string;
  readonly depth: number;
  /** The child found last: most shapes have one successor of each key. */
  latest: TrieNode<S> | undefined = undefined;
  children: Map<string, TrieNode<S>> | undefined = undefined;
  shape: S | undefined = undefined;

  constructor(key: string, depth: number) {
    this.key = key;
    this.depth = depth;
  }
}

/** Finds what is kept for a list of keys. One trie per user of shapes; `S` is what it keeps. */
export class ShapeTrie<S> {
  readonly #make: (keys: readonly string[]) => S;
  #root = new TrieNode<S>('', 0);
  #nodes = 0;

  /** @param make called once for each new list of keys */
  constructor(make: (keys: readonly string[]) => S) {
    this.#make = make;
  }

  /**
   * @param object neither a proxy nor an array; anything else is only enumerated
   * @returns `undefined` when these keys were never learnt
   * Cost: about 2 ns a key.
   */
  find(object: object): S | undefined {
    let node = this.#root;
    for (const key in object) {
      let next = node.latest;
      if (next === undefined || next.key !== key) {
        next = node.children?.get(key);
        if (next === undefined) return undefined;
        node.latest = next;
      }
      node = next;
    }
    return node.shape;
  }

  /**
   * Learn the keys of an object that is known to be plain.
   *
   * @returns `undefined` when the object looks like a dictionary rather than a record
   */
  learn(object: object): S | undefined {
    if (this.#nodes > NODES_MAX) {
      this.#root = new TrieNode<S>('', 0);
      this.#nodes = 0;
    }
    const keys: string[] = [];
    let node = this.#root;
    for (const key in object) {
      const next = this.#child(node, key);
      if (next === undefined) return undefined;
      keys.push(key);
      node = next;
    }
    if (keys.length === 0) return undefined;
    node.shape ??= this.#make(keys);
    return node.shape;
  }

  #child(node: TrieNode<S>, key: string): TrieNode<S> | undefined {
    const known = node.children?.get(key);
    if (known !== undefined) return known;
    const first = key.charCodeAt(0);
    const isIndexLike = first >= 48 && first <= 57;
    if (isIndexLike || key.length > KEY_LENGTH_MAX || node.depth >= KEYS_MAX) return undefined;
    node.children ??= new Map();
    if (node.children.size >= CHILDREN_MAX) return undefined;
    const made = new TrieNode<S>(key, node.depth + 1);
    node.children.set(key, made);
    this.#nodes += 1;
    return made;
  }
}

/** `[a, b]` as parameters or reads: one fresh variable per key. */
export function variables(keys: readonly string[]): string[] {
  return keys.map((_, index) => `v${index}`);
}

/** An object literal with these keys; a computed key keeps `__proto__` an ordinary property. */
export function literal(keys: readonly string[], values: readonly string[]): string {
  const fields = keys.map((key, index) => {
    const name = JSON.stringify(key);
    return key === '__proto__' ? `[${name}]: ${values[index]}` : `${name}: ${values[index]}`;
  });
  return `{ ${fields.join(', ')} }`;
}

// Captured before anything hardens the realm or takes it away.
const compile = Function;

/** Compile `body` with these names bound as constants. */
export function generate<F>(constants: Readonly<Record<string, unknown>>, body: string): F {
  const make = compile(...Object.keys(constants), `'use strict'; ${body}`);
  return make(...Object.values(constants)) as F;
}

/**
 * The beginning of a generated function that takes `from` apart: the fields are in `v0`, `v1` …
 * after it; when `from` does not inherit from `Object.prototype` the function returns `otherwise`.
 *
 * The result of `k in from` is known to be true; it is asked because the optimising compiler then
 * knows the hidden class, and the prototype becomes a constant (13 ns saved).
 */
function readFields(keys: readonly string[], otherwise: string): string {
  const reads = keys.map((key, index) => `const v${index} = from[${JSON.stringify(key)}];`);
  return `if (!(${JSON.stringify(keys[0])} in from) || getPrototypeOf(from) !== prototype) {
      return ${otherwise};
    }
    ${reads.join('\n')}`;
}

const READ_CONSTANTS = { getPrototypeOf: Object.getPrototypeOf, prototype: Object.prototype };

/**
 * Generate a function `(from, …parameters) => boolean` that reads all fields and then does
 * something with each.
 */
export function generateRead<F>(
  keys: readonly string[],
  parameters: string,
  before: string,
  field: (value: string) => string,
  after: string,
): F {
  return generate<F>(
    READ_CONSTANTS,
    `return function readShape(from, ${parameters}) {
      ${readFields(keys, 'false')}
      ${before}
      ${variables(keys).map(field).join('\n')}
      ${after}
    };`,
  );
}

/**
 * Generate the copy function of a shape.
 *
 * A nested value first stands in its own copy's place, so that the copy has its final layout at
 * once.
 */
export function generateCopy<M>(
  keys: readonly string[],
  begin: BeginMemo<M>,
  child: CopyChild<M>,
): CopyShape {
  const values = variables(keys);
  const fills = keys.map(
    (key, index) =>
      `if (${IS_REFERENCE(`v${index}`)}) to[${JSON.stringify(key)}] = child(v${index}, memo);`,
  );
  return generate<CopyShape>(
    { ...READ_CONSTANTS, begin, child },
    `return function copyShape(from, memo) {
      ${readFields(keys, 'undefined')}
      const to = ${literal(keys, values)};
      if (${values.map(IS_REFERENCE).join(' || ')}) {
        if (memo === null) memo = begin();
        memo.add(from, to);
        ${fills.join('\n')}
      } else if (memo !== null) memo.add(from, to);
      return to;
    };`,
  );
}
