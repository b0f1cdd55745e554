/** Floor of throughput_cross: one `postMessage` a message, with the same credit. */
import type { Measured, Params } from '../sampling.js';
import { untilDone, withPeer } from './threads.js';

const CREDIT = 1_000;

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  return withPeer('consume', async (peer) => {
    let toSend = n;
    let acknowledged = 0;
    let credit = CREDIT;
    const before = performance.now();
    await untilDone(peer, (message) => {
      if (message !== undefined) {
        const [, more] = message as readonly ['credit', number];
        credit += more;
        acknowledged += more;
      }
      for (; credit > 0 && toSend > 0; credit--) peer.postMessage(['msg', toSend--]);
      return acknowledged === n;
    });
    return { ops: n, us: (performance.now() - before) * 1000 };
  });
}
