/**
 * Conditions: which rows a select means, as data, compiled to a function.
 *
 * `{ age: { $gte: 18 }, city: 'Paris', $or: [{ vip: true }, { orders: { $gt: 10 } }] }`: all fields must
 * hold. A field is compared with a value (equal as keys are), with operators, or with a pattern for the
 * fields of an object in it. Comparisons are those of `term-order.ts`, so they never fail.
 *
 * Invariant: the generated text holds numbers of constants and JSON-quoted names only. No value of a
 * user becomes code.
 *
 * Source: OTP, `ets` › "Match specifications", in words that TypeScript can check.
 */

import { badarg } from '../errors.js';
import { generate } from '../shape.js';
import { compareTerms, equalTerms } from '../term-order.js';

export type RowTest = (row: unknown) => boolean;
type Plain = Readonly<Record<string, unknown>>;

const NESTING_MAX = 64;
const { getPrototypeOf, hasOwn, keys: ownKeys } = Object;
const { isArray } = Array;
const objectPrototype: object = Object.prototype;
const COMPARISONS: Readonly<Record<string, string>> = {
  $lt: '<',
  $lte: '<=',
  $gt: '>',
  $gte: '>=',
};
const OPERATORS = ['$eq', '$ne', '$lt', '$lte', '$gt', '$gte', '$in', '$nin'];

export function isPlainObject(value: unknown): value is Plain {
  return (
    typeof value === 'object' &&
    value !== null &&
    !isArray(value) &&
    (getPrototypeOf(value) === objectPrototype || getPrototypeOf(value) === null)
  );
}

/** Is this an object of operators, rather than a pattern? All its keys begin with `$`. */
export function isOperators(value: unknown): value is Plain {
  if (!isPlainObject(value)) return false;
  const names = ownKeys(value);
  return names.length > 0 && names.every((name) => name.startsWith('$'));
}

/** The other field that an operator compares with: `{ $field: 'limit' }`. */
function fieldOf(value: unknown): string | number | undefined {
  if (!isPlainObject(value) || ownKeys(value).length !== 1) return undefined;
  const { $field } = value as { readonly $field?: unknown };
  return typeof $field === 'string' || typeof $field === 'number' ? $field : undefined;
}

/**
 * @param what how the argument is called in error texts
 * @returns `null` when every row is meant
 * @throws badarg for what is no condition
 */
export function compileCondition(what: string, where: unknown): RowTest | null {
  if (where === undefined) return null;
  const compiler = new Compiler(what);
  const text = compiler.all(where, 'row', 0);
  if (text === 'true') return null;
  return generate<RowTest>(
    { compare: compareTerms, equal: equalTerms, hasOwn, constants: compiler.constants },
    `${compiler.constants.map((_, index) => `const c${index} = constants[${index}];`).join('')}
     return function test(row) { return ${text}; };`,
  );
}

class Compiler {
  readonly constants: unknown[] = [];
  readonly #what: string;
  #variables = 0;

  constructor(what: string) {
    this.#what = what;
  }

