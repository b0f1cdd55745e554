/**
 * Encoder: writes terms as words, see `codec.ts` for the format.
 *
 * A frame is encoded into private memory and copied into the ring only when it is complete; so an
 * error in its middle leaves no trace, and a frame may be larger than the ring.
 *
 * Invariants:
 *  1. Writing past `#limit` never happens: `#reserve` comes before each group of words.
 *  2. The encoder keeps no reference to a value after its frame, but for frozen ones (weakly) and
 *     numbered strings.
 */
import { types } from 'node:util';
import {
  CACHED_LENGTH_MAX,
  Constant,
  DEPTH_MAX,
  doubleCutter,
  Extended,
  FLAG_RESET_SHAPES,
  FLAG_SHARED,
  SHAPES_MAX,
  STRING_LENGTH_MAX,
  TAG_BITS,
  Tag,
} from './codec.js';
import { FrozenNumbering } from './codec-frozen.js';
import { SeenObjects } from './codec-seen.js';
import { StringNumbering } from './codec-strings.js';
import { isOrdinary } from './copy-exotic.js';
import { UNUSUAL } from './copy-memo.js';
import { anyFrozen, isFrozenValue } from './frozen.js';
import { type AnyFunction, ExportFun, funOf } from './funs.js';
import { moduleOfTable } from './module-tables.js';
import { isProxyValue } from './proxies.js';
import { generateRead, Shape, ShapeTrie } from './shape.js';

const { isArray } = Array;
const { isView } = ArrayBuffer;
const { getPrototypeOf, hasOwn, keys: ownKeys } = Object;
const objectPrototype: object = Object.prototype;
const brandOf = Object.prototype.toString;
const getTime = Date.prototype.getTime;
const mapForEach = Map.prototype.forEach;
const setForEach = Set.prototype.forEach;

const WORDS_INITIAL = 1 << 12;
/** Memory above this is given back after the frame that needed it. */
const WORDS_KEPT = 1 << 18;
/** The most words that a number or a constant takes. */
const SCALAR_WORDS = 3;
const INT_MIN: number = -(1 << 27);
const INT_MAX: number = (1 << 27) - 1;
/** An array with holes at either end or in the middle, and longer than this, goes over the lane. */
const HOLEY_LENGTH_MAX = 1 << 16;
const NOT_NUMBERED = -1;

/** Calls `encoder.open` and then `encoder.term` for each field. */
type EncodeShape = (from: object, encoder: Encoder, record: EncodeRecord) => boolean;

class EncodeRecord extends Shape {
  id: number = NOT_NUMBERED;
  encode: EncodeShape | undefined = undefined;
}

/** Numbers for shapes that mean the same to whoever decodes, whenever that is. */
export interface ShapeRegistry {
  /** @returns -1 when there is no number left */
  idOf(keys: readonly string[]): number;
  keysOf(id: number): readonly string[];
}

export class Encoder {
  readonly #registry: ShapeRegistry | null;
  #words = new Int32Array(WORDS_INITIAL);
  #bytes = new Uint8Array(this.#words.buffer);
  #limit: number = WORDS_INITIAL;
  #at = 0;
  #depth = 0;
  #flags = 0;
  readonly #cut = doubleCutter();
  readonly #seen = new SeenObjects();
  readonly #strings = new StringNumbering();
  readonly #frozen = new FrozenNumbering();
  #shapes = new ShapeTrie((keys) => new EncodeRecord(keys));
  #shapeCount = 0;
  readonly #freshShapes: EncodeRecord[] = [];
  #resetShapes = false;

  /**
   * @param registry when given, frames stand for themselves: they may be decoded in any order and any
   *   number of times, by whoever has the same registry. No strings and no frozen values are numbered then
   */
  constructor(registry: ShapeRegistry | null = null) {
    this.#registry = registry;
  }

  /** The words of the frame so far. Valid until the next `begin`. */
  get words(): Int32Array {
    return this.#words;
  }

  get length(): number {
    return this.#at;
  }

  get flags(): number {
    return this.#flags;
  }

