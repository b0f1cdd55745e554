/** Functions as values: statements 8.2 and 8.3, what is captured, and where functions can go. */
import assert from 'node:assert/strict';
import {
  type Call,
  call,
  dictionary,
  dirty,
  exit,
  fn,
  type Pid,
  processInfo,
  receive,
  reply,
  self,
  send,
  sendAfter,
  spawn,
  spawnLink,
  spawnMonitor,
  spawnOpt,
  thisScheduler,
  trapExit,
} from 'tsvm';
import { downReason, exitReason, next, nothing, raises } from './support.js';

type Fun = (...args: unknown[]) => unknown;
interface Job {
  readonly f: Fun;
  readonly args: readonly unknown[];
}

const LIMIT = 40;

/** Calls what it is sent, and answers with the result, or with the reason or text of the error. */
export async function caller(): Promise<void> {
  for (;;) {
    const { from, request } = await receive<Call<Job, unknown>>();
    try {
      reply(from, await request.f(...request.args));
    } catch (error) {
      const { reason, message } = error as { reason?: string; message: string };
      reply(from, { failed: reason ?? message, message });
    }
  }
}

/** The function called on another process, which runs where the placement says. */
async function callThere(peer: number, f: unknown, ...args: unknown[]): Promise<unknown> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, caller);
  const answer = await call(pid as Pid<Call<Job, unknown>>, { f: f as Fun, args });
  exit(pid, 'kill');
  await downReason(ref);
  return answer;
}

function twice(n: number): number {
  return 2 * n;
}

const thrice = (n: number): number => 3 * n;

export function exported(n: number): string {
  return `exported ${n}`;
}

export async function s8_3_inline_entry_runs_where_it_is_put(peer: number): Promise<void> {
  const me = self();
  const extra = { list: [1, 2] };
  spawnOpt({ scheduler: peer }, (n: number) => send(me, [thisScheduler(), n, extra]), 7);
  assert.deepEqual(await next(), [peer, 7, { list: [1, 2] }]);
  spawn(() => send(me, 'plain'));
  assert.equal(await next(), 'plain');
  const { ref } = spawnMonitor(async () => {
    await receive((m) => m === 'never', 0);
    exit(extra);
  });
  assert.deepEqual(await downReason(ref), extra);
  trapExit(true);
  const linked = spawnLink(function* named() {
    yield exit('not reached');
  });
  assert.equal(await exitReason(linked), 'normal');
}

export async function s8_3_captures_are_copied_when_made(peer: number): Promise<void> {
  const seen: number[] = [1];
  const count = fn(() => seen.length);
  seen.push(2);
  assert.equal(count(), 1);
  assert.equal(await callThere(peer, count), 1);
  const keep = fn((n: number) => {
    seen.push(n);
    return [...seen];
  });
  assert.deepEqual(keep(3), [1, 2, 3]);
  assert.deepEqual(seen, [1, 2]);
  assert.deepEqual(await callThere(peer, keep, 4), [1, 2, 3, 4]);
  assert.deepEqual(keep(5), [1, 2, 3, 5]);
}

export async function s8_3_a_spawned_function_shares_nothing(peer: number): Promise<void> {
  const me = self();
  const state = { n: 1 };
  const bump = fn(() => {
    state.n += 1;
    send(me, state.n);
  });
  spawnOpt({ scheduler: peer }, bump);
  assert.equal(await next(), 2);
  spawnOpt({ scheduler: thisScheduler() }, bump);
  assert.equal(await next(), 2);
  spawnOpt({ scheduler: thisScheduler() }, () => {
    state.n = 100;
    send(me, state.n);
  });
  assert.equal(await next(), 100);
  assert.equal(state.n, 1);
}

export async function s8_3_loops_capture_each_iteration(peer: number): Promise<void> {
  const me = self();
  const made: Fun[] = [];
  for (let i = 0; i < 3; i++) made.push(fn(() => i));
  for (const word of ['a', 'b']) made.push(fn(() => word));
  let at = 0;
  while (at < 2) {
    const now = at;
    made.push(fn(() => now));
    at++;
  }
  const results: unknown[] = [];
  for (const f of made) results.push(await callThere(peer, f));
  assert.deepEqual(results, [0, 1, 2, 'a', 'b', 0, 1]);
  for (let i = 0; i < 3; i++) spawnOpt({ scheduler: peer }, () => send(me, i));
  assert.deepEqual([await next(), await next(), await next()], [0, 1, 2]);
}

