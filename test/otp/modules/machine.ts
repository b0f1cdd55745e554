/**
 * A state machine that does what it is told, with a handler for each state. It keeps what happened to it
 * in `seen`, and reports what nobody asks for: time-outs and its end.
 */
import { exit, type Pid, send, sleep, trapExit } from 'tsvm';
import type { From, GenStatem, Whole } from 'tsvm/gen-statem';

/** What a callback is to do. `give` is its result; `{keep: true}` without it. */
export interface Act {
  readonly give?: Readonly<Record<string, unknown>>;
  readonly raise?: string;
  readonly exit?: unknown;
  readonly throw?: unknown;
  readonly junk?: unknown;
  readonly wait?: number;
}

export interface Data {
  readonly report: Pid;
  /** What happened, as `[state, event, content]`. */
  readonly seen: readonly unknown[];
  /** What the next enter calls are to do. */
  readonly enters: readonly Act[];
  readonly note?: string;
}

export interface Start {
  readonly report: Pid;
  readonly state?: string;
  readonly act?: Act;
  readonly enters?: readonly Act[];
  readonly trap?: boolean;
}

export type Types = {
  states: { a: Data; b: Data; silent: Data };
  init: Start;
  calls: {
    do: (request: { act: Act; id?: unknown }) => unknown;
    seen: () => readonly unknown[];
    own: () => string;
  };
  casts: { do: (request: { act: Act; id?: unknown }) => void };
  internal: { id?: unknown; act?: Act };
  stateTimeout: unknown;
  eventTimeout: unknown;
  timeouts: { x: unknown; y: unknown };
  common: 'do' | 'seen' | 'own' | 'x' | 'y';
};
type Machine = GenStatem<Types>;

// Results are what the tests make of them, also wrong ones.
type Anything = never;

const REPORTED = ['state_timeout', 'event_timeout', 'timeout'];

export async function perform(
  act: Act | undefined,
  state: unknown,
  data: Data,
  [event, content]: readonly [string, unknown],
  from?: From<unknown>,
): Promise<Anything> {
  if (REPORTED.includes(event)) send(data.report, { type: event, state, content });
  const next = { ...data, seen: [...data.seen, [state, event, content]] };
  if (act?.wait !== undefined) await sleep(act.wait);
  if (act?.raise !== undefined) throw new Error(act.raise);
  if (act !== undefined && 'exit' in act) exit(act.exit);
  if (act !== undefined && 'throw' in act) throw filled(act.throw, next, from);
  if (act !== undefined && 'junk' in act) return act.junk as Anything;
  return filled(act?.give ?? { keep: true }, next, from) as Anything;
}

/** The data where it is missing, and who asked in replies that do not say. */
function filled(given: unknown, data: Data, from?: From<unknown>): unknown {
  const { note, actions, ...result } = given as Record<string, unknown>;
  const list = (Array.isArray(actions) ? actions : actions === undefined ? [] : [actions]).map(
    (action) =>
      action !== null && Object.hasOwn(action, 'reply') ? { to: from, ...action } : action,
  );
  return { data: note === undefined ? data : { ...data, note }, ...result, actions: list };
}

export async function performEnter(from: unknown, state: unknown, data: Data): Promise<Anything> {
  const [act, ...enters] = data.enters;
  return perform(act, state, { ...data, enters }, ['enter', from]);
}

export function init({ report, act, state, enters, trap }: Start): Anything {
  if (trap === true) trapExit(true);
  const data: Data = { report, seen: [], enters: enters ?? [] };
  if (act?.raise !== undefined) throw new Error(act.raise);
  if (act !== undefined && 'exit' in act) exit(act.exit);
  if (act !== undefined && 'junk' in act) return act.junk as Anything;
  const given = { state: state ?? 'a', data, ...act?.give };
  if (act !== undefined && 'throw' in act) throw given;
  return given as Anything;
}

export const states: Machine['states'] = {
  a: { enter: (from, data) => performEnter(from, 'a', data) },
  b: {
    enter: (from, data) => performEnter(from, 'b', data),
    call: { own: () => ({ keep: true, reply: 'of b' }) },
  },
  // Without an enter call.
  silent: {},
};

export const common: Machine['common'] = {
  call: {
    do: ({ act, id }, data, from, state) => perform(act, state, data, ['call', id], from),
    seen: (_, data) => ({ keep: true, data: { ...data, seen: [] }, reply: data.seen }),
    own: (_request, _data, _from, state) => ({ keep: true, reply: `of all, in ${state}` }),
  },
  cast: { do: ({ act, id }, data, state) => perform(act, state, data, ['cast', id]) },
  internal: ({ act, id }, data, state) => perform(act, state, data, ['internal', id]),
  stateTimeout: (content, data, state) =>
    perform(actOf(content), state, data, ['state_timeout', content]),
  eventTimeout: (content, data, state) =>
    perform(actOf(content), state, data, ['event_timeout', content]),
  timeout: {
    x: (content, data, state) => perform(actOf(content), state, data, ['timeout', ['x', content]]),
    y: (content, data, state) => perform(actOf(content), state, data, ['timeout', ['y', content]]),
  },
  info: (message, data, state) => perform(actOf(message), state, data, ['info', message]),
};

export function actOf(content: unknown): Act | undefined {
  return (content as { readonly act?: Act } | null | undefined)?.act;
}

export function terminate(reason: unknown, { state, data }: Whole<Types>): void {
  send(data.report, { type: 'terminate', reason, state });
  if (data.note === 'terminate fails') throw new Error('terminate failed');
}

export function codeChange(oldVersion: unknown, whole: Whole<Types>, extra: unknown): Whole<Types> {
  if (extra === 'fail') throw new Error('cannot change');
  return { state: 'b', data: { ...whole.data, note: `from ${String(oldVersion)}` } };
}

export function formatStatus({ state }: Whole<Types>): unknown {
  return { shown: state };
}

/** For `sys.replaceState`. */
export function toState(whole: Whole<Types>, state: 'a' | 'b'): Whole<Types> {
  return { ...whole, state };
}
