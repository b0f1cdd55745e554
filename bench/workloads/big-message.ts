/**
 * big_message: what does a large message cost from one scheduler to another?
 *
 * At most 16 unacknowledged messages `['big', term]`, one `ack` each; the producer pinned to
 * scheduler 1, the receiver to 2. `maps`: 100 maps of ten entries, over which the receiver sums
 * and compares. `maps_frozen`: the same maps under `freeze`, which are shared instead of copied.
 * `bin1m_shared`: one binary of 1 MiB, the same each time. The BEAM passes a reference to it; tsvm
 * refuses shared memory in messages, so it copies. `bin1m_fresh`: each a binary newly filled by
 * the producer, and transferred. The receiver of a binary reads its first and last byte.
 *
 * Does not show: what the receiver's heap does when it keeps what it gets. The volume of what is
 * passed by reference is nominal.
 *
 * Floor: the same over a raw MessagePort, with a SharedArrayBuffer for `bin1m_shared`.
 */
import { freeze, type Pid, receive, self, send, spawnOpt } from 'tsvm';
import type { Measured, Params } from '../sampling.js';
import type { BigMap } from './big-term.js';
import { maps100, sumOf } from './big-term.js';
import { slot } from './slot.js';

const UNACKNOWLEDGED = 16;
const MEBIBYTE = 1 << 20;

type Term = readonly BigMap[] | Uint8Array;
type ToReceiver = readonly ['big', Term] | readonly ['producer', Pid<'ack'>] | 'stop';

export async function body(variant: string, params: Params): Promise<Measured> {
  const receiver: Pid<ToReceiver> = spawnOpt({ scheduler: slot(2) }, consume, sumOf(maps100()));
  const producer: Pid<'ack'> = spawnOpt(
    { scheduler: slot(1) },
    produce,
    variant,
    params['n'] ?? 0,
    receiver,
    self<Measured>(),
  );
  send(receiver, ['producer', producer]);
  const measured = await receive<Measured>();
  send(receiver, 'stop');
  return measured;
}

export async function produce(
  variant: string,
  n: number,
  receiver: Pid<ToReceiver>,
  parent: Pid<Measured>,
): Promise<void> {
  const fresh = variant === 'bin1m_fresh';
  const term = termOf(variant);
  let credit = UNACKNOWLEDGED;
  const start = performance.now();
  for (let i = n; i > 0; i--) {
    for (; credit === 0; credit++) await receive<'ack'>();
    if (fresh) sendFilled(receiver, i & 255);
    else send(receiver, ['big', term]);
    credit--;
  }
  for (; credit < UNACKNOWLEDGED; credit++) await receive<'ack'>();
  send(parent, { ops: n, us: (performance.now() - start) * 1000 });
}

function termOf(variant: string): Term {
  if (variant === 'maps') return maps100();
  if (variant === 'maps_frozen') return freeze(maps100());
  return new Uint8Array(MEBIBYTE).fill(1);
}

function sendFilled(receiver: Pid<ToReceiver>, byte: number): void {
  const bytes = Buffer.allocUnsafeSlow(MEBIBYTE).fill(byte);
  send(receiver, ['big', bytes], { transfer: [bytes.buffer] });
}

export async function consume(expected: number): Promise<void> {
  const [, producer] = (await receive((m: ToReceiver) => m[0] === 'producer')) as readonly [
    'producer',
    Pid<'ack'>,
  ];
  for (;;) {
    const m = await receive<ToReceiver>();
    if (m === 'stop') return;
    check(m[1] as Term, expected);
    send(producer, 'ack');
  }
}

function check(term: Term, expected: number): void {
  const right =
    term instanceof Uint8Array ? term[0] === term[MEBIBYTE - 1] : sumOf(term) === expected;
  if (!right) throw new Error('the message is not what was sent');
}
