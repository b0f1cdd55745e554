/** The smallest state machine: a door that is pushed open and shut. */
import type { GenStatem } from 'tsvm/gen-statem';

type Door = GenStatem<{
  states: { open: undefined; closed: undefined };
  calls: { push: () => 'open' | 'closed' };
}>;

export const init: Door['init'] = () => ({ state: 'closed', data: undefined });

export const states: Door['states'] = {
  open: { call: { push: () => ({ next: 'closed', data: undefined, reply: 'closed' }) } },
  closed: { call: { push: () => ({ next: 'open', data: undefined, reply: 'open' }) } },
};
