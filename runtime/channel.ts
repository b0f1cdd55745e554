/**
 * Channel: this scheduler's end of the two rings that join it with one other scheduler.
 *
 * Invariants:
 *  1. Frames arrive in the order written; after the peer died, what it had published is still read.
 *  2. A full ring never blocks and never loses: frames wait in the writer's backlog, and processes
 *     that send more are held back (`hold`) at their next scheduling point until the backlog is
 *     gone. Past `BACKLOG_MAX` the sender waits where it stands: see `Scheduler.checkRoom`.
 */

import { context } from './context.js';
import type { Lane } from './lane.js';
import type { Process } from './process.js';
import { type FrameHandler, RingReader } from './ring-reader.js';
import { RingWriter } from './ring-writer.js';
import { AWAKE, DOZING, IN_EVENT_LOOP, type SharedState, SLEEP } from './shared-state.js';

/** Backlog at which a sending process is held back. */
export const BACKLOG_HOLD: number = 256 * 1024;
/** Backlog at which even a process that never reaches a scheduling point must wait. */
export const BACKLOG_MAX: number = 16 * 1024 * 1024;

/** Frames after which a slice that goes on and on is made visible to the peer all the same. */
const PUBLISH_AT = 64;
/** The same for long frames, so that the peer works on the first while the next is written. */
const PUBLISH_WORDS = 1024;
/** Frames between two looks at how far the peer lags; a power of two. */
const LOOK_EVERY = 16;

export class Channel {
  readonly life: number;
  readonly slot: number;
  readonly writer: RingWriter;
  readonly reader: RingReader;
  readonly lane: Lane;
  /** What is done with a frame that arrives; set when the channel is attached. */
  handle: FrameHandler = () => {};
  /** Does the peer lag so far behind that senders should stop? As of the last look. */
  congested = false;
  readonly #state: SharedState;
  #held: Process[] = [];
  #written = 0;

  constructor(
    life: number,
    slot: number,
    state: SharedState,
    outbound: SharedArrayBuffer,
    inbound: SharedArrayBuffer,
    lane: Lane,
  ) {
    this.life = life;
    this.slot = slot;
    this.#state = state;
    this.lane = lane;
    this.writer = new RingWriter(outbound, lane);
    this.reader = new RingReader(inbound, lane);
  }

  write(
    op: number,
    to: unknown,
    a: unknown,
    b: unknown,
    payload: unknown,
    transfer?: readonly ArrayBuffer[],
  ): void {
    const outer = context.sealed;
    // A getter of the payload runs module code, and no other frame may begin before this one is done.
    context.sealed = true;
    try {
      this.writer.write(op, to, a, b, payload, transfer);
    } finally {
      context.sealed = outer;
    }
    this.#written += 1;
    if (this.writer.unpublishedWords > PUBLISH_WORDS) this.#publish();
    else if (transfer !== undefined || (this.#written & (LOOK_EVERY - 1)) === 0) this.#look();
  }

  #look(): void {
    this.congested = this.writer.backlogBytes > BACKLOG_HOLD;
    if (this.#written >= PUBLISH_AT) this.#publish();
  }

  /** Let a process wait until the backlog is gone. */
  hold(proc: Process): void {
    this.#held.push(proc);
  }

  /** Make everything written visible to the peer now, in the middle of a slice. */
  hurry(): void {
    if (this.#written > 0) this.#publish();
  }

  /** Make everything written visible to the peer, and wake it. @returns processes to run again */
  flush(): readonly Process[] | null {
    if (!this.pending) return null;
    this.#publish();
    if (this.#held.length === 0 || this.writer.backlogBytes > 0) return null;
    const released = this.#held;
    this.#held = [];
    return released;
  }

  /** Is there anything that still has to go out? */
  get pending(): boolean {
    return this.#written > 0 || this.writer.backlogBytes > 0;
  }

  /** All processes held back, when the peer is gone. */
  releaseAll(): readonly Process[] {
    const released = this.#held;
    this.#held = [];
    return released;
  }

  #publish(): void {
    if (this.writer.backlogBytes > 0) this.writer.pump();
    this.writer.flush();
    this.#written = 0;
    this.congested = this.writer.backlogBytes > BACKLOG_HOLD;
    this.#wakePeer();
  }

  #wakePeer(): void {
    const { cells } = this.#state;
    const cell = this.#state.at(this.slot, SLEEP);
    const asleep = Atomics.load(cells, cell);
    if (asleep === AWAKE || Atomics.compareExchange(cells, cell, asleep, AWAKE) !== asleep) return;
    if (asleep === DOZING) Atomics.notify(cells, cell);
    else if (asleep === IN_EVENT_LOOP) this.lane.wake();
  }
}
