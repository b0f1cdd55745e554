/** Every way by which one process might change what another sees, with its outcome. */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {
  dictionary,
  exit,
  freeze,
  monitor,
  type Pid,
  processInfo,
  receive,
  self,
  send,
  sendAfter,
  setLabel,
  spawnOpt,
} from 'tsvm';
import * as own from './isolation.js';
import { answerTo, ask, Cast, death, isDown, raises, take, tell, thrownBy } from './support.js';

// biome-ignore lint/suspicious/noExplicitAny: what is tested is what types forbid
type Any = any;

/** What TypeScript forbids, done all the same: the run-time must refuse it too. */
const refused = (what: string, ...actions: (() => unknown)[]): void => {
  for (const [at, action] of actions.entries()) {
    assert.throws(action, TypeError, `${what} ${at}`);
  }
};

/** By another name, so that the compiler does not see what is done. */
const hidden = <T>(value: T): Any => value;

export async function s1_globals_are_read_only(): Promise<void> {
  const g = hidden(globalThis);
  refused(
    'global',
    () => {
      g.added = 1;
    },
    () => {
      g[Symbol.for('added')] = 1;
    },
    () => Object.defineProperty(g, 'added', { value: 1 }),
    () => {
      g.Array = null;
    },
    () => {
      g.setTimeout = null;
    },
    () => {
      g.fetch = null;
    },
    () => {
      g.Blob = null;
    },
    () => {
      delete g.Map;
    },
    () => hidden(globalThis)['eval']('var added = 1'),
    () => Object.setPrototypeOf(g, {}),
  );
  Function('added = 1')(); // sloppy code fails in silence
  assert.equal('added' in globalThis, false);
  assert.equal('Compartment' in globalThis, false);
  assert.equal(new Blob(['a']).size, 1);
  assert.equal(await (await fetch('data:,x')).text(), 'x');
}

export async function s1_intrinsics_are_frozen(): Promise<void> {
  const prototypes = [
    ...[Object, Array, Map, Set, Promise, RegExp, Date, Error, String, Symbol, Function],
    ...[Uint8Array, ArrayBuffer, WeakRef, FinalizationRegistry],
  ].map(({ prototype }) => hidden(prototype));
  const generator = Object.getPrototypeOf(function* () {}).prototype;
  const asyncGenerator = Object.getPrototypeOf(async function* () {}).prototype;
  const iterator = Object.getPrototypeOf(Object.getPrototypeOf([].values()));
  for (const each of [...prototypes, generator, asyncGenerator, iterator]) {
    refused('prototype', () => {
      each.added = 1;
    });
  }
  for (const each of [Math, JSON, Reflect, Intl, Atomics, Intl.NumberFormat, Object, Array]) {
    refused('intrinsic', () => {
      hidden(each).added = 1;
    });
  }
  refused(
    'method',
    () => {
      hidden(Array.prototype).push = null;
    },
    () => {
      hidden(Math).random = () => 4;
    },
    () => {
      hidden(Date).now = () => 0;
    },
    () => {
      hidden(Promise.prototype).finally = null;
    },
    () => {
      hidden(WeakRef.prototype).deref = null;
    },
  );
}

export async function s1_classes_of_node_are_locked(): Promise<void> {
  for (const each of [URL, Buffer, TextDecoder, AbortController, EventTarget, Headers, Blob]) {
    refused(
      each.name,
      () => {
        hidden(each).added = 1;
      },
      () => {
        hidden(each.prototype).added = 1;
      },
    );
  }
  refused(
    'method',
    () => {
      hidden(URL.prototype).toString = null;
    },
    () => {
      hidden(Buffer.prototype).toString = null;
    },
    () => {
      hidden(Buffer).from = null;
    },
    () => {
      hidden(performance).now = null;
    },
    () => {
      hidden(structuredClone).added = 1;
    },
  );
}

export async function s1_console_and_process_methods_are_locked(): Promise<void> {
  const g = hidden(console);
  const p = hidden(process);
  refused(
    'method',
    () => {
      g.log = null;
    },
    () => {
      p.hrtime = null;
    },
    () => {
      p.nextTick = null;
    },
    () => {
      p.exit = null;
    },
  );
}

export async function s1_the_environment_is_read_only(): Promise<void> {
  const p = hidden(process);
  refused(
    'env',
    () => {
      p.env.TSVM_ADDED = 'x';
    },
    () => {
      delete p.env.PATH;
    },
    () => {
      p.env = {};
    },
    () => p.chdir('/'),
    () => p.umask(0),
  );
}

