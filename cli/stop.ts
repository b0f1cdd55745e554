/** `tsvm stop`: end the machine of a folder in order, and wait until it is gone. */

import { resolve } from 'node:path';
import { Command } from 'commander';
import { connectTo } from './connect.js';
import { Failure } from './failure.js';
import { shownDuration } from './terminal.js';

/** Beside the time that the machine gives to what runs on it. */
const STOP_MS = 25_000;
const ANSWER_MS = 10_000;

interface Options {
  readonly data?: string;
  readonly json?: true;
}

export function stopCommand(): Command {
  return new Command('stop')
    .description('stop the running machine of a folder in order')
    .argument('[dir]', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object instead of text')
    .addHelpText('after', '\nExamples:\n  tsvm stop\n  tsvm stop examples/chat')
    .action(stop);
}

async function stop(dir: string, { data, json }: Options): Promise<void> {
  const begin = performance.now();
  const { client, claim } = await connectTo(dir, data);
  let timer: NodeJS.Timeout | undefined;
  try {
    const { withinMs } = (await client.ask('stop', {}, ANSWER_MS)) as { withinMs: number };
    const limitMs = withinMs + STOP_MS;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), limitMs);
    });
    if ((await Promise.race([client.closed, late])) === 'late') {
      throw new Failure(`the machine with pid ${claim.pid} has not ended in ${limitMs / 1000} s`, {
        hint: `end it with kill -9 ${claim.pid}`,
      });
    }
  } finally {
    clearTimeout(timer);
    client.close();
  }
  const ms = performance.now() - begin;
  const ran = Date.now() - new Date(claim.since).getTime();
  if (json === true)
    process.stdout.write(`${JSON.stringify({ pid: claim.pid, ms, ranMs: ran })}\n`);
  else {
    process.stdout.write(
      `stopped the machine of ${resolve(dir)} (pid ${claim.pid}), after it ran for ${shownDuration(ran)}\n`,
    );
  }
}
