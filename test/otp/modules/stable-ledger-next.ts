/** The next version of stable-ledger: another state, and another form of the changes. */

import type { StableServer } from 'tsvm/stable-server';
import type { Booked, Ledger } from './stable-ledger.js';

interface Sums {
  readonly euros: number;
  readonly count: number;
}

interface Added {
  readonly type: 'added';
  readonly euros: number;
}

type Server = StableServer<{
  state: Sums;
  change: Added;
  calls: { get: () => Sums; add: (request: { euros: number }) => string };
}>;

export const version = 2;

export const init: Server['init'] = (_, kept) => ({ state: kept ?? { euros: 0, count: 0 } });

export const apply: Server['apply'] = (state, { euros }) => ({
  euros: state.euros + euros,
  count: state.count + 1,
});

export const upcast: Server['upcast'] = ({ cents }: Booked, from) => ({
  type: 'added',
  euros: from === 1 ? cents / 100 : cents,
});

export const codeChange: Server['codeChange'] = (_from: number, { total, count }: Ledger) => ({
  euros: total / 100,
  count,
});

export const handleCall: Server['handleCall'] = {
  get: (_, state) => ({ reply: state }),
  add: ({ euros }) => ({ reply: 'added', changes: [{ type: 'added', euros }] }),
};
