/** What people said in the chat is kept: through kill -9 while they talk, once, and in order. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Line, ServerMessage } from '../../examples/chat/modules/wire.js';
import { type Chat, Client, type Copy, copyExample, freePort, startChat } from './support.js';

const BIN = fileURLToPath(new URL('../../bin/tsvm.mjs', import.meta.url));
const ROOMS = ['tea', 'coffee'];
const KILLS = 3;
const UNDER_WAY = 3;

/** Somebody who talks without a pause, and says again what nobody has said to have kept. */
class Talker {
  readonly name: string;
  readonly room: string;
  /** Kept, as the machine said. */
  kept = 0;
  /** How often something was said again. */
  repeats = 0;
  #said = 0;
  #isLast = false;
  readonly #onKept: () => void;

  constructor(name: string, room: string, onKept: () => void) {
    this.name = name;
    this.room = room;
    this.#onKept = onKept;
  }

  textOf(number: number): string {
    return `${this.name} says ${number}`;
  }

  /** Talk until the machine ends, or with `isLast` until all that was said before is kept. */
  async talk(url: string, isLast: boolean): Promise<void> {
    const { name, room } = this;
    this.#isLast = isLast;
    const client = new Client(
      `${url.replace('http', 'ws')}ws?${new URLSearchParams({ name, room })}`,
    );
    onTestFinished(() => client.socket.terminate());
    client.socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as ServerMessage;
      if (message.type === 'joined') this.#sayAgain(client);
      if (message.type === 'said') this.#heard(client, message.id);
    });
    await client.closed;
  }

  #sayAgain(client: Client): void {
    for (let number = this.kept; number < this.#said; number++) {
      this.repeats += 1;
      this.#say(client, number);
    }
    this.#goOn(client);
  }

  #heard(client: Client, id: string): void {
    expect(id).toBe(this.#idOf(this.kept));
    this.kept += 1;
    this.#onKept();
    this.#goOn(client);
  }

  #goOn(client: Client): void {
    if (this.#isLast && this.kept === this.#said) client.socket.close();
    if (this.#isLast) return;
    for (; this.#said < this.kept + UNDER_WAY; this.#said++) this.#say(client, this.#said);
  }

  #say(client: Client, number: number): void {
    client.send({ type: 'say', text: this.textOf(number), id: this.#idOf(number) });
  }

  #idOf(number: number): string {
    return `${this.name}-said-with-number-${number}`;
  }
}

/** All that was said in a room, by pages. */
async function historyOf(client: Client): Promise<readonly Line[]> {
  let all = [...(await client.take('joined')).history];
  while (all[0] !== undefined && all[0].id > 1) {
    client.send({ type: 'earlier', before: all[0].id });
    const { lines } = await client.take('earlier');
    all = [...lines, ...all];
  }
  return all;
}

/** The chat as `npm start` runs it. */
async function startMachine({ folder }: Copy): Promise<{ child: ChildProcess; url: string }> {
  const args = [BIN, 'start', folder, '--schedulers', '2', '--no-watch', '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const record = JSON.parse(line) as { event?: string; url?: string };
    if (record.event !== 'address') continue;
    // What else it says is not waited for.
    child.stdout.resume();
    return { child, url: record.url ?? '' };
  }
  throw new Error('the chat did not start');
}

test('kill -9 while people chat: every message that was acknowledged is there, once and in order', async () => {
  const copy = await copyExample('chat');
  onTestFinished(() => copy.remove());
  process.env['PORT'] = String(await freePort());
  let onKept = (): void => {};
  const talkers = ['Ann', 'Bob', 'Cid', 'Dan'].map(
    (name, at) => new Talker(name, ROOMS[at % ROOMS.length] ?? '', () => onKept()),
  );
  for (let round = 0; round < KILLS; round++) {
    const { child, url } = await startMachine(copy);
    let left = 20 + Math.floor(Math.random() * 100);
    onKept = () => {
      left -= 1;
      if (left === 0) child.kill('SIGKILL');
    };
    const ended = once(child, 'exit');
    await Promise.all(talkers.map((each) => each.talk(url, false)));
    expect((await ended)[1]).toBe('SIGKILL');
  }
  onKept = () => {};
  const { child, url } = await startMachine(copy);
  await Promise.all(talkers.map((each) => each.talk(url, true)));

  for (const room of ROOMS) {
    const late = await Client.connect(url, { name: 'Late', room });
    const { rooms } = await late.take('rooms');
    expect(rooms.map(({ name }) => name)).toEqual(expect.arrayContaining(['lobby', ...ROOMS]));
    const history = await historyOf(late);
    expect(history.map(({ id }) => id)).toEqual(history.map((_, at) => at + 1));
    for (const talker of talkers.filter((each) => each.room === room)) {
      const own = history.filter(({ from }) => from === talker.name).map(({ text }) => text);
      expect(own).toEqual(Array.from({ length: talker.kept }, (_, at) => talker.textOf(at)));
    }
    late.socket.close();
  }
  // The machine was killed while something was under way.
  expect(talkers.reduce((sum, { repeats }) => sum + repeats, 0)).toBeGreaterThan(0);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
}, 240_000);

let chat: Chat;
beforeAll(async () => {
  chat = await startChat(1);
});
afterAll(() => chat.stop());

test('say: the same id again is answered again, and nobody else hears it twice', async () => {
  const [ann, bob] = [await chat.connect({ room: 'once' }), await chat.connect({ room: 'once' })];
  await bob.take('joined');
  const message = { type: 'say', text: 'only once', id: 'an-id-that-nobody-else-has' };
  ann.send(message);
  const first = await ann.take('said');
  ann.send(message);
  expect(await ann.take('said')).toEqual(first);
  // Also after the room has ended, and from another connection.
  bob.say('/crash-room');
  await bob.take('error');
  await bob.take('joined');
  bob.send(message);
  expect(await bob.take('said')).toEqual(first);
  bob.say('the end');
  await bob.takeLine('the end');
  expect(bob.lines.map(({ text }) => text)).toEqual(['only once']);
});

test('say: an id that is none is refused; what is refused with an id says which', async () => {
  const ann = await chat.connect({ room: 'refused' });
  ann.send({ type: 'say', text: 'hello', id: 'short' });
  expect((await ann.take('error')).text).toMatch(/an "id" has 16 to 64/);
  ann.send({ type: 'say', text: ' ', id: 'a-very-long-id-of-mine' });
  expect(await ann.take('error')).toMatchObject({ id: 'a-very-long-id-of-mine' });
  ann.send({ type: 'earlier', before: 'now' });
  expect((await ann.take('error')).text).toMatch(/"earlier" needs a "before"/);
});

test('say: who goes to another room meanwhile is told all the same that it is kept', async () => {
  const ann = await chat.connect({ room: 'left' });
  await ann.take('joined');
  ann.send({ type: 'say', text: 'and off', id: 'said-while-leaving-it' });
  ann.send({ type: 'join', room: 'entered' });
  expect((await ann.take('said')).line.text).toBe('and off');
  expect((await ann.take('joined')).room).toBe('entered');
});
