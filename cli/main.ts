/**
 * The `tsvm` command: its sub-commands, and how it ends.
 *
 * Exit status: 0, 1 when what was asked for failed, 2 for wrong arguments; sub-commands say more.
 */

import { Command, CommanderError } from 'commander';
import { benchCommand } from './bench.js';
import { buildCommand } from './build.js';
import { checkCommand } from './check.js';
import { crashesCommand } from './crashes.js';
import { dbCommand } from './db.js';
import { Failure } from './failure.js';
import { failureText } from './human-text.js';
import { loadCommand } from './load.js';
import { logLevelCommand } from './log-level.js';
import { startCommand } from './start.js';
import { statusCommand } from './status.js';
import { stopCommand } from './stop.js';
import { coloursOf } from './terminal.js';
import { traceCommand } from './trace.js';
import { rollbackCommand, upgradeCommand } from './upgrade.js';
import { tsvmVersion } from './version.js';

const FAILED = 1;
const WRONG_ARGUMENTS = 2;
/** What a command left open must not keep its process, and who waits for its end, for longer. */
const LEFT_OPEN_MS = 2000;

/** @param argv without the interpreter and the script */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endWithoutReader);
  try {
    const program = command();
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = failed(error, argv.includes('--json'));
  }
  setTimeout(() => process.exit(), LEFT_OPEN_MS).unref();
}

function command(): Command {
  const program = new Command('tsvm')
    .description(
      'An Erlang-style virtual machine for TypeScript: processes on every core, live code upgrade.',
    )
    .version(tsvmVersion(), '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .showHelpAfterError('(--help shows how it is used)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExamples:\n  tsvm start examples/chat\n  tsvm status examples/chat\n  tsvm help start',
    );
  for (const each of [
    startCommand,
    statusCommand,
    stopCommand,
    loadCommand,
    logLevelCommand,
    upgradeCommand,
    rollbackCommand,
    traceCommand,
    crashesCommand,
    dbCommand,
    checkCommand,
    buildCommand,
    benchCommand,
  ]) {
    program.addCommand(
      each().copyInheritedSettings(program).helpOption('-h, --help', 'show this help'),
    );
  }
  return program;
}

/**
 * Say why, on standard error; with `--json` as an object on standard output.
 *
 * @returns the status that the command ends with
 */
function failed(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    // Commander has said it; its own status for wrong arguments is 1.
    return error.exitCode === 1 ? WRONG_ARGUMENTS : error.exitCode;
  }
  const failure = Failure.from(error);
  if (failure === undefined) {
    const stack = error instanceof Error ? error.stack : String(error);
    process.stderr.write(`tsvm: a fault in tsvm itself: ${stack}\n`);
  } else if (json) process.stdout.write(`${JSON.stringify(failure.toRecord())}\n`);
  else process.stderr.write(`${failureText(failure, coloursOf(process.stderr))}\n`);
  return FAILED;
}

/** `tsvm status | head`: who reads has seen enough. A machine that runs goes on, see narrator.ts. */
function endWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  if (process.stdout.listenerCount('error') === 1) process.exit();
}
