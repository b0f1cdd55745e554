/**
 * Code inbox: a scheduler's end of the way by which the code server loads and purges modules.
 *
 * Commands come by a port of their own and are served between slices: by a turn of the run loop, and
 * on top of a process that spins in plain code, so no process can keep new code out. A cell in shared
 * memory, the *epoch*, counts all that was posted to any scheduler: one atomic load tells whether
 * there is anything to look for.
 *
 * Invariants:
 *  1. A commit takes effect at an epoch that is published after it was posted to every scheduler. A
 *     scheduler that sees the epoch finds the commit; one that finds the commit first waits for the epoch.
 *  2. The ring reader looks at the epoch after it has seen new frames and before it hands them on. So
 *     what a peer wrote after its own commit is never received before the commit is done here:
 *     broken, a process that was told of new code could still call the old.
 *  3. Commands are served in the order posted, but commits never wait for others.
 */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { CodeOutcome, HostRequest } from './hosting.js';
import { CODE_EPOCH, type SharedState } from './shared-state.js';

/** What the code server asks for. */
export interface CodeCommand {
  readonly id: number;
  readonly op: string;
  readonly args: readonly unknown[];
  /** For a commit: the epoch from which it holds; 0 for all others. */
  readonly epoch: number;
}

/** The answer to a command. What was thrown is plain data, if its thrower could make it so. */
export type CodeAnswer = { readonly id: number } & CodeResult;

/** What a process asks of the code server; the answer comes as the command `ANSWER`. */
export interface CodeAsked {
  readonly asked: number;
  readonly request: HostRequest;
}

export const ANSWER = 'answer';

export type CodeResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

/** What a handler returns that will call `answer` later; the next command does not wait for it. */
export const LATER: unique symbol = Symbol('later');

/** Serves a command. By a call and not by a promise, which plain code that waits in place would hold up. */
export type CodeHandler = (
  op: string,
  args: readonly unknown[],
  answer: (result: CodeResult) => void,
) => unknown;

export class CodeInbox {
  readonly #port: MessagePort;
  readonly #state: SharedState;
  readonly #handle: CodeHandler;
  readonly #cell: number;
  #seen = 0;
  #waiting: CodeCommand[] = [];
  #serving = false;
  readonly #asked: Map<number, (outcome: CodeOutcome) => void> = new Map();
  #lastAsked = 0;

  constructor(port: MessagePort, state: SharedState, handle: CodeHandler) {
    this.#port = port;
    this.#state = state;
    this.#handle = handle;
    this.#cell = state.at(0, CODE_EPOCH);
  }

  /** Call `wake` when a command comes while this thread is in its event loop. */
  listen(wake: () => void): void {
    this.#port.on('message', (command: CodeCommand) => {
      this.#waiting.push(command);
      wake();
    });
  }

  /** Is there anything to serve? Cost: one atomic load. */
  get pending(): boolean {
    return (
      Atomics.load(this.#state.cells, this.#cell) !== this.#seen ||
      (this.#waiting.length > 0 && !this.#serving)
    );
  }

  /**
   * Serve what has come.
   *
   * @param commitsOnly where code runs that others must not be evaluated on top of
   */
  serve(commitsOnly: boolean): void {
    if (this.#serving) return;
    const epoch = Atomics.load(this.#state.cells, this.#cell);
    this.#seen = epoch;
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port))
      this.#waiting.push(next.message as CodeCommand);
    if (this.#waiting.length === 0) return;
    const commands = this.#waiting;
    this.#waiting = [];
    this.#serving = true;
    try {
      for (const command of commands) {
        const due = command.epoch === 0 ? !commitsOnly : command.epoch <= epoch;
        if (due) this.#serveOne(command);
        else this.#waiting.push(command);
      }
    } finally {
      this.#serving = false;
    }
  }

  /** Ask the code server. By this way, the answer comes even while plain code holds up the event loop. */
  ask(request: HostRequest, answer: (outcome: CodeOutcome) => void): void {
    this.#lastAsked += 1;
    const message: CodeAsked = { asked: this.#lastAsked, request };
    this.#port.postMessage(message);
    this.#asked.set(this.#lastAsked, answer);
  }

  close(): void {
    this.#port.close();
  }

  #serveOne({ id, op, args }: CodeCommand): void {
    const answer = (result: CodeResult): void => this.#port.postMessage({ id, ...result });
    try {
      const value = op === ANSWER ? this.#answered(args) : this.#handle(op, args, answer);
      if (value !== LATER) answer({ ok: true, value });
    } catch (error) {
      answer({ ok: false, error });
    }
  }

  #answered([asked, outcome]: readonly unknown[]): void {
    const answer = this.#asked.get(asked as number);
    this.#asked.delete(asked as number);
    answer?.(outcome as CodeOutcome);
  }
}