export async function s8_3_nested_functions_capture_through(peer: number): Promise<void> {
  const me = self();
  const base = 1;
  const outer = fn((a: number) => {
    const sum = base + a;
    return fn((b: number) => fn((c: number) => [sum, b, c, base]));
  });
  const inner = (await callThere(peer, outer, 2)) as (b: number) => Fun;
  assert.deepEqual(await callThere(peer, inner(3), 4), [3, 3, 4, 1]);
  spawnOpt({ scheduler: peer }, () => {
    const child = self();
    spawnOpt({ scheduler: thisScheduler() }, () => send(me, { base, same: child === self() }));
  });
  assert.deepEqual(await next(), { base: 1, same: false });
}

export async function s8_3_parameters_of_every_kind(peer: number): Promise<void> {
  const fallback = 5;
  const f = fn(
    ({ a, b: [c = fallback] = [] }: { a: number; b?: number[] }, d = a + c, ...rest: number[]) => [
      a,
      c,
      d,
      rest,
    ],
  );
  assert.equal(f.length, 1);
  assert.deepEqual(await callThere(peer, f, { a: 1 }), [1, 5, 6, []]);
  assert.deepEqual(await callThere(peer, f, { a: 1, b: [2] }, 3, 4, 5), [1, 2, 3, [4, 5]]);
  const shadowing = fn((fallback: number) => {
    const inside = fallback;
    return ((fallback: number) => fallback + inside)(1);
  });
  assert.equal(await callThere(peer, shadowing, 10), 11);
}

export async function s8_3_recursion_by_name(peer: number): Promise<void> {
  const fact = fn((n: number): number => (n <= 1 ? 1 : n * fact(n - 1)));
  assert.equal(await callThere(peer, fact, 5), 120);
  const named = fn(function fib(n: number): number {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
  });
  assert.equal(named.name, 'fib');
  assert.equal(await callThere(peer, named, 10), 55);
  const even = fn((n: number): boolean => n === 0 || odd(n - 1));
  const odd = fn((n: number): boolean => n !== 0 && even(n - 1));
  assert.deepEqual(
    [await callThere(peer, even, 10), await callThere(peer, odd, 10), even(7), odd(7)],
    [true, false, false, true],
  );
  // A function of the group is a value like any other.
  const self1 = fn((): Fun => other1 as Fun);
  const other1 = fn((): Fun => self1 as Fun);
  assert.equal(typeof (await callThere(peer, await callThere(peer, self1))), 'function');
}

export async function s8_3_local_functions_go_along(peer: number): Promise<void> {
  const me = self();
  const step = 2;
  const log: number[] = [];
  const note = (n: number): number => {
    log.push(n);
    return next2(n);
  };
  function next2(n: number): number {
    return n + step;
  }
  note(1);
  const f = fn((n: number) => [note(n), log.length]);
  assert.deepEqual(await callThere(peer, f, 10), [12, 2]);
  note(2);
  assert.deepEqual(log, [1, 2]);
  function countdown(n: number): void {
    if (n === 0) send(me, 'zero');
    else spawnOpt({ scheduler: peer }, () => countdown(n - 1));
  }
  countdown(5);
  assert.equal(await next(), 'zero');
  // The name of a local function, as an entry and as a value.
  spawnOpt({ scheduler: peer }, countdown, 1);
  assert.equal(await next(), 'zero');
  assert.equal(await callThere(peer, fn(next2), 1), 3);
}

export async function s8_3_async_and_generators(peer: number): Promise<void> {
  const ms = 1;
  const later = fn(async (n: number) => {
    await receive((m) => m === 'never', ms);
    return n + ms;
  });
  assert.equal(await callThere(peer, later, 1), 2);
  const several = fn(function* (n: number) {
    for (let i = 0; i < n; i++) yield i + ms;
  });
  const list = fn((n: number) => [...several(n)]);
  assert.deepEqual(await callThere(peer, list, 3), [1, 2, 3]);
  const stream = fn(async function* (n: number) {
    for (let i = 0; i < n; i++) yield await later(i);
  });
  const collect = fn(async (n: number) => {
    const all: number[] = [];
    for await (const each of stream(n)) all.push(each);
    return all;
  });
  assert.deepEqual(await callThere(peer, collect, 2), [1, 2]);
}

