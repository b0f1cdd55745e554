/** freeze(value): an immutable copy that messages share by reference within a scheduler. */
import assert from 'node:assert/strict';
import { freeze, type Pid, receive, self, send, spawnOpt } from 'tsvm';
import { next, raises, thrownBy } from './support.js';

type Tree = { readonly name: string; readonly children: readonly Tree[] };

const tree = (): Tree => ({
  name: 'root',
  children: [
    { name: 'left', children: [] },
    { name: 'right', children: [{ name: 'leaf', children: [] }] },
  ],
});

export async function s1_5_freeze_makes_a_deeply_frozen_copy(_peer: number): Promise<void> {
  const original = tree();
  const frozen = freeze(original);
  assert.deepEqual(frozen, original);
  assert.notEqual(frozen, original);
  assert.ok(!Object.isFrozen(original));
  assert.ok(Object.isFrozen(frozen) && Object.isFrozen(frozen.children[1]?.children[0]));
  const error = await thrownBy(() => {
    (frozen.children as Tree[]).push({ name: 'new', children: [] });
  });
  assert.equal(error.name, 'TypeError');
}

export async function s1_5_freeze_of_primitives_and_frozen_values(_peer: number): Promise<void> {
  for (const value of [1, 'x', true, null, undefined, 7n]) assert.equal(freeze(value), value);
  const frozen = freeze(tree());
  assert.equal(freeze(frozen), frozen);
  const around = freeze({ inner: frozen });
  assert.equal(around.inner, frozen);
}

export async function s1_5_a_frozen_message_to_oneself_is_shared(_peer: number): Promise<void> {
  const frozen = freeze(tree());
  send(self(), frozen);
  assert.equal(await receive(), frozen);
  send(self(), { wrapped: frozen, plain: [1] });
  const got = await receive<{ wrapped: Tree; plain: number[] }>();
  assert.equal(got.wrapped, frozen);
  got.plain.push(2); // what is not frozen is an ordinary copy
}

/** Sends back what it gets, several times. */
export async function reflect(to: Pid): Promise<void> {
  for (;;) {
    const message = await receive();
    if (message === 'stop') return;
    send(to, message);
  }
}

export async function s1_5_a_frozen_message_elsewhere_is_frozen_there(peer: number): Promise<void> {
  const other = spawnOpt({ scheduler: peer }, reflect, self());
  const frozen = freeze(tree());
  for (let n = 0; n < 5; n++) {
    send(other, frozen);
    const back = await receive<Tree>();
    assert.deepEqual(back, frozen);
    assert.ok(Object.isFrozen(back) && Object.isFrozen(back.children[1]?.children[0]));
  }
  send(other, 'stop');
}

export async function s1_5_an_object_frozen_by_hand_is_copied(_peer: number): Promise<void> {
  const byHand = Object.freeze({ list: [1] }); // its list is not frozen: sharing it would be wrong
  send(self(), byHand);
  const got = await receive<{ list: number[] }>();
  assert.notEqual(got, byHand);
  assert.notEqual(got.list, byHand.list);
}

export async function s1_5_cyclic_and_shared_values_can_be_frozen(peer: number): Promise<void> {
  type Knot = { self?: Knot; twice: readonly object[] };
  const shared = { once: 1 };
  const knot: Knot = { twice: [shared, shared] };
  knot.self = knot;
  const frozen = freeze(knot);
  assert.equal(frozen.self, frozen);
  assert.equal(frozen.twice[0], frozen.twice[1]);
  const other = spawnOpt({ scheduler: peer }, reflect, self());
  send(other, frozen);
  const back = (await next()) as Knot;
  assert.equal(back.self, back);
  assert.equal(back.twice[0], back.twice[1]);
  send(other, 'stop');
}

export async function s1_5_what_cannot_be_frozen_raises_badarg(_peer: number): Promise<void> {
  const bad: [unknown, RegExp][] = [
    [{ a: [1, { f: () => 1 }] }, /a\[1\]\.f is a function/],
    [{ m: new Map() }, /m is a Map/],
    [new Set(), /is a Set/],
    [[new Date()], /\[0\] is a Date/],
    [new Uint8Array(2), /binary data/],
    [new (class Point {})(), /instance of a class/],
  ];
  for (const [value, text] of bad) await raises('badarg', text, () => freeze(value));
}
