/** Floor of big_message: V8's own clone of the maps, shared memory, and transfer, over a raw port. */
import type { Worker } from 'node:worker_threads';
import type { Measured, Params } from '../sampling.js';
import { maps100 } from '../workloads/big-term.js';
import { untilDone, withPeer } from './threads.js';

const UNACKNOWLEDGED = 16;
const MEBIBYTE = 1 << 20;

export async function body(variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  return withPeer('acknowledge', async (peer) => {
    const post = posting(variant, peer);
    let toSend = n;
    let unacknowledged = 0;
    const before = performance.now();
    await untilDone(peer, (message) => {
      if (message !== undefined) unacknowledged--;
      for (; unacknowledged < UNACKNOWLEDGED && toSend > 0; unacknowledged++) post(toSend--);
      return toSend === 0 && unacknowledged === 0;
    });
    return { ops: n, us: (performance.now() - before) * 1000 };
  });
}

function posting(variant: string, peer: Worker): (i: number) => void {
  if (variant === 'bin1m_fresh') {
    return (i) => {
      const bytes = new Uint8Array(MEBIBYTE).fill(i & 255);
      peer.postMessage(['big', bytes], [bytes.buffer]);
    };
  }
  const term =
    variant === 'bin1m_shared' ? new Uint8Array(new SharedArrayBuffer(MEBIBYTE)) : maps100();
  return () => peer.postMessage(['big', term]);
}
