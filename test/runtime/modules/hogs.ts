/** Processes that never, or hardly ever, give way by themselves; and what is to live beside them. */

import {
  type Call,
  type Down,
  exit,
  type Pid,
  processInfo,
  receive,
  reply,
  self,
  send,
  sendAfter,
  sleep,
  spawnMonitor,
  spawnOpt,
  TIMEOUT,
  thisScheduler,
} from 'tsvm';
import { checksum } from './hogs-kinds.js';

// ---- hogs, by kind ---------------------------------------------------------------------------------

export function plainLoop(): void {
  for (;;);
}

/** A loop that nothing but the stack can hold: functions inside of others have no form that yields. */
export function heldLoop(): void {
  const spinning = (): void => {
    for (;;);
  };
  spinning();
}

export async function asyncLoop(): Promise<void> {
  for (;;) {
    // Nothing to wait for.
  }
}

export async function asyncAfterAwait(): Promise<void> {
  await sleep(1);
  let n = 0;
  while (n >= 0) n = (n + 1) % 1000;
}

async function spin(step: number): Promise<void> {
  for (let n = 0; n < 1; n += step - 1);
}

export async function asyncInAsync(): Promise<void> {
  await spin(1);
}

export async function plainUnderAsync(): Promise<void> {
  await sleep(1);
  plainLoop();
}

export function catching(): void {
  for (;;) {
    try {
      for (;;) {
        // Ended from outside only.
      }
    } catch {
      // Swallows everything.
    } finally {
      for (;;) {
        // And does not want to go.
      }
    }
  }
}

export async function catchingAsync(): Promise<void> {
  for (;;) {
    try {
      await sleep(1);
      for (;;) plainPart();
    } catch {
      // Swallows everything.
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: this is what is tried
      if (performance.now() > 0) continue;
    }
    await sleep(1);
  }
}

function plainPart(): void {
  try {
    for (let n = 0; n < 100_000; n++);
  } catch {
    plainPart();
  }
}

export function sorting(): void {
  [3, 1, 2].sort(() => {
    for (;;) {
      // A comparator that does not end.
    }
  });
}

export function inGetter(): unknown {
  const o = {
    get x(): number {
      for (;;) {
        // A getter that does not end.
      }
    },
  };
  return o.x;
}

export function recursive(): number {
  const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2));
  return fib(100);
}

function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/** As it is at module level, the compiler gives `fib` a twin. */
export function withTwin(): number {
  return fib(100);
}

