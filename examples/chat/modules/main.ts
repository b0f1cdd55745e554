/**
 * The chat: an HTTP page and WebSockets, a process for each connection and each room.
 *
 *   application chat
 *     └ top                one_for_one
 *         ├ talk           one_for_all
 *         │   ├ room supervisor        room, room, …               (on the other schedulers)
 *         │   ├ rooms                  which room has which name
 *         │   └ connections            connection, connection, …   (one for each browser)
 *         └ listener       the HTTP server; starts connections, and a process for each request
 *
 * A room or a connection that crashes is one room or one connection. When the process that knows the
 * rooms ends, all rooms and connections end with it: browsers reconnect and find new rooms. What
 * restarting does not mend goes up to the top, and from there to who started the application.
 */
import { thisScheduler } from 'tsvm';
import { type Application, defineApplication, getEnv } from 'tsvm/application';
import { child, type Supervisor, startLink, template } from 'tsvm/supervisor';
import * as connection from './connection.js';
import * as listener from './listener.js';
import * as main from './main.js';
import * as room from './room.js';
import * as rooms from './rooms.js';

export const application: Application<{ host: string; port: number }> = defineApplication({
  name: 'chat',
  version: '1.0.0',
  description: 'Rooms that people talk in, in their browsers',
  module: main,
  registered: [rooms.NAME, rooms.SUPERVISOR, connection.SUPERVISOR],
  // PORT and HOST of the environment count more.
  env: { host: '127.0.0.1', port: 4040 },
});

/** So many restarts within so many seconds are bad luck; one more is a fault that restarting does not mend. */
const RESTARTS = { intensity: 5, periodS: 10 } as const;

/** The application starts. All but the rooms live on this scheduler: a socket cannot leave its thread. */
export async function start(): Promise<Supervisor> {
  const address = addressFrom(process.env, {
    host: await getEnv(application, 'host'),
    port: await getEnv(application, 'port'),
  });
  const spec = {
    ...RESTARTS,
    children: [
      child('talk', main.startTalk, [], { type: 'supervisor' }),
      child('listener', listener.start, [address]),
    ],
  };
  return await startLink(spec, { scheduler: thisScheduler() });
}

export function startTalk(): Promise<Supervisor> {
  const spec = {
    ...RESTARTS,
    strategy: 'one_for_all',
    children: [
      child('room supervisor', main.startRooms, [], { type: 'supervisor' }),
      child('rooms', rooms.start, []),
      child('connections', main.startConnections, [], { type: 'supervisor' }),
    ],
  } as const;
  return startLink(spec, { scheduler: thisScheduler() });
}

/** Rooms are made when somebody asks for one, also again: their supervisor only stops them. */
export function startRooms(): Promise<Supervisor> {
  const children = [template('room', room.start, [], { restart: 'temporary' })];
  const spec = { strategy: 'simple_one_for_one', children } as const;
  return startLink(spec, { name: rooms.SUPERVISOR, scheduler: thisScheduler() });
}

/** A browser whose connection crashed connects again. */
export function startConnections(): Promise<Supervisor> {
  const children = [template('connection', connection.start, [], { restart: 'temporary' })];
  const spec = { strategy: 'simple_one_for_one', children } as const;
  return startLink(spec, { name: connection.SUPERVISOR, scheduler: thisScheduler() });
}

/** Where to listen: `PORT` and `HOST`, else what the application is configured with. */
export function addressFrom(
  env: Readonly<Record<string, string | undefined>>,
  configured: listener.Address,
): listener.Address {
  const text = env['PORT'] || String(configured.port);
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(
      `PORT is ${JSON.stringify(text)}; it must be a whole number from 0 (any free port) to 65535`,
    );
  }
  return { host: env['HOST'] || configured.host, port };
}
