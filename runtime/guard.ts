/**
 * Guard: how code that no check can reach is ended (a backtracking regular expression, a sort of native
 * code, an npm package that spins, `Atomics.wait`).
 *
 * Slices run inside a *catch point*: an evaluation by V8's inspector, which is the one place of Node where
 * a terminated execution stops unwinding and JavaScript below goes on. The main thread watches the BEAT
 * cell (`vm/watchdog.ts`); where it stands still, it asks `look` and `strike` here, which V8 runs as
 * interrupts, in the middle of whatever runs. The thread itself judges, so it is never another process that
 * is hit; and it counts the time in which it had a processor only, so that one that the operating system
 * stopped for a while is not taken for one that spins.
 *
 * No `catch` and no `finally` runs in what is ended, not even the machine's own: `Engine.recover` puts in
 * order what they would have. Never ended is what stands in the machine's own code (a long copy, say).
 *
 * Invariant: a terminated execution is caught by the innermost catch point, which is on top of every
 * process that was preempted; so it takes one process with it.
 *
 * Cost: 8–14 µs for a catch point, one for each turn that has something to run and one for each re-entry.
 * Rejected: a `vm.Script` with a time limit (a thread each time: 70–115 µs; and a plain loop at the bottom
 * of the stack, which may run long, would be ended by it).
 *
 * Source: Chrome DevTools Protocol, "Runtime.evaluate", "Runtime.terminateExecution".
 */

import { Session } from 'node:inspector';
import { performance } from 'node:perf_hooks';
import { context } from './context.js';
import type { Standing } from './hosting.js';
import { BEAT, type SharedState } from './shared-state.js';
import { ThreadClock, threadName } from './thread-clock.js';

/** By this name of the global object the inspector reaches the guard. */
export const GUARD_GLOBAL = '$tsvmGuard';
/** The part of the limit that the thread itself must have seen the same code run. */
const SEEN = 0.8;
/** What one look may count for, as a part of the limit: for the rest nobody knows what the thread did. */
const COUNTED = 0.2;
const ENTER = { expression: `${GUARD_GLOBAL}.enter()` };

/** What the watchdog learns from the thread. */
export interface GuardAnswer {
  readonly what: 'idle' | 'watching' | 'machine' | 'ended';
  /** The stack of what runs, in the user's lines. */
  readonly stack: string;
}

/** What the guard has to know of its scheduler. */
export interface Guarded {
  /** By which the watchdog tells this thread from others. */
  readonly key: string;
  readonly slot: number;
  readonly state: SharedState;
  /** Where the code stands that was interrupted. */
  readonly standing: () => Standing;
}

export class Guard {
  readonly limitMs: number;
  readonly #guarded: Guarded;
  /** One for each catch point that can be open at a time, and one to end what runs. */
  readonly #sessions: Session[] = [];
  readonly #killer: Session;
  readonly #clock: ThreadClock = new ThreadClock(threadName());
  readonly #beatAt: number;
  #depth = 0;
  #body: (() => void) | null = null;
  #state: 'waiting' | 'begun' | 'completed' = 'waiting';
  #thrown: { readonly error: unknown } | null = null;
  #seenBeat = 0;
  #seenBudget = 0;
  /** How long the same code was seen to run, not counting the time that others had the processor. */
  #seenMs = 0;
  #lookedAt = 0;
  #verdict: { readonly stack: string } | null = null;

  /** @throws where this Node has no inspector, or does not permit it */
  constructor(guarded: Guarded, limitMs: number) {
    this.#guarded = guarded;
    this.limitMs = limitMs;
    this.#beatAt = guarded.state.at(guarded.slot, BEAT);
    this.#killer = connected();
    this.#sessions.push(connected());
    // Stacks are cut at this name: what is below is not the process's.
    const enterSlices = (): void => this.#enter();
    Object.defineProperty(globalThis, GUARD_GLOBAL, {
      value: {
        key: guarded.key,
        thread: threadName(),
        enter: enterSlices,
        look: () => this.#look(),
        strike: () => this.#strike(),
      },
    });
  }

  /** The scheduler stops. */
  close(): void {
    for (const session of [...this.#sessions, this.#killer]) session.disconnect();
    this.#clock.close();
  }

  /** Run `body` so that it can be ended. @returns false if it was: then `verdict` tells where it stood */
  run(body: () => void): boolean {
    const session = this.#session();
    const outer = this.#state;
    this.#body = body;
    this.#state = 'waiting';
    this.#depth += 1;
    session.post('Runtime.evaluate', ENTER);
    this.#depth -= 1;
    const ended = this.#state as 'waiting' | 'begun' | 'completed';
    this.#state = outer;
    if (ended === 'waiting') {
      // The inspector did not run it: a catch point less, but nothing is lost.
      this.#body = null;
      body();
      return true;
    }
    const thrown = this.#thrown;
    this.#thrown = null;
    if (thrown !== null) throw thrown.error;
    return ended === 'completed';
  }

  /** Where the code stood that was ended last: a stack in the user's lines. */
  takeVerdict(): string {
    const stack = this.#verdict?.stack ?? '';
    this.#verdict = null;
    return stack;
  }

  #session(): Session {
    let session = this.#sessions[this.#depth];
    if (session === undefined) {
      session = connected();
      this.#sessions[this.#depth] = session;
    }
    return session;
  }

  #enter(): void {
    const body = this.#body;
    if (body === null) return;
    this.#body = null;
    this.#state = 'begun';
    try {
      body();
    } catch (error) {
      this.#thrown = { error };
    }
    this.#state = 'completed';
  }

  /** Begin to watch what runs now. */
  #look(): GuardAnswer {
    const beat = this.#guarded.state.cells[this.#beatAt] as number;
    if (beat === 0 || this.#depth === 0) return { what: 'idle', stack: '' };
    // Code that has checks at all meets the next one sooner.
    if (context.budget > 0 && !context.sealed) context.budget = 0;
    this.#seenBeat = beat;
    this.#seenBudget = context.budget;
    this.#seenMs = 0;
    this.#lookedAt = this.#ownTime();
    return { what: 'watching', stack: this.#guarded.standing().stack };
  }

  /** Look again, and end what stands where it stood too long. */
  #strike(): GuardAnswer {
    const beat = this.#guarded.state.cells[this.#beatAt] as number;
    if (beat !== this.#seenBeat || context.budget !== this.#seenBudget) return this.#look();
    const now = this.#ownTime();
    this.#seenMs += Math.min(now - this.#lookedAt, this.limitMs * COUNTED);
    this.#lookedAt = now;
    if (this.#seenMs < this.limitMs * SEEN) return { what: 'watching', stack: '' };
    const { stack, inMachine } = this.#guarded.standing();
    if (inMachine) return { what: 'machine', stack };
    this.#verdict = { stack };
    this.#seenMs = 0;
    this.#killer.post('Runtime.terminateExecution');
    return { what: 'ended', stack };
  }

  #ownTime(): number {
    return performance.now() - this.#clock.waitedMs();
  }
}

function connected(): Session {
  const session = new Session();
  session.connect();
  return session;
}
