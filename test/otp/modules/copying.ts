/**
 * Copying of messages (statement 1.5): every value arrives as `structuredClone` would make it, on the
 * same scheduler and on another one; what cannot be copied raises in the sender and nothing is queued.
 */
import assert from 'node:assert/strict';
import { exit, type Pid, receive, self, send, sendAfter, spawnOpt, startTimer } from 'tsvm';
import { Cast, death, next, nothing, raises, thrownBy } from './support.js';

class Point {
  readonly x = 1;
  get double(): number {
    return this.x * 2;
  }
}

const cyclic = (): object => {
  const ring: Record<string, unknown> = { name: 'ring', map: new Map() };
  ring['self'] = ring;
  (ring['map'] as Map<unknown, unknown>).set(ring, [ring]);
  return ring;
};

const shared = (): object => {
  const one = { n: 1 };
  return { a: one, b: [one, one], set: new Set([one]) };
};

const holes = (): unknown[] => {
  const list: unknown[] = [1];
  list[2] = 3;
  list[10] = 'far';
  return list;
};

const views = (): object => {
  const buffer = new ArrayBuffer(16);
  const bytes = new Uint8Array(buffer, 4, 8);
  bytes.set([1, 2, 3, 4, 5, 6, 7, 8]);
  return { bytes, doubles: new Float64Array(buffer), view: new DataView(buffer, 2), buffer };
};

const failure = (): Error => {
  const error = new RangeError('out of range', { cause: new TypeError('deep down') });
  return error;
};

/** An array with the named properties `index`, `input` and `groups`. */
const matched = (): unknown => 'the quick fox'.match(/quick (?<what>f)/);

/** Values by name; each is made anew, so that no test can spoil it for the next. */
const VALUES: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  booleans: () => [true, false],
  numbers: () => [0, -0, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53, 2 ** 31, -(2 ** 31) - 1],
  bigints: () => [0n, -1n, 2n ** 64n, -(2n ** 200n)],
  strings: () => [
    '',
    'ascii',
    'ÿlatin',
    'čeština',
    '日本',
    '\u{1F600}',
    '\ud800',
    'x'.repeat(70_000),
  ],
  nested: () => ({ a: { b: { c: [{ d: [[[1]]] }] } } }),
  deep: () => {
    let value: unknown = 'bottom';
    for (let n = 0; n < 2000; n++) value = n % 2 ? [value] : { value };
    return value;
  },
  cyclic,
  shared,
  holes,
  'match of a regular expression': matched,
  'null prototype': () => Object.assign(Object.create(null) as object, { a: 1 }),
  'class instance': () => new Point(),
  'integer keys': () => ({ 2: 'b', 1: 'a', x: 'c' }),
  '__proto__ as a key': () => JSON.parse('{"__proto__": {"polluted": true}, "b": 2}') as unknown,
  'symbol keys are lost': () => ({ [Symbol('lost')]: 1, kept: 2 }),
  'not enumerable is lost': () => Object.defineProperty({ kept: 1 }, 'lost', { value: 2 }),
  map: () =>
    new Map<unknown, unknown>([
      [{ key: 1 }, new Map([[1, 2]])],
      ['k', undefined],
    ]),
  set: () => new Set<unknown>([1, 'x', [2], new Set([3])]),
  dates: () => [new Date(0), new Date(1e12)],
  regexps: () => [/a+b/giu, /x/],
  boxed: () => [Object(1), Object('s'), Object(true), Object(5n)],
  errors: () => [new Error('plain'), failure(), new SyntaxError('syntax')],
  views,
  'typed arrays': () => [
    new Int8Array([-1]),
    new Uint8ClampedArray([300]),
    new Int16Array([1]),
    new Uint16Array([2]),
    new Int32Array([3]),
    new Uint32Array([4]),
    new Float32Array([0.5]),
    new BigInt64Array([-5n]),
    new BigUint64Array([6n]),
  ],
  buffer: () => Buffer.from('bytes'),
  'a thousand records': () =>
    Array.from({ length: 1000 }, (_, id) => ({
      id,
      name: `n${id}`,
      tags: ['a', 'b'],
      ok: id % 2 === 0,
    })),
};

