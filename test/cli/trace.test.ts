/** `tsvm trace`, `tsvm log-level` and the log file of a machine that runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { application, Command, start, tsvm } from './support.js';

const MAIN = `import { log, receive, send, sleep, spawnOpt } from 'tsvm';
import * as main from './main.js';
export async function start(): Promise<void> {
  const echo = spawnOpt({ name: 'echo' }, main.echo);
  log.notice('ready');
  for (;;) {
    log.debug('asking');
    send(echo, main.question(1));
    await sleep(20);
  }
}
export function question(n: number): object { return { n, token: 'hush' }; }
export async function echo(): Promise<never> { for (;;) await receive(); }
`;

test('trace: shows messages and calls, ends by count, by time, and when nobody reads', async () => {
  const dir = await application({ 'modules/main.ts': MAIN });
  const machine = await start(dir, ['--schedulers', '2', '--log-file', join(dir, 'app.log')]);
  await machine.says('ready');

  const text = await tsvm(['trace', 'echo', '--count', '3', '--dir', dir]);
  expect(text).toMatchObject({ status: 0, err: '3 events: that many were asked for\n' });
  expect(text.out).toMatch(
    /^(\d\d:\d\d:\d\d\.\d{3} {2}echo <\S+> {2}← \{ n: 1, token: '\[redacted\]' \}\n){3}$/,
  );

  const json = await tsvm([
    'trace',
    '--calls',
    'main:question',
    '--count',
    '2',
    '--json',
    '--dir',
    dir,
  ]);
  const [call, end, summary] = json.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(call).toMatchObject({ type: 'call', fn: 'main.question', args: [1] });
  expect(end).toMatchObject({ type: 'return', fn: 'main.question', value: { n: 1 } });
  expect(summary).toMatchObject({ type: 'end', why: 'count', events: 2 });

  const timed = await tsvm(['trace', 'nobody', '--seconds', '1', '--dir', dir]);
  expect(timed).toMatchObject({ status: 0, out: '', err: '0 events: the time is up\n' });

  const stopped = new Command(['trace', 'echo', '--dir', dir]);
  await stopped.says('←');
  expect(await stopped.stop('SIGINT')).toMatchObject({
    status: 0,
    err: expect.stringMatching(/^\d+ events?: stopped\n$/),
  });

  // One that is killed leaves no trace behind: more of them than there may be at once.
  for (let n = 0; n < 18; n++) {
    const killed = new Command(['trace', 'echo', '--dir', dir]);
    if (n % 6 === 0) await killed.says('←');
    killed.child.kill('SIGKILL');
  }
  const after = await tsvm(['trace', 'echo', '--count', '1', '--dir', dir]);
  expect(after.status).toBe(0);

  const wrong = await tsvm(['trace', '--dir', dir]);
  expect(wrong).toMatchObject({ status: 1 });
  expect(wrong.err).toContain('who: expected pids, names, modules, "new" or "all"');
  await machine.stop();
});

test('log-level: shows and changes levels of a running machine; the file has the lines', async () => {
  const dir = await application({ 'modules/main.ts': MAIN });
  const file = join(dir, 'log/app.log');
  const rotated = ['--log-file', file, '--log-rotate', '1M,2'];
  const machine = await start(dir, ['--schedulers', '1', ...rotated]);
  await machine.says('ready');
  const shown = await tsvm(['log-level', '--dir', dir]);
  expect(shown.out).toMatch(
    /^ {2}primary {2}notice\n\n {2}default {2}1 written\n {2}file {5}1 written\n$/,
  );
  const set = await tsvm(['log-level', 'debug', '--module', 'main', '--dir', dir, '--json']);
  expect(JSON.parse(set.out)).toMatchObject({ level: 'notice', modules: { main: 'debug' } });
  await machine.says('asking');
  const reset = await tsvm(['log-level', '--module', 'main', '--reset', '--dir', dir, '--json']);
  expect(JSON.parse(reset.out)).toMatchObject({ level: 'notice', modules: {} });
  const quiet = await tsvm(['log-level', 'warn', '--dir', dir, '--json']);
  expect(JSON.parse(quiet.out)).toMatchObject({ level: 'warning' });
  await machine.stop();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(JSON.parse(lines[0] as string)).toMatchObject({ level: 'notice', msg: 'ready' });
  expect(lines.some((line) => line.includes('"asking"'))).toBe(true);
  const alone = await tsvm(['start', dir, '--log-rotate', '1M']);
  expect(alone).toMatchObject({
    status: 1,
    err: expect.stringContaining('--log-rotate is about a file'),
  });
});
