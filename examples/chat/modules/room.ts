/**
 * A room: a server that knows who is in it and what was said last. What was said is kept in tables (history.ts)
 * before anybody sees it, so a room that crashes, or a machine that is killed, takes nothing of it away.
 *
 * The two functions on top are there to be changed while people chat: save the file and look at the page.
 * A server looks its callbacks up when it calls them, and this module calls those two through itself
 * (`import * as room`), so each message is handled by the newest code. The state goes from version to version.
 *
 * Invariants:
 *  1. A member is monitored: one that dies has left.
 *  2. Whatever a member asks is answered with `taken`, after its effects: so a connection can wait for
 *     the room before it reads on, and nobody can flood a room.
 *  3. Who said something under an id is told `said` when it is on the disk, and only then.
 */
import {
  type Down,
  demonitor,
  freeze,
  monitor,
  type Pid,
  type Ref,
  self,
  send,
  sendAfter,
  setLabel,
  thisScheduler,
} from 'tsvm';
import { StorageFailure } from 'tsvm/db';
import * as genServer from 'tsvm/gen-server';
import type { ConnectionMessage } from './connection.js';
import * as history from './history.js';
import { HISTORY_MAX, MEMBERS_MAX, ROOM_IDLE_MS } from './limits.js';
import * as room from './room.js';
import type * as rooms from './rooms.js';
import type { Line, ServerMessage } from './wire.js';

/** What everybody in a room sees on top. */
export function greeting(name: string): string {
  return `Welcome to #${name}. Each connection and each room here is a process of its own.`;
}

/** How a message looks to those who read it. */
export function format(text: string): string {
  return text.replaceAll(':-)', '🙂').replaceAll(':-(', '🙁').replaceAll('<3', '❤️');
}

type Member = Pid<ConnectionMessage>;
type Server = genServer.Server<typeof room>;

/** What a room tells its members: something for the client, or that it has taken what they sent. */
export type RoomEvent =
  | { readonly type: 'room'; readonly room: Pid<never>; readonly event: ServerMessage }
  | { readonly type: 'taken'; readonly room: Pid<never> };

export type Room = {
  readonly name: string;
  readonly registry: rooms.Server;
  readonly members: Map<Member, { name: string; readonly monitor: Ref }>;
  /** What people say and is not kept yet: everything that came while the disk was at work. */
  readonly saying: Saying[];
  /** The newest HISTORY_MAX lines, as they were typed. */
  readonly history: Line[];
  lines: number;
  greeting: string;
  emptySince: number;
};

const TICK_MS = 1000;

export function start(name: string, scheduler: number, registry: rooms.Server): Promise<Server> {
  return genServer.startLink(room, { name, registry }, { scheduler });
}

export async function init({
  name,
  registry,
}: Pick<Room, 'name' | 'registry'>): Promise<genServer.InitResult<Room>> {
  setLabel(`room ${name}`);
  sendAfter(TICK_MS, self(), 'tick');
  const newest = await history.newest(name);
  return {
    state: {
      name,
      registry,
      members: new Map(),
      saying: [],
      history: newest,
      lines: newest.at(-1)?.id ?? 0,
      greeting: room.greeting(name),
      emptySince: Date.now(),
    },
  };
}

type Say = { readonly member: Member; readonly text: string; readonly id: string | undefined };
type Saying = { readonly member: Member; readonly said: history.Said };
type Handled = genServer.Result<Room>;

export const handleCast = {
  join({ member, name }: { readonly member: Member; readonly name: string }, state: Room): Handled {
    join(state, member, name);
    return taken(state, member);
  },

  say({ member, text, id }: Say, state: Room): Handled {
    const from = state.members.get(member)?.name;
    if (from === undefined) {
      tell(member, { type: 'error', text: `you are not in #${state.name}`, id });
      return taken(state, member);
    }
    // Behind what has come meanwhile: all that is kept in one go.
    if (state.saying.length === 0) send(self(), 'keep');
    const said = { room: state.name, from, text, at: Date.now(), message: id ?? null };
    state.saying.push({ member, said });
    return { state };
  },

  async earlier(
    { member, before }: { readonly member: Member; readonly before: number },
    state: Room,
  ): Promise<Handled> {
    const lines = await history.newest(state.name, before);
    tell(member, { type: 'earlier', lines: lines.map(formatted) });
    return taken(state, member);
  },

  rename(
    { member, name }: { readonly member: Member; readonly name: string },
    state: Room,
  ): Handled {
    rename(state, member, name);
    return taken(state, member);
  },

  leave({ member }: { readonly member: Member }, state: Room): Handled {
    leave(state, member);
    return { state };
  },

  crash({ member }: { readonly member: Member }, state: Room): Handled {
    throw new Error(`/crash-room by ${state.members.get(member)?.name ?? 'a stranger'}`);
  },
};

