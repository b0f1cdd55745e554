/** The floor between threads: one Worker, its raw port, one `postMessage` a message. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export type Role = 'echo' | 'consume' | 'acknowledge' | 'rows';

/** The consumer gives so much credit back at a time. */
export const CREDIT_RETURNED = 500;

/** Run `work` against a second thread in that role, which ends afterwards. */
export async function withPeer<T>(role: Role, work: (peer: Worker) => Promise<T>): Promise<T> {
  const peer = new Worker(new URL('./peer.js', import.meta.url), { workerData: role });
  await once(peer, 'online');
  try {
    return await work(peer);
  } finally {
    await peer.terminate();
  }
}

/** Call `step` now and after each message of the peer until it says that it is done. */
export function untilDone(peer: Worker, step: (message?: unknown) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const take = (message?: unknown): void => {
      if (!step(message)) return;
      peer.off('message', take);
      peer.off('error', reject);
      resolve();
    };
    peer.on('message', take);
    peer.on('error', reject);
    take();
  });
}