export async function s1_regexp_statics_are_gone(): Promise<void> {
  /(s)ecret/.exec('secret');
  for (const name of ['$1', '$_', '$&', 'lastMatch', 'input', 'leftContext']) {
    assert.equal(hidden(RegExp)[name], undefined, name);
  }
  assert.equal(hidden(/a/).compile, undefined);
}

export async function s1_callee_and_caller_raise(): Promise<void> {
  function caller(..._args: unknown[]): unknown {
    return hidden(caller).caller;
  }
  function callee(): unknown {
    // biome-ignore lint/complexity/noArguments: it is what is tested
    return hidden(arguments).callee;
  }
  refused('strict', callee);
  assert.ok(caller() === null || caller() === undefined);
}

export async function s1_built_in_modules_are_read_only(): Promise<void> {
  const [f, p] = [hidden(fs), hidden(path)];
  refused(
    'module',
    () => {
      f.readFileSync = null;
    },
    () => {
      f.added = 1;
    },
    () => {
      p.join = null;
    },
  );
  assert.equal(typeof fs.readFileSync, 'function');
}

const LIMITS = {
  deep: [{ n: 1 }],
  get all(): number {
    return 1;
  },
};

export async function s2_constants_are_frozen(): Promise<void> {
  const limits = hidden(LIMITS);
  refused(
    'constant',
    () => {
      limits.added = 1;
    },
    () => {
      limits.deep[0].n = 2;
    },
    () => limits.deep.push(1),
    () => limits.deep.reverse().push(1),
    () => Object.setPrototypeOf(limits, null),
    () => {
      hidden(Object.getOwnPropertyDescriptor(limits, 'all')).get.n = 1;
    },
  );
}

const CODES = new Map([['a', { n: 1 }]]);
const WORDS = new Set(['a']);
const SINCE = new Date(0);

export async function s2_read_only_collections(): Promise<void> {
  const [codes, words, since] = [hidden(CODES), hidden(WORDS), hidden(SINCE)];
  refused(
    'collection',
    () => codes.set('b', 1),
    () => codes.clear(),
    () => {
      codes.get('a').n = 2;
    },
    () => words.add('b'),
    () => words.delete('a'),
    () => since.setTime(1),
    () => since.setUTCFullYear(1),
  );
  assert.deepEqual([CODES.get('a')?.n, WORDS.has('a'), SINCE.getTime()], [1, true, 0]);
  // A copy is free.
  assert.equal(new Map(CODES).set('b', { n: 2 }).size, 2);
  send(self<Map<string, unknown>>(), CODES);
  const sent = await receive<Map<string, unknown>>();
  assert.equal(sent.set('b', 2).size, 2);
}

class Shape {
  static sides = 0;
  static list: string[] = [];
  name = 'shape';
  rename(name: string): void {
    this.name = name;
  }
}
const SHAPE = new Shape();
function* numbers(): Generator<number> {
  yield 1;
}

export async function s2_classes_and_functions_are_frozen(): Promise<void> {
  const [shape, gen] = [hidden(Shape), hidden(numbers)];
  refused(
    'code',
    () => {
      shape.sides = 4;
    },
    () => shape.list.push('x'),
    () => {
      shape.prototype.rename = null;
    },
    () => SHAPE.rename('other'),
    () => {
      gen.n = 1;
    },
    () => {
      gen.prototype.n = 1;
    },
    () => {
      hidden(s2_constants_are_frozen).n = 1;
    },
  );
  const mine = new Shape();
  mine.rename('mine'); // instances are one's own
  assert.equal(mine.name, 'mine');
}

function tagged(strings: TemplateStringsArray): TemplateStringsArray {
  return strings;
}
const template = (): TemplateStringsArray => tagged`a`;
const withDefault = (list: number[] = []): number => list.push(1);

export async function s2_template_and_default_objects(): Promise<void> {
  assert.equal(template(), template());
  refused(
    'template',
    () => hidden(template()).push('b'),
    () => hidden(template().raw).push('b'),
  );
  assert.deepEqual([withDefault(), withDefault()], [1, 1]);
}

export async function s2_import_meta_and_tables_are_frozen(): Promise<void> {
  refused(
    'table',
    () => {
      hidden(import.meta).added = 1;
    },
    () => {
      hidden(own).added = 1;
    },
    () => {
      hidden(own).holder = null;
    },
    () => {
      hidden(send).added = 1;
    },
  );
}

const WORD = /\w/g;

export async function s2_expressions_have_no_memory(): Promise<void> {
  assert.deepEqual('ab'.replace(WORD, 'x'), 'xx');
  assert.equal([...'ab'.matchAll(WORD)].length, 2);
  assert.equal('ab'.match(WORD)?.length, 2);
}

