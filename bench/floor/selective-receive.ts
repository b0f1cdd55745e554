/** Floor of selective_receive: a generator that looks for its answer behind an array of junk. */
import type { Measured, Params } from '../sampling.js';
import { type Actor, post, runAll, type Script, start, timedUs } from './actors.js';

type Reply = readonly [number | string, string | number];
type Ask = readonly [string, Actor, number];

export async function body(variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const junk = Array.from({ length: params['junk'] ?? 0 }, (_, i) => ['junk', i] as const);
  const server = start(echo());
  const client: Actor = start(ask(() => client, server, variant === 'scan' ? junk : []));
  const us = timedUs(() => {
    post(client, n);
    runAll();
  });
  return { ops: n, us };
}

function* echo(): Script {
  for (;;) {
    const m = (yield) as unknown as Ask;
    post(m[1], [m[2], 'ok']);
  }
}

function* ask(self: () => Actor, server: Actor, junk: readonly Reply[]): Script {
  const n = (yield) as unknown as number;
  let i = n;
  const isReply = (m: Reply): boolean => typeof m[0] === 'number' && m[0] === i && m[1] === 'ok';
  for (; i > 0; i--) {
    post(server, ['req', self(), i]);
    const reply = (yield) as unknown as Reply;
    if (junk.some(isReply) || !isReply(reply)) throw new Error('a wrong answer');
  }
}
