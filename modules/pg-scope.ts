/**
 * The server of a scope: groups, their members, and who watches them.
 *
 * Invariants:
 *  1. A process is monitored, once, while it is in any group or watches any; so the end of one takes it
 *     out of everything.
 *  2. Who watches is sent every change after the answer to `monitor`, in order, and none before it.
 *  3. A group without members does not exist.
 *
 * Source: OTP, module `pg`.
 */

import { demonitor, type From, log, makeRef, monitor, type Pid, type Ref, send } from 'tsvm';
import type { CallResult, InitResult, Result } from './gen-server-types.js';
import { presentable } from './reasons.js';

interface Group {
  readonly group: unknown;
  /** How often each has joined, in the order of the first time. */
  readonly members: Map<Pid, number>;
}

interface Watch {
  readonly ref: Ref;
  readonly pid: Pid;
  /** Of one group; undefined: of all. */
  readonly text: string | undefined;
}

/** A process that is in a group, or watches one. */
interface Known {
  readonly monitor: Ref;
  readonly groups: Set<string>;
  readonly watches: Set<Ref>;
}

/** Lives within the process; changed in place. */
interface State {
  readonly scope: string;
  readonly groups: Map<string, Group>;
  readonly known: Map<Pid, Known>;
  readonly watches: Map<Ref, Watch>;
  /** The watches of one group, by its text, also of one that is empty. */
  readonly ofGroup: Map<string, Set<Ref>>;
  /** The watches of the scope. */
  readonly ofScope: Set<Ref>;
}

type Answered<R> = CallResult<R, State>;

/** A group, by its value and by the text that stands for it. */
interface Named {
  readonly group: unknown;
  readonly text: string;
}

export interface GroupMembers {
  readonly group: unknown;
  readonly members: readonly Pid[];
}

export function init(scope: string): InitResult<State> {
  const state: State = {
    scope,
    groups: new Map(),
    known: new Map(),
    watches: new Map(),
    ofGroup: new Map(),
    ofScope: new Set(),
  };
  return { state };
}

export const handleCall = {
  join(
    { group, text, pids }: Named & { readonly pids: readonly Pid[] },
    state: State,
  ): Answered<'ok'> {
    if (pids.length === 0) return { reply: 'ok', state };
    let joined = state.groups.get(text);
    if (joined === undefined) {
      joined = { group, members: new Map() };
      state.groups.set(text, joined);
    }
    for (const pid of pids) {
      joined.members.set(pid, (joined.members.get(pid) ?? 0) + 1);
      knownAs(state, pid).groups.add(text);
    }
    tell(state, 'join', { group, text }, pids);
    return { reply: 'ok', state };
  },

  leave(
    { text, pids }: Omit<Named, 'group'> & { readonly pids: readonly Pid[] },
    state: State,
  ): Answered<boolean> {
    const left = pids.filter((pid) => takeOut(state, text, pid, 1) > 0);
    settle(state, text, left);
    return { reply: left.length > 0, state };
  },

  members({ text }: Omit<Named, 'group'>, state: State): Answered<readonly Pid[]> {
    return { reply: membersOf(state.groups.get(text)), state };
  },

  groups(_: unknown, state: State): Answered<readonly unknown[]> {
    return { reply: Array.from(state.groups.values(), ({ group }) => group), state };
  },

  monitor(
    { text }: Omit<Named, 'group'>,
    state: State,
    { pid }: From<{ readonly ref: Ref; readonly members: readonly Pid[] }>,
  ): Answered<{ readonly ref: Ref; readonly members: readonly Pid[] }> {
    const ref = watch(state, pid, text);
    return { reply: { ref, members: membersOf(state.groups.get(text)) }, state };
  },

  monitorScope(
    _: unknown,
    state: State,
    { pid }: From<{ readonly ref: Ref; readonly groups: readonly GroupMembers[] }>,
  ): Answered<{ readonly ref: Ref; readonly groups: readonly GroupMembers[] }> {
    const ref = watch(state, pid, undefined);
    const groups = Array.from(state.groups.values(), (each) => ({
      group: each.group,
      members: membersOf(each),
    }));
    return { reply: { ref, groups }, state };
  },

  /** Of the caller's own watches. */
  demonitor(
    { ref }: { readonly ref: Ref },
    state: State,
    { pid }: From<boolean>,
  ): Answered<boolean> {
    const isOwn = state.watches.get(ref)?.pid === pid;
    if (isOwn) unwatch(state, ref);
    return { reply: isOwn, state };
  },
};

