/** What the tests of tracing look at. */
import { type Call, exit, fn, type Pid, receive, reply, send, sleep, spawn, spawnLink } from 'tsvm';
import * as traced from './traced.js';

export async function echo(): Promise<never> {
  for (;;) {
    const { from, request } = await receive<Call<unknown, unknown>>();
    reply(from, traced.double(request as number));
  }
}

export function double(n: number): number {
  return n * 2;
}

export async function later(n: number): Promise<number> {
  await sleep(1);
  if (n < 0) throw new RangeError('below zero');
  return n + 1;
}

export const handlers = {
  add: (a: number, b: number): number => a + b,
};

export async function calls(): Promise<unknown[]> {
  const found: unknown[] = [];
  found.push(traced.double(4), await traced.later(1), traced.handlers.add(1, 2));
  found.push(await traced.later(-1).catch((error: Error) => error.message));
  const unwatched = traced.later(5);
  found.push(await unwatched);
  return found;
}

/** A failure of a traced call that nobody waits for is still one. */
export async function fails(): Promise<void> {
  await traced.later(-2);
}

export async function family(scheduler: number): Promise<void> {
  const child = spawnLink(
    fn(async () => {
      await receive();
      exit('over');
    }),
  );
  void scheduler;
  send(child, { password: 'hush', n: 1 });
  await receive();
}

export async function flood(count: number, to: Pid): Promise<number> {
  for (let n = 0; n < count; n++) send(to, n);
  return count;
}

export async function sinkhole(): Promise<never> {
  for (;;) await receive();
}

export function starts(): Pid {
  return spawn(traced.sinkhole);
}
