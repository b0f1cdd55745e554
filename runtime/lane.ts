/**
 * Lane: the MessagePort beside a ring, for what the ring's format cannot hold.
 *
 * V8 clones what goes this way, and buffers can be transferred. A lane message is the list of those
 * terms of one frame; it is posted before the frame is published, so that a reader who sees the
 * frame finds the message. The same port wakes a thread that sleeps in its event loop.
 *
 * Invariants:
 *  1. Lane messages are taken in the order of their frames, one per frame that is marked so.
 *  2. `null` is a wake-up and never a lane message.
 *  3. A message is a list of terms, or a list whose functions are taken out (`Packed`).
 *  4. A message that the event loop delivered first is kept in `#arrived`: it is older than all that
 *     are still in the port.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { type Packed, unpackFunctions } from './carried-functions.js';
import { invariant } from './errors.js';

export type Transfer = readonly ArrayBuffer[];

type Message = readonly unknown[] | Packed;

export class Lane {
  readonly #port: MessagePort;
  #arrived: Message[] = [];
  #taken = 0;
  #listening = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** @throws DOMException `DataCloneError`; nothing was posted then, nothing transferred */
  post(terms: Message, transfer?: Transfer): void {
    if (transfer === undefined) this.#port.postMessage(terms);
    else this.#port.postMessage(terms, [...transfer]);
  }

  /** Wake the peer's event loop. */
  wake(): void {
    this.#port.postMessage(null);
  }

  /**
   * Call `wake` when the peer posts something while this thread is in its event loop. Keeps the
   * event loop alive until the lane is closed.
   */
  onWake(wake: () => void): void {
    invariant(!this.#listening, 'a lane wakes one scheduler');
    this.#listening = true;
    this.#port.on('message', (message: Message | null) => {
      if (message !== null) this.#arrived.push(message);
      wake();
    });
  }

  /** The terms of the next frame that has some on the lane. */
  take(): readonly unknown[] {
    const message = this.#next();
    return Array.isArray(message) ? message : (unpackFunctions(message as Packed) as unknown[]);
  }

  #next(): Message {
    if (this.#taken < this.#arrived.length) {
      const message = this.#arrived[this.#taken] as Message;
      this.#taken += 1;
      if (this.#taken === this.#arrived.length) {
        this.#arrived = [];
        this.#taken = 0;
      } else this.#arrived[this.#taken - 1] = [];
      return message;
    }
    for (;;) {
      const next = receiveMessageOnPort(this.#port);
      invariant(next !== undefined, 'the lane message of a frame is posted before the frame');
      if (next.message !== null) return next.message as Message;
    }
  }

  close(): void {
    this.#port.close();
  }
}
