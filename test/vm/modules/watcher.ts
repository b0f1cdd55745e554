/** Processes that trace others, with tsvm/trace. */
import { type Call, call, exit, type Pid, receive, reply, spawn, TIMEOUT } from 'tsvm';
import { collect, start, stop, type TraceMessage } from 'tsvm/trace';
import * as watcher from './watcher.js';

export async function echo(): Promise<never> {
  for (;;) {
    const { from, request } = await receive<Call<unknown, unknown>>();
    reply(from, request);
  }
}

const next = () => receive((message: TraceMessage) => message?.type.startsWith('trace'));

/** Trace one, ask it twice, and say what was seen. */
export async function traceOne(): Promise<unknown> {
  const target: Pid = spawn(watcher.echo);
  const trace = await start({ who: [target], kinds: ['receive'] });
  const seen: unknown[] = [];
  for (const n of [1, 2]) {
    await call(target, n);
    const message = await next();
    if (message.type !== 'trace' || message.event.type !== 'receive') throw new Error('no event');
    seen.push([message.tracer === trace.tracer, message.event.pid === target]);
  }
  const summary = await stop(trace);
  const again = await stop(trace);
  exit(target, 'kill');
  return { seen, summary, again, isRest: (await receive(() => true, 0)) !== TIMEOUT };
}

/** All messages of all, asked for by who sends and receives them. */
export async function traceAll(): Promise<unknown> {
  const target: Pid = spawn(watcher.echo);
  const asker = spawn(watcher.asks, target);
  const { why, events, seen } = await collect({
    who: ['all'],
    kinds: ['send', 'receive'],
    count: 20,
  });
  exit(asker, 'kill');
  exit(target, 'kill');
  const others = seen.every(({ pid }) => pid === target || pid === (asker as Pid<unknown>));
  return { why, events, others };
}

/** Calls without an end. */
export async function asks(target: Pid): Promise<never> {
  for (;;) {
    await call(target, 1);
    await receive(() => false, 5);
  }
}

export async function wrongly(): Promise<unknown> {
  return await start({ who: ['all'], count: 0 }).catch((error: Error) => error.message);
}

/** Begin a trace, and end. */
export async function leaves(): Promise<void> {
  await start({ who: ['nobody'], seconds: 600 });
}
