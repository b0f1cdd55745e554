/**
 * ring: how fast does a token go round, with few and with many processes?
 *
 * Token `['token', k]`, passed on as `['token', k - 1]`; the process that takes k = 0 tells the
 * main process. `1k`: 1,000 processes; `100k`: 100,000, which no cache holds; `1k_alternating`:
 * process i pinned to i mod 2, so that every hop crosses. One full round and the building are not
 * measured.
 *
 * Does not show: parallelism; there is one runnable process at any time.
 *
 * Floor: generators in a ring that hand the token on without a copy.
 */
import { type Pid, receive, self, send, spawn, spawnOpt } from 'tsvm';
import type { Measured, Params } from '../sampling.js';
import { slot } from './slot.js';

type Hop = readonly ['token', number] | 'stop';
type First = Hop | readonly ['next', Pid<Hop>];
type Told = 'done' | 'stopped';

export async function body(variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const processes = params['processes'] ?? 0;
  const main = self<Told>();
  const pinned = variant === '1k_alternating';
  const start0: Pid<First> = pinned
    ? spawnOpt({ scheduler: slot(1) }, first, main)
    : spawn(first, main);
  let next: Pid<Hop> = start0;
  for (let i = 1; i < processes; i++) {
    next = pinned
      ? spawnOpt({ scheduler: slot((i % 2) + 1) }, member, next, main)
      : spawn(member, next, main);
  }
  send(start0, ['next', next]);
  await pass(start0, processes);
  const start = performance.now();
  await pass(start0, n);
  const us = (performance.now() - start) * 1000;
  send(start0, 'stop');
  await receive((m: Told) => m === 'stopped');
  return { ops: n, us };
}

async function pass(to: Pid<First>, k: number): Promise<void> {
  send(to, ['token', k]);
  await receive((m: Told) => m === 'done');
}

/** The first process learns its neighbour last, and is the one that `stop` comes back to. */
export async function first(main: Pid<Told>): Promise<void> {
  const m = await receive((message: First) => message[0] === 'next');
  await member(m[1] as Pid<Hop>, main);
  await receive((message: First) => message === 'stop');
  send(main, 'stopped');
}

export async function member(next: Pid<Hop>, main: Pid<Told>): Promise<void> {
  for (;;) {
    const m = await receive<Hop>();
    if (m === 'stop') return send(next, 'stop');
    const k = m[1];
    if (k === 0) send(main, 'done');
    else send(next, ['token', k - 1]);
  }
}
