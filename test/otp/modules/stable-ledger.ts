/** A server of test/vm/stable-server.test.ts, kept as a journal of changes. */

import type { StableServer } from 'tsvm/stable-server';

export interface Ledger {
  readonly total: number;
  readonly count: number;
}

export interface Booked {
  readonly type: 'booked';
  readonly cents: number;
}

type Server = StableServer<{
  state: Ledger;
  change: Booked;
  calls: {
    get: () => Ledger;
    book: (request: { cents: number; times: number }) => string;
    bookAndStop: (request: { cents: number }) => string;
    wrong: () => string;
  };
  casts: { gift: (request: { cents: number }) => void };
}>;

export const version = 1;

export const init: Server['init'] = (_, kept) => ({ state: kept ?? { total: 0, count: 0 } });

export const apply: Server['apply'] = (state, { cents }) => ({
  total: state.total + cents,
  count: state.count + 1,
});

export const handleCall: Server['handleCall'] = {
  get: (_, state) => ({ reply: state }),
  book({ cents, times }, state) {
    const changes = Array.from({ length: times }, (): Booked => ({ type: 'booked', cents }));
    return { reply: `after ${state.count}`, changes };
  },
  bookAndStop: ({ cents }) => ({
    stop: 'normal',
    reply: 'stopped',
    changes: [{ type: 'booked', cents }],
  }),
  wrong: (_, state) => ({ reply: '', state }) as never,
};

export const handleCast: Server['handleCast'] = {
  gift: ({ cents }) => ({ changes: [{ type: 'booked', cents }] }),
};
