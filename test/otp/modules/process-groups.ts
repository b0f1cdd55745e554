/** Process groups. Members run where the placement says. */
import assert from 'node:assert/strict';
import { exit, monitor, type Pid, receive, self, send, spawnOpt, trapExit } from 'tsvm';
import { stop } from 'tsvm/gen-server';
import * as pg from 'tsvm/pg';
import { getState } from 'tsvm/sys';
import { by, startMember } from './member.js';
import { downReason, eventually, next, nothing, raises, take } from './support.js';

type Group = string | { readonly room: string };

const chat = pg.scope<Group>('chat groups');
const other = pg.scope<Group>('other groups');

async function having(scope: pg.Scope<never, never>, body: () => Promise<void>): Promise<void> {
  trapExit(true);
  const server = await pg.startLink(scope);
  await body();
  const state = await getState<Record<string, { readonly size: number }>>(server);
  const left = Object.entries(state).filter(([, each]) => each.size > 0);
  assert.deepEqual(left, [], 'the scope forgets all that is gone');
  await stop(server, 'shutdown');
  await take((m) => (m as { from?: Pid }).from === (server as unknown as Pid), 'EXIT of the scope');
}

export async function wait(): Promise<void> {
  await receive((message) => message === 'end');
}

const born = (scheduler: number): Pid => spawnOpt({ scheduler }, wait);

async function end(...pids: readonly Pid[]): Promise<void> {
  for (const pid of pids) {
    const ref = monitor(pid);
    exit(pid, 'kill');
    await downReason(ref);
  }
}

/** Until the scope has heard of an end that the caller knows. */
async function untilGone(group: Group): Promise<void> {
  await eventually(
    'the group is empty',
    async () => (await pg.getMembers(chat, group)).length === 0,
  );
}

export async function s1_join_and_leave(peer: number): Promise<void> {
  await having(chat, async () => {
    const [a, b] = [born(peer), born(1)];
    await pg.join(chat, 'hall', a);
    await pg.join(chat, 'hall', [b, a]);
    assert.deepEqual(await pg.getMembers(chat, 'hall'), [a, a, b]);
    assert.deepEqual(await pg.whichGroups(chat), ['hall']);
    assert.equal(await pg.leave(chat, 'hall', a), true);
    assert.deepEqual(await pg.getMembers(chat, 'hall'), [a, b]);
    assert.equal(await pg.leave(chat, 'hall', [a, b]), true);
    assert.equal(await pg.leave(chat, 'hall', [a, b]), false, 'not joined');
    assert.deepEqual(await pg.getMembers(chat, 'hall'), []);
    assert.deepEqual(await pg.whichGroups(chat), []);
    await end(a, b);
  });
}

export async function s1_many_at_once(peer: number): Promise<void> {
  await having(chat, async () => {
    const pids = Array.from({ length: 200 }, (_, n) => born(n % 2 === 0 ? 1 : peer));
    for (const group of ['a', 'b']) await pg.join(chat, group, pids);
    await pg.join(chat, 'a', []);
    assert.deepEqual(await pg.getMembers(chat, 'a'), pids);
    await pg.leave(chat, 'a', [...pids].reverse());
    assert.deepEqual(await pg.whichGroups(chat), ['b']);
    await end(...pids);
    await untilGone('b');
  });
}

export async function s1_groups_by_value(peer: number): Promise<void> {
  await having(chat, async () => {
    const pid = born(peer);
    await pg.join(chat, { room: 'hall' }, pid);
    assert.deepEqual(await pg.getMembers(chat, { room: 'hall' }), [pid]);
    assert.deepEqual(await pg.getMembers(chat, { room: 'bar' }), []);
    assert.equal(await pg.leave(chat, { room: 'hall' }, pid), true);
    await end(pid);
  });
}

export async function s1_local_members(peer: number): Promise<void> {
  await having(chat, async () => {
    const [near, far] = [born(1), born(peer)];
    await pg.join(chat, 'hall', [near, far]);
    assert.deepEqual(await pg.getLocalMembers(chat, 'hall'), peer === 1 ? [near, far] : [near]);
    const there = await startMember({ scheduler: peer });
    assert.deepEqual(
      await by(
        there,
        pg.getLocalMembers as typeof pg.getLocalMembers<Group, unknown>,
        chat,
        'hall',
      ),
      peer === 1 ? [near, far] : [far],
    );
    await end(near, far, there as unknown as Pid);
    await untilGone('hall');
  });
}

export async function s1_scopes(peer: number): Promise<void> {
  await having(chat, () =>
    having(other, async () => {
      const pid = born(peer);
      await pg.join(chat, 'hall', pid);
      assert.deepEqual(await pg.getMembers(other, 'hall'), []);
      assert.equal(await pg.leave(other, 'hall', pid), false);
      assert.deepEqual(await pg.getMembers(chat, 'hall'), [pid]);
      await end(pid);
      await untilGone('hall');
    }),
  );
}