/** Answers with what it got, then changes it. */
export async function holder(first?: Any): Promise<void> {
  if (first !== undefined) change(first);
  for (;;) {
    const { from, value } = await receive<{ from: Pid<Any>; value: Any }>();
    change(value);
    send(from, { changed: value });
  }
}

function change(value: Any): void {
  if (value instanceof Map) value.set('added', 1);
  else if (value instanceof Set) value.add('added');
  else if (value instanceof Date) value.setTime(1);
  else if (value instanceof Uint8Array) value[0] = 99;
  else if (Array.isArray(value)) value.push('added');
  else value.added = 1;
}

export async function s3_messages_are_copied(peer: number): Promise<void> {
  const cast = new Cast(peer);
  for (const pid of [cast.start(own.holder), spawnOpt({ scheduler: 1 }, own.holder)]) {
    cast.adopt(pid);
    for (const make of [
      () => ({ a: { b: 1 } }),
      () => [1, [2]],
      () => new Map([['a', 1]]),
      () => new Set(['a']),
      () => new Date(5),
      () => new Uint8Array([1, 2]),
      () => new Error('x'),
      () => Object.create(null),
    ] as const) {
      const value: Any = make();
      send(pid as Pid<Any>, { from: self(), value });
      await take((message: Any) => 'changed' in message, 'changed');
      assert.deepEqual(Object.keys(value), Object.keys(make()));
      if (!(value instanceof Error)) assert.deepEqual(value, make());
    }
  }
  await cast.end();
}

export async function s3_arguments_of_a_spawn_are_copied(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const value: Any = { a: 1 };
  for (const pid of [
    cast.start(own.holder, value),
    spawnOpt({ scheduler: 1 }, own.holder, value),
  ]) {
    cast.adopt(pid);
    send(pid as Pid<Any>, { from: self(), value: {} });
    await take((message: Any) => 'changed' in message, 'changed');
  }
  assert.deepEqual(value, { a: 1 });
  await cast.end();
}

export async function s3_timer_payloads_are_copied(): Promise<void> {
  const payload = { timer: [1] };
  sendAfter(5, self<typeof payload>(), payload);
  payload.timer.push(2);
  const got = await take<typeof payload>((message: Any) => 'timer' in message, 'timer');
  assert.deepEqual(got.timer, [1]);
}

export async function s3_exit_reasons_are_copied(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const reason: Any = { why: ['x'] };
  const pid = cast.puppet();
  const [first, second] = [monitor(pid), monitor(pid)];
  exit(pid, reason);
  reason.why.push('later');
  const one = await take<Any>(isDown(first), 'DOWN');
  one.reason.why.push('mine');
  const two = await take<Any>(isDown(second), 'DOWN');
  assert.deepEqual([reason.why, two.reason.why], [['x', 'later'], ['x']]);
  await cast.end();
}

export async function s3_errors_are_copied(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const error: Any = new RangeError('x', { cause: { list: [1] } });
  send(self<Any>(), error);
  const got = await take<Any>((message) => message instanceof Error, 'error');
  got.message = 'changed';
  got.cause.list.push(2);
  assert.deepEqual([error.message, error.cause.list], ['x', [1]]);
  const pid = cast.puppet();
  const thrown = tell(pid, 'raise', 'x');
  assert.ok(await death(pid));
  await thrownBy(() => Promise.race([answerTo(thrown), Promise.reject(new Error('none'))]));
  await cast.end();
}

export async function s3_dictionaries_are_apart(peer: number): Promise<void> {
  const cast = new Cast(peer);
  for (const pid of [cast.puppet(), cast.near()]) {
    const value = ['mine'];
    dictionary.put('key', value);
    setLabel('mine');
    await ask(pid, 'put', 'key', ['theirs']);
    await ask(pid, 'setLabel', 'theirs');
    assert.deepEqual(dictionary.get('key'), ['mine']);
    const got = await ask<string[]>(pid, 'get', 'key');
    got.push('changed');
    assert.deepEqual(await ask(pid, 'get', 'key'), ['theirs']);
  }
  dictionary.erase('key');
  await cast.end();
}

export async function s3_process_info_is_a_copy(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.near();
  await ask(pid, 'put', 'key', ['a']);
  const info: Any = await processInfo(pid);
  for (const key of Object.keys(info)) {
    if (Array.isArray(info[key]) && !Object.isFrozen(info[key])) info[key].length = 0;
  }
  assert.deepEqual(await ask(pid, 'get', 'key'), ['a']);
  await cast.end();
}

