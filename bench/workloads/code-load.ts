/**
 * code_load: how soon is new code everywhere, and what does loading cost those who run?
 *
 * A module of 52 functions in versions that are compiled beforehand; turning a build into running code is
 * inside the clock. 1,000 processes run its `loop`: answer a call, then call `loop` fully qualified.
 * `visible` and `all_processes`: medians of 20 loads, each after a purge. `hot`: two clients call all
 * processes in turn, 1 s without loads, then 5 s with a version each 10 ms, loaded only when a soft
 * purge says that no process runs the old one.
 *
 * Does not show: compiling.
 */
import { code, type Pid, receive, self, send, sleep, spawnOpt } from 'tsvm';
import type { Params, Values } from '../sampling.js';
import { addLatency, latencyUs, newHistogram } from './histogram.js';
import { slot } from './slot.js';

export type Answer = readonly [ref: number, version: number, value: number];
export type Call = readonly ['call', Pid<Answer>, number, number];
export type Loaded = { readonly loop: () => Promise<never>; readonly version: () => number };

const LOADS = 20;
const CLIENTS = 2;
const CALL_MS = 5000;
const EVERY_MS = 10;
const RETRY_MS = 1;

export async function values(variant: string, params: Params, builds: string[]): Promise<Values> {
  await code.loadBuilds(builds[0] as string);
  const target = (await import('./code-loaded.js' as string)) as Loaded;
  const pids: Pid<Call>[] = [];
  for (let n = 0; n < (params['n'] ?? 0); n++) {
    pids.push(spawnOpt({ monitor: true }, target.loop).pid);
  }
  const result =
    variant === 'cold' ? await cold(target, pids, builds) : await hot(params, pids, builds);
  const { killed } = await endAll(pids);
  return { ...result, killed };
}

async function cold(target: Loaded, pids: readonly Pid<Call>[], builds: string[]): Promise<Values> {
  const visible: number[] = [];
  const all: number[] = [];
  for (let load = 1; load <= LOADS; load++) {
    const at = load % builds.length;
    await code.purge('code-loaded');
    const start = performance.now();
    const loading = code.loadBuilds(builds[at] as string);
    await loading;
    while (target.version() !== at + 1);
    visible.push(performance.now() - start);
    for (const pid of pids) send(pid, ['call', self(), 1, load]);
    for (const _ of pids) await receive<Answer>(isAnswer);
    for (const pid of pids) send(pid, ['call', self(), 2, load]);
    for (const _ of pids) {
      const [, version] = await receive<Answer>(isAnswer);
      if (version !== at + 1) throw new Error(`version ${version} answered after ${at + 1}`);
    }
    all.push(performance.now() - start);
  }
  return { visible: median(visible), all_processes: median(all) };
}

export function isAnswer(message: unknown): boolean {
  return Array.isArray(message) && message.length === 3;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

export interface Calls {
  readonly rate: number;
  readonly p99: number;
  readonly p9999: number;
  readonly failed: number;
}

async function hot(params: Params, pids: readonly Pid<Call>[], builds: string[]): Promise<Values> {
  const quiet = await clients(pids, params['quietMs'] ?? 0);
  const loadingMs = params['loadingMs'] ?? 0;
  const loader = spawnOpt({ scheduler: slot(1) }, loads, builds, loadingMs, self());
  const calls = await clients(pids, loadingMs);
  const { loaded, refused } = await receive<{ loaded: number; refused: number }>(
    (m) => (m as { by?: unknown }).by === loader,
  );
  return {
    quiet_rate: quiet.rate,
    quiet_p99: quiet.p99,
    loading_rate: calls.rate,
    loading_p99: calls.p99,
    loading_p9999: calls.p9999,
    loads: (loaded / loadingMs) * 1000,
    soft_purge_refused: refused,
    failed: quiet.failed + calls.failed,
  };
}

/** Two clients, on a scheduler each where there are two, call all processes in turn for so long. */
export async function clients(pids: readonly Pid<Call>[], ms: number): Promise<Calls> {
  for (let n = 1; n <= CLIENTS; n++) {
    spawnOpt({ scheduler: slot(n) }, client, pids as Pid<Call>[], ms, self());
  }
  const results: Calls[] = [];
  for (let n = 0; n < CLIENTS; n++) {
    results.push(await receive<Calls>((m) => typeof (m as Partial<Calls>).rate === 'number'));
  }
  return {
    rate: results.reduce((sum, { rate }) => sum + rate, 0),
    p99: Math.max(...results.map(({ p99 }) => p99)),
    p9999: Math.max(...results.map(({ p9999 }) => p9999)),
    failed: results.reduce((sum, { failed }) => sum + failed, 0),
  };
}

export async function client(
  pids: readonly Pid<Call>[],
  ms: number,
  report: Pid<Calls>,
): Promise<void> {
  const histogram = newHistogram();
  const start = performance.now();
  let now = start;
  let count = 0;
  let failed = 0;
  for (let ref = 0; now - start < ms; ref++) {
    send(pids[ref % pids.length] as Pid<Call>, ['call', self(), ref, ref]);
    const answer = await receive<Answer>((m) => (m as Answer)[0] === ref, { timeoutMs: CALL_MS });
    if (!Array.isArray(answer)) failed++;
    const end = performance.now();
    addLatency(histogram, end - now);
    now = end;
    count++;
  }
  const rate = (count / (now - start)) * 1000;
  send(report, { rate, p99: latencyUs(histogram, 99), p9999: latencyUs(histogram, 99.99), failed });
}

export async function loads(builds: string[], ms: number, report: Pid): Promise<void> {
  const start = performance.now();
  let loaded = 0;
  let refused = 0;
  for (let due = EVERY_MS; due < ms; due += EVERY_MS) {
    await sleep(Math.max(0, start + due - performance.now()));
    while (!(await code.softPurge('code-loaded'))) {
      // The clients have ended: nobody is called out of the old version any more.
      if (performance.now() - start >= ms) break;
      refused++;
      await sleep(RETRY_MS);
    }
    if (performance.now() - start >= ms) break;
    await code.loadBuilds(builds[(loaded + 1) % builds.length] as string);
    loaded++;
  }
  send(report, { by: self(), loaded, refused });
}

/** @returns how many of them had been killed before */
async function endAll(pids: readonly Pid<Call>[]): Promise<{ killed: number }> {
  let killed = 0;
  for (;;) {
    const down = await receive((m) => (m as { type?: unknown }).type === 'DOWN', { timeoutMs: 0 });
    if (typeof down !== 'object') break;
    killed++;
  }
  // The old version first: it would be in the way.
  await code.purge('code-loaded');
  await code.deleteModule('code-loaded');
  await code.purge('code-loaded');
  for (const _ of pids.slice(killed)) {
    await receive((m) => (m as { type?: unknown }).type === 'DOWN');
  }
  return { killed };
}
