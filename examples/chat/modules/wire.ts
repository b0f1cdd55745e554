/**
 * The wire: what a browser and the chat say to each other, one JSON object in each WebSocket frame.
 *
 * Who gives a message an `id` is told with `said` when it is kept for ever. Until then nobody knows whether it
 * is: send it again, with the same id, after each `joined` of its room. It is kept once.
 *
 * Nothing that a client sends is trusted: `understand` gives a message that is right in every field, or
 * says in words what is wrong with it.
 */
import { MESSAGE_ID, NAME_MAX, ROOM_NAME_MAX, TEXT_MAX } from './limits.js';

/** What a client wants. Those after `nick` are typed as commands: `/crash`. */
export type ClientMessage =
  | { readonly type: 'say'; readonly text: string; readonly id: string | undefined }
  | { readonly type: 'join'; readonly room: string }
  /** The lines before one. */
  | { readonly type: 'earlier'; readonly before: number }
  | { readonly type: 'nick'; readonly name: string }
  | { readonly type: 'crash' }
  | { readonly type: 'crash-room' }
  | { readonly type: 'help' };

/** What a client wanted and cannot have, in words for the person who sent it. */
export type Refused = {
  readonly type: 'refused';
  readonly why: string;
  /** Of the message that is refused. */
  readonly id?: string | undefined;
};

/** One message of the history of a room. Ids count up from 1 in each room. */
export type Line = {
  readonly id: number;
  readonly from: string;
  readonly text: string;
  readonly at: number;
};

/** A process, for people to see. */
export type Place = { readonly pid: string; readonly scheduler: number };

export type RoomEntry = { readonly name: string; readonly members: number };

/** What a client is told. */
export type ServerMessage =
  | { readonly type: 'welcome'; readonly name: string; readonly process: Place }
  | {
      readonly type: 'joined';
      readonly room: string;
      readonly process: Place;
      readonly greeting: string;
      readonly history: readonly Line[];
      readonly members: readonly string[];
    }
  | { readonly type: 'line'; readonly line: Line }
  /** The message is kept, or was already; this is its line. */
  | { readonly type: 'said'; readonly id: string; readonly line: Line }
  | { readonly type: 'earlier'; readonly lines: readonly Line[] }
  | { readonly type: 'presence'; readonly text: string; readonly members: readonly string[] }
  | { readonly type: 'greeting'; readonly text: string }
  | { readonly type: 'rooms'; readonly rooms: readonly RoomEntry[] }
  | { readonly type: 'notice'; readonly text: string }
  /** With an `id`: that message is not said, and will not be if it is sent again. */
  | { readonly type: 'error'; readonly text: string; readonly id?: string | undefined };

export const HELP = `/nick NAME     change your name
/room NAME     go to a room; it is made if there is none
/crash         crash the process of your own connection
/crash-room    crash the process of this room
/help          this list`;

/** Read one frame. `undefined` stands for a binary one. */
export function understand(frame: string | undefined): ClientMessage | Refused {
  if (frame === undefined) return refuse('send text frames: this one was binary');
  let message: unknown;
  try {
    message = JSON.parse(frame);
  } catch {
    return refuse(`send JSON: ${excerpt(frame)} is none`);
  }
  if (typeof message !== 'object' || message === null || !('type' in message)) {
    return refuse('send an object with a "type": {"type":"say","text":"hello"}');
  }
  switch (message.type) {
    case 'say':
      return understandSay(field(message, 'text'), field(message, 'id'));
    case 'join':
      return understandRoom(field(message, 'room'));
    case 'nick':
      return understandName(field(message, 'name'));
    case 'earlier':
      return understandEarlier(field(message, 'before'));
    default:
      return refuse(
        `"type" is "say", "join", "nick" or "earlier", not ${excerpt(JSON.stringify(message.type))}`,
      );
  }
}

function understandSay(text: unknown, id: unknown): ClientMessage | Refused {
  if (id === undefined) return understandText(text, undefined);
  const { min, max } = MESSAGE_ID;
  if (typeof id !== 'string' || !/^[\w-]+$/.test(id) || id.length < min || id.length > max) {
    return refuse(`an "id" has ${min} to ${max} letters, digits, _ and -, and is never used again`);
  }
  const message = understandText(text, id);
  return message.type === 'refused' ? { ...message, id } : message;
}

function understandEarlier(before: unknown): ClientMessage | Refused {
  if (Number.isSafeInteger(before) && Number(before) >= 1) {
    return { type: 'earlier', before: Number(before) };
  }
  return refuse('"earlier" needs a "before", the id of a line');
}

function understandText(value: unknown, id: string | undefined): ClientMessage | Refused {
  if (typeof value !== 'string') return refuse('"say" needs a "text", a string');
  const text = withoutControls(value).trim();
  if (text === '') return refuse('that message was empty');
  if (text.length > TEXT_MAX) {
    return refuse(`a message may have ${TEXT_MAX} characters; that one had ${text.length}`);
  }
  return text.startsWith('/') ? understandCommand(text) : { type: 'say', text, id };
}

function understandCommand(text: string): ClientMessage | Refused {
  const [command = '', ...rest] = text.split(/\s+/);
  const argument = rest.join(' ');
  switch (command) {
    case '/nick':
      return understandName(argument);
    case '/room':
      return understandRoom(argument);
    case '/crash':
      return { type: 'crash' };
    case '/crash-room':
      return { type: 'crash-room' };
    case '/help':
      return { type: 'help' };
    default:
      return refuse(`there is no command ${excerpt(command)}; /help lists them`);
  }
}

export function understandName(value: unknown): { type: 'nick'; name: string } | Refused {
  const name = typeof value === 'string' ? value.trim() : '';
  if (name.length <= NAME_MAX && /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._'-]*$/u.test(name)) {
    return { type: 'nick', name };
  }
  return refuse(`a name has 1 to ${NAME_MAX} letters, digits, spaces, and . _ ' -`);
}

export function understandRoom(value: unknown): { type: 'join'; room: string } | Refused {
  const room = typeof value === 'string' ? value.trim().replace(/^#/, '').toLowerCase() : '';
  if (room.length <= ROOM_NAME_MAX && /^[\p{L}\p{N}][\p{L}\p{M}\p{N}_-]*$/u.test(room)) {
    return { type: 'join', room };
  }
  return refuse(`the name of a room has 1 to ${ROOM_NAME_MAX} letters, digits, _ and -`);
}

function refuse(why: string): Refused {
  return { type: 'refused', why };
}

function field(message: object, name: string): unknown {
  // Own fields only: `{"type":"say"}` has no "text", whatever a prototype says.
  return Object.entries(message).find(([key]) => key === name)?.[1];
}

function withoutControls(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '');
}

function excerpt(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
