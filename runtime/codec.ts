/**
 * Codec: the format of terms between two scheduler threads.
 *
 * A term is a sequence of 32-bit words. The low four bits of its first word are a tag, the other 28
 * a payload; what does not fit follows in further words, bytes padded to whole words.
 *
 * | tag       | payload         | what follows                                     |
 * | --------- | --------------- | ------------------------------------------------ |
 * | INT       | the integer     |                                                  |
 * | CONSTANT  | which one       |                                                  |
 * | DOUBLE    |                 | two words                                        |
 * | CACHED    | string id       |                                                  |
 * | LATIN1    | length          | bytes                                            |
 * | UTF16     | length          | two bytes a unit                                 |
 * | DEFINE    | string id       | a LATIN1 string, from now on known by its id     |
 * | ARRAY     | length          | the items                                        |
 * | HOLEY     | length          | the items, of which some are the constant HOLE   |
 * | RECORD    | shape id        | the values                                       |
 * | SHAPE     | shape id        | a word with the number of keys, keys, the values |
 * | DICTIONARY| number of keys  | key, value, key, value …                         |
 * | SEEN      | ordinal         | the n-th object of this frame once more          |
 * | FROZEN    | value id        |                                                  |
 * | EXTENDED  | which one       | as `Extended` says                               |
 *
 * Strings, shapes and frozen values are numbered per direction, by the encoder alone: the decoder
 * only ever does what it is told, so both sides agree without talking back.
 *
 * Invariants:
 *  1. Frames are decoded in the order in which they were encoded, each exactly once. Broken, ids
 *     would mean other things on the two sides.
 *  2. A frame that fails half way leaves no id behind that the decoder has not seen.
 *  3. What this format has no tag for goes over the lane (`LANE`), where V8 clones it.
 *  4. Functions count among the objects that `SEEN` numbers.
 */

export const Tag = {
  INT: 0,
  CONSTANT: 1,
  DOUBLE: 2,
  CACHED: 3,
  LATIN1: 4,
  UTF16: 5,
  DEFINE: 6,
  ARRAY: 7,
  HOLEY: 8,
  RECORD: 9,
  SHAPE: 10,
  DICTIONARY: 11,
  SEEN: 12,
  FROZEN: 13,
  EXTENDED: 14,
} as const;

export const Constant = { UNDEFINED: 0, NULL: 1, TRUE: 2, FALSE: 3, HOLE: 4 } as const;

export const Extended = {
  /** A string of digits follows. */
  BIGINT: 0,
  /** Two words follow: the time value. */
  DATE: 1,
  /** A word with the size, then key, value, key, value … */
  MAP: 2,
  /** A word with the size, then the items. */
  SET: 3,
  /** A word with the position in the lane message of this frame. */
  LANE: 4,
  /** A word with the value id, then the value: from now on known by its id. */
  FREEZE: 5,
  /** Two strings follow: module and name of an exported function. */
  EXPORT: 6,
  /** Two words, number and count of captured values, then module, version and the captured values. */
  FUN: 7,
  /** A string follows: the name of a module. */
  MODULE: 8,
} as const;

export const TAG_BITS = 4;
export const TAG_MASK: number = (1 << TAG_BITS) - 1;

/** Strings up to this length may get an id; longer ones are rarely sent again. */
export const CACHED_LENGTH_MAX = 48;
/** Ids for strings, shapes and frozen values in one direction: what bounds both sides' tables. */
export const STRINGS_MAX = 8192;
export const SHAPES_MAX = 4096;
export const FROZEN_MAX = 1024;
/** Strings longer than this go over the lane, which copies them faster. */
export const STRING_LENGTH_MAX: number = 1 << 16;
/** Terms nested more deeply go over the lane, so that a decoder never runs out of stack. */
export const DEPTH_MAX = 128;

/** A frame in which an object occurs twice: the decoder must number the objects. */
export const FLAG_SHARED = 1;
/** The decoder forgets all shapes before this frame. */
export const FLAG_RESET_SHAPES = 2;

/** One number in two views: how doubles are cut into words. */
export interface DoubleCutter {
  readonly double: Float64Array;
  readonly words: Int32Array;
}

export function doubleCutter(): DoubleCutter {
  const double = new Float64Array(1);
  return { double, words: new Int32Array(double.buffer) };
}
