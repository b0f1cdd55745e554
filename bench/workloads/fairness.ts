/**
 * fairness: how late is a timer, and how soon is a process dead, beside processes that never stop?
 *
 * A ticker (clock, wait 1 ms, clock; lateness = waited - 1 ms) runs for `ms` milliseconds beside `hogs`
 * processes of the same priority, on one scheduler or on each (`everywhere`), that loop for ever in a pure
 * function. Then `warm` hogs are killed at once, so that what ends a process is compiled, and `n` times a
 * hog is started, has run 5 ms, and is killed; timed is from `exit` to its `DOWN`, with one hog less than
 * before beside it. The hogs of a variant that ends in `_async` are async functions; the others are plain ones.
 *
 * Does not show: hogs in code that is not counted (see the guard), sockets and files.
 *
 * Floor: none; nothing without a machine beneath can do either.
 */
import { type Down, exit, type Pid, type Ref, receive, schedulers, sleep, spawnOpt } from 'tsvm';
import type { Params, Values } from '../sampling.js';
import { addLatency, type Histogram, latencyUs, newHistogram } from './histogram.js';

const TICK_MS = 1;
const HEAD_START_MS = 5;

export async function values(variant: string, params: Params): Promise<Values> {
  const hog = variant.endsWith('_async') ? asyncHog : plainHog;
  const hogs = startAll(hog, params);
  const late = await tick(params['ms'] ?? 0);
  const kills = await killOften(hog, params['warm'] ?? 0, params['n'] ?? 0, hogs);
  for (const one of hogs) await kill(one);
  return { ...late, ...kills };
}

type Hog = { readonly pid: Pid; readonly ref: Ref };

function startAll(hog: () => unknown, params: Params): Hog[] {
  const each = params['hogs'] ?? 0;
  const slots = params['everywhere'] ? schedulers() : 1;
  return Array.from({ length: each * slots }, (_, i) => start(hog, (i % slots) + 1));
}

function start(hog: () => unknown, scheduler: number): Hog {
  return spawnOpt({ scheduler, monitor: true }, hog);
}

export function plainHog(): number {
  let x = 1;
  for (;;) x = step(x);
}

export async function asyncHog(): Promise<number> {
  let x = 1;
  for (;;) x = step(x);
}

function step(x: number): number {
  return (7 * x + 1) % 1_048_576;
}

async function tick(ms: number): Promise<Values> {
  const lateness = newHistogram();
  const until = performance.now() + ms;
  let ticks = 0;
  let max = 0;
  let now = performance.now();
  while (now < until) {
    const before = performance.now();
    await receive(() => true, TICK_MS);
    now = performance.now();
    const late = Math.max(0, now - before - TICK_MS);
    max = Math.max(max, late);
    addLatency(lateness, late);
    ticks += 1;
  }
  return {
    late_p50: latencyUs(lateness, 50),
    late_p99: latencyUs(lateness, 99),
    late_max: max * 1000,
    ticks: (ticks / ms) * 1000,
  };
}

/** One of the hogs makes room for the victim, so that as many run as the variant says. */
async function killOften(
  hog: () => unknown,
  warm: number,
  times: number,
  hogs: Hog[],
): Promise<Values> {
  const taken = hogs.pop();
  if (taken === undefined) return {};
  await kill(taken);
  for (let i = 0; i < warm; i++) await kill(start(hog, (i % schedulers()) + 1));
  const latency: Histogram = newHistogram();
  for (let i = 0; i < times; i++) {
    const victim = start(hog, (i % schedulers()) + 1);
    await sleep(HEAD_START_MS);
    addLatency(latency, await kill(victim));
  }
  return { kill_p50: latencyUs(latency, 50), kill_p99: latencyUs(latency, 99) };
}

async function kill({ pid, ref }: Hog): Promise<number> {
  const before = performance.now();
  exit(pid, 'kill');
  await receive((m: Down): m is Down => m.ref === ref);
  return performance.now() - before;
}
