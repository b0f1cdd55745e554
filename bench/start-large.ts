/**
 * start_1000: how long until a project of a thousand modules runs?
 *
 * From the start of the operating-system process until `startVm` has returned: Node's own start, reading,
 * compiling and loading on every scheduler. `cold` is the first start ever, `warm` the next one, with the
 * compile cache of the first; `blocked` is the longest time the main thread did nothing else meanwhile.
 *
 * Does not show: what a module's own top level does, and a disk that is slow (the files were just
 * written). The BEAM has no counterpart: it starts from compiled code only.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from './child.js';
import { writeLargeProject } from './large-project.js';
import { packagePath } from './package-root.js';
import type { Params, Values } from './sampling.js';

const LIMIT_MS = 60_000;

/** What `start-once.ts` prints. */
export interface Start {
  readonly ms: number;
  readonly blockedMs: number;
}

export async function startLarge(params: Params, schedulers: number): Promise<Values> {
  const folder = await mkdtemp(join(tmpdir(), 'tsvm-start-'));
  try {
    const modules = join(folder, 'modules');
    await writeLargeProject(modules, params['n'] ?? 0);
    const args = [modules, join(folder, 'cache'), String(schedulers)];
    const cold = await startOnce(args);
    const warm = await startOnce(args);
    return { cold: cold.ms, warm: warm.ms, blocked: cold.blockedMs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function startOnce(args: readonly string[]): Promise<Start> {
  let start: Start | undefined;
  const script = packagePath('dist', 'bench', 'start-once.js');
  await runChild({ file: process.execPath, args: [script, ...args], limitMs: LIMIT_MS }, (line) => {
    start = line as Start;
  });
  if (start === undefined) throw new Error('the process that was to start a machine said nothing');
  return start;
}
