/**
 * throughput_cross: how many messages a second go from one scheduler to another?
 *
 * The producer, pinned to scheduler 1, sends `['msg', i]`, i = n down to 1, to a consumer pinned
 * to 2 that checks each i. Credit: 1,000 at first, the consumer gives 500 back after each 500;
 * without credit the producer waits. Clock: from telling the producer to hearing from the consumer.
 *
 * Does not show: latency; the credit lets messages travel in batches.
 *
 * Floor: the same over a raw MessagePort, one message a `postMessage`.
 */
import { type Pid, receive, self, send, spawnOpt } from 'tsvm';
import type { Measured, Params } from '../sampling.js';
import { slot } from './slot.js';

const CREDIT = 1_000;
const RETURNED = 500;

type ToProducer = 'go' | readonly ['credit', number];
type ToConsumer = readonly ['msg', number] | readonly ['producer', Pid<ToProducer>];

export async function body(_variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const consumer: Pid<ToConsumer> = spawnOpt(
    { scheduler: slot(2) },
    consume,
    n,
    self<'consumed'>(),
  );
  const producer: Pid<ToProducer> = spawnOpt({ scheduler: slot(1) }, produce, n, consumer);
  send(consumer, ['producer', producer]);
  const start = performance.now();
  send(producer, 'go');
  await receive<'consumed'>();
  return { ops: n, us: (performance.now() - start) * 1000 };
}

export async function produce(n: number, consumer: Pid<ToConsumer>): Promise<void> {
  await receive((m: ToProducer) => m === 'go');
  let credit = CREDIT;
  for (let i = n; i > 0; i--) {
    if (credit === 0) credit = Number((await receive<ToProducer>())[1]);
    send(consumer, ['msg', i]);
    credit--;
  }
}

export async function consume(n: number, parent: Pid<'consumed'>): Promise<void> {
  const [, producer] = (await receive((m: ToConsumer) => m[0] === 'producer')) as readonly [
    'producer',
    Pid<ToProducer>,
  ];
  let left = RETURNED;
  for (let i = n; i > 0; i--) {
    const m = await receive<ToConsumer>();
    if (m[0] !== 'msg' || m[1] !== i) throw new Error(`expected ${i}, got ${JSON.stringify(m)}`);
    if (--left === 0) {
      send(producer, ['credit', RETURNED]);
      left = RETURNED;
    }
  }
  send(parent, 'consumed');
}
