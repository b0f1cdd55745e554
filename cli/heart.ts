/**
 * Heart: a small process above a machine, which starts it again when it dies or gives no sign of life.
 *
 * The machine is a child process that sends a beat as long as its main thread and every scheduler answer
 * (`heartbeat.ts`). What ends in order is not started again: a stop by a signal or by `tsvm stop`, and an end
 * with status 0. Nor is what never came up with the first start: a wrong file does not mend itself.
 *
 * Invariants:
 *  1. Signals go on to the machine, and this process ends after it, with its status.
 *  2. A machine whose heart is gone stops in order: none is left without somebody who started it.
 *  3. Deaths in a row are bounded, and each is waited for longer than the one before.
 *
 * Source: OTP, `heart`.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { HeartSign } from './heartbeat.js';
import type { Narrator } from './narrator.js';
import { shownMs } from './terminal.js';

export interface HeartOptions {
  /** Without a sign for so long, the machine is killed and started again. */
  readonly limitMs: number;
  /** So many deaths in a row are survived. */
  readonly restartsMax: number;
}

/** Of the environment: tells the machine that this process is above it. */
export const HEART_VARIABLE = 'TSVM_HEART';
export const HEART_MS = 60_000;
export const HEART_MS_MIN = 2000;
export const HEART_MS_MAX: number = 60 * 60 * 1000;
export const RESTARTS_MAX = 10;

const FIRST_DELAY_MS = 250;
const DELAY_MS_MAX = 30_000;
/** Who was up for so long has not died in a row. */
const STEADY_MS = 60_000;
const LOOKS = 5;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** How one life of the machine went. */
interface Life {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly silent: boolean;
  /** How long what it runs was up; `null`: it never was. */
  readonly upMs: number | null;
}

export class Heart {
  readonly #options: HeartOptions;
  readonly #narrator: Narrator;
  #child: ChildProcess | null = null;
  #stopped = false;
  #wake: () => void = () => {};

  constructor(options: HeartOptions, narrator: Narrator) {
    this.#options = options;
    this.#narrator = narrator;
  }

  /** @returns the exit status */
  async run(): Promise<number> {
    const listeners = SIGNALS.map((signal) => {
      const listener = (): void => this.#pass(signal);
      process.on(signal, listener);
      return () => process.off(signal, listener);
    });
    try {
      return await this.#keepAlive();
    } finally {
      for (const forget of listeners) forget();
    }
  }

  async #keepAlive(): Promise<number> {
    let deaths = 0;
    for (let first = true; ; first = false) {
      const life = await this.#live();
      const { status, upMs } = life;
      if (this.#stopped || status === 0) return statusOf(life);
      if (first && upMs === null && status !== null) return status;
      if (upMs !== null && upMs >= STEADY_MS) deaths = 0;
      deaths += 1;
      const { restartsMax } = this.#options;
      const why = this.#why(life);
      if (deaths > restartsMax) {
        this.#narrator.say({ event: 'heart_end', why, deaths });
        return 1;
      }
      const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (deaths - 1), DELAY_MS_MAX);
      this.#narrator.say({ event: 'heart_restart', why, deaths, restartsMax, delayMs });
      await this.#wait(delayMs);
      if (this.#stopped) return 0;
    }
  }

  /** From a start of the machine to its end. */
  #live(): Promise<Life> {
    const { limitMs } = this.#options;
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, [HEART_VARIABLE]: '1' },
    });
    this.#child = child;
    let silent = false;
    let upSince: number | null = null;
    let lastSign = performance.now();
    let lastLook = lastSign;
    child.on('message', (sign: HeartSign) => {
      lastSign = performance.now();
      if (sign.type === 'up') upSince ??= lastSign;
    });
    const look = setInterval(() => {
      const now = performance.now();
      // This process itself stood still, as when the computer slept: that is not the machine's silence.
      if (now - lastLook > (2 * limitMs) / LOOKS) lastSign = now;
      lastLook = now;
      if (now - lastSign <= limitMs) return;
      silent = true;
      child.kill('SIGKILL');
    }, limitMs / LOOKS);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status, signal) => {
        clearInterval(look);
        this.#child = null;
        const upMs = upSince === null ? null : performance.now() - upSince;
        resolve({ status, signal, silent, upMs });
      });
    });
  }

  #pass(signal: NodeJS.Signals): void {
    this.#stopped = true;
    this.#child?.kill(signal);
    this.#wake();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #why({ status, signal, silent }: Life): string {
    if (silent) return `gave no sign of life for ${shownMs(this.#options.limitMs)} and was killed`;
    return signal === null ? `ended with exit status ${status}` : `was ended by ${signal}`;
  }
}

function statusOf({ status, signal }: Life): number {
  return status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
