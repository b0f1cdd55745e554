/**
 * Dirty thread: runs one function at a time, outside of any scheduler.
 *
 * A thread keeps the module versions it has seen. A task names the versions it needs; what is missing
 * is answered with, and the task comes again with the code.
 */

import './harden.js';
import { createRequire } from 'node:module';
import * as bifs from '../../bif/index.js';
import { CodeTable } from '../../loader/code-table.js';
import type { CompiledModule } from '../../loader/module.js';
import { installStackMapping } from '../../loader/source-positions.js';
import { type Packed, unpackFunctions } from '../carried-functions.js';
import { copy } from '../copy.js';
import { exitReasonOf } from '../crash.js';
import { useFunCode } from '../funs.js';
import type { EntryFunction } from '../hosting.js';
import { runtimeFor } from '../module-runtime.js';
import { lockGlobals } from './lock-globals.js';
import { failed, type Outcome, succeeded } from './outcome.js';

export interface DirtyTask {
  /** A function and its arguments, as a list of two. */
  readonly work: Packed;
  /** The old versions of its functions, then the current ones of what they import, dependencies first. */
  readonly versions: readonly NeededVersion[];
  /** Code that an earlier answer asked for. */
  readonly code: readonly CompiledModule[];
}

interface NeededVersion {
  readonly name: string;
  readonly version: string;
  readonly current: boolean;
}

export type DirtyAnswer = Outcome | { readonly missing: readonly string[] };

const table = new CodeTable({ runtimeFor, bifs, nodeRequire: createRequire });
installStackMapping(table.positions);
useFunCode(table);
lockGlobals();
const loaded = new Map<string, string>();

/** Piscina's task. */
export async function run(task: DirtyTask): Promise<DirtyAnswer> {
  for (const module of task.code) {
    table.prepare(module);
    table.commit(module.name, module.version);
    loaded.set(module.name, module.version);
  }
  const missing = task.versions.filter(({ name, version, current }) =>
    current ? loaded.get(name) !== version : table.lookupFuns(name, version) === undefined,
  );
  if (missing.length > 0) return { missing: missing.map(({ name }) => name) };
  try {
    const [fn, args] = unpackFunctions(task.work) as [EntryFunction, never[]];
    return succeeded(copy(await fn(...args), 'result'));
  } catch (error) {
    return failed(exitReasonOf(error));
  }
}
