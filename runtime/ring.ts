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
import { DataCloneError } from './clone-error.js';
import { FLAG_RESET_SHAPES, FLAG_SHARED, STRING_LENGTH_MAX } from './codec.js';
import { Decoder } from './codec-decoder.js';
import { Encoder } from './codec-encoder.js';
import { copyForLane, engineError, isStackOverflow } from './copy.js';
import { UNUSUAL } from './copy-memo.js';
import { invariant } from './errors.js';
import type { Lane, Transfer } from './lane.js';
import { Backlog } from './ring-backlog.js';
import { LaneLoad, laneBytes } from './ring-lane-load.js';

// Positions of different writers are two cache lines apart: processors prefetch in pairs.
const HEAD = 0;
const LANE_TAKEN = 1;
const TAIL = 32;
const CLOSED = 64;
const HEADER_WORDS = 96;

const FRAME_HEADER = 2;
const OP_BITS = 8;
const OP_MASK: number = (1 << OP_BITS) - 1;
/** The frame is part of a longer one; its third word is what is missing of that, itself included. */
const FLAG_PIECE = 4;
/** The words are ids of frozen values to let go of. */
const FLAG_RELEASE = 8;
/** The frame has a lane message. */
const FLAG_LANE = 16;
const PIECE_HEADER = 3;

export type FrameHandler = (
  op: number,
  a: unknown,
  b: unknown,
  c: unknown,
  payload: unknown,
) => void;

/** @returns the length of a buffer whose ring has room for `dataBytes` (rounded up to 2^n) */
export function ringByteLength(dataBytes: number): number {
  let size = 256;
  while (size < dataBytes) size *= 2;
  return HEADER_WORDS * 4 + size;
}

/** The largest power of two that fits behind the header. */
function capacityOf(buffer: SharedArrayBuffer): number {
  const words = (buffer.byteLength >> 2) - HEADER_WORDS;
  invariant(words >= 64, 'a ring has room for 256 bytes at least');
  return 1 << (31 - Math.clz32(words));
}

export class RingWriter {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #mask: number;
  readonly #frameMax: number;
  readonly #lane: Lane;
  readonly #laneLoad = new LaneLoad();
  readonly #encoder = new Encoder();
  readonly #backlog = new Backlog();
  #tail: number;
  #published: number;
  /** The reader's position when last looked at: looking costs a cache miss. */
  #head: number;

  constructor(buffer: SharedArrayBuffer, lane: Lane) {
    const capacity = capacityOf(buffer);
    this.#header = new Int32Array(buffer, 0, HEADER_WORDS);
    this.#words = new Int32Array(buffer, HEADER_WORDS * 4, capacity);
    this.#mask = capacity - 1;
    this.#frameMax = capacity >> 2;
    this.#lane = lane;
    this.#tail = Atomics.load(this.#header, TAIL);
    this.#published = this.#tail;
    this.#head = Atomics.load(this.#header, HEAD);
  }

  /**
   * Encode a frame. The peer sees it after the next {@link flush}.
   *
   * @param op 0 to 255
   * @param transfer buffers in the payload that the peer gets instead of a copy
   * @throws DataCloneError with the path when a term cannot be copied; nothing is written then,
   *   nothing transferred
   * Cost: about 60 ns for a small tuple.
   */
  write(
    op: number,
    a: unknown,
    b: unknown,
    c: unknown,
    payload: unknown,
    transfer?: Transfer,
  ): void {
    const encoder = this.#encoder;
    if (encoder.hasReleases) this.#writeReleases();
    let flags = 0;
    if (transfer === undefined || transfer.length === 0) {
      try {
        encoder.begin(FRAME_HEADER);
        encoder.whole(a);
        encoder.whole(b);
        encoder.whole(c);
        encoder.whole(payload);
      } catch (error) {
        encoder.rollback();
        if (error !== UNUSUAL && !isStackOverflow(error)) throw error;
        flags = this.#writeWithLane([a, b, c, payload]);
      }
    } else flags = this.#writeWithLane([a, b, c, payload], transfer);
    const { words, length } = encoder;
    words[0] = length;
    words[1] = op | ((flags | encoder.flags) << OP_BITS);
    this.#send(words, length);
    encoder.commit();
  }

