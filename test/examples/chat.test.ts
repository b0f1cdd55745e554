/** The chat, through HTTP and WebSockets, on one scheduler and on two. */

import { exit, processes, processInfo } from 'tsvm';
import { startVm } from 'tsvm/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, type Client, copyExample, nextEvent, startChat } from './support.js';

describe.each([1, 2])('chat [schedulers: %i]', (schedulers) => {
  let chat: Chat;
  let rooms = 0;
  /** A room of its own for each test. */
  const newRoom = (): string => `room-${++rooms}`;

  beforeAll(async () => {
    chat = await startChat(schedulers);
  });
  afterAll(() => chat.stop());

  /** Somebody who has joined. */
  async function join(name: string, room: string): Promise<Client> {
    const client = await chat.connect({ name, room });
    await client.take('joined');
    return client;
  }

  test('web: the page, its health, and clear answers to all else', async () => {
    const page = await fetch(chat.url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).toContain('<title>tsvm chat</title>');
    const health = await fetch(new URL('health', chat.url));
    expect(await health.json()).toEqual({ status: 'ok', schedulers });
    expect((await fetch(new URL('nothing', chat.url))).status).toBe(404);
    expect((await fetch(chat.url, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  test('room: joining tells who is there, where it runs, and what was said', async () => {
    const room = newRoom();
    const ann = await chat.connect({ name: 'Ann', room });
    const first = await ann.take('joined');
    expect(first).toMatchObject({ room, members: ['Ann'], history: [] });
    expect(first.greeting).toContain(`#${room}`);
    ann.say('hello :-)');
    const { line } = await ann.takeLine('hello 🙂');
    expect(line).toMatchObject({ id: 1, from: 'Ann' });
    const bob = await chat.connect({ name: 'Bob', room });
    const joined = await bob.take('joined');
    expect(joined).toMatchObject({ members: ['Ann', 'Bob'], history: [line] });
    expect(joined.process.pid).toBe(first.process.pid);
    expect(await ann.take('presence')).toMatchObject({
      text: 'Bob joined.',
      members: ['Ann', 'Bob'],
    });
    bob.say('hello Ann');
    for (const each of [ann, bob]) expect((await each.takeLine('hello Ann')).line.from).toBe('Bob');
  });

  test('room: runs on another scheduler than the connections, if there is one', async () => {
    const ann = await chat.connect({ name: 'Ann', room: newRoom() });
    const joined = await ann.take('joined');
    const other = await chat.connect({ name: 'Bob' });
    ann.say('/nick Anna');
    const { process } = await ann.take('welcome');
    expect(joined.process.scheduler === process.scheduler).toBe(schedulers === 1);
    expect((await other.take('joined')).room).toBe('lobby');
  });

  test('room: keeps the newest 100 messages for those who come later', async () => {
    const room = newRoom();
    const ann = await join('Ann', room);
    for (let i = 1; i <= 120; i++) ann.say(`message ${i}`);
    await ann.takeLine('message 120');
    const bob = await chat.connect({ name: 'Bob', room });
    const { history } = await bob.take('joined');
    expect(history.map(({ text }) => text)).toEqual(
      Array.from({ length: 100 }, (_, index) => `message ${index + 21}`),
    );
  });

  test('room: who leaves, by closing or for another room, is seen to leave', async () => {
    const [room, elsewhere] = [newRoom(), newRoom()];
    const [ann, bob, cid] = [
      await join('Ann', room),
      await join('Bob', room),
      await join('Cid', room),
    ];
    bob.socket.close();
    expect((await ann.take('presence', ({ text }) => text === 'Bob left.')).members).toEqual([
      'Ann',
      'Cid',
    ]);
    cid.send({ type: 'join', room: elsewhere });
    expect((await cid.take('joined')).room).toBe(elsewhere);
    expect((await ann.take('presence', ({ text }) => text === 'Cid left.')).members).toEqual([
      'Ann',
    ]);
    const list = await ann.take('rooms', ({ rooms }) =>
      rooms.some(({ name }) => name === elsewhere),
    );
    expect(list.rooms).toContainEqual({ name: 'lobby', members: expect.any(Number) });
    ann.say('anybody here?');
    await ann.takeLine('anybody here?');
    expect(cid.lines).toEqual([]);
  });

  test('names: a change is told to all; without one you get one; a wrong one is refused', async () => {
    const room = newRoom();
    const ann = await join('Ann', room);
    const guest = await chat.connect({ room });
    await guest.take('joined');
    guest.say('/nick Åsa Öberg');
    expect((await guest.take('welcome')).name).toBe('Åsa Öberg');
    await ann.take('presence', ({ text }) => text.endsWith('is now Åsa Öberg.'));
    guest.say('/nick <b>');
    expect((await guest.take('error')).text).toContain('a name has 1 to 24 letters');
    const wrong = await chat.connect({ name: 'x'.repeat(25), room: '../etc' });
    expect((await wrong.take('error')).text).toContain('a name has');
    expect((await wrong.take('error')).text).toContain('the name of a room');
    expect((await wrong.take('joined')).room).toBe('lobby');
  });

  test('commands: /help, /room, and one that does not exist', async () => {
    const room = newRoom();
    const ann = await join('Ann', newRoom());
    ann.say('/help');
    expect((await ann.take('notice')).text).toContain('/crash-room');
    ann.say(`/room #${room}`);
    expect((await ann.take('joined')).room).toBe(room);
    ann.say(`/room ${room}`);
    expect((await ann.take('notice')).text).toBe(`You are in #${room}.`);
    ann.say('/dance');
    expect((await ann.take('error')).text).toBe('there is no command /dance; /help lists them');
  });

  test('bad input: each kind is answered, and the connection lives on', async () => {
    const ann = await join('Ann', newRoom());
    const { socket } = ann;
    const bad: readonly [send: () => void, answer: string][] = [
      [() => socket.send('hello'), 'send JSON'],
      [() => socket.send(''), 'send JSON'],
      [() => socket.send(Buffer.from([1, 2, 3])), 'this one was binary'],
      [() => socket.send('null'), 'send an object with a "type"'],
      [() => socket.send('[]'), 'send an object with a "type"'],
      [() => ann.send({ text: 'x' }), 'send an object with a "type"'],
      [() => ann.send({ type: 'shout', text: 'x' }), 'not "shout"'],
      [() => ann.send({ type: { a: 1 } }), '"type" is "say"'],
      [() => ann.send({ type: 'say' }), '"say" needs a "text"'],
      [() => ann.send({ type: 'say', text: 7 }), '"say" needs a "text"'],
      [() => ann.say('  \u0007 '), 'that message was empty'],
      [() => ann.say('x'.repeat(2001)), 'a message may have 2000 characters; that one had 2001'],
      [() => ann.send({ type: 'join' }), 'the name of a room'],
      [() => ann.send({ type: 'join', room: 'a b' }), 'the name of a room'],
      [() => ann.send({ type: 'nick', name: null }), 'a name has'],
      [() => socket.send('{"type":"say","__proto__":{"text":"x"}}'), '"say" needs a "text"'],
      [() => ann.send({ type: 'crash' }), 'not "crash"'],
    ];
    for (const [send, answer] of bad) {
      send();
      expect((await ann.take('error')).text).toContain(answer);
    }
    ann.say('<script>still here</script>');
    await ann.takeLine('<script>still here</script>');
  });

  test('bad input: a frame that is far too long ends that connection alone', async () => {
    const room = newRoom();
    const [ann, bob] = [await join('Ann', room), await join('Bob', room)];
    ann.say('x'.repeat(100_000));
    expect(await ann.closed).toBe(1009);
    await bob.take('presence', ({ text }) => text === 'Ann left.');
    bob.say('fine');
    await bob.takeLine('fine');
  });

  test('flow: a burst of frames arrives whole and in order', async () => {
    const room = newRoom();
    const [ann, bob] = [await join('Ann', room), await join('Bob', room)];
    for (let i = 1; i <= 500; i++) ann.say(String(i));
    for (let i = 1; i <= 500; i++) {
      expect((await bob.take('line')).line).toMatchObject({ id: i, text: String(i) });
    }
  });

  test('flow: a client that does not read is let go, the others are not held up', async () => {
    const room = newRoom();
    const [ann, slow] = [await join('Ann', room), await join('Slow', room)];
    slow.socket.pause();
    const text = '€'.repeat(2000);
    let left = false;
    const leaves = ann
      .take('presence', ({ text }) => text === 'Slow left.')
      .then(() => {
        left = true;
      });
    const ended = nextEvent(chat.vm, 'log', (line) => line.text.includes('reads too slowly'));
    // In steps, so that it is the others' reading that sets the pace.
    for (let sent = 0; !left && sent < 6000; ) {
      for (const end = sent + 100; sent < end; sent++) ann.say(text);
      while (ann.lines.length < sent) await ann.hears('line', () => true);
    }
    await leaves;
    expect((await ended).text).toContain('Slow reads too slowly');
  });

  test('crash of a connection: it ends, the others do not notice, and it can come back', async () => {
    const room = newRoom();
    const [ann, bob] = [await join('Ann', room), await join('Bob', room)];
    const crash = nextEvent(chat.vm, 'crash');
    bob.say('before');
    await ann.takeLine('before');
    bob.say('/crash');
    expect(await bob.closed).toBe(1006);
    const { reason } = await crash;
    const stack = expect.stringMatching(/connection\.ts:\d+/);
    expect(reason).toMatchObject({ kind: 'error', message: '/crash by Bob', stack });
    expect((await ann.take('presence', ({ text }) => text === 'Bob left.')).members).toEqual([
      'Ann',
    ]);
    ann.say('still here');
    await ann.takeLine('still here');
    const again = await chat.connect({ name: 'Bob', room });
    const { history } = await again.take('joined');
    expect(history.map(({ text }) => text)).toEqual(['before', 'still here']);
  });

  test('crash of a room: its members are back in a new one, and no other room notices', async () => {
    const room = newRoom();
    const other = await join('Olga', newRoom());
    const ann = await chat.connect({ name: 'Ann', room });
    const before = (await ann.take('joined')).process.pid;
    const others = await Promise.all(['Bob', 'Cid', 'Dan'].map((name) => join(name, room)));
    const all = [ann, ...others];
    ann.say('/crash-room');
    for (const each of all) {
      expect((await each.take('error')).text).toContain('The room crashed (/crash-room by Ann)');
      const again = await each.take('joined');
      expect(again.room).toBe(room);
      expect(again.process.pid).not.toBe(before);
    }
    others[0]?.say('all here?');
    for (const each of all) expect((await each.takeLine('all here?')).line.id).toBe(1);
    other.say('quiet here');
    await other.takeLine('quiet here');
    expect(other.told.filter(({ type }) => type === 'error' || type === 'joined')).toEqual([]);
  });

  test('crash of a page view: that request gets a 500, the chat goes on, an edit repairs it', async () => {
    const good = 'const policy = [';
    const bad = `if (css) throw new Error('a bad edit');\n  ${good}`;
    const ann = await join('Ann', newRoom());
    await edit('page', { [good]: bad });
    const response = await fetch(chat.url);
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('crashed');
    ann.say('we chat on');
    await ann.takeLine('we chat on');
    await edit('page', { [bad]: good });
    expect((await fetch(chat.url)).status).toBe(200);
  });

  test('hot change: 20 people chat while the room module changes; all see it, nothing is lost', async () => {
    const BEFORE = 10;
    const AFTER = 10;
    const room = newRoom();
    const people: Client[] = [];
    for (let i = 0; i < 20; i++) people.push(await join(`Person ${i}`, room));
    let loaded = false;
    let said = 0;
    // Each says the next thing when the last one is back, until well after the change.
    const speaking = people.map(async (person, who) => {
      for (let i = 0, after = 0; after < AFTER; i++) {
        if (loaded) after += 1;
        const text = `${who}/${i}`;
        const back = person.hears('line', ({ line }) => plain(line.text) === text);
        said += 1;
        person.say(text);
        await back;
        if (i === BEFORE && who === 0) change();
      }
    });
    const changes = {
      'Welcome to #': 'Good evening in #',
      'return text.replaceAll': "return '»'.concat(text).replaceAll",
    };
    const change = (): void => {
      void edit('room', changes).then(() => {
        loaded = true;
      });
    };
    await Promise.all(speaking);

    for (const person of people) {
      expect((await person.take('greeting')).text).toContain(`Good evening in #${room}`);
      while (person.lines.length < said) await person.hears('line', () => true);
      const { lines } = person;
      expect(lines.map(({ id }) => id)).toEqual(Array.from({ length: said }, (_, i) => i + 1));
      expect(new Set(lines.map(({ text }) => plain(text))).size).toBe(said);
      // Old before, new after, and never back.
      const isNew = lines.map(({ text }) => text.startsWith('»'));
      expect(isNew[0]).toBe(false);
      expect(isNew.slice(isNew.indexOf(true)).every(Boolean)).toBe(true);
      expect(isNew.at(-1)).toBe(true);
      expect(person.told.filter(({ type }) => type === 'joined' || type === 'error')).toEqual([]);
      expect(person.socket.readyState).toBe(person.socket.OPEN);
    }
  });

  const plain = (text: string): string => text.replace('»', '');

  /** Edit a module of the running chat and wait until it is loaded. */
  async function edit(module: string, changes: Readonly<Record<string, string>>): Promise<void> {
    const loaded = nextEvent(chat.vm, 'load');
    await chat.copy.edit(module, changes);
    await loaded;
  }
});

test('port in use: the application does not start, with what happened and what to do', async () => {
  const { modules, data, remove } = await copyExample('chat');
  const chat = await startChat(1);
  const vm = await startVm({ modules, data, schedulers: 1, logger: false });
  try {
    const { port } = new URL(chat.url);
    process.env['PORT'] = port;
    await expect(vm.run('tsvm/application', 'ensureAllStarted', ['chat'])).rejects.toThrow(
      `the chat cannot listen on 127.0.0.1:${port}: the port is in use (EADDRINUSE). Stop the other program or take another port: PORT=${Number(port) + 1} npm start`,
    );
  } finally {
    await vm.stop();
    await chat.stop();
    await remove();
  }
});

test('port: one that is none is refused in words', async () => {
  const { modules, data, remove } = await copyExample('chat');
  process.env['PORT'] = '99999';
  const vm = await startVm({ modules, data, schedulers: 1, logger: false });
  try {
    await expect(vm.run('tsvm/application', 'ensureAllStarted', ['chat'])).rejects.toThrow(
      'it must be a whole number',
    );
  } finally {
    await vm.stop();
    await remove();
  }
});

/** End the process of the chat that has this label. Runs in the machine. */
async function kill(label: string): Promise<void> {
  for (const pid of await processes()) {
    if ((await processInfo(pid))?.label === label) exit(pid, 'kill');
  }
}

test('listener: ends, is started again on the same port, and drops nobody', async () => {
  const chat = await startChat(2);
  try {
    const ann = await chat.connect({ name: 'Ann' });
    await ann.take('joined');
    const again = nextEvent(chat.vm, 'announce');
    await chat.vm.run(kill, ['listener']);
    expect(await again).toBe(chat.url);
    const bob = await chat.connect({ name: 'Bob' });
    await bob.take('joined');
    bob.say('hello');
    await ann.takeLine('hello');
  } finally {
    await chat.stop();
  }
});

test('rooms: when the process that knows them ends, all start afresh', async () => {
  const chat = await startChat(2);
  try {
    const ann = await chat.connect({ name: 'Ann', room: 'kitchen' });
    const before = (await ann.take('joined')).process.pid;
    await chat.vm.run(kill, ['rooms']);
    await ann.closed;
    const again = await chat.connect({ name: 'Ann', room: 'kitchen' });
    const joined = await again.take('joined');
    expect(joined.members).toEqual(['Ann']);
    expect(joined.process.pid).not.toBe(before);
  } finally {
    await chat.stop();
  }
});

test('stop: the chat ends in order, and its port is free again', async () => {
  const chat = await startChat(2);
  const ann = await chat.connect({ name: 'Ann' });
  await chat.stop();
  await ann.closed;
  await expect(fetch(chat.url)).rejects.toThrow();
});
