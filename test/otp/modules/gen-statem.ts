/** SEMANTICS §11: gen-statem, statement by statement. The machine runs where the placement says. */
import assert from 'node:assert/strict';
import {
  exit,
  monitor,
  monotonicTime,
  type Pid,
  receive,
  self,
  send,
  spawnOpt,
  trapExit,
} from 'tsvm';
import {
  call,
  cast,
  isStartError,
  receiveResponse,
  type Statem,
  sendRequest,
  start,
  startLink,
  startMonitor,
  stop,
} from 'tsvm/gen-statem';
import * as sys from 'tsvm/sys';
import * as eventMachine from './event-machine.js';
import type { Act, Start, Types } from './machine.js';
import * as machine from './machine.js';
import { downReason, nothing, take } from './support.js';

type Machine = Statem<typeof machine>;
interface Report {
  readonly type: string;
  readonly [key: string]: unknown;
}

const report = (type: string): Promise<Report> =>
  take<Report>((message) => (message as Report)?.type === type, type);

const started = (peer: number, more: Omit<Start, 'report'> = {}, options = {}): Promise<Machine> =>
  start(machine, { report: self(), ...more }, { scheduler: peer, ...options });

const told = (pid: Machine, give: Act['give'], id: unknown = 0): Promise<unknown> =>
  call(pid, { type: 'do', act: give === undefined ? {} : { give }, id });

const castTo = (pid: Machine, act: Act, id: unknown = 0): void =>
  cast(pid, { type: 'do', act, id });

const give = (pid: Machine, given: Act['give'], id: unknown = 0): void =>
  castTo(pid, given === undefined ? {} : { give: given }, id);

const seen = (pid: Machine): Promise<readonly unknown[]> => call(pid, { type: 'seen' });

async function ended(pid: Machine | Statem<typeof eventMachine>): Promise<void> {
  await stop(pid);
  await report('terminate');
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

const internal = (id: unknown, act?: Act): unknown => ({
  nextEvent: { type: 'internal', content: act === undefined ? { id } : { id, act } },
});
const POSTPONE = { keep: true, actions: { postpone: true } };

// ---- 11.1 order ---------------------------------------------------------------------------------

export async function s11_1_actions_in_order(peer: number): Promise<void> {
  const pid = await started(peer);
  const waiting = sendRequest(pid, { type: 'do', act: { give: POSTPONE }, id: 1 });
  await seen(pid);
  give(pid, { next: 'b' });
  assert.equal(
    await told(pid, { keep: true, reply: 'first', actions: { reply: 'second' } }),
    'first',
  );
  assert.equal(
    await told(pid, { keep: true, actions: [{ reply: 'one' }, { reply: 'two' }] }),
    'one',
  );
  await stop(pid);
  const left = await receiveResponse(waiting);
  assert.deepEqual(left, { error: 'normal', server: pid });
  await report('terminate');
  await nothing();
}

export async function s11_1_enter_then_postponed_then_timers(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, POSTPONE, 'postponed');
  give(
    pid,
    {
      next: 'b',
      actions: [
        { timeout: 'x', ms: 0, content: 'zero' },
        internal('inserted', { give: { keep: true, actions: internal('later') } }),
      ],
    },
    'change',
  );
  await report('timeout');
  assert.deepEqual(await seen(pid), [
    ['a', 'enter', 'a'],
    ['a', 'cast', 'postponed'],
    ['a', 'cast', 'change'],
    ['b', 'enter', 'a'],
    ['b', 'internal', 'inserted'],
    ['b', 'internal', 'later'],
    ['b', 'cast', 'postponed'],
    ['b', 'timeout', ['x', 'zero']],
  ]);
  await ended(pid);
}

export async function s11_1_postponed_oldest_first(peer: number): Promise<void> {
  const pid = await started(peer, { enters: [{}, {}] });
  for (const id of [1, 2]) give(pid, POSTPONE, id);
  await seen(pid);
  // The event that changes the state is postponed too, and then keeps.
  give(pid, { next: 'b', actions: { postpone: true } }, 3);
  // In b the first two are postponed again by their own act, the third changes to b: no change any more.
  const events = (await seen(pid)).filter((each) => (each as unknown[])[1] === 'cast');
  assert.deepEqual(events, [
    ['a', 'cast', 3],
    ['b', 'cast', 1],
    ['b', 'cast', 2],
    ['b', 'cast', 3],
  ]);
  await ended(pid);
}

