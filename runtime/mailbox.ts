/**
 * Mailbox: the messages a process has received and not yet taken.
 *
 * An array holds each message beside the value of the scheduler's reference counter at its
 * arrival (its *epoch*). Scanning an array is three times as fast as following a list, and the
 * epoch gives the reference optimisation without any bookkeeping: what arrived before a reference
 * was made cannot contain it, so `take` may start behind it, for any number of references.
 *
 * Invariants:
 *  1. Live messages lie in `#head … #tail`, oldest first; a message taken from between leaves
 *     `HOLE`, and holes are squeezed out once they outnumber the messages.
 *  2. Everything before `saved` was seen by the receive in progress and did not match (the save
 *     queue). Taking a message, or starting a new receive, resets it.
 *  3. Only the scheduler that owns the process touches its mailbox, so there are no locks.
 *
 * Source: OTP Reference Manual, "Expressions" › "Receive"; Efficiency Guide, "Processes" ›
 * "Fetching received messages".
 */

/** Returned by `take` when nothing matches. */
export const NONE: unique symbol = Symbol('no message');

const HOLE: unique symbol = Symbol('hole');
/** A cell pair: the message and its epoch. */
const STRIDE = 2;
const SQUEEZE_MIN = 64;
/** Capacity above which an emptied mailbox gives its memory back. */
const KEEP_MAX = 1024;

export type Match = (message: never) => boolean;

export class Mailbox {
  #cells: unknown[] = [undefined, 0, undefined, 0, undefined, 0, undefined, 0];
  #head = 0;
  #tail = 0;
  #holes = 0;
  /** Cell index up to which the receive in progress has scanned. */
  saved = 0;

  /** How many messages wait. */
  get length(): number {
    return (this.#tail - this.#head) / STRIDE - this.#holes;
  }

  /** Is there a message that the receive in progress has not looked at? */
  get hasUnseen(): boolean {
    return this.#tail > this.#head && this.#tail > this.saved;
  }

  push(message: unknown, epoch: number): void {
    const tail = this.#tail;
    const cells = this.#cells;
    cells[tail] = message;
    cells[tail + 1] = epoch;
    this.#tail = tail + STRIDE;
  }

  /** Take the oldest message, or `NONE`. Cost: constant (amortised). */
  shift(): unknown {
    const head = this.#head;
    if (head === this.#tail) return NONE;
    const message = this.#cells[head];
    this.#cells[head] = undefined;
    this.#advance(head + STRIDE);
    return message;
  }

  /**
   * Take the oldest message from `saved` on that `match` accepts; skipped ones keep their order.
   *
   * @throws what `match` throws; the mailbox is then unchanged
   * Cost: one call of `match` per message scanned.
   */
  take(match: Match): unknown {
    const cells = this.#cells;
    const tail = this.#tail;
    let index = Math.max(this.saved, this.#head);
    for (; index < tail; index += STRIDE) {
      const message = cells[index];
      if (message !== HOLE && match(message as never)) {
        this.saved = 0;
        this.#remove(index);
        return message;
      }
    }
    this.saved = tail;
    return NONE;
  }

  /**
   * Let the next `take` start at the first message that arrived since the counter was `epoch`.
   * Counters wrap at 32 bits; callers do not ask for epochs that far back.
   */
  skipTo(epoch: number): void {
    let index = this.#tail;
    const cells = this.#cells;
    while (index > this.#head && (((cells[index - 1] as number) - epoch) | 0) >= 0) index -= STRIDE;
    this.saved = index;
  }

  /** Remove the first message for which `match` holds, wherever it is. For the machine's own use. */
  remove(match: (message: unknown) => boolean): boolean {
    for (let index = this.#head; index < this.#tail; index += STRIDE) {
      const message = this.#cells[index];
      if (message === HOLE || !match(message)) continue;
      this.#remove(index);
      return true;
    }
    return false;
  }

  /** The first `most` messages, oldest first, for crash reports and observers. */
  peek(most: number): unknown[] {
    const found: unknown[] = [];
    for (let index = this.#head; index < this.#tail && found.length < most; index += STRIDE) {
      if (this.#cells[index] !== HOLE) found.push(this.#cells[index]);
    }
    return found;
  }

  #remove(index: number): void {
    if (index === this.#head) {
      this.#cells[index] = undefined;
      this.#advance(index + STRIDE);
    } else if (index === this.#tail - STRIDE) {
      this.#cells[index] = undefined;
      this.#tail = index;
      if (this.saved > index) this.saved = index;
    } else {
      this.#cells[index] = HOLE;
      this.#holes += 1;
      if (this.#holes > SQUEEZE_MIN && this.#holes > this.length) this.#squeeze();
    }
  }

  #advance(head: number): void {
    const cells = this.#cells;
    while (this.#holes > 0 && head < this.#tail && cells[head] === HOLE) {
      cells[head] = undefined;
      head += STRIDE;
      this.#holes -= 1;
    }
    if (head === this.#tail) {
      this.#head = 0;
      this.#tail = 0;
      this.saved = 0;
      if (cells.length > KEEP_MAX)
        this.#cells = [undefined, 0, undefined, 0, undefined, 0, undefined, 0];
    } else {
      this.#head = head;
      if (head > KEEP_MAX && head * 2 > this.#tail) this.#squeeze();
    }
  }

  /** Move the messages to the front of the array, holes left out. */
  #squeeze(): void {
    const cells = this.#cells;
    let to = 0;
    let saved = 0;
    for (let from = this.#head; from < this.#tail; from += STRIDE) {
      if (cells[from] === HOLE) continue;
      if (from < this.saved) saved = to + STRIDE;
      cells[to] = cells[from];
      cells[to + 1] = cells[from + 1];
      to += STRIDE;
    }
    cells.length = to;
    this.#head = 0;
    this.#tail = to;
    this.#holes = 0;
    this.saved = saved;
  }
}
