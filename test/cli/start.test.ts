import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { application, Command, greeter, start, tsvm, writeFiles } from './support.js';

const GREETER = 'modules/chat/greeter.ts';

async function edit(dir: string, file: string, from: string, to: string): Promise<void> {
  const text = await readFile(join(dir, file), 'utf8');
  expect(text).toContain(from);
  await writeFile(join(dir, file), text.replace(from, to));
}

describe('start', () => {
  test('start: says what it did, what happens while it runs, and stops in order', async () => {
    const dir = await greeter();
    const machine = await start('.', ['--schedulers', '2'], { cwd: dir });
    await machine.says('hello, stranger');
    expect(machine.out).toMatch(/^tsvm \d+\.\d+\.\d+ · Node [\d.]+ · pid \d+\n/);
    expect(machine.out).toContain(
      `  application  ${dir}\n  schedulers   2\n  data         .tsvm\n`,
    );
    expect(machine.out).toMatch(/ {2}modules {6}2 in \d+ ms from modules, watched for changes\n/);
    expect(machine.out).toMatch(/ {2}entry {8}main:start is <\w+\.\d+\.\d+>\n/);
    expect(machine.out).toContain('  address      http://localhost:4711/\n');

    await edit(dir, GREETER, 'hello', 'good morning');
    await machine.says(/loaded chat\/greeter@[0-9a-f]{10} in [\d.]+ ms on 2 schedulers\n/);
    await machine.says('good morning, stranger');

    await edit(dir, GREETER, 'let said', 'let said said');
    await machine.says(/chat\/greeter@[0-9a-f]{10} goes on/);
    expect(machine.out).toMatch(/not loaded: modules\/chat\/greeter\.ts:\d+:\d+: Expected/);
    expect(machine.out).toMatch(/> \d+ \| {3}let said said/);

    await writeFiles(dir, { 'modules/extra.ts': 'export const extra = 1;\n' });
    await machine.says(/loaded extra@/);
    await rm(join(dir, 'modules/extra.ts'));
    await machine.says('removed extra: its file is gone');

    const { status, out, err } = await machine.stop('SIGINT');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const end = out.slice(out.indexOf('stopping: SIGINT'));
    expect(end).toMatch(/good bye {2}reason=shutdown .*\n.*stopped\n$/);
    // Nothing of this is for a terminal.
    expect(out).not.toContain('\u001b');
  });

  test('start: a crash is shown with its line, its callers and its cause, a storm of it once', async () => {
    const dir = await application({
      'modules/main.ts': `import { log, receive, spawn } from 'tsvm';
import * as room from './room.js';
export async function start(): Promise<void> {
  for (let n = 0; n < 20; n++) spawn(room.enter);
  log.notice('entered \\u001b[2J\\u0007');
  await receive();
}
`,
      'modules/room.ts': `export function enter(): void {
  try {
    members();
  } catch (cause) {
    throw new Error('nobody can enter', { cause });
  }
}
function members(): void {
  throw new TypeError('no members');
}
`,
    });
    const machine = await start('.', [], { cwd: dir });
    const out = await machine.says('the same 19 times more: Error: nobody can enter');
    expect(out.match(/ {2}crash {2}room\.enter <\w+\.\d+\.\d+>\n/g)).toHaveLength(1);
    expect(out).toContain('at modules/room.ts:5:11 (enter)');
    expect(out).toContain(
      ">  5 |     throw new Error('nobody can enter', { cause });".replace('>  5', '> 5'),
    );
    expect(out).toContain('caused by TypeError: no members at modules/room.ts:9:9 (members)');
    // What a process logs must not rule the terminal of who looks on.
    // How much of an escape sequence Node takes for one depends on its version.
    expect(out).toMatch(/entered +\ufffd? *<\w+\.\d+\.\d+>/);
  });

  test('start: --json writes one object a line, with an event', async () => {
    const dir = await greeter();
    const machine = await start(dir, ['--json']);
    await machine.says('"text":"hello, stranger"');
    await edit(dir, GREETER, 'hello', 'good morning');
    await machine.says('"event":"load"');
    const { out, status } = await machine.stop();
    expect(status).toBe(0);
    const records = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const find = (event: string): unknown => records.find((record) => record['event'] === event);
    const common = { level: 'info', time: expect.any(Number), msg: expect.any(String) };
    expect(find('start')).toMatchObject({
      ...common,
      pid: machine.child.pid,
      schedulers: 1,
      folder: dir,
    });
    expect(find('modules')).toMatchObject({
      watched: true,
      modules: expect.arrayContaining([
        { name: 'main', version: expect.stringMatching(/^[0-9a-f]{10}$/) },
      ]),
    });
    expect(find('entry')).toMatchObject({ entry: 'main:start', process: expect.any(String) });
    expect(find('address')).toMatchObject({ url: 'http://localhost:4711/' });
    expect(find('load')).toMatchObject({
      module: 'chat/greeter',
      schedulers: 1,
      ms: expect.any(Number),
    });
    expect(find('stopping')).toMatchObject({ by: 'SIGTERM' });
    expect(records.at(-1)).toMatchObject({ event: 'end', status: 0 });
  });

  test('start: --json says a failure in an object too', async () => {
    const dir = await application({ 'modules/main.ts': 'const = 1;' });
    const { status, out, err } = await tsvm(['start', dir, '--json']);
    expect({ status, err }).toEqual({ status: 1, err: '' });
    expect(JSON.parse(out)).toMatchObject({
      level: 'error',
      event: 'failure',
      errors: [
        { kind: 'syntax', line: 1, column: 7, frame: expect.stringContaining('> 1 | const = 1;') },
      ],
    });
  });

  test('start: --log-level warn shows nothing of a calm life', async () => {
    const dir = await greeter();
    const machine = new Command(['start', dir, '--log-level', 'warn']);
    let asked = await tsvm(['stop', dir]);
    while (asked.status !== 0) asked = await tsvm(['stop', dir]);
    expect(await machine.ended).toMatchObject({ status: 0, out: '', err: '' });
  });

  test('start: --no-watch loads nothing by itself', async () => {
    const dir = await greeter();
    const machine = await start(dir, ['--no-watch', '--json']);
    expect(machine.out).toContain('"watched":false');
    await edit(dir, GREETER, 'hello', 'good morning');
    expect((await tsvm(['load', join(dir, GREETER), '--dir', dir])).status).toBe(0);
    const { out } = await machine.stop();
    // The one that was asked for.
    expect(out.match(/"event":"load"/g)).toHaveLength(1);
  });

  test('start: the environment of the application does not replace what is set', async () => {
    const machine = await start(await greeter(), [], { env: { GREETER_NAME: 'friend' } });
    await machine.says('hello, friend');
  });

  test('start: an entry that returns is no end while other processes live', async () => {
    const dir = await application({
      'modules/main.ts': `import { log, receive, sleep, spawn } from 'tsvm';
export function start(): void {
  spawn(worker);
}
export async function worker(): Promise<void> {
  await sleep(900);
  log.notice('still here');
  await receive();
}
`,
    });
    const machine = await start(dir);
    await machine.says('still here');
    expect(await machine.stop()).toMatchObject({ status: 0 });
  });

  test('start: when no process is left, the machine ends', async () => {
    const dir = await application({ 'modules/main.ts': 'export function start(): void {}\n' });
    const { status, out } = await tsvm(['start', dir, '--schedulers', '1']);
    expect(out).toContain('stopping: no process is left\n');
    expect(status).toBe(0);
  });

  test('start: when no process is left and one crashed, the machine ends with status 1', async () => {
    const dir = await application({
      'modules/main.ts': `import { spawn } from 'tsvm';
export function start(): void {
  spawn(worker);
}
export function worker(): void {
  throw new Error('no work');
}
`,
    });
    const { status, out } = await tsvm(['start', dir, '--schedulers', '1']);
    expect(out).toContain('stopping: no process is left, and 1 crashed\n');
    expect(status).toBe(1);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('start: a second %s ends it at once', async (signal, expected) => {
    const dir = await application({
      'modules/main.ts': `import { log, receive, trapExit } from 'tsvm';
export async function start(): Promise<void> {
  trapExit(true);
  for (;;) log.notice('not now', (await receive()) as object);
}
`,
    });
    const machine = await start(dir);
    machine.child.kill(signal);
    await machine.says('not now');
    // Two in a moment are one key press: so repeat it until it counts.
    const again = setInterval(() => machine.child.kill(signal), 50);
    expect(await machine.ended).toMatchObject({ status: expected });
    clearInterval(again);
    // What it left behind is in nobody's way.
    expect(await tsvm(['status', dir])).toMatchObject({ status: 1 });
  });

  test('start: a module that replaces another by rename is loaded', async () => {
    const dir = await greeter();
    const machine = await start(dir);
    const text = await readFile(join(dir, GREETER), 'utf8');
    await writeFiles(dir, { 'new.ts': text.replace('hello', 'welcome') });
    await rename(join(dir, 'new.ts'), join(dir, GREETER));
    await machine.says('welcome, stranger');
  });
});
