/** §8.2, no process may go back: two processes tell each other which version they call, while versions come. */
import { type Pid, receive, self, send } from 'tsvm';

type Told = { readonly from: Pid; readonly version: number };

export interface Seen {
  /** Messages that told of a newer version than the receiver had called itself so far. */
  readonly races: number;
  /** Calls that reached an older version than a message had told of. */
  readonly back: number;
}

/** Until the version `last` is told of. */
export async function player(module: string, last: number, report: Pid | null): Promise<Seen> {
  const target = (await import(`./${module}.js`)) as { v(): number };
  let races = 0;
  let back = 0;
  let own = 0;
  for (;;) {
    const { from, version } = await receive<Told>();
    if (version > own) races += 1;
    own = target.v();
    if (own < version) back += 1;
    send(from, { from: self(), version: own });
    if (own < last) continue;
    if (report !== null) send(report, { races, back });
    return { races, back };
  }
}
