/** SEMANTICS §10: gen-server, statement by statement. The server runs where the placement says. */
import assert from 'node:assert/strict';
import {
  type Call,
  exit,
  isAlive,
  monitor,
  type Pid,
  receive,
  self,
  send,
  spawnOpt,
  trapExit,
  whereis,
} from 'tsvm';
import {
  abcast,
  call,
  cast,
  checkResponse,
  type From,
  isStartError,
  multiCall,
  RequestCollection,
  receiveResponse,
  reply,
  type Server,
  type ServerOptions,
  sendRequest,
  start,
  startLink,
  startMonitor,
  stop,
  waitResponse,
} from 'tsvm/gen-server';
import type { Act } from './actor.js';
import * as actor from './actor.js';
import { downReason, nothing, take } from './support.js';

type Actor = Server<typeof actor>;
interface Report {
  readonly type: string;
  readonly [key: string]: unknown;
}

const report = (type: string): Promise<Report> =>
  take<Report>((message) => (message as Report)?.type === type, type);

/** A server that is not linked, after its `init` was reported. */
async function started(peer: number, act?: Act, options: ServerOptions = {}): Promise<Actor> {
  const server = await start(actor, argument(act), { scheduler: peer, ...options });
  await report('init');
  return server;
}

const argument = (act?: Act): { report: Pid; act?: Act } =>
  act === undefined ? { report: self() } : { report: self(), act };

const told = (server: Actor, act: Act, timeoutMs?: number): Promise<unknown> =>
  call(server, { type: 'do', act }, timeoutMs);

const castTo = (server: Actor, act: Act): void => cast(server, { type: 'do', act });

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return (error as { reason?: unknown }).reason;
  }
  return assert.fail('it should have failed');
}

async function startFailure(peer: number, act: Act): Promise<unknown> {
  const reason = await reasonOf(start(actor, argument(act), { scheduler: peer, name: 'failing' }));
  assert.equal(whereis('failing'), undefined);
  await report('init');
  await nothing();
  return reason;
}

async function ended(server: Actor, reason: unknown = 'normal'): Promise<void> {
  await stop(server, reason);
  await report('terminate');
  await nothing();
}

// ---- start --------------------------------------------------------------------------------------

export async function s10_1_name_is_checked_first(peer: number): Promise<void> {
  const server = await started(peer, undefined, { name: 'taken' });
  const reason = await reasonOf(start(actor, argument(), { name: 'taken' }));
  assert.deepEqual(reason, { kind: 'already_started', pid: server });
  await nothing();
  await ended(server);
}

export async function s10_1_name_is_registered_in_init(peer: number): Promise<void> {
  const server = await started(peer, undefined, { name: 'named' });
  assert.equal(whereis('named'), server);
  assert.equal(await call('named', { type: 'value' }), 0);
  await ended(server);
  assert.equal(whereis('named'), undefined);
}

export async function s10_2_init_stop(peer: number): Promise<void> {
  assert.equal(await startFailure(peer, { give: { stop: 'no' } }), 'no');
}

export async function s10_2_init_ignore(peer: number): Promise<void> {
  assert.equal(await startFailure(peer, { give: { ignore: true } }), 'ignore');
}

export async function s10_2_init_bad_return(peer: number): Promise<void> {
  const reason = await startFailure(peer, { junk: 'junk' });
  assert.deepEqual(reason, { kind: 'bad_return_value', value: 'junk' });
}

export async function s10_2_init_raises(peer: number): Promise<void> {
  const reason = (await startFailure(peer, { raise: 'broken' })) as Report;
  assert.equal(reason['message'], 'broken');
  assert.match(String(reason['stack']), /actor\.ts/);
}

export async function s10_2_init_exits(peer: number): Promise<void> {
  assert.deepEqual(await startFailure(peer, { exit: { why: 1 } }), { why: 1 });
}

export async function s10_2_throw_is_return(peer: number): Promise<void> {
  const server = await started(peer, { throw: { value: 'thrown' } });
  assert.equal(await told(server, { throw: { reply: 1, value: 2 } }), 1);
  assert.equal(await call(server, { type: 'value' }), 2);
  castTo(server, { throw: { value: 3 } });
  assert.equal(await call(server, { type: 'value' }), 3);
  await ended(server);
}

