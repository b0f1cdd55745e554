/**
 * crash_isolation: how fast do failures reach who watches, and do the others go on?
 *
 * A collector that traps exits spawns n linked workers and sends `go` to all; every tenth fails with an
 * error, the others go on waiting. Clock: first `go` to the last `EXIT` of those that fail, each with
 * its stack. Not measured but checked: all others answer, then end with `normal`, and the mailbox is empty.
 *
 * Does not show: what the crash reports cost where somebody reads them.
 */
import { type Exit, type Pid, receive, self, send, spawnLink, TIMEOUT, trapExit } from 'tsvm';
import type { Measured, Params } from '../sampling.js';

type Order = 'go' | 'stop' | readonly ['ask', Pid<'here'>];

const FAILS_EVERY = 10;

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const workers = n * FAILS_EVERY;
  trapExit(true);
  const pids: Pid<Order>[] = [];
  for (let i = 0; i < workers; i++) pids.push(spawnLink(worker, i));
  const begin = performance.now();
  for (const pid of pids) send(pid, 'go');
  const failed = new Set<Pid>();
  while (failed.size < n) {
    const { from, reason } = await receive<Exit>();
    const { message, stack } = reason as { message?: string; stack?: string };
    if (!message?.startsWith('worker') || !stack) throw new Error('not the failure of a worker');
    failed.add(from);
  }
  const us = (performance.now() - begin) * 1000;
  await checkOthers(pids.filter((pid) => !failed.has(pid as unknown as Pid)));
  return { ops: n, us };
}

async function checkOthers(pids: readonly Pid<Order>[]): Promise<void> {
  for (const pid of pids) send(pid, ['ask', self<'here'>()]);
  for (let left = pids.length; left > 0; left--) await receive((m) => m === 'here');
  for (const pid of pids) send(pid, 'stop');
  for (let left = pids.length; left > 0; left--) {
    const { reason } = await receive<Exit>();
    if (reason !== 'normal') throw new Error('a worker did not end in order');
  }
  if ((await receive(undefined, 0)) !== TIMEOUT) throw new Error('the mailbox is not empty');
}

export async function worker(i: number): Promise<void> {
  for (;;) {
    const order = await receive<Order>();
    if (order === 'stop') return;
    if (order !== 'go') send(order[1], 'here');
    else if (i % FAILS_EVERY === 0) throw new Error(`worker ${i}`);
  }
}
