/** Every bound of the chat in one place: what a client may send, what is kept, and when one is too slow. */

/** Characters of one message, of a person's name and of a room's name. */
export const TEXT_MAX = 2000;
export const NAME_MAX = 24;
export const ROOM_NAME_MAX = 24;

/** Bytes of one WebSocket frame; `ws` itself closes the connection of a client that sends more. */
export const FRAME_BYTES_MAX = 16 * 1024;

/** Messages that a room remembers for those who join later. */
export const HISTORY_MAX = 100;

/** Rooms that may exist at once, and people in one room. */
export const ROOMS_MAX = 200;
export const MEMBERS_MAX = 1000;

/** Bytes waiting for a client that reads too slowly before its connection is ended. */
export const UNSENT_BYTES_MAX = 1024 * 1024;

/** A client that does not answer a ping for this long is gone. */
export const PING_MS = 30_000;