export async function s11_1_inserted_first(peer: number): Promise<void> {
  const pid = await started(peer);
  const ids = [1, 2, 3];
  castTo(pid, { wait: 20, give: { keep: true, actions: ids.map((id) => internal(id)) } });
  give(pid, { keep: true }, 'outside');
  const events = (await seen(pid)).map((each) => (each as unknown[])[2]);
  assert.deepEqual(events, ['a', 0, 1, 2, 3, 'outside']);
  const inserted = { nextEvent: { type: 'cast', request: { type: 'do', act: {}, id: 'cast' } } };
  const info = { nextEvent: { type: 'info', message: 'told' } };
  give(pid, { keep: true, actions: [inserted, info] });
  assert.deepEqual((await seen(pid)).slice(1), [
    ['a', 'cast', 'cast'],
    ['a', 'info', 'told'],
  ]);
  await ended(pid);
}

export async function s11_1_last_postpone_counts(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, { keep: true, actions: [{ postpone: true }, { postpone: false }] }, 'dropped');
  give(pid, { keep: true, actions: [{ postpone: false }, { postpone: true }] }, 'kept');
  await seen(pid);
  give(pid, { next: 'b' }, 'change');
  assert.deepEqual(await seen(pid), [
    ['a', 'cast', 'change'],
    ['b', 'enter', 'a'],
    ['b', 'cast', 'kept'],
  ]);
  await ended(pid);
}

export async function s11_1_enter_again(peer: number): Promise<void> {
  const again: Act = { give: { repeat: true } };
  const pid = await started(peer, { enters: [{}, again, again] });
  await seen(pid);
  give(pid, { next: 'b' });
  assert.deepEqual(await seen(pid), [
    ['a', 'cast', 0],
    ['b', 'enter', 'a'],
    ['b', 'enter', 'b'],
    ['b', 'enter', 'b'],
  ]);
  await ended(pid);
}

export async function s11_1_init_actions(peer: number): Promise<void> {
  const actions = [internal(1), { stateTimeoutMs: 0, content: 2 }];
  const pid = await started(peer, { act: { give: { actions } } });
  await report('state_timeout');
  assert.deepEqual(await seen(pid), [
    ['a', 'enter', 'a'],
    ['a', 'internal', 1],
    ['a', 'state_timeout', 2],
  ]);
  await ended(pid);
}

// ---- 11.2 what is a change ----------------------------------------------------------------------

export async function s11_2_same_state(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, POSTPONE, 'postponed');
  give(pid, { keep: true, actions: { stateTimeoutMs: 30, content: 'still' } });
  await seen(pid);
  give(pid, { next: 'a', note: 'changed' }, 'same');
  assert.deepEqual(await seen(pid), [['a', 'cast', 'same']]);
  assert.equal((await report('state_timeout'))['content'], 'still');
  await ended(pid);
}

export async function s11_2_equal_state(peer: number): Promise<void> {
  const pid = await start(eventMachine, { report: self() }, { scheduler: peer });
  const go = (next: unknown) => cast(pid, { type: 'do', act: { give: { next } } });
  go({ name: 'a', n: 0 });
  go({ n: 0, name: 'a' });
  go({ name: 'a', n: 1 });
  const events = (await call(pid, { type: 'seen' })) as unknown[][];
  const enters = events.filter(([, event]) => event === 'enter');
  assert.deepEqual(enters, [
    [{ name: 'a', n: 0 }, 'enter', { name: 'a', n: 0 }],
    [{ name: 'a', n: 1 }, 'enter', { name: 'a', n: 0 }],
  ]);
  await ended(pid);
}

export async function s11_2_repeat(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, POSTPONE, 'postponed');
  give(pid, { keep: true, actions: { stateTimeoutMs: 30, content: 'still' } });
  await seen(pid);
  give(pid, { repeat: true }, 'again');
  assert.deepEqual(await seen(pid), [
    ['a', 'cast', 'again'],
    ['a', 'enter', 'a'],
  ]);
  assert.equal((await report('state_timeout'))['content'], 'still');
  await ended(pid);
}