  /** Start a frame that begins with `headerWords` words of the caller. */
  begin(headerWords: number): void {
    if (this.#words.length > WORDS_KEPT) this.#grow(0);
    if (this.#shapeCount >= SHAPES_MAX) {
      this.#shapes = new ShapeTrie((keys) => new EncodeRecord(keys));
      this.#shapeCount = 0;
      this.#resetShapes = true;
    }
    this.#at = headerWords;
    this.#flags = this.#resetShapes ? FLAG_RESET_SHAPES : 0;
    this.#depth = 0;
  }

  /** The frame is complete and will reach the peer. */
  commit(): void {
    this.#seen.clear();
    this.#strings.commit();
    this.#frozen.commit();
    if (this.#freshShapes.length > 0) this.#freshShapes.length = 0;
    this.#resetShapes = false;
  }

  /** The frame is given up: nothing of it reaches the peer. */
  rollback(): void {
    this.#openFunctions.length = 0;
    this.#insideFrozen = false;
    this.#seen.clear();
    this.#strings.rollback();
    this.#frozen.rollback();
    for (const record of this.#freshShapes) record.id = NOT_NUMBERED;
    this.#shapeCount -= this.#freshShapes.length;
    this.#freshShapes.length = 0;
  }

  get hasReleases(): boolean {
    return this.#frozen.hasReleases;
  }

  takeReleases(): readonly number[] {
    return this.#frozen.takeReleases();
  }

  /** Write that this term is number `position` of the frame's lane message. */
  laneTerm(position: number): void {
    this.#reserve(2);
    this.#put(Extended.LANE, Tag.EXTENDED);
    this.#raw(position);
  }

  /**
   * Write one of the frame's terms. Terms share nothing with each other: they may go to different
   * processes.
   *
   * @throws UNUSUAL as {@link term} does
   */
  whole(value: unknown): void {
    this.term(value);
    this.#seen.clear();
  }

  /**
   * Write a term or a part of one.
   *
   * @throws UNUSUAL when it cannot be encoded, or not by this format: the frame must be rolled back
   */
  term(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#string(value);
        break;
      case 'number':
        this.#number(value);
        break;
      case 'object':
        if (value === null) this.#constant(Constant.NULL);
        else this.#object(value);
        break;
      case 'boolean':
        this.#constant(value ? Constant.TRUE : Constant.FALSE);
        break;
      case 'undefined':
        this.#constant(Constant.UNDEFINED);
        break;
      case 'bigint':
        this.#bigint(value);
        break;
      case 'function':
        this.#function(value as AnyFunction);
        break;
      default:
        throw UNUSUAL;
    }
  }

  /** Called by generated code: the object is a plain record of this shape. */
  open(record: EncodeRecord, from: object): void {
    this.#enter();
    this.#seen.add(from);
    this.#reserve(SCALAR_WORDS);
    if (record.id >= 0) {
      this.#put(record.id, Tag.RECORD);
      return;
    }
    if (this.#shapeCount >= SHAPES_MAX) throw UNUSUAL;
    record.id = this.#shapeCount;
    this.#shapeCount += 1;
    this.#freshShapes.push(record);
    this.#put(record.id, Tag.SHAPE);
    this.#raw(record.keys.length);
    for (const key of record.keys) this.#string(key);
  }

  /** Called by generated code after the fields. */
  close(): void {
    this.#depth -= 1;
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw UNUSUAL;
  }

  #put(payload: number, tag: number): void {
    this.#words[this.#at] = (payload << TAG_BITS) | tag;
    this.#at += 1;
  }

  #raw(word: number): void {
    this.#words[this.#at] = word;
    this.#at += 1;
  }

  #reserve(words: number): void {
    if (this.#at + words > this.#limit) this.#grow(this.#at + words);
  }

  #grow(needed: number): void {
    let size = WORDS_INITIAL;
    while (size < needed) size *= 2;
    const words = new Int32Array(size);
    if (needed > 0) words.set(this.#words.subarray(0, this.#at));
    this.#words = words;
    this.#bytes = new Uint8Array(words.buffer);
    this.#limit = size;
  }

  #constant(which: number): void {
    this.#reserve(1);
    this.#put(which, Tag.CONSTANT);
  }

