/**
 * The machine that a figure was made on, and how busy others kept it meanwhile.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os';
import { packagePath } from './package-root.js';

export interface Machine {
  /** One line: processor, cores, memory, system. */
  readonly description: string;
  readonly versions: Readonly<Record<string, string>>;
}

export function describeMachine(): Machine {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  const cores = availableParallelism();
  const commit = commitOf(packagePath());
  return {
    description: `${model}, ${cores} cores, ${memoryGb} GB, ${platform()} ${arch()}`,
    versions: {
      tsvm: tsvmVersion(),
      ...(commit === undefined ? {} : { commit }),
      node: process.versions.node,
      v8: process.versions.v8,
    },
  };
}

function tsvmVersion(): string {
  const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** The commit of a checkout, with `+` when files were changed since; nothing for an installed package. */
function commitOf(folder: string): string | undefined {
  if (!existsSync(packagePath('.git'))) return undefined;
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  try {
    const hash = git('rev-parse', '--short', 'HEAD').trim();
    return git('status', '--porcelain').trim() === '' ? hash : `${hash}+`;
  } catch {
    return undefined; // no git here, or no commit yet: the version alone must do
  }
}

/** The load of the last minute, for the machine line. Always 0 on Windows. */
export function loadOfLastMinute(): number {
  return loadavg()[0] ?? 0;
}

interface CpuSeconds {
  readonly all: number;
  readonly own: number;
  readonly at: number;
}

/**
 * Measures how many cores others keep busy: all processor time spent minus that of this process
 * and of its ended children. Linux only; elsewhere the system does not tell.
 */
export class ForeignLoad {
  #from: CpuSeconds | undefined = readCpuSeconds();

  /** The cores that others kept busy since the last call. */
  take(): number | undefined {
    const from = this.#from;
    const to = readCpuSeconds();
    this.#from = to;
    if (from === undefined || to === undefined || to.at <= from.at) return undefined;
    const busy = to.all - from.all - (to.own - from.own);
    return Math.max(0, Number((busy / (to.at - from.at)).toFixed(2)));
  }
}

/** Clock ticks of /proc: 100 a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

function readCpuSeconds(): CpuSeconds | undefined {
  if (platform() !== 'linux') return undefined;
  try {
    const system = parseSystemTicks(readFileSync('/proc/stat', 'utf8'));
    const own = parseOwnTicks(readFileSync('/proc/self/stat', 'utf8'));
    return {
      all: system / TICKS_PER_SECOND,
      own: own / TICKS_PER_SECOND,
      at: performance.now() / 1000,
    };
  } catch {
    return undefined; // a system without a readable /proc does not tell
  }
}

/** Ticks that any core was busy, from /proc/stat: user, nice, system, irq, softirq, steal. */
export function parseSystemTicks(stat: string): number {
  const fields = (stat.split('\n')[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return user + nice + system + irq + softirq + steal;
}

/** Ticks of this process and its ended children, from /proc/self/stat: fields 14 to 17. */
export function parseOwnTicks(stat: string): number {
  const afterName = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = afterName.slice(11, 15);
  return user + system + childUser + childSystem;
}
