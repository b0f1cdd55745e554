/** Helpers: a code table over the real runtime of modules, and temporary folders. */

import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import { transform } from 'esbuild';
import { onTestFinished } from 'vitest';
import { CodeTable } from '../../loader/code-table.js';
import { compile } from '../../loader/compile.js';
import { isLoadErrorData, type LoadError, loadErrorFrom } from '../../loader/errors.js';
import type { CompiledModule } from '../../loader/module.js';
import { type CodeEpoch, codeHandler, type SchedulerCode } from '../../loader/scheduler-code.js';
import { type CodeHandler, LATER } from '../../runtime/code-inbox.js';
import { context } from '../../runtime/context.js';
import { runtimeFor } from '../../runtime/module-runtime.js';

export function createTable(bifs: object = {}): CodeTable {
  context.budget = Number.MAX_SAFE_INTEGER;
  return new CodeTable({
    runtimeFor,
    bifs,
    nodeRequire: () => createRequire(import.meta.url),
  });
}

/** Compile a module of a made-up project whose files are in `/project`. */
export function compileText(name: string, source: string): Promise<CompiledModule> {
  return compile(source, { name, file: `/project/${name}.ts` });
}

/** Compile, prepare and commit. */
export async function loadText(
  table: CodeTable,
  name: string,
  source: string,
): Promise<CompiledModule> {
  const compiled = await compileText(name, source);
  table.prepare(compiled);
  table.commit(name, compiled.version);
  return compiled;
}

const OPERATIONS: readonly (keyof SchedulerCode)[] = [
  'prepare',
  'hooks',
  'hold',
  'runHook',
  'admit',
  'commit',
  'abort',
  'runsOld',
  'purge',
  'remove',
];

/** A table behind a structured clone, as behind a thread that has no processes. */
export function remoteCode(table: CodeTable): SchedulerCode {
  const handle = codeHandler(table, {
    all: () => [],
    kill: () => {},
    run: (_label, fn, ended) => {
      Promise.resolve(fn()).then((value) => ended({ kind: 'returned', value }));
      return null;
    },
    scheduler: () => {
      throw new Error('there is no scheduler behind this table');
    },
  });
  const served = OPERATIONS.map((op) => [
    op,
    async (...args: unknown[]): Promise<unknown> => {
      try {
        return structuredClone(await answerOf(handle, op, structuredClone(args)));
      } catch (error) {
        const data: unknown = structuredClone(error);
        throw isLoadErrorData(data) ? loadErrorFrom(data) : data;
      }
    },
  ]);
  return {
    ...Object.fromEntries(served),
    sweep: () => Promise.resolve(0),
  } as unknown as SchedulerCode;
}

function answerOf(handle: CodeHandler, op: string, args: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const value = handle(op, args, (result) =>
      result.ok ? resolve(result.value) : reject(result.error),
    );
    if (value !== LATER) resolve(value);
  });
}

/** An epoch that nobody looks at. */
export const noEpoch: CodeEpoch = { next: 1, publish: () => {} };

export type Entry = (log: (...values: unknown[]) => void) => unknown;

/** The `main` of a module that tsvm compiles. */
export async function tsvmMain(source: string): Promise<Entry> {
  const table = createTable();
  await loadText(table, 'program', source);
  return table.table('program')['main'] as Entry;
}

/** The `main` of a module from which only the types are stripped. */
export async function nativeMain(source: string): Promise<Entry> {
  const { code } = await transform(source, { loader: 'ts', format: 'cjs', target: 'node20' });
  const module = { exports: {} as { main: Entry } };
  const run = compileFunction(`'use strict';${code}`, ['exports', 'require', 'module'], {
    filename: 'native.js',
  }) as (...args: unknown[]) => void;
  run(module.exports, createRequire(import.meta.url), module);
  return module.exports.main;
}

export interface Outcome {
  readonly log: unknown[];
  readonly value?: unknown;
  readonly error?: string;
}

export async function runMain(main: Entry): Promise<Outcome> {
  const log: unknown[] = [];
  const write = (...values: unknown[]): void => {
    log.push(values.length === 1 ? values[0] : values);
  };
  try {
    return { log, value: await main(write) };
  } catch (error) {
    return { log, error: String(error) };
  }
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tsvm-loader-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The load error that an action ends in. */
export async function loadErrorOf(action: () => unknown): Promise<LoadError> {
  try {
    await action();
  } catch (error) {
    return error as LoadError;
  }
  throw new Error('no error was thrown');
}

/** What a watcher reports, with a way to wait for it. */
export class Inbox<T> {
  readonly all: T[] = [];
  #wake: () => void = () => {};

  push(item: T): void {
    this.all.push(item);
    this.#wake();
  }

  /** The first item from `from` on that `accepts`. */
  async find(accepts: (item: T) => boolean, from = 0): Promise<T> {
    for (;;) {
      const found = this.all.slice(from).find(accepts);
      if (found !== undefined) return found;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }
}
