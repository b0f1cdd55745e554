/**
 * Mailbox: the messages a process has received and not yet taken.
 *
 * A message that finds the mailbox empty, as most do, waits in `#first`: no array is made or touched for
 * it. The others go into a list of chunks; a chunk is an array that holds each message beside the value of
 * the scheduler's reference counter at its arrival (its *epoch*). Scanning an array is three times as fast as
 * following a list; a chunk never grows into V8's large objects, so a mailbox of a million messages
 * costs no more per message than one of ten (one growing array: 37 % of the time of fan-in went into
 * its growth). The epoch gives the reference optimisation without any bookkeeping: what arrived
 * before a reference was made cannot contain it, so `take` may start behind it.
 *
 * Invariants:
 *  1. The message in `#first` is older than those in the chunks. Live messages lie between `from` and
 *     `to` of each chunk, oldest first; one taken from between leaves `HOLE`. Chunks without a live
 *     message are taken out, but for the last one left while it is small.
 *  2. Everything before the saved place was seen by the receive in progress and did not match (the
 *     save queue). Taking a message, or starting a new receive, resets it.
 *  3. Only the scheduler that owns the process touches its mailbox, so there are no locks.
 *
 * Source: OTP Reference Manual, "Expressions" › "Receive"; Efficiency Guide, "Processes" ›
 * "Fetching received messages".
 */

/** An object, as most messages are: V8 compares two objects without a call. */
class Mark {
  readonly mark: string;

  constructor(mark: string) {
    this.mark = mark;
    Object.freeze(this);
  }
}

/** Returned by `take` when nothing matches. */
export const NONE: Mark = new Mark('no message');

const HOLE: Mark = new Mark('hole');
/** A cell pair: the message and its epoch. */
const STRIDE = 2;
const CHUNK_CELLS: number = 512 * STRIDE;
/** The first chunk is small, as most mailboxes stay. */
const FIRST_CHUNK_CELLS: number = 6 * STRIDE;

export type Match = (message: never) => boolean;

class Chunk {
  readonly cells: unknown[];
  readonly end: number;
  from = 0;
  to = 0;
  holes = 0;
  previous: Chunk | null;
  next: Chunk | null = null;

  constructor(previous: Chunk | null) {
    this.previous = previous;
    // Of full size at once: a store that lets an array grow is five times as slow.
    this.end = previous === null ? FIRST_CHUNK_CELLS : Math.min(CHUNK_CELLS, previous.end * 4);
    this.cells = new Array<unknown>(this.end).fill(undefined);
  }

  get live(): number {
    return ((this.to - this.from) >> 1) - this.holes;
  }
}

export class Mailbox {
  /** The oldest message, unless it came while others waited; else `NONE`. */
  #first: unknown = NONE;
  #firstEpoch = 0;
  /** Has the receive in progress looked at `#first`? */
  #firstSeen = false;
  /** Ends of the list of chunks; `null` as long as never two messages waited. */
  #head: Chunk | null = null;
  #tail: Chunk | null = null;
  /** Where the receive in progress goes on; `null`: at the beginning. */
  #savedChunk: Chunk | null = null;
  #savedIndex = 0;
  /** How many messages wait. */
  length = 0;
  /** Was it said already that it is long? Once is enough for the life of a process. */
  reported = false;

