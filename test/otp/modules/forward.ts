/**
 * forward(emitter, {events, active}): events of Node's emitters and streams as messages, and only as
 * many as the process asked for (`inet:setopts/2`, `{active, once | N | true}`).
 */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import {
  type EventMessage,
  exit,
  forward,
  own,
  type Pid,
  processInfo,
  receive,
  type Subscription,
  self,
  send,
  spawnOpt,
  TIMEOUT,
  yieldNow,
} from 'tsvm';
import { death, downReason, drain, eventually, next, nothing, raises, take } from './support.js';

const isEvent = (m: unknown): boolean => (m as { type?: unknown } | null)?.type === 'event';
const nextEvent = (): Promise<EventMessage> => take<EventMessage>(isEvent, 'event');

export async function s6_11_all_events_with_active_true(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const all = forward(emitter, { events: ['a', 'b'], active: true });
  emitter.emit('a', 1, 'two');
  emitter.emit('b');
  emitter.emit('c');
  emitter.emit('a', { three: 3 });
  const expected = (event: string, args: unknown[]) => ({
    type: 'event',
    ref: all.ref,
    event,
    args,
    dropped: 0,
  });
  assert.deepEqual(await drain(), [
    expected('a', [1, 'two']),
    expected('b', []),
    expected('a', [{ three: 3 }]),
  ]);
  all.close();
}

export async function s6_11_once_takes_one_at_a_time(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const one = forward(emitter, { events: ['n'], active: 'once' });
  for (let n = 0; n < 3; n++) emitter.emit('n', n);
  for (let n = 0; n < 3; n++) {
    assert.deepEqual((await nextEvent()).args, [n]);
    await nothing();
    one.active('once');
  }
  await nothing();
  one.close();
}

export async function s6_11_a_number_takes_as_many(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const some = forward(emitter, { events: ['n'], active: 3 });
  for (let n = 0; n < 10; n++) emitter.emit('n', n);
  assert.equal((await drain()).length, 3);
  some.active(2);
  assert.equal((await drain()).length, 2);
  some.active(true);
  assert.equal((await drain()).length, 5);
  some.close();
}

export async function s6_11_zero_takes_none_until_asked(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const some = forward(emitter, { events: ['n'], active: 0 });
  emitter.emit('n', 'early');
  await nothing();
  some.active('once');
  assert.deepEqual((await nextEvent()).args, ['early']);
  some.close();
}

export async function s6_11_a_tag_replaces_the_type(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const tagged = forward(emitter, { events: ['n'], active: true, tag: 'number' });
  emitter.emit('n', 7);
  const message = (await next()) as EventMessage<'number'>;
  assert.equal(message.type, 'number');
  assert.equal(message.ref, tagged.ref);
  tagged.close();
}

export async function s6_11_close_removes_the_listeners(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const one = forward(emitter, { events: ['a', 'b'], active: true });
  assert.equal(emitter.listenerCount('a') + emitter.listenerCount('b'), 2);
  one.close();
  assert.equal(emitter.listenerCount('a') + emitter.listenerCount('b'), 0);
  emitter.emit('a');
  await nothing();
  one.close(); // a second time does nothing
}

export async function s6_11_an_error_event_is_a_message(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const one = forward(emitter, { events: ['error'], active: 0 });
  emitter.emit('error', new RangeError('of the emitter'));
  const { event, args } = await nextEvent(); // comes without demand: it ends the source
  assert.equal(event, 'error');
  assert.equal((args[0] as Error).message, 'of the emitter');
  one.close();
}

export async function s6_11_what_nobody_takes_is_dropped_and_counted(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const one = forward(emitter, { events: ['n'], active: 0 });
  for (let n = 0; n < 5000; n++) emitter.emit('n', n);
  assert.equal((await processInfo(self()))?.messageQueueLength, 0, 'the mailbox is not flooded');
  one.active(true);
  let seen = 0;
  let dropped = 0;
  for (;;) {
    const message = await receive<EventMessage>(isEvent, 0);
    if (message === TIMEOUT) break;
    seen += 1;
    dropped += message.dropped;
  }
  assert.equal(seen + dropped, 5000, `${seen} seen, ${dropped} dropped`);
  assert.ok(seen < 5000 && seen > 100);
  one.close();
}

/** Listens to the emitter of another process on its scheduler, for ever. */
export async function s6_11_events_come_to_a_process_that_waits(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const one = forward(emitter, { events: ['tick'], active: true });
  const timer = own(
    setInterval(() => emitter.emit('tick'), 2),
    clearInterval,
  );
  for (let n = 0; n < 5; n++) assert.equal((await nextEvent()).event, 'tick');
  clearInterval(timer);
  one.close();
}

export async function s6_11_map_makes_what_can_be_sent(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const one = forward(emitter, {
    events: ['n'],
    active: true,
    map: (args) => [typeof args[0]],
  });
  emitter.emit('n', () => 1); // a function could not be sent
  assert.deepEqual((await nextEvent()).args, ['function']);
  one.close();
}

