/** Floor of ring: generators that hand the token on. */
import type { Measured, Params } from '../sampling.js';
import { type Actor, post, runAll, type Script, start, timedUs } from './actors.js';

type Hop = readonly ['token', number];

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const processes = params['processes'] ?? 0;
  const first: Actor = start(member(() => last));
  let last = first;
  for (let i = 1; i < processes; i++) {
    const next = last;
    last = start(member(() => next));
  }
  const pass = (k: number): void => {
    post(first, ['token', k]);
    runAll();
  };
  pass(processes);
  return { ops: n, us: timedUs(() => pass(n)) };
}

function* member(neighbour: () => Actor): Script {
  for (;;) {
    const m = (yield) as unknown as Hop;
    if (m[1] > 0) post(neighbour(), ['token', m[1] - 1]);
  }
}
