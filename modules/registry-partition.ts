/**
 * A partition of a registry: the process that keeps the entries of some of its keys.
 *
 * All entries of a key are here, so who asks for a unique key first has it, wherever it runs. The
 * partition is linked to every process that it has an entry of: the end of one removes its entries, and
 * if the partition ends they end too, so that nobody believes to be registered who is not.
 *
 * Invariants:
 *  1. An entry is in `byKey` if and only if its key is in `byPid` of its process.
 *  2. A unique key has one entry at most, and is refused only in favour of a process that lives.
 *  3. The partition is linked to exactly the processes in `byPid`.
 *
 * Source: Elixir, module `Registry`, `Registry.Partition`.
 */

import { type From, isAlive, link, log, type Pid, send, trapExit, unlink } from 'tsvm';
import type { CallResult, InitResult, Result } from './gen-server-types.js';
import { fits } from './pattern.js';
import { presentable } from './reasons.js';
import type { Registered } from './via.js';

/** What a listener is told. */
export type RegistryEvent<K = unknown, V = unknown> =
  | {
      readonly type: 'register';
      readonly registry: string;
      readonly key: K;
      readonly pid: Pid;
      readonly value: V;
    }
  | {
      readonly type: 'unregister';
      readonly registry: string;
      readonly key: K;
      readonly pid: Pid;
    };

export interface Entry {
  readonly key: unknown;
  readonly pid: Pid;
  readonly value: unknown;
}

/** What entries are asked for; what is left out may be anything. */
export interface EntryPattern {
  readonly key?: unknown;
  readonly value?: unknown;
  readonly pid?: Pid | undefined;
}

export interface PartitionOptions {
  readonly registry: string;
  readonly unique: boolean;
  readonly listeners: readonly string[];
}

/** All entries of one key: the values of each process, in the order of its registrations. */
interface Held {
  readonly key: unknown;
  readonly values: Map<Pid, unknown[]>;
}

/** Lives within the process; changed in place. */
interface State extends PartitionOptions {
  readonly byKey: Map<string, Held>;
  /** The keys of each process, as texts. */
  readonly byPid: Map<Pid, Set<string>>;
}

export function init(options: PartitionOptions): InitResult<State> {
  trapExit(true);
  return { state: { ...options, byKey: new Map(), byPid: new Map() } };
}

/** A key by its text, see `structural-key.ts`. */
interface Keyed {
  readonly text: string;
}

type Answered<R> = CallResult<R, State>;

export const handleCall = {
  /** For the caller. A unique key that a process holds which has ended is free, whoever hears of it first. */
  async register(
    { key, text, value }: Keyed & { readonly key: unknown; readonly value: unknown },
    state: State,
    { pid }: From<Registered>,
  ): Promise<Answered<Registered>> {
    const holder = state.unique ? holderOf(state, text) : undefined;
    if (holder !== undefined) {
      if (holder === pid || (await isAlive(holder))) {
        return { reply: { ok: false, pid: holder }, state };
      }
      drop(state, text, holder);
    }
    add(state, { key, pid, value }, text);
    return { reply: { ok: true }, state };
  },

  /** All entries of the caller under a key whose values fit. */
  unregister(
    { text, value }: Keyed & { readonly value: unknown },
    state: State,
    { pid }: From<number>,
  ): Answered<number> {
    const values = state.byKey.get(text)?.values;
    const own = values?.get(pid) ?? [];
    const kept = own.filter((each) => !fits(value, each));
    const removed = own.length - kept.length;
    if (removed > 0 && kept.length > 0) values?.set(pid, kept);
    else if (removed > 0) drop(state, text, pid);
    return { reply: removed, state };
  },

  /** The only value of the caller becomes another one. */
  setValue(
    { text, value }: Keyed & { readonly value: unknown },
    state: State,
    { pid }: From<boolean>,
  ): Answered<boolean> {
    const values = state.byKey.get(text)?.values;
    const isHeld = values?.has(pid) === true;
    if (isHeld) values.set(pid, [value]);
    return { reply: isHeld, state };
  },

  lookup({ text }: Keyed, state: State): Answered<readonly Entry[]> {
    const held = state.byKey.get(text);
    return { reply: held === undefined ? [] : [...entriesOf(held)], state };
  },

  keysOf({ pid }: { readonly pid: Pid }, state: State): Answered<readonly unknown[]> {
    const texts = [...(state.byPid.get(pid) ?? [])];
    const held = texts.map((text) => state.byKey.get(text) as Held);
    const keys = held.flatMap(({ key, values }) => (values.get(pid) ?? []).map(() => key));
    return { reply: keys, state };
  },

  select({ pattern }: { readonly pattern: EntryPattern }, state: State): Answered<Entry[]> {
    return { reply: [...selected(state, pattern)], state };
  },

  count({ pattern }: { readonly pattern: EntryPattern }, state: State): Answered<number> {
    let count = 0;
    for (const _ of selected(state, pattern)) count += 1;
    return { reply: count, state };
  },
};

