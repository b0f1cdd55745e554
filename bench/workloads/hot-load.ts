/**
 * hot_load: from a build in the watched folder to its first answer on every scheduler.
 *
 * 1,000 processes, spread over the schedulers, run the `loop` of code_load's module. A build is written
 * beside the folder and renamed into it. `hot_load`: the machine watches the folder; on each scheduler
 * a process asks one of the 1,000 every 0.2 ms, and the time runs from before the rename until the last
 * of them has heard the new version. `told`: the same, but whoever renames calls `code.load` then.
 * Between two loads all processes go on to the new version and the old one is purged.
 *
 * hot_load_under_load: two clients call all processes in turn, `quietMs` without loads, then `loadingMs` with a
 * build renamed into the watched folder every 10 ms, whatever has become of those before. The processes
 * hibernate between calls, so they hold no frame of a version, and none may be killed and no call fail.
 *
 * Does not show: compiling. The BEAM watches no folder: its side is told.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { code, exit, type Pid, receive, schedulers, self, send, sleep, spawnOpt } from 'tsvm';
import type { Params, Values } from '../sampling.js';
import { type Answer, type Call, clients, isAnswer, type Loaded } from './code-load.js';
import { slot } from './slot.js';

/** Where builds go, and which. */
export interface Drop {
  /** Beside the watched folder, on the same file system. */
  readonly stage: string;
  readonly target: string;
  readonly builds: readonly string[];
}

type Seen = { readonly seen: number; readonly version: number };

const POLL_MS = 0.2;
const EVERY_MS = 10;

export async function values(variant: string, params: Params, drop: Drop): Promise<Values> {
  const target = (await import('./code-loaded.js' as string)) as Loaded;
  const pids: Pid<Call>[] = [];
  for (let n = 1; n <= (params['processes'] ?? 0); n++) {
    pids.push(spawnOpt({ monitor: true, scheduler: slot(n) }, target.loop).pid);
  }
  const result =
    variant === 'under_load'
      ? await underLoad(params, pids, drop)
      : await oneByOne(variant === 'told', params, pids, drop);
  for (const pid of pids) exit(pid, 'kill');
  for (const _ of pids) await receive((m) => (m as { type?: unknown }).type === 'DOWN');
  return result;
}

async function oneByOne(
  told: boolean,
  params: Params,
  pids: readonly Pid<Call>[],
  drop: Drop,
): Promise<Values> {
  const times: number[] = [];
  const warm = params['warm'] ?? 0;
  for (let load = 1; load <= warm + (params['n'] ?? 0); load++) {
    const version = (load % drop.builds.length) + 1;
    for (let n = 1; n <= schedulers(); n++) {
      spawnOpt({ scheduler: slot(n) }, probe, pids[n - 1] as Pid<Call>, version, self());
    }
    const stage = staged(drop, version);
    const start = now();
    renameSync(stage, drop.target);
    if (told) await code.load(drop.target);
    let last = start;
    for (let n = 1; n <= schedulers(); n++) {
      const { seen } = await receive<Seen>((m) => (m as Partial<Seen>).version === version);
      last = Math.max(last, seen);
    }
    if (load > warm) times.push(last - start);
    await goOn(pids, version);
    await code.purge('code-loaded');
  }
  times.sort((a, b) => a - b);
  return { p50: percentile(times, 50), p99: percentile(times, 99) };
}

function staged({ stage, builds }: Drop, version: number): string {
  writeFileSync(stage, builds[version - 1] as string);
  return stage;
}

/** Of the operating-system process, the same on every thread. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

export async function probe(pid: Pid<Call>, version: number, report: Pid<Seen>): Promise<void> {
  for (let ref = 0; ; ref++) {
    send(pid, ['call', self(), ref, ref]);
    const [, answered] = await receive<Answer>((m) => (m as Answer)[0] === ref);
    if (answered === version) break;
    await sleep(POLL_MS);
  }
  send(report, { seen: now(), version });
}

/** Who is asked twice answers out of the current version the second time. */
async function goOn(pids: readonly Pid<Call>[], version: number): Promise<void> {
  for (let round = 1; round <= 2; round++) {
    for (const pid of pids) send(pid, ['call', self(), round, round]);
    for (const _ of pids) {
      const [, answered] = await receive<Answer>(isAnswer);
      if (round === 2 && answered !== version) {
        throw new Error(`version ${answered} answered after ${version}`);
      }
    }
  }
}

function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}

async function underLoad(params: Params, pids: readonly Pid<Call>[], drop: Drop): Promise<Values> {
  const loadingMs = params['loadingMs'] ?? 0;
  // Until its first call a process waits in a frame of its version.
  await goOn(pids, 1);
  const before = await clients(pids, params['quietMs'] ?? 0);
  spawnOpt({ scheduler: slot(1) }, dropAll, drop, loadingMs);
  const during = await clients(pids, loadingMs);
  return {
    before_rate: before.rate,
    loading_rate: during.rate,
    kept: during.rate / before.rate,
    loading_p99: during.p99,
    failed: before.failed + during.failed,
  };
}

/** Files are for other threads, as the BEAM has its own for them: to put one in the place of another takes milliseconds. */
export async function dropAll(drop: Drop, ms: number): Promise<void> {
  const start = performance.now();
  for (let due = EVERY_MS, n = 1; due < ms; due += EVERY_MS, n++) {
    await sleep(Math.max(0, start + due - performance.now()));
    await writeFile(drop.stage, drop.builds[n % drop.builds.length] as string);
    await rename(drop.stage, drop.target);
  }
}
