/** Floor of ping_pong_local: two generators that hand arrays to each other. */
import type { Measured, Params } from '../sampling.js';
import { type Actor, post, runAll, type Script, start, timedUs } from './actors.js';

type Trip = readonly [string, Actor, number];

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const server = start(serve(() => server));
  const client: Actor = start(ask(() => client, server));
  post(client, params['warm'] ?? 0);
  runAll();
  const us = timedUs(() => {
    post(client, n);
    runAll();
  });
  return { ops: n, us };
}

function* serve(self: () => Actor): Script {
  for (;;) {
    const m = (yield) as unknown as Trip;
    post(m[1], ['pong', self(), m[2]]);
  }
}

function* ask(self: () => Actor, server: Actor): Script {
  for (;;) {
    const n = (yield) as unknown as number;
    for (let i = n; i > 0; i--) {
      post(server, ['ping', self(), i]);
      const m = (yield) as unknown as Trip;
      if (m[0] !== 'pong' || m[1] !== server || m[2] !== i) throw new Error('a wrong answer');
    }
  }
}