export async function s1_bad_arguments(): Promise<void> {
  await raises('badarg', /none runs under the name "chat groups"/, () => pg.whichGroups(chat));
  await having(chat, async () => {
    await raises('badarg', /a pid or a list of pids/, () =>
      pg.join(chat, 'hall', [self(), 'joe' as unknown as Pid]),
    );
    await raises('badarg', /content/, () => pg.getMembers(chat, (() => 1) as unknown as Group));
    assert.deepEqual(await pg.whichGroups(chat), []);
  });
}

export async function s2_ends(peer: number): Promise<void> {
  await having(chat, async () => {
    const pid = born(peer);
    await pg.join(chat, 'hall', [pid, pid]);
    await pg.join(chat, 'bar', pid);
    const { ref } = await pg.monitor(chat, 'hall');
    await end(pid);
    assert.deepEqual(await next(), { type: 'leave', ref, group: 'hall', pids: [pid, pid] });
    await untilGone('bar');
    // One that is dead joins and leaves at once.
    await pg.join(chat, 'hall', pid);
    assert.deepEqual(await next(), { type: 'join', ref, group: 'hall', pids: [pid] });
    assert.deepEqual(await next(), { type: 'leave', ref, group: 'hall', pids: [pid] });
    await pg.demonitor(chat, ref);
  });
}

export async function s3_monitor(peer: number): Promise<void> {
  await having(chat, async () => {
    const [a, b] = [born(peer), born(1)];
    await pg.join(chat, 'hall', a);
    const { ref, members } = await pg.monitor(chat, 'hall');
    assert.deepEqual(members, [a]);
    await pg.join(chat, 'bar', b);
    await pg.join(chat, 'hall', [b, b]);
    await pg.leave(chat, 'hall', [a, b]);
    assert.deepEqual(await next(), { type: 'join', ref, group: 'hall', pids: [b, b] });
    assert.deepEqual(await next(), { type: 'leave', ref, group: 'hall', pids: [a, b] });
    await pg.leave(chat, 'hall', b);
    assert.equal(await pg.demonitor(chat, ref), true);
    assert.equal(await pg.demonitor(chat, ref), false);
    await nothing();
    await pg.join(chat, 'hall', a);
    await nothing();
    await end(a, b);
    await untilGone('hall');
    await untilGone('bar');
  });
}

export async function s3_monitor_scope(peer: number): Promise<void> {
  await having(chat, async () => {
    const pid = born(peer);
    await pg.join(chat, 'hall', pid);
    const { ref, groups } = await pg.monitorScope(chat);
    assert.deepEqual(groups, [{ group: 'hall', members: [pid] }]);
    await pg.join(chat, 'bar', pid);
    assert.deepEqual(await next(), { type: 'join', ref, group: 'bar', pids: [pid] });
    await end(pid);
    const left = [await next(), await next()] as pg.GroupChange<Group>[];
    assert.deepEqual(left.map(({ group }) => group).sort(), ['bar', 'hall']);
    assert.equal(await pg.demonitor(chat, ref), true);
  });
}

export async function s3_watchers_end(peer: number): Promise<void> {
  await having(chat, async () => {
    const watcher = await startMember({ scheduler: peer });
    const { ref } = await by(
      watcher,
      pg.monitorScope as typeof pg.monitorScope<Group, unknown>,
      chat,
    );
    assert.equal(await pg.demonitor(chat, ref), false, 'of another process');
    await end(watcher as unknown as Pid);
    // `having` looks whether it is forgotten; the scope has heard of the end when it is asked again.
    const pid = born(1);
    await pg.join(chat, 'hall', pid);
    await end(pid);
    await untilGone('hall');
    await eventually('the watch is gone', async () => {
      const { watches } = await getState<{ watches: { size: number } }>('chat groups');
      return watches.size === 0;
    });
  });
}

export async function s4_churn(peer: number): Promise<void> {
  await having(chat, async () => {
    const { ref } = await pg.monitorScope(chat);
    const alive: Pid[] = [];
    for (let round = 0; round < 150; round++) {
      const pid = born(round % 2 === 0 ? 1 : peer);
      await pg.join(chat, `room ${round % 5}`, round % 3 === 0 ? [pid, pid] : pid);
      if (round % 4 === 0) send(pid, 'end');
      else alive.push(pid);
    }
    const count = new Map<Pid, number>();
    const ended = 150 - alive.length;
    for (let left = 0; left < ended; ) {
      const change = await take<pg.GroupChange<Group>>(
        (m) => (m as { ref?: string }).ref === ref,
        'change',
      );
      const by = change.type === 'join' ? 1 : -1;
      for (const pid of change.pids) count.set(pid, (count.get(pid) ?? 0) + by);
      if (change.type === 'leave') left += 1;
    }
    assert.equal(await pg.demonitor(chat, ref), true);
    const members = new Map<Pid, number>();
    for (const group of await pg.whichGroups(chat)) {
      for (const pid of await pg.getMembers(chat, group))
        members.set(pid, (members.get(pid) ?? 0) + 1);
    }
    assert.deepEqual([...members.keys()].sort(), [...alive].sort());
    for (const [pid, times] of count)
      assert.ok(times === 0 || times === members.get(pid), `${pid}`);
    await end(...alive);
    await eventually('no groups', async () => (await pg.whichGroups(chat)).length === 0);
  });
}