export async function s11_2_keep(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, { keep: true, note: 'noted' });
  assert.deepEqual((await seen(pid)).length, 2);
  const { state, data } = await sys.getState<{ state: string; data: { note: string } }>(pid);
  assert.deepEqual([state, data.note], ['a', 'noted']);
  await ended(pid);
}

// ---- 11.3 time-outs -----------------------------------------------------------------------------

export async function s11_3_event_timeout(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, { keep: true, actions: { eventTimeoutMs: 5000, content: 'never' } });
  give(pid, { keep: true });
  // The event before has cancelled it: nothing runs any more.
  const { data } = await sys.getState<{ data: object }>(pid);
  assert.ok(data);
  give(pid, { keep: true, actions: { eventTimeoutMs: 1, content: 'silence' } });
  assert.equal((await report('event_timeout'))['content'], 'silence');
  await ended(pid);
}

export async function s11_3_event_timeout_inserted(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, { keep: true, actions: [{ eventTimeoutMs: 0 }, internal('next')] });
  assert.deepEqual((await seen(pid)).slice(2), [['a', 'internal', 'next']]);
  await ended(pid);
}

export async function s11_3_state_timeout(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, { keep: true, actions: { stateTimeoutMs: 20, content: 'in a' } });
  give(pid, { keep: true });
  assert.equal((await report('state_timeout'))['content'], 'in a');
  give(pid, { keep: true, actions: { stateTimeoutMs: 10, content: 'never' } });
  give(pid, { next: 'b', actions: { timeout: 'x', ms: 40 } });
  await report('timeout');
  await nothing();
  await ended(pid);
}

export async function s11_3_state_timeout_of_the_next(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, { next: 'b', actions: { stateTimeoutMs: 1, content: 'of b' } });
  const fired = await report('state_timeout');
  assert.deepEqual([fired['state'], fired['content']], ['b', 'of b']);
  await ended(pid);
}

export async function s11_3_generic(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, {
    keep: true,
    actions: [
      { timeout: 'x', ms: 20, content: 1 },
      { timeout: 'y', ms: 1, content: 2 },
    ],
  });
  give(pid, { next: 'b' });
  assert.deepEqual((await report('timeout'))['content'], ['y', 2]);
  assert.deepEqual((await report('timeout'))['content'], ['x', 1]);
  await ended(pid);
}

export async function s11_3_restart_cancel(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, { keep: true, actions: { timeout: 'x', ms: 60_000, content: 'late' } });
  give(pid, { keep: true, actions: { timeout: 'x', ms: 1, content: 'soon' } });
  assert.deepEqual((await report('timeout'))['content'], ['x', 'soon']);
  const both = (ms: unknown) => [{ timeout: 'x', ms }, { stateTimeoutMs: ms }];
  for (const end of ['cancel', Number.POSITIVE_INFINITY]) {
    for (const ms of [10, 0]) {
      give(pid, { keep: true, actions: [...both(ms), ...both(end), { timeout: 'y', ms: 25 }] });
      assert.deepEqual((await report('timeout'))['content'], ['y', undefined]);
    }
  }
  await nothing();
  await ended(pid);
}

export async function s11_3_update(peer: number): Promise<void> {
  const pid = await started(peer);
  give(pid, { keep: true, actions: { timeout: 'x', ms: 20, content: 'old' } });
  give(pid, { keep: true, actions: { timeout: 'x', ms: 'update', content: 'new' } });
  assert.deepEqual((await report('timeout'))['content'], ['x', 'new']);
  give(pid, { keep: true, actions: { timeout: 'x', ms: 'update', content: 'at once' } });
  assert.deepEqual((await report('timeout'))['content'], ['x', 'at once']);
  await ended(pid);
}

export async function s11_3_zero(peer: number): Promise<void> {
  const pid = await started(peer);
  const actions = [
    { timeout: 'x', ms: 0, content: 1 },
    { stateTimeoutMs: 0, content: 2 },
    internal('queued'),
  ];
  castTo(pid, { wait: 30, give: { keep: true, actions } }, 'first');
  give(pid, { keep: true }, 'outside');
  const events = (await seen(pid)).slice(1).map((each) => (each as unknown[]).slice(1));
  assert.deepEqual(events, [
    ['cast', 'first'],
    ['internal', 'queued'],
    ['timeout', ['x', 1]],
    ['state_timeout', 2],
    ['cast', 'outside'],
  ]);
  await report('timeout');
  await report('state_timeout');
  await ended(pid);
}

