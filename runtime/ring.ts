/**
 * Ring: the shared memory through which one scheduler sends frames to another.
 *
 * One thread writes, one reads, neither ever waits. A frame is an operation and four terms.
 *
 * | cell        | meaning                                   | who writes |
 * | ----------- | ----------------------------------------- | ---------- |
 * | HEAD        | words consumed so far, modulo 2^32        | reader     |
 * | LANE_TAKEN  | lane messages taken so far, modulo 2^32   | reader     |
 * | TAIL        | words published so far, modulo 2^32       | writer     |
 * | CLOSED      | 1: no more frames will be written         | writer     |
 *
 * Nobody waits on these cells; sleeping and waking is the scheduler's business.
 *
 * A frame is a word with its length in words (0: go on at the start of the ring), a word with the
 * operation in the low byte and flags above, and the terms. It lies in one piece; one that is
 * longer than a quarter of the ring travels in pieces.
 *
 * Invariants:
 *  1. Words between HEAD and TAIL are the reader's, the others the writer's. The atomic store that
 *     moves a position comes after the plain accesses it gives away. Broken, a reader on a machine
 *     with weak memory order would decode words that are not there yet.
 *  2. Frames are read in the order written, whether they went straight into the ring or waited in
 *     the backlog; nothing passes the backlog.
 *  3. A frame that cannot be written leaves ring, backlog, lane and codec tables as they were.
 *
 * Source: DESIGN §3; the two cached positions are those of Rigtorp's SPSC queue.
 */
import { invariant } from './errors.js';

// Positions of different writers are two cache lines apart: processors prefetch in pairs.
export const HEAD = 0;
export const LANE_TAKEN = 1;
export const TAIL = 32;
export const CLOSED = 64;
export const HEADER_WORDS = 96;

export const FRAME_HEADER = 2;
export const OP_BITS = 8;
export const OP_MASK: number = (1 << OP_BITS) - 1;
/** The frame is part of a longer one; its third word is what is missing of that, itself included. */
export const FLAG_PIECE = 4;
/** The words are ids of frozen values to let go of. */
export const FLAG_RELEASE = 8;
/** The frame has a lane message. */
export const FLAG_LANE = 16;
export const PIECE_HEADER = 3;

/** @returns the length of a buffer whose ring has room for `dataBytes` (rounded up to 2^n) */
export function ringByteLength(dataBytes: number): number {
  let size = 256;
  while (size < dataBytes) size *= 2;
  return HEADER_WORDS * 4 + size;
}

/** The largest power of two that fits behind the header. */
export function capacityOf(buffer: SharedArrayBuffer): number {
  const words = (buffer.byteLength >> 2) - HEADER_WORDS;
  invariant(words >= 64, 'a ring has room for 256 bytes at least');
  return 1 << (31 - Math.clz32(words));
}
