/**
 * `tsvm bench`: how fast the schedulers are, beside the real BEAM where it is installed.
 *
 * Figures go to standard output (a table, or JSON lines), progress and failures to standard error.
 * Exit status: 0, 1 when a benchmark failed, 2 for wrong arguments, 130 when interrupted.
 */
import { accessSync, constants, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import pc from 'picocolors';
import { benchmarks } from '../bench/catalog.js';
import type { FigureLine } from '../bench/figures.js';
import { type Failure, runBenchmarks } from '../bench/harness.js';
import { describeMachine, loadOfLastMinute, type Machine } from '../bench/machine.js';
import { Progress } from '../bench/progress.js';
import {
  namesOf,
  type Selected,
  selectAll,
  selectMatching,
  withoutBeam,
} from '../bench/selection.js';
import { type Beam, beamOnPath, launchFloor, launchTsvm, openBeam } from '../bench/sides.js';
import { renderTable } from '../bench/table.js';

interface Options {
  readonly filter?: string;
  readonly quick?: true;
  readonly schedulers?: string;
  readonly json?: true;
  readonly vs?: string;
  readonly list?: true;
  readonly out?: string;
}

const WRONG_ARGUMENTS = 2;
const SCHEDULERS_MAX = 1024;

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure the machine, beside the BEAM where it is installed')
    .option('--filter <pattern>', 'only these: names, beginnings of names, * for anything, commas')
    .option('--quick', 'fewer and shorter samples; not figures of record')
    .option('--schedulers <list>', 'numbers of schedulers, such as 1,2')
    .option('--json', 'one JSON line per figure instead of the table')
    .option('--vs <vm>', 'beam or none; the table takes the BEAM by itself when erl is on the path')
    .option('--list', 'name the benchmarks and end')
    .option('--out <file>', 'also write the JSON lines to a file')
    .action(bench);
}

async function bench(options: Options, command: Command): Promise<void> {
  const refuse = (message: string): never =>
    command.error(`error: ${message}`, { exitCode: WRONG_ARGUMENTS, code: 'tsvm.bench' });
  const selected = select(options, refuse);
  if (options.list === true) {
    process.stdout.write(`${namesOf(selected).join('\n')}\n`);
    return;
  }
  if (options.out !== undefined) checkWritable(options.out, refuse);
  const beam = chooseBeam(options, refuse);
  const runnable = beam === undefined ? withoutBeam(selected) : selected;
  if (runnable.length === 0) refuse(`'${options.filter}' is measured with --vs beam only`);
  try {
    await run(options, runnable, beam);
  } finally {
    beam?.close();
  }
}

function select(options: Options, refuse: (message: string) => never): readonly Selected[] {
  const all = selectAll(benchmarks, schedulerCounts(options.schedulers, refuse));
  if (options.filter === undefined) return all;
  const { selected, unknown } = selectMatching(all, options.filter);
  if (unknown.length > 0) {
    const names = namesOf(all).map((name) => `\n  ${name}`);
    return refuse(
      `no benchmark is called ${unknown.map((text) => `'${text}'`).join(', ')}; there are${names.join('')}`,
    );
  }
  return selected;
}

function schedulerCounts(list: string | undefined, refuse: (message: string) => never): number[] {
  if (list === undefined) return availableParallelism() > 1 ? [1, 2] : [1];
  const counts = list.split(',').map((text) => (/^\s*\d+\s*$/.test(text) ? Number(text) : 0));
  if (counts.some((count) => count < 1 || count > SCHEDULERS_MAX)) {
    return refuse(
      `--schedulers expects numbers from 1 to ${SCHEDULERS_MAX} with commas, got '${list}'`,
    );
  }
  return [...new Set(counts)];
}

