/** SEMANTICS §12: gen-event, statement by statement. The manager runs where the placement says. */
import assert from 'node:assert/strict';
import { exit, isAlive, monitor, type Pid, receive, self, send, spawnOpt } from 'tsvm';
import {
  addHandler,
  addSupHandler,
  call,
  deleteHandler,
  type EventManager,
  type HandlerId,
  isStartError,
  notify,
  start,
  startLink,
  startMonitor,
  stop,
  swapHandler,
  swapSupHandler,
  syncNotify,
  whichHandlers,
} from 'tsvm/gen-event';
import * as sys from 'tsvm/sys';
import type { Act, Event } from './listener.js';
import * as listener from './listener.js';
import * as quiet from './quiet-listener.js';
import { downReason, nothing, take } from './support.js';

type Manager = EventManager<Event>;
interface Report {
  readonly type: string;
  readonly [key: string]: unknown;
}

const MODULE = { module: 'listener' };

const report = (type: string): Promise<Report> =>
  take<Report>((message) => (message as Report)?.type === type, type);

const managerAt = (peer: number): Promise<Manager> => start<Event>({ scheduler: peer });

const handler = (id: HandlerId): readonly [typeof listener, HandlerId] => [listener, id];

async function add(manager: Manager, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    await addHandler(manager, handler(id), { report: self(), id });
    await report('init');
  }
}

async function addSupervised(manager: Manager, id: string): Promise<void> {
  await addSupHandler(manager, handler(id), { report: self(), id });
  await report('init');
}

const act = (manager: Manager, what: Act): Promise<void> => syncNotify(manager, { act: what });

const idsOf = async (manager: Manager): Promise<unknown[]> =>
  (await whichHandlers(manager)).map(({ id }) => id);

/** The reports of one type, as what they are about. */
async function about(type: string, count: number, key = 'id'): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let left = count; left > 0; left--) found.push((await report(type))[key]);
  return found;
}

async function ended(manager: Manager, handlers: number): Promise<void> {
  await stop(manager);
  assert.deepEqual(await about('terminate', handlers, 'why'), Array(handlers).fill('stop'));
  await nothing();
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return (error as { reason?: unknown }).reason;
  }
  return assert.fail('it should have failed');
}

// ---- 12.1 handlers and events -------------------------------------------------------------------

export async function s12_1_newest_first(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a', 'b', 'c');
  assert.deepEqual(await whichHandlers(manager), [
    { ...MODULE, id: 'c' },
    { ...MODULE, id: 'b' },
    { ...MODULE, id: 'a' },
  ]);
  notify(manager, { n: 1 });
  notify(manager, { n: 2 });
  const seen: unknown[] = [];
  for (let left = 6; left > 0; left--) {
    const { id, n } = await report('event');
    seen.push([n, id]);
  }
  assert.deepEqual(seen, [
    [1, 'c'],
    [1, 'b'],
    [1, 'a'],
    [2, 'c'],
    [2, 'b'],
    [2, 'a'],
  ]);
  await ended(manager, 3);
}

export async function s12_1_ids_are_not_checked(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await addHandler(manager, listener, { report: self(), id: 'old' });
  await addHandler(manager, listener, { report: self(), id: 'new' });
  assert.deepEqual(await about('init', 2), ['old', 'new']);
  await syncNotify(manager, 'event');
  assert.deepEqual(await about('event', 2), ['new', 'old']);
  await deleteHandler(manager, listener);
  assert.equal((await report('terminate'))['id'], 'new');
  assert.equal((await whichHandlers(manager)).length, 1);
  await ended(manager, 1);
}

export async function s12_1_inside_the_manager(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a', 'b');
  await act(manager, { on: 'b', wait: 20 });
  // a has seen the event too when syncNotify returns, though b took its time.
  assert.deepEqual(await about('event', 2), ['b', 'a']);
  await nothing();
  await ended(manager, 2);
}

// ---- 12.2 handlers that end ---------------------------------------------------------------------

export async function s12_2_raise(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a', 'b', 'c');
  await act(manager, { on: 'b', raise: 'oops' });
  const why = (await report('terminate'))['why'] as { kind: string; reason: Report };
  assert.deepEqual([why.kind, why.reason['message']], ['error', 'oops']);
  await act(manager, { on: 'c', exit: 'left' });
  assert.deepEqual((await report('terminate'))['why'], { kind: 'error', reason: 'left' });
  assert.deepEqual(await idsOf(manager), ['a']);
  assert.equal((await about('event', 5)).filter((id) => id === 'a').length, 2);
  await ended(manager, 1);
}

export async function s12_2_junk(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a', 'b');
  await act(manager, { on: 'a', junk: 'junk' });
  assert.deepEqual((await report('terminate'))['why'], { kind: 'error', reason: 'junk' });
  assert.deepEqual(await idsOf(manager), ['b']);
  await about('event', 2);
  await ended(manager, 1);
}

export async function s12_2_remove(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a', 'b');
  await act(manager, { on: 'a', give: { remove: true } });
  const { id, why } = await report('terminate');
  assert.deepEqual([id, why], ['a', 'remove_handler']);
  assert.deepEqual(await idsOf(manager), ['b']);
  await about('event', 2);
  await ended(manager, 1);
}