  #number(value: number): void {
    this.#reserve(SCALAR_WORDS);
    const int = value | 0;
    if (int === value && int >= INT_MIN && int <= INT_MAX && (int !== 0 || 1 / value > 0)) {
      this.#put(int, Tag.INT);
      return;
    }
    this.#put(0, Tag.DOUBLE);
    this.#double(value);
  }

  #double(value: number): void {
    this.#cut.double[0] = value;
    this.#raw(this.#cut.words[0] as number);
    this.#raw(this.#cut.words[1] as number);
  }

  #bigint(value: bigint): void {
    this.#reserve(1);
    this.#put(Extended.BIGINT, Tag.EXTENDED);
    this.#text(value.toString(16));
  }

  #string(value: string): void {
    this.#reserve(SCALAR_WORDS);
    if (value.length > CACHED_LENGTH_MAX || this.#registry !== null) {
      this.#text(value);
      return;
    }
    const id = this.#strings.idOf(value);
    if (id !== undefined) {
      this.#put(id, Tag.CACHED);
      return;
    }
    if (this.#strings.isRepeated(value)) this.#put(this.#strings.assign(value), Tag.DEFINE);
    this.#text(value);
  }

  /** The characters themselves: first tried as one byte each. */
  #text(value: string): void {
    const length = value.length;
    if (length > STRING_LENGTH_MAX) throw UNUSUAL;
    this.#reserve(2 + (length >> 1));
    const header = this.#at;
    this.#put(length, Tag.LATIN1);
    const bytes = this.#bytes;
    const start = this.#at << 2;
    // Rows compare texts by their words.
    if (length > 0) this.#words[this.#at + ((length - 1) >> 2)] = 0;
    for (let index = 0; index < length; index += 1) {
      const unit = value.charCodeAt(index);
      if (unit > 0xff) {
        this.#wideText(value, header);
        return;
      }
      bytes[start + index] = unit;
    }
    this.#at += (length + 3) >> 2;
  }

  #wideText(value: string, header: number): void {
    const length = value.length;
    this.#at = header;
    this.#put(length, Tag.UTF16);
    const bytes = this.#bytes;
    let byte = this.#at << 2;
    for (let index = 0; index < length; index += 1) {
      const unit = value.charCodeAt(index);
      bytes[byte] = unit & 0xff;
      bytes[byte + 1] = unit >> 8;
      byte += 2;
    }
    this.#at += (length + 1) >> 1;
  }

  #again(ordinal: number): void {
    this.#flags |= FLAG_SHARED;
    this.#reserve(1);
    this.#put(ordinal, Tag.SEEN);
  }

  /** Functions whose captured values are being written: the decoder cannot refer to them yet. */
  readonly #openFunctions: AnyFunction[] = [];

  #function(value: AnyFunction): void {
    const fun = funOf(value);
    if (fun === undefined || this.#openFunctions.includes(value)) throw UNUSUAL;
    const ordinal = this.#seen.find(value);
    if (ordinal >= 0) {
      this.#again(ordinal);
      return;
    }
    this.#enter();
    this.#seen.add(value);
    this.#reserve(SCALAR_WORDS);
    if (fun instanceof ExportFun) {
      this.#put(Extended.EXPORT, Tag.EXTENDED);
      this.#string(fun.module);
      this.#string(fun.name);
    } else {
      this.#put(Extended.FUN, Tag.EXTENDED);
      this.#raw(fun.index);
      this.#raw(fun.captures.length);
      this.#string(fun.version.module);
      this.#string(fun.version.version);
      this.#openFunctions.push(value);
      for (const captured of fun.captures) this.term(captured);
      this.#openFunctions.pop();
    }
    this.#depth -= 1;
  }

  #object(value: object): void {
    const ordinal = this.#seen.find(value);
    if (ordinal >= 0) {
      this.#again(ordinal);
      return;
    }
    const isFrozen = this.#registry === null && anyFrozen() && isFrozenValue(value);
    if (isFrozen && this.#frozenValue(value)) return;
    this.#mutable(value);
  }

  #mutable(value: object): void {
    if (isProxyValue(value)) throw UNUSUAL;
    if (isArray(value)) {
      this.#array(value);
      return;
    }
    // Enumerating a view would list every byte.
    if (isView(value)) throw UNUSUAL;
    const record = this.#shapes.find(value);
    if (record?.encode?.(value, this, record)) return;
    this.#unfamiliar(value, record);
  }

  /** @returns false when no id is to be had and the value must be sent like any other */
  #frozenValue(value: object): boolean {
    const known = this.#frozen.idOf(value);
    if (known !== undefined) {
      this.#seen.add(value);
      this.#reserve(1);
      this.#put(known, Tag.FROZEN);
      return true;
    }
    if (this.#insideFrozen) return false;
    const id = this.#frozen.assign(value);
    if (id === undefined) return false;
    this.#reserve(2);
    this.#put(Extended.FREEZE, Tag.EXTENDED);
    this.#raw(id);
    this.#insideFrozen = true;
    try {
      this.#mutable(value);
    } finally {
      this.#insideFrozen = false;
    }
    return true;
  }

  #insideFrozen = false;

  #array(array: readonly unknown[]): void {
    const length = array.length;
    if ('index' in array || 'groups' in array || length > HOLEY_LENGTH_MAX) this.#checkArray(array);
    this.#enter();
    this.#seen.add(array);
    this.#reserve(1 + SCALAR_WORDS);
    const header = this.#at;
    this.#put(length, Tag.ARRAY);
    if (length === 0) for (const _ in array) throw UNUSUAL;
    for (let index = 0; index < length; index += 1) {
      const item = array[index];
      if (item === undefined && !(index in array)) {
        this.#words[header] = (length << TAG_BITS) | Tag.HOLEY;
        this.#constant(Constant.HOLE);
      } else this.term(item);
    }
    this.#depth -= 1;
  }

  #checkArray(array: readonly unknown[]): void {
    const last = array.length - 1;
    const middle = last >> 1;
    if ('index' in array || 'groups' in array) throw UNUSUAL;
    if (!(0 in array && middle in array && last in array)) throw UNUSUAL;
  }

  #unfamiliar(value: object, record: EncodeRecord | undefined): void {
    if (getPrototypeOf(value) === objectPrototype) {
      if (brandOf.call(value) !== '[object Object]') throw UNUSUAL;
      const learnt = record ?? this.#shapes.learn(value);
      if (learnt?.warm() && this.#isNumbered(learnt)) {
        learnt.encode ??= generateRead<EncodeShape>(
          learnt.keys,
          'encoder, record',
          'encoder.open(record, from);',
          (field) => `encoder.term(${field});`,
          'encoder.close(); return true;',
        );
      }
      this.#dictionary(value);
      return;
    }
    const module = moduleOfTable(value);
    if (module !== undefined) {
      this.#seen.add(value);
      this.#reserve(1);
      this.#put(Extended.MODULE, Tag.EXTENDED);
      this.#string(module);
      return;
    }
    if (types.isDate(value)) {
      this.#seen.add(value);
      this.#reserve(SCALAR_WORDS);
      this.#put(Extended.DATE, Tag.EXTENDED);
      this.#double(getTime.call(value));
      return;
    }
    if (types.isMap(value)) {
      this.#map(value);
      return;
    }
    if (types.isSet(value)) {
      this.#set(value);
      return;
    }
    if (!isOrdinary(value)) throw UNUSUAL;
    this.#dictionary(value);
  }

  /** A registry gives the number before code is generated; a direction numbers shapes when they are sent. */
  #isNumbered(record: EncodeRecord): boolean {
    if (this.#registry !== null && record.id < 0) record.id = this.#registry.idOf(record.keys);
    return this.#registry === null || record.id >= 0;
  }

  #dictionary(value: object): void {
    this.#enter();
    this.#seen.add(value);
    const keys = ownKeys(value);
    this.#reserve(1);
    const header = this.#at;
    this.#put(keys.length, Tag.DICTIONARY);
    let gone = 0;
    for (const key of keys) {
      // A getter before this one may have removed it.
      if (!hasOwn(value, key)) gone += 1;
      else {
        const item = (value as Record<string, unknown>)[key];
        this.#string(key);
        this.term(item);
      }
    }
    if (gone > 0) this.#words[header] = ((keys.length - gone) << TAG_BITS) | Tag.DICTIONARY;
    this.#depth -= 1;
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    const entries: unknown[] = [];
    mapForEach.call(map, (value: unknown, key: unknown) => {
      entries.push(key, value);
    });
    this.#collection(map, Extended.MAP, entries.length >> 1, entries);
  }

  #set(set: ReadonlySet<unknown>): void {
    const items: unknown[] = [];
    setForEach.call(set, (item: unknown) => {
      items.push(item);
    });
    this.#collection(set, Extended.SET, items.length, items);
  }

  #collection(value: object, kind: number, size: number, terms: readonly unknown[]): void {
    this.#enter();
    this.#seen.add(value);
    this.#reserve(2);
    this.#put(kind, Tag.EXTENDED);
    this.#raw(size);
    for (const term of terms) this.term(term);
    this.#depth -= 1;
  }
}
