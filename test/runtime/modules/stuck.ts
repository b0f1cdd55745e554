/** Processes that get stuck in code without a check, and what is to live beside them. */

import { pbkdf2Sync } from 'node:crypto';
import vm from 'node:vm';
import {
  type Down,
  exit,
  own,
  type Pid,
  receive,
  register as registerName,
  self,
  send,
  sendAfter,
  sleep,
  spawnMonitor,
  spawnOpt,
  TIMEOUT,
} from 'tsvm';

// As an npm package would be: code that the loader has not seen.
// tsvm: per-scheduler
const spinning = vm.runInThisContext(
  '(() => { for (;;) { try { for (;;); } catch {} finally {} } })',
);

const ran = (what: string): void => send('stuck_log', what);

function backtrack(): boolean {
  return /^(a+)+$/.test(`${'a'.repeat(50)}b`);
}

export function regex(): void {
  try {
    backtrack();
  } catch {
    ran('catch');
  } finally {
    ran('finally');
  }
}

export async function regexInAsync(): Promise<void> {
  try {
    await sleep(1);
    backtrack();
  } catch {
    ran('catch');
  } finally {
    ran('finally');
  }
}

export function nativeSort(): void {
  for (let n = 0; n < 1000; n++) {
    Float64Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) % 4_000_037).sort();
  }
}

export function stringify(): void {
  const row = Array.from({ length: 1000 }, (_, n) => ({ n, text: 'text' }));
  JSON.stringify(new Array(10_000).fill(row));
}

export function waiting(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
}

export function packageSpins(): void {
  spinning();
}

export function messageGetter(): void {
  const target = self();
  send(target, {
    first: 1,
    get late() {
      return backtrack();
    },
  });
}

export async function remoteMessageGetter(to: Pid): Promise<void> {
  send(to, {
    first: 1,
    get late() {
      return backtrack();
    },
  });
}

export async function matching(): Promise<void> {
  send(self(), 1);
  await receive(() => backtrack());
}

export function closing(): void {
  own({}, () => ran('closed the first'));
  own({}, () => spinning());
}

const KINDS: Readonly<Record<string, (...args: never[]) => unknown>> = {
  regex,
  regexInAsync,
  nativeSort,
  stringify,
  waiting,
  packageSpins,
  messageGetter,
  matching,
};

export interface Ended {
  readonly reason: unknown;
  readonly ms: number;
  readonly log: readonly unknown[];
  readonly answers: number;
}

export async function echo(): Promise<void> {
  for (;;) {
    const { from, n } = await receive<{ from: Pid; n: number }>();
    send(from, n + 1);
  }
}

/** It holds the stack: a function inside of another one has no form that yields. */
function plainLoop(): void {
  const spinning = (): void => {
    for (;;);
  };
  spinning();
}

async function endOf(
  fn: (...args: never[]) => unknown,
  args: unknown[],
  scheduler: number,
): Promise<Ended> {
  const neighbour = spawnOpt({ scheduler }, echo);
  const begun = performance.now();
  const { ref } = spawnOpt({ scheduler, monitor: true }, fn as () => unknown, ...(args as []));
  const down = await receive((m: Down) => m.ref === ref, 10_000);
  const ms = performance.now() - begun;
  let answers = 0;
  for (let n = 0; n < 10; n++) {
    send(neighbour, { from: self(), n });
    if ((await receive((m) => m === n + 1, 1000)) !== TIMEOUT) answers += 1;
  }
  exit(neighbour, 'kill');
  const log: unknown[] = [];
  for (;;) {
    const entry = await receive((m) => typeof m === 'string', 5);
    if (entry === TIMEOUT) break;
    log.push(entry);
  }
  return { reason: down === TIMEOUT ? 'no DOWN' : down.reason, ms, log, answers };
}

/** How a stuck process ends, what of its `catch` and `finally` ran, and whether its neighbour answers. */
export async function ended(kind: string, scheduler: number): Promise<Ended> {
  register();
  return endOf(KINDS[kind] as () => unknown, [], scheduler);
}

/** The same on top of a plain loop, which must go on. */
export async function endedOnTop(kind: string): Promise<unknown> {
  register();
  const hog = spawnMonitor(plainLoop);
  await sleep(5);
  const end = await endOf(KINDS[kind] as () => unknown, [], 1);
  await sleep(20);
  exit(hog.pid, 'kill');
  const { reason } = (await receive((m: Down) => m.ref === hog.ref)) as Down;
  return { ...end, hog: reason };
}

/** A message to another scheduler, stuck half written: those after it arrive whole. */
export async function endedInMessage(): Promise<Ended> {
  register();
  const peer = spawnOpt({ scheduler: 2 }, echo);
  const end = await endOf(remoteMessageGetter, [peer], 1);
  const shared = { list: [1, 2, 3], name: 'name' };
  for (let n = 0; n < 10; n++) {
    send(peer, { from: self(), n, shared });
    await receive((m) => m === n + 1);
  }
  exit(peer, 'kill');
  return end;
}

/** A `close` that spins: the others are still closed, and the process is gone. */
export async function endedInClose(): Promise<Ended> {
  register();
  return endOf(closing, [], 1);
}

function register(): void {
  registerName('stuck_log', self());
}

/** Synchronous native code: nobody can interrupt it. */
export async function holdNatively(): Promise<string> {
  pbkdf2Sync('password', 'salt', 600_000, 64, 'sha512');
  return 'through';
}

/** Longer than the guard permits by default. */
export function waitNatively(): string {
  return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
}

/** Slow but counted: it may take as long as it likes. */
export async function slowButCounted(): Promise<number> {
  let sum = 0;
  const until = performance.now() + 300;
  while (performance.now() < until) sum += slowPart().length;
  return sum;
}

function slowPart(): string {
  return JSON.stringify(Array.from({ length: 1000 }, (_, n) => ({ n })));
}

/** A sort whose comparator is the user's is counted, too. */
export function sortMuch(): number {
  const list = Array.from({ length: 200_000 }, (_, n) => (n * 7919) % 200_003);
  return list.sort((a, b) => a - b)[0] as number;
}

/** @returns ticks beside a big sort */
export async function tickBesideSort(): Promise<number> {
  const { ref } = spawnMonitor(sortMuch);
  let ticks = 0;
  for (;;) {
    sendAfter(1, self(), 'tick');
    const got = await receive<unknown>((m) => m === 'tick' || (m as Down).ref === ref);
    if (got !== 'tick') return (got as Down).reason === 'normal' ? ticks : -1;
    ticks += 1;
  }
}
