import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { application, type Ended, greeter, temporaryFolder, tsvm, writeFiles } from './support.js';

const MAIN = `import { receive } from 'tsvm';
export async function start(): Promise<void> {
  await receive();
}
`;

async function refused(dir: string, args: readonly string[] = []): Promise<Ended> {
  const ended = await tsvm(['start', '.', '--schedulers', '1', ...args], { cwd: dir });
  expect(ended).toMatchObject({ status: 1, out: '' });
  return ended;
}

describe('start refuses', () => {
  test('start: a folder that does not exist', async () => {
    const { status, err } = await tsvm(['start', '/no/such/folder']);
    expect({ status, err }).toEqual({
      status: 1,
      err: 'error: there is no folder /no/such/folder\n',
    });
  });

  test('start: a folder without an application', async () => {
    const { err } = await refused(await temporaryFolder());
    expect(err).toMatch(/^error: there is no application in /);
    expect(err).toContain('hint: put a tsvm.json there, or a key "tsvm" in its package.json');
  });

  test('start: two descriptions of the application', async () => {
    const dir = await application({ 'package.json': '{ "tsvm": {} }' });
    expect((await refused(dir)).err).toContain('both tsvm.json and the key "tsvm" in package.json');
  });

  test('start: a tsvm.json that is no JSON, with the place', async () => {
    const dir = await application({ 'tsvm.json': '{\n  "modules": "modules",\n  entry: 1\n}\n' });
    const { err } = await refused(dir);
    expect(err).toContain('error: tsvm.json:3:3: ');
    expect(err).toContain('> 3 |   entry: 1');
  });

  test.each([
    ['{ "modul": "modules", "entry": "a:b" }', 'unknown key "modul"; did you mean "modules"?'],
    [
      '{ "modul": "modules", "entry": "a:b" }',
      '"modules": expected the path of a folder, got nothing',
    ],
    ['{ "modules": "x", "entry": "a:b" }', '"modules": there is no folder '],
    ['{ "modules": "tsvm.json", "entry": "a:b" }', 'tsvm.json is not a folder'],
    [
      '{ "modules": ".", "entry": "main.start" }',
      '"entry": expected "module:function", got "main.start"',
    ],
    ['{ "modules": "." }', '"entry": expected "module:function", got nothing'],
    [
      '{ "modules": ".", "entry": "a:b", "env": { "N": 1 } }',
      '"env": expected a string for N, got 1',
    ],
    [
      '{ "modules": ".", "entry": "a:b", "data": 7 }',
      '"data": expected the path of a folder, got 7',
    ],
    ['[]', 'expected an object such as'],
  ])('start: %s', async (text, message) => {
    expect((await refused(await application({ 'tsvm.json': text }))).err).toContain(message);
  });

  test('start: a captured variable that is assigned later, with both places', async () => {
    const source = [
      "import { spawn } from 'tsvm';",
      'export function start(): void {',
      '  let n = 0;',
      '  spawn(() => { if (n > 0) start(); });',
      '  n = 1;',
      '}',
    ].join('\n');
    const { err } = await refused(await application({ 'modules/main.ts': source }));
    expect(err).toContain('main.ts:4:21: "n" is captured by a function that is sent');
    expect(err).toContain('> 4 |   spawn(');
    expect(err).toContain('assigned here (5:3):');
    expect(err).toContain('> 5 |   n = 1;');
  });

  test('start: an empty modules folder', async () => {
    const dir = await application({ 'modules/readme.md': 'no module' });
    expect((await refused(dir)).err).toMatch(/error: there is no module in .*modules\nhint: /);
  });

  test.each([
    ['mian:start', '"entry": there is no module mian\nhint: did you mean main?'],
    ['main:stort', '"entry": module main exports no stort\nhint: did you mean start?'],
    [
      'chat/greeter:zzz',
      '"entry": module chat/greeter exports no zzz\nhint: there are greeting, run',
    ],
    ['main:notAFunction', '"entry": notAFunction of module main is not a function'],
  ])('start: the entry %s', async (entry, message) => {
    const dir = await greeter();
    await writeFiles(dir, { 'tsvm.json': JSON.stringify({ modules: 'modules', entry }) });
    const { status, err } = await tsvm(['start', '--schedulers', '1'], { cwd: dir });
    expect(status).toBe(1);
    expect(err).toContain(`error: tsvm.json: ${message}`);
  });

  test('start: a module with a syntax error, with its code frame', async () => {
    const dir = await application({
      'modules/main.ts': MAIN,
      'modules/room.ts': 'export function a() {\n  return (1;\n}\n',
    });
    const { err } = await refused(dir);
    expect(err).toMatch(/^error: modules\/room\.ts:2:12: /);
    expect(err).toContain('> 2 |   return (1;');
  });

  test('start: every module that does not compile', async () => {
    const dir = await application({
      'modules/main.ts': 'let = 1;',
      'modules/room.ts': 'export {',
    });
    const { err } = await refused(dir);
    expect(err).toContain('error: 2 modules do not load\n');
    expect(err).toContain('modules/main.ts:1:');
    expect(err).toContain('modules/room.ts:1:');
  });

  test('start: a module that throws while it is loaded', async () => {
    const dir = await application({
      'modules/main.ts': `${MAIN}throw new Error('not today');\n`,
    });
    const { err } = await refused(dir);
    expect(err).toContain('modules/main.ts:5');
    expect(err).toContain('not today');
  });

  test('start: a data folder that cannot be written', async () => {
    const dir = await application({ 'modules/main.ts': MAIN, plain: 'a file' });
    const { err } = await refused(dir, ['--data', join('plain', 'data')]);
    expect(err).toMatch(/^error: cannot use the data folder .*plain\/data: ENOTDIR/);
    expect(err).toContain('hint: choose a folder that belongs to this user with --data DIR');
  });
});

