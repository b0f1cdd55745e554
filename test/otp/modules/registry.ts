/** Registered names (SEMANTICS §7): atomic over all schedulers. */
import assert from 'node:assert/strict';
import { hrtime } from 'node:process';
import {
  exit,
  type Pid,
  processInfo,
  register,
  registered,
  self,
  send,
  unregister,
  whereis,
} from 'tsvm';
import { answerTo, ask, Cast, death, raises, settle, tell, waitUntil } from './support.js';

export async function s7_1_register_whereis_unregister(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  assert.equal(whereis('one'), undefined);
  assert.equal(await register('one', other), true);
  assert.equal(whereis('one'), other);
  assert.ok(registered().includes('one'));
  assert.equal((await processInfo(other))?.registeredName, 'one');
  assert.equal(await unregister('one'), true);
  assert.equal(whereis('one'), undefined);
  assert.ok(!registered().includes('one'));
  await cast.end();
}

export async function s7_1_a_name_is_seen_on_all_schedulers(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [near, far] = [cast.near(), cast.puppet()];
  await register('everywhere', near);
  assert.equal(await ask(far, 'whereis', 'everywhere'), near);
  assert.equal(await ask(near, 'whereis', 'everywhere'), near);
  await ask(far, 'unregister', 'everywhere');
  assert.equal(whereis('everywhere'), undefined);
  await cast.end();
}

export async function s7_1_messages_reach_a_name(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  await register('post', other);
  send('post', 'hello');
  assert.equal(await ask(other, 'next'), 'hello');
  await ask(other, 'send', 'post', 'to itself by name');
  assert.equal(await ask(other, 'next'), 'to itself by name');
  await cast.end();
}

export async function s7_2_taken_name_raises_badarg(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [first, second] = [cast.puppet(), cast.near()];
  await register('taken', first);
  await raises('badarg', /taken/, () => register('taken', second));
  await raises('badarg', /taken/, () => register('taken', first));
  assert.equal(whereis('taken'), first);
  await cast.end();
}

export async function s7_2_second_name_raises_badarg(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  await register('only', other);
  await raises('badarg', /only/, () => register('another', other));
  assert.equal(whereis('another'), undefined);
  await unregister('only');
  assert.equal(await register('another', other), true);
  await cast.end();
}

export async function s7_2_dead_pid_raises_badarg(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  exit(other, 'kill');
  await death(other);
  await raises('badarg', /register/, () => register('ghost', other));
  assert.equal(whereis('ghost'), undefined);
  await cast.end();
}

export async function s7_2_illegal_names_raise_badarg(_peer: number): Promise<void> {
  const bad: unknown[] = ['', 'undefined', 'x'.repeat(256), self(), '#Ref<a.1.2>', 5, undefined];
  for (const name of bad) {
    await raises('badarg', /register/, () => register(name as string, self()));
  }
  assert.equal(await register('x'.repeat(255), self()), true);
  assert.equal(await unregister('x'.repeat(255)), true);
}

export async function s7_2_illegal_pids_raise_badarg(_peer: number): Promise<void> {
  for (const pid of ['nobody', 7, undefined, '<9.9>']) {
    await raises('badarg', /register/, () => register('fine', pid as Pid));
  }
  const elsewhere = '<zzzz.1.1>' as Pid; // another node's
  await raises('badarg', /register/, () => register('fine', elsewhere));
  assert.equal(whereis('fine'), undefined);
}

export async function s7_3_unregister_of_an_unknown_name_raises_badarg(
  _peer: number,
): Promise<void> {
  await raises('badarg', /nobody here/, () => unregister('nobody here'));
  await raises('badarg', /unregister/, () => unregister(5 as unknown as string));
}

export async function s7_3_whereis_of_an_unknown_name_is_undefined(_peer: number): Promise<void> {
  assert.equal(whereis('nobody here'), undefined);
  await raises('badarg', /whereis/, () => whereis(5 as unknown as string));
}

export async function s7_3_anyone_may_unregister_a_name(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [near, far] = [cast.near(), cast.puppet()];
  await register('foreign', near);
  assert.equal(await ask(far, 'unregister', 'foreign'), true);
  assert.equal(whereis('foreign'), undefined);
  await settle(near);
  await cast.end();
}