export function handleInfo(
  message: { readonly type: 'EXIT'; readonly from: Pid; readonly reason: unknown },
  state: State,
): Result<State> {
  if (message?.type !== 'EXIT') {
    log.warning(`registry ${state.registry}: a message that nobody handles`, {
      domain: ['otp'],
      message: presentable(message),
    });
    return { state };
  }
  for (const text of [...(state.byPid.get(message.from) ?? [])]) drop(state, text, message.from);
  return { state };
}

/** What a report shows of the state. */
export function formatStatus({ registry, unique, byKey, byPid }: State): unknown {
  return { registry, unique, keys: byKey.size, processes: byPid.size };
}

function holderOf(state: State, text: string): Pid | undefined {
  const [holder] = state.byKey.get(text)?.values.keys() ?? [];
  return holder;
}

function add(state: State, { key, pid, value }: Entry, text: string): void {
  let held = state.byKey.get(text);
  if (held === undefined) {
    held = { key, values: new Map() };
    state.byKey.set(text, held);
  }
  const values = held.values.get(pid);
  if (values === undefined) held.values.set(pid, [value]);
  else values.push(value);
  const keys = state.byPid.get(pid);
  if (keys !== undefined) keys.add(text);
  else {
    state.byPid.set(pid, new Set([text]));
    // Of one that has ended meanwhile an EXIT comes, as of any other; there is nothing to wait for.
    void link(pid);
  }
  tell(state, { type: 'register', registry: state.registry, key, pid, value });
}

/** Forget all that a process has under a key. */
function drop(state: State, text: string, pid: Pid): void {
  const held = state.byKey.get(text);
  if (held === undefined) return;
  const values = held.values.get(pid) ?? [];
  held.values.delete(pid);
  if (held.values.size === 0) state.byKey.delete(text);
  const keys = state.byPid.get(pid);
  keys?.delete(text);
  if (keys?.size === 0) {
    state.byPid.delete(pid);
    unlink(pid);
  }
  for (const _ of values) {
    tell(state, { type: 'unregister', registry: state.registry, key: held.key, pid });
  }
}

function tell({ listeners }: State, event: RegistryEvent): void {
  for (const listener of listeners) {
    try {
      send(listener, event);
    } catch {
      // A listener that is not there now: it hears of what comes when it is there again.
    }
  }
}

function* entriesOf({ key, values }: Held): Generator<Entry> {
  for (const [pid, each] of values) for (const value of each) yield { key, pid, value };
}

function* selected({ byKey }: State, { key, value, pid }: EntryPattern): Generator<Entry> {
  for (const held of byKey.values()) {
    if (!fits(key, held.key)) continue;
    for (const entry of entriesOf(held)) {
      if ((pid === undefined || pid === entry.pid) && fits(value, entry.value)) yield entry;
    }
  }
}
