import { type Command, CommanderError } from 'commander';
import { expect, test, vi } from 'vitest';
import { benchCommand } from '../../cli/bench.js';

/** Runs the command without ending this process; what it refuses comes back. */
async function refused(...args: string[]): Promise<{ status: number; message: string }> {
  let message = '';
  const command: Command = benchCommand()
    .exitOverride()
    .configureOutput({
      writeErr: (text) => {
        message += text;
      },
    });
  try {
    await command.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return { status: error.exitCode, message };
    throw error;
  }
  return { status: 0, message };
}

test('bench: a filter that means nothing lists the names', async () => {
  const { status, message } = await refused('--filter', 'rung');
  expect(status).toBe(2);
  expect(message).toContain("no benchmark is called 'rung'");
  expect(message).toContain('ring.1k@s1');
});

test.each(['0', 'two', '1,,2', '-1', '2.5', '5000'])(
  'bench: --schedulers=%s is refused',
  async (list) => {
    const { status, message } = await refused(`--schedulers=${list}`);
    expect(status).toBe(2);
    expect(message).toContain(list);
  },
);

test('bench: another VM than the BEAM is refused', async () => {
  expect(await refused('--vs', 'jvm')).toMatchObject({ status: 2 });
});

test('bench: an output file in a folder that is not there is refused before anything runs', async () => {
  const { status, message } = await refused('--out', '/no/such/folder/x.jsonl');
  expect(status).toBe(2);
  expect(message).toContain('--out');
});

test('bench: what only the BEAM has needs the BEAM', async () => {
  const { status, message } = await refused('--filter', 'fan_in.off_heap', '--vs', 'none');
  expect(status).toBe(2);
  expect(message).toContain('--vs beam');
});

test('bench: --list names what the filter means', async () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    expect(await refused('--list', '--filter', 'ring.1k', '--schedulers', '2')).toMatchObject({
      status: 0,
    });
    expect(write.mock.calls.map(([text]) => text).join('')).toBe('ring.1k@s2\n');
  } finally {
    write.mockRestore();
  }
});
