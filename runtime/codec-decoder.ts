/**
 * Decoder: reads terms from words, see `codec.ts` for the format.
 *
 * Invariants:
 *  1. It reads each frame of its direction once and in order; its tables are then those of the
 *     encoder.
 *  2. Decoded terms share no mutable object with each other, nor with the words they came from.
 *  3. It trusts its input: both ends are this file's and its twin's, in one process of the
 *     operating system.
 */
import { Constant, doubleCutter, Extended, TAG_BITS, TAG_MASK, Tag } from './codec.js';
import type { ShapeRegistry } from './codec-encoder.js';
import { detach } from './codec-strings.js';
import { readLatin1, readUtf16 } from './codec-text.js';
import { InvariantError } from './errors.js';
import { markFrozen } from './frozen.js';
import { type AnyFunction, exportedFun, receivedFun } from './funs.js';
import { tableOfModule } from './module-tables.js';
import { generate, literal } from './shape.js';

const { defineProperty } = Object;
const objectPrototype: object = Object.prototype;
const NativeDate = Date;
const NativeMap = Map;
const NativeSet = Set;

type MakeRecord = (decoder: Decoder) => object;

interface DecodeRecord {
  readonly keys: readonly string[];
  readonly make: MakeRecord;
}

const HOLE_WORD: number = (Constant.HOLE << TAG_BITS) | Tag.CONSTANT;

export class Decoder {
  readonly #registry: ShapeRegistry | null;
  #words: Int32Array = new Int32Array(0);
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  readonly #cut = doubleCutter();
  readonly #strings: string[] = [];
  #shapes: DecodeRecord[] = [];
  readonly #frozen: (object | undefined)[] = [];
  /** The objects of the term so far, when the frame says that one occurs twice. */
  #seen: object[] | null = null;
  #lane: readonly unknown[] = [];

  /** @param registry that of the encoder, if it has one */
  constructor(registry: ShapeRegistry | null = null) {
    this.#registry = registry;
  }

  /** Start a frame: the next term begins at word `at`. */
  begin(words: Int32Array, bytes: Uint8Array, at: number): void {
    this.#words = words;
    this.#bytes = bytes;
    this.#at = at;
  }

  resetShapes(): void {
    this.#shapes = [];
  }

  /** The lane message of the frame that begins. */
  takeLane(terms: readonly unknown[]): void {
    this.#lane = terms;
  }

  /** Let go of a frozen value: the encoder will use its id for another. */
  release(id: number): void {
    this.#frozen[id] = undefined;
  }

  /** Read a term of a frame in which some object occurs twice. */
  sharedTerm(): unknown {
    this.#seen = [];
    const value = this.term();
    this.#seen = null;
    return value;
  }

  term(): unknown {
    const word = this.#words[this.#at] as number;
    this.#at += 1;
    const payload = word >> TAG_BITS;
    switch (word & TAG_MASK) {
      case Tag.INT:
        return payload;
      case Tag.CACHED:
        return this.#strings[payload];
      case Tag.ARRAY:
        return this.#array(payload);
      case Tag.RECORD:
        return this.#record(this.#shapes[payload] ?? this.#registered(payload));
      case Tag.CONSTANT:
        return constant(payload);
      case Tag.LATIN1:
        return this.#latin1(payload);
      case Tag.DOUBLE:
        return this.#double();
      case Tag.DEFINE:
        return this.#define(payload);
      case Tag.UTF16:
        return this.#utf16(payload);
      case Tag.SHAPE:
        return this.#shape(payload);
      case Tag.DICTIONARY:
        return this.#dictionary(payload);
      case Tag.HOLEY:
        return this.#holey(payload);
      case Tag.SEEN:
        return this.#seen?.[payload];
      case Tag.FROZEN:
        return this.#remember(this.#frozen[payload] as object);
      case Tag.EXTENDED:
        return this.#extended(payload);
      default:
        throw new InvariantError(`no such tag in word ${word}`);
    }
  }

  #remember<T extends object>(value: T): T {
    if (this.#seen !== null) this.#seen.push(value);
    return value;
  }

