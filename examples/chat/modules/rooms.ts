/**
 * The rooms: one process that knows which room has which name, and who wants to see the list.
 *
 * A room is made when somebody asks for it, on another scheduler than this one, where the
 * connections live. When it crashes its name stays; its members, who monitor it, ask again at once, and the
 * first to ask makes it anew.
 *
 * Invariant: rooms and connections are linked to this process, which traps exits. So it hears of the
 * end of each; and should it end itself, nothing stays behind that nobody knows: browsers reconnect
 * and find new rooms.
 */
import {
  type Call,
  type Exit,
  exit,
  freeze,
  hibernate,
  log,
  type Pid,
  receive,
  reply,
  schedulers,
  self,
  send,
  sendAfter,
  setLabel,
  spawnOpt,
  thisScheduler,
  trapExit,
} from 'tsvm';
import type { ConnectionMessage } from './connection.js';
import { ROOMS_MAX } from './limits.js';
import * as room from './room.js';
import * as rooms from './rooms.js';

/** Where is this room? `dead` is the process that the caller has seen end. */
export type Find = { readonly room: string; readonly dead: Pid<never> | undefined };
export type Found = { readonly pid: Pid<room.RoomMessage> } | { readonly refused: string };

export type RoomsMessage =
  | Call<Find, Found>
  | { readonly type: 'watch'; readonly connection: Pid<ConnectionMessage> }
  | { readonly type: 'members'; readonly room: Pid; readonly count: number }
  | { readonly type: 'publish' }
  | Exit;

/** The registered name of this process. */
export const NAME = 'chat.rooms';

/** The room that is always there. */
export const LOBBY = 'lobby';

type Known = { pid: Pid<room.RoomMessage> | undefined; members: number };

export type Rooms = {
  readonly parent: Pid;
  readonly known: Map<string, Known>;
  readonly watchers: Set<Pid<ConnectionMessage>>;
  /** How many rooms were started: they take turns on the schedulers. */
  started: number;
  publishing: boolean;
};

/** Changes of the list within this time are told together. */
const PUBLISH_MS = 50;

export async function start(parent: Pid): Promise<never> {
  trapExit(true);
  setLabel('rooms');
  return await rooms.loop({
    parent,
    known: new Map([[LOBBY, { pid: undefined, members: 0 }]]),
    watchers: new Set(),
    started: 0,
    publishing: false,
  });
}

export async function loop(state: Rooms): Promise<never> {
  const message = await receive<RoomsMessage>();
  rooms.handle(state, message);
  return await hibernate(rooms.loop, state);
}

export function handle(state: Rooms, message: RoomsMessage): void {
  switch (message.type) {
    case 'call':
      reply(message.from, find(state, message.request));
      break;
    case 'watch':
      state.watchers.add(message.connection);
      send(message.connection, list(state));
      break;
    case 'members':
      count(state, message.room, message.count);
      break;
    case 'publish':
      publish(state);
      break;
    case 'EXIT':
      ended(state, message);
      break;
    default:
      message satisfies never;
  }
}

function find(state: Rooms, { room: name, dead }: Find): Found {
  const known = state.known.get(name);
  if (known?.pid !== undefined && known.pid !== dead) return { pid: known.pid };
  if (known === undefined && state.known.size >= ROOMS_MAX) {
    return { refused: `there are ${ROOMS_MAX} rooms already; join one of them` };
  }
  const scheduler = otherScheduler(state.started);
  state.started += 1;
  const pid: Pid<room.RoomMessage> = spawnOpt(
    { link: true, scheduler },
    room.start,
    name,
    self<RoomsMessage>(),
  );
  state.known.set(name, { pid, members: 0 });
  log.notice(`room #${name} opened`, { room: pid, scheduler });
  publishSoon(state);
  return { pid };
}

/** The schedulers in turn, without the one that has the connections, unless it is the only one. */
function otherScheduler(turn: number): number {
  const others = schedulers() - 1;
  if (others === 0) return thisScheduler();
  const slot = 1 + (turn % others);
  return slot < thisScheduler() ? slot : slot + 1;
}

function count(state: Rooms, pid: Pid, members: number): void {
  for (const known of state.known.values()) {
    if (known.pid !== pid) continue;
    known.members = members;
    publishSoon(state);
  }
}

function ended(state: Rooms, { from, reason }: Exit): void {
  if (from === state.parent) exit(reason);
  state.watchers.delete(from);
  for (const [name, known] of state.known) {
    if (known.pid !== from) continue;
    known.pid = undefined;
    known.members = 0;
    // A room that ended by itself was not needed any more.
    if (reason === 'normal' && name !== LOBBY) state.known.delete(name);
    publishSoon(state);
  }
}

function publishSoon(state: Rooms): void {
  if (state.publishing) return;
  state.publishing = true;
  sendAfter(PUBLISH_MS, self(), { type: 'publish' });
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
