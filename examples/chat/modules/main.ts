/**
 * The chat: an HTTP page and WebSockets, a process for each connection and each room.
 *
 *   main ── rooms ══ room, room, …          (on the other schedulers)
 *     │        ╚════ connection, …          (═ linked; one for each browser)
 *     └──── listener ┄┄ request, connection (┄ started by)
 *
 * This is the entry. It starts the rooms and the listener and starts them again when they crash,
 * unless they crash too often: then it gives up, with the reason of the last crash.
 */
import {
  type Exit,
  exit,
  hibernate,
  log,
  type Pid,
  receive,
  self,
  spawnOpt,
  thisScheduler,
  trapExit,
} from 'tsvm';
import * as listener from './listener.js';
import * as main from './main.js';
import * as rooms from './rooms.js';

export type MainMessage = { readonly type: 'listening' } | Exit;

export type Main = {
  readonly address: listener.Address;
  rooms: Pid;
  listener: Pid;
  listening: boolean;
  /** When parts were started again, in ms. */
  restarts: readonly number[];
};

const DEFAULT_PORT = '4040';
/** So many restarts within so many ms are bad luck; one more is a fault that restarting does not mend. */
const RESTARTS = { max: 5, withinMs: 10_000 } as const;

export async function start(): Promise<never> {
  const address = addressFrom(process.env);
  trapExit(true);
  return await main.loop({
    address,
    rooms: startRooms(),
    listener: startListener(address),
    listening: false,
    restarts: [],
  });
}

export async function loop(state: Main): Promise<never> {
  const message = await receive<MainMessage>();
  main.handle(state, message);
  return await hibernate(main.loop, state);
}

export function handle(state: Main, message: MainMessage): void {
  if (message.type === 'listening') {
    state.listening = true;
    return;
  }
  const { from, reason } = message;
  // Somebody outside wants the chat to end; or it never came up, as when the port is in use.
  if ((from !== state.rooms && from !== state.listener) || !state.listening) exit(reason);
  const now = Date.now();
  state.restarts = [...state.restarts.filter((at) => at > now - RESTARTS.withinMs), now];
  if (state.restarts.length > RESTARTS.max) exit(reason);
  log.warning(`the ${from === state.rooms ? 'rooms' : 'listener'} ended and is started again`);
  if (from === state.rooms) state.rooms = startRooms();
  else state.listener = startListener(state.address);
}

// Both on this scheduler: the rooms must know on which one the connections are, to use the others.

function startRooms(): Pid {
  return spawnOpt(
    { link: true, name: rooms.NAME, scheduler: thisScheduler() },
    rooms.start,
    self(),
  );
}

function startListener(address: listener.Address): Pid {
  return spawnOpt(
    { link: true, scheduler: thisScheduler() },
    listener.start,
    self<MainMessage>(),
    address,
  );
}

/** Where to listen: `PORT` (default 4040) and `HOST` (default this machine alone). */
export function addressFrom(env: Readonly<Record<string, string | undefined>>): listener.Address {
  const text = env['PORT'] || DEFAULT_PORT;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(
      `PORT is ${JSON.stringify(text)}; it must be a whole number from 0 (any free port) to 65535`,
    );
  }
  return { host: env['HOST'] || '127.0.0.1', port };
}
