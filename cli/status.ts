/** `tsvm status`: what the running machine of a folder is doing. */

import { Command } from 'commander';
import type { VmStats } from '../runtime/vm/stats.js';
import { connectTo } from './connect.js';
import {
  type Colours,
  coloursOf,
  columns,
  shownBytes,
  shownCount,
  shownDuration,
  widthOf,
  wrapped,
} from './terminal.js';

/** What a machine says of itself: the answer to the request `status`, and the output of `--json`. */
export interface MachineStatus extends Omit<VmStats, 'modules'> {
  /** Of tsvm. */
  readonly version: string;
  readonly nodeVersion: string;
  /** Name of this machine's life: the first part of every process' pid. */
  readonly node: string;
  /** Of the operating system. */
  readonly pid: number;
  /** ISO time. */
  readonly since: string;
  readonly uptimeMs: number;
  readonly folder: string;
  readonly modulesFolder: string;
  readonly watched: boolean;
  readonly entry: {
    readonly entry: string;
    readonly process: string | null;
    readonly running: boolean;
  };
  /** In the order of their start. */
  readonly applications: readonly { readonly name: string; readonly version: string }[];
  readonly addresses: readonly string[];
  /** Processes that crashed since the start. */
  readonly crashes: number;
  readonly modules: readonly { readonly name: string; readonly version: string }[];
  /** Resident memory of the whole machine. */
  readonly memoryBytes: number;
}

interface Options {
  readonly data?: string;
  readonly json?: true;
}

const ANSWER_MS = 10_000;
const LABEL = 11;

export function statusCommand(): Command {
  return new Command('status')
    .description('show what the running machine of a folder is doing')
    .argument('[dir]', 'the folder of the application', '.')
    .option('--data <dir>', 'the data folder of the machine, if it was started with one')
    .option('--json', 'one JSON object instead of text')
    .addHelpText(
      'after',
      '\nExamples:\n  tsvm status\n  tsvm status examples/chat --json | jq .schedulers',
    )
    .action(status);
}

async function status(dir: string, { data, json }: Options): Promise<void> {
  const { client } = await connectTo(dir, data);
  try {
    const found = (await client.ask('status', {}, ANSWER_MS)) as MachineStatus;
    const text =
      json === true
        ? JSON.stringify(found)
        : statusText(found, coloursOf(process.stdout), widthOf(process.stdout));
    process.stdout.write(`${text}\n`);
  } finally {
    client.close();
  }
}

export function statusText(status: MachineStatus, c: Colours, width: number): string {
  const { entry, modules, applications } = status;
  const property = (name: string, value: string): string =>
    `  ${c.dim(name.padEnd(LABEL))}  ${value}`;
  const state = entry.running ? '' : c.dim(', has returned');
  const lines = [
    `${c.bold(`tsvm ${status.version}`)}${c.dim(` · Node ${status.nodeVersion} · pid ${status.pid}`)}`,
    property('application', status.folder),
    property('up', shownDuration(status.uptimeMs)),
    property(
      'entry',
      `${entry.entry}${c.dim(entry.process === null ? '' : ` is ${entry.process}`)}${state}`,
    ),
    ...(applications.length === 0
      ? []
      : [
          property(
            'running',
            applications.map(({ name, version }) => `${name} ${c.dim(version)}`).join(', '),
          ),
        ]),
    ...status.addresses.map((url) => property('address', c.cyan(url))),
    property(
      'processes',
      `${status.processes}${c.dim(`, ${status.names} with a name, ${status.crashes} crashed so far`)}`,
    ),
    property('memory', shownBytes(status.memoryBytes)),
    '',
    ...schedulerTable(status, c),
    '',
    c.dim(`  modules (${modules.length}${status.watched ? ', watched for changes' : ''})`),
    wrapped(
      [...modules]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, version }) => `${name}@${version}`),
      width,
      2,
    ),
  ];
  return lines.join('\n');
}

function schedulerTable({ schedulers }: MachineStatus, c: Colours): readonly string[] {
  const head = ['scheduler', 'processes', 'queue', 'reductions', 'busy', 'timers', 'heap'];
  const rows = schedulers.map((one) => [
    String(one.slot),
    String(one.processes),
    String(one.runQueue),
    shownCount(one.reductions),
    `${Math.round(one.utilisation * 100)} %`,
    // Below zero: the thread is too busy to answer.
    one.timers < 0 ? '–' : String(one.timers),
    one.heapBytes < 0 ? '–' : shownBytes(one.heapBytes),
  ]);
  const [first = '', ...rest] = columns([head, ...rows], new Set([0, 1, 2, 3, 4, 5, 6]));
  return [`  ${c.dim(first)}`, ...rest.map((row) => `  ${row}`)];
}
