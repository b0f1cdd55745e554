/**
 * The reading end of a ring: see `ring.ts` for the layout and its invariants.
 */
import { FLAG_RESET_SHAPES, FLAG_SHARED } from './codec.js';
import { Decoder } from './codec-decoder.js';
import type { Lane } from './lane.js';
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
  OP_MASK,
  PIECE_HEADER,
  TAIL,
} from './ring.js';

export type FrameHandler = (
  op: number,
  a: unknown,
  b: unknown,
  c: unknown,
  payload: unknown,
) => void;

export class RingReader {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #mask: number;
  readonly #lane: Lane;
  /** Called when new frames are seen, before any of them is handed on. */
  onPublished: () => void = () => {};
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
          this.onPublished();
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
