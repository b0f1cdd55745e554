/** SEMANTICS §9: proc-lib and sys, statement by statement. */
import assert from 'node:assert/strict';
import {
  type Exit,
  exit,
  monitor,
  type Pid,
  receive,
  self,
  send,
  sleep,
  spawnOpt,
  trapExit,
  whereis,
} from 'tsvm';
import {
  call,
  cast,
  type Server,
  start,
  startLink as startServer,
  stop as stopServer,
} from 'tsvm/gen-server';
import * as procLib from 'tsvm/proc-lib';
import * as sys from 'tsvm/sys';
import { debugOptions, handleSystemMessage, isSystemMessage } from 'tsvm/sys';
import * as actor from './actor.js';
import { downReason, nothing, take } from './support.js';

interface Report {
  readonly type: string;
  readonly [key: string]: unknown;
}

const report = (type: string): Promise<Report> =>
  take<Report>((message) => (message as Report)?.type === type, type);

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return (error as { reason?: unknown }).reason;
  }
  return assert.fail('it should have failed');
}

// ---- proc-lib -----------------------------------------------------------------------------------

export async function tellAncestors(to: Pid): Promise<void> {
  send(to, { type: 'told', ancestors: procLib.ancestors(), call: procLib.initialCall() });
}

export async function parent(to: Pid): Promise<void> {
  procLib.spawn(tellAncestors, to);
}

export async function namedParent(to: Pid): Promise<void> {
  procLib.initAck(self());
  await parent(to);
}

export async function s9_1_ancestors(peer: number): Promise<void> {
  const pid: Pid = procLib.spawn(parent, self());
  const told = await report('told');
  assert.deepEqual(told['ancestors'], [pid, self()]);
  assert.equal(told['call'], 'proc-lib.tellAncestors');
  await procLib.start({ name: 'the parent', scheduler: peer }, namedParent, self());
  assert.deepEqual((await report('told'))['ancestors'], ['the parent', self()]);
}

type End = { readonly raise: string } | { readonly exit: unknown } | { readonly throw: unknown };

export function ends(end: End): void {
  if ('raise' in end) throw new Error(end.raise);
  if ('exit' in end) exit(end.exit);
  throw end.throw;
}

export async function s9_1_uncaught(): Promise<void> {
  const reasons: unknown[] = [];
  for (const end of [{ raise: 'x' }, { exit: 'left' }, { throw: 5 }]) {
    const { ref } = procLib.spawnMonitor(ends, end as End);
    reasons.push(await downReason(ref));
  }
  assert.equal((reasons[0] as Report)['message'], 'x');
  assert.equal(reasons[1], 'left');
  assert.deepEqual(reasons[2], { kind: 'nocatch', value: 5, stack: '' });
}

export async function acknowledges(value: unknown): Promise<void> {
  procLib.initAck(value);
  procLib.initAck('a second time');
}

export async function fails(reason: unknown): Promise<void> {
  procLib.initFail(reason);
}

export async function hangs(): Promise<void> {
  await sleep(Number.POSITIVE_INFINITY);
}

export async function s9_3_start(peer: number): Promise<void> {
  const options = { scheduler: peer };
  assert.deepEqual(await procLib.start(options, acknowledges, { any: 'value' }), { any: 'value' });
  assert.equal(await reasonOf(procLib.start(options, fails, 'no')), 'no');
  assert.equal(await reasonOf(procLib.start(options, ends, { exit: 'early' })), 'early');
  const { value, ref } = await procLib.startMonitor(options, acknowledges, 1);
  assert.equal(value, 1);
  assert.equal(await downReason(ref), 'normal');
  await nothing();
}

export async function s9_3_start_link(peer: number): Promise<void> {
  trapExit(true);
  const options = { scheduler: peer };
  await procLib.startLink(options, acknowledges, 1);
  assert.equal((await report('EXIT'))['reason'], 'normal');
  assert.equal(await reasonOf(procLib.startLink(options, ends, { exit: 'early' })), 'early');
  assert.equal((await report('EXIT'))['reason'], 'early');
  const slow = { ...options, timeoutMs: 5, name: 'too slow' };
  assert.equal(await reasonOf(procLib.startLink(slow, hangs)), 'timeout');
  assert.equal(whereis('too slow'), undefined);
  await nothing();
}

