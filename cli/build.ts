/** `tsvm build`: compile the modules of an application to one file each. */

import { resolve } from 'node:path';
import { Command } from 'commander';
import { readApplication } from './application.js';
import type { BuiltApplication } from './build-application.js';
import { ProgressLine } from './progress-line.js';
import {
  type Colours,
  coloursOf,
  columns,
  counted,
  shownBytes,
  shownMs,
  shownPath,
} from './terminal.js';

interface Options {
  readonly out: string;
  readonly json?: true;
}

export function buildCommand(): Command {
  return new Command('build')
    .description('compile the modules of an application to one file each')
    .argument('[dir]', 'the folder of the application', '.')
    .requiredOption('--out <dir>', 'the folder to write to')
    .option('--json', 'one JSON object instead of text')
    .addHelpText('after', HELP)
    .action(build);
}

const HELP = `
The folder of builds can be started itself, here or on another computer.

Examples:
  tsvm build --out build
  tsvm build examples/chat --out chat-build && tsvm start chat-build`;

async function build(dir: string, { out, json }: Options): Promise<void> {
  const app = readApplication(dir);
  // Loaded here: the compiler is not to delay the other commands.
  const { buildApplication } = await import('./build-application.js');
  const progress = new ProgressLine('compiling');
  const building = buildApplication(app, resolve(out), progress.update);
  const built = await building.finally(() => progress.end());
  const text = json === true ? JSON.stringify(built) : builtText(built, coloursOf(process.stdout));
  process.stdout.write(`${text}\n`);
}

function builtText({ modules, out, ms }: BuiltApplication, c: Colours): string {
  const rows = modules.map(({ version, file, bytes }) => [file, version, shownBytes(bytes)]);
  const lines = columns(rows, new Set([2])).map((line) => `  ${line}`);
  const head = `built ${counted(modules.length, 'module')} into ${c.bold(shownPath(out))} in ${shownMs(ms)}`;
  return [head, ...lines, c.dim(`start it with: tsvm start ${shownPath(out)}`)].join('\n');
}
