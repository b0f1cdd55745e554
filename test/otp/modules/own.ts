/**
 * own(resource, close): what a process opens is closed when the process dies, however it dies.
 *
 * The close functions leave files in a folder of their own, which can be seen from every scheduler.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  disown,
  exit,
  link,
  monitor,
  own,
  type Pid,
  receive,
  self,
  send,
  spawnLink,
  spawnOpt,
  trapExit,
} from 'tsvm';
import { death, downReason, eventually, exitReason, next, raises } from './support.js';

export type End = 'return' | 'exit' | 'raise' | 'throw' | 'signal' | 'kill' | 'link';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'tsvm-own-'));

/** Owns a thing whose close leaves the file `closed`, and ends as told. */
export async function owner(report: Pid, folder: string, end: End): Promise<void> {
  own({ file: join(folder, 'closed') }, ({ file }) => writeFileSync(file, '', { flag: 'wx' }));
  send(report, 'owned');
  if (end === 'return') return;
  if (end === 'exit') exit('on purpose');
  if (end === 'raise') throw new Error('on purpose');
  if (end === 'throw') throw 'on purpose';
  if (end === 'link') spawnLink(exitsAtOnce);
  await receive(() => false);
}

export async function exitsAtOnce(): Promise<void> {
  exit('linked');
}

async function closesAfter(peer: number, end: End): Promise<void> {
  const folder = newFolder();
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, owner, self(), folder, end);
  assert.equal(await next(), 'owned');
  if (end === 'kill') exit(pid, 'kill');
  if (end === 'signal') exit(pid, 'shutdown');
  await downReason(ref);
  assert.ok(existsSync(join(folder, 'closed')), `not closed when the DOWN came (${end})`);
  rmSync(folder, { recursive: true });
}

export const s1_7_closed_after_return = (peer: number): Promise<void> =>
  closesAfter(peer, 'return');
export const s1_7_closed_after_exit = (peer: number): Promise<void> => closesAfter(peer, 'exit');
export const s1_7_closed_after_an_error = (peer: number): Promise<void> =>
  closesAfter(peer, 'raise');
export const s1_7_closed_after_a_throw = (peer: number): Promise<void> =>
  closesAfter(peer, 'throw');
export const s1_7_closed_after_a_signal = (peer: number): Promise<void> =>
  closesAfter(peer, 'signal');
export const s1_7_closed_after_kill = (peer: number): Promise<void> => closesAfter(peer, 'kill');
export const s1_7_closed_after_a_linked_death = (peer: number): Promise<void> =>
  closesAfter(peer, 'link');

/** Owns several things; the second refuses to close. */
export async function ownsThree(report: Pid, folder: string): Promise<void> {
  const order: string[] = [];
  const close = (name: string) => () => {
    order.push(name);
    if (name === 'b') throw new Error('b does not close');
    writeFileSync(join(folder, order.join('')), '');
  };
  for (const name of ['a', 'b', 'c']) own({ name }, close(name));
  send(report, 'owned');
  await receive(() => false);
}

export async function s1_7_newest_first_and_a_failing_close_stops_no_other(
  peer: number,
): Promise<void> {
  const folder = newFolder();
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, ownsThree, self(), folder);
  await next('owned');
  exit(pid, 'kill');
  assert.equal(await downReason(ref), 'killed');
  assert.deepEqual(readdirSync(folder).sort(), ['c', 'cba']);
  rmSync(folder, { recursive: true });
}

/** Owns, disowns, ends. */
export async function disowner(folder: string): Promise<void> {
  const thing = { file: join(folder, 'closed') };
  assert.equal(
    own(thing, ({ file }) => writeFileSync(file, '')),
    thing,
    'own returns the resource',
  );
  assert.equal(disown(thing), true);
  assert.equal(disown(thing), false, 'it is no longer owned');
}

export async function s1_7_disown_gives_it_up(peer: number): Promise<void> {
  const folder = newFolder();
  const { ref } = spawnOpt({ scheduler: peer, monitor: true }, disowner, folder);
  assert.equal(await downReason(ref), 'normal');
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
}

/** A TCP server that belongs to the process. */
export async function listens(report: Pid): Promise<void> {
  const server = own(createServer(), (one: Server) => one.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  send(report, (server.address() as { port: number }).port);
  await receive(() => false);
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

export async function s1_7_a_server_stops_listening(peer: number): Promise<void> {
  const pid = spawnOpt({ scheduler: peer }, listens, self());
  const port = (await next('port')) as number;
  assert.equal(await accepts(port), true);
  exit(pid, 'kill');
  await death(pid);
  await eventually('the port is closed', async () => !(await accepts(port)));
}

export async function s1_7_closed_before_links_hear_of_it(peer: number): Promise<void> {
  trapExit(true);
  for (let round = 0; round < 20; round++) {
    const folder = newFolder();
    const pid = spawnOpt({ scheduler: peer }, owner, self(), folder, 'kill');
    await next('owned');
    await link(pid);
    const ref = monitor(pid);
    exit(pid, 'kill');
    assert.equal(await exitReason(pid), 'killed');
    assert.ok(existsSync(join(folder, 'closed')));
    await downReason(ref);
    rmSync(folder, { recursive: true });
  }
}

export async function s1_7_own_with_bad_arguments_raises_badarg(_peer: number): Promise<void> {
  await raises('badarg', /own.*expected.*function/s, () => own({}, 'close' as never));
  await raises('badarg', /own/, () => own(5 as unknown as object, () => {}));
  assert.equal(disown({ never: 'owned' }), false);
}
