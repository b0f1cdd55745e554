/**
 * Processes of test/vm/stable-server.test.ts: they change the states of servers until the machine is killed, and say
 * what was acknowledged.
 */

import { writeSync } from 'node:fs';
import { spawnOpt } from 'tsvm';
import { call, stop } from 'tsvm/gen-server';
import { start } from 'tsvm/stable-server';
import * as ledger from './stable-ledger.js';
import * as wallet from './stable-wallet.js';

const STDOUT = 1;

export async function load(): Promise<void> {
  spawnOpt({ scheduler: 1 }, paying);
  spawnOpt({ scheduler: 2 }, booking, 'durable', 7);
  spawnOpt({ scheduler: 2 }, booking, 'relaxed', 1000);
}

export async function paying(): Promise<void> {
  const pid = await start(wallet, 'wallet', 'ann');
  for (;;) {
    const cents = await call(pid, { type: 'payInPlace', by: 1 });
    writeSync(STDOUT, `wallet ${cents}\n`);
  }
}

export async function booking(
  durability: 'durable' | 'relaxed',
  snapshotEvery: number,
): Promise<void> {
  const pid = await start(ledger, durability, undefined, { durability, snapshotEvery });
  for (;;) {
    await call(pid, { type: 'book', cents: 3, times: 2 });
    const { count } = await call(pid, { type: 'get' });
    writeSync(STDOUT, `${durability} ${count}\n`);
  }
}

/** What is there, and what does not fit together. */
export async function check(): Promise<{ last: Record<string, number>; problems: string[] }> {
  const problems: string[] = [];
  const purse = await start(wallet, 'wallet', 'ann');
  const { cents, log } = await call(purse, { type: 'get' });
  if (log.length !== cents + 1) problems.push(`the wallet has ${cents} of ${log.length - 1}`);
  await stop(purse);
  const last: Record<string, number> = { wallet: cents };
  for (const durability of ['durable', 'relaxed'] as const) {
    const book = await start(ledger, durability);
    const { total, count } = await call(book, { type: 'get' });
    if (total !== 3 * count) problems.push(`${durability}: ${total} of ${count} changes`);
    if (count % 2 !== 0) problems.push(`${durability}: half of a result`);
    last[durability] = count;
    await stop(book);
  }
  return { last, problems };
}
