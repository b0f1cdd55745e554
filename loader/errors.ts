/**
 * The errors of loading, one class per kind, each with all that a user needs to act on it.
 *
 * Invariants:
 *  1. `message` is one line; file, line, column, code frame and hint are beside it, so that a log,
 *     a terminal and a JSON report each show them in their own way (`format` is the terminal's).
 *  2. `toData` is plain and crosses threads; `loadErrorFrom` makes the same error of it again.
 *     Structured clone would keep neither the class nor its fields.
 */

import type { TroubledProcess } from '../runtime/standstill.js';
import { codeFrame } from './code-frame.js';

export type LoadErrorKind =
  | 'syntax'
  | 'top_level_await'
  | 'unsupported'
  | 'missing_import'
  | 'evaluation'
  | 'on_load'
  | 'standstill'
  | 'code_change'
  | 'upgrade'
  | 'corrupt_build'
  | 'build_format'
  | 'incomplete_set'
  | 'name_mismatch'
  | 'duplicate_module'
  | 'reserved_name'
  | 'unreadable'
  | 'free_name'
  | 'isolation'
  | 'capture';

/** Where, in the user's source. Lines and columns count from 1. */
export interface SourcePlace {
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** How many characters are at fault. */
  readonly length?: number | undefined;
}

/** Another place that has to do with an error. */
export interface RelatedPlace {
  /** What is there: "assigned here". */
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly frame: string;
}

export interface LoadErrorDetails extends SourcePlace {
  readonly module?: string | undefined;
  readonly frame?: string | undefined;
  /** In the same file. */
  readonly related?: readonly RelatedPlace[] | undefined;
  readonly hint?: string | undefined;
  /** The stack of what the module threw, in the user's lines. */
  readonly causeStack?: string | undefined;
  /** The further faults of the same module, where all of them are known. */
  readonly more?: readonly LoadErrorData[] | undefined;
  /** The first of the processes that an upgrade failed for, and how many they are. */
  readonly processes?: readonly TroubledProcess[] | undefined;
  readonly processCount?: number | undefined;
}

/** The form that crosses threads. */
export interface LoadErrorData extends LoadErrorDetails {
  readonly kind: LoadErrorKind;
  readonly message: string;
}

export class LoadError extends Error {
  override readonly name: string = 'LoadError';
  readonly kind: LoadErrorKind;
  readonly module: string | undefined;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly frame: string | undefined;
  readonly related: readonly RelatedPlace[];
  readonly hint: string | undefined;
  readonly causeStack: string | undefined;
  readonly more: readonly LoadErrorData[] | undefined;
  readonly processes: readonly TroubledProcess[] | undefined;
  readonly processCount: number | undefined;

  constructor(kind: LoadErrorKind, message: string, details: LoadErrorDetails = {}) {
    super(message);
    this.kind = kind;
    this.module = details.module;
    this.file = details.file;
    this.line = details.line;
    this.column = details.column;
    this.frame = details.frame;
    this.related = details.related ?? [];
    this.hint = details.hint;
    this.causeStack = details.causeStack;
    this.more = details.more;
    this.processes = details.processes;
    this.processCount = details.processCount;
  }

  toData(): LoadErrorData {
    const { kind, message, module, file, line, column, frame, hint, causeStack } = this;
    const { related, more, processes, processCount } = this;
    const data = { kind, message, module, file, line, column, frame, related, hint, causeStack };
    return {
      ...data,
      ...(more === undefined ? {} : { more }),
      ...(processes === undefined ? {} : { processes, processCount }),
    };
  }

  /** `file:line:column: message`, the code frame, other places and the hint. */
  format(): string {
    const place = [this.file, this.line, this.column]
      .filter((part) => part !== undefined)
      .join(':');
    const lines = [place === '' ? this.message : `${place}: ${this.message}`];
    if (this.frame) lines.push(this.frame);
    for (const { message, line, column, frame } of this.related) {
      lines.push(`${this.file}:${line}:${column}: ${message}`, frame);
    }
    if (this.hint) lines.push(`hint: ${this.hint}`);
    if (this.causeStack) lines.push(this.causeStack);
    return lines.join('\n');
  }
}

/** The source does not parse. */
export class ModuleSyntaxError extends LoadError {
  override readonly name = 'ModuleSyntaxError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('syntax', message, details);
  }
}

/** `await` outside of a function: a module has no process of its own that could wait. */
export class TopLevelAwaitError extends LoadError {
  override readonly name = 'TopLevelAwaitError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('top_level_await', message, details);
  }
}

/** JSX, CommonJS and other things that tsvm modules cannot hold. */
export class UnsupportedSyntaxError extends LoadError {
  override readonly name = 'UnsupportedSyntaxError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('unsupported', message, details);
  }
}

/** An import of a module that does not exist. */
export class MissingImportError extends LoadError {
  override readonly name = 'MissingImportError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('missing_import', message, details);
  }
}

