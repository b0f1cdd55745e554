/**
 * A connection: one server for each browser. It owns the WebSocket, so the socket ends with it.
 *
 * What the socket does arrives as messages, one frame at a time: the next is asked for when this one
 * is done with, unless there is too much that the room has not done yet. So a browser that
 * sends faster than the room reads is held up by TCP; one that reads too slowly is let go.
 *
 * Invariants:
 *  1. The room is sent at most UNTAKEN_MAX requests that it has not taken (`pending`).
 *  2. The room is monitored: when it crashes, the connection finds the new one and joins again.
 *  3. Events of a room that the client has left are dropped, but for what it says of a message that was
 *     said there: only that tells the client that it is kept.
 */
import {
  type Down,
  demonitor,
  type EventMessage,
  exit,
  forward,
  log,
  monitor,
  type Port,
  type Ref,
  type Subscription,
  self,
  sendAfter,
  setLabel,
  takeOver,
  thisScheduler,
} from 'tsvm';
import * as genServer from 'tsvm/gen-server';
import { shutdown } from 'tsvm/gen-server';
import type { WebSocket } from 'ws';
import * as connection from './connection.js';
import { MAILBOX_MAX, PING_MS, REJOIN_MS, UNSENT_BYTES_MAX, UNTAKEN_MAX } from './limits.js';
import { someName } from './names.js';
import type { RoomEvent } from './room.js';
import * as rooms from './rooms.js';
import * as wire from './wire.js';

/** The registered name of the supervisor of connections. */
export const SUPERVISOR = 'chat.connections';

/** What the socket did: a text frame (`undefined` for a binary one), a pong, an error, its end. */
type SocketEvent = EventMessage<'socket'> &
  (
    | { readonly event: 'message'; readonly args: readonly [string | undefined] }
    | { readonly event: 'pong' | 'close'; readonly args: readonly [] }
    | { readonly event: 'error'; readonly args: readonly [string] }
  );

export type ConnectionMessage =
  | SocketEvent
  | RoomEvent
  | { readonly type: 'rooms'; readonly rooms: readonly wire.RoomEntry[] }
  | { readonly type: 'rejoin' }
  | { readonly type: 'ping' }
  | Down;

export type Connection = {
  readonly socket: WebSocket;
  readonly events: Subscription;
  name: string;
  /** The room by name, and its process while it lives. */
  roomName: string;
  room: { readonly pid: rooms.RoomServer; readonly monitor: Ref } | undefined;
  /** The process of the room that crashed last, which the registry may not know to be dead. */
  dead: rooms.RoomServer | undefined;
  /** How often we joined again without success. */
  rejoins: number;
  /** What the room was asked and has not taken yet. */
  pending: number;
  /** The socket was asked for its next frame. */
  reading: boolean;
  answeredPing: boolean;
};

/** What a room is asked, without waiting for its answer. */
type RoomRequest = genServer.CastOf<rooms.RoomServer>;

/** What a browser comes with: its socket, and what the page asks for: `name` and `room`, both optional. */
type Arrival = { readonly port: Port<WebSocket>; readonly query: string };

const ROOMS: genServer.ServerName<typeof rooms> = genServer.named<typeof rooms>(rooms.NAME);

export function start(arrival: Arrival): Promise<genServer.Server<typeof connection>> {
  const mailbox = { limit: MAILBOX_MAX, onFull: 'kill' } as const;
  return genServer.startLink(connection, arrival, { scheduler: thisScheduler(), mailbox });
}

export function init({ port, query }: Arrival): genServer.InitResult<Connection, URLSearchParams> {
  const socket = takeOver(port, (each) => each.terminate());
  const events = forward(socket, {
    events: ['message', 'pong', 'error', 'close'],
    active: 0,
    tag: 'socket',
    map: sendable,
  });
  genServer.cast(ROOMS, { type: 'watch', connection: self() });
  sendAfter(PING_MS, self(), { type: 'ping' });

  const wanted = new URLSearchParams(query);
  const name = wire.understandName(wanted.get('name'));
  const room = wire.understandRoom(wanted.get('room'));
  const state: Connection = {
    socket,
    events,
    name: name.type === 'nick' ? name.name : someName(),
    roomName: room.type === 'join' ? room.room : rooms.LOBBY,
    room: undefined,
    dead: undefined,
    rejoins: 0,
    pending: 0,
    reading: false,
    answeredPing: true,
  };
  setLabel(`connection of ${state.name}`);
  return { state, continue: wanted };
}

/** Who is there, and into the room: the supervisor does not wait for that. */
export async function handleContinue(
  wanted: URLSearchParams,
  state: Connection,
): Promise<genServer.Result<Connection>> {
  welcome(state);
  const name = wire.understandName(wanted.get('name'));
  const room = wire.understandRoom(wanted.get('room'));
  for (const given of [wanted.has('name') && name, wanted.has('room') && room]) {
    if (given && given.type === 'refused') tell(state, { type: 'error', text: given.why });
  }
  await enter(state, state.roomName);
  return { state };
}

export async function handleInfo(
  message: ConnectionMessage,
  state: Connection,
): Promise<genServer.Result<Connection>> {
  await handle(state, message);
  if (state.pending < UNTAKEN_MAX && !state.reading) readOn(state);
  return { state };
}

/** What a report shows: the socket is nobody else's. */
export function formatStatus({ socket, events: _, ...rest }: Connection): unknown {
  return { ...rest, unsent: socket.bufferedAmount };
}