  #next(): number {
    const word = this.#words[this.#at] as number;
    this.#at += 1;
    return word;
  }

  #double(): number {
    this.#cut.words[0] = this.#next();
    this.#cut.words[1] = this.#next();
    return this.#cut.double[0] as number;
  }

  #latin1(length: number): string {
    const start = this.#at << 2;
    this.#at += (length + 3) >> 2;
    return readLatin1(this.#bytes, start, length);
  }

  #utf16(length: number): string {
    const start = this.#at << 2;
    this.#at += (length + 1) >> 1;
    return readUtf16(this.#bytes, start, length);
  }

  #define(id: number): string {
    const text = this.term() as string;
    detach(text);
    this.#strings[id] = text;
    return text;
  }

  #shape(id: number): object {
    const count = this.#next();
    const keys: string[] = [];
    for (let index = 0; index < count; index += 1) keys.push(this.term() as string);
    const record = { keys, make: generateMake(keys) };
    this.#shapes[id] = record;
    return this.#record(record);
  }

  #registered(id: number): DecodeRecord {
    const keys = this.#registry?.keysOf(id);
    if (keys === undefined) throw new InvariantError(`no such shape: ${id}`);
    const record = { keys, make: generateMake(keys) };
    this.#shapes[id] = record;
    return record;
  }

  #record(record: DecodeRecord): object {
    if (this.#seen === null) return record.make(this);
    const to: Record<string, unknown> = this.#remember({});
    for (const key of record.keys) setField(to, key, this.term());
    return to;
  }

  #dictionary(count: number): object {
    const to: Record<string, unknown> = this.#remember({});
    for (let index = 0; index < count; index += 1) {
      const key = this.term() as string;
      setField(to, key, this.term());
    }
    return to;
  }

  #array(length: number): unknown[] {
    if (this.#seen === null) {
      // Literals are the cheapest arrays, and most messages are short tuples.
      if (length === 2) return [this.term(), this.term()];
      if (length === 3) return [this.term(), this.term(), this.term()];
      if (length === 4) return [this.term(), this.term(), this.term(), this.term()];
    }
    const to: unknown[] = this.#remember([]);
    for (let index = 0; index < length; index += 1) to.push(this.term());
    return to;
  }

  #holey(length: number): unknown[] {
    const to: unknown[] = this.#remember([]);
    to.length = length;
    for (let index = 0; index < length; index += 1) {
      if (this.#words[this.#at] === HOLE_WORD) this.#at += 1;
      else to[index] = this.term();
    }
    return to;
  }

  /** It has its number before its captured values have theirs, and is made after them. */
  #fun(): AnyFunction {
    const seen = this.#seen;
    const ordinal = seen === null ? 0 : seen.push(this) - 1;
    const index = this.#next();
    const count = this.#next();
    const module = this.term() as string;
    const version = this.term() as string;
    const captures: unknown[] = [];
    for (let at = 0; at < count; at += 1) captures.push(this.term());
    const fun = receivedFun(module, version, index, captures);
    if (seen !== null) seen[ordinal] = fun;
    return fun;
  }

  #extended(kind: number): unknown {
    switch (kind) {
      case Extended.BIGINT:
        return parseBigint(this.term() as string);
      case Extended.DATE:
        return this.#remember(new NativeDate(this.#double()));
      case Extended.MAP: {
        const size = this.#next();
        const to = this.#remember(new NativeMap<unknown, unknown>());
        for (let index = 0; index < size; index += 1) {
          const key = this.term();
          to.set(key, this.term());
        }
        return to;
      }
      case Extended.SET: {
        const size = this.#next();
        const to = this.#remember(new NativeSet<unknown>());
        for (let index = 0; index < size; index += 1) to.add(this.term());
        return to;
      }
      case Extended.LANE:
        return this.#lane[this.#next()];
      case Extended.FREEZE: {
        const id = this.#next();
        const value = this.term() as object;
        markFrozen(value);
        this.#frozen[id] = value;
        return value;
      }
      case Extended.EXPORT:
        return this.#remember(exportedFun(this.term() as string, this.term() as string));
      case Extended.MODULE:
        return this.#remember(tableOfModule(this.term() as string));
      case Extended.FUN:
        return this.#fun();
      default:
        throw new InvariantError(`no such extended tag: ${kind}`);
    }
  }
}

function constant(which: number): unknown {
  switch (which) {
    case Constant.UNDEFINED:
      return undefined;
    case Constant.NULL:
      return null;
    default:
      return which === Constant.TRUE;
  }
}

/** `BigInt` reads decimal and hexadecimal; the latter takes linear time. */
function parseBigint(digits: string): bigint {
  return digits.startsWith('-') ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
}

/** Assigning to a name that a frozen prototype has would throw, and `__proto__` is a setter. */
function setField(to: Record<string, unknown>, key: string, value: unknown): void {
  if (key in objectPrototype) {
    defineProperty(to, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    to[key] = value;
  }
}

function generateMake(keys: readonly string[]): MakeRecord {
  const terms = keys.map(() => 'decoder.term()');
  return generate<MakeRecord>(
    {},
    `return function make(decoder) { return ${literal(keys, terms)}; };`,
  );
}