export async function s10_2_linked_starter_gets_exit(peer: number): Promise<void> {
  trapExit(true);
  const options = { scheduler: peer };
  const reason = await reasonOf(startLink(actor, argument({ give: { stop: 'no' } }), options));
  assert.equal(reason, 'no');
  await report('init');
  assert.equal((await report('EXIT'))['reason'], 'no');
  const ignored = await reasonOf(startLink(actor, argument({ give: { ignore: true } }), options));
  assert.equal(ignored, 'ignore');
  await report('init');
  assert.equal((await report('EXIT'))['reason'], 'normal');
  await nothing();
}

export async function s10_2_init_time_limit(peer: number): Promise<void> {
  trapExit(true);
  const options = { scheduler: peer, timeoutMs: 20, name: 'slow' };
  const failure = startLink(actor, argument({ wait: 60_000 }), options);
  await assert.rejects(failure, (error) => isStartError(error) && error.reason === 'timeout');
  await report('init');
  assert.equal(whereis('slow'), undefined);
  await nothing();
}

export async function s10_2_init_continue(peer: number): Promise<void> {
  const server = await started(peer, { give: { continue: { act: { give: { value: 9 } } } } });
  await report('continue');
  assert.equal(await call(server, { type: 'value' }), 9);
  await ended(server);
}

export async function s10_2_init_timeout_and_hibernate(peer: number): Promise<void> {
  const server = await started(peer, { give: { timeoutMs: 0 } });
  assert.equal((await report('info'))['message'], 'timeout');
  await ended(server);
  const sleeper = await started(peer, { give: { hibernate: true, value: 4 } });
  assert.equal(await call(sleeper, { type: 'value' }), 4);
  await ended(sleeper);
}