export async function s11_3_absolute(peer: number): Promise<void> {
  const pid = await started(peer);
  const at = monotonicTime() + 20;
  give(pid, { keep: true, actions: { timeout: 'x', ms: at, absolute: true } });
  await report('timeout');
  assert.ok(monotonicTime() >= at);
  give(pid, { keep: true, actions: { timeout: 'x', ms: -5, absolute: true } });
  await report('timeout');
  await ended(pid);
}

export async function s11_3_fired_and_cancelled(peer: number): Promise<void> {
  const pid = await started(peer);
  // The inserted event comes before anything is received, and outlasts the timer.
  const cancel: Act = { wait: 30, give: { keep: true, actions: { timeout: 'x', ms: 'cancel' } } };
  give(pid, { keep: true, actions: [{ timeout: 'x', ms: 1 }, internal('cancel', cancel)] }, 'set');
  const events = (await seen(pid)).map((each) => (each as unknown[])[1]);
  assert.deepEqual(events, ['enter', 'cast', 'internal']);
  await nothing();
  await ended(pid);
}

// ---- 11.4 enter calls ---------------------------------------------------------------------------

export async function s11_4_enter_initial(peer: number): Promise<void> {
  const pid = await started(peer, { state: 'b' });
  assert.deepEqual(await seen(pid), [['b', 'enter', 'b']]);
  await ended(pid);
}

export async function s11_4_enter_limits(peer: number): Promise<void> {
  const bad: [Act['give'], string][] = [
    [{ next: 'a' }, 'bad_return_from_state_function'],
    [{ keep: true, actions: { postpone: true } }, 'bad_action_from_state_function'],
    [{ keep: true, actions: internal(1) }, 'bad_action_from_state_function'],
  ];
  for (const [given, kind] of bad) {
    const pid = await started(peer, { enters: [{}, { give: given ?? {} }] });
    const ref = monitor(pid);
    give(pid, { next: 'b' });
    assert.equal(((await downReason(ref)) as { kind: string }).kind, kind);
    assert.equal((await report('terminate'))['state'], 'b');
  }
  const same = await started(peer, { enters: [{}, { give: { next: 'b' } }] });
  give(same, { next: 'b' });
  assert.equal(await call(same, { type: 'own' }), 'of b');
  await ended(same);
}

export async function s11_4_enter_timeouts(peer: number): Promise<void> {
  const actions = [{ stateTimeoutMs: 1, content: 'entered' }];
  const pid = await started(peer, { enters: [{}, { give: { keep: true, actions } }] });
  give(pid, { next: 'b', actions: { stateTimeoutMs: 60_000 } });
  assert.equal((await report('state_timeout'))['content'], 'entered');
  await ended(pid);
}

export async function s11_4_enter_stop(peer: number): Promise<void> {
  const pid = await started(peer, { enters: [{}, { give: { stop: 'enough' } }] });
  const ref = monitor(pid);
  give(pid, { next: 'b' });
  assert.equal(await downReason(ref), 'enough');
  assert.equal((await report('terminate'))['reason'], 'enough');
}

export async function s11_4_without_enter(peer: number): Promise<void> {
  const pid = await started(peer, { state: 'silent' });
  give(pid, { next: 'b' });
  give(pid, { next: 'silent' });
  const enters = (await seen(pid)).filter((each) => (each as unknown[])[1] === 'enter');
  assert.deepEqual(enters, [['b', 'enter', 'silent']]);
  await ended(pid);
}

// ---- 11.5 starts, calls, ends -------------------------------------------------------------------