export async function s8_3_what_is_no_capture(peer: number): Promise<void> {
  const pid = self();
  const kinds = fn(() => [typeof assert.equal, LIMIT, twice(LIMIT), pid, typeof send]);
  assert.deepEqual(await callThere(peer, kinds), ['function', 40, 80, pid, 'function']);
}

export async function s8_3_assigned_before_is_allowed(peer: number): Promise<void> {
  let total = 0;
  for (const n of [1, 2, 3]) total += n;
  let text: string | undefined;
  if (total > 1) text = 'many';
  assert.deepEqual(
    await callThere(
      peer,
      fn(() => [total, text]),
    ),
    [6, 'many'],
  );
  assert.equal(await callThere(peer, fn(withDefault({ n: 1 }))), 3);
}

function withDefault(options: { n: number; m?: number }): () => number {
  const { n } = options;
  options = { m: 2, ...options };
  return fn(() => n + (options.m ?? 0));
}

export async function s8_3_what_cannot_be_copied_raises_in_the_creator(
  peer: number,
): Promise<void> {
  const config = { list: [1, { cb: () => 1 }] };
  await raises('badarg', /^captured config\.list\[1\]\.cb is a function$/, () => fn(() => config));
  await raises('badarg', /^entry, captured config\.list\[1\]\.cb is a function$/, () =>
    spawnOpt({ scheduler: peer }, () => config),
  );
  const symbol = Symbol('s');
  await raises('badarg', /^captured symbol is a symbol$/, () => fn(() => symbol));
  const { shared } = { shared: new SharedArrayBuffer(8) };
  await raises('badarg', /captured shared is a SharedArrayBuffer/, () => fn(() => shared));
  const given = (f: () => unknown): (() => unknown) => fn(() => f());
  await raises('badarg', /^captured f is a function$/, () => given(() => 1));
  await nothing();
}

export async function s8_3_closures_are_refused(peer: number): Promise<void> {
  const n = 1;
  const closures = [() => n];
  const closure = closures[0] as () => number;
  await raises('badarg', /message\.items\[1\]\.cb is a function/, () =>
    send(self(), { items: [1, { cb: closure }] }),
  );
  await raises('badarg', /^fn: .*closure/, () => fn(closure));
  if (peer !== thisScheduler()) {
    await raises('badarg', /can be sent/, () => spawnOpt({ scheduler: peer }, closure));
  }
  await nothing();
}

export async function s8_3_a_function_captured_by_itself_is_refused(peer: number): Promise<void> {
  const box: { f?: Fun } = {};
  const f = fn(function me(): unknown {
    box.f = me as Fun;
    return box;
  });
  f();
  await raises('badarg', /captured box\.f is the function that captures it/, () =>
    spawnOpt({ scheduler: peer }, twiceOf, f as never),
  );
  await raises('badarg', /captured box\.f/, () => send(self(), f));
  await nothing();
}

export async function s8_3_functions_anywhere_in_a_message(peer: number): Promise<void> {
  const n = 3;
  const f = fn((x: number) => x + n);
  const { pid } = spawnOpt({ scheduler: peer, monitor: true }, echo, self());
  const message = {
    list: [f, f],
    map: new Map<unknown, unknown>([
      ['f', f],
      [f, 'key'],
    ]),
    set: new Set([f]),
    nested: { deep: [{ f }] },
    big: new Uint8Array(10),
    text: 'x'.repeat(100_000),
    blob: /odd/g,
    twice: fn(twice),
    exported,
  };
  send(pid, message);
  const got = (await next()) as typeof message;
  const [g] = got.list;
  assert.notEqual(g, f);
  assert.equal(g, got.list[1]);
  assert.equal(got.map.get('f'), g);
  assert.equal(got.map.get(g), 'key');
  assert.deepEqual([...got.set], [g]);
  assert.equal(got.nested.deep[0]?.f, g);
  assert.equal(g?.(1), 4);
  assert.equal(got.twice(4), 8);
  assert.equal(got.exported(1), 'exported 1');
  send(pid, [f, 1, 'two']);
  assert.equal(((await next()) as [typeof f])[0](0), 3);
  send(pid, f);
  assert.equal(((await next()) as typeof f)(1), 4);
  const buffer = new ArrayBuffer(8);
  send(pid, { f, buffer }, { transfer: [buffer] });
  const moved = (await next()) as { f: typeof f; buffer: ArrayBuffer };
  assert.deepEqual([moved.f(2), moved.buffer.byteLength, buffer.byteLength], [5, 8, 0]);
  exit(pid, 'kill');
  assert.equal(((await next()) as { reason: unknown }).reason, 'killed');
}

