/**
 * Types of servers whose state is kept, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one.
 */

import { call, type Server } from 'tsvm/gen-server';
import { type StableServer, start } from 'tsvm/stable-server';
import * as me from './stable-server.js';

type Ledger = StableServer<{
  state: { readonly total: number };
  init: string;
  change: { readonly cents: number };
  calls: { book: (request: { cents: number }) => number };
  casts: { gift: (request: { cents: number }) => void };
}>;

export const version = 1;

export const init: Ledger['init'] = (name, kept) => ({ state: kept ?? { total: name.length } });

export const apply: Ledger['apply'] = ({ total }, { cents }) => ({ total: total + cents });

export const handleCall: Ledger['handleCall'] = {
  book: ({ cents }, { total }) => ({ reply: total + cents, changes: [{ cents }] }),
};

export const handleCast: Ledger['handleCast'] = { gift: ({ cents }) => ({ changes: [{ cents }] }) };

/** The request decides the reply, as with gen-server. */
export async function uses(): Promise<void> {
  const server: Server<typeof me> = await start(me, 'one', 'ann', { snapshotEvery: 10 });
  const sum: number = await call(server, { type: 'book', cents: 1 });
  void sum;
  // @ts-expect-error there is no such request
  await call(server, { type: 'take' });
  // @ts-expect-error the reply is a number
  const text: string = await call(server, { type: 'book', cents: 1 });
  void text;
  // @ts-expect-error init wants a name
  await start(me, 'one');
  // @ts-expect-error and text it is
  await start(me, 'one', 5);
  // @ts-expect-error it is durable or relaxed
  await start(me, 'one', 'ann', { durability: 'never' });
  // @ts-expect-error a module without a version
  await start({ init: () => ({ state: 1 }) }, 'one');
}

export const wrong: Ledger['handleCall'] = {
  // @ts-expect-error where changes are kept, a callback gives no state
  book: ({ cents }, { total }) => ({ reply: 1, state: { total: total + cents } }),
};

export const wrongChange: Ledger['handleCast'] = {
  // @ts-expect-error a change has cents
  gift: () => ({ changes: [{ euros: 1 }] }),
};

type Whole = StableServer<{ state: number; calls: { get: () => number } }>;

export const whole: Whole['handleCall'] = { get: (_, n) => ({ reply: n, state: n }) };
export const wholeInit: Whole['init'] = (_, kept: number | undefined) => ({ state: kept ?? 0 });
export const wholeWrong: Whole['handleCall'] = {
  // @ts-expect-error where the state is kept as a whole there are no changes
  get: (_, n) => ({ reply: n, changes: [n] }),
};