export async function handleInfo(message: 'tick' | 'keep' | Down, state: Room): Promise<Handled> {
  if (message === 'tick') return tick(state);
  if (message === 'keep') await keep(state);
  else if (message.type === 'DOWN') leave(state, message.target as Member);
  return { state };
}

/** What a report shows: who is here, and not what they said. */
export function formatStatus({ name, members, history, lines }: Room): unknown {
  return { name, members: members.size, history: history.length, lines };
}

function join(state: Room, member: Member, name: string): void {
  const { members } = state;
  if (members.size >= MEMBERS_MAX) {
    tell(member, { type: 'error', text: `#${state.name} is full: ${MEMBERS_MAX} people` });
    return;
  }
  if (!members.has(member)) members.set(member, { name, monitor: monitor(member) });
  tell(member, {
    type: 'joined',
    room: state.name,
    process: { pid: self(), scheduler: thisScheduler() },
    greeting: state.greeting,
    history: state.history.map(formatted),
    members: names(state),
  });
  const presence = { type: 'presence', text: `${name} joined.`, members: names(state) } as const;
  for (const other of members.keys()) if (other !== member) tell(other, presence);
  genServer.cast(state.registry, { type: 'members', room: self(), count: members.size });
}

async function keep(state: Room): Promise<void> {
  const saying = state.saying.splice(0);
  try {
    const kept = await history.keep(saying.map(({ said }) => said));
    for (const { line, isNew } of kept) if (isNew) show(state, line);
    for (const [at, { member, said }] of saying.entries()) {
      const { line } = kept[at] as history.Kept;
      if (said.message !== null)
        tell(member, { type: 'said', id: said.message, line: formatted(line) });
    }
  } catch (error) {
    if (!(error instanceof StorageFailure)) throw error;
    const text = `That was not kept, and so not said: ${error.message}`;
    for (const { member } of saying) tell(member, { type: 'error', text });
  }
  for (const { member } of saying) taken(state, member);
}

function show(state: Room, line: Line): void {
  state.lines = line.id;
  state.history.push(line);
  if (state.history.length > HISTORY_MAX) state.history.shift();
  broadcast(state, { type: 'line', line: formatted(line) });
}

function formatted(line: Line): Line {
  return { ...line, text: room.format(line.text) };
}

function rename(state: Room, member: Member, name: string): void {
  const known = state.members.get(member);
  if (known === undefined || known.name === name) return;
  const text = `${known.name} is now ${name}.`;
  known.name = name;
  broadcast(state, { type: 'presence', text, members: names(state) });
}

function leave(state: Room, member: Member): void {
  const known = state.members.get(member);
  if (known === undefined) return;
  demonitor(known.monitor, { flush: true });
  state.members.delete(member);
  if (state.members.size === 0) state.emptySince = Date.now();
  broadcast(state, { type: 'presence', text: `${known.name} left.`, members: names(state) });
  genServer.cast(state.registry, { type: 'members', room: self(), count: state.members.size });
}

/** Once a second: show a greeting that new code has changed; close a room that nobody needs. */
function tick(state: Room): Handled {
  sendAfter(TICK_MS, self(), 'tick');
  const text = room.greeting(state.name);
  if (text !== state.greeting) {
    state.greeting = text;
    broadcast(state, { type: 'greeting', text });
  }
  const isIdle = state.members.size === 0 && Date.now() - state.emptySince > ROOM_IDLE_MS;
  return isIdle ? { stop: 'normal', state } : { state };
}

function names(state: Room): string[] {
  return [...state.members.values()]
    .map((member) => member.name)
    .sort((a, b) => a.localeCompare(b));
}

function broadcast(state: Room, event: ServerMessage): void {
  // Frozen, the event is not copied for each member.
  const shared = freeze(event);
  for (const member of state.members.keys()) tell(member, shared);
}

function tell(member: Member, event: ServerMessage): void {
  send(member, { type: 'room', room: self(), event });
}

function taken(state: Room, member: Member): Handled {
  send(member, { type: 'taken', room: self() });
  return { state };
}
