/**
 * `tsvm upgrade` and `tsvm rollback`: put a set of builds in the place of what a running machine runs, as
 * one unit, and take that back.
 *
 * Exit status: 0; 1 when it was refused or failed, and then the machine runs on as before. With `--json`
 * each step is one JSON object a line, and so is the report at the end.
 */

import { resolve } from 'node:path';
import { Command } from 'commander';
import type { UpgradeProgress, UpgradeReport } from '../runtime/vm/upgrades.js';
import { connectTo } from './connect.js';
import { upgradeLine } from './record-words.js';
import { type Colours, coloursOf, columns, harmless, shownMs } from './terminal.js';

/** States of a million processes, checks and restarts: who waits sees how far it is. */
const ANSWER_MS = 3_600_000;

interface Options {
  readonly data?: string;
  readonly dir?: string;
  readonly json?: true;
}

export function upgradeCommand(): Command {
  return new Command('upgrade')
    .description('put a folder of builds in the place of what a machine runs, as one unit')
    .argument(
      '<folder>',
      'the builds, as tsvm build wrote them, with a tsvm.upgrade.json or without',
    )
    .option('--dir <dir>', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object a line instead of text')
    .addHelpText('after', UPGRADE_HELP)
    .action((folder: string, options: Options) =>
      ask(options.dir ?? '.', options, 'upgrade', { folder: resolve(folder) }),
    );
}

const UPGRADE_HELP = `
Processes of modules with a codeChange stand still, have their states translated, and go on. If anything
fails, all of it is taken back: code, states and applications. See docs/upgrades.md.

Examples:
  tsvm build ../chat-2 --out /srv/chat-2 && tsvm upgrade /srv/chat-2 --dir examples/chat
  tsvm upgrade /srv/chat-2 --json`;

export function rollbackCommand(): Command {
  return new Command('rollback')
    .description('take the last upgrade of a machine back')
    .argument('[dir]', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object a line instead of text')
    .addHelpText('after', ROLLBACK_HELP)
    .action((dir: string, options: Options) => ask(dir, options, 'rollback', {}));
}

const ROLLBACK_HELP = `
The states that processes have now are translated back by the "down" of codeChange. Where a module has
none, nothing is changed.

Examples:
  tsvm rollback examples/chat
  tsvm rollback --json`;

async function ask(
  dir: string,
  { data, json }: Options,
  request: 'upgrade' | 'rollback',
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { client } = await connectTo(dir, data);
  const c = coloursOf(process.stdout);
  const write = (value: object, text: string): void => {
    process.stdout.write(`${json === true ? JSON.stringify(value) : text}\n`);
  };
  try {
    const report = (await client.ask(request, fields, ANSWER_MS, (value) => {
      const progress = value as UpgradeProgress;
      write({ event: 'progress', ...progress }, progressText(progress, c));
    })) as UpgradeReport;
    write({ event: request, ...report }, reportText(report, c));
  } finally {
    client.close();
  }
}

const STEP_WIDTH = 8;

function progressText({ step, text, ms }: UpgradeProgress, c: Colours): string {
  const name = (step === 'undo' ? c.red : c.dim)(step.padEnd(STEP_WIDTH));
  const at = c.dim(shownMs(ms).padStart(STEP_WIDTH));
  return `${at}  ${name}  ${harmless(text)}`;
}

function reportText(report: UpgradeReport, c: Colours): string {
  const { modules, restarted } = report;
  if (modules.length === 0 && restarted.length === 0)
    return 'nothing to do: all of it is current already';
  const rows = modules.map(({ module, what, from, to }) => [
    what,
    module,
    from ?? '',
    to === null ? '' : c.bold(to),
  ]);
  return [
    upgradeLine(report).replace(/^upgraded|^rolled back/, (done) => c.green(done)),
    ...columns(rows).map((line) => `  ${line}`),
  ].join('\n');
}
