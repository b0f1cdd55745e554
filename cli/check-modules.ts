/**
 * Check modules: all that is to be said about the modules of a folder, without running any.
 *
 * Every module is looked at by itself, so that one that does not compile hides nothing in another.
 * Builds are left out: their sources were checked when they were built.
 */

import { readFile } from 'node:fs/promises';
import { compile, readSource } from '../loader/compile.js';
import { eachFault, LoadError, type LoadErrorDetails } from '../loader/errors.js';
import { floatingTasks } from '../loader/floating-tasks.js';
import type { CompiledModule } from '../loader/module.js';
import { loadOrder } from '../loader/module-graph.js';
import { scanProject } from '../loader/project.js';
import type { TransformContext } from '../loader/transform.js';
import { checkTypes } from './check-types.js';
import { compareFindings, type Finding } from './finding.js';

export interface Checked {
  /** Sorted by file and place. */
  readonly findings: readonly Finding[];
  readonly modules: number;
  readonly skippedTypes?: string;
  readonly ms: number;
}

export interface CheckOptions {
  /** Where TypeScript and its configuration are looked for, absolute. */
  readonly folder: string;
  readonly modules: string;
  readonly types: boolean;
}

/** @throws LoadError for a folder that is no project */
export async function checkModules({ folder, modules, types }: CheckOptions): Promise<Checked> {
  const begin = performance.now();
  const { files } = await scanProject(modules);
  const sources = files.filter(({ kind }) => kind === 'source');
  const typing = types
    ? checkTypes(
        folder,
        sources.map(({ path }) => path),
      )
    : Promise.resolve({ findings: [], skipped: undefined });
  const findings: Finding[] = [];
  const contexts: TransformContext[] = [];
  const compiled: CompiledModule[] = [];
  for (const { name, path: file } of sources) {
    const options = { name, file };
    const source = await readFile(file, 'utf8');
    const context = await attempt(() => readSource(source, options));
    const result = await attempt(() => compile(source, options));
    if (!(context instanceof LoadError)) contexts.push(context);
    if (result instanceof LoadError) findings.push(...eachFault(result).map(findingOf));
    else compiled.push(result);
  }
  const known = new Set(files.map(({ name }) => name));
  for (const one of compiled) {
    const missing = await attempt(() =>
      Promise.resolve(loadOrder([one], (name) => known.has(name))),
    );
    if (missing instanceof LoadError) findings.push(findingOf(missing));
  }
  for (const found of floatingTasks(contexts)) findings.push({ check: 'floating', ...found });
  const typed = await typing;
  const { skipped } = typed;
  return {
    findings: [...withoutTwins(findings, typed.findings)].sort(compareFindings),
    modules: sources.length,
    ...(skipped === undefined ? {} : { skippedTypes: skipped }),
    ms: performance.now() - begin,
  };
}

/** What does not parse is reported by both compilers; one is enough. */
function withoutTwins(own: readonly Finding[], types: readonly Finding[]): Finding[] {
  const broken = new Set(own.filter(({ check }) => check === 'load').map(({ file }) => file));
  return [...own, ...types.filter(({ file }) => file === undefined || !broken.has(file))];
}

async function attempt<T>(action: () => Promise<T>): Promise<T | LoadError> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof LoadError) return error;
    throw error;
  }
}

function findingOf(error: LoadError): Finding {
  const { kind, message, more: _, ...details } = error.toData();
  const given: LoadErrorDetails = details;
  return { check: kind === 'isolation' ? 'isolation' : 'load', message, ...given };
}