export async function s3_frozen_values_cannot_be_changed(peer: number): Promise<void> {
  const cast = new Cast(peer);
  let reads = 0;
  const source = {
    list: [{ n: 1 }],
    get read(): number {
      return ++reads;
    },
  };
  const value: Any = freeze(source);
  assert.deepEqual([value.read, value.read], [1, 1]); // an accessor becomes what it gave
  source.list.push({ n: 2 });
  assert.equal(value.list.length, 1);
  refused(
    'frozen',
    () => {
      value.list[0].n = 2;
    },
    () => value.list.push(1),
    () => Object.defineProperty(value, 'added', { value: 1 }),
    () => Object.setPrototypeOf(value, null),
  );
  class Sub extends Array<number> {}
  for (const bad of [
    ...[
      new Map(),
      new Set(),
      new Date(),
      new Uint8Array(1),
      new ArrayBuffer(1),
      /x/,
      new Error('x'),
    ],
    ...[new Proxy({}, {}), new Shape(), Object.create({}), () => 1, Object(1), new WeakRef({})],
  ]) {
    await raises('badarg', /can be frozen/, () => freeze({ bad } as Any));
  }
  assert.equal(Object.getPrototypeOf(freeze(Sub.from([1]) as Any)), Array.prototype);
  await cast.end();
}

export async function s3_shared_memory_is_refused(): Promise<void> {
  const memory = new SharedArrayBuffer(8);
  for (const value of [memory, { a: [memory] }, new Int32Array(memory), new DataView(memory)]) {
    await raises('badarg', /shared|SharedArrayBuffer/i, () => send(self<Any>(), value));
  }
}

export async function s3_transferred_buffers_move(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(own.holder) as Pid<Any>;
  const bytes = new Uint8Array([1, 2, 3]);
  send(pid, { from: self(), value: bytes }, { transfer: [bytes.buffer] });
  await take((message: Any) => 'changed' in message, 'changed');
  assert.equal(bytes.length, 0);
  await cast.end();
}

export async function s3_symbols_and_functions_do_not_travel(): Promise<void> {
  for (const value of [Symbol.for('x'), Symbol('x'), () => 1, { f() {} }, new WeakMap()]) {
    await raises('badarg', /message/, () => send(self<Any>(), value));
  }
  await raises('badarg', /message/, () => send(self<Any>(), new Proxy({}, {})));
}

export async function s3_closures_are_refused(): Promise<void> {
  let n = 0;
  const counter = { up: () => ++n };
  await raises('badarg', /up/, () => send(self<Any>(), counter));
  assert.equal(n, 0);
}

// @tsvm per-scheduler: what the pragma does is what is tested
let count = 0;

export async function counting(from: Pid<Any>): Promise<void> {
  send(from, { count: ++count });
}

export async function s4_the_pragma_shares_within_a_scheduler(peer: number): Promise<void> {
  const next = async (scheduler: number): Promise<number> => {
    const { pid, ref } = spawnOpt({ scheduler, monitor: true }, own.counting, self());
    const { count: got } = await take<Any>((message: Any) => 'count' in message, 'count');
    assert.ok(pid);
    await take(isDown(ref), 'DOWN');
    return got;
  };
  const before = await next(1);
  const elsewhere = await next(peer);
  assert.equal(await next(1), before + (peer === 1 ? 2 : 1));
  assert.equal(await next(peer), elsewhere + (peer === 1 ? 2 : 1));
}

export async function s4_prepare_stack_trace(): Promise<void> {
  const E = hidden(Error);
  const { stackTraceLimit } = E;
  E.stackTraceLimit = 3; // packages (depd) do so for a moment, and must be able to
  assert.equal(E.stackTraceLimit, 3);
  E.stackTraceLimit = stackTraceLimit;
}

export async function s4_stacks_begin_at_the_throw(): Promise<void> {
  class Own extends Error {
    constructor() {
      super('own');
    }
  }
  const makers = { withNew: () => new Error(), plain: () => Error(), own: () => new Own() };
  for (const [name, make] of Object.entries(makers)) {
    const { stack = '' } = make();
    assert.match(stack.split('\n')[1] ?? '', new RegExp(`^    at .*${name} .*isolation.ts:`));
    assert.doesNotMatch(stack, /node_modules/);
  }
  const carrier: { stack?: string } = {};
  Error.captureStackTrace(carrier);
  assert.match(carrier.stack ?? '', /s4_stacks_begin_at_the_throw .*isolation.ts:/);
}
