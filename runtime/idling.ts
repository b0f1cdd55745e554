/**
 * Idling: what a scheduler does while it has nothing to run.
 *
 *  1. It *waits for peers* for a fraction of a millisecond: twice as long as they were seen to take,
 *     shorter where they do not answer. First it *spins*: an answer is often a few microseconds away, and
 *     is seen 0.2 µs after it was published. Then it *dozes* in `Atomics.wait`, which a peer ends in some
 *     20 µs; out of its event loop it takes 80 µs and more to wake a thread. Where other programs want the
 *     processors, a peer may have none to run on but the one that this thread spins on: it dozes at once
 *     for a while when it spins in vain or is interrupted, more often than not.
 *  2. Where a timer is due within `DOZE_BELOW_MS` it *dozes* in `Atomics.wait`, in naps, since Node's
 *     timers are a millisecond coarse; the event loop has its turn between two naps.
 *  3. Else it *sleeps* in the event loop, until a port message, an event or a timer.
 *
 * Invariant: the thread announces its sleep (SLEEP cell) before it looks at its rings for the last
 * time, and a peer looks at the SLEEP cell after it has published: one of the two sees the other.
 */

import { AWAKE, DOZING, IN_EVENT_LOOP, type SharedState, SLEEP } from './shared-state.js';

const WAIT_MS_MIN = 0.1;
const WAIT_MS_MAX = 1;
/** What is left of the time to wait after a sleep that no peer has cut short. */
const WAIT_KEPT = 0.875;
/** The longest spin: some wake-ups. Where peers compute for longer, a doze costs little beside it. */
const SPIN_MS = 0.2;
/** What a spin that found something adds to the credit of spinning; what one takes that did not, or was interrupted. */
const SPIN_WON = 1;
const SPIN_LOST = 2;
const CREDIT_MAX = 8;
/** The credit after a time without spins: two of them in vain end it again. */
const CREDIT_AGAIN = 3;
/** Looks at the rings between two at the clock, while spinning. */
const LOOKS = 20;
/** Multiplications between two looks: about 50 ns. */
const PAUSE_STEPS = 40;
/** A round of looks takes a few microseconds; one that took so long was interrupted. */
const PREEMPTED_MS = 0.5;
/** How long there is no spinning after spins that did not help. */
const NO_SPIN_MS = 20;
/** A timer nearer than this is waited for in naps. */
const DOZE_BELOW_MS = 2;
const DOZE_MS = 0.25;
const SLEEP_MS_MAX: number = 2 ** 30;

/** What idling has to know of its scheduler. */
export interface Idler {
  now(): number;
  /** Has a peer published something? */
  inboundAvailable(): boolean;
  readonly nextDue: number;
  /** Does the machine have other schedulers to spin for? */
  readonly hasPeers: boolean;
}

export class Idling {
  readonly #idler: Idler;
  readonly #state: SharedState;
  readonly #slot: number;
  readonly #turn: () => void;
  #waitMs = WAIT_MS_MIN;
  /** When the last work was done. */
  idleSince = -1;
  #sleptAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #pauses = 1;
  #credit = CREDIT_MAX;
  #noSpinUntil = 0;

  /** @param turn what the end of a sleep calls */
  constructor(idler: Idler, state: SharedState, slot: number, turn: () => void) {
    this.#idler = idler;
    this.#state = state;
    this.#slot = slot;
    this.#turn = turn;
  }

  /**
   * Wait for what peers may send soon.
   *
   * @returns true as soon as there is something to do, false when the event loop should have its turn
   */
  waitForPeers(from: number, deadline: number): boolean {
    const idler = this.#idler;
    if (!idler.hasPeers) return false;
    const until = Math.min(deadline, this.idleSince + this.#waitMs, idler.nextDue);
    const spins = from >= this.#noSpinUntil;
    let now = from;
    if (spins) {
      now = this.#spin(from, Math.min(until, this.idleSince + SPIN_MS));
      if (idler.inboundAvailable()) {
        this.#credit = Math.min(CREDIT_MAX, this.#credit + SPIN_WON);
        this.#answered(now);
        return true;
      }
    }
    while (now < until) {
      this.#doze(until - now);
      now = idler.now();
      if (idler.inboundAvailable()) {
        if (spins) this.#spunInVain(now);
        this.#answered(now);
        return true;
      }
    }
    return idler.nextDue <= now;
  }

  /** @returns when it ended: there is something to do, or it is `until` */
  #spin(from: number, until: number): number {
    const idler = this.#idler;
    let now = from;
    while (now < until) {
      const before = now;
      for (let look = 0; look < LOOKS; look++) {
        if (idler.inboundAvailable()) return idler.now();
        this.#pause();
      }
      now = idler.now();
      if (now - before > PREEMPTED_MS) {
        this.#spunInVain(now);
        break;
      }
    }
    return now;
  }

  /** Others wanted the processor, or the peer has answered once it was free: perhaps because it was. */
  #spunInVain(now: number): void {
    this.#credit -= SPIN_LOST;
    if (this.#credit > 0) return;
    this.#credit = CREDIT_AGAIN;
    this.#noSpinUntil = now + NO_SPIN_MS;
  }

  /** Nothing to run, perhaps for longer than a turn may spin. @returns true when the next turn should come at once, false when it will be called */
  rest(): boolean {
    const idler = this.#idler;
    const now = idler.now();
    const due = idler.nextDue - now;
    if (due <= 0 || (idler.hasPeers && now < this.idleSince + this.#waitMs)) return true;
    if (due < DOZE_BELOW_MS) {
      this.#doze(Math.min(due, DOZE_MS));
      return true;
    }
    this.#announce(IN_EVENT_LOOP);
    if (idler.inboundAvailable()) {
      this.#announce(AWAKE);
      return true;
    }
    this.#adapt(now);
    if (due < Number.POSITIVE_INFINITY) {
      const ms = Math.min(Math.floor(due - DOZE_BELOW_MS / 2), SLEEP_MS_MAX);
      this.#timer = setTimeout(this.#turn, Math.max(1, ms));
    }
    this.#sleptAt = now;
    return false;
  }

  /** A turn begins, or none will ever: the timer of the sleep is not needed. */
  stopSleeping(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #doze(ms: number): void {
    const { cells } = this.#state;
    this.#announce(DOZING);
    if (!this.#idler.inboundAvailable()) {
      Atomics.wait(cells, this.#state.at(this.#slot, SLEEP), DOZING, ms);
    }
    this.#announce(AWAKE);
  }

  #announce(sleep: number): void {
    this.#state.set(this.#slot, SLEEP, sleep);
  }

  #adapt(now: number): void {
    const slept = this.idleSince - this.#sleptAt;
    if (slept > 0 && slept < WAIT_MS_MAX) this.#waitMs = Math.min(WAIT_MS_MAX, this.#waitMs * 2);
    else if (now - this.#sleptAt > 2 * WAIT_MS_MAX) {
      this.#waitMs = Math.max(WAIT_MS_MIN, this.#waitMs * WAIT_KEPT);
    }
  }

  /** A peer was worth waiting for. */
  #answered(now: number): void {
    const needed = 2 * (now - this.idleSince);
    if (needed > this.#waitMs) this.#waitMs = Math.min(WAIT_MS_MAX, needed);
  }

  /**
   * A chain of dependent multiplications leaves the execution units to the other hyperthread of the
   * core, which may be the very scheduler that is waited for.
   */
  #pause(): void {
    let value = this.#pauses;
    for (let step = 0; step < PAUSE_STEPS; step++) value = Math.imul(value, 1664525) + 1013904223;
    this.#pauses = value | 0;
  }
}
