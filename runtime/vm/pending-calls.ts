/**
 * Pending calls: what the host waits for from one thread, and what becomes of it when the thread dies.
 *
 * Invariant: a call that was answered leaves nothing behind. `Promise.race` with a promise of the death
 * would: that one lives as long as the thread, and keeps a reaction for each call there ever was.
 */

type Reject = (cause: Error) => void;

export class PendingCalls {
  readonly #waiting: Set<Reject> = new Set();
  #dead: Error | null = null;

  /** The answer, or a rejection as soon as the thread is dead. */
  orDeath<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end: Reject = (cause) => {
        this.#waiting.delete(end);
        reject(cause);
      };
      this.#waiting.add(end);
      answer.then(
        (value) => {
          this.#waiting.delete(end);
          resolve(value);
        },
        (error: Error) => end(error),
      );
      if (this.#dead !== null) end(this.#dead);
    });
  }

  /** The thread is dead: nothing will be answered any more. */
  end(cause: Error): void {
    this.#dead = cause;
    for (const end of [...this.#waiting]) end(cause);
  }
}
