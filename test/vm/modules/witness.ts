/** A server whose end is to be reported with all that a report can hold. */
import { type Down, dictionary, receive, self, send, setLabel, spawnLink } from 'tsvm';
import { call, type GenServer, type Server, startLink } from 'tsvm/gen-server';
import * as procLib from 'tsvm/proc-lib';
import * as witness from './witness.js';

type Witness = GenServer<{
  state: { sum: number; pin: string };
  init: number;
  calls: { boom: () => void };
}>;

export const init: Witness['init'] = (sum) => ({ state: { sum, pin: '4711' } });

export const handleCall: Witness['handleCall'] = {
  boom() {
    dictionary.put('step', 'pay');
    setLabel('till 3');
    spawnLink(idle);
    for (let n = 0; n < 12; n++) send(self<unknown>(), { note: n });
    throw new RangeError('too dear', {
      cause: new TypeError('no price', { cause: new Error('root') }),
    });
  },
};

export const formatStatus: Witness['formatStatus'] = ({ sum }) => ({ sum });

export async function idle(): Promise<void> {
  await receive();
}

/** Starts the server under the name `boss`, and asks it for its end. */
export async function boss(scheduler: number): Promise<void> {
  const pid: Server<typeof witness> = await startLink(witness, 5, { name: 'witness', scheduler });
  await call(pid, { type: 'boom' });
}

export async function scene(scheduler: number): Promise<void> {
  const { ref } = procLib.spawnOpt({ name: 'boss', monitor: true }, boss, scheduler);
  await receive((down: Down) => down?.ref === ref);
}
