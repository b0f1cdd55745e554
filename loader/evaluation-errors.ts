/** Evaluation errors: what a module threw, as a load error that shows the place in its source. */

import type { Refusal } from './constants.js';
import {
  IsolationError,
  LoadError,
  ModuleEvaluationError,
  ModuleSyntaxError,
  type OnLoadError,
  placed,
} from './errors.js';
import type { CompiledModule } from './module.js';
import { type SourcePositions, userPositionOf } from './source-positions.js';

/** The load error of what was thrown while a module was evaluated, or its hook ran. */
export function evaluationError(
  positions: SourcePositions,
  compiled: CompiledModule,
  error: unknown,
  Kind: typeof OnLoadError | typeof ModuleEvaluationError = ModuleEvaluationError,
  what: string = '',
): LoadError {
  if (error instanceof LoadError) return error;
  const { name, version, file } = compiled;
  const found = userPositionOf(error);
  const message =
    error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
  const causeStack = error instanceof Error ? String(error.stack) : undefined;
  if (found === undefined) {
    const isSyntax = Kind === ModuleEvaluationError && error instanceof SyntaxError;
    const Plain = isSyntax ? ModuleSyntaxError : Kind;
    return new Plain(`${name}@${version}: ${what}${message}`, { module: name, file, causeStack });
  }
  const source = positions.source(found.script) ?? '';
  return new Kind(
    `${name}@${version}: ${what}${message}`,
    placed(source, found.position, { module: name, causeStack }),
  );
}

/** A constant that cannot be frozen. */
export function isolationError(
  { name: module, file, map }: CompiledModule,
  { path, what }: Refusal,
  place: readonly [number, number] | undefined,
): IsolationError {
  const [source = ''] = (JSON.parse(map) as { sourcesContent?: string[] }).sourcesContent ?? [];
  const where = place === undefined ? { file } : { file, line: place[0], column: place[1] };
  return new IsolationError(
    `"${path}" is ${what}: all processes of a scheduler would share it`,
    placed(source, where, {
      module,
      hint: 'keep it in a process, in a table, or in a shared counter; if it is a resource of each scheduler: `// @tsvm per-scheduler: why` before it',
    }),
  );
}