  /** Make what was written visible to the peer. Cost: one atomic store, if there is anything. */
  flush(): void {
    if (this.#published === this.#tail) return;
    this.#published = this.#tail;
    Atomics.store(this.#header, TAIL, this.#tail);
  }

  /**
   * Move what waits in the backlog into the ring, as far as there is room, and publish it.
   *
   * @returns true when the backlog is empty
   */
  pump(): boolean {
    const backlog = this.#backlog;
    while (backlog.byteLength > 0) {
      if (!this.#move(backlog)) break;
    }
    this.flush();
    return backlog.byteLength === 0;
  }

  /** Bytes that the peer lags behind, beyond what ring and lane are meant to hold. */
  get backlogBytes(): number {
    return this.#backlog.byteLength + this.#laneLoad.excess(Atomics.load(this.#header, LANE_TAKEN));
  }

  /** Tell the reader that this was all. Frames written before can still be read. */
  close(): void {
    this.flush();
    Atomics.store(this.#header, CLOSED, 1);
  }

  /** Encode the frame once more, with what the format cannot hold on the lane. @returns flags */
  #writeWithLane(terms: readonly unknown[], transfer?: Transfer): number {
    const encoder = this.#encoder;
    const onLane = terms.map((term, index) =>
      transfer !== undefined && index === terms.length - 1 ? true : !this.#isEncodable(term),
    );
    const laneTerms = terms
      .filter((_, index) => onLane[index])
      .map((term) => copyForLane(term, transfer));
    encoder.begin(FRAME_HEADER);
    try {
      let position = 0;
      for (const [index, term] of terms.entries()) {
        if (onLane[index]) {
          encoder.laneTerm(position);
          position += 1;
        } else encoder.whole(term);
      }
      const bytes = laneBytes(laneTerms);
      this.#lane.post(laneTerms, transfer);
      this.#laneLoad.posted(bytes);
    } catch (error) {
      encoder.rollback();
      if (error === UNUSUAL) throw new DataCloneError('message', 'changed while it was sent');
      throw engineError(error, laneTerms.at(-1), 'message');
    }
    return FLAG_LANE;
  }

  #isEncodable(term: unknown): boolean {
    if (typeof term !== 'object' || term === null) {
      return typeof term !== 'function' && typeof term !== 'symbol' && !isLong(term);
    }
    try {
      this.#encoder.begin(FRAME_HEADER);
      this.#encoder.whole(term);
      return true;
    } catch (error) {
      if (error !== UNUSUAL && !isStackOverflow(error)) throw error;
      return false;
    } finally {
      this.#encoder.rollback();
    }
  }

  #writeReleases(): void {
    const ids = this.#encoder.takeReleases();
    const perFrame = this.#frameMax - FRAME_HEADER;
    for (let from = 0; from < ids.length; from += perFrame) {
      const part = ids.slice(from, from + perFrame);
      const length = FRAME_HEADER + part.length;
      this.#send(Int32Array.of(length, FLAG_RELEASE << OP_BITS, ...part), length);
    }
  }

  /** Into the ring, or behind what waits already. */
  #send(words: Int32Array, length: number): void {
    if (this.#backlog.byteLength === 0 && length <= this.#frameMax && this.#makeRoom(length)) {
      this.#copyIn(words, 0, length);
      return;
    }
    this.#backlog.push(words, length);
    if (length > this.#frameMax) this.pump();
  }

  /** Move the next frame, or the next piece of it. @returns false when there is no room */
  #move(backlog: Backlog): boolean {
    const { frameLength, frameSent } = backlog;
    if (frameLength <= this.#frameMax) {
      if (!this.#makeRoom(frameLength)) return false;
      this.#copyIn(backlog.words, backlog.at, frameLength);
      backlog.sent(frameLength);
      return true;
    }
    const missing = frameLength - frameSent;
    const part = Math.min(missing, this.#frameMax - PIECE_HEADER);
    if (!this.#makeRoom(part + PIECE_HEADER)) return false;
    const at = this.#tail & this.#mask;
    this.#words[at] = part + PIECE_HEADER;
    this.#words[at + 1] = FLAG_PIECE << OP_BITS;
    this.#words[at + 2] = missing;
    this.#tail = (this.#tail + PIECE_HEADER) | 0;
    this.#copyIn(backlog.words, backlog.at + frameSent, part);
    backlog.sent(part);
    return true;
  }

  /** Make `#tail` the start of `length` free words in one piece. */
  #makeRoom(length: number): boolean {
    const capacity = this.#mask + 1;
    const toEnd = capacity - (this.#tail & this.#mask);
    const needed = toEnd < length ? toEnd + length : length;
    if (needed > capacity - ((this.#tail - this.#head) | 0)) {
      this.#head = Atomics.load(this.#header, HEAD);
      if (needed > capacity - ((this.#tail - this.#head) | 0)) return false;
    }
    if (toEnd < length) {
      this.#words[this.#tail & this.#mask] = 0;
      this.#tail = (this.#tail + toEnd) | 0;
    }
    return true;
  }

  #copyIn(words: Int32Array, from: number, length: number): void {
    const ring = this.#words;
    const at = this.#tail & this.#mask;
    if (length <= 64) {
      for (let index = 0; index < length; index += 1) {
        ring[at + index] = words[from + index] as number;
      }
    } else ring.set(words.subarray(from, from + length), at);
    this.#tail = (this.#tail + length) | 0;
  }
}

/** Too long a text for the ring. */
function isLong(term: unknown): boolean {
  return typeof term === 'string'
    ? term.length > STRING_LENGTH_MAX
    : typeof term === 'bigint' && term.toString(16).length > STRING_LENGTH_MAX;
}

export class RingReader {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #mask: number;
  readonly #lane: Lane;
  readonly #decoder = new Decoder();
  #head: number;
  #tail: number;
  #laneTaken: number;
  #reading = false;
  /** A long frame of which pieces have come. */
  #pieces: Int32Array | null = null;

  constructor(buffer: SharedArrayBuffer, lane: Lane) {
    const capacity = capacityOf(buffer);
    this.#header = new Int32Array(buffer, 0, HEADER_WORDS);
    this.#words = new Int32Array(buffer, HEADER_WORDS * 4, capacity);
    this.#bytes = new Uint8Array(buffer, HEADER_WORDS * 4, capacity * 4);
    this.#mask = capacity - 1;
    this.#lane = lane;
    this.#head = Atomics.load(this.#header, HEAD);
    this.#laneTaken = Atomics.load(this.#header, LANE_TAKEN);
    this.#tail = this.#head;
  }

  /** Is there anything to read? Cost: one atomic load. */
  get available(): boolean {
    return Atomics.load(this.#header, TAIL) !== this.#head;
  }

  /** The writer wrote its last frame, and it was read. */
  get ended(): boolean {
    return Atomics.load(this.#header, CLOSED) === 1 && !this.available;
  }

  /**
   * Hand the published frames to `handler`, oldest first.
   *
   * A frame counts as consumed before its handler is called, so one whose handler throws does not
   * come again; the error ends this call. Called from within a handler this does nothing and
   * returns 0: a later frame must not overtake the one that is being handled.
   *
   * @returns how many frames were read
   */
  read(handler: FrameHandler, framesMax: number): number {
    if (this.#reading) return 0;
    this.#reading = true;
    let count = 0;
    try {
      while (count < framesMax) {
        if (this.#head === this.#tail) {
          this.#tail = Atomics.load(this.#header, TAIL);
          if (this.#head === this.#tail) break;
        }
        if (this.#readFrame(handler)) count += 1;
        // Give room back while a long batch goes on, so that the writer does not run dry.
        if ((count & 63) === 63) Atomics.store(this.#header, HEAD, this.#head);
      }
    } finally {
      Atomics.store(this.#header, HEAD, this.#head);
      this.#reading = false;
    }
    return count;
  }

  /** @returns false when the frame was no frame of the scheduler's */
  #readFrame(handler: FrameHandler): boolean {
    const at = this.#head & this.#mask;
    const length = this.#words[at] as number;
    if (length === 0) {
      this.#head = (this.#head + this.#mask + 1 - at) | 0;
      return false;
    }
    const word = this.#words[at + 1] as number;
    const flags = word >> OP_BITS;
    if ((flags & FLAG_PIECE) !== 0) return this.#readPiece(at, length, handler);
    if ((flags & FLAG_RELEASE) !== 0) {
      for (let index = FRAME_HEADER; index < length; index += 1) {
        this.#decoder.release(this.#words[at + index] as number);
      }
      this.#head = (this.#head + length) | 0;
      return false;
    }
    this.#decoder.begin(this.#words, this.#bytes, at + FRAME_HEADER);
    this.#decode(word & OP_MASK, flags, length, handler);
    return true;
  }

  /** @param length by how much the ring's head moves when the terms are decoded */
  #decode(op: number, flags: number, length: number, handler: FrameHandler): void {
    const decoder = this.#decoder;
    if ((flags & FLAG_RESET_SHAPES) !== 0) decoder.resetShapes();
    if ((flags & FLAG_LANE) !== 0) {
      decoder.takeLane(this.#lane.take());
      this.#laneTaken = (this.#laneTaken + 1) | 0;
      Atomics.store(this.#header, LANE_TAKEN, this.#laneTaken);
    }
    const isShared = (flags & FLAG_SHARED) !== 0;
    const a = isShared ? decoder.sharedTerm() : decoder.term();
    const b = isShared ? decoder.sharedTerm() : decoder.term();
    const c = isShared ? decoder.sharedTerm() : decoder.term();
    const payload = isShared ? decoder.sharedTerm() : decoder.term();
    if ((flags & FLAG_LANE) !== 0) decoder.takeLane([]);
    this.#head = (this.#head + length) | 0;
    handler(op, a, b, c, payload);
  }

  #readPiece(at: number, length: number, handler: FrameHandler): boolean {
    const missing = this.#words[at + 2] as number;
    const part = length - PIECE_HEADER;
    this.#pieces ??= new Int32Array(missing);
    const whole = this.#pieces;
    const start = at + PIECE_HEADER;
    whole.set(this.#words.subarray(start, start + part), whole.length - missing);
    this.#head = (this.#head + length) | 0;
    if (part < missing) {
      // The writer may be waiting for this room to send the rest.
      Atomics.store(this.#header, HEAD, this.#head);
      return false;
    }
    this.#pieces = null;
    const word = whole[1] as number;
    this.#decoder.begin(whole, new Uint8Array(whole.buffer), FRAME_HEADER);
    this.#decode(word & OP_MASK, word >> OP_BITS, 0, handler);
    return true;
  }
}
