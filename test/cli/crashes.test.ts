import { appendFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CrashGroup, StoredCrash } from '../../runtime/vm/crash-history.js';
import { application, start, tsvm } from './support.js';

const MAIN = `import { send, sleep, type Pid } from 'tsvm';
import { call, type GenServer, start as startServer } from 'tsvm/gen-server';
import { spawn } from 'tsvm/proc-lib';
import * as main from './main.js';

type Till = GenServer<{
  state: { sum: number; password: string };
  init: number;
  calls: { sell: (request: { price: number }) => number };
}>;

export const init: Till['init'] = (sum) => ({ state: { sum, password: 'hunter2' } });

export const handleCall: Till['handleCall'] = {
  sell({ price }, state) {
    if (price < 0) throw new RangeError(\`a price of \${price}\`, { cause: new Error('no refunds') });
    return { reply: state.sum, state: { ...state, sum: state.sum + price } };
  },
};

export async function start(): Promise<never> {
  const till = await startServer(main, 100, { name: 'till' });
  send(till as unknown as Pid<string>, 'hello \\u001b[2J');
  await call(till, { type: 'sell', price: -1 }).catch(() => {});
  for (let at = 0; at < 3; at++) spawn(main.lost, at);
  for (;;) await sleep(1000);
}

export async function lost(at: number): Promise<never> {
  throw new Error(\`lost number \${at}\`);
}
`;

interface Machine {
  readonly dir: string;
  readonly stop: () => Promise<unknown>;
  readonly kill: () => Promise<unknown>;
}

/** One that has had four crashes of two kinds. */
async function crashed(
  json: string = '{ "modules": "modules", "entry": "main:start" }',
): Promise<Machine> {
  const dir = await application({ 'tsvm.json': json, 'modules/main.ts': MAIN });
  const machine = await start(dir);
  await machine.says(/crash {2}till /);
  await machine.says(/crash {2}.*main\.lost/);
  const settled = async (): Promise<void> => {
    for (;;) {
      const [, other] = await groups(dir);
      if (other !== undefined && (await total(dir)) === 4) return;
    }
  };
  await settled();
  return { dir, stop: () => machine.stop(), kill: () => machine.stop('SIGKILL') };
}

async function groups(dir: string): Promise<CrashGroup[]> {
  const { out } = await tsvm(['crashes', 'list', '--json'], { cwd: dir });
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CrashGroup);
}

async function total(dir: string): Promise<number> {
  return (await groups(dir)).reduce((sum, { count }) => sum + count, 0);
}

