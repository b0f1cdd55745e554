/**
 * Heartbeat: a machine's side of `tsvm start --heart`. It tells the process above that it lives.
 *
 * A beat means that the main thread has run, and that every scheduler has answered a question just now.
 */

import type { Vm } from '../runtime/vm/machine.js';
import { HEART_VARIABLE } from './heart.js';

export type HeartSign = { readonly type: 'beat' | 'up' };

const BEAT_MS = 400;

export class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  #vm: Vm | null = null;
  #asking = false;
  #gone: () => void = () => {};

  /** `null` where no heart is above this process. Modules do not see that there is one. */
  static begin(): Heartbeat | null {
    const isWatched = process.env[HEART_VARIABLE] === '1' && process.send !== undefined;
    delete process.env[HEART_VARIABLE];
    return isWatched ? new Heartbeat() : null;
  }

  private constructor() {
    // The channel is not to keep a machine that has ended.
    process.channel?.unref();
    this.#timer = setInterval(() => this.#beat(), BEAT_MS).unref();
    this.#say('beat');
  }

  /** Call when the heart is gone. */
  onGone(listener: () => void): void {
    this.#gone = listener;
    process.once('disconnect', listener);
  }

  /** From now on the schedulers of this machine have to answer, too; `null`: not any more. */
  watch(vm: Vm | null): void {
    this.#vm = vm;
  }

  /** What the machine runs has started. */
  up(): void {
    this.#say('up');
  }

  end(): void {
    clearInterval(this.#timer);
    process.off('disconnect', this.#gone);
    if (process.connected) process.disconnect();
  }

  async #beat(): Promise<void> {
    if (this.#vm === null) {
      this.#say('beat');
      return;
    }
    if (this.#asking) return;
    this.#asking = true;
    const { schedulers } = await this.#vm.stats();
    this.#asking = false;
    // One that does not answer in time is shown with what shared memory says of it.
    if (schedulers.every(({ timers }) => timers >= 0)) this.#say('beat');
  }

  #say(type: HeartSign['type']): void {
    if (process.connected) process.send?.({ type } satisfies HeartSign);
  }
}
