/**
 * `tsvm start`: run the application of a folder until it is stopped.
 *
 * What happens goes to standard output, why it did not start to standard error; with `--json` all of
 * it is JSON lines on standard output (see records.ts). Exit status: see machine-run.ts; 1 when it did
 * not start, 2 for wrong arguments.
 */

import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { CREATORS } from '../runtime/address.js';
import { GUARD_MS_MAX, GUARD_MS_MIN } from '../runtime/vm/guard-limits.js';
import type { LogOptions } from '../runtime/vm/log-options.js';
import { isShutdownLimit, readApplication, SHUTDOWN_MS_MAX } from './application.js';
import { addSetting, type Setting } from './configuration.js';
import {
  HEART_MS,
  HEART_MS_MAX,
  HEART_MS_MIN,
  Heart,
  type HeartOptions,
  RESTARTS_MAX,
} from './heart.js';
import { Heartbeat } from './heartbeat.js';
import { addLogFlags, type LogFlags, withLogFlags } from './log-flags.js';

interface Options extends LogFlags {
  readonly schedulers?: number;
  readonly watch: boolean;
  readonly poll?: true;
  readonly guardMs?: number;
  readonly json?: true;
  readonly data?: string;
  readonly config?: string;
  readonly set?: readonly Setting[];
  readonly shutdownMs?: number;
  readonly heart?: number | true;
  readonly heartRestarts: number;
}

/** The last of the slots that pids can name; slot 0 is nobody's. */
const SCHEDULERS_MAX: number = CREATORS - 1;

export function startCommand(): Command {
  return addLogFlags(
    new Command('start')
      .description('run the application of a folder and load its modules when they change')
      .argument('[dir]', 'the folder with tsvm.json, or with a key "tsvm" in its package.json', '.')
      .option('--schedulers <n>', 'scheduler threads; one for each core by default', schedulerCount)
      .option('--no-watch', 'do not load modules when their files change')
      .option('--poll', 'look at the files again and again: for containers and network drives')
      .option(
        '--guard-ms <n>',
        'end a process that is stuck so long in code that cannot give way; 250 by default, 0: never',
        guardLimit,
      )
      .option('--json', 'JSON lines instead of text')
      .option('--data <dir>', 'the data folder; <dir>/.tsvm by default')
      .option('--config <file>', 'a JSON file that configures applications, by name and key')
      .option(
        '--set <application.key=value>',
        'configure one key of an application; again for more',
        addSetting,
      )
      .option('--shutdown-ms <n>', 'how long what runs may take to stop in order', shutdownLimit)
      .option(
        '--heart [ms]',
        `a process above the machine, which starts it again when it dies or gives no sign for so long; ${HEART_MS} by default`,
        heartLimit,
      )
      .option(
        '--heart-restarts <n>',
        'how many deaths in a row the heart survives',
        restartsLimit,
        RESTARTS_MAX,
      )
      .addHelpText('after', HELP)
      .action(start),
  );
}

const HELP = `
The application is what tsvm.json says:
  { "modules": "modules", "application": "shop" }
the folder of modules (sources, or builds of tsvm build) and the name of what
is started, with all that it needs. Or there is an "entry", "main:start": the
function that the first process runs. There may be "config", a file that
configures applications, "shutdownMs", "env", environment variables for
modules, "data", the data folder, and "log", levels and a file for the log.

Ctrl+C stops it in order, a second Ctrl+C at once.

Exit status:
  0         stopped in order, or nothing was left to run
  1         not started, or the entry process or an application failed
  2         wrong arguments
  130, 143  ended at once by a second SIGINT or SIGTERM

With --heart, the machine is a child process. It is not started again after
a stop in order, nor where its first start failed.

Examples:
  tsvm start
  tsvm start examples/chat --schedulers 2
  PORT=8080 tsvm start examples/chat --json | jq .msg`;

async function start(dir: string, options: Options): Promise<void> {
  const { json = false, watch, poll = false, data } = options;
  const { schedulers, guardMs, config, set: settings, shutdownMs } = options;
  const app = readApplication(dir);
  const log = withLogFlags(app.log, options);
  const placed = data === undefined ? { ...app, log } : { ...app, log, data: resolve(data) };
  const heartbeat = Heartbeat.begin();
  if (options.heart !== undefined && heartbeat === null) {
    const limitMs = options.heart === true ? HEART_MS : options.heart;
    process.exitCode = await watched({ limitMs, restartsMax: options.heartRestarts }, json, log);
    return;
  }
  // Loaded here: the machine is not to delay the other commands.
  const [{ MachineRun }, { Narrator }] = await Promise.all([
    import('./machine-run.js'),
    import('./narrator.js'),
  ]);
  const narrator = new Narrator({ json, level: log.level });
  let status = 1;
  try {
    const run = { schedulers, guardMs, watch, poll, config, settings, shutdownMs, heartbeat };
    status = await new MachineRun(placed, run, narrator).run();
  } finally {
    narrator.end();
    heartbeat?.end();
  }
  narrator.say({ event: 'end', status });
  process.exitCode = status;
}

/** The process above a machine: it loads nothing of the machine itself. */
async function watched(heart: HeartOptions, json: boolean, log: LogOptions): Promise<number> {
  const { Narrator } = await import('./narrator.js');
  const narrator = new Narrator({ json, level: log.level });
  return await new Heart(heart, narrator).run();
}

function heartLimit(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : 0;
  if (ms >= HEART_MS_MIN && ms <= HEART_MS_MAX) return ms;
  throw new InvalidArgumentError(`Expected milliseconds from ${HEART_MS_MIN} to ${HEART_MS_MAX}.`);
}

function restartsLimit(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number, 0 or more.');
}

function schedulerCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= SCHEDULERS_MAX) return count;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${SCHEDULERS_MAX}.`);
}

function guardLimit(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : -1;
  if (ms === 0 || (ms >= GUARD_MS_MIN && ms <= GUARD_MS_MAX)) return ms;
  throw new InvalidArgumentError(
    `Expected milliseconds from ${GUARD_MS_MIN} to ${GUARD_MS_MAX}, or 0 for no guard.`,
  );
}

function shutdownLimit(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : 0;
  if (isShutdownLimit(ms)) return ms;
  throw new InvalidArgumentError(`Expected milliseconds from 1 to ${SHUTDOWN_MS_MAX}.`);
}