describe('crashes', () => {
  test('crashes: list, show, grep and stats of a running machine, then of the stopped one', async () => {
    const { dir, stop } = await crashed();
    const list = await tsvm(['crashes'], { cwd: dir });
    expect(list).toMatchObject({ status: 0, err: '' });
    expect(list.out).toMatch(/^group {5}last ID +count {2}first +last +reason +place\n/);
    expect(list.out).toMatch(
      /[0-9a-f]{8} {2}1-\d +3 {2}\d\d:\d\d:\d\d {2}\d\d:\d\d:\d\d {2}Error +modules\/main\.ts:30:9\n/,
    );
    expect(list.out).toMatch(
      /\n {2}till <\w+\.1\.\d+> \(main\.init\): RangeError: a price of -1\n/,
    );
    expect(list.out).toContain('\n4 crashes in 2 groups; tsvm crashes show ID shows one\n');

    await stop();
    expect((await tsvm(['crashes', 'list'], { cwd: dir })).out).toBe(list.out);
    const till = (await groups(dir)).find(({ count }) => count === 1) as CrashGroup;

    const page = await tsvm(['crashes', 'show', till.group.slice(0, 4)], { cwd: dir });
    expect(page).toMatchObject({ status: 0, err: '' });
    expect(page.out.split('\n').map((line) => line.replace(/<\w+\.1\.\d+>/g, '<pid>'))).toEqual([
      expect.stringMatching(/^crash 1-\d · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, \d+ s ago$/),
      `the only one of its kind, group ${till.group}`,
      '',
      '  RangeError: a price of -1',
      '  at modules/main.ts:16:26 (sell)',
      expect.stringContaining('14 | export const handleCall'),
      expect.stringContaining('15 |   sell({ price }, state) {'),
      expect.stringContaining('> 16 |     if (price < 0) throw new RangeError('),
      expect.stringMatching(/^ +\| +\^$/),
      expect.stringContaining('17 |     return {'),
      expect.stringContaining('18 |   },'),
      expect.stringContaining('  from '),
      expect.stringContaining('  from '),
      expect.stringMatching(
        /^ {2}caused by Error: no refunds at modules\/main\.ts:16:\d+ \(sell\)$/,
      ),
      '',
      '  process       till <pid> (main.init)',
      expect.stringMatching(/^ {2}module {8}main@[0-9a-f]{10}$/),
      '  ancestors     <pid>',
      '  parent        <pid>',
      '  links         none',
      expect.stringMatching(/^ {2}scheduler {5}1, \d+ reductions$/),
      "  state         { sum: 100, password: '[redacted]' }",
      '  last message  {',
      expect.stringContaining("type: 'call',"),
      expect.stringContaining('from: {'),
      expect.stringContaining("request: { type: 'sell', price: -1 }"),
      '                }',
      '  client        <pid>',
      '  mailbox       empty',
      '',
    ]);
    const json = JSON.parse(
      (await tsvm(['crashes', 'show', '--json'], { cwd: dir })).out,
    ) as StoredCrash;
    expect(json).toMatchObject({
      id: expect.any(String),
      report: { scheduler: 1, module: 'main' },
    });

    const grep = await tsvm(['crashes', 'grep', 'LOST number 1'], { cwd: dir });
    expect(grep.out).toMatch(
      /^1-\d +\d\d:\d\d:\d\d {2}<\w+\.1\.\d+> \(main\.lost\)|main\.lost <.*: Error: lost number 1\n$/,
    );
    expect((await tsvm(['crashes', 'grep', 'no refunds'], { cwd: dir })).out).toContain('…');
    expect((await tsvm(['crashes', 'grep', 'hunter2'], { cwd: dir })).out).toBe(
      'no report holds "hunter2"\n',
    );

    const stats = await tsvm(['crashes', 'stats'], { cwd: dir });
    expect(stats.out).toMatch(/^ {2}crashes {6}4, 4 of them with a report\n {2}groups {7}2\n/);
    expect(stats.out).toMatch(/\n {2}Error +3 {2}▪{30}\n {2}RangeError +1 {2}▪{10}\n/);
    const figures = JSON.parse(
      (await tsvm(['crashes', 'stats', '--json'], { cwd: dir })).out,
    ) as object;
    expect(figures).toMatchObject({ crashes: 4, groups: 2, lastHour: 4, segments: 1 });
  });

  test('crashes: --since, --limit and --data choose', async () => {
    const { dir, stop } = await crashed();
    await stop();
    expect(
      (await tsvm(['crashes', '--since', '1h', '--json', '--limit', '1'], { cwd: dir })).out.match(
        /\n/g,
      ),
    ).toHaveLength(1);
    const limited = await tsvm(['crashes', '--limit', '1'], { cwd: dir });
    expect(limited.out).toContain('4 crashes in 2 groups');
    expect(limited.out).toContain('; 1 more group with a greater --limit');
    const none = await tsvm(['crashes', '--since', '2999-01-01', '--data', join(dir, '.tsvm')]);
    expect(none).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^no crash since 2999-01-01 /),
    });
  });

  test('crashes: a killed machine keeps what it had; a cut tail is said by the next start', async () => {
    const { dir, kill } = await crashed();
    await kill();
    expect(await total(dir)).toBe(4);
    const file = join(dir, '.tsvm/crashes/000001.crashes');
    await truncate(file, (await stat(file)).size - 5);
    await appendFile(file, Buffer.alloc(3));
    const machine = await start(dir);
    await machine.says(/crash store: the last \d+ bytes of .*000001\.crashes were no whole report/);
    await machine.stop();
    expect(await readdir(join(dir, '.tsvm/crashes'))).toContain('000001.damaged');
    const { out } = await tsvm(['crashes', 'grep', 'pid', '--json'], { cwd: dir });
    expect(out.match(/"id":"1-\d+"/g)).toHaveLength(3);
  });

  test('crashes: damage in the middle is said, and the rest is shown', async () => {
    const { dir, stop } = await crashed();
    await stop();
    const file = join(dir, '.tsvm/crashes/000001.crashes');
    const bytes = await readFile(file);
    const at = bytes.indexOf('lost number');
    bytes[at] = 0;
    await writeFile(file, bytes);
    const { status, out, err } = await tsvm(['crashes'], { cwd: dir });
    expect(status).toBe(0);
    expect(out).toContain('3 crashes in 2 groups');
    expect(err).toMatch(/^warning: \.tsvm\/crashes\/000001\.crashes: \d+ bytes at \d+ are damaged/);
  });

  test('crashes: "redact" of tsvm.json adds names of keys', async () => {
    const { dir, stop } = await crashed(
      '{ "modules": "modules", "entry": "main:start", "redact": ["sum"] }',
    );
    await stop();
    expect((await tsvm(['crashes', 'show', '1-1'], { cwd: dir })).out).toContain(
      "{ sum: '[redacted]', password: '[redacted]' }",
    );
    await writeFile(
      join(dir, 'tsvm.json'),
      '{ "modules": "modules", "entry": "main:start", "redact": ["a b", 1] }',
    );
    const wrong = await tsvm(['start', dir]);
    expect(wrong.err).toContain('"redact": expected names of keys, such as "apiKey", got "a b"');
  });

  test('crashes: what is wrong is said with what there is', async () => {
    const dir = await application({});
    const refused = async (...args: string[]): Promise<string> => {
      const { status, err } = await tsvm(['crashes', ...args], { cwd: dir });
      return `${status} ${err}`;
    };
    expect(await refused('shwo')).toMatch(/^2 .*Did you mean show\?/);
    expect(await refused('grep')).toMatch(/^2 error: missing the text to look for/);
    expect(await refused('list', 'x')).toMatch(/^2 error: list takes no 'x'/);
    expect(await refused('--since', 'soon')).toMatch(/^2 .*Expected how long ago/);
    expect(await refused('--limit', '0')).toMatch(/^2 .*Expected a whole number from 1/);
    expect(await refused('show')).toMatch(/^1 error: no crash is kept in \.tsvm\/crashes/);
    expect(await refused('show', '1-1')).toMatch(/^1 error: there is no crash 1-1 in/);
    expect((await tsvm(['crashes'], { cwd: dir })).out).toBe('no crash is kept in .tsvm/crashes\n');
  });
});