/** Sends back what it gets. */
export async function mirror(to: Pid): Promise<never> {
  for (;;) send(to, { back: await receive<unknown>() });
}

/** As `structuredClone` made it, also in what deepStrictEqual does not see. */
function assertSame(got: unknown, name: string): void {
  const expected = structuredClone((VALUES[name] as () => unknown)());
  assert.deepEqual(got, expected, name);
  if (expected instanceof Error) {
    assert.equal((got as Error).stack, expected.stack);
  }
}

export async function s1_5_every_value_arrives_as_structuredClone_makes_it(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  for (const [name, make] of Object.entries(VALUES)) {
    if (name === 'errors') continue; // their stacks differ by the line that made them
    send(other, make());
    assertSame(((await next(name)) as { back: unknown }).back, name);
  }
  await cast.end();
}

export async function s1_5_other_named_properties_of_arrays_are_lost(peer: number): Promise<void> {
  // FIXME structuredClone keeps them. To see that an array has some, all its keys must be listed, which
  // would cost every array; only those that `match` and `exec` make are looked for.
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  send(other, Object.assign([1, 2], { named: 'on an array' }));
  assert.deepEqual(await next(), { back: [1, 2] });
  await cast.end();
}

export async function s1_5_an_invalid_date_stays_one(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  send(other, new Date(Number.NaN));
  const { back } = (await next()) as { back: Date };
  assert.ok(back instanceof Date && Number.isNaN(back.getTime()));
  await cast.end();
}

export async function s1_5_errors_keep_name_message_stack_and_cause(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  const original = failure();
  send(other, original);
  const { back } = (await next()) as { back: Error & { cause: Error } };
  assert.ok(back instanceof RangeError);
  assert.equal(back.message, 'out of range');
  assert.equal(back.stack, original.stack);
  assert.equal(back.cause.message, 'deep down');
  await cast.end();
}

export async function s1_5_identity_is_kept_inside_a_message(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  send(other, cyclic());
  const ring = ((await next()) as { back: Record<string, unknown> }).back;
  assert.equal(ring['self'], ring);
  assert.equal((ring['map'] as Map<unknown, unknown[]>).get(ring)?.[0], ring);
  send(other, shared());
  const { back } = (await next()) as { back: { a: object; b: object[]; set: Set<object> } };
  assert.equal(back.a, back.b[0]);
  assert.equal(back.a, back.b[1]);
  assert.ok(back.set.has(back.a));
  send(other, views());
  const view = ((await next()) as { back: Record<string, ArrayBufferView> }).back;
  assert.equal(view['bytes']?.buffer, view['doubles']?.buffer);
  assert.equal(view['bytes']?.byteOffset, 4);
  await cast.end();
}

export async function s1_5_a_prototype_is_not_carried_along(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  send(other, new Point());
  const { back } = (await next()) as { back: object };
  assert.equal(Object.getPrototypeOf(back), Object.prototype);
  send(other, JSON.parse('{"__proto__": {"polluted": true}}'));
  const second = ((await next()) as { back: object }).back;
  assert.equal(Object.getPrototypeOf(second), Object.prototype);
  assert.deepEqual(Object.keys(second), ['__proto__']);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  await cast.end();
}

/** What cannot be copied, and how the error names the place. */
const REFUSED: readonly (readonly [() => unknown, RegExp])[] = [
  [() => () => 1, /message is a function/],
  [() => ({ items: [0, 1, 2, { cb: () => 1 }] }), /message\.items\[3\]\.cb is a function/],
  [() => Symbol('s'), /message is a symbol/],
  [() => ({ 'odd key': Symbol('s') }), /message\["odd key"\] is a symbol/],
  [() => [Promise.resolve(1)], /message\[0\] is a promise/],
  [() => new Map([['k', () => 1]]), /message\.get\("k"\) is a function/],
  [() => new Set([() => 1]), /message\.values\(\)\[0\] is a function/],
  [() => new WeakMap(), /message is a WeakMap/],
  [() => new WeakSet(), /message is a WeakSet/],
  [() => ({ p: new Proxy({}, {}) }), /message\.p is a proxy/],
  [() => ({ sab: new SharedArrayBuffer(8) }), /message\.sab is a SharedArrayBuffer/],
  [() => new Uint8Array(new SharedArrayBuffer(8)), /message looks into a SharedArrayBuffer/],
  [() => ({ cause: new Error('x', { cause: () => 1 }) }), /message\.cause\.cause is a function/],
  [() => (function* () {})(), /message is a generator/],
];

