/**
 * Types of the behaviours, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */

import { send } from 'tsvm';
import {
  call,
  cast,
  type GenServer,
  multiCall,
  named,
  receiveResponse,
  type Server,
  sendRequest,
  start,
  startLink,
} from 'tsvm/gen-server';
import { child, startLink as startSupervisor } from 'tsvm/supervisor';
import * as counter from './behaviours.js';

type Counter = GenServer<{
  state: number;
  init: number;
  calls: { get: () => number; add: (request: { by: number }) => number; text: () => string };
  casts: { reset: (request: { to: number }) => void };
  info: { type: 'tick' };
}>;

export const init: Counter['init'] = (n) => ({ state: n });

export const handleCall: Counter['handleCall'] = {
  get: (_, n) => ({ reply: n, state: n }),
  add: ({ by }, n) => ({ reply: n + by, state: n + by }),
  text: (_, n, from) => {
    void from;
    return { noReply: true, state: n };
  },
};

export const handleCast: Counter['handleCast'] = { reset: ({ to }) => ({ state: to }) };

export const handleInfo: Counter['handleInfo'] = (_message, n) => ({ state: n, timeoutMs: 5 });

declare const server: Server<typeof counter>;

/** The request decides the reply; what the server does not know is refused. */
export async function calls(): Promise<void> {
  const n: number = await call(server, { type: 'get' });
  const sum: number = await call(server, { type: 'add', by: n });
  const text: string = await call(server, { type: 'text' }, 1000);
  const byName: number = await call(named<typeof counter>('counter'), { type: 'get' });
  const untyped: unknown = await call('counter', { type: 'whatever' });
  void [sum, text, byName, untyped];
  // @ts-expect-error the reply of get is a number
  const wrong: string = await call(server, { type: 'get' });
  // @ts-expect-error there is no such request
  await call(server, { type: 'take' });
  // @ts-expect-error by is missing
  await call(server, { type: 'add' });
  // @ts-expect-error by is a number
  await call(server, { type: 'add', by: '1' });
  // @ts-expect-error reset is a cast
  await call(server, { type: 'reset', to: 1 });
  cast(server, { type: 'reset', to: 1 });
  // @ts-expect-error get is a call
  cast(server, { type: 'get' });
  send(server, { type: 'tick' });
  // @ts-expect-error it does not take that
  send(server, { type: 'tock' });
  void wrong;
}

export async function requests(): Promise<void> {
  const answer = await receiveResponse(sendRequest(server, { type: 'text' }));
  if (answer !== 'timeout' && 'reply' in answer) {
    const text: string = answer.reply;
    // @ts-expect-error it is a string
    const n: number = answer.reply;
    void [text, n];
  }
  const { replies } = await multiCall([server], { type: 'get' });
  const n: number | undefined = replies[0]?.reply;
  void n;
}

export async function starts(): Promise<void> {
  const typed: Server<typeof counter> = await startLink(counter, 1, { name: 'counter' });
  void typed;
  // @ts-expect-error init takes a number
  await start(counter, 'one');
  // @ts-expect-error init takes an argument
  await start(counter);
  // @ts-expect-error no init
  await start({ handleCall: {} }, 1);
  // @ts-expect-error no such option
  await start(counter, 1, { nmae: 'counter' });
}

/** Wrong results. */
export const wrongReply: Counter['handleCall'] = {
  // @ts-expect-error the reply of get is a number
  get: (_, n) => ({ reply: 'x', state: n }),
  // @ts-expect-error neither a reply nor noReply
  add: (_, n) => ({ state: n }),
  // @ts-expect-error the state is a number
  text: () => ({ reply: 'x', state: 'x' }),
};

// @ts-expect-error add and text are missing
export const missing: Counter['handleCall'] = { get: (_, n) => ({ reply: n, state: n }) };

// @ts-expect-error a cast is not answered
export const answered: Counter['handleCast'] = { reset: () => ({ state: 1, reply: 1 }) };

// @ts-expect-error there is no continue in this server
export const continued: Counter['init'] = (n) => ({ state: n, continue: 'x' });

type Loader = GenServer<{ state: string; continue: { load: string } }>;
declare const withoutContinue: { readonly init: Loader['init'] };
declare const withContinue: Pick<Loader, 'init' | 'handleContinue'>;

export async function continues(): Promise<void> {
  await start(withContinue);
  // @ts-expect-error what may continue needs handleContinue
  await start(withoutContinue);
}

export function startCounter(from: number): Promise<Server<typeof counter>> {
  return startLink(counter, from);
}

export async function supervisors(): Promise<void> {
  const spec = child('a', startCounter, [1], { restart: 'transient', significant: true });
  await startSupervisor({ strategy: 'rest_for_one', intensity: 3, children: [spec] });
  // @ts-expect-error startCounter takes a number
  child('a', startCounter, ['one']);
  // @ts-expect-error startCounter takes an argument
  child('a', startCounter, []);
  // @ts-expect-error that starts nothing
  child('a', () => 5, []);
  // @ts-expect-error a permanent child cannot be significant
  child('a', startCounter, [1], { restart: 'permanent', significant: true });
  // @ts-expect-error no such restart
  child('a', startCounter, [1], { restart: 'always' });
  // @ts-expect-error no such strategy
  await startSupervisor({ strategy: 'one_for_two', children: [spec] });
  // @ts-expect-error not made by child, so nobody knows whether it can start
  await startSupervisor({ children: [{ id: 'a', start: startCounter, args: ['x'] }] });
}

/** A state comes over from any other form; what it becomes is this server's. */
export const changes: Counter['codeChange'] = {
  up: (_from: number, { total }: { readonly total: number }) => total,
  down: (_to: number, n: number) => ({ total: n }),
};
export const changesUp: Counter['codeChange'] = async (_from: string, text: string) => text.length;
// @ts-expect-error the state is a number
export const changesWrongly: Counter['codeChange'] = (_from: number, n: number) => String(n);
export const changesBack: Counter['codeChange'] = {
  // @ts-expect-error the way down begins with the state of this version
  down: (_to: number, text: string) => text,
};

declare const withCodeChange: Pick<Counter, 'init' | 'codeChange'>;
export const startWithCodeChange = (): Promise<unknown> => start(withCodeChange, 1);
