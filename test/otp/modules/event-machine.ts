/** As `machine.ts`, with one function for all states; a state is any data: `{name, n}`. */
import { type Pid, send } from 'tsvm';
import type { GenStatem, StatemEvent, Whole } from 'tsvm/gen-statem';
import { type Act, actOf, type Data, perform, performEnter } from './machine.js';

export interface State {
  readonly name: string;
  readonly n: number;
}

export type Types = {
  state: State;
  data: Data;
  init: { report: Pid; act?: Act };
  calls: {
    do: (request: { act: Act; id?: unknown }) => unknown;
    seen: () => readonly unknown[];
    own: () => string;
  };
  casts: { do: (request: { act: Act; id?: unknown }) => void };
  internal: { id?: unknown; act?: Act };
  stateTimeout: unknown;
  eventTimeout: unknown;
  timeouts: { x: unknown };
};
type Machine = GenStatem<Types>;

export const init: Machine['init'] = ({ report, act }) =>
  ({
    state: { name: 'a', n: 0 },
    data: { report, seen: [], enters: [] },
    ...act?.give,
  }) as never;

// What it gives is what the tests make of it, so no type can be asked for.
export function handleEvent(
  event: StatemEvent<Types>,
  state: State,
  data: Data,
): never | Promise<never> {
  switch (event.type) {
    case 'call':
      if (event.name === 'seen') {
        return {
          keep: true,
          data: { ...data, seen: [] },
          actions: { to: event.from, reply: data.seen },
        } as never;
      }
      if (event.name === 'own') return { keep: true, reply: `in ${state.name}` } as never;
      return perform(event.request.act, state, data, ['call', event.request.id], event.from);
    case 'cast':
      return perform(event.request.act, state, data, ['cast', event.request.id]);
    case 'internal':
      return perform(event.content.act, state, data, ['internal', event.content.id]);
    case 'timeout':
      return perform(actOf(event.content), state, data, ['timeout', [event.name, event.content]]);
    case 'info':
      return perform(actOf(event.message), state, data, ['info', event.message]);
    default:
      return perform(actOf(event.content), state, data, [event.type, event.content]);
  }
}

export const handleEnter: Machine['handleEnter'] = (from, state, data) =>
  performEnter(from, state, data);

export function terminate(reason: unknown, { state, data }: Whole<Types>): void {
  send(data.report, { type: 'terminate', reason, state });
}