export async function s10_2_start_monitor(peer: number): Promise<void> {
  const { pid, ref } = await startMonitor(actor, argument(), { scheduler: peer });
  await report('init');
  exit(pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
  await nothing();
}

// ---- the loop -----------------------------------------------------------------------------------

export async function s10_3_parent_exit(peer: number): Promise<void> {
  for (const reason of ['normal', 'shutdown', { odd: 1 }]) {
    const ref = await childOf(peer, reason, { trap: true });
    const ended = await report('terminate');
    assert.deepEqual(ended['reason'], reason);
    assert.deepEqual(await downReason(ref), reason);
  }
  await nothing();
}

/** A server whose parent ends with `reason`; gives a monitor of the server. */
async function childOf(peer: number, reason: unknown, act: Act): Promise<string> {
  const me = self();
  spawnOpt({ scheduler: 1 }, parentOf, me, peer, act);
  const { pid, parent } = (await report('child')) as unknown as { pid: Pid; parent: Pid };
  await report('init');
  const ref = monitor(pid);
  send(parent, reason);
  return ref;
}

export async function parentOf(to: Pid, peer: number, act: Act): Promise<void> {
  const pid = await startLink(actor, { report: to, act }, { scheduler: peer });
  send(to, { type: 'child', pid, parent: self() });
  exit(await receive());
}

export async function s10_3_not_trapping_is_not_asked(peer: number): Promise<void> {
  const ref = await childOf(peer, 'gone', {});
  assert.equal(await downReason(ref), 'gone');
  await nothing();
}

export async function s10_3_without_link_no_parent(peer: number): Promise<void> {
  const server = await started(peer, { trap: true });
  send(server as never, { type: 'EXIT', from: self(), reason: 'shutdown' } as never);
  const seen = (await report('info'))['message'] as Report;
  assert.equal(seen.type, 'EXIT');
  await ended(server);
}

export async function s10_3_other_messages(peer: number): Promise<void> {
  const server = await started(peer);
  send(server as never, 'hello' as never);
  assert.equal((await report('info'))['message'], 'hello');
  await ended(server);
}

export async function s10_3_timeout_is_cancelled(peer: number): Promise<void> {
  const server = await started(peer);
  castTo(server, { give: { timeoutMs: 5000 } });
  assert.equal(await call(server, { type: 'value' }), 0);
  castTo(server, { give: { timeoutMs: 1 } });
  assert.equal((await report('info'))['message'], 'timeout');
  await ended(server);
}

export async function s10_3_timeout_zero_after_the_mailbox(peer: number): Promise<void> {
  const server = await started(peer);
  castTo(server, { wait: 30, give: { timeoutMs: 0 } });
  send(server as never, 'first' as never);
  assert.equal((await report('info'))['message'], 'first');
  assert.equal(await call(server, { type: 'value' }), 0);
  await nothing();
  await ended(server);
}

export async function s10_3_continue_before_next(peer: number): Promise<void> {
  const server = await started(peer);
  const act = { give: { value: 1, continue: { act: { give: { value: 2 } } } } };
  castTo(server, act);
  assert.equal(await call(server, { type: 'value' }), 2);
  await report('continue');
  await ended(server);
}

export async function s10_3_hibernate_after(peer: number): Promise<void> {
  const server = await started(peer, undefined, { hibernateAfterMs: 1 });
  castTo(server, { give: { value: 5 } });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(await call(server, { type: 'value' }), 5);
  await ended(server);
}

// ---- calls --------------------------------------------------------------------------------------

export async function s10_4_calling_self(): Promise<void> {
  const me = self() as unknown as Pid<Call<'x', number>>;
  assert.deepEqual(await reasonOf(call(me, 'x')), { reason: 'calling_self', call: me });
}

export async function s10_4_noproc(peer: number): Promise<void> {
  const server = await started(peer);
  await ended(server);
  assert.deepEqual(await reasonOf(told(server, {})), { reason: 'noproc', call: server });
  assert.deepEqual(await reasonOf(call('nobody', {})), { reason: 'noproc', call: 'nobody' });
  cast('nobody', {});
  castTo(server, {});
  abcast(['nobody', server] as string[], {});
}

export async function s10_4_timeout_drops_the_reply(peer: number): Promise<void> {
  const server = await started(peer);
  const late = told(server, { wait: 40, give: { reply: 'late', value: 7 } }, 1);
  assert.deepEqual(await reasonOf(late), { reason: 'timeout', call: server });
  // The server is not told: it still runs the request. Its reply goes nowhere.
  assert.equal(await call(server, { type: 'value' }), 7);
  await nothing();
  await ended(server);
}

export async function s10_4_server_dies(peer: number): Promise<void> {
  const server = await started(peer);
  const reason = await reasonOf(told(server, { exit: { bad: 1 } }));
  assert.deepEqual(reason, { reason: { bad: 1 }, call: server });
  await report('terminate');
  await nothing();
}

export async function s10_4_reply_from_elsewhere(peer: number): Promise<void> {
  const server = await started(peer);
  spawnOpt({ scheduler: peer }, replier, self());
  const helper = (await report('helper'))['pid'] as Pid;
  const asked = askVia(server, helper);
  assert.equal(await asked, 'from the helper');
  await ended(server);
}

async function askVia(server: Actor, helper: Pid): Promise<unknown> {
  const id = sendRequest(server, {
    type: 'do',
    act: { hand: true, give: { noReply: true } },
  } as never);
  const { from } = await report('from');
  send(helper, from);
  const answer = await receiveResponse(id);
  return answer !== 'timeout' && 'reply' in answer ? answer.reply : answer;
}

export async function replier(to: Pid): Promise<void> {
  send(to, { type: 'helper', pid: self() });
  reply(await receive<From<string>>(), 'from the helper');
}

export async function s10_4_unknown_request(peer: number): Promise<void> {
  const server = await started(peer);
  const failed = (await reasonOf(call(server as never, { type: 'constructor' } as never))) as {
    reason: Report;
  };
  assert.equal(failed.reason['reason'], 'undef');
  assert.match(String(failed.reason['message']), /handleCall has nothing for .* constructor/);
  await report('terminate');
}

// ---- ends ---------------------------------------------------------------------------------------

export async function s10_5_stop_with_reply(peer: number): Promise<void> {
  const server = await started(peer);
  const ref = monitor(server);
  assert.equal(await told(server, { give: { stop: 'normal', reply: 'bye' } }), 'bye');
  // terminate ran before the reply was sent: its report is here already.
  const first = await receive(
    (message: Report) => message.type === 'terminate' || message.type === 'DOWN',
  );
  assert.equal(first.type, 'terminate');
  assert.equal(await downReason(ref), 'normal');
}

export async function s10_5_stop_without_reply(peer: number): Promise<void> {
  const server = await started(peer);
  const stopped = await reasonOf(told(server, { give: { stop: 'enough' } }));
  assert.deepEqual(stopped, { reason: 'enough', call: server });
  assert.equal((await report('terminate'))['reason'], 'enough');
}

export async function s10_6_terminate_reasons(peer: number): Promise<void> {
  const acts: [Act, (reason: unknown) => void][] = [
    [{ raise: 'oops' }, (reason) => assert.equal((reason as Report)['message'], 'oops')],
    [{ exit: 'left' }, (reason) => assert.equal(reason, 'left')],
    [{ give: { stop: 'asked' } }, (reason) => assert.equal(reason, 'asked')],
    [{ junk: 5 }, (reason) => assert.deepEqual(reason, { kind: 'bad_return_value', value: 5 })],
  ];
  for (const [act, check] of acts) {
    const server = await started(peer);
    const ref = monitor(server);
    castTo(server, act);
    check((await report('terminate'))['reason']);
    check(await downReason(ref));
  }
  await nothing();
}

export async function s10_6_kill_is_not_told(peer: number): Promise<void> {
  const server = await started(peer, { trap: true });
  const ref = monitor(server);
  exit(server, 'kill');
  assert.equal(await downReason(ref), 'killed');
  await nothing();
}

export async function s10_6_failing_terminate(peer: number): Promise<void> {
  const server = await started(peer, { give: { value: 'terminate fails' } });
  const ref = monitor(server);
  castTo(server, { give: { stop: 'normal' } });
  assert.equal(((await downReason(ref)) as Report)['message'], 'terminate failed');
  await report('terminate');
}

export async function s10_6_stop(peer: number): Promise<void> {
  const server = await started(peer);
  await stop(server, { kind: 'shutdown', reason: 'test' });
  assert.deepEqual((await report('terminate'))['reason'], { kind: 'shutdown', reason: 'test' });
  assert.equal(await isAlive(server), false);
  assert.equal(await reasonOf(stop(server)), 'noproc');
}

// ---- many ---------------------------------------------------------------------------------------

export async function s10_7_multi_call(peer: number): Promise<void> {
  const servers = [await started(peer), await started(1)];
  const gone = await started(peer);
  await ended(gone);
  const all = [...servers, gone];
  const { replies, failed } = await multiCall(all, { type: 'value' });
  assert.deepEqual(
    replies,
    servers.map((server) => ({ server, reply: 0 })),
  );
  assert.deepEqual(failed, [gone]);
  castTo(servers[0] as Actor, { wait: 50 });
  const late = await multiCall(servers, { type: 'value' }, 5);
  assert.deepEqual(late.failed.includes(servers[0] as Actor), true);
  for (const server of servers) await call(server, { type: 'value' });
  await nothing();
  for (const server of servers) await ended(server);
}

export async function s10_8_requests(peer: number): Promise<void> {
  const server = await started(peer);
  const slow = sendRequest(server, {
    type: 'do',
    act: { wait: 30, give: { reply: 'slow' } },
  } as never);
  assert.equal(await waitResponse(slow, 0), 'timeout');
  assert.deepEqual(await waitResponse(slow), { reply: 'slow' });
  const given = sendRequest(server, {
    type: 'do',
    act: { wait: 30, give: { reply: 'x' } },
  } as never);
  assert.equal(await receiveResponse(given, 0), 'timeout');
  assert.equal(await call(server, { type: 'value' }), 0);
  await nothing();
  const checked = sendRequest(server, { type: 'value' });
  const message = await receive();
  assert.equal(checkResponse('other', checked), undefined);
  assert.deepEqual(checkResponse(message, checked), { reply: 0 });
  await ended(server);
  const dead = sendRequest(server, { type: 'value' });
  assert.deepEqual(await receiveResponse(dead), { error: 'noproc', server });
}

export async function s10_8_request_collections(peer: number): Promise<void> {
  const server = await started(peer);
  const requests = new RequestCollection<unknown, string>();
  assert.equal(await receiveResponse(requests), 'none');
  for (const label of ['a', 'b']) {
    const act = { give: { reply: label.toUpperCase() } };
    requests.add(sendRequest(server, { type: 'do', act }), label);
  }
  const found = new Map<string, unknown>();
  for (let left = 2; left > 0; left--) {
    const answer = await receiveResponse(requests, 10_000);
    assert.ok(typeof answer === 'object' && 'reply' in answer);
    found.set(answer.label, answer.reply);
  }
  assert.deepEqual(
    [...found],
    [
      ['a', 'A'],
      ['b', 'B'],
    ],
  );
  assert.equal(requests.size, 0);
  await ended(server);
}
