/** Every bound of the chat in one place: what a client may send and is sent, and who is too slow. */

/** Characters of one message, of a person's name and of a room's name. */
export const TEXT_MAX = 2000;
export const NAME_MAX = 24;
export const ROOM_NAME_MAX = 24;

/** Bytes of one WebSocket frame. `ws` ends the connection of a client that sends more (close code 1009). */
export const FRAME_BYTES_MAX: number = 64 * 1024;

/** TCP connections at once; Node refuses the ones above. */
export const CONNECTIONS_MAX = 10_000;

/** Characters of the id that a client gives a message; too few, and two might be the same. */
export const MESSAGE_ID = { min: 16, max: 64 } as const;

/** Lines that are sent at once: the newest to those who join, earlier ones to those who ask. */
export const HISTORY_MAX = 100;

export const ROOMS_MAX = 200;
export const MEMBERS_MAX = 500;

/** How long a room that nobody is in stays open. */
export const ROOM_IDLE_MS: number = 10 * 60 * 1000;

/** Bytes that may wait for a client that reads too slowly; above, its connection is ended. */
export const UNSENT_BYTES_MAX: number = 1024 * 1024;

/** What a connection may ask of its room before the room has taken what came before: kept in one go. */
export const UNTAKEN_MAX = 16;

/** Messages that may wait for a connection's process; above, it is ended. */
export const MAILBOX_MAX = 10_000;

/** A client that has not answered a ping when the next one is due is gone. */
export const PING_MS = 30_000;

/** How long to wait before joining a room again that crashed while we joined it: doubled each time. */
export const REJOIN_MS = { first: 50, max: 5000 } as const;

/** How long a browser waits for connections to be started again, after a crash that ended them all. */
export const ADMISSION = { tries: 100, waitMs: 20 } as const;
