/**
 * Watchdog: sees from outside that a scheduler stands still, and has the guard of that thread end what
 * holds it (`guard.ts`). Main thread only.
 *
 * It looks at the BEAT cells in shared memory, so schedulers pay nothing for it. A cell that does not
 * change for a part of the limit starts an *examination*: the guard of the thread is asked again and again, by
 * messages of V8's inspector, which reach a busy thread as interrupts. The thread judges by itself; here
 * is only the clock. What no interrupt reaches (a synchronous native call) answers when it is through,
 * and is named in the log.
 *
 * A debugger that is attached stops threads for as long as somebody looks at them: then nothing is ended.
 *
 * Source: Chrome DevTools Protocol, and Node's domain `NodeWorker` of it.
 */

import { Session, url } from 'node:inspector';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { placeIn } from '../errors.js';
import { GUARD_GLOBAL, type GuardAnswer } from '../guard.js';
import { BEAT, type SharedState } from '../shared-state.js';
import { ThreadClock } from '../thread-clock.js';

/** Looks at the cells within the limit. */
const LOOKS = 5;
/** The part of the limit after which a cell that stands still is looked into. */
const SUSPECT = 0.3;
/** Questions to a thread within the limit. */
const QUESTIONS = 10;
const PLACES_MAX = 1000;
/** Looks for a thread that has just started: its session takes a few milliseconds. */
const ROUNDS = 200;
const ROUND_MS = 5;
const STRANGER_MS = 500;
const QUIETLY = { ref: false } as const;
const EVALUATE = 'Runtime.evaluate';
const CALL = 'Runtime.callFunctionOn';

interface Watched {
  readonly slot: number;
  readonly session: string;
  /** The guard's own object, in the thread. */
  readonly objectId: string;
  beat: number;
  since: number;
  /** What the thread had waited for a processor by then. */
  waited: number;
  readonly clock: ThreadClock;
  examined: boolean;
}

interface Question {
  readonly session: string;
  /** With null when nobody is left to answer. */
  readonly answer: (reply: Reply | null) => void;
}

interface Reply {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly objectId?: string; readonly value?: unknown } };
}

export class Watchdog {
  readonly #state: SharedState;
  readonly #limitMs: number;
  readonly #tell: (text: string) => void;
  readonly #watched: Map<number, Watched> = new Map();
  /** Sessions with threads of which nothing is known yet. */
  readonly #strangers: Set<string> = new Set();
  readonly #questions: Map<number, Question> = new Map();
  readonly #toldPlaces: Set<string> = new Set();
  #session: Session | null = null;
  #timer: NodeJS.Timeout | null = null;
  #lastId = 0;

  /** @param tell what held a scheduler and could not be ended */
  constructor(state: SharedState, limitMs: number, tell: (text: string) => void) {
    this.#state = state;
    this.#limitMs = limitMs;
    this.#tell = tell;
  }

  /** From now on the scheduler of a slot is watched. It must not run processes yet. */
  async watch(slot: number, key: string): Promise<void> {
    if (this.#limitMs === 0 || !this.#connect()) return;
    this.#timer ??= setInterval(() => this.#look(), this.#limitMs / LOOKS).unref();
    for (let round = 0; round < ROUNDS && this.#session !== null; round++) {
      if (await this.#find(slot, key)) return;
      await delay(ROUND_MS);
    }
    if (this.#session !== null)
      this.#tell(`scheduler ${slot} is not reached by the inspector: code that spins is not ended`);
  }

  /** Among the threads that are not known yet. */
  async #find(slot: number, key: string): Promise<boolean> {
    const name = `globalThis.${GUARD_GLOBAL}`;
    const expression = `${name}?.key === ${JSON.stringify(key)} ? ${name} : undefined`;
    for (const session of this.#strangers) {
      const question = this.#ask(session, EVALUATE, { expression });
      // A thread of the host program may be busy; ours is not, while it waits for this.
      const reply = await Promise.race([question, delay(STRANGER_MS, null, QUIETLY)]);
      const objectId = reply?.result?.result?.objectId;
      if (objectId === undefined) continue;
      this.#strangers.delete(session);
      const name = await this.#ask(session, CALL, {
        objectId,
        functionDeclaration: 'function () { return this.thread; }',
      });
      const clock = new ThreadClock(String(name?.result?.result?.value ?? ''));
      const fresh = { beat: 0, since: 0, waited: 0, examined: false };
      this.#watched.set(slot, { slot, session, objectId, clock, ...fresh });
      return true;
    }
    return false;
  }