function chooseBeam(options: Options, refuse: (message: string) => never): Beam | undefined {
  const { vs } = options;
  if (vs !== undefined && vs !== 'beam' && vs !== 'none') {
    return refuse(`--vs expects beam or none, got '${vs}'`);
  }
  if (vs === 'none' || (vs === undefined && options.json === true)) return undefined;
  if (beamOnPath()) return openBeam();
  return vs === 'beam' ? refuse('--vs beam needs erl and erlc on the path') : undefined;
}

function checkWritable(file: string, refuse: (message: string) => never): void {
  try {
    accessSync(dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    refuse(`--out cannot write ${file}: ${(error as Error).message}`);
  }
}

async function run(
  options: Options,
  selected: readonly Selected[],
  beam: Beam | undefined,
): Promise<void> {
  const json = options.json === true;
  const quick = options.quick === true;
  const machine = describeMachine();
  const loadBefore = loadOfLastMinute();
  const lines: FigureLine[] = [];
  const failures: Failure[] = [];
  const progress = new Progress(process.stderr);
  const abort = new AbortController();
  const interrupt = (): void => abort.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    await runBenchmarks({
      selected,
      machine,
      quick,
      launchers: {
        tsvm: launchTsvm,
        ...(beam === undefined ? {} : { beam: beam.launch }),
        ...(json ? {} : { floor: launchFloor }),
      },
      signal: abort.signal,
      listener: {
        start: (name, done, total) => progress.start(name, done, total),
        sample: (name, count, of) => progress.sample(name, count, of),
        figure: (line) => {
          lines.push(line);
          if (json) process.stdout.write(`${JSON.stringify(line)}\n`);
        },
        failure: (failure) => {
          progress.clear();
          process.stderr.write(failureText(failure, failures));
          failures.push(failure);
          process.exitCode = 1;
        },
      },
    });
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    progress.clear();
  }
  if (options.out !== undefined) {
    writeFileSync(options.out, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
  if (!json) printTable(selected, lines, failures, machineLine(machine, lines, loadBefore), quick);
}

/** What went wrong; all that the process said only the first time, as one cause often fails them all. */
function failureText(failure: Failure, before: readonly Failure[]): string {
  const { bench: name, vm, message, detail } = failure;
  const known = before.some((other) => other.message === message);
  return `tsvm bench: ${name} on ${vm} ${message}\n${known || detail === '' ? '' : `${detail}\n`}`;
}

function printTable(
  selected: readonly Selected[],
  lines: readonly FigureLine[],
  failures: readonly Failure[],
  machine: string,
  quick: boolean,
): void {
  const colors = pc.createColors(process.stdout.isTTY && pc.isColorSupported);
  const notes = ['Medians with least and greatest sample.'];
  if (lines.some((line) => line.vm === 'beam'))
    notes.push('Ratio: how many times better than the BEAM.');
  if (lines.some((line) => line.vm === 'floor')) {
    notes.push(
      'Floor: raw generators or a raw MessagePort, without any VM; of ets a database or a Map behind messages.',
    );
  }
  if (quick) notes.push('--quick: fewer and shorter samples, smaller n; not figures of record.');
  process.stdout.write(
    `${machine}\n\n${renderTable({ selected, lines, failures, colors })}\n\n${colors.dim(notes.join(' '))}\n`,
  );
}

function machineLine(machine: Machine, lines: readonly FigureLine[], load: number): string {
  const { tsvm, commit, node } = machine.versions;
  const otp = lines.find((line) => line.versions['otp'] !== undefined)?.versions['otp'];
  const others = lines.flatMap((line) => line.others ?? []);
  const parts = [
    machine.description,
    `Node ${node}`,
    `tsvm ${tsvm}${commit === undefined ? '' : ` (${commit})`}`,
    ...(otp === undefined ? [] : [`OTP ${otp}`]),
    `load before ${load.toFixed(2)}`,
    ...(others.length === 0 ? [] : [`others at most ${Math.max(...others)} cores busy`]),
  ];
  return parts.join(' · ');
}
