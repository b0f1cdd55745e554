/**
 * Failure: why a command could not do what it was asked for, in words for the person who asked.
 *
 * A failure ends the command with exit status 1; wrong arguments are commander's, with status 2.
 */

import { eachFault, LoadError, type LoadErrorData } from '../loader/errors.js';
import { UpgradeRefusedError } from '../loader/upgrade-file.js';
import { ControlError } from '../runtime/vm/control-socket.js';
import { DataFolderError } from '../runtime/vm/data-folder.js';
import { hintFor } from './hints.js';

export interface FailureDetails {
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** Modules that do not compile or load. */
  readonly errors?: readonly LoadErrorData[];
}

export interface FailureRecord extends FailureDetails {
  readonly level: 'error';
  readonly time: number;
  readonly event: 'failure';
  readonly msg: string;
}

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly hint: string | undefined;
  readonly errors: readonly LoadErrorData[];

  constructor(message: string, { hint, errors = [] }: FailureDetails = {}) {
    super(message);
    this.hint = hint;
    this.errors = errors;
  }

  /** `undefined` for what is a fault of tsvm itself and is to be shown with its stack. */
  static from(error: unknown): Failure | undefined {
    if (error instanceof Failure) return error;
    if (error instanceof LoadError) return Failure.ofLoading(eachFault(error));
    if (error instanceof AggregateError && error.errors.every((one) => one instanceof LoadError)) {
      return Failure.ofLoading(error.errors);
    }
    if (error instanceof UpgradeRefusedError) return new Failure(error.message);
    if (error instanceof DataFolderError) return new Failure(error.message, { hint: error.hint });
    if (error instanceof ControlError) return Failure.#ofControl(error);
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (error instanceof Error && typeof code === 'string' && syscall !== undefined) {
      return new Failure(error.message, { hint: hintFor({ code, message: error.message }) });
    }
    return undefined;
  }

  static ofLoading(errors: readonly LoadError[]): Failure {
    const count = new Set(errors.map(({ file, module }) => file ?? module)).size;
    const what = count === 1 ? 'a module does' : `${count} modules do`;
    return new Failure(`${what} not load`, { errors: errors.map((error) => error.toData()) });
  }

  /** What `--json` shows of it, with the fields that every line of `tsvm start --json` has. */
  toRecord(): FailureRecord {
    const { message: msg, hint, errors } = this;
    return { level: 'error', time: Date.now(), event: 'failure', hint, errors, msg };
  }

  static #ofControl(error: ControlError): Failure {
    if (error.code === 'load_error') {
      return new Failure(error.message, { errors: error.details as readonly LoadErrorData[] });
    }
    const hint =
      error.code === 'other_version' ? 'use the tsvm that the machine was started with' : undefined;
    return new Failure(error.message, { hint });
  }
}