export async function s1_5_what_cannot_be_copied_raises_in_the_sender(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  for (const [make, text] of REFUSED) {
    await raises('badarg', text, () => send(other, make()));
    await raises('badarg', text, () => send(self(), make()));
    await raises('badarg', text, () => sendAfter(1, other, make()));
    await raises('badarg', text, () => startTimer(1, self(), make()));
  }
  send(other, 'only this');
  assert.deepEqual(await next(), { back: 'only this' });
  await nothing();
  await cast.end();
}

export async function s1_5_a_getter_that_throws_raises_its_error(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  const trap = {
    get bad(): never {
      throw new RangeError('from the getter');
    },
  };
  const error = await thrownBy(() => send(other, trap));
  assert.match(error.message, /from the getter/);
  send(other, 'only this');
  assert.deepEqual(await next(), { back: 'only this' });
  await cast.end();
}

export async function s1_5_exit_reasons_that_cannot_be_copied_raise_badarg(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  await raises('badarg', /reason is a function/, () => exit(() => 1));
  await raises('badarg', /reason\.f is a function/, () => exit(other, { f: () => 1 }));
  await cast.end();
}

export async function s1_5_an_array_buffer_is_copied_unless_transferred(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  const bytes = new Uint8Array([1, 2, 3]);
  send(other, bytes);
  assert.equal(bytes.byteLength, 3);
  assert.deepEqual(((await next()) as { back: unknown }).back, bytes);

  const large = new Uint8Array(1_000_000).fill(7);
  send(other, { large }, { transfer: [large.buffer] });
  assert.equal(large.byteLength, 0, 'the sender has it no longer');
  const { back } = (await next()) as { back: { large: Uint8Array } };
  assert.equal(back.large.byteLength, 1_000_000);
  assert.ok(back.large.every((byte) => byte === 7));

  const mine = new Uint8Array([9]);
  send(self(), mine, { transfer: [mine.buffer] });
  assert.equal(mine.byteLength, 0);
  assert.deepEqual(await next(), new Uint8Array([9]));
  await cast.end();
}

export async function s1_5_bad_transfers_raise_badarg(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.start(mirror, self());
  const bad: unknown[] = [{ transfer: [{}] }, { transfer: 5 }, { tranfer: [] }];
  for (const options of bad) {
    await raises('badarg', /transfer|tranfer/, () => send(other, 'x', options as { transfer: [] }));
  }
  const fine = new ArrayBuffer(4);
  await raises('badarg', /is a function/, () =>
    send(other, { fine, f: () => 1 }, { transfer: [fine] }),
  );
  assert.equal(fine.byteLength, 4, 'a refused message detaches nothing');
  await nothing();
  await cast.end();
}

/** Changes everything it gets. */
export async function vandal(report: Pid): Promise<void> {
  const { list, map } = await receive<{ list: number[]; map: Map<string, number> }>();
  list.length = 0;
  map.clear();
  send(report, 'done');
}

export async function s1_5_the_receiver_cannot_change_what_the_sender_has(
  peer: number,
): Promise<void> {
  const message = { list: [1, 2], map: new Map([['a', 1]]) };
  for (const slot of [1, peer]) {
    const other = spawnOpt({ scheduler: slot }, vandal, self());
    send(other, message);
    assert.equal(await next(), 'done');
    assert.deepEqual(message, { list: [1, 2], map: new Map([['a', 1]]) });
    await death(other);
  }
}
