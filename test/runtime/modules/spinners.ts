/** Endless plain code of all kinds, many at a time: each lap is counted, so that one can see who goes on. */

import {
  counter,
  type Down,
  exit,
  type Monitored,
  receive,
  schedulers,
  sleep,
  spawnOpt,
} from 'tsvm';
import { spinElsewhere } from './spinners-loop.js';

/** Rounds between two laps, more than any slice has. */
const ROUNDS = 20_000;
/** Far longer than it takes, for a computer that has much else to do. */
const PATIENCE_MS = 60_000;

export function lap(n: number): void {
  counter(`spinners.${n}`).add(1);
}

export function spin(n: number): void {
  for (;;) {
    for (let round = 0; round < ROUNDS; round++) work(round);
    lap(n);
  }
}

function work(n: number): number {
  return n + 1;
}

export const spinArrow = (n: number): never => {
  let round = 0;
  while (true) if (++round % ROUNDS === 0) lap(n);
};

/** The loop is two calls away. */
export function spinBelow(n: number): void {
  below({ n });
}

function below({ n }: { n: number }, rounds = ROUNDS): void {
  for (let at = 0; ; at++) if (at % rounds === 0) lap(n);
}

export async function callsSpin(n: number): Promise<void> {
  await sleep(0);
  spin(n);
}

export async function callsSpinAtOnce(n: number): Promise<void> {
  spin(n);
}

export async function callsImported(n: number): Promise<void> {
  spinElsewhere(lap, n);
}

/** Each lap is a call that returns. */
export async function callsAgain(n: number): Promise<void> {
  for (;;) {
    oneLap();
    lap(n);
  }
}

function oneLap(): number {
  let sum = 0;
  for (let round = 0; round < ROUNDS * 10; round++) sum += work(round);
  return sum;
}

export async function callsWithCatch(n: number): Promise<void> {
  for (;;) {
    try {
      fails(n);
    } catch (error) {
      lap(Number((error as Error).message));
    }
  }
}

function fails(n: number): void {
  for (let round = 0; round < ROUNDS; round++) work(round);
  throw new Error(String(n));
}

/** A function inside of another one has no twin: it holds the stack. */
function held(n: number): void {
  const spinning = (): void => {
    for (let round = 0; ; round++) if (round % ROUNDS === 0) lap(n);
  };
  spinning();
}

/** What holds the stack for a while only, again and again. */
async function holdsNowAndThen(n: number): Promise<void> {
  const spinning = (): void => {
    for (let round = 0; round < ROUNDS * 20; round++) work(round);
  };
  for (;;) {
    spinning();
    lap(n);
  }
}

const KINDS: Readonly<Record<string, (n: number) => unknown>> = {
  spin,
  spinArrow,
  spinBelow,
  callsSpin,
  callsSpinAtOnce,
  callsImported,
  callsAgain,
  callsWithCatch,
  held,
  holdsNowAndThen,
};

function start(kind: string, n: number): Monitored<unknown> {
  const options = { scheduler: (n % schedulers()) + 1, monitor: true } as const;
  if (kind === 'inline') {
    return spawnOpt(options, () => {
      for (let round = 0; ; round++) if (round % ROUNDS === 0) lap(n);
    });
  }
  if (kind === 'inlineCall') return spawnOpt(options, () => spin(n));
  return spawnOpt(options, KINDS[kind] as (n: number) => unknown, n);
}

/** @returns the kinds of those that did not go on, and the reasons by which all of them ended */
export async function goOn(
  kinds: readonly string[],
  more: number,
): Promise<{ stuck: string[]; reasons: unknown[] }> {
  const laps = kinds.map((_, n) => counter(`spinners.${n}`));
  for (const each of laps) each.set(0);
  const started = kinds.map((kind, n) => start(kind, n));
  const until = performance.now() + PATIENCE_MS;
  const goals = laps.map(() => more);
  // Twice, so that it is not the first slice only.
  for (let time = 0; time < 2; time++) {
    while (laps.some((each, n) => each.get() < (goals[n] as number)) && performance.now() < until)
      await sleep(5);
    const stuck = kinds.filter((_, n) => (laps[n]?.get() ?? 0) < (goals[n] as number));
    if (stuck.length > 0) return { stuck, reasons: await killAll(started) };
    for (const [n, each] of laps.entries()) goals[n] = each.get() + more;
  }
  return { stuck: [], reasons: await killAll(started) };
}

async function killAll(started: readonly Monitored<unknown>[]): Promise<unknown[]> {
  for (const { pid } of started) exit(pid, 'kill');
  const reasons = new Set<unknown>();
  for (const { ref } of started) {
    const down = await receive((m: Down): m is Down => m.ref === ref);
    reasons.add(down.reason);
  }
  return [...reasons];
}
