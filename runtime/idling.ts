/**
 * Idling: what a scheduler does while it has nothing to run.
 *
 *  1. It *spins* for a fraction of a millisecond: a peer's answer is often a few microseconds away, and
 *     is seen 0.2 µs after it was published; waking a sleeping thread costs about 20 µs, in its event loop
 *     80 µs and more. How long adapts: twice as long as peers were seen to take, shorter where they do not
 *     answer.
 *  2. Where a timer is due within `DOZE_BELOW_MS` it *dozes* in `Atomics.wait`, in naps, since Node's
 *     timers are a millisecond coarse; the event loop has its turn between two naps.
 *  3. Else it *sleeps* in the event loop, until a port message, an event or a timer.
 *
 * Invariant: the thread announces its sleep (SLEEP cell) before it looks at its rings for the last
 * time, and a peer looks at the SLEEP cell after it has published: one of the two sees the other.
 */

import { AWAKE, DOZING, IN_EVENT_LOOP, type SharedState, SLEEP } from './shared-state.js';

const SPIN_MS_MIN = 0.1;
const SPIN_MS_MAX = 1;
/** What is left of the time to spin after a sleep that no peer has cut short. */
const SPIN_KEPT = 0.875;
/** Looks at the rings between two at the clock, while spinning. */
const LOOKS = 20;
/** Multiplications between two looks: about 50 ns. */
const PAUSE_STEPS = 40;
/** A round of looks takes a few microseconds; one that took so long was interrupted. */
const PREEMPTED_MS = 0.5;
/** How long the machine is then taken for busy. */
const CONTENDED_MS = 20;
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
  #spinMs = SPIN_MS_MIN;
  /** When the last work was done. */
  idleSince = -1;
  #sleptAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #pauses = 1;
  #contendedUntil = 0;

  /** @param turn what the end of a sleep calls */
  constructor(idler: Idler, state: SharedState, slot: number, turn: () => void) {
    this.#idler = idler;
    this.#state = state;
    this.#slot = slot;
    this.#turn = turn;
  }

  /**
   * Where the machine is busy with other programs, spinning costs the thread the favour that the
   * operating system shows to threads that sleep: its wake-ups come late. A pause that took far too long
   * tells of it, and then there is no spinning for a while.
   *
   * @returns true as soon as there is something to do, false when the event loop should have its turn
   */
  spin(from: number, deadline: number): boolean {
    const idler = this.#idler;
    if (!idler.hasPeers || this.#contended(from)) return false;
    const until = Math.min(deadline, this.idleSince + this.#spinMs, idler.nextDue);
    let now = from;
    while (now < until) {
      for (let look = 0; look < LOOKS; look++) {
        if (idler.inboundAvailable()) {
          this.#answered(idler.now());
          return true;
        }
        this.#pause();
      }
      const before = now;
      now = idler.now();
      if (now - before > PREEMPTED_MS) {
        this.#contendedUntil = now + CONTENDED_MS;
        break;
      }
    }
    return idler.nextDue <= now;
  }

  /** Nothing to run, perhaps for longer than a turn may spin. @returns true when the next turn should come at once, false when it will be called */
  rest(): boolean {
    const idler = this.#idler;
    const now = idler.now();
    const due = idler.nextDue - now;
    if (
      due <= 0 ||
      (idler.hasPeers && now < this.idleSince + this.#spinMs && !this.#contended(now))
    )
      return true;
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
    if (slept > 0 && slept < SPIN_MS_MAX) this.#spinMs = Math.min(SPIN_MS_MAX, this.#spinMs * 2);
    else if (now - this.#sleptAt > 2 * SPIN_MS_MAX) {
      this.#spinMs = Math.max(SPIN_MS_MIN, this.#spinMs * SPIN_KEPT);
    }
  }

  #contended(now: number): boolean {
    return now < this.#contendedUntil;
  }

  /** A peer was worth waiting for. */
  #answered(now: number): void {
    const needed = 2 * (now - this.idleSince);
    if (needed > this.#spinMs) this.#spinMs = Math.min(SPIN_MS_MAX, needed);
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
