/** Process code for the tests of the embedding API. */

import { writeFileSync } from 'node:fs';
import {
  announce,
  type Call,
  exit,
  log,
  own,
  type Pid,
  receive,
  register,
  reply,
  self,
  send,
  thisScheduler,
  yieldNow,
} from 'tsvm';

export async function add(a: number, b: number): Promise<number> {
  return a + b;
}

export function plain(): { values: unknown[] } {
  return { values: [new Map([[1, 2n]]), undefined, new Date(0)] };
}

export async function where(): Promise<number> {
  return thisScheduler();
}

export async function fails(): Promise<never> {
  await yieldNow();
  throw Object.assign(new RangeError('too far', { cause: new TypeError('why') }), {
    code: 'E_FAR',
  });
}

export async function exitsWith(reason: unknown): Promise<never> {
  exit(reason);
}

export async function returnsAFunction(): Promise<() => void> {
  return () => {};
}

/** Answers calls with what they asked, and messages `{to, text}` with `text`. */
export async function echo(name?: string): Promise<void> {
  if (name !== undefined) await register(name, self());
  for (;;) {
    const message = await receive<
      Call<unknown, unknown> | { type: 'say'; to: Pid; text: string } | 'stop'
    >();
    if (message === 'stop') return;
    if (message.type === 'call') reply(message.from, { echo: message.request });
    else send(message.to, message.text);
  }
}

/** Takes calls and keeps silent. */
export async function silent(): Promise<void> {
  await receive(() => false);
}

/** Sends numbers to a pid. */
export async function counts(to: Pid, count: number): Promise<void> {
  for (let n = 0; n < count; n++) send(to, { n });
}

/** Spins for ever. */
export async function busy(): Promise<never> {
  for (;;) await yieldNow();
}

/** Owns something whose close leaves a file. */
export async function owner(file: string): Promise<void> {
  own({ file }, () => writeFileSync(file, 'closed'));
  await register('owner', self());
  await receive(() => false);
}

export async function logs(): Promise<void> {
  log.notice('a line', { with: 'fields' });
  log.error('an error line');
  announce('http://127.0.0.1:1');
}
