/**
 * timers: how fast are timers started and cancelled, and how late do they fire?
 *
 * n one-shot timers, delays = random mod 1001 ms, sent to a sink process as `['t', due]`. `insert`: started
 * per second, the reading of the clock included; some fire meanwhile. `late`: from the due time to being
 * taken by the sink. `cancel`: n timers of a minute and the same delays, cancelled in the order of
 * starting, each answering that it still ran.
 *
 * Does not show: timers of other schedulers.
 */
import {
  cancelTimer,
  monotonicTime,
  type Pid,
  type Ref,
  receive,
  self,
  send,
  sendAfter,
  spawn,
} from 'tsvm';
import type { Params, Values } from '../sampling.js';
import { addLatency, latencyUs, newHistogram } from './histogram.js';

type Due = readonly ['t', number];

const MINUTE_MS = 60_000;

export async function values(_variant: string, params: Params): Promise<Values> {
  const n = params['n'] ?? 0;
  const delays = randomDelays(n);
  const sink: Pid<Due> = spawn(collect, n, self<Values>());
  const begin = performance.now();
  for (const delay of delays) {
    const due = monotonicTime() + delay;
    sendAfter(delay, sink, ['t', due]);
  }
  const insert = perSecond(n, begin);
  const late = await receive<Values>();
  const refs: Ref[] = delays.map((delay) => sendAfter(MINUTE_MS + delay, self(), 'late'));
  const cancelled = performance.now();
  for (const ref of refs) {
    if ((await cancelTimer(ref)) === false) throw new Error('a timer of a minute has fired');
  }
  return { insert, ...late, cancel: perSecond(n, cancelled) };
}

function perSecond(n: number, begin: number): number {
  return (n * 1000) / (performance.now() - begin);
}

export async function collect(n: number, parent: Pid<Values>): Promise<void> {
  const histogram = newHistogram();
  let max = 0;
  for (let left = n; left > 0; left--) {
    const [, due] = await receive<Due>();
    const late = monotonicTime() - due;
    addLatency(histogram, late);
    max = Math.max(max, late * 1000);
  }
  const [p50, p99] = [latencyUs(histogram, 50), latencyUs(histogram, 99)];
  send(parent, { late_p50: p50, late_p99: p99, late_max: max });
}

/** The same in every run. */
function randomDelays(n: number): number[] {
  let seed = 42;
  return Array.from({ length: n }, () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % 1001;
  });
}
