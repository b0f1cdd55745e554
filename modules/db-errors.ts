/** What can go wrong with tables. Each has a `reason` that says so for code. */

/** A transaction was aborted; nothing of it has happened. `{aborted, Reason}`. */
export class AbortError extends Error {
  override readonly name = 'AbortError';
  /** What `abort` was given; or `'conflict'`, when it was tried as often as is permitted. */
  readonly reason: unknown;

  constructor(reason: unknown, message: string = `the transaction was aborted: ${String(reason)}`) {
    super(message);
    this.reason = reason;
  }
}

/** The storage cannot take a change. Nothing of it has happened, unless it says so. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';
  /** `disk_full`, `disk_failed`, `stopped` (the machine ends). */
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

export function failureOf(reason: string): StorageFailure {
  switch (reason) {
    case 'disk_full':
      return new StorageFailure(reason, 'the disk is full: nothing of the transaction was written');
    case 'stopped':
      return new StorageFailure(reason, 'the machine is stopping: nothing was written');
    default:
      return new StorageFailure(reason, 'the disk does not take the log: nothing was written');
  }
}
