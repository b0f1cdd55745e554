/**
 * The sides of a comparison: how a benchmark is started on tsvm, on the BEAM and as a floor.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { ChildCommand } from './child.js';
import { packagePath } from './package-root.js';
import type { SampleRequest } from './sampling.js';

/** Builds the command that runs a request in a process of its own. */
export type Launcher = (request: SampleRequest) => Omit<ChildCommand, 'limitMs'>;

export const launchTsvm: Launcher = (request) => nodeProcess(['vm-process.js'], request);

export const launchFloor: Launcher = (request) => nodeProcess(['floor', 'main.js'], request);

/** The built file is run, also from the sources: Node 20 does not read TypeScript. */
function nodeProcess(script: string[], request: SampleRequest): ReturnType<Launcher> {
  const file = packagePath('dist', 'bench', ...script);
  return { file: process.execPath, args: [file, JSON.stringify(request)] };
}

export interface Beam {
  readonly launch: Launcher;
  /** Remove the compiled programs. */
  close(): void;
}

/** Room for a million processes; the default has less. */
const BEAM_PROCESSES_MAX = '2097152';

/** Are the BEAM and its compiler on the path? */
export function beamOnPath(): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return ['erl', 'erlc'].every((name) => folders.some((folder) => existsSync(join(folder, name))));
}

/**
 * Compile the Erlang programs into a temporary folder.
 *
 * @throws Error with what the compiler says
 */
export function openBeam(): Beam {
  const folder = mkdtempSync(join(tmpdir(), 'tsvm-bench-'));
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  const sources = packagePath('bench', 'beam');
  const files = readdirSync(sources).filter((name) => name.endsWith('.erl'));
  const { error, status, stdout } = spawnSync('erlc', ['-o', folder, ...files], {
    cwd: sources,
    encoding: 'utf8',
  });
  if (error !== undefined || status !== 0) {
    close();
    throw new Error(`erlc cannot compile the benchmarks: ${error?.message ?? stdout}`);
  }
  return { launch: (request) => beamProcess(folder, request), close };
}

function beamProcess(folder: string, request: SampleRequest): ReturnType<Launcher> {
  const { schedulers, module, variant, passes, samples, measuredMs, params } = request;
  return {
    file: 'erl',
    args: [
      ...['+S', `${schedulers}:${schedulers}`, '+P', BEAM_PROCESSES_MAX],
      ...['-noshell', '-pa', folder, '-s', 'tsvm_bench', 'main', '-extra'],
      ...[module, variant, passes.join(','), `${samples}`, `${measuredMs}`],
      ...Object.entries(params).map(([key, value]) => `${key}=${value}`),
    ],
  };
}