export async function s11_5_init_fails(peer: number): Promise<void> {
  const failure = (act: Act) => reasonOf(started(peer, { act }));
  assert.equal(await failure({ give: { stop: 'no' } }), 'no');
  assert.equal(await failure({ give: { ignore: true } }), 'ignore');
  assert.equal(await failure({ exit: 'left' }), 'left');
  assert.deepEqual(await failure({ junk: 5 }), { kind: 'bad_return_value', value: 5 });
  const unknown = (await failure({ give: { state: 'nowhere' } })) as Report;
  assert.equal(unknown['kind'], 'bad_return_value');
  assert.equal(((await failure({ raise: 'broken' })) as Report)['message'], 'broken');
  trapExit(true);
  const options = { scheduler: peer, name: 'statem' };
  const linked = await startLink(machine, { report: self() }, options);
  const again = startLink(machine, { report: self() }, options);
  await assert.rejects(again, (error) => isStartError(error));
  await stop('statem');
  await report('terminate');
  assert.equal((await report('EXIT'))['from'], linked);
  const { pid, ref } = await startMonitor(machine, { report: self() }, { scheduler: peer });
  exit(pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
  await nothing();
}

export async function s11_5_call_waits(peer: number): Promise<void> {
  const pid = await started(peer);
  castTo(pid, { wait: 40 });
  const failed = await reasonOf(call(pid, { type: 'own' }, 1));
  assert.deepEqual(failed, { reason: 'timeout', call: pid });
  const waiting = sendRequest(pid, { type: 'do', act: { give: { ...POSTPONE } }, id: 1 });
  assert.equal(await call(pid, { type: 'own' }), 'of all, in a');
  assert.equal(await receiveResponse(waiting, 0), 'timeout');
  await nothing();
  await ended(pid);
}

export async function s11_5_terminate_reasons(peer: number): Promise<void> {
  const error = (reason: unknown) => reason as Report;
  const acts: [Act, (reason: unknown, isExit: boolean) => void][] = [
    [
      { raise: 'oops' },
      (reason, isExit) => {
        assert.equal(error(reason)['message'], 'oops');
        assert.equal('stack' in error(reason), isExit);
      },
    ],
    [{ exit: 'left' }, (reason) => assert.equal(reason, 'left')],
    [{ give: { stop: 'asked' } }, (reason) => assert.equal(reason, 'asked')],
    [
      { junk: 5 },
      (reason) => assert.deepEqual(reason, { kind: 'bad_return_from_state_function', value: 5 }),
    ],
    [
      { give: { next: 'nowhere' } },
      (reason) => assert.equal(error(reason)['kind'], 'bad_return_from_state_function'),
    ],
    [
      { give: { keep: true, actions: ['odd'] } },
      (reason) =>
        assert.deepEqual(reason, { kind: 'bad_action_from_state_function', value: 'odd' }),
    ],
    [
      { give: { keep: true, actions: { timeout: 'x', ms: -1 } } },
      (reason) => assert.equal(error(reason)['kind'], 'bad_action_from_state_function'),
    ],
    [
      { give: { keep: true, reply: 'to a cast' } },
      (reason) => assert.equal(error(reason)['kind'], 'bad_return_from_state_function'),
    ],
  ];
  for (const [act, check] of acts) {
    const pid = await started(peer);
    const ref = monitor(pid);
    castTo(pid, act);
    check((await report('terminate'))['reason'], false);
    check(await downReason(ref), true);
  }
  await nothing();
}

export async function s11_5_stop_replies_first(peer: number): Promise<void> {
  const pid = await started(peer);
  const ref = monitor(pid);
  const id = sendRequest(pid, {
    type: 'do',
    act: { give: { stop: 'normal', actions: { reply: 'bye' } } },
  });
  const first = await receive<Report>();
  assert.deepEqual([first.type, first['ref'], first['value']], ['reply', id.ref, 'bye']);
  await report('terminate');
  assert.equal(await downReason(ref), 'normal');
}

export async function s11_5_failing_terminate(peer: number): Promise<void> {
  const pid = await started(peer);
  const ref = monitor(pid);
  give(pid, { stop: 'normal', note: 'terminate fails' });
  assert.equal(((await downReason(ref)) as Report)['message'], 'terminate failed');
  await report('terminate');
}

export async function s11_5_throw_is_return(peer: number): Promise<void> {
  const pid = await started(peer, { act: { throw: true } });
  const thrown = { keep: true, reply: 'thrown' };
  assert.equal(await call(pid, { type: 'do', act: { throw: thrown } }), 'thrown');
  await ended(pid);
}

export async function s11_5_unknown_event(peer: number): Promise<void> {
  const pid = await started(peer);
  const failed = (await reasonOf(call(pid as never, { type: 'constructor' } as never))) as {
    reason: Report;
  };
  assert.equal(failed.reason['reason'], 'undef');
  assert.match(String(failed.reason['message']), /state a has nothing for call constructor/);
  await report('terminate');
  const other = await started(peer);
  send(other as never, 'hello' as never);
  assert.deepEqual((await seen(other)).at(-1), ['a', 'info', 'hello']);
  await ended(other);
}

export async function s11_5_parent_exit(peer: number): Promise<void> {
  spawnOpt({ scheduler: 1 }, parentOf, self(), peer);
  const { pid, parent } = (await report('child')) as unknown as { pid: Pid; parent: Pid };
  const ref = monitor(pid);
  send(parent, { odd: 1 });
  assert.deepEqual((await report('terminate'))['reason'], { odd: 1 });
  assert.deepEqual(await downReason(ref), { odd: 1 });
}

export async function parentOf(to: Pid, peer: number): Promise<void> {
  const pid = await startLink(machine, { report: to, trap: true }, { scheduler: peer });
  send(to, { type: 'child', pid, parent: self() });
  exit(await receive());
}

export async function s11_5_handlers(peer: number): Promise<void> {
  const pid = await started(peer);
  assert.equal(await call(pid, { type: 'own' }), 'of all, in a');
  give(pid, { next: 'b' });
  assert.equal(await call(pid, { type: 'own' }), 'of b');
  await ended(pid);
}

// ---- 11.6 sys, hibernation, the other mode ------------------------------------------------------

export async function s11_6_sys(peer: number): Promise<void> {
  const pid = await started(peer, {}, { debug: { log: 5 } });
  await seen(pid);
  const status = await sys.getStatus(pid);
  assert.equal(status.behaviour, 'tsvm/gen-statem');
  assert.deepEqual(status.state, { shown: 'a' });
  assert.ok(status.log.length > 0);
  await sys.replaceState(pid, machine.toState, ['b']);
  assert.equal(await call(pid, { type: 'own' }), 'of b');
  await sys.suspend(pid);
  give(pid, { keep: true }, 'waits');
  assert.equal((await sys.getStatus(pid)).status, 'suspended');
  await sys.replaceState(pid, machine.toState, ['a']);
  const refused = (await reasonOf(sys.changeCode(pid, machine, 1, 'fail'))) as Report;
  assert.equal(refused['message'], 'cannot change');
  assert.equal((await sys.getState<{ state: string }>(pid)).state, 'a');
  await sys.changeCode(pid, machine, 1, {});
  await sys.resume(pid);
  assert.deepEqual(await seen(pid), [['b', 'cast', 'waits']]);
  const { data } = await sys.getState<{ data: Types['states']['a'] }>(pid);
  assert.equal(data.note, 'from 1');
  await ended(pid);
}

export async function s11_6_hibernate(peer: number): Promise<void> {
  const pid = await started(peer, {}, { hibernateAfterMs: 1 });
  give(pid, {
    next: 'b',
    actions: [{ hibernate: true }, { timeout: 'x', ms: 30, content: 'awake' }],
  });
  assert.deepEqual((await report('timeout'))['content'], ['x', 'awake']);
  assert.equal(await call(pid, { type: 'own' }), 'of b');
  await ended(pid);
}

export async function s11_6_handle_event(peer: number): Promise<void> {
  const pid = await start(eventMachine, { report: self() }, { scheduler: peer });
  const told = (give: Act['give'], id: unknown) =>
    cast(pid, { type: 'do', act: { give: give ?? {} }, id });
  told(POSTPONE, 1);
  told(
    {
      next: { name: 'b', n: 1 },
      actions: [
        internal(2),
        { stateTimeoutMs: 0, content: 3 },
        { timeout: 'x', ms: 0, content: 4 },
      ],
    },
    'change',
  );
  send(pid as never, 'info' as never);
  const a = { name: 'a', n: 0 };
  const b = { name: 'b', n: 1 };
  assert.deepEqual((await report('timeout'))['content'], ['x', 4]);
  assert.deepEqual(await call(pid, { type: 'own' }), 'in b');
  assert.deepEqual(await call(pid, { type: 'seen' }), [
    [a, 'enter', a],
    [a, 'cast', 1],
    [a, 'cast', 'change'],
    [b, 'enter', a],
    [b, 'internal', 2],
    [b, 'cast', 1],
    [b, 'state_timeout', 3],
    [b, 'timeout', ['x', 4]],
    [b, 'info', 'info'],
  ]);
  await report('state_timeout');
  await ended(pid);
}