  /** Is there a message that the receive in progress has not looked at? */
  get hasUnseen(): boolean {
    if (this.length === 0) return false;
    if (this.#first !== NONE) {
      if (!this.#firstSeen) return true;
      if (this.length === 1) return false;
    }
    const chunk = this.#savedChunk;
    return chunk === null || chunk !== this.#tail || this.#savedIndex < chunk.to;
  }

  push(message: unknown, epoch: number): void {
    if (this.length === 0) {
      this.#first = message;
      this.#firstEpoch = epoch;
      this.length = 1;
      return;
    }
    let chunk = this.#tail;
    if (chunk === null || chunk.to === chunk.end) chunk = this.#grow();
    const { to, cells } = chunk;
    cells[to] = message;
    cells[to + 1] = epoch;
    chunk.to = to + STRIDE;
    this.length += 1;
  }

  /**
   * Put a message before all others, for the machine's own use. The receive in progress looks at all again.
   *
   * @param epoch where no message waits; else it counts as being as old as the oldest
   */
  pushFirst(message: unknown, epoch: number): void {
    const head = this.#head;
    if (this.#first !== NONE) this.#pushHead(this.#first, this.#firstEpoch);
    else if (this.length > 0) this.#firstEpoch = head?.cells[head.from + 1] as number;
    else this.#firstEpoch = epoch;
    this.#first = message;
    this.length += 1;
    this.rewind();
  }

  #pushHead(message: unknown, epoch: number): void {
    let chunk = this.#head ?? this.#grow();
    if (chunk.from === 0 && chunk.to > 0) {
      const before = new Chunk(null);
      before.from = before.end;
      before.to = before.end;
      before.next = chunk;
      chunk.previous = before;
      this.#head = before;
      chunk = before;
    }
    if (chunk.from === 0) chunk.to += STRIDE;
    else chunk.from -= STRIDE;
    chunk.cells[chunk.from] = message;
    chunk.cells[chunk.from + 1] = epoch;
  }

  /** Take the oldest message, or `NONE`. Cost: constant (amortised). */
  shift(): unknown {
    if (this.length === 0) return NONE;
    const first = this.#first;
    if (first === NONE) return this.#shiftChunk();
    this.#first = NONE;
    this.#firstSeen = false;
    this.length -= 1;
    return first;
  }

  #shiftChunk(): unknown {
    const chunk = this.#head as Chunk;
    const { from, cells } = chunk;
    const message = cells[from];
    cells[from] = undefined;
    this.length -= 1;
    this.#advance(chunk, from + STRIDE);
    return message;
  }

  /** Let the next `take` look at every message again. */
  rewind(): void {
    this.#firstSeen = false;
    this.#savedChunk = null;
  }

  /**
   * Take the oldest message from the saved place on that `match` accepts; skipped ones keep their order.
   *
   * @throws what `match` throws; the mailbox is then unchanged
   * Cost: one call of `match` per message scanned.
   */
  take(match: Match): unknown {
    if (this.length === 0) return NONE;
    const first = this.#first;
    if (first !== NONE) {
      if (!this.#firstSeen) {
        if (match(first as never)) {
          this.#dropFirst();
          return first;
        }
        this.#firstSeen = true;
      }
      if (this.length === 1) return NONE;
    }
    return this.#takeFromChunks(match);
  }

