/**
 * ping_pong_cross: what does a round trip between two schedulers cost when nobody else is there?
 *
 * As ping_pong_local, the client pinned to scheduler 1 and the server to 2. The rate is without
 * clock reads; the latencies come from a second pass that times each round trip.
 *
 * Does not show: throughput; each side waits for the other, so nothing can be batched. With fewer
 * free cores than schedulers it shows how long the system takes to wake a thread.
 *
 * Floor: two threads and a raw MessagePort.
 */
import { type Pid, receive, self, send, spawnOpt } from 'tsvm';
import type { Measured, Params, Values } from '../sampling.js';
import { addLatency, latencyUs, newHistogram } from './histogram.js';
import { type Ping, type Pong, serve, trips } from './ping-pong-local.js';
import { slot } from './slot.js';

export async function body(_variant: string, params: Params): Promise<Measured> {
  const server: Pid<Ping> = spawnOpt({ scheduler: slot(2) }, serve);
  spawnOpt({ scheduler: slot(1) }, client, server, params, self<Measured>());
  return receive<Measured>();
}

export async function client(
  server: Pid<Ping>,
  params: Params,
  parent: Pid<Measured>,
): Promise<void> {
  const n = params['n'] ?? 0;
  await trips(server, params['warm'] ?? 0);
  const start = performance.now();
  await trips(server, n);
  const us = (performance.now() - start) * 1000;
  send(server, 'stop');
  send(parent, { ops: n, us });
}

export async function latencies(_variant: string, params: Params): Promise<Values> {
  const server: Pid<Ping> = spawnOpt({ scheduler: slot(2) }, serve);
  spawnOpt({ scheduler: slot(1) }, timingClient, server, params, self<Values>());
  return receive<Values>();
}

export async function timingClient(
  server: Pid<Ping>,
  params: Params,
  parent: Pid<Values>,
): Promise<void> {
  const me = self<Pong>();
  const histogram = newHistogram();
  await trips(server, params['warm'] ?? 0);
  let i = params['n'] ?? 0;
  const isPong = (m: Pong): boolean => m[0] === 'pong' && m[1] === server && m[2] === i;
  for (; i > 0; i--) {
    const start = performance.now();
    send(server, ['ping', me, i]);
    await receive(isPong);
    addLatency(histogram, performance.now() - start);
  }
  send(server, 'stop');
  send(parent, { p50: latencyUs(histogram, 50), p99: latencyUs(histogram, 99) });
}
