/** `tsvm start --heart`: what is killed, hangs or fails is started again; what ends in order is not. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { application, Command, tsvm } from './support.js';

const LIVES = `import { appendFileSync, readFileSync } from 'node:fs';
import { pbkdf2Sync } from 'node:crypto';
import { exit, log, receive, register, self, sleep } from 'tsvm';

/** Each life writes its pid in a line of a file. */
export async function start(): Promise<void> {
  appendFileSync(String(process.env['LIVES']), process.pid + '\\n');
  const life = readFileSync(String(process.env['LIVES']), 'utf8').trim().split('\\n').length;
  await register('lives', self());
  if (process.env['HEART_SEEN'] !== undefined || process.env['TSVM_HEART'] !== undefined) exit('seen');
  log.notice('life ' + life);
  if (process.env['FAILS'] !== undefined) {
    await sleep(300);
    throw new Error('life ' + life + ' fails');
  }
  // Native code that nothing can interrupt, on the only scheduler.
  if (process.env['HANGS'] !== undefined && life === 1) {
    await sleep(300);
    pbkdf2Sync('a', 'b', 200_000_000, 64, 'sha512');
  }
  await receive();
}
`;

interface Machine {
  readonly dir: string;
  readonly command: Command;
  /** The pids of all its lives until now. */
  lives(): Promise<number[]>;
}

async function heart(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Machine> {
  const dir = await application({ 'modules/main.ts': LIVES });
  const file = join(dir, 'lives');
  const options = { env: { ...env, LIVES: file } };
  const command = new Command(['start', dir, '--schedulers', '1', ...args], options);
  return {
    dir,
    command,
    lives: async () => (await readFile(file, 'utf8')).trim().split('\n').map(Number),
  };
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('start --heart', () => {
  test('heart: a machine that is killed is started again, and SIGTERM ends both in order', async () => {
    const { command, lives } = await heart(['--heart']);
    await command.says('life 1');
    const [first = 0] = await lives();
    expect(first).not.toBe(command.child.pid);
    process.kill(first, 'SIGKILL');
    await command.says(
      'heart: the machine was ended by SIGKILL; it is started again in 250 ms (1 of 10)',
    );
    await command.says('life 2');
    const [, second = 0] = await lives();
    const { status, out } = await command.stop('SIGTERM');
    expect(status).toBe(0);
    expect(out).toMatch(/stopping: SIGTERM\n.*stopped\n$/);
    expect([isAlive(first), isAlive(second)]).toEqual([false, false]);
  });

  test('heart: a machine that stands still is killed and started again', async () => {
    const { command, lives } = await heart(['--heart', '5000']);
    await command.says('life 1');
    const [first = 0] = await lives();
    process.kill(first, 'SIGSTOP');
    await command.says('heart: the machine gave no sign of life for 5000 ms and was killed');
    await command.says('life 2');
    expect(isAlive(first)).toBe(false);
    expect((await command.stop()).status).toBe(0);
  });

  test('heart: a scheduler that answers nobody is a machine that hangs', async () => {
    const { command } = await heart(['--heart', '5000'], { HANGS: 'yes' });
    await command.says('heart: the machine gave no sign of life for 5000 ms and was killed');
    await command.says('life 2');
    expect((await command.stop()).status).toBe(0);
  });

  test('heart: tsvm stop ends the machine, and it is not started again', async () => {
    const { command, dir, lives } = await heart(['--heart']);
    await command.says('life 1');
    expect((await tsvm(['stop', dir])).status).toBe(0);
    expect((await command.ended).status).toBe(0);
    expect(await lives()).toHaveLength(1);
  });

  test('heart: deaths in a row are bounded, each waited for longer than the one before', async () => {
    const { command, lives } = await heart(['--heart', '--heart-restarts', '2', '--json'], {
      FAILS: 'yes',
    });
    const { status, out } = await command.ended;
    expect(status).toBe(1);
    const records = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const of = (event: string): Record<string, unknown>[] =>
      records.filter((record) => record['event'] === event);
    expect(of('heart_restart').map(({ delayMs }) => delayMs)).toEqual([250, 500]);
    expect(of('heart_end')).toMatchObject([{ deaths: 3, why: 'ended with exit status 1' }]);
    expect(await lives()).toHaveLength(3);
  });

  test('heart: a first start that fails is not repeated', async () => {
    const dir = await application({ 'modules/main.ts': 'export const nothing = 1;\n' });
    const { status, err } = await tsvm(['start', dir, '--heart', '--schedulers', '1']);
    expect(status).toBe(1);
    expect(err.match(/module main exports no start/g)).toHaveLength(1);
  });

  test('heart: a machine whose heart was killed stops in order', async () => {
    const { command, lives } = await heart(['--heart']);
    await command.says('life 1');
    const [pid = 0] = await lives();
    command.child.kill('SIGKILL');
    await command.says('stopping: the heart is gone');
    // The pipe is closed when the machine has ended, too.
    await command.ended;
    await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
  });

  test('heart: wrong limits are refused', async () => {
    for (const args of [
      ['--heart', '10'],
      ['--heart-restarts', '-1'],
      ['--heart-restarts', 'x'],
    ]) {
      expect((await tsvm(['start', '.', ...args])).status).toBe(2);
    }
  });
});