export async function s9_4_stop(peer: number): Promise<void> {
  const server = await actorOn(peer);
  await procLib.stop(server, 'normal');
  await report('terminate');
  assert.equal(await reasonOf(procLib.stop(server)), 'noproc');
  assert.equal(await reasonOf(procLib.stop('nobody')), 'noproc');
  const failing = await actorOn(peer, 'terminate fails');
  const other = (await reasonOf(procLib.stop(failing, 'normal'))) as Report;
  assert.equal(other['message'], 'terminate failed');
  await report('terminate');
  const deaf = spawnOpt({ scheduler: peer }, hangs);
  assert.equal(await reasonOf(procLib.stop(deaf, 'normal', 5)), 'timeout');
  const ref = monitor(deaf);
  exit(deaf, 'kill');
  await downReason(ref);
  await nothing();
}

// ---- sys ----------------------------------------------------------------------------------------

type Actor = Server<typeof actor>;

async function actorOn(peer: number, value: unknown = 0): Promise<Actor> {
  const server = await start(
    actor,
    { report: self(), act: { give: { value } } },
    { scheduler: peer },
  );
  await report('init');
  return server;
}

async function done(server: Actor): Promise<void> {
  await stopServer(server);
  await report('terminate');
  await nothing();
}

export async function s9_5_suspend_resume(peer: number): Promise<void> {
  const server = await actorOn(peer);
  await sys.suspend(server);
  assert.equal((await sys.getStatus(server)).status, 'suspended');
  cast(server, { type: 'do', act: { give: { value: 'later' } } });
  assert.deepEqual(await reasonOf(call(server, { type: 'value' }, 5)), {
    reason: 'timeout',
    call: server,
  });
  const state = await sys.getState<actor.State>(server);
  assert.equal(state.value, 0);
  await sys.resume(server);
  assert.equal(await call(server, { type: 'value' }), 'later');
  await done(server);
}

export async function s9_5_state(peer: number): Promise<void> {
  const server = await actorOn(peer, 'first');
  assert.equal((await sys.getState<actor.State>(server)).value, 'first');
  await sys.replaceState(server, actor.replaceValue, ['second']);
  assert.equal(await call(server, { type: 'value' }), 'second');
  const failure = (await reasonOf(
    sys.replaceState(server, actor.replaceValue, ['fail']),
  )) as Report;
  assert.equal(failure['message'], 'cannot replace');
  assert.equal(await call(server, { type: 'value' }), 'second');
  await done(server);
}

export async function s9_5_status(peer: number): Promise<void> {
  const server = await actorOn(peer, 7);
  const status = await sys.getStatus(server);
  assert.equal(status.pid, server);
  assert.equal(status.behaviour, 'tsvm/gen-server');
  assert.equal(status.module, 'actor');
  assert.equal(status.status, 'running');
  assert.deepEqual(status.state, { shown: 7 });
  await done(server);
}

export async function s9_5_change_code(peer: number): Promise<void> {
  const server = await actorOn(peer);
  assert.equal(await reasonOf(sys.changeCode(server, actor, 'v1', 'x')), 'not_suspended');
  await sys.suspend(server);
  const failure = (await reasonOf(sys.changeCode(server, actor, 'v1', 'fail'))) as Report;
  assert.equal(failure['message'], 'cannot change');
  await sys.changeCode(server, actor, 'v1', 'x');
  await sys.resume(server);
  assert.deepEqual(await call(server, { type: 'value' }), ['changed', 'v1', 'x']);
  await done(server);
}

export async function s9_5_terminate(peer: number): Promise<void> {
  const server = await actorOn(peer);
  const ref = monitor(server);
  await sys.terminate(server, 'enough');
  assert.equal(await downReason(ref), 'enough');
  assert.equal((await report('terminate'))['reason'], 'enough');
  assert.deepEqual(await reasonOf(sys.getState(server)), { reason: 'noproc', call: server });
  await nothing();
}

export async function s9_5_parent_exit_while_suspended(peer: number): Promise<void> {
  const me = self();
  const guardian: Pid = procLib.spawn(guard, me, peer);
  const server = (await report('guarded'))['pid'] as Actor;
  await report('init');
  const ref = monitor(server);
  await sys.suspend(server);
  send(guardian, 'go');
  assert.deepEqual((await report('terminate'))['reason'], 'guardian gone');
  assert.equal(await downReason(ref), 'guardian gone');
}

