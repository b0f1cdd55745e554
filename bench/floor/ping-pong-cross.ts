/** Floor of ping_pong_cross: two threads and a raw port. */
import type { Worker } from 'node:worker_threads';
import type { Measured, Params, Values } from '../sampling.js';
import { addLatency, latencyUs, newHistogram } from '../workloads/histogram.js';
import { untilDone, withPeer } from './threads.js';

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  return withPeer('echo', async (peer) => {
    await trips(peer, params['warm'] ?? 0);
    const before = performance.now();
    await trips(peer, n);
    return { ops: n, us: (performance.now() - before) * 1000 };
  });
}

export async function latencies(_variant: string, params: Params): Promise<Values> {
  return withPeer('echo', async (peer) => {
    const histogram = newHistogram();
    await trips(peer, params['warm'] ?? 0);
    await trips(peer, params['n'] ?? 0, (ms) => addLatency(histogram, ms));
    return { p50: latencyUs(histogram, 50), p99: latencyUs(histogram, 99) };
  });
}

function trips(peer: Worker, n: number, tell?: (ms: number) => void): Promise<void> {
  let left = n;
  let before = 0;
  return untilDone(peer, (message) => {
    if (message !== undefined) {
      left--;
      tell?.(performance.now() - before);
    }
    if (left === 0) return true;
    if (tell !== undefined) before = performance.now();
    peer.postMessage(['ping', left]);
    return false;
  });
}
