/**
 * gen_server_call: what does a synchronous call of a gen-server cost?
 *
 * The client sends `incr` to a server whose state is a number, with all that a call does: monitor,
 * alias, 5 s time limit, reply. `local`: both on one scheduler. `cross`: the client pinned to
 * scheduler 1, the server to 2.
 *
 * Does not show: many clients, requests of any size, callbacks that wait.
 */
import { type Pid, receive, self, send, spawnOpt } from 'tsvm';
import { call, type GenServer, type Server, start, stop } from 'tsvm/gen-server';
import type { Measured, Params } from '../sampling.js';
import * as counter from './gen-server-call.js';
import { slot } from './slot.js';

type Counter = GenServer<{ state: number; calls: { incr: () => number } }>;

export const init: Counter['init'] = () => ({ state: 0 });

export const handleCall: Counter['handleCall'] = {
  incr: (_, n) => ({ reply: n + 1, state: n + 1 }),
};

export async function body(variant: string, params: Params): Promise<Measured> {
  const far = variant === 'cross';
  const server = await start(counter, undefined, { scheduler: slot(far ? 2 : 1) });
  spawnOpt({ scheduler: slot(1) }, client, server, params, self<Measured>());
  const measured = await receive<Measured>();
  await stop(server);
  return measured;
}

export async function client(
  server: Server<typeof counter>,
  params: Params,
  parent: Pid<Measured>,
): Promise<void> {
  const n = params['n'] ?? 0;
  await calls(server, params['warm'] ?? 0);
  const begin = performance.now();
  await calls(server, n);
  send(parent, { ops: n, us: (performance.now() - begin) * 1000 });
}

async function calls(server: Server<typeof counter>, n: number): Promise<void> {
  for (let i = 0; i < n; i++) await call(server, { type: 'incr' });
}
