/**
 * `tsvm log-level`: the levels of a running machine's log, shown or changed.
 *
 * A change holds until the machine stops; tsvm.json and `--log-level` say what it begins with.
 */

import { Command } from 'commander';
import { isLogLimit, type LogLimit } from '../runtime/log-level.js';
import { ControlError } from '../runtime/vm/control-socket.js';
import type { LogControl } from '../runtime/vm/log-control.js';
import { connectTo } from './connect.js';
import { Failure } from './failure.js';
import { LEVELS_TEXT, logLimit } from './log-flags.js';
import { type Colours, coloursOf } from './terminal.js';

const ANSWER_MS = 10_000;

interface Options {
  readonly dir: string;
  readonly data?: string;
  readonly module?: string;
  readonly reset?: true;
  readonly json?: true;
}

/** What a machine answers. */
interface Levels {
  readonly level: LogLimit;
  readonly modules: Readonly<Record<string, LogLimit>>;
  readonly handlers: LogControl['statistics'];
}

export function logLevelCommand(): Command {
  return new Command('log-level')
    .description('show or change the levels of a running machine’s log')
    .argument('[level]', `${LEVELS_TEXT}, all or none`, logLimit)
    .option('--module <name>', 'the level of one module, in place of the primary one')
    .option('--reset', 'with --module: the primary level counts for it again')
    .option('--dir <dir>', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object instead of text')
    .addHelpText(
      'after',
      '\nExamples:\n  tsvm log-level\n  tsvm log-level debug --module chat/room\n  tsvm log-level --module chat/room --reset',
    )
    .action(logLevel);
}

async function logLevel(level: LogLimit | undefined, options: Options): Promise<void> {
  const { dir, data, module, reset = false, json } = options;
  if (reset && (module === undefined || level !== undefined))
    throw new Failure('--reset goes with --module and without a level');
  const { client } = await connectTo(dir, data);
  try {
    const asked = { ...(reset ? { level: null } : { level }), module };
    const found = (await client.ask('log_level', asked, ANSWER_MS)) as Levels;
    const text =
      json === true ? JSON.stringify(found) : levelsText(found, coloursOf(process.stdout));
    process.stdout.write(`${text}\n`);
  } finally {
    client.close();
  }
}

function levelsText({ level, modules, handlers }: Levels, c: Colours): string {
  const width = Math.max(7, ...Object.keys(modules).map((name) => name.length));
  const row = (name: string, value: string): string => `  ${c.dim(name.padEnd(width))}  ${value}`;
  return [
    row('primary', level),
    ...Object.entries(modules).map(([name, limit]) => row(name, limit)),
    '',
    ...Object.entries(handlers).map(([name, { written, dropped, flushed, overBurst }]) => {
      const lost = dropped + flushed + overBurst;
      return row(
        name,
        `${written} written${lost === 0 ? '' : `, ${c.yellow(`${lost} lost`)} as too many came at once`}`,
      );
    }),
  ].join('\n');
}

/** The machine's side. @throws ControlError */
export async function changeLevel(
  log: LogControl,
  { level, module }: Readonly<Record<string, unknown>>,
): Promise<Levels> {
  if (level !== undefined && level !== null && !isLogLimit(level))
    throw new ControlError('bad_request', `expected a log level, got ${JSON.stringify(level)}`);
  if (module !== undefined && typeof module !== 'string')
    throw new ControlError('bad_request', `expected a module, got ${JSON.stringify(module)}`);
  if (module === undefined && level === null)
    throw new ControlError('bad_request', 'only the level of a module can be taken back');
  if (module !== undefined && level !== undefined) await log.setModuleLevel(module, level);
  else if (module === undefined && level) await log.setLevel(level);
  return { level: log.level, modules: log.moduleLevels, handlers: log.statistics };
}
