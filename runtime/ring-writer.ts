/**
 * The writing end of a ring: see `ring.ts` for the layout and its invariants.
 */
import { packFunctions } from './carried-functions.js';
import { DataCloneError } from './clone-error.js';
import { STRING_LENGTH_MAX } from './codec.js';
import { Encoder } from './codec-encoder.js';
import { copyForLane, engineError, functionCopies, isStackOverflow } from './copy.js';
import { UNUSUAL } from './copy-memo.js';
import type { Lane, Transfer } from './lane.js';
import {
  CLOSED,
  capacityOf,
  FLAG_LANE,
  FLAG_PIECE,
  FLAG_RELEASE,
  FRAME_HEADER,
  HEAD,
  HEADER_WORDS,
  LANE_TAKEN,
  OP_BITS,
  PIECE_HEADER,
  TAIL,
} from './ring.js';
import { Backlog } from './ring-backlog.js';
import { LaneLoad, laneBytes } from './ring-lane-load.js';

/** Frames up to this many words are copied one by one, which is faster than a call. */
const COPY_LOOP_MAX = 64;

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

  /** Words in the ring that the peer does not see yet. */
  get unpublishedWords(): number {
    return (this.#tail - this.#published) | 0;
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

  /** The frame in progress was ended from outside: none of it counts. */
  abandon(): void {
    this.#encoder.rollback();
  }

  /** Encode the frame once more, with what the format cannot hold on the lane. @returns flags */
  #writeWithLane(terms: readonly unknown[], transfer?: Transfer): number {
    const encoder = this.#encoder;
    const onLane = terms.map((term, index) =>
      transfer !== undefined && index === terms.length - 1 ? true : !this.#isEncodable(term),
    );
    const copies = functionCopies();
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
      this.#post(laneTerms, functionCopies() !== copies, transfer);
      this.#laneLoad.posted(bytes);
    } catch (error) {
      encoder.rollback();
      if (error === UNUSUAL) throw new DataCloneError('message', 'changed while it was sent');
      throw engineError(error, laneTerms.at(-1), 'message');
    }
    return FLAG_LANE;
  }

  /** @param carries whether there are functions in the terms; unknown when something is transferred */
  #post(terms: readonly unknown[], carries: boolean, transfer?: Transfer): void {
    if (!carries) {
      try {
        this.#lane.post(terms, transfer);
        return;
      } catch (error) {
        if (transfer === undefined || packFunctions(terms) === null) throw error;
      }
    }
    this.#lane.post(packFunctions(terms) ?? terms, transfer);
  }

  #isEncodable(term: unknown): boolean {
    if (typeof term !== 'function' && (typeof term !== 'object' || term === null)) {
      return typeof term !== 'symbol' && !isLong(term);
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
    if (length <= COPY_LOOP_MAX) {
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
