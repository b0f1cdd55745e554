/**
 * User error: an exit reason of kind `error`, as an `Error` again on another thread.
 *
 * Name, message, stack, code and cause are those of the original, so that it reads in a log as if it
 * had been thrown where it is seen.
 */

import type { CrashReason } from '../terms.js';

export class UserError extends Error {
  readonly reason: unknown;

  private constructor(message: string, reason: unknown, cause: UserError | undefined) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }

  static from(reason: unknown): UserError {
    if (!isCrashReason(reason))
      return new UserError(`exit: ${JSON.stringify(reason)}`, reason, undefined);
    if (reason.kind === 'nocatch')
      return new UserError(`throw: ${String(reason.value)}`, reason, undefined);
    const cause = reason.cause === undefined ? undefined : UserError.from(reason.cause);
    const error = new UserError(reason.message, reason.reason ?? reason, cause);
    Object.defineProperty(error, 'name', {
      value: reason.name,
      configurable: true,
      enumerable: false,
    });
    Object.defineProperty(error, 'stack', {
      value: reason.stack,
      configurable: true,
      enumerable: false,
    });
    if (reason.code !== undefined) Object.defineProperty(error, 'code', { value: reason.code });
    return error;
  }
}

function isCrashReason(reason: unknown): reason is CrashReason {
  const kind = (reason as { kind?: unknown } | null)?.kind;
  return kind === 'error' || kind === 'nocatch';
}
