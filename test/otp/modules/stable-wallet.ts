/** A server of test/vm/stable-server.test.ts, kept as a whole after each change. */

import { exit } from 'tsvm';
import type { StableServer } from 'tsvm/stable-server';

export interface Wallet {
  cents: number;
  readonly log: string[];
}

type Server = StableServer<{
  state: Wallet;
  init: string;
  calls: {
    get: () => Wallet;
    pay: (request: { by: number }) => number;
    payInPlace: (request: { by: number }) => number;
    fail: (request: { by: number }) => never;
    payAndStop: (request: { by: number }) => string;
  };
  casts: { bonus: (request: { by: number }) => void };
  info: { type: 'tip'; by: number };
  continue: 'interest';
}>;

export const version = 1;

export const init: Server['init'] = (name, kept) => ({ state: kept ?? { cents: 0, log: [name] } });

const paid = (state: Wallet, by: number): Wallet => ({ ...state, cents: state.cents + by });

export const handleCall: Server['handleCall'] = {
  get: (_, state) => ({ reply: state, state }),
  pay({ by }, state) {
    const next = paid(state, by);
    return { reply: next.cents, state: next };
  },
  payInPlace({ by }, state) {
    state.cents += by;
    state.log.push(String(by));
    return { reply: state.cents, state };
  },
  fail({ by }, state) {
    state.cents += by;
    return exit('failed');
  },
  payAndStop: ({ by }, state) => ({ stop: 'normal', reply: 'stopped', state: paid(state, by) }),
};

export const handleCast: Server['handleCast'] = {
  bonus: ({ by }, state) => ({ state: paid(state, by), continue: 'interest' }),
};

export const handleInfo: Server['handleInfo'] = (message, state) => ({
  state: message === 'timeout' ? state : paid(state, message.by),
});

export const handleContinue: Server['handleContinue'] = (_, state) => ({ state: paid(state, 1) });