describe('start fails', () => {
  test('start: an entry that crashes, with its line of source', async () => {
    const dir = await application({
      'modules/main.ts': `interface Config {\n  readonly port: { readonly number: number };\n}\nexport function start(): number {\n  return ({} as Config).port.number;\n}\n`,
    });
    const { status, out } = await tsvm(['start', '--schedulers', '1'], { cwd: dir });
    expect(status).toBe(1);
    expect(out).toMatch(
      /crash {2}main\.start <.*>\n +TypeError: Cannot read properties of undefined/,
    );
    expect(out).toContain('at modules/main.ts:5:30 (start)');
    expect(out).toContain('>  5 |   return ({} as Config).port.number;'.replace('>  5', '> 5'));
    expect(out).toMatch(/ended {2}the entry process main:start <.*>, by the crash above/);
    expect(out).toContain('stopped, with exit status 1');
  });

  test('start: an entry that exits with a reason', async () => {
    const dir = await application({
      'modules/main.ts': `import { exit } from 'tsvm';\nexport function start(): void {\n  exit({ wrong: 'configuration' });\n}\n`,
    });
    const { status, out } = await tsvm(['start', dir, '--schedulers', '1']);
    expect(status).toBe(1);
    expect(out).toContain('exit({"wrong":"configuration"})');
  });

  test('start: a port in use, with what to do', async () => {
    const server = createServer();
    const port = await listening(server);
    const dir = await application({
      'modules/main.ts': `import { once } from 'node:events';
import { createServer } from 'node:net';
export async function start(): Promise<void> {
  await once(createServer().listen(Number(process.env['PORT']), '127.0.0.1'), 'listening');
}
`,
    });
    const { status, out } = await tsvm(['start', dir, '--schedulers', '1'], {
      env: { PORT: String(port) },
    });
    expect(status).toBe(1);
    expect(out).toContain(`EADDRINUSE: address already in use 127.0.0.1:${port}`);
    expect(out).toContain(`hint: port ${port} is in use: stop the program that has it`);
  });

  test('start: the scheduler of the entry process dies', async () => {
    const dir = await application({
      'modules/main.ts': `import { receive } from 'tsvm';
export async function start(): Promise<void> {
  setTimeout(() => {
    throw new Error('outside of any process');
  }, 500);
  await receive();
}
`,
    });
    const { status, out } = await tsvm(['start', dir, '--schedulers', '2']);
    expect(status).toBe(1);
    expect(out).toMatch(
      /died {3}scheduler \d, and its processes with it, the entry process among them/,
    );
    expect(out).toContain('outside of any process');
    expect(out).toMatch(/ended {2}the entry process main:start <.*>\n +its scheduler \d died/);
  });
});

async function listening(server: Server): Promise<number> {
  onTestFinished(() => {
    server.close();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