export function handleInfo(
  message: { readonly type: 'DOWN'; readonly target: Pid },
  state: State,
): Result<State> {
  const known = message?.type === 'DOWN' ? state.known.get(message.target) : undefined;
  if (known === undefined) {
    log.warning(`pg ${state.scope}: a message that nobody handles`, {
      domain: ['otp'],
      message: presentable(message),
    });
    return { state };
  }
  const { target: pid } = message;
  for (const ref of [...known.watches]) unwatch(state, ref);
  for (const text of [...known.groups]) {
    const times = takeOut(state, text, pid, Number.POSITIVE_INFINITY);
    settle(state, text, new Array<Pid>(times).fill(pid));
  }
  return { state };
}

/** What a report shows of the state. */
export function formatStatus({ scope, groups, known, watches }: State): unknown {
  return { scope, groups: groups.size, processes: known.size, watches: watches.size };
}

// ---- members ------------------------------------------------------------------------------------

function membersOf(group: Group | undefined): Pid[] {
  const members: Pid[] = [];
  for (const [pid, times] of group?.members ?? []) {
    for (let time = 0; time < times; time++) members.push(pid);
  }
  return members;
}

/** @returns how often it was taken out */
function takeOut(state: State, text: string, pid: Pid, timesMax: number): number {
  const members = state.groups.get(text)?.members;
  const times = members?.get(pid) ?? 0;
  const out = Math.min(times, timesMax);
  if (out < times) members?.set(pid, times - out);
  else if (members?.delete(pid) === true) {
    state.known.get(pid)?.groups.delete(text);
    forgetIdle(state, pid);
  }
  return out;
}

/** After some have left: tell, and forget the group if it is empty. */
function settle(state: State, text: string, left: readonly Pid[]): void {
  const group = state.groups.get(text);
  if (group === undefined || left.length === 0) return;
  if (group.members.size === 0) state.groups.delete(text);
  tell(state, 'leave', { group: group.group, text }, left);
}

// ---- who is known -------------------------------------------------------------------------------

function knownAs(state: State, pid: Pid): Known {
  let known = state.known.get(pid);
  if (known === undefined) {
    known = { monitor: monitor(pid), groups: new Set(), watches: new Set() };
    state.known.set(pid, known);
  }
  return known;
}

function forgetIdle(state: State, pid: Pid): void {
  const known = state.known.get(pid);
  if (known === undefined || known.groups.size > 0 || known.watches.size > 0) return;
  state.known.delete(pid);
  demonitor(known.monitor, { flush: true });
}

// ---- watching -----------------------------------------------------------------------------------

function watch(state: State, pid: Pid, text: string | undefined): Ref {
  const ref = makeRef();
  state.watches.set(ref, { ref, pid, text });
  knownAs(state, pid).watches.add(ref);
  if (text === undefined) state.ofScope.add(ref);
  else {
    const refs = state.ofGroup.get(text) ?? new Set<Ref>();
    state.ofGroup.set(text, refs.add(ref));
  }
  return ref;
}

function unwatch(state: State, ref: Ref): void {
  const { pid, text } = state.watches.get(ref) as Watch;
  state.watches.delete(ref);
  state.ofScope.delete(ref);
  const refs = text === undefined ? undefined : state.ofGroup.get(text);
  refs?.delete(ref);
  if (text !== undefined && refs?.size === 0) state.ofGroup.delete(text);
  state.known.get(pid)?.watches.delete(ref);
  forgetIdle(state, pid);
}

function tell(
  state: State,
  type: 'join' | 'leave',
  { group, text }: Named,
  pids: readonly Pid[],
): void {
  for (const refs of [state.ofGroup.get(text) ?? [], state.ofScope]) {
    for (const ref of refs) {
      const { pid } = state.watches.get(ref) as Watch;
      send(pid, { type, ref, group, pids });
    }
  }
}
