/**
 * A room: one process, that knows who is in it and what was said.
 *
 * The two functions on top are there to be changed while people chat: save the file and look at the page.
 * The room calls itself through its own module (`import * as room`), so each message is handled by
 * the newest code; between two messages it hibernates, so that it stands in no version at all. Its state
 * goes from version to version.
 *
 * Invariants:
 *  1. A member is monitored: one that dies has left.
 *  2. Whatever a member asks is answered with `taken`, after its effects: so a connection can wait for
 *     the room before it reads on, and nobody can flood a room.
 */
import {
  type Down,
  demonitor,
  exit,
  freeze,
  hibernate,
  monitor,
  type Pid,
  type Ref,
  receive,
  self,
  send,
  sendAfter,
  setLabel,
  thisScheduler,
} from 'tsvm';
import type { ConnectionMessage } from './connection.js';
import { HISTORY_MAX, MEMBERS_MAX, ROOM_IDLE_MS } from './limits.js';
import * as room from './room.js';
import type { RoomsMessage } from './rooms.js';
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

export type RoomMessage =
  | { readonly type: 'join'; readonly member: Member; readonly name: string }
  | { readonly type: 'say'; readonly member: Member; readonly text: string }
  | { readonly type: 'rename'; readonly member: Member; readonly name: string }
  | { readonly type: 'leave'; readonly member: Member }
  | { readonly type: 'crash'; readonly member: Member }
  | { readonly type: 'tick' }
  | Down;

/** What a room tells its members: something for the client, or that it has taken what they sent. */
export type RoomEvent =
  | { readonly type: 'room'; readonly room: Pid<RoomMessage>; readonly event: ServerMessage }
  | { readonly type: 'taken'; readonly room: Pid<RoomMessage> };

export type Room = {
  readonly name: string;
  readonly registry: Pid<RoomsMessage>;
  readonly members: Map<Member, { name: string; readonly monitor: Ref }>;
  /** The newest HISTORY_MAX messages, as they were typed. */
  readonly history: Line[];
  lines: number;
  greeting: string;
  emptySince: number;
};

const TICK_MS = 1000;

export async function start(name: string, registry: Pid<RoomsMessage>): Promise<never> {
  setLabel(`room ${name}`);
  sendAfter(TICK_MS, self(), { type: 'tick' });
  return await room.loop({
    name,
    registry,
    members: new Map(),
    history: [],
    lines: 0,
    greeting: room.greeting(name),
    emptySince: Date.now(),
  });
}

export async function loop(state: Room): Promise<never> {
  const message = await receive<RoomMessage>();
  room.handle(state, message);
  return await hibernate(room.loop, state);
}

export function handle(state: Room, message: RoomMessage): void {
  switch (message.type) {
    case 'join':
      join(state, message.member, message.name);
      taken(message.member);
      break;
    case 'say':
      say(state, message.member, message.text);
      taken(message.member);
      break;
    case 'rename':
      rename(state, message.member, message.name);
      taken(message.member);
      break;
    case 'leave':
      leave(state, message.member);
      break;
    case 'DOWN':
      if (typeof message.target === 'string') leave(state, message.target);
      break;
    case 'crash':
      throw new Error(`/crash-room by ${state.members.get(message.member)?.name ?? 'a stranger'}`);
    case 'tick':
      tick(state);
      break;
    default:
      message satisfies never;
  }
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
  send(state.registry, { type: 'members', room: self(), count: members.size });
}

function say(state: Room, member: Member, text: string): void {
  const from = state.members.get(member)?.name;
  if (from === undefined) {
    tell(member, { type: 'error', text: `you are not in #${state.name}` });
    return;
  }
  state.lines += 1;
  const line = { id: state.lines, from, text, at: Date.now() };
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
  send(state.registry, { type: 'members', room: self(), count: state.members.size });
}

/** Once a second: show a greeting that new code has changed; close a room that nobody needs. */
function tick(state: Room): void {
  sendAfter(TICK_MS, self(), { type: 'tick' });
  const text = room.greeting(state.name);
  if (text !== state.greeting) {
    state.greeting = text;
    broadcast(state, { type: 'greeting', text });
  }
  if (state.members.size === 0 && Date.now() - state.emptySince > ROOM_IDLE_MS) exit('normal');
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

function taken(member: Member): void {
  send(member, { type: 'taken', room: self() });
}