export async function guard(to: Pid, peer: number): Promise<void> {
  const pid = await startServer(actor, { report: to, act: { trap: true } }, { scheduler: peer });
  send(to, { type: 'guarded', pid });
  await receive();
  exit('guardian gone');
}

export async function s9_5_log_and_statistics(peer: number): Promise<void> {
  const server = await actorOn(peer);
  assert.equal(await sys.statistics(server), undefined);
  await sys.statistics(server, 'on');
  await sys.log(server, 2);
  for (let n = 0; n < 5; n++) await call(server, { type: 'value' });
  const counts = await sys.statistics(server, 'get');
  assert.equal(counts?.messagesIn, 5);
  assert.equal(counts?.messagesOut, 5);
  const logged = await sys.log(server, 'get');
  assert.deepEqual(
    logged.map(({ event }) => event.type),
    ['out', 'state'],
  );
  await sys.log(server, 0);
  assert.deepEqual(await sys.log(server, 'get'), []);
  await sys.statistics(server, 'off');
  await done(server);
}

export async function s9_5_install_remove(peer: number): Promise<void> {
  const server = await actorOn(peer);
  const watch = actor.count as never;
  await sys.install(server, 'once', watch, { report: self(), n: 1 } as never);
  await call(server, { type: 'value' });
  assert.equal((await report('seen'))['event'], 'in');
  await sys.install(server, 'removed', watch, { report: self(), n: 9 } as never);
  await sys.remove(server, 'removed');
  await call(server, { type: 'value' });
  await done(server);
}

export async function s9_5_trace(peer: number): Promise<void> {
  const server = await actorOn(peer);
  await sys.trace(server, true);
  await call(server, { type: 'value' });
  await sys.trace(server, false);
  await done(server);
}

// ---- a behaviour of one's own ---------------------------------------------------------------------

/** Keeps the last message; that is all it does. */
export async function keeper(to: Pid): Promise<void> {
  procLib.initAck(self());
  let state: unknown = null;
  const debug = debugOptions();
  for (;;) {
    const message = await receive();
    if (!isSystemMessage(message)) {
      state = message;
      continue;
    }
    state = await handleSystemMessage(message, state, {
      behaviour: 'keeper',
      module: undefined,
      parent: procLib.parent(),
      debug,
      userState: (all) => all,
      withUserState: (_all, user) => user,
      formatState: (all) => all,
      async terminate(last, reason) {
        send(to, { type: 'kept', last });
        return exit(reason);
      },
    });
  }
}

export async function s9_5_own_behaviour(peer: number): Promise<void> {
  const pid: Pid = await procLib.start({ scheduler: peer }, keeper, self());
  send(pid, 'first');
  assert.equal(await sys.getState(pid), 'first');
  await sys.suspend(pid);
  send(pid, 'second');
  assert.equal(await sys.getState(pid), 'first');
  await sys.resume(pid);
  assert.equal((await sys.getStatus(pid)).behaviour, 'keeper');
  assert.equal(await sys.getState(pid), 'second');
  await procLib.stop(pid, 'shutdown');
  assert.equal((await report('kept'))['last'], 'second');
}

// ---- crash reports, looked at from outside ----------------------------------------------------------

/** Ends in several ways; which of them are reported is for the host to see. */
export async function endings(): Promise<void> {
  const all: End[] = [
    { exit: 'normal' },
    { exit: 'shutdown' },
    { exit: procLib.shutdown('x') },
    { exit: 'odd' },
    { raise: 'reported' },
    { throw: 'thrown' },
  ];
  for (const end of all) {
    const { ref } = procLib.spawnMonitor(ends, end);
    await downReason(ref);
  }
  const { pid, ref } = procLib.spawnMonitor(hangs);
  exit(pid, 'kill');
  await downReason(ref);
}

/** A server that crashes beside a linked process. */
export async function crashOfServer(): Promise<void> {
  trapExit(true);
  const server = await startServer(actor, { report: self() }, { name: 'crasher' });
  const act = { give: { value: { password: 'x', at: actor } } };
  await call(server, { type: 'do', act: { ...act, give: { ...act.give, reply: 1 } } });
  cast(server, { type: 'do', act: { raise: 'planned crash' } });
  await take((m) => (m as Exit)?.type === 'EXIT', 'EXIT');
}
