/**
 * What the process code of the semantic tests shares: puppets, and waiting with a limit.
 *
 * A *puppet* is a process that does what it is told: an order names a BIF and its arguments, the
 * puppet calls it and answers with the value or with the error. So one test function can play several
 * processes, on any scheduler, and still read from top to bottom.
 *
 * Invariants:
 *  1. Nothing here waits without a limit: a lost signal fails the test instead of hanging it.
 *  2. `Cast.end` leaves no process and no message behind. Broken, one test would disturb the next.
 */
import assert from 'node:assert/strict';
import { hrtime } from 'node:process';
import { inspect } from 'node:util';
import {
  alias,
  cancelTimer,
  type Down,
  demonitor,
  dictionary,
  type Exit,
  exit,
  isAlive,
  link,
  makeRef,
  monitor,
  type Pid,
  persistentTerm,
  priority,
  processInfo,
  type Ref,
  readTimer,
  receive,
  register,
  type SpawnOptions,
  self,
  send,
  sendAfter,
  setLabel,
  spawnOpt,
  startTimer,
  TIMEOUT,
  tables,
  thisScheduler,
  trapExit,
  unalias,
  unlink,
  unregister,
  whereis,
  yieldNow,
} from 'tsvm';

/** How long a test waits for what must come; long, as the machine may be busy with other tests. */
export const PATIENCE_MS = 15_000;

type Order = {
  readonly order: Ref;
  readonly from: Pid;
  readonly op: string;
  readonly args: unknown[];
};
type Answer<R> =
  | { readonly answer: Ref; readonly value: R }
  | { readonly answer: Ref; readonly reason: unknown; readonly text: string };

const isRecord = (message: unknown): message is Record<string, unknown> =>
  typeof message === 'object' && message !== null;

export const isOrder = (message: unknown): message is Order =>
  isRecord(message) && typeof message['order'] === 'string';

export const isDown =
  (ref: string) =>
  (message: unknown): message is Down =>
    isRecord(message) && message['type'] === 'DOWN' && message['ref'] === ref;

export const isExit =
  (from: string) =>
  (message: unknown): message is Exit =>
    isRecord(message) && message['type'] === 'EXIT' && message['from'] === from;

/** Receives what `match` accepts, or fails with `what` and a look into the mailbox. */
export async function take<M>(match: (message: unknown) => boolean, what: string): Promise<M> {
  const message = await receive<M>(match, PATIENCE_MS);
  if (message === TIMEOUT) {
    assert.fail(`no ${what} within ${PATIENCE_MS} ms; mailbox: ${inspect(await drain())}`);
  }
  return message as M;
}

/** The next message, whatever it is. */
export const next = (what = 'message'): Promise<unknown> => take<unknown>(() => true, what);

/** All messages that are in the mailbox now, oldest first, but orders to a puppet. */
export async function drain(): Promise<unknown[]> {
  const messages: unknown[] = [];
  for (;;) {
    const message = await receive((m: unknown) => !isOrder(m), 0);
    if (message === TIMEOUT) return messages;
    messages.push(message);
  }
}

/** The mailbox holds nothing that `match` accepts. */
export async function nothing(match: (message: unknown) => boolean = () => true): Promise<void> {
  const message = await receive(match, 0);
  if (message !== TIMEOUT) assert.fail(`unexpected message ${inspect(message)}`);
}

/** The reason of a DOWN message. */
export async function downReason(ref: string): Promise<unknown> {
  return (await take<Down>(isDown(ref), `DOWN of ${ref}`)).reason;
}

/** The reason of an EXIT message. */
export async function exitReason(from: string): Promise<unknown> {
  return (await take<Exit>(isExit(from), `EXIT of ${from}`)).reason;
}

/** Waits for the death of `pid` and returns its reason (`noproc` when it was dead before). */
export const death = (pid: Pid<never>): Promise<unknown> => downReason(monitor(pid));

/**
 * Waits until `at` (nanoseconds of `hrtime`, one clock for all threads), giving way to others: lets
 * two processes act at the same moment. A busy wait would also hold up the signals of its scheduler.
 */
export async function waitUntil(at: bigint): Promise<void> {
  while (hrtime.bigint() < at) await yieldNow();
}

/** `fn` raises a BIF error with this reason, and its text says what was expected and what came. */
export async function raises(reason: string, text: RegExp, fn: () => unknown): Promise<void> {
  let value: unknown;
  try {
    value = await fn();
  } catch (error) {
    const raised = error as { name?: unknown; reason?: unknown; message?: unknown };
    assert.ok(error instanceof Error, `an Error was expected, not ${inspect(error)}`);
    assert.equal(raised.reason, reason, `${reason} was expected, not ${inspect(error)}`);
    assert.match(String(raised.name), /^(ProcessError|DataCloneError)$/);
    assert.match(String(raised.message), text);
    return;
  }
  assert.fail(`${reason} was expected, but the call returned ${inspect(value)}`);
}

/** What `fn` throws or rejects with; fails if it does neither. */
export async function thrownBy(fn: () => unknown): Promise<Error> {
  let value: unknown;
  try {
    value = await fn();
  } catch (error) {
    return error as Error;
  }
  assert.fail(`an error was expected, but the call returned ${inspect(value)}`);
}

