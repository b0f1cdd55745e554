/** Floor of fan_in: generators that push to the inbox of one of them. */
import type { Measured, Params } from '../sampling.js';
import { type Actor, post, runAll, type Script, start, timedUs } from './actors.js';

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const senders = params['senders'] ?? 1;
  let taken = 0;
  const receiver = start(
    take(() => {
      taken++;
    }),
  );
  const actors: Actor[] = [];
  for (let i = 0; i < senders; i++) actors.push(start(sendEach(receiver, i, n / senders)));
  const us = timedUs(() => {
    for (const actor of actors) post(actor, 'go');
    runAll();
  });
  if (taken !== n) throw new Error(`took ${taken} of ${n}`);
  return { ops: n, us };
}

function* take(count: () => void): Script {
  for (;;) {
    yield;
    count();
  }
}

function* sendEach(receiver: Actor, me: number, each: number): Script {
  yield;
  for (let k = each; k > 0; k--) post(receiver, [me, k]);
}
