/**
 * Control: how the main thread asks a scheduler thread for something, over a port of its own.
 *
 * The main thread has a `ControlClient`, the scheduler thread a `ControlInbox` with what `SchedulerControl`
 * lists. Comlink, which carries the other direction, answers by a promise, and promises settle when the
 * event loop has its turn. Under plain code that does not return it has none; so here an answer is a call,
 * and requests are looked for by `poll`, too.
 *
 * Invariants:
 *  1. Each request is answered once, or rejects when the thread is gone.
 *  2. Requests are begun in the order in which they were asked.
 */

import { MessagePort, receiveMessageOnPort, type Transferable } from 'node:worker_threads';
import type { SchedulerControl } from './protocol.js';

type Op = keyof SchedulerControl;
type Result<K extends Op> = ReturnType<SchedulerControl[K]>;

interface Request {
  readonly id: number;
  readonly op: Op;
  readonly args: readonly unknown[];
}

type Answer = { readonly id: number } & (
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown }
);

/** What a handler returns that has no answer yet. */
export class Later<T> {
  readonly begin: (answer: (value: T) => void) => void;

  constructor(begin: (answer: (value: T) => void) => void) {
    this.begin = begin;
  }
}

/** What a scheduler thread does for each request. */
export type Controls = {
  readonly [K in Op]: (...args: Parameters<SchedulerControl[K]>) => Result<K> | Later<Result<K>>;
};

/** The main thread's end. */
export class ControlClient {
  readonly #port: MessagePort;
  readonly #waiting: Map<number, { resolve(value: never): void; reject(error: unknown): void }> =
    new Map();
  #lastId = 0;
  #gone: Error | null = null;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.ok) waiting?.resolve(answer.value as never);
      else waiting?.reject(answer.error);
    });
  }

  /** Ports among the arguments are handed over. @throws when the thread dies before it has answered */
  ask<K extends Op>(op: K, ...args: Parameters<SchedulerControl[K]>): Promise<Result<K>> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    this.#lastId += 1;
    const request: Request = { id: this.#lastId, op, args };
    return new Promise((resolve, reject) => {
      this.#port.postMessage(request, portsOf(args));
      this.#waiting.set(request.id, { resolve, reject });
    });
  }

  /** The thread is gone: nothing will be answered any more. */
  close(cause: Error): void {
    this.#gone = cause;
    this.#port.close();
    for (const { reject } of this.#waiting.values()) reject(cause);
    this.#waiting.clear();
  }
}

function portsOf(args: readonly unknown[]): Transferable[] {
  return args.filter((arg) => arg instanceof MessagePort);
}

/** The scheduler thread's end. */
export class ControlInbox {
  readonly #port: MessagePort;
  readonly #controls: Controls;

  constructor(port: MessagePort, controls: Controls) {
    this.#port = port;
    this.#controls = controls;
    port.on('message', (request: Request) => this.#serve(request));
  }

  /** Serve what has come, where the event loop does not get its turn. */
  poll(): void {
    for (
      let next = receiveMessageOnPort(this.#port);
      next !== undefined;
      next = receiveMessageOnPort(this.#port)
    )
      this.#serve(next.message as Request);
  }

  #serve({ id, op, args }: Request): void {
    const answer = (value: unknown): void => this.#answer({ id, ok: true, value });
    const control = this.#controls[op] as (...given: readonly unknown[]) => unknown;
    try {
      const value = control(...args);
      if (value instanceof Later) value.begin(answer);
      else answer(value);
    } catch (error) {
      this.#answer({ id, ok: false, error });
    }
  }

  #answer(answer: Answer): void {
    try {
      this.#port.postMessage(answer);
    } catch (error) {
      const { id } = answer;
      this.#port.postMessage({ id, ok: false, error: new Error(`no answer: ${String(error)}`) });
    }
  }
}