function turned(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** A loop whose iterations are short, though they call something. */
export function callingShort(): never {
  for (let word = 1; ; ) word = turned(word, 7);
}

/** An array of nothing, four thousand million times. */
function vast(): undefined[] {
  const array: undefined[] = [];
  array.length = 2 ** 32 - 1;
  return array;
}

export function inArray(): void {
  const all = vast();
  for (const one of all) all[0] = one;
}

export async function inArrayAsync(): Promise<void> {
  const all = vast();
  for (const one of all) all[0] = one;
}

/** No array, and nothing of this module runs in its iterator. */
export function inOther(): void {
  const all = vast();
  for (const one of all.values()) all[0] = one;
}

export async function inOtherAsync(): Promise<void> {
  const all = vast();
  for (const one of all.values()) all[0] = one;
}

export async function recursiveAsync(): Promise<number> {
  const fib = async (n: number): Promise<number> =>
    n < 2 ? n : (await fib(n - 1)) + (await fib(n - 2));
  return fib(100);
}

function* numbers(): Generator<number> {
  try {
    for (let n = 0; ; n++) if (n < 0) yield n;
  } finally {
    for (;;) {
      // Not even when it is closed.
    }
  }
}

export function inGenerator(): void {
  for (const n of numbers()) void n;
}

async function* asyncNumbers(): AsyncGenerator<number> {
  for (let n = 0; ; n++) yield n;
}

export async function inAsyncGenerator(): Promise<void> {
  for await (const n of asyncNumbers()) void n;
}

async function* silent(): AsyncGenerator<number> {
  await sleep(1);
  for (let n = 0; ; n++) if (n < 0) yield n;
}

export async function inSilentAsyncGenerator(): Promise<void> {
  for await (const n of silent()) void n;
}

export function inPromiseExecutor(): void {
  for (;;) {
    new Promise(() => {
      for (;;) {
        // A native function swallows what is thrown here.
      }
    }).catch(() => {});
  }
}

export class Constructing {
  constructor() {
    for (;;) {
      // A constructor that does not end.
    }
  }
}

export function constructing(): unknown {
  return new Constructing();
}

export function inJsonReplacer(): string {
  return JSON.stringify({ a: 1 }, () => {
    for (;;) {
      // A replacer that does not end.
    }
  });
}

export function inToJson(): string {
  return JSON.stringify({
    toJSON() {
      for (;;) {
        // Called by native code.
      }
    },
  });
}

export function inReviver(): unknown {
  return JSON.parse('{"a":1}', () => {
    for (;;) {
      // A reviver that does not end.
    }
  });
}

export function inReplace(): string {
  return 'a'.replace(/a/, () => {
    for (;;) {
      // The callback of a replacement.
    }
  });
}

export function inProxyTrap(): unknown {
  const proxy = new Proxy({} as Record<string, unknown>, {
    get() {
      for (;;) {
        // A trap that does not end.
      }
    },
  });
  return proxy['x'];
}

export function inSetter(): void {
  const o = {
    set x(_: number) {
      for (;;) {
        // A setter that does not end.
      }
    },
  };
  o.x = 1;
}

export function inToString(): string {
  const o = {
    toString(): string {
      for (;;) {
        // Called by a template.
      }
    },
  };
  return `${o}`;
}

export function inValueOf(): number {
  const o = {
    valueOf(): number {
      for (;;) {
        // Called by an operator.
      }
    },
  };
  return +o;
}

export function inStaticBlock(): unknown {
  return class Endless {
    readonly made = true;
    static {
      for (;;) {
        // While the class is made.
      }
    }
  };
}

export function inIterator(): number[] {
  const endless = {
    [Symbol.iterator]: () => ({
      next: (): IteratorResult<number> => {
        for (;;) {
          // Called by a spread.
        }
      },
    }),
  };
  return [...endless];
}

function never(): number {
  for (;;) {
    // For what is called while values are taken apart.
  }
}

export function inDefault(): number {
  const { a = never() } = {} as { a?: number };
  return a;
}

export function inParameter(): number {
  const f = (a = never()): number => a;
  return f();
}

export function inTag(): unknown {
  const tag = (_: TemplateStringsArray): number => never();
  return tag`text`;
}

/** Neither calls by name nor loops: two functions that call each other through values. */
export function mutual(): number {
  const table: Record<string, (n: number) => number> = {
    even: (n) => (n > 1000 ? 0 : (table['odd'] as (n: number) => number)(n + 1)),
    odd: (n) => (table['even'] as (n: number) => number)(n + 1),
  };
  const again = (n: number): number =>
    n < 0 ? n : again(n - 1) + again(n - 2) + (table['odd'] as (n: number) => number)(0);
  return again(60);
}

// ---- beside them -------------------------------------------------------------------------------------

const KINDS: Readonly<Record<string, (...args: never[]) => unknown>> = {
  plainLoop,
  heldLoop,
  asyncLoop,
  asyncAfterAwait,
  asyncInAsync,
  plainUnderAsync,
  catching,
  catchingAsync,
  sorting,
  inGetter,
  recursive,
  recursiveAsync,
  withTwin,
  callingShort,
  inArray,
  inArrayAsync,
  inOther,
  inOtherAsync,
  inGenerator,
  inAsyncGenerator,
  inSilentAsyncGenerator,
  inPromiseExecutor,
  constructing,
  inJsonReplacer,
  inToJson,
  inReviver,
  inReplace,
  inProxyTrap,
  inSetter,
  inToString,
  inValueOf,
  inStaticBlock,
  inIterator,
  inDefault,
  inParameter,
  inTag,
  mutual,
};

/** Kill a hog of each kind from beside it. @returns milliseconds from the kill to the DOWN */
export async function killOne(kind: string, scheduler: number): Promise<unknown> {
  const { pid, ref } = spawnOpt({ scheduler, monitor: true }, KINDS[kind] as () => unknown);
  await sleep(20);
  const begun = performance.now();
  exit(pid, 'kill');
  const down = await receive((m: Down): m is Down => m.ref === ref, 5000);
  return down === TIMEOUT ? 'no DOWN' : { reason: down.reason, ms: performance.now() - begun };
}

/** A 1 ms ticker beside `count` hogs of one kind. @returns ticks in half a second */
export async function tickBeside(kind: string, count: number): Promise<number> {
  const hogs = Array.from({ length: count }, () => spawnMonitor(KINDS[kind] as () => unknown));
  let ticks = 0;
  const until = performance.now() + 500;
  while (performance.now() < until) {
    sendAfter(1, self(), 'tick');
    await receive((m) => m === 'tick');
    ticks += 1;
  }
  for (const { pid } of hogs) exit(pid, 'kill');
  for (const { ref } of hogs) await receive((m: Down) => m.ref === ref);
  return ticks;
}

export async function echo(): Promise<void> {
  for (;;) {
    const { from, n } = await receive<{ from: Pid; n: number }>();
    send(from, n + 1);
  }
}

/** Messages and timers go on while `kind` holds the stack. */
export async function talkBeside(kind: string): Promise<number[]> {
  const hog = spawnMonitor(KINDS[kind] as () => unknown);
  await sleep(5);
  const { pid } = spawnMonitor(echo);
  const answers: number[] = [];
  for (let n = 0; n < 100; n++) {
    send(pid, { from: self(), n });
    answers.push(await receive<number>((m) => typeof m === 'number'));
  }
  exit(pid, 'kill');
  exit(hog.pid, 'kill');
  await receive((m: Down) => m.ref === hog.ref);
  return answers;
}

export async function report(to: Pid, rounds: number): Promise<void> {
  send(to, checksum(rounds));
}

/** `count` processes compute the same in plain code at the same time. */
export async function computeTogether(count: number, rounds: number): Promise<number[]> {
  for (let n = 0; n < count; n++) spawnOpt({ scheduler: thisScheduler() }, report, self(), rounds);
  const results: number[] = [];
  while (results.length < count) results.push(await receive<number>());
  return results;
}

/** Two processes that spin in plain code again and again, with a stop in between. */
export async function spinAndStop(to: Pid, rounds: number): Promise<void> {
  for (let n = 0; n < rounds; n++) {
    const until = performance.now() + 10;
    while (performance.now() < until);
    await sleep(0);
    send(to, self());
  }
}

export async function twoSpinners(): Promise<number[]> {
  const pids = [0, 1].map(() => spawnOpt({}, spinAndStop, self(), 10));
  const seen: number[] = [];
  for (let n = 0; n < 20; n++) seen.push(pids.indexOf(await receive<Pid>()));
  return seen;
}

/** Two endless async hogs: how many reductions each of them got. */
export async function shares(kind: string): Promise<number[]> {
  const hogs = [0, 1].map(() => spawnMonitor(KINDS[kind] as () => unknown));
  await sleep(200);
  const infos = [];
  for (const { pid } of hogs) infos.push((await processInfo(pid))?.reductions ?? 0);
  for (const { pid } of hogs) exit(pid, 'kill');
  for (const { ref } of hogs) await receive((m: Down) => m.ref === ref);
  return infos;
}

/** Runs out of stack while others want to run; the error must be its own. */
export function deep(n: number): number {
  return n + deep(n + 1);
}

export function overflow(): string[] {
  const seen: string[] = [];
  for (let n = 0; n < 20; n++) {
    try {
      deep(0);
    } catch (error) {
      seen.push(error instanceof RangeError ? error.message : String(error));
    }
  }
  return seen;
}

export async function overflowBeside(): Promise<unknown> {
  const server = spawnMonitor(echo);
  const client = spawnMonitor(chatter, server.pid);
  await sleep(2);
  const seen = overflow();
  const errors = new Set(seen);
  exit(client.pid, 'kill');
  const first = await receive((m: Down) => m.ref === client.ref);
  send(server.pid, { from: self(), n: 1 });
  const answer = await receive((m) => m === 2, 1000);
  exit(server.pid, 'kill');
  const second = await receive((m: Down) => m.ref === server.ref);
  return {
    count: seen.length,
    errors: [...errors],
    answer,
    reasons: [first.reason, second.reason],
  };
}

export async function chatter(to: Pid): Promise<void> {
  for (let n = 0; ; n++) {
    send(to, { from: self(), n });
    await receive();
  }
}

/** Order that JavaScript promises: an async function runs up to its first await before its caller goes on. */
export async function orderKept(): Promise<number[]> {
  const filled: number[] = [];
  const fill = async (): Promise<void> => {
    for (let n = 0; n < 100_000; n++) filled.push(n);
  };
  const task = fill();
  const before = filled.length;
  await task;
  return [before, filled.length];
}

/** Code between two awaits is atomic for the other coroutines of the process. */
export async function atomic(): Promise<number> {
  let shared = 0;
  let broken = 0;
  const work = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      await sleep(1);
      const before = shared;
      let n = 0;
      while (n < 200_000) n += 1;
      if (shared !== before) broken += 1;
      shared = before + 1;
    }
  };
  await Promise.all([work(), work(), work()]);
  return broken === 0 ? shared : -broken;
}

export async function crashUnderHog(): Promise<unknown> {
  const hog = spawnMonitor(heldLoop);
  await sleep(5);
  const { ref } = spawnMonitor(crashing);
  const down = await receive((m: Down) => m.ref === ref);
  exit(hog.pid, 'kill');
  await receive((m: Down) => m.ref === hog.ref);
  return down.reason;
}

export function checksumOf(rounds: number): number {
  return checksum(rounds);
}

/** Answers calls with one more. */
export async function answering(): Promise<void> {
  for (;;) {
    const { from, request } = await receive<Call<number, number>>();
    reply(from, request + 1);
  }
}

export async function crashing(): Promise<void> {
  throw new TypeError('mine');
}

export function slowPlain(): void {
  const spinning = (until: number): void => {
    while (performance.now() < until) {
      // Longer than a plain function should.
    }
  };
  spinning(performance.now() + 2000);
}
