/** A gen-server that does what it is told: every callback is given what to do, as data. */
import { exit, type Pid, send, sleep, trapExit } from 'tsvm';
import type { From, GenServer } from 'tsvm/gen-server';

export interface State {
  readonly report: Pid;
  readonly value: unknown;
}

/** What a callback is to do. `give` is its result, with the state filled in where it is missing. */
export interface Act {
  readonly give?: Readonly<Record<string, unknown>>;
  readonly raise?: string;
  readonly exit?: unknown;
  readonly throw?: unknown;
  readonly trap?: boolean;
  readonly wait?: number;
  /** Send the `from` of the call to the reporter. */
  readonly hand?: boolean;
  /** Return something that is no result. */
  readonly junk?: unknown;
}

// Results are what the tests make of them, also wrong ones.
type Anything = never;

async function perform(act: Act, state: State, from?: From<unknown>): Promise<Anything> {
  if (act.wait !== undefined) await sleep(act.wait);
  if (act.hand === true) send(state.report, { type: 'from', from });
  if (act.raise !== undefined) throw new Error(act.raise);
  if (act.exit !== undefined) {
    exit(act.exit);
  }
  if ('throw' in act) throw filled(act.throw, state);
  if ('junk' in act) return act.junk as Anything;
  return filled(act.give ?? {}, state) as Anything;
}

function filled(result: unknown, state: State): unknown {
  if (typeof result !== 'object' || result === null) return result;
  const { value, ...rest } = result as Record<string, unknown>;
  return { state: value === undefined ? state : { ...state, value }, ...rest };
}

export async function init({ report, act }: { report: Pid; act?: Act }): Promise<Anything> {
  send(report, { type: 'init' });
  if (act?.trap === true) trapExit(true);
  const state: State = { report, value: 0 };
  if (act?.give !== undefined && ('stop' in act.give || 'ignore' in act.give)) {
    return act.give as Anything;
  }
  return perform(act ?? {}, state);
}

export type Actor = GenServer<{
  state: State;
  calls: { do: (request: { readonly act: Act }) => unknown; value: () => unknown };
  casts: { do: (request: { readonly act: Act }) => void };
}>;

export const handleCall: Actor['handleCall'] = {
  do: ({ act }, state, from) => perform(act, state, from),
  value: (_, state) => ({ reply: state.value, state }),
};

export const handleCast: Actor['handleCast'] = {
  do: ({ act }, state) => perform(act, state),
};

export function handleInfo(message: unknown, state: State): Promise<Anything> | Anything {
  send(state.report, { type: 'info', message });
  const { act } = (message ?? {}) as { act?: Act };
  return perform(act ?? {}, state) as Anything;
}

export function handleContinue(argument: unknown, state: State): Promise<Anything> {
  send(state.report, { type: 'continue', argument });
  return perform((argument as { act?: Act })?.act ?? {}, state);
}

export function terminate(reason: unknown, state: State): void {
  send(state.report, { type: 'terminate', reason, value: state.value });
  if (state.value === 'terminate fails') throw new Error('terminate failed');
}

export function codeChange(oldVersion: unknown, state: State, extra: unknown): State {
  if (extra === 'fail') throw new Error('cannot change');
  return { ...state, value: ['changed', oldVersion, extra] };
}

export function formatStatus(state: State): unknown {
  return { shown: state.value };
}

/** For `sys.replaceState`. */
export function replaceValue(state: State, value: unknown): State {
  if (value === 'fail') throw new Error('cannot replace');
  return { ...state, value };
}

/** For `sys.install`. */
export function count(seen: { report: Pid; n: number }, event: { type: string }): unknown {
  send(seen.report, { type: 'seen', event: event.type });
  return seen.n === 1 ? 'done' : { ...seen, n: seen.n - 1 };
}
