/**
 * The listener: owns the HTTP server and hands on what arrives, each request and each WebSocket to a process of
 * its own. When one of those crashes, no other notices.
 *
 * The processes run on this scheduler, as a socket cannot leave its thread; the rooms run on the others.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  announce,
  type EventMessage,
  forward,
  handOver,
  log,
  own,
  type Port,
  setLabel,
  sleep,
  spawnOpt,
  takeOver,
  thisScheduler,
} from 'tsvm';
import * as genServer from 'tsvm/gen-server';
import { type SupervisorRef, startChild } from 'tsvm/supervisor';
import { type WebSocket, WebSocketServer } from 'ws';
import * as connection from './connection.js';
import { ADMISSION, CONNECTIONS_MAX, FRAME_BYTES_MAX } from './limits.js';
import * as listener from './listener.js';
import * as web from './web.js';

export type Address = { readonly host: string; readonly port: number };

export type ListenerMessage =
  | (EventMessage<'request'> & { readonly args: readonly [Port<ServerResponse>, string, string] })
  | (EventMessage<'socket'> & {
      readonly event: 'connection';
      readonly args: readonly [Port<WebSocket>, string];
    })
  | (EventMessage<'socket'> & { readonly event: 'error'; readonly args: readonly [string] });

/** Nothing is kept: the server belongs to the process. */
type State = null;

export function start(address: Address): Promise<genServer.Server<typeof listener>> {
  return genServer.startLink(listener, address, { scheduler: thisScheduler() });
}

export async function init(address: Address): Promise<genServer.InitResult<State>> {
  setLabel('listener');
  const server = own(createServer(), close);
  server.maxConnections = CONNECTIONS_MAX;
  const url = await listen(server, address);
  const sockets = new WebSocketServer({ server, path: '/ws', maxPayload: FRAME_BYTES_MAX });
  forward(server, { events: ['request'], active: true, tag: 'request', map: request });
  forward(sockets, { events: ['connection', 'error'], active: true, tag: 'socket', map: socket });
  announce(url);
  return { state: null };
}

export function handleInfo(message: ListenerMessage, state: State): genServer.Result<State> {
  const here = { scheduler: thisScheduler() };
  if (message.type === 'request') {
    const [port, method, url] = message.args;
    spawnOpt(here, web.answer, port, method, url);
  } else if (message.event === 'connection') {
    const [port, query] = message.args;
    spawnOpt(here, listener.admit, port, query);
  } else {
    log.warning(`the server reported: ${message.args[0]}`);
  }
  return { state };
}

/** Have a connection started. While the supervisor is being restarted itself, wait for it. */
export async function admit(port: Port<WebSocket>, query: string): Promise<void> {
  for (let left = ADMISSION.tries; left > 0; left--) {
    try {
      const supervisor = genServer.named(connection.SUPERVISOR) as SupervisorRef;
      await startChild(supervisor, [{ port, query }]);
      return;
    } catch (error) {
      if (genServer.isStartError(error)) break;
      await sleep(ADMISSION.waitMs);
    }
  }
  takeOver(port, (each) => each.terminate());
}

/** @throws when it cannot listen, in words that say what to do */
async function listen(server: Server, { host, port }: Address): Promise<string> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`the chat cannot listen on ${host}:${port}: ${advice(error, port)}`, {
      cause: error,
    });
  }
  const bound = server.address();
  const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
  return `http://${host === '127.0.0.1' ? 'localhost' : host}:${actual}/`;
}

function advice(error: unknown, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `the port is in use (EADDRINUSE). Stop the other program or take another port: PORT=${port + 1} npm start`;
    case 'EACCES':
      return 'this user may not (EACCES). Take a port above 1023: PORT=4040 npm start';
    default:
      return String(error);
  }
}

// The two below run in Node's callback, when the event comes: what they hand over nobody else has seen.
// The casts name the arguments that Node and `ws` document for these events.

function request(args: readonly unknown[]): readonly unknown[] {
  const [{ method, url }, response] = args as [IncomingMessage, ServerResponse];
  return [handOver(response), method ?? 'GET', url ?? '/'];
}

function socket(args: readonly unknown[], event: string): readonly unknown[] {
  if (event === 'error') return [String(args[0])];
  const [each, { url }] = args as [WebSocket, IncomingMessage];
  // Until its process has it: its frames wait, an error of it is nobody's crash, and we are the owner.
  each.pause();
  each.on('error', () => {});
  own(each, (unclaimed) => unclaimed.terminate());
  return [handOver(each), (url ?? '').split('?')[1] ?? ''];
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}