async function handle(state: Connection, message: ConnectionMessage): Promise<void> {
  switch (message.type) {
    case 'socket':
      await socketDid(state, message);
      break;
    case 'room':
      if (message.room !== state.room?.pid && message.event.type !== 'said') return;
      if (message.event.type === 'joined') state.rejoins = 0;
      tell(state, message.event);
      break;
    case 'taken':
      if (message.room === state.room?.pid) state.pending -= 1;
      break;
    case 'rooms':
      tell(state, message);
      break;
    case 'DOWN':
      roomDied(state, message);
      break;
    case 'rejoin':
      if (state.room === undefined) await enter(state, state.roomName);
      break;
    case 'ping':
      ping(state);
      break;
    default:
      message satisfies never;
  }
}

/** What can be sent of the arguments of an event. Runs outside of the process, when the event comes. */
function sendable(args: readonly unknown[], event: string): readonly unknown[] {
  const [first, isBinary] = args;
  if (event === 'message') return [isBinary === true ? undefined : String(first)];
  return event === 'error' ? [String(first)] : [];
}

async function socketDid(state: Connection, message: SocketEvent): Promise<void> {
  switch (message.event) {
    case 'message':
      state.reading = false;
      if (message.dropped > 0) {
        tell(state, { type: 'error', text: `too fast: ${message.dropped} frames were dropped` });
      }
      await clientSaid(state, wire.understand(message.args[0]));
      break;
    case 'pong':
      state.reading = false;
      state.answeredPing = true;
      break;
    case 'error':
      log.debug(`a client broke the protocol: ${message.args[0]}`);
      break; // `ws` closes the socket
    case 'close':
      exit('normal');
      break;
    default:
      message satisfies never;
  }
}

async function clientSaid(
  state: Connection,
  message: wire.ClientMessage | wire.Refused,
): Promise<void> {
  switch (message.type) {
    case 'say':
      ask(state, { type: 'say', member: self(), text: message.text, id: message.id });
      break;
    case 'join':
      await enter(state, message.room);
      break;
    case 'earlier':
      ask(state, { type: 'earlier', member: self(), before: message.before });
      break;
    case 'nick':
      state.name = message.name;
      setLabel(`connection of ${state.name}`);
      welcome(state);
      ask(state, { type: 'rename', member: self(), name: state.name });
      break;
    case 'crash':
      throw new Error(`/crash by ${state.name}`);
    case 'crash-room':
      ask(state, { type: 'crash', member: self() });
      break;
    case 'help':
      tell(state, { type: 'notice', text: wire.HELP });
      break;
    case 'refused':
      tell(state, { type: 'error', text: message.why, id: message.id });
      break;
    default:
      message satisfies never;
  }
}

/** Go to a room, by name; leave the one we are in. */
async function enter(state: Connection, name: string): Promise<void> {
  const found = await genServer.call(ROOMS, { type: 'find', room: name, dead: state.dead });
  if ('refused' in found) {
    tell(state, { type: 'error', text: found.refused });
    if (state.room === undefined) rejoinLater(state);
    return;
  }
  if (state.room?.pid === found.pid) {
    tell(state, { type: 'notice', text: `You are in #${name}.` });
    return;
  }
  if (state.room !== undefined) {
    demonitor(state.room.monitor, { flush: true });
    genServer.cast(state.room.pid, { type: 'leave', member: self() });
  }
  state.roomName = name;
  state.pending = 0;
  state.room = { pid: found.pid, monitor: monitor(found.pid) };
  ask(state, { type: 'join', member: self(), name: state.name });
}

/** Ask the room for something; the client's next frames may have to wait until the room has taken this. */
function ask(state: Connection, message: RoomRequest): void {
  if (state.room === undefined) {
    // What has an id is sent again by itself, after the next `joined`.
    if (message.type === 'say' && message.id !== undefined) return;
    const text = `#${state.roomName} is being started again; say that once more`;
    tell(state, { type: 'error', text });
    return;
  }
  state.pending += 1;
  genServer.cast(state.room.pid, message);
}

function roomDied(state: Connection, { ref, reason }: Down): void {
  if (ref !== state.room?.monitor) return;
  state.dead = state.room.pid;
  state.room = undefined;
  state.pending = 0;
  if (reason !== 'normal') {
    tell(state, {
      type: 'error',
      text: `The room crashed (${said(reason)}). What was said is kept.`,
    });
  }
  rejoinLater(state);
}

/** At once; later and later if it is joining that makes the room crash, as a bad edit of it may. */
function rejoinLater(state: Connection): void {
  const wait =
    state.rejoins === 0 ? 0 : Math.min(REJOIN_MS.max, REJOIN_MS.first * 2 ** state.rejoins);
  state.rejoins += 1;
  sendAfter(wait, self(), { type: 'rejoin' });
}

/** An exit reason in a few words. */
function said(reason: unknown): string {
  if (typeof reason === 'object' && reason !== null && 'message' in reason) {
    return String(reason.message);
  }
  return typeof reason === 'string' ? reason : JSON.stringify(reason);
}

function readOn(state: Connection): void {
  state.reading = true;
  state.events.active('once');
}

function ping(state: Connection): void {
  if (!state.answeredPing) exit(shutdown('gone_silent'));
  state.answeredPing = false;
  state.socket.ping();
  sendAfter(PING_MS, self(), { type: 'ping' });
}

function welcome(state: Connection): void {
  const process = { pid: self(), scheduler: thisScheduler() };
  tell(state, { type: 'welcome', name: state.name, process });
}

function tell(state: Connection, message: wire.ServerMessage): void {
  const { socket } = state;
  if (socket.readyState !== socket.OPEN) return; // its `close` is in the mailbox
  if (socket.bufferedAmount > UNSENT_BYTES_MAX) {
    log.warning(`${state.name} reads too slowly: the connection is ended`, {
      unsent: socket.bufferedAmount,
    });
    exit(shutdown('too_slow'));
  }
  socket.send(JSON.stringify(message));
}