export async function s12_2_throw_is_return(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a');
  await act(manager, { on: 'a', throw: 'thrown' });
  assert.equal(await call(manager, handler('a'), { type: 'value' }), 'thrown');
  await report('event');
  await ended(manager, 1);
}

export async function s12_2_call_fails(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a', 'b');
  const failing = call(manager, handler('a'), { type: 'act', act: { on: 'a', raise: 'oops' } });
  const failed = (await reasonOf(failing)) as { reason: Report; call: unknown };
  assert.deepEqual([failed.reason['message'], failed.call], ['oops', manager]);
  await report('terminate');
  const unknown = (await reasonOf(call(manager, handler('b'), { type: 'odd' } as never))) as {
    reason: Report;
  };
  assert.match(String(unknown.reason['message']), /handleCall has nothing for .* odd/);
  await report('terminate');
  assert.deepEqual(await idsOf(manager), []);
  await ended(manager, 0);
}

// ---- 12.3 supervised handlers -------------------------------------------------------------------

export async function s12_3_supervised_removed(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await addSupervised(manager, 'a');
  assert.equal(await deleteHandler(manager, handler('a'), 'enough'), 'a ended');
  const exitOf = await report('gen_event_EXIT');
  assert.deepEqual(exitOf, {
    type: 'gen_event_EXIT',
    manager,
    handler: { ...MODULE, id: 'a' },
    reason: 'normal',
  });
  assert.equal((await report('terminate'))['why'], 'enough');
  await ended(manager, 0);
}

export async function s12_3_supervised_fails(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await addSupervised(manager, 'a');
  await act(manager, { on: 'a', raise: 'oops' });
  assert.equal(((await report('gen_event_EXIT'))['reason'] as Report)['message'], 'oops');
  await report('terminate');
  await report('event');
  await ended(manager, 0);
}

export async function s12_3_supervisor_ends(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'mine');
  for (const reason of ['normal', { odd: 1 }]) {
    const owner = spawnOpt({ scheduler: 1 }, ownerOf, manager, self());
    await report('init');
    await report('owner');
    send(owner, reason);
    const { id, why } = await report('terminate');
    assert.deepEqual([id, why], ['theirs', { kind: 'stop', reason }]);
    // The others are told as of any message.
    const { message } = (await report('info')) as unknown as { message: Report };
    assert.deepEqual([message.type, message['from']], ['EXIT', owner]);
    assert.deepEqual(await idsOf(manager), ['mine']);
  }
  await ended(manager, 1);
}

export async function ownerOf(manager: Manager, to: Pid): Promise<void> {
  await addSupHandler(manager, handler('theirs'), { report: to, id: 'theirs' });
  send(to, { type: 'owner' });
  const reason = await receive();
  if (reason !== 'normal') exit(reason);
}

export async function s12_3_manager_ends(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await addSupervised(manager, 'a');
  await stop(manager);
  assert.equal((await report('gen_event_EXIT'))['reason'], 'shutdown');
  assert.equal((await report('terminate'))['why'], 'stop');
  await nothing();
}

export async function s12_3_swapped(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await addSupervised(manager, 'a');
  const to = { handler: handler('b'), argument: { report: self(), id: 'b' } };
  await swapSupHandler(manager, { handler: handler('a'), why: 'swap' }, to);
  assert.deepEqual((await report('gen_event_EXIT'))['reason'], {
    kind: 'swapped',
    to: { ...MODULE, id: 'b' },
    supervisor: self(),
  });
  assert.equal((await report('init'))['before'], 'a ended');
  assert.equal((await report('terminate'))['why'], 'swap');
  await stop(manager);
  assert.equal((await report('gen_event_EXIT'))['reason'], 'shutdown');
  await report('terminate');
  await nothing();
}

