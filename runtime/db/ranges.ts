/** Ranges: which keys are meant, as bytes. */

import { badarg } from '../errors.js';
import { keyBytes, spaceEnd } from './key-bytes.js';

/** Bounds of keys, in their order; see `key-bytes.ts`. Without any, all. */
export interface KeyRange {
  readonly gte?: unknown;
  readonly gt?: unknown;
  readonly lte?: unknown;
  readonly lt?: unknown;
  /** Text that begins so, or lists that begin with these items. */
  readonly prefix?: unknown;
}

export interface ByteRange {
  readonly from: Buffer;
  /** The first that is not in it. */
  readonly to: Buffer;
}

const AFTER: Buffer = Buffer.from([0]);
/** No key begins with it, so it is behind all that begins with what stands before. */
const BEHIND: Buffer = Buffer.from([255]);

/** @param isIndex the bytes of a key are followed by those of the row's own key */
export function byteRange(space: number, range: KeyRange, isIndex: boolean): ByteRange {
  const { gte, gt, lte, lt, prefix } = range;
  const past = isIndex ? BEHIND : AFTER;
  if (prefix !== undefined) {
    if (gte !== undefined || gt !== undefined || lte !== undefined || lt !== undefined) {
      throw badarg('range', 'either prefix or bounds', range);
    }
    if (typeof prefix !== 'string' && !Array.isArray(prefix)) {
      throw badarg('range: prefix', 'text or a list', prefix);
    }
    const whole = keyBytes(space, prefix);
    const from = whole.subarray(0, whole.length - 1);
    return { from, to: Buffer.concat([from, BEHIND]) };
  }
  if (gte !== undefined && gt !== undefined) throw badarg('range', 'either gte or gt', range);
  if (lte !== undefined && lt !== undefined) throw badarg('range', 'either lte or lt', range);
  let from = keyBytes(space);
  if (gte !== undefined) from = keyBytes(space, gte);
  else if (gt !== undefined) from = Buffer.concat([keyBytes(space, gt), past]);
  let to = spaceEnd(space);
  if (lt !== undefined) to = keyBytes(space, lt);
  else if (lte !== undefined) to = Buffer.concat([keyBytes(space, lte), past]);
  return { from, to };
}

/** All entries of an index with this value. */
export function equalRange(space: number, value: unknown): ByteRange {
  const from = keyBytes(space, value);
  return { from, to: Buffer.concat([from, BEHIND]) };
}

export function isWithin(key: Buffer, { from, to }: ByteRange): boolean {
  return key.compare(from) >= 0 && key.compare(to) < 0;
}
