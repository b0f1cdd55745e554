/**
 * Types of spawn, call and the other functions, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */

import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  type Call,
  call,
  cancelTimer,
  demonitor,
  dirty,
  type From,
  forward,
  freeze,
  hibernate,
  isAlive,
  link,
  own,
  type Pid,
  priority,
  type Ref,
  register,
  reply,
  type SpawnOptions,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
  spawnOpt,
  trapExit,
} from 'tsvm';

type Request = { readonly op: 'get'; readonly key: string };
type Server = Pid<Call<Request, number>>;

declare const server: Server;
declare const pid: Pid;
declare const ref: Ref;

export async function loop(start: number, name: string): Promise<void> {
  void [start, name];
}

export function sum(...terms: number[]): number {
  return terms.length;
}

export function spawns(): void {
  spawn(loop, 1, 'x');
  const typed: Pid<'ping'> = spawn(loop, 1, 'x');
  send(typed, 'ping');
  const { pid: child, ref: watch } = spawnMonitor(loop, 1, 'x');
  demonitor(watch);
  spawnOpt({ link: true, scheduler: 1, priority: 'low' }, loop, 1, 'x');
  const both = spawnOpt({ monitor: true }, loop, 1, 'x');
  demonitor(both.ref);
  const one: Pid = spawnOpt({ name: 'loop', mailbox: { limit: 5, onFull: 'drop' } }, loop, 1, 'x');

  // @ts-expect-error an argument is missing
  spawn(loop, 1);
  // @ts-expect-error an argument has the wrong type
  spawn(loop, 'one', 'x');
  // @ts-expect-error an argument too many
  spawnLink(loop, 1, 'x', true);
  // @ts-expect-error a string is no entry
  spawn('loop', 1, 'x');
  // @ts-expect-error without monitor there is no reference
  spawnOpt({ link: true }, loop, 1, 'x').ref;
  // @ts-expect-error there is no such option
  spawnOpt({ prio: 'low' }, loop, 1, 'x');
  // @ts-expect-error there is no such priority
  spawnOpt({ priority: 'max' }, loop, 1, 'x');
  // @ts-expect-error a mailbox limit says what to do when it is reached
  spawnOpt({ mailbox: { limit: 5 } }, loop, 1, 'x');
  // @ts-expect-error a message that the child does not take
  send(typed, 'pong');
  const options: SpawnOptions = { label: { any: 'value' } };
  void [child, one, options];
}

export async function calls(): Promise<void> {
  const value: number = await call(server, { op: 'get', key: 'x' });
  const told: string = await call<string>('by a name', 'anything');
  // @ts-expect-error the reply of this server is a number
  const wrong: string = await call(server, { op: 'get', key: 'x' });
  // @ts-expect-error a request that this server does not take
  await call(server, { op: 'put', key: 'x' });
  // @ts-expect-error the limit is a number of milliseconds
  await call(server, { op: 'get', key: 'x' }, '5s');
  void [value, told, wrong];
}

export function replies(from: From<number>): void {
  reply(from, 5);
  // @ts-expect-error the caller waits for a number
  reply(from, 'five');
  // @ts-expect-error a pid is not the `from` of a call
  reply(pid, 5);
}

export async function others(): Promise<void> {
  const total: number = await dirty(sum, 1, 2);
  const frozen: { readonly a: number } = freeze({ a: 1 });
  const left: number | false = await cancelTimer(ref);
  const alive: boolean = await isAlive(pid);
  const socket: Socket = own(connect(1), (one) => one.destroy());
  forward(new EventEmitter(), { events: ['x'], active: 'once' });
  forward(socket, { events: ['data'], active: 5, tag: 'socket' });
  trapExit(true);
  await link(pid);
  await hibernate(loop, 1, 'x');

  // @ts-expect-error an argument has the wrong type
  await dirty(sum, '1');
  // @ts-expect-error a name is no pid
  await link('name');
  // @ts-expect-error there is no such priority
  priority('max');
  // @ts-expect-error a flag is a boolean
  trapExit('yes');
  // @ts-expect-error an argument of the entry is missing
  await hibernate(loop, 1);
  // @ts-expect-error a name is a string
  await register(5, pid);
  // @ts-expect-error demand is once, a number or true
  forward(socket, { events: ['data'], active: 'twice' });
  // @ts-expect-error there is no such option
  demonitor(ref, { flash: true });
  // @ts-expect-error a pid is no reference
  demonitor(pid);
  void [total, frozen, left, alive];
}
