/**
 * supervisor_restart: how soon does a supervisor start a child again?
 *
 * `burst…`: the start function of the one permanent child spawns a linked process that counts itself in
 * a shared counter and exits, n times; the next one stays. Clock: from starting the supervisor to
 * the message of that one. `answer`: the child is a registered gen-server; the client casts `crash`,
 * then asks for its generation by name, catching exits and yielding, until the next incarnation answers.
 *
 * Does not show: logging, which is off, and children that take long to start.
 */
import { counter, exit, type Pid, receive, self, send, spawnLink, trapExit, yieldNow } from 'tsvm';
import {
  call,
  cast,
  type GenServer,
  named,
  type Server,
  startLink as startServer,
  stop,
} from 'tsvm/gen-server';
import { child, type Supervisor, startLink } from 'tsvm/supervisor';
import type { Measured, Params, Values } from '../sampling.js';
import { addLatency, latencyUs, newHistogram } from './histogram.js';
import * as restarts from './supervisor-restart.js';

const COUNTER = 'bench.supervisor_restart';
const NAME = 'bench.generation';
const INTENSITY = 1_000_000_000;

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  trapExit(true);
  counter(COUNTER).set(0);
  const begin = performance.now();
  const supervisor = await startLink({
    intensity: INTENSITY,
    periodS: 1,
    children: [child('short', startShort, [n, self<'stays'>()])],
  });
  await receive((message) => message === 'stays');
  const us = (performance.now() - begin) * 1000;
  await stop(supervisor, 'shutdown');
  return { ops: n, us };
}

export function startShort(n: number, parent: Pid<'stays'>): Pid {
  return spawnLink(restarts.short, n, parent);
}

export async function short(n: number, parent: Pid<'stays'>): Promise<void> {
  if (counter(COUNTER).add(1) <= n) exit('crash');
  send(parent, 'stays');
  await receive();
}

// ---- answer -------------------------------------------------------------------------------------

type Generation = GenServer<{
  state: number;
  calls: { generation: () => number };
  casts: { crash: () => void };
}>;

export const init: Generation['init'] = () => ({ state: counter(COUNTER).add(1) });

export const handleCall: Generation['handleCall'] = {
  generation: (_, n) => ({ reply: n, state: n }),
};

export const handleCast: Generation['handleCast'] = {
  crash() {
    throw new Error('crash');
  },
};

export function startGeneration(): Promise<Server<typeof restarts>> {
  return startServer(restarts, undefined, { name: NAME });
}

export async function latencies(_variant: string, params: Params): Promise<Values> {
  const supervisor: Supervisor = await startLink({
    intensity: INTENSITY,
    periodS: 1,
    children: [child('generation', startGeneration, [])],
  });
  trapExit(true);
  const histogram = newHistogram();
  for (let i = params['n'] ?? 0; i > 0; i--) {
    const server = named<typeof restarts>(NAME);
    const before = await call(server, { type: 'generation' });
    const begin = performance.now();
    cast(server, { type: 'crash' });
    while ((await generation()) <= before) await yieldNow();
    addLatency(histogram, performance.now() - begin);
  }
  await stop(supervisor, 'shutdown');
  return { p50: latencyUs(histogram, 50), p99: latencyUs(histogram, 99) };
}

async function generation(): Promise<number> {
  try {
    return await call(named<typeof restarts>(NAME), { type: 'generation' });
  } catch {
    // Between two incarnations.
    return 0;
  }
}
