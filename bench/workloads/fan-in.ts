/**
 * fan_in: how fast does one process take what many send?
 *
 * 1,000 senders, already waiting, each send 1,000 messages `[sender, k]` to one receiver, which
 * takes any pair. Clock: from the first `go` to the last message taken.
 *
 * Does not show: back-pressure of a receiver that does something with what it takes.
 *
 * Floor: generators that push to the array of one of them, without a copy.
 */
import { type Pid, receive, self, send, spawn } from 'tsvm';
import type { Measured, Params } from '../sampling.js';

type Pair = readonly [Pid<'go'>, number];
type Taken = Pair | readonly ['ready', Pid<'go'>];

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const senders = params['senders'] ?? 1;
  const pids: Pid<'go'>[] = [];
  for (let i = 0; i < senders; i++) pids.push(spawn(sender, self<Taken>(), n / senders));
  for (let i = 0; i < senders; i++) await receive((m: Taken) => m[0] === 'ready');
  const start = performance.now();
  for (const pid of pids) send(pid, 'go');
  for (let i = 0; i < n; i++) await receive<Taken>();
  return { ops: n, us: (performance.now() - start) * 1000 };
}

export async function sender(receiver: Pid<Taken>, each: number): Promise<void> {
  const me = self<'go'>();
  send(receiver, ['ready', me]);
  await receive<'go'>();
  for (let k = each; k > 0; k--) send(receiver, [me, k]);
}