/** Waits until `condition` holds; only for what no message announces (files, sockets, counters). */
export async function eventually(what: string, condition: () => unknown): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) assert.fail(`not within ${PATIENCE_MS} ms: ${what}`);
    await yieldNow();
  }
}

/** What a puppet can be told. The arguments are those of the BIF. */
const OPS: Readonly<Record<string, (...args: never[]) => unknown>> = {
  alias,
  cancelTimer,
  demonitor,
  drain,
  erase: (key: string) => dictionary.erase(key),
  exit: (pid: Pid<never>, reason: unknown) => exit(pid, reason),
  get: (key: string) => dictionary.get(key),
  isAlive,
  link,
  monitor,
  next: () => take<unknown>((m) => !isOrder(m), 'message'),
  persistentTerm: (key: unknown) => persistentTerm.get(key),
  ping: () => 'pong',
  priority,
  processInfo,
  put: (key: string, value: unknown) => dictionary.put(key, value),
  readTimer,
  register,
  send,
  sendAfter,
  sendMany: (to: Pid<never>, first: number, count: number) => {
    for (let i = first; i < first + count; i++) send(to as Pid, i);
  },
  setLabel,
  spawnPuppet: (options: SpawnOptions) => spawnOpt(options as { monitor?: false }, puppet),
  startTimer,
  table: (fn: string, ...args: unknown[]) =>
    (tables as unknown as Record<string, (...args: unknown[]) => unknown>)[fn]?.(...args),
  thisScheduler,
  trapExit,
  unalias,
  unlink,
  unregister,
  whereis,
};

/** Carries out orders for ever. `return`, `exit1`, `raise` and `throw` end it in that way. */
export async function puppet(): Promise<void> {
  for (;;) {
    const { order, from, op, args } = await receive<Order>(isOrder);
    if (op === 'return') return;
    if (op === 'exit1') exit(args[0]);
    if (op === 'raise') throw new Error(String(args[0]));
    if (op === 'throw') throw args[0];
    let answer: Answer<unknown>;
    try {
      const call = OPS[op] as ((...args: unknown[]) => unknown) | undefined;
      if (call === undefined) throw new TypeError(`a puppet cannot ${op}`);
      answer = { answer: order, value: await call(...args) };
    } catch (error) {
      answer = {
        answer: order,
        reason: (error as { reason?: unknown }).reason,
        text: String(error),
      };
    }
    send(from, answer);
  }
}

/** Tells a puppet what to do and does not wait. Returns the reference of the answer. */
export function tell(pid: Pid, op: string, ...args: unknown[]): Ref {
  const order = makeRef();
  send(pid, { order, from: self(), op, args } satisfies Order);
  return order;
}

/** Waits for the answer to an order; an error that the puppet caught is raised here. */
export async function answerTo<R>(order: Ref, op = 'an order'): Promise<R> {
  const answer = await take<Answer<R>>(
    (m) => isRecord(m) && m['answer'] === order,
    `answer to ${op}`,
  );
  if ('value' in answer) return answer.value;
  throw Object.assign(new Error(answer.text), { reason: answer.reason });
}

/** Tells a puppet what to do and returns what its BIF returned. */
export const ask = <R = unknown>(pid: Pid, op: string, ...args: unknown[]): Promise<R> =>
  answerTo<R>(tell(pid, op, ...args), op);

/** After this, every signal that the caller has sent to the puppet is handled there. */
export const settle = async (...pids: Pid[]): Promise<void> => {
  for (const pid of pids) assert.equal(await ask(pid, 'ping'), 'pong');
};

/** The other processes of one test, all on the scheduler slot `peer`. */
export class Cast {
  readonly #slot: number;
  readonly #pids: Pid[] = [];

  constructor(peer: number) {
    this.#slot = peer;
  }

  /** A puppet on the peer's scheduler. */
  puppet(options: Omit<SpawnOptions, 'monitor'> = {}): Pid {
    return this.adopt(spawnOpt({ scheduler: this.#slot, ...options }, puppet));
  }

  /** A puppet on the test's own scheduler. */
  near(options: Omit<SpawnOptions, 'monitor'> = {}): Pid {
    return this.adopt(spawnOpt({ scheduler: thisScheduler(), ...options }, puppet));
  }

  /** Any exported function on the peer's scheduler. */
  start<A extends unknown[]>(entry: (...args: A) => unknown, ...args: A): Pid {
    return this.adopt(spawnOpt({ scheduler: this.#slot }, entry, ...args));
  }

  /** Takes over a process that was started otherwise. */
  adopt(pid: Pid): Pid {
    this.#pids.push(pid);
    return pid;
  }

  /** Ends all of them and checks that no message is left that the test did not expect. */
  async end(): Promise<void> {
    const left = await drain();
    assert.deepEqual(left, [], 'messages that no one expected');
    trapExit(true); // the death of a linked puppet must not end the test
    for (const pid of this.#pids) {
      const ref = monitor(pid);
      exit(pid, 'kill');
      await downReason(ref);
    }
  }
}
