/**
 * Types of functions as values, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */
import { type Call, call, dirty, fn, type Pid, send, spawn, spawnOpt } from 'tsvm';

type Change = (balance: number) => number;

declare const account: Pid<Call<Change, number>>;
declare const anything: Pid;
const offset: number = 1;

/** A function keeps its type, generic ones and those with properties of `this` too. */
export function keepsItsType(): void {
  const add: (n: number) => number = fn((n: number) => n + offset);
  const later: (n: number) => Promise<string> = fn(async (n: number) => String(n + offset));
  const several: () => Generator<number> = fn(function* () {
    yield offset;
  });
  const first: <T>(list: readonly T[]) => T | undefined = fn(<T>(list: readonly T[]) => list[0]);
  const method: (this: { n: number }) => number = fn(function (this: { n: number }) {
    return this.n;
  });
  const result: string | undefined = first(['a']);
  const overloaded: Overloaded = fn(parse);
  send(anything, [add, later, several, method, result, overloaded(1)]);

  // @ts-expect-error the parameter is a number
  add('1');
  // @ts-expect-error the result is a number
  const text: string = add(1);
  // @ts-expect-error no function
  fn(5);
  send(anything, text);
}

interface Overloaded {
  (text: string): number;
  (n: number): string;
}
declare const parse: Overloaded;

/** What is expected gives the parameters their types. */
export async function isExpected(): Promise<void> {
  const change: Change = fn((balance) => balance + offset);
  await call(account, change);
  await call(
    account,
    fn((balance) => balance * 2),
  );
  const wrong = fn((balance: string) => balance);
  // @ts-expect-error the request is a function of a number
  await call(account, wrong);
}

/** Inline entries have the types of exported ones. */
export async function entries(): Promise<void> {
  const pid: Pid<string> = spawn((n: number, text: string) => [n, text], 1, 'two');
  const { ref } = spawnOpt({ monitor: true }, async (n: number) => n + offset, 1);
  const sum: number = await dirty((a: number, b: number) => a + b + offset, 1, 2);
  const awaited: string = await dirty(async () => 'text');
  send(pid, `${ref}${sum}${awaited}`);

  // @ts-expect-error an argument of the wrong type
  spawn((n: number) => n, 'one');
  // @ts-expect-error an argument is missing
  spawn((n: number, m: number) => n + m, 1);
  // @ts-expect-error the result of dirty is a number
  const wrong: string = await dirty((n: number) => n, 1);
  send(pid, wrong);
}