export async function s12_3_unlinked(peer: number): Promise<void> {
  const { pid, ref } = await startMonitor<Event>({ scheduler: peer });
  await addSupervised(pid, 'a');
  await addSupervised(pid, 'b');
  for (const id of ['a', 'b']) {
    await deleteHandler(pid, handler(id));
    await report('gen_event_EXIT');
    await report('terminate');
  }
  exit(pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
  await nothing();
}

// ---- 12.4 managers ------------------------------------------------------------------------------

export async function s12_4_notify(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a');
  notify(manager, { n: 1, act: { on: 'a', wait: 20 } });
  await syncNotify(manager, { n: 2 });
  assert.deepEqual(await about('event', 2, 'n'), [1, 2]);
  await ended(manager, 1);
  notify(manager, 'nobody');
  notify('nobody', 'nobody');
  assert.deepEqual(await reasonOf(syncNotify(manager, 'x')), { reason: 'noproc', call: manager });
}

export async function s12_4_bad_module(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a');
  const asked = call(manager, listener, { type: 'value' });
  assert.deepEqual(await reasonOf(asked), { reason: 'bad_module', call: manager });
  assert.equal(await reasonOf(deleteHandler(manager, handler('b'))), 'module_not_found');
  await ended(manager, 1);
}

export async function s12_4_stop(peer: number): Promise<void> {
  const manager = await start<Event>({ scheduler: peer, name: 'events' });
  await add(manager, 'a', 'b');
  await stop('events', 'shutdown');
  const ends = [await report('terminate'), await report('terminate')];
  assert.deepEqual(
    ends.map(({ id, why }) => [id, why]),
    [
      ['b', 'stop'],
      ['a', 'stop'],
    ],
  );
  assert.equal(await isAlive(manager), false);
}

export async function s12_4_parent_exit(peer: number): Promise<void> {
  spawnOpt({ scheduler: 1 }, parentOf, self(), peer);
  const { pid, parent } = (await report('child')) as unknown as { pid: Pid; parent: Pid };
  await report('init');
  const ref = monitor(pid);
  send(parent, { odd: 1 });
  assert.equal((await report('terminate'))['why'], 'stop');
  assert.deepEqual(await downReason(ref), { odd: 1 });
}

export async function parentOf(to: Pid, peer: number): Promise<void> {
  const pid = await startLink<Event>({ scheduler: peer });
  await addHandler(pid, listener, { report: to, id: 'a' });
  send(to, { type: 'child', pid, parent: self() });
  exit(await receive());
}

export async function s12_4_info(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a');
  await addHandler(manager, quiet);
  send(manager as never, 'hello' as never);
  assert.equal((await report('info'))['message'], 'hello');
  assert.equal((await whichHandlers(manager)).length, 2);
  await ended(manager, 1);
}

// ---- 12.5 adding, deleting, swapping ------------------------------------------------------------

export async function s12_5_add_fails(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  const adding = (fail: 'error' | 'raise' | 'junk') =>
    reasonOf(addSupHandler(manager, listener, { report: self(), id: 'a', fail }));
  assert.equal(await adding('error'), 'no');
  assert.equal(((await adding('raise')) as Report)['message'], 'init failed');
  assert.deepEqual(await adding('junk'), { kind: 'bad_return_value', value: 'junk' });
  await assert.rejects(
    addHandler(manager, listener, { report: self(), id: 'a', fail: 'error' }),
    (error) => isStartError(error),
  );
  assert.deepEqual(await idsOf(manager), []);
  await ended(manager, 0);
}

export async function s12_5_delete(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a', 'b');
  assert.equal(await deleteHandler(manager, handler('a'), { last: 1 }), 'a ended');
  assert.deepEqual((await report('terminate'))['why'], { last: 1 });
  const failed = (await deleteHandler(manager, handler('b'), 'fail')) as Report;
  assert.equal(failed['message'], 'terminate failed');
  await report('terminate');
  await ended(manager, 0);
}

export async function s12_5_swap(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await add(manager, 'a');
  const to = (id: string) => ({ handler: handler(id), argument: { report: self(), id } });
  await swapHandler(manager, { handler: handler('a'), why: 'swap' }, to('b'));
  assert.equal((await report('init'))['before'], 'a ended');
  assert.equal((await report('terminate'))['why'], 'swap');
  await swapHandler(manager, { handler: handler('none') }, to('c'));
  assert.equal((await report('init'))['before'], 'error');
  assert.deepEqual(await idsOf(manager), ['c', 'b']);
  await ended(manager, 2);
}

export async function s12_5_swap_self(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await addSupervised(manager, 'a');
  const argument = { report: self(), id: 'b' };
  const swap = { why: 'tired', to: listener, id: 'b', argument };
  await act(manager, { on: 'a', give: { swap } });
  const reason = (await report('gen_event_EXIT'))['reason'] as Report;
  assert.deepEqual([reason['kind'], reason['supervisor']], ['swapped', self()]);
  assert.equal((await report('init'))['before'], 'a ended');
  assert.equal((await report('terminate'))['why'], 'tired');
  await report('event');
  await stop(manager);
  assert.equal((await report('gen_event_EXIT'))['reason'], 'shutdown');
  await report('terminate');
  await nothing();
}

export async function s12_5_sys(peer: number): Promise<void> {
  const manager = await managerAt(peer);
  await addHandler(manager, quiet);
  await add(manager, 'a', 'b');
  const { state } = await sys.getStatus(manager);
  const shown = (state as { state: unknown }[]).map((each) => each.state);
  assert.deepEqual(shown, [{ shown: 'b' }, { shown: 'a' }, undefined]);
  const value = (id: string) => call(manager, handler(id), { type: 'value' });
  await sys.suspend(manager);
  const refused = (await reasonOf(sys.changeCode(manager, listener, 1, 'a'))) as Report;
  assert.equal(refused['message'], 'cannot change');
  await sys.resume(manager);
  assert.equal(await value('b'), undefined);
  await sys.suspend(manager);
  await sys.changeCode(manager, listener, 1, 'none');
  await sys.resume(manager);
  assert.deepEqual(
    [await value('a'), await value('b')],
    [
      ['changed', 1],
      ['changed', 1],
    ],
  );
  await ended(manager, 2);
}