export async function s7_4_two_schedulers_race_for_one_name(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [near, far] = [cast.near(), cast.puppet()];
  const wins = new Map<Pid, number>([
    [near, 0],
    [far, 0],
  ]);
  for (let round = 0; round < 300; round++) {
    const racers: readonly [Pid, Pid] = round % 2 === 0 ? [near, far] : [far, near];
    const first = tell(racers[0], 'register', 'prize', racers[0]);
    // The far one needs longer to hear of it, so some rounds give the first a good start.
    await waitUntil(hrtime.bigint() + BigInt(round % 10) * 100_000n);
    const orders = [first, tell(racers[1], 'register', 'prize', racers[1])];
    const results = [];
    for (const order of orders) {
      results.push(
        await answerTo(order).then(
          () => 'won',
          (error: { reason?: unknown }) => error.reason,
        ),
      );
    }
    assert.deepEqual([...results].sort(), ['badarg', 'won'], `round ${round}`);
    const winner = racers[results.indexOf('won')] as Pid;
    assert.equal(whereis('prize'), winner);
    assert.equal(await ask(near, 'whereis', 'prize'), winner);
    assert.equal(await ask(far, 'whereis', 'prize'), winner);
    wins.set(winner, (wins.get(winner) ?? 0) + 1);
    await unregister('prize');
  }
  assert.ok(
    [...wins.values()].every((n) => n > 0),
    `one always won: ${[...wins.values()]}`,
  );
  await cast.end();
}

export async function s7_4_two_names_race_for_one_process(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [near, far] = [cast.near(), cast.puppet()];
  for (let round = 0; round < 200; round++) {
    const orders = [tell(near, 'register', 'alpha', self()), tell(far, 'register', 'beta', self())];
    let won = 0;
    for (const order of orders) {
      await answerTo(order).then(
        () => {
          won += 1;
        },
        () => {},
      );
    }
    assert.equal(won, 1, `round ${round}`);
    const mine = registered().filter((name) => name === 'alpha' || name === 'beta');
    assert.equal(mine.length, 1);
    await unregister(mine[0] as string);
  }
  await cast.end();
}

export async function s7_4_register_against_death(peer: number): Promise<void> {
  // A name is either refused or freed with the death: it never points to the dead.
  const cast = new Cast(peer);
  const clerk = cast.near();
  const seen = { registered: 0, refused: 0 };
  for (let round = 0; round < 200; round++) {
    const victim = cast.puppet();
    if (round % 2 === 0) exit(victim, 'kill');
    const order = tell(clerk, 'register', 'late', victim);
    exit(victim, 'kill');
    await answerTo(order).then(
      () => {
        seen.registered += 1;
      },
      () => {
        seen.refused += 1;
      },
    );
    await death(victim);
    assert.equal(whereis('late'), undefined, `round ${round}`);
  }
  assert.ok(seen.refused > 0, JSON.stringify(seen));
  await cast.end();
}

export async function s7_4_churn_of_one_name(peer: number): Promise<void> {
  // Taken and freed again and again from both sides: the registry's bookkeeping must not wear out.
  const cast = new Cast(peer);
  const [near, far] = [cast.near(), cast.puppet()];
  for (let round = 0; round < 2000; round++) {
    const pid = round % 2 === 0 ? near : far;
    await ask(pid, 'register', `churn ${round % 7}`, pid);
    await ask(round % 3 === 0 ? near : far, 'unregister', `churn ${round % 7}`);
  }
  assert.deepEqual(
    registered().filter((name) => name.startsWith('churn')),
    [],
  );
  await cast.end();
}

export async function s7_4_many_names_at_once(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const holders = Array.from({ length: 500 }, (_, n) => (n % 2 ? cast.near() : cast.puppet()));
  for (const [n, pid] of holders.entries()) await register(`many/${n} \u{1F600}`, pid);
  for (const [n, pid] of holders.entries()) assert.equal(whereis(`many/${n} \u{1F600}`), pid);
  assert.equal(registered().filter((name) => name.startsWith('many/')).length, 500);
  await cast.end();
  assert.equal(registered().filter((name) => name.startsWith('many/')).length, 0);
}

export async function s7_5_the_own_name_is_freed_at_the_own_death(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const other = cast.puppet();
  await ask(other, 'register', 'self-made', other);
  tell(other, 'return');
  await death(other);
  assert.equal(whereis('self-made'), undefined);
  await raises('badarg', /self-made/, () => send('self-made', 'x'));
  await cast.end();
}

export async function s7_5_a_message_in_flight_to_a_name_goes_to_the_old_holder(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const [first, second] = [cast.puppet(), cast.puppet()];
  await register('baton', first);
  send('baton', 1);
  await unregister('baton');
  await register('baton', second);
  send('baton', 2);
  assert.equal(await ask(first, 'next'), 1);
  assert.equal(await ask(second, 'next'), 2);
  await cast.end();
}