export async function echo(to: Pid): Promise<void> {
  for (;;) send(to, await receive());
}

export async function s8_3_functions_as_reason_timer_label_and_entry(peer: number): Promise<void> {
  const n = 1;
  const f = fn(() => n);
  trapExit(true);
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, (g: () => number) => exit({ g }), f);
  const reason = (await downReason(ref)) as { g: () => number };
  assert.equal(reason.g(), 1);
  sendAfter(1, self(), { tick: f });
  assert.equal(((await next()) as { tick: () => number }).tick(), 1);
  dictionary.put('f', f);
  assert.equal((dictionary.get('f') as () => number)(), 1);
  const [shown] = (await processInfo(self()))?.dictionary ?? [];
  assert.equal(((shown as readonly unknown[])[1] as () => number)(), 1);
  const label = spawnOpt({ scheduler: peer }, async () => void (await receive()));
  assert.match(
    (await processInfo(label))?.initialCall ?? '',
    /^functions\.s8_3_functions_as_reason_timer_label_and_entry\/fun-\d+$/,
  );
  exit(label, 'kill');
  // A function that was received is an entry like any other.
  const { pid } = spawnOpt({ scheduler: peer, monitor: true }, echo, self());
  const me = self();
  send(
    pid,
    fn(() => send(me, ['ran', n])),
  );
  const received = (await next()) as () => void;
  spawnOpt({ scheduler: peer }, received);
  assert.deepEqual(await next(), ['ran', 1]);
  exit(pid, 'kill');
  await next();
}

export async function s8_3_functions_of_the_top_level_are_values(peer: number): Promise<void> {
  assert.equal(await callThere(peer, twice, 4), 8);
  assert.equal(await callThere(peer, fn(thrice), 4), 12);
  assert.equal(fn(twice).name, 'twice');
  const me = self();
  spawnOpt({ scheduler: peer }, report, me, 1);
  assert.deepEqual(await next(), [peer, 1]);
}

function report(to: Pid, n: number): void {
  send(to, [thisScheduler(), n]);
}

export async function s8_2_exported_functions_go_by_name(peer: number): Promise<void> {
  assert.equal(await callThere(peer, exported, 1), 'exported 1');
  assert.equal(await callThere(peer, fn(exported), 2), 'exported 2');
  assert.equal(fn(exported).name, 'exported');
  assert.equal(fn(exported), fn(exported));
}

export async function s8_3_this_is_the_callers(peer: number): Promise<void> {
  const n = 1;
  const f = fn(function (this: { m: number } | undefined) {
    return [this?.m, n];
  });
  assert.deepEqual(f.call({ m: 2 }), [2, 1]);
  assert.deepEqual(await callThere(peer, f), [undefined, 1]);
}

export async function s3_4_dirty_takes_an_inline_function(_peer: number): Promise<void> {
  const list = [1, 2, 3];
  const add = fn((n: number) => n + list.length);
  assert.equal(await dirty((n: number) => list.reduce((a, b) => a + b, n), 10), 16);
  assert.equal(await dirty(add, 1), 4);
  const made = (await dirty(twiceOf, add)) as () => number;
  assert.equal(made(), 8);
  await assert.rejects(
    dirty(() => {
      throw new TypeError(`bad ${list.length}`);
    }),
    /bad 3/,
  );
}

export function twiceOf(f: (n: number) => number): () => number {
  const value = twice(f(1));
  return fn(() => value);
}
