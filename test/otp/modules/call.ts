/** call and reply: a question, its answer, and all that can come between them. */
import assert from 'node:assert/strict';
import {
  type Call,
  call,
  exit,
  type From,
  type Pid,
  processInfo,
  receive,
  register,
  reply,
  self,
  send,
  spawnOpt,
  unregister,
  yieldNow,
} from 'tsvm';
import { Cast, death, downReason, next, nothing, raises, thrownBy } from './support.js';

type Request = { readonly op: string; readonly value?: unknown };

/** Answers, keeps silent, answers late or dies, as it is asked to. */
export async function server(report: Pid): Promise<void> {
  for (;;) {
    const { from, request } = await receive<Call<Request, unknown>>();
    switch (request.op) {
      case 'echo':
        reply(from, request.value);
        break;
      case 'silence':
        break;
      case 'die':
        exit(request.value);
        break;
      case 'raise':
        throw new Error(String(request.value));
      case 'twice':
        reply(from, 'first');
        reply(from, 'second');
        break;
      case 'also':
        send(from.alias as unknown as Pid<unknown>, request.value);
        reply(from, 'after it');
        break;
      case 'late': {
        await receive((m) => m === 'now');
        reply(from, 'late');
        send(report, 'replied');
        break;
      }
      case 'delegate':
        spawnOpt({}, delegate, from, request.value);
        break;
      default:
        send(report, request);
    }
  }
}

/** Replies in the place of the server. */
export async function delegate(from: From<unknown>, value: unknown): Promise<void> {
  reply(from, { by: 'delegate', value });
}

type Failure = Error & { reason?: { reason: unknown; call: string } };

export async function s5_5_a_call_returns_the_reply(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  for (const value of [1, undefined, { deep: [new Map([[1, 2n]])] }]) {
    assert.deepEqual(await call(pid, { op: 'echo', value }), value);
  }
  await cast.end();
}

export async function s5_5_a_call_by_name(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  await register('service', pid);
  assert.equal(await call('service', { op: 'echo', value: 'by name' }), 'by name');
  await unregister('service');
  const failure = (await thrownBy(() => call('service', { op: 'echo' }))) as Failure;
  assert.deepEqual(failure.reason, { reason: 'noproc', call: 'service' });
  await cast.end();
}

export async function s5_5_a_thousand_calls(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  for (let n = 0; n < 1000; n++) assert.equal(await call(pid, { op: 'echo', value: n }), n);
  assert.deepEqual((await processInfo(self()))?.monitors, [], 'a call leaves no monitor');
  await cast.end();
}

export async function s5_5_calls_at_once_each_get_their_own_reply(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pids = [cast.start(server, self()), cast.start(server, self())];
  const calls = Array.from({ length: 50 }, (_, n) =>
    call(pids[n % 2] as Pid, { op: 'echo', value: n }),
  );
  assert.deepEqual(
    await Promise.all(calls),
    Array.from({ length: 50 }, (_, n) => n),
  );
  await cast.end();
}

export async function s5_5_another_process_may_reply(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  assert.deepEqual(await call(pid, { op: 'delegate', value: 5 }), { by: 'delegate', value: 5 });
  await cast.end();
}

export async function s5_5_a_second_reply_is_dropped(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  assert.equal(await call(pid, { op: 'twice' }), 'first');
  assert.equal(await call(pid, { op: 'echo', value: 'after' }), 'after');
  await nothing();
  await cast.end();
}

export async function s5_5_a_timeout_raises_and_the_late_reply_is_dropped(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  const failure = (await thrownBy(() => call(pid, { op: 'late' }, 20))) as Failure;
  assert.deepEqual(failure.reason, { reason: 'timeout', call: pid });
  send(pid, 'now');
  assert.equal(await next(), 'replied');
  assert.equal(await call(pid, { op: 'echo', value: 'still there' }), 'still there');
  await nothing();
  await cast.end();
}

export async function s5_5_the_death_of_the_server_ends_the_call(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const dies = cast.start(server, self());
  const failure = (await thrownBy(() => call(dies, { op: 'die', value: 'gone' }))) as Failure;
  assert.deepEqual(failure.reason, { reason: 'gone', call: dies });
  const again = (await thrownBy(() => call(dies, { op: 'echo' }))) as Failure;
  assert.deepEqual(again.reason, { reason: 'noproc', call: dies });

  const raises = cast.start(server, self());
  const crash = (await thrownBy(() => call(raises, { op: 'raise', value: 'oh' }))) as Failure;
  const inner = crash.reason?.reason as { message?: string } | undefined;
  assert.equal(inner?.message, 'oh');
  await cast.end();
}

/** Calls a server that dies, and does not catch. */
export async function caller(pid: Pid): Promise<void> {
  await call(pid, { op: 'die', value: 'shutdown' });
}

export async function s5_5_an_uncaught_failure_is_the_exit_reason_of_the_caller(
  peer: number,
): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  const { ref } = spawnOpt({ scheduler: 1, monitor: true }, caller, pid);
  assert.deepEqual(await downReason(ref), { reason: 'shutdown', call: pid });
  await cast.end();
}

export async function s5_5_a_call_to_oneself_raises(_peer: number): Promise<void> {
  const failure = (await thrownBy(() => call(self(), 'x'))) as Failure;
  assert.deepEqual(failure.reason, { reason: 'calling_self', call: self() });
  await nothing();
}

export async function s5_5_other_messages_stay_in_the_mailbox(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  for (let n = 0; n < 5; n++) send(self(), n);
  assert.equal(await call(pid, { op: 'echo', value: 'x' }), 'x');
  for (let n = 0; n < 5; n++) assert.equal(await next(), n);
  await cast.end();
}

export async function s5_5_other_messages_through_the_alias(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  assert.equal(await call(pid, { op: 'also', value: 'no reply' }), 'after it');
  assert.equal(await next(), 'no reply');
  await cast.end();
}

/** Waits for messages and for an answer at the same time. */
export async function s5_5_a_call_beside_a_receive(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  for (let round = 0; round < 50; round++) {
    const both = Promise.all([receive((m) => m === round), call(pid, { op: 'echo', value: 'x' })]);
    send(self(), round);
    assert.deepEqual(await both, [round, 'x']);
  }
  await cast.end();
}

export async function s5_5_a_killed_caller_leaves_nothing(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  const { pid: client, ref } = spawnOpt({ scheduler: 1, monitor: true }, waits, pid);
  await yieldNow();
  exit(client, 'kill');
  assert.equal(await downReason(ref), 'killed');
  assert.equal(await call(pid, { op: 'echo', value: 'alive' }), 'alive');
  assert.deepEqual((await processInfo(pid))?.monitoredBy, []);
  await cast.end();
}

export async function waits(pid: Pid): Promise<void> {
  await call(pid, { op: 'silence' }, 60_000);
}

export async function s5_5_bad_arguments_raise(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const pid = cast.start(server, self());
  await raises('badarg', /call/, () => call(5 as unknown as Pid, 'x'));
  await raises('badarg', /is a function/, () => call(pid, { op: 'echo', value: () => 1 }));
  await raises('timeout_value', /timeout/, () => call(pid, { op: 'silence' }, -1));
  await raises('badarg', /reply/, () => reply({} as From<unknown>, 1));
  await raises('badarg', /reply/, () => reply(undefined as unknown as From<unknown>, 1));
  assert.deepEqual((await processInfo(self()))?.monitors, [], 'a failed call leaves no monitor');
  await cast.end();
  assert.equal(await death(pid), 'noproc');
}
