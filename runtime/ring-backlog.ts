/**
 * Backlog: frames that found no room in their ring, in order, in private memory.
 *
 * Its bound is the caller's: the scheduler holds back processes that send while `byteLength` is
 * large.
 *
 * Invariant: a frame begins with its length in words, so frames need no list beside them.
 */

const WORDS_INITIAL = 1 << 12;
/** Memory above this is given back when the backlog is empty. */
const WORDS_KEPT = 1 << 16;

export class Backlog {
  #words = new Int32Array(0);
  #start = 0;
  #end = 0;
  #sent = 0;

  get byteLength(): number {
    return (this.#end - this.#start) * 4;
  }

  get words(): Int32Array {
    return this.#words;
  }

  /** Where in `words` the oldest frame begins. */
  get at(): number {
    return this.#start;
  }

  /** The oldest frame's length in words. */
  get frameLength(): number {
    return this.#words[this.#start] as number;
  }

  /** How many words of it went out already, in pieces. */
  get frameSent(): number {
    return this.#sent;
  }

  push(frame: Int32Array, length: number): void {
    if (this.#end + length > this.#words.length) this.#makeRoom(length);
    this.#words.set(frame.subarray(0, length), this.#end);
    this.#end += length;
  }

  /** So many more words of the oldest frame went out. */
  sent(words: number): void {
    this.#sent += words;
    const length = this.frameLength;
    if (this.#sent < length) return;
    this.#sent = 0;
    this.#start += length;
    if (this.#start < this.#end) return;
    this.#start = 0;
    this.#end = 0;
    if (this.#words.length > WORDS_KEPT) this.#words = new Int32Array(0);
  }

  #makeRoom(length: number): void {
    const used = this.#end - this.#start;
    let size = Math.max(this.#words.length, WORDS_INITIAL);
    // Moving is worth it only when it frees half: otherwise each push could move everything.
    while (size < (used + length) * 2) size *= 2;
    const words = size === this.#words.length ? this.#words : new Int32Array(size);
    words.set(this.#words.subarray(this.#start, this.#end));
    this.#words = words;
    this.#start = 0;
    this.#end = used;
  }
}