/** The top level of the module threw. */
export class ModuleEvaluationError extends LoadError {
  override readonly name = 'ModuleEvaluationError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('evaluation', message, details);
  }
}

/** `onLoad` of the module failed, or returned something else than `'ok'` or nothing. */
export class OnLoadError extends LoadError {
  override readonly name = 'OnLoadError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('on_load', message, details);
  }
}

/** Processes that are to be upgraded did not come to rest in time. */
export class StandstillError extends LoadError {
  override readonly name = 'StandstillError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('standstill', message, details);
  }
}

/** A `codeChange` failed or took too long: all go on in the version before, with the states they had. */
export class CodeChangeError extends LoadError {
  override readonly name = 'CodeChangeError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('code_change', message, details);
  }
}

/** A set of builds that its upgrade file keeps from being loaded, or whose checks did not pass. */
export class SetUpgradeError extends LoadError {
  override readonly name = 'SetUpgradeError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('upgrade', message, details);
  }
}

/** A build that is truncated or whose content does not match its digest. */
export class CorruptBuildError extends LoadError {
  override readonly name = 'CorruptBuildError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('corrupt_build', message, details);
  }
}

/** A build of another version of tsvm. */
export class BuildFormatError extends LoadError {
  override readonly name = 'BuildFormatError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('build_format', message, details);
  }
}

/** Builds that do not go with the manifest beside them: half of a set, or one too many. */
export class IncompleteSetError extends LoadError {
  override readonly name = 'IncompleteSetError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('incomplete_set', message, details);
  }
}

/** A build whose module name is not the one its path says. */
export class ModuleNameError extends LoadError {
  override readonly name = 'ModuleNameError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('name_mismatch', message, details);
  }
}

/** Two files for one module. */
export class DuplicateModuleError extends LoadError {
  override readonly name = 'DuplicateModuleError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('duplicate_module', message, details);
  }
}

/** A module by a name that belongs to the machine. */
export class ReservedNameError extends LoadError {
  override readonly name = 'ReservedNameError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('reserved_name', message, details);
  }
}

/** A file or folder that cannot be read. */
export class UnreadableError extends LoadError {
  override readonly name = 'UnreadableError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('unreadable', message, details);
  }
}

/** A function given as a value uses names from around it. */
export class FreeNameError extends LoadError {
  override readonly name = 'FreeNameError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('free_name', message, details);
  }
}

/** State that processes would share, or that would be another on each scheduler. */
export class IsolationError extends LoadError {
  override readonly name = 'IsolationError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('isolation', message, details);
  }
}

/** A function that is to be sent uses something that cannot go with it. */
export class CaptureError extends LoadError {
  override readonly name = 'CaptureError';
  constructor(message: string, details?: LoadErrorDetails) {
    super('capture', message, details);
  }
}

const CLASSES: Record<
  LoadErrorKind,
  new (
    message: string,
    details?: LoadErrorDetails,
  ) => LoadError
> = {
  syntax: ModuleSyntaxError,
  top_level_await: TopLevelAwaitError,
  unsupported: UnsupportedSyntaxError,
  missing_import: MissingImportError,
  evaluation: ModuleEvaluationError,
  on_load: OnLoadError,
  standstill: StandstillError,
  code_change: CodeChangeError,
  upgrade: SetUpgradeError,
  corrupt_build: CorruptBuildError,
  build_format: BuildFormatError,
  incomplete_set: IncompleteSetError,
  name_mismatch: ModuleNameError,
  duplicate_module: DuplicateModuleError,
  reserved_name: ReservedNameError,
  unreadable: UnreadableError,
  free_name: FreeNameError,
  isolation: IsolationError,
  capture: CaptureError,
};

/** The error that `toData` was called on, on the other side of a thread boundary. */
export function loadErrorFrom(data: LoadErrorData): LoadError {
  return new CLASSES[data.kind](data.message, data);
}

/** An error and the further ones of its module, each by itself. */
export function eachFault(error: LoadError): LoadError[] {
  const { more = [] } = error;
  if (more.length === 0) return [error];
  const { more: _, ...first } = error.toData();
  return [first, ...more].map(loadErrorFrom);
}

export function isLoadErrorData(value: unknown): value is LoadErrorData {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, message } = value as { kind?: unknown; message?: unknown };
  return typeof message === 'string' && typeof kind === 'string' && Object.hasOwn(CLASSES, kind);
}

/** The details of an error at a place in `source`, with its code frame. */
export function placed(
  source: string,
  place: SourcePlace,
  rest: LoadErrorDetails = {},
): LoadErrorDetails {
  const { line, column, length } = place;
  const frame =
    line === undefined ? undefined : codeFrame(source, line, column ?? 1, length ? { length } : {});
  return { ...rest, ...place, frame };
}
