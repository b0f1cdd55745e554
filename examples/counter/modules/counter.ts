/** A counter: a process that is nothing but a number and what it does with each message. */
import { type Call, hibernate, receive, reply } from 'tsvm';
import * as counter from './counter.js';

export type CounterMessage = { readonly type: 'add'; readonly by: number } | Call<'get', number>;

/** Change this text while it runs: the next line is the new one, and the number goes on. */
export function line(n: number): string {
  return `counted to ${n}`;
}

export async function loop(n: number): Promise<never> {
  const message = await receive<CounterMessage>();
  if (message.type === 'call') reply(message.from, n);
  // Through its own module, so that the next message is handled by the newest code.
  return await hibernate(counter.loop, message.type === 'add' ? n + message.by : n);
}
