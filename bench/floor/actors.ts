/**
 * Actors of the floor: generators and arrays, and nothing else.
 *
 * What any machine on top of JavaScript must at least do to let two coroutines answer each other.
 * No copy, no selection, no links, no fairness, no reductions: not a competitor but the bottom.
 */

export type Message = unknown;
export type Script = Generator<undefined, void, Message>;

export interface Actor {
  readonly script: Script;
  readonly inbox: Message[];
  queued: boolean;
}

let ready: Actor[] = [];

/** Run a script to its first `yield`, which stands for its receive. */
export function start(script: Script): Actor {
  script.next();
  return { script, inbox: [], queued: false };
}

export function post(to: Actor, message: Message): void {
  to.inbox.push(message);
  if (to.queued) return;
  to.queued = true;
  ready.push(to);
}

/** Run until nobody has a message. */
export function runAll(): void {
  while (ready.length > 0) {
    const turn = ready;
    ready = [];
    for (const actor of turn) {
      actor.queued = false;
      const messages = actor.inbox.splice(0);
      for (const message of messages) actor.script.next(message);
    }
  }
}

/** The measured time of a piece of work, in microseconds. */
export function timedUs(work: () => void): number {
  const before = performance.now();
  work();
  return (performance.now() - before) * 1000;
}
