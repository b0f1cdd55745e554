/**
 * ping_pong_local: how fast do two processes answer each other that nobody pins?
 *
 * The client sends `['ping', self, i]`, the server answers `['pong', self, i]`, the client takes
 * exactly `['pong', server, i]`; n round trips after `warm` unmeasured ones.
 *
 * Does not show: a mailbox with anything else in it, more than one runnable pair.
 *
 * Floor: two generators that hand arrays to each other without a copy.
 */
import { type Pid, receive, self, send, spawn } from 'tsvm';
import type { Measured, Params } from '../sampling.js';

export type Ping = readonly ['ping', Pid<Pong>, number] | 'stop';
export type Pong = readonly ['pong', Pid<Ping>, number];

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const server: Pid<Ping> = spawn(serve);
  await trips(server, params['warm'] ?? 0);
  const start = performance.now();
  await trips(server, n);
  const us = (performance.now() - start) * 1000;
  send(server, 'stop');
  return { ops: n, us };
}

export async function trips(server: Pid<Ping>, n: number): Promise<void> {
  const me = self<Pong>();
  let i = n;
  const isPong = (m: Pong): boolean => m[0] === 'pong' && m[1] === server && m[2] === i;
  for (; i > 0; i--) {
    send(server, ['ping', me, i]);
    await receive(isPong);
  }
}

export async function serve(): Promise<void> {
  const me = self<Ping>();
  for (;;) {
    const m = await receive<Ping>();
    if (m === 'stop') return;
    send(m[1], ['pong', me, m[2]]);
  }
}
