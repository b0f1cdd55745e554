/**
 * Compile pool: the modules of a large project, compiled on several threads.
 *
 * The threads live as long as one project is compiled: what follows are single modules, which the
 * main thread compiles in a few milliseconds. Small projects are not worth a thread, which takes as
 * long to start as thirty modules to compile.
 *
 * Each thread has an esbuild of its own; handing all text through the main thread's would keep that
 * busy, and there are timers on it.
 */

import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { CompileAnswer, CompileTask } from './compile-thread.js';
import { type LoadError, loadErrorFrom } from './errors.js';
import type { CompiledModule } from './module.js';
import type { ModuleFile } from './module-file.js';

export const POOL_FROM = 64;

const THREADS_MAX = 8;
const BATCH = 16;
/** While one batch is edited, esbuild has the next. */
const BATCHES_AT_ONCE = 2;
/** Trees live as long as one module: room for many of them before the collector looks. */
const YOUNG_GENERATION_MB = 96;
/** The same for esbuild's process, which would collect for each module: a third of its time. */
const ESBUILD_GOGC = '800';

export interface CompilePoolOptions {
  readonly folder: string;
  readonly cache: CompileTask['cache'];
  /** After each batch: so many files are done. */
  readonly onProgress: (done: number) => void;
}

/** @returns a module or its error for each file, in order */
export async function compileInThreads(
  files: readonly ModuleFile[],
  { folder, cache, onProgress }: CompilePoolOptions,
): Promise<(CompiledModule | LoadError)[]> {
  const threads = Math.min(availableParallelism(), THREADS_MAX, Math.ceil(files.length / BATCH));
  const pool = new Piscina<CompileTask, CompileAnswer>({
    filename: new URL('./compile-thread.js', import.meta.url).href,
    name: 'run',
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: BATCHES_AT_ONCE,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    env: { ...process.env, GOGC: ESBUILD_GOGC },
  });
  let done = 0;
  const compile = async (batch: readonly ModuleFile[]): Promise<CompileAnswer> => {
    const answer = await pool.run({ files: batch, folder, cache });
    done += batch.length;
    onProgress(done);
    return answer;
  };
  try {
    const answers = await Promise.all(batches(files).map(compile));
    return answers.flat().map((one) => ('error' in one ? loadErrorFrom(one.error) : one));
  } finally {
    await pool.destroy();
  }
}

function batches(files: readonly ModuleFile[]): (readonly ModuleFile[])[] {
  const found: (readonly ModuleFile[])[] = [];
  for (let at = 0; at < files.length; at += BATCH) found.push(files.slice(at, at + BATCH));
  return found;
}