  /** The thread of a slot is dead. */
  forget(slot: number): void {
    this.#watched.get(slot)?.clock.close();
    this.#watched.delete(slot);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const slot of [...this.#watched.keys()]) this.forget(slot);
    this.#session?.disconnect();
    this.#session = null;
    this.#abandon(() => true);
  }

  #connect(): boolean {
    if (this.#session !== null) return true;
    const session = new Session();
    try {
      if (isMainThread) session.connect();
      else session.connectToMainThread();
    } catch {
      return false; // The schedulers find the same, and say so in the log.
    }
    session.on('NodeWorker.attachedToWorker', ({ params }) =>
      this.#strangers.add(params.sessionId),
    );
    session.on('NodeWorker.detachedFromWorker', ({ params }) => {
      this.#strangers.delete(params.sessionId);
      this.#abandon((question) => question.session === params.sessionId);
    });
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const reply = JSON.parse(params.message) as Reply;
      if (reply.id !== undefined) this.#answer(reply.id, reply);
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
    this.#session = session;
    return true;
  }

  /** @returns null when the thread is gone */
  #ask(session: string, method: string, params: object): Promise<Reply | null> {
    return new Promise((answer) => {
      const id = ++this.#lastId;
      this.#questions.set(id, { session, answer });
      const message = JSON.stringify({ id, method, params });
      this.#session?.post(
        'NodeWorker.sendMessageToWorker',
        { sessionId: session, message },
        (error) => {
          if (error !== null) this.#answer(id, null);
        },
      );
    });
  }

  #answer(id: number, reply: Reply | null): void {
    this.#questions.get(id)?.answer(reply);
    this.#questions.delete(id);
  }

  #abandon(which: (question: Question) => boolean): void {
    for (const [id, question] of this.#questions) if (which(question)) this.#answer(id, null);
  }

  #look(): void {
    if (url() !== undefined) return;
    const now = performance.now();
    for (const watched of this.#watched.values()) {
      if (watched.examined) continue;
      const beat = this.#beat(watched);
      if (beat === 0 || beat !== watched.beat) {
        watched.beat = beat;
        watched.since = now;
        if (beat !== 0) watched.waited = watched.clock.waitedMs();
      } else if (now - watched.since >= this.#limitMs * SUSPECT) {
        watched.examined = true;
        this.#examine(watched).finally(() => {
          watched.examined = false;
          watched.beat = 0;
        });
      }
    }
  }

  #beat({ slot }: Watched): number {
    return Atomics.load(this.#state.cells, this.#state.at(slot, BEAT));
  }

  async #examine(watched: Watched): Promise<void> {
    let question: 'look' | 'strike' = 'look';
    while (this.#beat(watched) === watched.beat && this.#watched.get(watched.slot) === watched) {
      const answer = await this.#question(watched, question);
      if (answer === null || answer.what === 'ended') return;
      if (answer.stack !== '') this.#tellLate(watched, answer);
      question = 'strike';
      await delay(this.#limitMs / QUESTIONS, undefined, QUIETLY);
    }
  }

  async #question({ session, objectId }: Watched, name: string): Promise<GuardAnswer | null> {
    const functionDeclaration = `function () { return this.${name}(); }`;
    const params = { objectId, functionDeclaration, returnByValue: true };
    const reply = await this.#ask(session, CALL, params);
    return (reply?.result?.result?.value as GuardAnswer | undefined) ?? null;
  }

  /** An answer that came late: V8 was not asked meanwhile, so native code ran. */
  #tellLate({ slot, since, waited, clock }: Watched, { stack }: GuardAnswer): void {
    const heldMs = performance.now() - since - (clock.waitedMs() - waited);
    if (heldMs < 2 * this.#limitMs) return;
    const place = placeIn(stack);
    if (this.#toldPlaces.has(place) || this.#toldPlaces.size >= PLACES_MAX) return;
    this.#toldPlaces.add(place);
    this.#tell(
      `native code that cannot be interrupted has held scheduler ${slot} for ${Math.round(heldMs)} ms, ` +
        `until ${place}: no process ran there meanwhile. Run it with dirty(), or call its asynchronous form`,
    );
  }
}