  all(where: unknown, row: string, depth: number): string {
    if (!isPlainObject(where)) throw badarg(this.#what, 'an object of conditions', where);
    if (depth > NESTING_MAX) throw badarg(this.#what, `at most ${NESTING_MAX} levels`, where);
    const parts = ownKeys(where).map((name) => this.#part(name, where[name], row, depth));
    return parts.length === 0 ? 'true' : parts.join(' && ');
  }

  #part(name: string, value: unknown, row: string, depth: number): string {
    if (name === '$and' || name === '$or') {
      if (!isArray(value)) throw badarg(`${this.#what}: ${name}`, 'an array of conditions', value);
      const parts = value.map((each) => `(${this.all(each, row, depth + 1)})`);
      if (parts.length === 0) return name === '$and' ? 'true' : 'false';
      return `(${parts.join(name === '$and' ? ' && ' : ' || ')})`;
    }
    if (name === '$not') return `!(${this.all(value, row, depth + 1)})`;
    if (name.startsWith('$')) {
      throw badarg(this.#what, 'a field, $and, $or or $not', name);
    }
    const field = read(row, name);
    if (isOperators(value)) {
      const tests = ownKeys(value).map((operator) =>
        this.#operator(operator, value[operator], field, row),
      );
      return tests.join(' && ');
    }
    if (isPlainObject(value) && ownKeys(value).length > 0) return this.#nested(value, field, depth);
    return this.#equals(field, this.#operand(value));
  }

  #nested(pattern: Plain, field: string, depth: number): string {
    const inner = `v${this.#variables}`;
    this.#variables += 1;
    const test = this.all(pattern, inner, depth + 1);
    return `((${inner}) => typeof ${inner} === 'object' && ${inner} !== null && ${test})(${field})`;
  }

  #operator(operator: string, value: unknown, field: string, row: string): string {
    const other = fieldOf(value);
    const operand: Operand =
      other === undefined ? this.#operand(value) : { text: read(row, String(other)), type: 'any' };
    if (operator === '$eq') return this.#equals(field, operand);
    if (operator === '$ne') return `!(${this.#equals(field, operand)})`;
    const sign = COMPARISONS[operator];
    if (sign !== undefined) {
      const full = `compare(${field}, ${operand.text}) ${sign} 0`;
      if (operand.type === 'any') return full;
      const isOrdered = operand.type === 'number' ? ` && ${field} === ${field}` : '';
      return `(typeof ${field} === '${operand.type}'${isOrdered} ? ${field} ${sign} ${operand.text} : ${full})`;
    }
    if (operator !== '$in' && operator !== '$nin') {
      throw badarg(this.#what, OPERATORS.join(', '), operator);
    }
    if (!isArray(value)) throw badarg(`${this.#what}: ${operator}`, 'an array of values', value);
    const found = this.#oneOf(field, value);
    return operator === '$in' ? found : `!(${found})`;
  }

  #oneOf(field: string, values: readonly unknown[]): string {
    if (values.every(isSimple)) {
      return `${this.#constant(new Set(values))}.has(${field})`;
    }
    const list = this.#constant(values);
    return `${list}.some((each) => equal(each, ${field}))`;
  }

  #equals(field: string, operand: Operand): string {
    if (operand.type === 'any') return `equal(${field}, ${operand.text})`;
    return `${field} === ${operand.text}`;
  }

  #operand(value: unknown): Operand {
    const text = this.#constant(value);
    // NaN is not `===` itself, but equals itself as a key does.
    if (typeof value === 'number' && !Number.isNaN(value)) return { text, type: 'number' };
    if (typeof value === 'string') return { text, type: 'string' };
    return { text, type: 'any' };
  }

  #constant(value: unknown): string {
    this.constants.push(value);
    return `c${this.constants.length - 1}`;
  }
}

interface Operand {
  readonly text: string;
  readonly type: 'number' | 'string' | 'any';
}

/** Does a Set find it as `equalTerms` would? */
function isSimple(value: unknown): boolean {
  return typeof value !== 'object' && typeof value !== 'function' ? true : value === null;
}

/** What an object inherits is no field of it. */
function read(row: string, name: string): string {
  const access = `${row}[${JSON.stringify(name)}]`;
  if (!(name in objectPrototype)) return access;
  return `(hasOwn(${row}, ${JSON.stringify(name)}) ? ${access} : undefined)`;
}

/** What a condition says about the key, to look at fewer rows. */
export interface KeyBounds {
  readonly exact?: { readonly key: unknown };
  readonly from?: { readonly key: unknown; readonly orEqual: boolean };
  /** Holds for rows that are not behind the upper bound. */
  readonly until?: RowTest;
}

export function keyBounds(where: unknown, field: string | number): KeyBounds {
  if (!isPlainObject(where) || !hasOwn(where, String(field))) return {};
  const condition = where[String(field)];
  if (!isOperators(condition)) {
    const isPattern = isPlainObject(condition) && ownKeys(condition).length > 0;
    return isPattern ? {} : { exact: { key: condition } };
  }
  const { $eq, $gt, $gte, $lt, $lte } = condition as Readonly<Record<string, unknown>>;
  const isKnown = (value: unknown): boolean => value !== undefined && fieldOf(value) === undefined;
  if (isKnown($eq)) return { exact: { key: $eq } };
  const key = (row: unknown): unknown => (row as Record<string, unknown>)[String(field)];
  const upper: RowTest | undefined = isKnown($lt)
    ? (row) => compareTerms(key(row), $lt) < 0
    : isKnown($lte)
      ? (row) => compareTerms(key(row), $lte) <= 0
      : undefined;
  return {
    ...(isKnown($gt) ? { from: { key: $gt, orEqual: false } } : {}),
    ...(isKnown($gte) && !isKnown($gt) ? { from: { key: $gte, orEqual: true } } : {}),
    ...(upper === undefined ? {} : { until: upper }),
  };
}