/** Forwards an event whose argument cannot be copied. */
export async function forwardsWhatCannotBeCopied(): Promise<void> {
  const emitter = new EventEmitter();
  forward(emitter, { events: ['n'], active: true });
  setTimeout(() => emitter.emit('n', () => 1), 1);
  await receive(() => false);
}

export async function s6_11_an_argument_that_cannot_be_copied_ends_the_process(
  peer: number,
): Promise<void> {
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, forwardsWhatCannotBeCopied);
  const reason = (await downReason(ref)) as { kind: string; message: string };
  assert.equal(reason.kind, 'error');
  assert.match(reason.message, /args\[0\] is a function/);
}

/** Reads a stream with demand 1; reports how far ahead the stream ran of what was taken. */
export async function slowReader(report: Pid): Promise<void> {
  let produced = 0;
  const stream = Readable.from(
    (function* () {
      for (; produced < 500; produced++) yield `chunk ${produced}`;
    })(),
  );
  const source = forward(stream, { events: ['data', 'end'], active: 'once' });
  let taken = 0;
  let ahead = 0;
  for (;;) {
    const { event } = await receive<EventMessage>(isEvent);
    if (event === 'end') break;
    taken += 1;
    for (let n = 0; n < 5; n++) await yieldNow();
    ahead = Math.max(ahead, produced - taken);
    source.active('once');
  }
  send(report, { taken, ahead });
}

export async function s6_11_a_stream_is_paused_while_nobody_asks(peer: number): Promise<void> {
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, slowReader, self());
  const { taken, ahead } = (await next('report')) as { taken: number; ahead: number };
  assert.equal(taken, 500);
  assert.ok(ahead < 100, `the stream was ${ahead} chunks ahead`);
  assert.equal(await downReason(ref), 'normal');
}

/** Serves one connection; takes nothing of it until told how much. */
export async function lazyServer(report: Pid): Promise<void> {
  const server = own(createServer(), (one: Server) => one.close());
  const connections: Subscription = forward(server, {
    events: ['connection'],
    active: 'once',
    map: ([socket]) => {
      const one = own(socket as Socket, (each) => each.destroy());
      forward(one, { events: ['data', 'close'], active: 0, tag: 'socket' });
      return [];
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  send(report, (server.address() as { port: number }).port);
  await receive<EventMessage>(isEvent);
  connections.close();
  send(report, 'connected');
  await receive((m) => m === 'stop');
}

export async function s6_11_a_fast_socket_cannot_flood_a_mailbox(peer: number): Promise<void> {
  const server = spawnOpt({ scheduler: peer }, lazyServer, self());
  const port = (await next('port')) as number;
  const socket = own(connect(port, '127.0.0.1'), (one: Socket) => one.destroy());
  socket.on('error', () => {});
  assert.equal(await next('connected'), 'connected');
  const block = Buffer.alloc(65_536, 'x');
  let refused = false;
  for (let n = 0; n < 1000 && !refused; n++) {
    refused = !socket.write(block);
    await yieldNow();
  }
  assert.ok(refused, 'the sender was never held back');
  assert.equal((await processInfo(server))?.messageQueueLength, 0);
  exit(server, 'kill');
  assert.match(String(await death(server)), /killed|noproc/);
  await eventually('the socket is closed', () => socket.destroyed || socket.readableEnded);
}

/** The owner of an emitter that counts its listeners, and a process that forwards it and is killed. */
export async function s6_11_listeners_go_with_the_process(_peer: number): Promise<void> {
  const { ref, pid } = spawnOpt({ scheduler: 1, monitor: true }, forwardsShared);
  await eventually('it listens', () => shared.listenerCount('x') === 1);
  exit(pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
  assert.equal(shared.listenerCount('x'), 0);
}

// @tsvm per-scheduler: two processes of one scheduler listen to it, which is what is tested
const shared = new EventEmitter();

export async function forwardsShared(): Promise<void> {
  forward(shared, { events: ['x'], active: true });
  await receive(() => false);
}

export async function s6_11_bad_arguments_raise_badarg(_peer: number): Promise<void> {
  const emitter = new EventEmitter();
  const fine = { events: ['x'], active: 'once' } as const;
  const bad: [unknown, unknown][] = [
    [{}, fine],
    [undefined, fine],
    [emitter, { ...fine, active: 'twice' }],
    [emitter, { ...fine, active: -1 }],
    [emitter, { ...fine, active: false }],
    [emitter, { ...fine, events: [] }],
    [emitter, { ...fine, events: 'x' }],
    [emitter, { ...fine, events: [5] }],
    [emitter, { ...fine, tag: 5 }],
    [emitter, { ...fine, map: 5 }],
    [emitter, { ...fine, tagg: 'x' }],
    [emitter, undefined],
  ];
  for (const [source, options] of bad) {
    await raises('badarg', /forward.*expected.*got/s, () =>
      forward(source as EventEmitter, options as typeof fine),
    );
  }
  const one = forward(emitter, fine);
  await raises('badarg', /active/, () => one.active(1.5));
  one.close();
  assert.equal(emitter.listenerCount('x'), 0);
}
