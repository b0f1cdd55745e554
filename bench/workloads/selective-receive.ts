/**
 * selective_receive: what does a full mailbox cost a client that waits for one answer?
 *
 * Client and echo server (`['req', from, tag]` → `[tag, 'ok']`), nobody pinned; `junk` messages
 * `['junk', i]` lie in the client's mailbox and are still there at the end. `ref`: each request
 * tagged with a new reference, which the receive names, so that the machine may skip the junk.
 * `scan`: tagged with an integer, so the junk is looked at each time. `empty_mailbox`: `ref`
 * without junk.
 *
 * Does not show: a mailbox that grows meanwhile.
 *
 * Floor: generators; `scan` calls a predicate on an array of junk for every request.
 */
import { makeRef, type Pid, type Ref, receive, self, send, spawn, TIMEOUT } from 'tsvm';
import type { Measured, Params } from '../sampling.js';

type Reply = readonly [Ref | number, 'ok'];
type ToClient = Reply | readonly ['junk', number];
type Request = readonly ['req', Pid<ToClient>, Ref | number] | 'stop';

export async function body(variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const junk = params['junk'] ?? 0;
  const server: Pid<Request> = spawn(echo);
  for (let i = 1; i <= junk; i++) send(self<ToClient>(), ['junk', i]);
  const start = performance.now();
  if (variant === 'scan') await byNumber(server, n);
  else await byRef(server, n);
  const us = (performance.now() - start) * 1000;
  send(server, 'stop');
  await takeJunk(junk);
  return { ops: n, us };
}

async function byRef(server: Pid<Request>, n: number): Promise<void> {
  const me = self<ToClient>();
  let ref: Ref;
  const isReply = (m: ToClient): boolean => m[0] === ref && m[1] === 'ok';
  for (let i = n; i > 0; i--) {
    ref = makeRef();
    send(server, ['req', me, ref]);
    await receive(isReply, { since: ref });
  }
}

async function byNumber(server: Pid<Request>, n: number): Promise<void> {
  const me = self<ToClient>();
  let i = n;
  // Asking for the type first keeps the comparison one of numbers; V8 is half again as fast then.
  const isReply = (m: ToClient): boolean => typeof m[0] === 'number' && m[0] === i && m[1] === 'ok';
  for (; i > 0; i--) {
    send(server, ['req', me, i]);
    await receive(isReply);
  }
}

/** All junk must still be there, in its order. */
async function takeJunk(junk: number): Promise<void> {
  for (let i = 1; i <= junk; i++) {
    const m = await receive<ToClient>(undefined, 0);
    if (m === TIMEOUT || m[0] !== 'junk' || m[1] !== i) throw new Error(`junk ${i} is lost`);
  }
}

export async function echo(): Promise<void> {
  for (;;) {
    const m = await receive<Request>();
    if (m === 'stop') return;
    send(m[1], [m[2], 'ok']);
  }
}
