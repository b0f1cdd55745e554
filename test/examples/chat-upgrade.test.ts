/** The rooms of the chat get another form of state while people chat: nobody notices. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, type Client, nextEvent, startChat } from './support.js';

const TALKERS = 4;
const AFTER = 60;

/** What was said becomes one thing: the newest lines and how many there were. */
const NEW_STATE: Readonly<Record<string, string>> = {
  '  readonly history: Line[];\n  lines: number;\n':
    '  readonly said: { readonly newest: Line[]; count: number };\n',
  '      history: newest,\n      lines: newest.at(-1)?.id ?? 0,\n':
    '      said: { newest, count: newest.at(-1)?.id ?? 0 },\n',
  'export function formatStatus({ name, members, history, lines }: Room): unknown {\n  return { name, members: members.size, history: history.length, lines };':
    'export function formatStatus({ name, members, said }: Room): unknown {\n  return { name, members: members.size, said: said.count };',
  'state.history.map(formatted)': 'state.said.newest.map(formatted)',
  'state.lines = line.id;\n': 'state.said.count = line.id;\n',
  'state.history.push(line);\n  if (state.history.length > HISTORY_MAX) state.history.shift();':
    'state.said.newest.push(line);\n  if (state.said.newest.length > HISTORY_MAX) state.said.newest.shift();',
};
const CODE_CHANGE = `export function codeChange(
  _from: unknown,
  { history, lines, ...rest }: Omit<Room, 'said'> & { history: Line[]; lines: number },
): Room {
  return { ...rest, said: { newest: history, count: lines } };
}

type Handled =`;

describe.each([1, 2])('chat upgrade [schedulers: %i]', (schedulers) => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await startChat(schedulers);
  });
  afterAll(() => chat.stop());

  /** Talk without a pause until `until` has settled, and then some more. @returns how much was said */
  async function talk(client: Client, name: string, until: Promise<unknown>): Promise<number> {
    let isOver = false;
    until.then(
      () => {
        isOver = true;
      },
      () => {
        isOver = true;
      },
    );
    let said = 0;
    for (let left = AFTER; left > 0; said++) {
      if (isOver) left -= 1;
      client.say(`${name} ${said}`);
      await delay(2);
    }
    return said;
  }

  test('room: a new form of its state under traffic; no connection drops, no message is lost or repeated', async () => {
    const room = 'upgraded';
    const talkers = await Promise.all(
      Array.from({ length: TALKERS }, (_, n) => chat.connect({ name: `T${n}`, room })),
    );
    const places = await Promise.all(
      talkers.map(async (each) => (await each.take('joined')).process),
    );
    const closed: number[] = [];
    for (const each of talkers) each.socket.once('close', (code) => closed.push(code));
    const idle = await chat.connect({ name: 'Idle', room: 'empty' });

    const loaded = nextEvent(chat.vm, 'load', ({ reports }) =>
      reports.some(({ module, translated }) => module === 'room' && translated > 0),
    );
    const talking = talkers.map((each, n) => talk(each, `T${n}`, loaded));
    await delay(50);
    await chat.copy.edit('room', { ...NEW_STATE, 'type Handled =': CODE_CHANGE });
    const { reports } = await loaded;
    // The rooms, and nobody else.
    expect(reports.find(({ module }) => module === 'room')).toMatchObject({
      translated: 2,
      killed: 0,
    });
    const said = await Promise.all(talking);

    const total = said.reduce((sum, one) => sum + one, 0);
    for (const each of talkers) {
      for (const [n, count] of said.entries())
        await each.take('line', ({ line }) => line.text === `T${n} ${count - 1}`);
    }
    for (const each of talkers) {
      expect(each.lines).toHaveLength(total - TALKERS);
      expect(new Set(each.lines.map(({ id }) => id)).size).toBe(total - TALKERS);
      for (const [n, count] of said.entries()) {
        const own = each.lines.filter(({ from }) => from === `T${n}`).map(({ text }) => text);
        expect(own).toEqual(Array.from({ length: count - 1 }, (_, at) => `T${n} ${at}`));
      }
    }
    expect(closed).toEqual([]);

    // The same process, its count and its history.
    const late = await chat.connect({ name: 'Late', room });
    const joined = await late.take('joined');
    expect(joined.process).toEqual(places[0]);
    expect(joined.history).toHaveLength(100);
    expect(joined.history.at(-1)?.id).toBe(total);
    idle.say('still here');
    await idle.takeLine('still here');
  });

  test('room: a codeChange that fails changes nothing that people would see', async () => {
    const ann = await chat.connect({ name: 'Ann', room: 'kept' });
    const { process } = await ann.take('joined');
    ann.say('before');
    await ann.takeLine('before');
    const failed = nextEvent(chat.vm, 'loadError', ({ kind }) => kind === 'code_change');
    await chat.copy.edit('room', {
      'return { ...rest, said: { newest: history, count: lines } };':
        "throw new Error('the history is too long');",
      'Welcome to': 'You have come to',
    });
    expect((await failed).message).toMatch(
      /codeChange failed for \d of \d processes that use room.*too long/,
    );
    ann.say('after');
    await ann.takeLine('after');
    const bob = await chat.connect({ name: 'Bob', room: 'kept' });
    const joined = await bob.take('joined');
    expect(joined.process).toEqual(process);
    expect(joined.greeting).toMatch(/^Welcome to/);
    expect(joined.history.map(({ text }) => text)).toEqual(['before', 'after']);
  });
});