  #dropFirst(): void {
    this.#first = NONE;
    this.rewind();
    this.length -= 1;
  }

  #takeFromChunks(match: Match): unknown {
    let chunk = this.#savedChunk ?? (this.#head as Chunk);
    let index = this.#savedChunk === null ? chunk.from : Math.max(this.#savedIndex, chunk.from);
    for (;;) {
      const { cells, to } = chunk;
      for (; index < to; index += STRIDE) {
        const message = cells[index];
        if (message !== HOLE && match(message as never)) {
          this.rewind();
          this.#remove(chunk, index);
          return message;
        }
      }
      const { next } = chunk;
      if (next === null) break;
      chunk = next;
      index = chunk.from;
    }
    this.#savedChunk = chunk;
    this.#savedIndex = index;
    return NONE;
  }

  /**
   * Let the next `take` start at the first message that arrived since the counter was `epoch`.
   * Counters wrap at 32 bits; callers do not ask for epochs that far back.
   */
  skipTo(epoch: number): void {
    this.#firstSeen = this.#first !== NONE && ((this.#firstEpoch - epoch) | 0) < 0;
    if (this.#tail === null) return;
    let chunk: Chunk = this.#tail;
    let index = chunk.to;
    for (;;) {
      while (index > chunk.from && (((chunk.cells[index - 1] as number) - epoch) | 0) >= 0) {
        index -= STRIDE;
      }
      const { previous } = chunk;
      if (index > chunk.from || previous === null) break;
      chunk = previous;
      index = chunk.to;
    }
    this.#savedChunk = chunk;
    this.#savedIndex = index;
  }

  /** Remove the first message for which `match` holds, wherever it is. For the machine's own use. */
  remove(match: (message: unknown) => boolean): boolean {
    if (this.#first !== NONE && match(this.#first)) {
      this.#first = NONE;
      this.#firstSeen = false;
      this.length -= 1;
      return true;
    }
    for (let chunk = this.#head; chunk !== null; chunk = chunk.next) {
      for (let index = chunk.from; index < chunk.to; index += STRIDE) {
        const message = chunk.cells[index];
        if (message === HOLE || !match(message)) continue;
        this.#remove(chunk, index);
        return true;
      }
    }
    return false;
  }

  /** The first `most` messages, oldest first, for crash reports and observers. */
  peek(most: number): unknown[] {
    const found: unknown[] = this.#first === NONE || most < 1 ? [] : [this.#first];
    for (let chunk = this.#head; chunk !== null; chunk = chunk.next) {
      for (let index = chunk.from; index < chunk.to && found.length < most; index += STRIDE) {
        if (chunk.cells[index] !== HOLE) found.push(chunk.cells[index]);
      }
    }
    return found;
  }

  #grow(): Chunk {
    const last = this.#tail;
    const chunk = new Chunk(last);
    if (last === null) this.#head = chunk;
    else last.next = chunk;
    this.#tail = chunk;
    return chunk;
  }

  #remove(chunk: Chunk, index: number): void {
    this.length -= 1;
    if (index === chunk.from) {
      chunk.cells[index] = undefined;
      this.#advance(chunk, index + STRIDE);
    } else if (index === chunk.to - STRIDE) {
      chunk.cells[index] = undefined;
      chunk.to = index;
      if (this.#savedChunk === chunk && this.#savedIndex > index) this.#savedIndex = index;
    } else {
      chunk.cells[index] = HOLE;
      chunk.holes += 1;
      if (chunk.holes > 16 && chunk.holes > chunk.live) this.#squeeze(chunk);
    }
  }

  /** The chunk's first message is gone: skip holes behind it, and drop the chunk if it is empty. */
  #advance(chunk: Chunk, index: number): void {
    const { cells, to } = chunk;
    while (chunk.holes > 0 && index < to && cells[index] === HOLE) {
      cells[index] = undefined;
      index += STRIDE;
      chunk.holes -= 1;
    }
    chunk.from = index;
    if (index === to) this.#emptied(chunk);
  }

  #emptied(chunk: Chunk): void {
    const { previous, next } = chunk;
    if (previous === null && next === null) {
      // A mailbox that was long once does not keep the space.
      if (chunk.end > FIRST_CHUNK_CELLS) {
        this.#head = null;
        this.#tail = null;
      }
      chunk.from = 0;
      chunk.to = 0;
      this.#savedChunk = null;
      return;
    }
    if (this.#savedChunk === chunk) {
      // Everything up to here was seen: go on with what follows, or behind what comes before.
      this.#savedChunk = next ?? previous;
      this.#savedIndex = next?.from ?? (previous as Chunk).to;
    }
    if (previous === null) this.#head = next as Chunk;
    else previous.next = next;
    if (next === null) this.#tail = previous as Chunk;
    else next.previous = previous;
  }

  /** Move the messages of a chunk to its front, holes left out. */
  #squeeze(chunk: Chunk): void {
    const { cells } = chunk;
    let to = 0;
    let saved = this.#savedIndex;
    for (let from = chunk.from; from < chunk.to; from += STRIDE) {
      if (from === this.#savedIndex) saved = to;
      if (cells[from] === HOLE) continue;
      cells[to] = cells[from];
      cells[to + 1] = cells[from + 1];
      to += STRIDE;
    }
    if (this.#savedIndex >= chunk.to) saved = to;
    if (this.#savedChunk === chunk) this.#savedIndex = saved;
    cells.fill(undefined, to, chunk.to);
    chunk.from = 0;
    chunk.to = to;
    chunk.holes = 0;
  }
}
