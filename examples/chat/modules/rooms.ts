/**
 * The rooms: one server that knows which room has which name, and who wants to see the list. Rooms in which
 * something was said are there again after any end; see history.ts.
 *
 * A room is made when somebody asks for it, on another scheduler than this one, where the
 * connections live. When it crashes its name stays; its members, who monitor it, ask again at once, and the
 * first to ask makes it anew.
 *
 * Invariant: rooms and watchers are monitored, so this server hears of the end of each.
 */
import {
  type Down,
  freeze,
  log,
  monitor,
  type Pid,
  schedulers,
  self,
  send,
  sendAfter,
  setLabel,
  thisScheduler,
} from 'tsvm';
import * as genServer from 'tsvm/gen-server';
import { type SupervisorRef, startChild } from 'tsvm/supervisor';
import type { ConnectionMessage } from './connection.js';
import * as history from './history.js';
import { ROOMS_MAX } from './limits.js';
import type * as room from './room.js';
import * as rooms from './rooms.js';

export type RoomServer = genServer.Server<typeof room>;

/** Where is a room, or why there is none. */
export type Found = { readonly pid: RoomServer } | { readonly refused: string };

/** The registered names of this server, and of the supervisor of the rooms. */
export const NAME = 'chat.rooms';
export const SUPERVISOR = 'chat.room_supervisor';

/** The room that is always there. */
export const LOBBY = 'lobby';

type Known = { pid: RoomServer | undefined; members: number };

export type Rooms = {
  readonly known: Map<string, Known>;
  readonly watchers: Set<Pid<ConnectionMessage>>;
  /** How many rooms were started: they take turns on the schedulers. */
  started: number;
  publishing: boolean;
};

/** Changes of the list within this time are told together. */
const PUBLISH_MS = 50;

export type Server = genServer.Server<typeof rooms>;

export function start(): Promise<Server> {
  return genServer.startLink(rooms, undefined, { name: NAME, scheduler: thisScheduler() });
}

export async function init(): Promise<genServer.InitResult<Rooms>> {
  setLabel('rooms');
  const names = [LOBBY, ...(await history.roomNames())];
  return {
    state: {
      known: new Map(names.map((name) => [name, { pid: undefined, members: 0 }])),
      watchers: new Set(),
      started: 0,
      publishing: false,
    },
  };
}

export const handleCall = {
  /** @param request `dead` is the process of that room that the caller has seen end */
  async find(
    { room: name, dead }: { readonly room: string; readonly dead: RoomServer | undefined },
    state: Rooms,
  ): Promise<genServer.CallResult<Found, Rooms>> {
    const known = state.known.get(name);
    if (known?.pid !== undefined && known.pid !== dead) return { reply: { pid: known.pid }, state };
    if (known === undefined && state.known.size >= ROOMS_MAX) {
      const refused = `there are ${ROOMS_MAX} rooms already; join one of them`;
      return { reply: { refused }, state };
    }
    return { reply: await open(state, name), state };
  },
};

type Handled = genServer.Result<Rooms>;

export const handleCast = {
  watch({ connection }: { readonly connection: Pid<ConnectionMessage> }, state: Rooms): Handled {
    state.watchers.add(connection);
    monitor(connection);
    send(connection, list(state));
    return { state };
  },

  /** How many are in a room. */
  members(
    { room: pid, count }: { readonly room: Pid<never>; readonly count: number },
    state: Rooms,
  ): Handled {
    for (const known of state.known.values()) {
      if (known.pid !== pid) continue;
      known.members = count;
      publishSoon(state);
    }
    return { state };
  },
};

export async function handleInfo(
  message: 'publish' | Down,
  state: Rooms,
): Promise<genServer.Result<Rooms>> {
  if (message === 'publish') publish(state);
  else if (message.type === 'DOWN') await ended(state, message);
  return { state };
}

async function open(state: Rooms, name: string): Promise<Found> {
  const scheduler = otherScheduler(state.started);
  state.started += 1;
  try {
    const supervisor = genServer.named(SUPERVISOR) as SupervisorRef;
    const { pid } = await startChild(supervisor, [name, scheduler, self()]);
    monitor(pid as Pid);
    state.known.set(name, { pid: pid as unknown as RoomServer, members: 0 });
    log.notice(`room #${name} opened`, { room: pid, scheduler });
    publishSoon(state);
    return { pid: pid as unknown as RoomServer };
  } catch (error) {
    if (!genServer.isStartError(error)) throw error;
    return { refused: `#${name} does not start; it is tried again` };
  }
}

/** The schedulers in turn, without the one that has the connections, unless it is the only one. */
function otherScheduler(turn: number): number {
  const others = schedulers() - 1;
  if (others === 0) return thisScheduler();
  const slot = 1 + (turn % others);
  return slot < thisScheduler() ? slot : slot + 1;
}

async function ended(state: Rooms, { target, reason }: Down): Promise<void> {
  state.watchers.delete(target as Pid<ConnectionMessage>);
  for (const [name, known] of state.known) {
    if (known.pid !== target) continue;
    known.pid = undefined;
    known.members = 0;
    // A room that ended by itself was not needed any more; its name is, if something was said there.
    const isKept = name === LOBBY || reason !== 'normal' || (await history.hasLines(name));
    if (!isKept) state.known.delete(name);
    publishSoon(state);
  }
}

function publishSoon(state: Rooms): void {
  if (state.publishing) return;
  state.publishing = true;
  sendAfter(PUBLISH_MS, self(), 'publish');
}

function publish(state: Rooms): void {
  state.publishing = false;
  const entries = freeze(list(state));
  for (const watcher of state.watchers) send(watcher, entries);
}

function list(state: Rooms): Extract<ConnectionMessage, { type: 'rooms' }> {
  const entries = [...state.known].map(([name, { members }]) => ({ name, members }));
  return { type: 'rooms', rooms: entries };
}
