/**
 * `tsvm load`: load builds or sources into a running machine now, as one set; or the set of a manifest.
 *
 * All on all schedulers, or nothing: the first file that does not load is reported, and status is 1.
 */

import { resolve } from 'node:path';
import { Command } from 'commander';
import type { LoadReport } from '../loader/code-server.js';
import { connectTo } from './connect.js';
import { killedText, translatedText } from './record-words.js';
import { coloursOf, counted, shownMs } from './terminal.js';

const ANSWER_MS = 60_000;

interface Options {
  readonly dir: string;
  readonly data?: string;
  readonly json?: true;
}

export function loadCommand(): Command {
  return new Command('load')
    .description('load builds or sources into the running machine now')
    .argument('<file...>', 'builds, sources below the modules folder, or a folder of tsvm build')
    .option('--dir <dir>', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object for each module instead of text')
    .addHelpText(
      'after',
      '\nExamples:\n  tsvm load modules/room.ts\n  tsvm load ../new/room.tsvm.js ../new/wire.tsvm.js --dir examples/chat\n  tsvm load ../new --dir examples/chat',
    )
    .action(load);
}

async function load(files: readonly string[], { dir, data, json }: Options): Promise<void> {
  const { client } = await connectTo(dir, data);
  try {
    const paths = files.map((file) => resolve(file));
    const reports = (await client.ask(
      'load',
      { files: paths },
      ANSWER_MS,
    )) as readonly LoadReport[];
    for (const report of reports) {
      process.stdout.write(`${json === true ? JSON.stringify(report) : reportText(report)}\n`);
    }
    // Of the whole set; with --json each report says it.
    const translated = translatedText(reports[0]?.translated ?? 0).replace('; ', '');
    if (json !== true && translated !== '') process.stdout.write(`${translated}\n`);
    const killed = killedText(reports[0]?.killed ?? 0).replace('; ', '');
    const c = coloursOf(process.stdout);
    if (json !== true && killed !== '') process.stdout.write(`${c.yellow(killed)}\n`);
  } finally {
    client.close();
  }
}

function reportText({ module, version, changed, ms, schedulers }: LoadReport): string {
  const c = coloursOf(process.stdout);
  const name = `${module}${c.dim(`@${version}`)}`;
  if (!changed) return `${name} is loaded already`;
  return `${c.green('loaded')} ${name} in ${shownMs(ms)} on ${counted(schedulers, 'scheduler')}`;
}
