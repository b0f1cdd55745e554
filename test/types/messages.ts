/**
 * Types of pids and messages, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */
import {
  type Alias,
  alias,
  type Destination,
  type Down,
  type Exit,
  type MessageOf,
  monitor,
  type Name,
  type Pid,
  type Ref,
  receive,
  self,
  send,
  sendAfter,
  TIMEOUT,
} from 'tsvm';

type Counter = { readonly type: 'add'; readonly by: number } | { readonly type: 'stop' };

declare const counter: Pid<Counter>;
declare const anything: Pid;
declare const anyone: Pid<never>;
declare const named: Name<Counter>;
declare const reply: Alias<{ readonly ok: boolean }>;
declare const ref: Ref;

export function sends(): void {
  send(counter, { type: 'add', by: 1 });
  send(counter, { type: 'stop' });
  send(named, { type: 'stop' });
  send(reply, { ok: true });
  send(anything, 'whatever');
  send('a plain name', { any: 'thing' });
  send(counter, { type: 'stop' }, { transfer: [new ArrayBuffer(1)] });

  // @ts-expect-error a message that the process does not take
  send(counter, { type: 'subtract', by: 1 });
  // @ts-expect-error a field of the wrong type
  send(counter, { type: 'add', by: '1' });
  // @ts-expect-error a field is missing
  send(counter, { type: 'add' });
  // @ts-expect-error a name carries the type of its messages too
  send(named, { type: 'subtract' });
  // @ts-expect-error an alias carries the type of its messages too
  send(reply, { ok: 1 });
  // @ts-expect-error nobody knows what this process takes
  send(anyone, 'whatever');
  // @ts-expect-error a reference is no destination unless it is an alias
  send(ref, 'x');
  // @ts-expect-error a number is no destination
  send(5, 'x');
  // @ts-expect-error there is no such option
  send(counter, { type: 'stop' }, { transport: [] });
}

export function timers(): void {
  sendAfter(10, counter, { type: 'stop' });
  // @ts-expect-error a timer sends what the process takes
  sendAfter(10, counter, 'stop');
  // @ts-expect-error milliseconds are a number
  sendAfter('10', counter, { type: 'stop' });
  // @ts-expect-error there is no such option
  sendAfter(10, counter, { type: 'stop' }, { absolut: true });
}

export async function receives(): Promise<void> {
  const message = await receive<Counter>();
  if (message.type === 'add') message.by.toFixed();
  // @ts-expect-error not every message of this process has it
  message.by;

  const unknownMessage = await receive();
  // @ts-expect-error a field of an unknown message
  unknownMessage.type;

  const narrowed: Exit = await receive((m): m is Exit => (m as Exit).type === 'EXIT');
  narrowed.reason;
  // @ts-expect-error an exit reason can be anything
  narrowed.reason.kind;

  const limited = await receive<Counter>(undefined, 5);
  // @ts-expect-error it may be TIMEOUT
  limited.type;
  if (limited !== TIMEOUT) limited.type;

  const guarded = await receive((m): m is Down => (m as Down).type === 'DOWN', { timeoutMs: 5 });
  if (guarded !== TIMEOUT) guarded.target;

  const always: Counter = await receive<Counter>((m) => m.type === 'stop', { since: ref });
  always.type;

  await receive((m) => m === 'a predicate needs no annotation');
  // @ts-expect-error the message is unknown until it is looked at
  await receive((m) => m.type === 'x');
  // @ts-expect-error the limit is a number
  await receive(undefined, '5');
  // @ts-expect-error there is no such option
  await receive(undefined, { timeout: 5 });
}

export function variance(): void {
  const any: Pid<never> = counter;
  const less: Pid<{ readonly type: 'stop' }> = counter; // who takes more stands for who takes less
  const destinations: Destination[] = [counter, named, reply, anything, 'name'];
  const mine: Pid<Counter> = self<Counter>();
  const through: Alias<'done'> = alias<'done'>();
  send(through, 'done');
  const text: string = counter;

  // @ts-expect-error who takes less does not stand for who takes more
  const more: Pid<Counter | 'reset'> = counter;
  // @ts-expect-error a string is no pid
  const pid: Pid = 'no pid';
  // @ts-expect-error a reference is no pid
  const wrong: Pid = ref;
  // @ts-expect-error a pid is no reference
  const notRef: Ref = counter;
  void [any, less, destinations, mine, text, more, pid, wrong, notRef];
}

export function monitors(): void {
  const plain: Ref = monitor(counter);
  const byName: Ref = monitor('name', { tag: 'gone' });
  const withAlias: Alias<'reply'> = monitor<'reply'>(counter, { alias: 'reply_demonitor' });
  send(withAlias, 'reply');
  // @ts-expect-error a monitor without an alias is no destination
  send(monitor(counter), 'reply');
  // @ts-expect-error there is no such kind of alias
  monitor(counter, { alias: 'reply' });
  // @ts-expect-error there is no such option
  monitor(counter, { tagg: 'gone' });
  void [plain, byName];
}

/** `MessageOf` in both directions. */
export const messages: {
  readonly counter: MessageOf<typeof counter>;
  readonly name: MessageOf<string>;
} = { counter: { type: 'stop' }, name: 'anything at all' };
