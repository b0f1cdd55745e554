/** An event handler that tells what it sees and does what it is told. */
import { exit, type Pid, send, sleep } from 'tsvm';
import type { GenEvent } from 'tsvm/gen-event';

export interface Act {
  readonly on: string;
  readonly give?: Readonly<Record<string, unknown>>;
  readonly raise?: string;
  readonly exit?: unknown;
  readonly throw?: unknown;
  readonly junk?: unknown;
  readonly wait?: number;
}

export type Event = { readonly n?: number; readonly act?: Act } | string;

interface State {
  readonly report: Pid;
  readonly id: string;
  readonly value?: unknown;
}

export type Listener = GenEvent<{
  state: State;
  event: Event;
  init: { report: Pid; id: string; fail?: 'error' | 'raise' | 'junk' };
  calls: { value: () => unknown; act: (request: { act: Act }) => unknown };
}>;

// Results are what the tests make of them, also wrong ones.
type Anything = never;

export const init: Listener['init'] = ({ report, id, fail }, before) => {
  if (fail === 'error') return { error: 'no' };
  if (fail === 'raise') throw new Error('init failed');
  if (fail === 'junk') return 'junk' as Anything;
  send(report, { type: 'init', id, before });
  return { state: { report, id } };
};

async function perform(act: Act | undefined, state: State, result: object): Promise<Anything> {
  if (act === undefined || act.on !== state.id) return { state, ...result } as Anything;
  if (act.wait !== undefined) await sleep(act.wait);
  if (act.raise !== undefined) throw new Error(act.raise);
  if ('exit' in act) exit(act.exit);
  if ('throw' in act) throw { state: { ...state, value: act.throw } };
  if ('junk' in act) return act.junk as Anything;
  return { state, ...result, ...act.give } as Anything;
}

export const handleEvent: Listener['handleEvent'] = (event, state) => {
  const { act, n } = typeof event === 'string' ? {} : event;
  send(state.report, { type: 'event', id: state.id, n });
  return perform(act, state, {});
};

export const handleCall: Listener['handleCall'] = {
  value: (_, state) => ({ reply: state.value, state }),
  act: ({ act }, state) => perform(act, state, { reply: 'done' }),
};

export function handleInfo(message: unknown, state: State): { state: State } {
  send(state.report, { type: 'info', id: state.id, message });
  return { state };
}

export function terminate(why: unknown, state: State): unknown {
  send(state.report, { type: 'terminate', id: state.id, why });
  if (why === 'fail') throw new Error('terminate failed');
  return `${state.id} ended`;
}

export function codeChange(oldVersion: unknown, state: State, extra: unknown): State {
  if (extra === state.id) throw new Error('cannot change');
  return { ...state, value: ['changed', oldVersion] };
}

export const formatStatus: Listener['formatStatus'] = ({ id }) => ({ shown: id });
